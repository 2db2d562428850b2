# mtalab: a wind tunnel for e-mail delivery. `make help` lists the targets.
FLAVOUR ?= release
PREFIX  ?= /usr/local
# The usual compiler builds into build/release, any other one beside it: build/release-clang.
B := build/$(FLAVOUR)$(addprefix -,$(notdir $(filter-out cc gcc,$(lastword $(CC)))))
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --no-print-directory -j$(shell nproc)
endif

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wformat=2 -Wundef \
        -Wvla -Wcast-qual -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes \
        -Wno-unused-parameter
debug   := -Og -g3 -Werror -fsanitize=address,undefined -fno-sanitize-recover=all
# Across files only with gcc: its objects then still hold ordinary code for other tools to read.
release := -O3 -g -fno-plt $(if $(findstring clang,$(CC)),,-flto=auto -ffat-lto-objects)
fuzz    := -O1 -g3 -Werror -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
CFLAGS   += -std=c17 -ffp-contract=off $(WARN) $($(FLAVOUR))
CPPFLAGS += -D_GNU_SOURCE -I. -Imta
LIBRARIES := fyaml pcre2-8 event_core event_extra ssl crypto cares ldns lmdb opendkim spf2 opendmarc \
             gmime-3.0 gobject-2.0 glib-2.0
LDLIBS    += -Wl,--as-needed $(LIBRARIES:%=-l%) -lm

# Packages of Debian 12: to build and run; what `make check` wants besides; foreign mail programs for it;
# and those that cannot be installed beside another mail server, to be unpacked in build/foreign.
NEEDED := gcc libc6-dev make gnuplot-nox libfyaml-dev libpcre2-dev libevent-dev libssl-dev \
          libc-ares-dev libldns-dev liblmdb-dev libopendkim-dev libspf2-dev libopendmarc-dev \
          libgmime-3.0-dev pkg-config
TESTED := libcmocka-dev binutils iproute2 python3 clang clang-format libclang-rt-dev libxml2-utils bind9-dnsutils swaks \
          opendkim-tools python3-dkim python3-nacl
# Postfix where there is no mail server yet.
FOREIGN  := $(if $(wildcard /usr/sbin/sendmail),,postfix) faketime python3-aiosmtpd libdb5.3 libgnutls-dane0 libidn12 libnsl2 libpam0g
UNPACKED := exim4-daemon-light opensmtpd

