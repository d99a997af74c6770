# Parts of segments on two private hosts.  The program has the agent's code and the tests' papers.
SEGMENT_HOST := tests/testbed/segment_host.c tests/unit/agenthost.c tests/unit/papermill.c tests/unit/tmpdir.c

$(O)/segment-host: $(call obj,$(SEGMENT_HOST) $(AGENT)) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcunit

check-segment: $(O)/segment-host ## one network over two private libvirt hosts: traffic, DHCP, isolation, reboot (root)
	@tests/testbed/segment-test $<
.PHONY: check-segment
check-two: all ## one system on two private libvirt hosts, through the controller: guests, isolation, reset, cordon, silence (root)
	@tests/e2e/run_two
.PHONY: check-two
check-shared: all ## one pool of two private libvirt hosts: the steward makes for both, is killed, hangs, is replaced (root)
	@tests/e2e/run_shared
.PHONY: check-shared
