SIM := $(wildcard tests/sim/*.c)
$(O)/hostsim: $(call obj,$(SIM) $(AGENT)) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(O)/lib.a $(LDLIBS)
hostsim: $(O)/hostsim ## build the simulator of many hosts (tests/sim)
check-sim: all hostsim $(O)/bench-dispatch ## a story of many simulated hosts: slow, dead, lying, cut off; the controller killed (FULL=1: 1000 hosts)
	@tests/e2e/sim_words
	@tests/e2e/sim_quiet
	@tests/e2e/sim_story
.PHONY: hostsim check-sim
