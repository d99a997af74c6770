DESTDIR ?=
UNITDIR ?= /lib/systemd/system
MANDIR  := $(PREFIX)/share/man
SHARE   := $(PREFIX)/share/bianyun

# The programs of a release build, units, manual, completion, policies, sample configuration.
install: ## install a release build under DESTDIR and PREFIX (/usr)
	@$(MAKE) --no-print-directory -s -j2 B=release all build/release/bianyun.1
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(UNITDIR) $(DESTDIR)$(MANDIR)/man1 \
	    $(DESTDIR)$(SHARE)/policies $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
	    $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions $(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -m 755 build/release/bianyun $(DESTDIR)$(PREFIX)/bin/
	install -m 755 build/release/bianyun-controller build/release/bianyun-agent $(DESTDIR)$(PREFIX)/sbin/
	install -m 644 install/bianyun-controller.service install/bianyun-agent.service $(DESTDIR)$(UNITDIR)/
	install -m 644 install/bianyun.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/bianyun.conf
	install -m 644 policies/rules/*.json $(DESTDIR)$(SHARE)/policies/
	install -m 644 build/release/bianyun.1 $(DESTDIR)$(MANDIR)/man1/
	build/release/bianyun completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/bianyun
	build/release/bianyun completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_bianyun

uninstall: ## remove what install put there; state in /var/lib/bianyun stays
	rm -f $(DESTDIR)$(PREFIX)/bin/bianyun $(DESTDIR)$(PREFIX)/sbin/bianyun-controller $(DESTDIR)$(PREFIX)/sbin/bianyun-agent \
	    $(DESTDIR)$(UNITDIR)/bianyun-controller.service $(DESTDIR)$(UNITDIR)/bianyun-agent.service \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d/bianyun.conf $(DESTDIR)$(MANDIR)/man1/bianyun.1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/bianyun $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_bianyun
	rm -rf $(DESTDIR)$(SHARE)

$(O)/bianyun.1: $(O)/bianyun
	$< man | scdoc >$@

check-units: ## systemd-analyze verify of the units, in a scratch root
	@tests/lint/units.sh
.PHONY: install uninstall check-units
