# One file, not recursive.  `make help` prints the targets.
B ?= debug
O ?= build/$(B)
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr
VERSION := $(shell cat VERSION)

PKGS := libvirt libevent libevent_openssl libevent_pthreads libcurl json-c openssl sqlite3 \
        libxml-2.0 smartcols libcrypt uuid libisofs-1 libnl-3.0 libnl-route-3.0 libnftables
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wwrite-strings -Wformat=2 -Wvla -Wundef
FLAGS_debug    := -O1 -g3 -DBY_FAULTS
FLAGS_release  := -O2 -g -fPIE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
# Instrumented code hides ranges from gcc: it then sees truncation that cannot be.
FLAGS_asan     := -Wno-format-truncation -O1 -g -DBY_FAULTS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_tsan     := -Wno-format-truncation -O1 -g -DBY_FAULTS -fsanitize=thread
FLAGS_coverage := -O0 -g -DBY_FAULTS --coverage
LINK_release   := -pie -Wl,-z,now -Wl,-z,relro

ifneq ($(MAKECMDGOALS),deps)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
endif
CPPFLAGS += -I. -I$(O) -D_GNU_SOURCE -DBY_VERSION='"$(VERSION)"' $(PKG_CFLAGS)
CFLAGS   += -std=gnu11 $(WARN) $(FLAGS_$(B))
LDFLAGS  += $(FLAGS_$(B)) $(LINK_$(B)) -Wl,--as-needed # each program loads what it uses
LDLIBS   += $(PKG_LIBS) -linih -lcrypt -lpthread -lm

LIB    := $(wildcard policies/*.c drivers/*/*.c)
CTRL   := $(filter-out controller/main.c,$(wildcard controller/*.c))
AGENT  := $(filter-out agent/main.c,$(wildcard agent/*.c))
CLI    := $(wildcard controller/cli/*.c)
UNIT   := $(wildcard tests/unit/*.c)
HDRS   := $(wildcard policies/*.h drivers/*/*.h agent/*.h controller/*.h controller/cli/*.h tests/*/*.h)
obj     = $(patsubst %.c,$(O)/%.o,$(1))

PROGRAMS := $(if $(wildcard controller/main.c),$(O)/bianyun-controller) \
            $(if $(wildcard agent/main.c),$(O)/bianyun-agent) \
            $(if $(wildcard controller/cli/main.c),$(O)/bianyun)

all: $(PROGRAMS) ## build the three programs (B=debug|release|asan|tsan|coverage)

$(O)/lib.a: $(call obj,$(LIB))
	@rm -f $@ && ar rcs $@ $^
$(O)/bianyun-controller: $(call obj,controller/main.c $(CTRL)) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/bianyun-agent: $(call obj,agent/main.c $(AGENT)) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/bianyun: $(call obj,$(CLI)) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/unit: $(call obj,$(UNIT) $(CTRL) $(AGENT)) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(O)/lib.a $(LDLIBS) -lcunit

.SUFFIXES: # make's own rules would build programs beside their sources
$(O)/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

unit: $(O)/unit ## build and run the unit tests
	$<

help: ## print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) mk/*.mk 2>/dev/null | sort -u | sed 's/:.*## /\t/' | expand -t 18

clean: ## remove everything built
	rm -rf build

include $(wildcard mk/*.mk)
.PHONY: all unit help clean
.DEFAULT_GOAL := all
-include $(shell find $(O) -name '*.d' 2>/dev/null)
