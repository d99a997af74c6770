$(O)/fake-world: $(call obj,tests/e2e/fake_world.c) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

fake-world: $(O)/fake-world ## build the tool that steers fake hypervisors in tests
.PHONY: fake-world
