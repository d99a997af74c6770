demo: ## install what is missing, build, and play the whole story on this machine (root)
	@[ "$$(id -u)" = 0 ] || { echo "make demo must run as root: it installs packages and talks to libvirt. Try: sudo make demo" >&2; exit 1; }
	@mk/install-packages build run guest
	@$(MAKE) --no-print-directory -s -j2 B=$(B) all
	@B=$(B) demo/demo

demo-stop: ## end the demo and leave nothing behind (root)
	@B=$(B) demo/demo-stop
.PHONY: demo demo-stop
