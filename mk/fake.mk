$(O)/fake-world: $(call obj,tests/e2e/fake_world.c) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

fake-world: $(O)/fake-world ## build the tool that steers fake hypervisors in tests
check-images: all fake-world ## base images: sent, published, fetched, with kills in between
	@tests/e2e/images_fake
.PHONY: check-images
$(O)/post-try: $(call obj,tests/e2e/post_try.c) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
check-notices: all $(O)/post-try ## mails and webhooks reach peers that the test plays, and wait for those that hang or fail
	@python3 tests/e2e/notices_rows.py $(O)
	@tests/e2e/notices_fake $(O)
.PHONY: check-notices
.PHONY: fake-world
