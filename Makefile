# SPDX-License-Identifier: MIT
# The door. What is built and how stands in meson.build; each door is one short script in tools/.
#
#   make            build: build/brood, build/libbrood.so, build/libbrood.a
#   make run        the main job: real git commands in bursts, with the descriptors running out
#   make test       every test, by prove
#   make lint       warnings, format, static analysis, the arrows, the header, the manual
#   make fresh      a minimal Debian, HEAD cloned into it, `make run` and `make test` there
#   make sweep      the long forms: of the failure sweep, of the configurations; emulated kernels, macOS
#   make bench      the measurements
#   make install    DESTDIR, prefix, libdir and CFLAGS are honoured; apt is never called
#   make uninstall  what the last install from this build directory put there
#   make clean      removes the build directory
#
# run, test, lint, fresh, sweep and bench first install from apt what is missing, and say so.

BUILD ?= build
prefix ?= /usr/local
export prefix libdir CC CFLAGS CPPFLAGS LDFLAGS MESON_OPTIONS

ifeq ($(origin CC),default)
unexport CC
endif

build:
	@tools/configure "$(BUILD)"
	@ninja -C "$(BUILD)" --quiet

run:
	@tools/deps run
	@$(MAKE) --no-print-directory build
	@tools/run "$(BUILD)"

test:
	@tools/deps test
	@$(MAKE) --no-print-directory build
	@tools/test "$(BUILD)" $(TESTS)

lint:
	@tools/deps lint test
	@tools/lint $(CHECKS)

fresh:
	@tools/deps fresh
	@tools/fresh

sweep:
	@tools/deps sweep test
	@$(MAKE) --no-print-directory build
	@tools/sweep "$(BUILD)"

bench:
	@tools/deps bench test
	@$(MAKE) --no-print-directory build
	@tools/bench "$(BUILD)"

install: build
	@DESTDIR="$(DESTDIR)" meson install -C "$(BUILD)" --no-rebuild --quiet

uninstall:
	@ninja -C "$(BUILD)" --quiet uninstall

clean:
	@if [ -d "$(BUILD)/meson-private" ]; then rm -rf "$(BUILD)"; fi

.DEFAULT_GOAL := build
.PHONY: build run test lint fresh sweep bench install uninstall clean
