# The agent and the controller on the fake hypervisor, with real sockets and stores.
agent-fake: all $(O)/fake-world ## the story on the fake hypervisor, without root and libvirt
	@tests/e2e/agent_fake
check-faults: all $(O)/fake-world ## what is lost around a host, one system over two, daemons asked to end, a unit that reshapes its grant, and every 100th row of the fault table; on the fake
	@tests/e2e/agent_loss
	@tests/e2e/segments_fake
	@tests/e2e/daemon_ends 3
	@tests/e2e/run_self fake
	@tests/e2e/faults_fake 100 $$(($$(date +%s) % 100))
faults-full: all $(O)/fake-world ## every row of the fault table on the fake, 4 slices side by side
	@tests/e2e/faults_full
.PHONY: agent-fake check-faults faults-full
