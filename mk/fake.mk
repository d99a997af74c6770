$(O)/fake-world: $(call obj,tests/e2e/fake_world.c) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

fake-world: $(O)/fake-world ## build the tool that steers fake hypervisors in tests
check-images: all fake-world ## base images: sent, published, fetched, with kills in between
	@tests/e2e/images_fake
.PHONY: check-images
.PHONY: fake-world