SOURCES  := $(wildcard mta/*.c mta/base/*.c mta/smtp/*.c fakeisp/*.c scenarios/*.c reports/*.c)
MAINS    := $(filter %/main.c,$(SOURCES))
EMBEDDED := $(sort $(wildcard mta/rules/*.tsv fakeisp/profiles/*.yaml fakeisp/dialects/*/*.txt))
OBJECTS  := $(patsubst %.c,$(B)/%.o,$(filter-out $(MAINS),$(SOURCES))) $(B)/embedded.o
LIBRARY  := $(B)/libmtalab.a
PROGRAMS := $(patsubst %/main.c,$(B)/bin/%,$(subst scenarios/,mtalab/,$(MAINS)))
UNIT     := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
BENCH    := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/bench_*.c))
TOOLS    := $(patsubst %.c,$(B)/%,$(wildcard tests/tool/*.c))
FUZZ     := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))

all: $(PROGRAMS) ## builds the programs into build/release/bin (or FLAVOUR=debug)
library: $(LIBRARY)
unit: $(UNIT) $(TOOLS)
fuzzers: $(FUZZ)
run-unit: $(PROGRAMS) $(UNIT)
	@for test in $(UNIT); do $$test || exit 1; done

arena: $(PROGRAMS) ## every controller against every provider (SEEDS=1..20, CONTROLLERS=tle,aimd): one table
	@mkdir -p $(B)/arena
	$(B)/bin/mtalab arena scenarios/arena --seeds $(or $(SEEDS),1..20) -j $(shell nproc) \
	  $(addprefix --controllers ,$(CONTROLLERS)) --out $(B)/arena

ablations: $(PROGRAMS) ## what each part of tle is worth (SEEDS=1..20): one table
	@mkdir -p $(B)/ablations
	$(B)/bin/mtalab arena scenarios/arena --seeds $(or $(SEEDS),1..20) -j $(shell nproc) \
	  --ablations --out $(B)/ablations

demo: ## installs what is missing, builds, and runs the demo scenario
	@$(MAKE) deps TESTED=
	@$(MAKE) all
	$(B)/bin/mtalab run scenarios/demo.yaml

check: ## every test, under sanitizers and as users run it
	+@tests/check.sh

bench: $(BENCH) $(TOOLS) $(PROGRAMS) ## measures; compare ratios, machines differ
	@for program in $(BENCH) tests/bench/bench_*.sh; do \
	  echo "--- $$program"; BIN=$(B)/bin $$program; [ $$? = 0 -o $$? = 77 ] || exit 1; done

corpus: $(B)/bin/mta ## scores the judgement against labelled bounces: make corpus CORPUS=DIR
	@for table in sync/replies.tsv async/labels.tsv; do [ -n "$(CORPUS)" -a -r "$(CORPUS)/$$table" ] || { \
	  echo "make corpus CORPUS=DIR: DIR holds sync/replies.tsv and async/labels.tsv"; exit 2; }; done
	@tests/corpus_replies.py "$(CORPUS)/sync/replies.tsv" $<
	@tests/corpus_mail.py "$(CORPUS)/async" $<

fuzz: ## fuzzes every parser for FUZZ_SECONDS (30) each
	@$(MAKE) FLAVOUR=fuzz CC=clang fuzzers
	@tests/fuzz.sh -max_total_time=$(or $(FUZZ_SECONDS),30)

golden: ## rewrites the golden files; read the diff
	@MTALAB_GOLDEN=write $(MAKE) FLAVOUR=debug run-unit

format: ## clang-format 14 over everything
	clang-format -i $(shell find mta fakeisp scenarios reports tests -name '*.[ch]')

install: $(PROGRAMS) ## into DESTDIR and PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/mtalab
	install $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	find scenarios fakeisp/profiles -name '*.yaml' \
	  -exec install -D -m 644 {} $(DESTDIR)$(PREFIX)/share/mtalab/{} \;

deps: ## installs the packages of Debian 12 that are missing (by apt-get)
	@$(call install,$(NEEDED) $(TESTED),:)

deps-test: deps ## and the foreign mail programs that `make check` runs; none is started
	@$(call install,$(FOREIGN),$(start_nothing))
	@$(foreach package,$(UNPACKED),[ -d build/foreign/$(package) ] || { $(call unpack,$(package)); } &&) :

# PACKAGES, and what to do before. Nothing is removed for them, such as another mail server.
define install
	missing=$$(for package in $(1); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; \
	done); \
	[ -z "$$missing" ] && exit; \
	command -v apt-get >/dev/null || { echo "not Debian; you may need the like of:" $$missing; exit; }; \
	[ "$$(id -u)" = 0 ] || sudo=sudo; $(2); set -x; $$sudo apt-get -qq update && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-remove \
	  --no-install-recommends $$missing
endef

# Debian starts what it installs, unless policy-rc.d says no; and Postfix at the next boot, if it is
# configured.
define start_nothing
	echo postfix postfix/main_mailer_type select No configuration | $$sudo debconf-set-selections; \
	policy=/usr/sbin/policy-rc.d; [ -e $$policy ] || { \
	  trap "$$sudo rm -f $$policy" EXIT; trap 'exit 130' INT TERM; \
	  printf '#!/bin/sh\nexit 101\n' | $$sudo install -m 755 /dev/stdin $$policy; }
endef

define unpack
	! command -v apt-get >/dev/null || (set -ex; rm -rf build/foreign/new; mkdir -p build/foreign/new; \
	  cd build/foreign/new; apt-get -qq -o APT::Sandbox::User=root download $(1); \
	  dpkg -x $(1)_*.deb $(1); mv $(1) ..; rm -r ../new)
endef

clean: ## removes build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 10

where: # for scripts: the directory of this flavour
	@echo $(B)

$(B)/bin/mta:     $(B)/mta/main.o
$(B)/bin/fakeisp: $(B)/fakeisp/main.o
$(B)/bin/mtalab:  $(B)/scenarios/main.o
$(UNIT): LDLIBS += -lcmocka
$(UNIT) $(TOOLS) $(BENCH) $(FUZZ): %: %.o
$(FUZZ): LDFLAGS += -fsanitize=fuzzer
$(PROGRAMS) $(UNIT) $(TOOLS) $(BENCH) $(FUZZ): $(LIBRARY)
	@mkdir -p $(@D) && echo "link $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRARY) $(LDLIBS)

$(B)/mta/smtp/report%.o: CPPFLAGS += $(subst -I,-isystem ,$(shell pkg-config --cflags gmime-3.0))
$(B)/%.o: %.c Makefile
	@mkdir -p $(@D) && echo "cc   $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Two objects may share a last name, hence q; and no object of a source that is gone may stay.
$(LIBRARY): $(OBJECTS) $(B)/objects
	@rm -f $@ && ar qcD $@ $(OBJECTS) && ranlib -D $@
$(B)/objects: FORCE
	@mkdir -p $(@D) && echo '$(OBJECTS)' | cmp -s - $@ || echo '$(OBJECTS)' >$@

$(B)/embedded.o: $(B)/embedded.c
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/embedded.c: $(EMBEDDED) $(wildcard mta/rules fakeisp/profiles fakeisp/dialects/*) Makefile
	@mkdir -p $(@D) && { echo '#include "base/embedded.h"'; n=0; for file in $(EMBEDDED); do \
	  n=$$((n + 1)); echo "static const unsigned char file_$$n[] = {"; \
	  od -An -v -tx1 $$file | sed 's/ \(..\)/0x\1,/g'; echo '0};'; done; \
	  echo 'const struct embedded_file embedded_files[] = {'; n=0; for file in $(EMBEDDED); do \
	  n=$$((n + 1)); echo "{\"$$file\", file_$$n, sizeof(file_$$n) - 1},"; done; \
	  echo '{0}};'; } >$@

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.PHONY: all arena ablations library unit fuzzers demo check bench corpus fuzz golden format install deps deps-test clean help where run-unit FORCE
.SECONDARY:
.DELETE_ON_ERROR:
