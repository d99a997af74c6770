DESTDIR ?=
UNITDIR ?= /lib/systemd/system
MANDIR  := $(PREFIX)/share/man
SHARE   := $(PREFIX)/share/bianyun
COMPLETE_BASH := $(PREFIX)/share/bash-completion/completions
COMPLETE_ZSH  := $(PREFIX)/share/zsh/vendor-completions
MANUALS := bianyun.1 bianyun-agent.8 bianyun-controller.8 bianyun-agent.conf.5 bianyun-controller.conf.5
UNITS := bianyun-agent.service bianyun-controller.service

# The programs of a release build, units, manual, completion, policies, sample configuration.
install: ## install a release build under DESTDIR and PREFIX (/usr)
	@$(MAKE) --no-print-directory -s -j2 B=release all $(addprefix build/release/,$(MANUALS))
	install -d $(addprefix $(DESTDIR),$(PREFIX)/bin $(PREFIX)/sbin $(UNITDIR) $(MANDIR)/man1 $(MANDIR)/man5 $(MANDIR)/man8 $(SHARE)/policies \
	    $(COMPLETE_BASH) $(COMPLETE_ZSH) $(PREFIX)/lib/sysusers.d $(PREFIX)/lib/tmpfiles.d)
	install -m 755 build/release/bianyun $(DESTDIR)$(PREFIX)/bin/
	install -m 755 build/release/bianyun-controller build/release/bianyun-agent $(DESTDIR)$(PREFIX)/sbin/
	@for u in $(UNITS); do sed 's|/usr/sbin/|$(PREFIX)/sbin/|' install/$$u >$(DESTDIR)$(UNITDIR)/$$u && \
	    chmod 644 $(DESTDIR)$(UNITDIR)/$$u || exit 1; done
	install -m 644 install/bianyun.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/bianyun.conf
	install -m 644 install/bianyun.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/bianyun.conf
	install -m 644 policies/rules/*.json $(DESTDIR)$(SHARE)/policies/
	@for m in $(MANUALS); do install -m 644 build/release/$$m $(DESTDIR)$(MANDIR)/man$${m##*.}/ || exit 1; done
	build/release/bianyun-controller sample-config >$(DESTDIR)$(SHARE)/controller.conf
	build/release/bianyun-agent config >$(DESTDIR)$(SHARE)/agent.conf
	build/release/bianyun completion bash >$(DESTDIR)$(COMPLETE_BASH)/bianyun
	build/release/bianyun completion zsh >$(DESTDIR)$(COMPLETE_ZSH)/_bianyun

uninstall: ## remove what install put there; state in /var/lib/bianyun stays
	rm -f $(addprefix $(DESTDIR),$(PREFIX)/bin/bianyun $(PREFIX)/sbin/bianyun-controller $(PREFIX)/sbin/bianyun-agent \
	    $(UNITS:%=$(UNITDIR)/%) $(PREFIX)/lib/sysusers.d/bianyun.conf $(PREFIX)/lib/tmpfiles.d/bianyun.conf \
	    $(MANUALS:%=$(MANDIR)/man*/%) $(COMPLETE_BASH)/bianyun $(COMPLETE_ZSH)/_bianyun)
	rm -rf $(DESTDIR)$(SHARE)

# Manual pages come out of the programs' own rows and help texts.
$(O)/bianyun.1: $(O)/bianyun
	$< man | scdoc >$@
$(O)/%.8: $(O)/%
	$< man | scdoc >$@
$(O)/%.conf.5: $(O)/%
	$< man conf | scdoc >$@
manuals: $(addprefix $(O)/,$(MANUALS)) ## the manual pages, below build/
.PHONY: manuals

check-install: ## the installed tree, hardening, units, and what the daemons tell systemd
	@tests/e2e/run_install

check-units: ## systemd-analyze verify of the units, in a scratch root
	@tests/lint/units.sh
.PHONY: install uninstall check-install check-units
