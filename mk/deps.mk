deps: ## install the Debian packages that building, running and testing need
	@mk/install-packages build run guest check
.PHONY: deps
