SIM := $(wildcard tests/sim/*.c)
$(O)/hostsim: $(call obj,$(SIM) $(AGENT)) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(O)/lib.a $(LDLIBS)
hostsim: $(O)/hostsim ## build the simulator of many hosts (tests/sim)
.PHONY: hostsim
