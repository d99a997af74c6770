check-openapi: all ## every operation of docs/openapi.json against a real controller; FULL=1: minutes, another seed each time
	@SEED=$${SEED:-$(if $(filter 1,$(FULL)),,1)} tests/openapi/drive $(O) $(if $(filter 1,$(FULL)),600,40)
.PHONY: check-openapi
