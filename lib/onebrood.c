/* SPDX-License-Identifier: MIT */
/*
 * The whole library as one source, for vendoring: copy lib/ and include/, then
 *
 *     cc -pthread -Iinclude -c lib/onebrood.c
 *
 * Written by tools/onebrood from lib/meson.build; the names of static functions are unique across
 * lib/ because of this file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
#endif

#include "base/arena.c"
#include "base/text.c"
#include "os/clock.c"
#if defined(__APPLE__)
#include "os/darwin_child.c"
#include "os/darwin_child_fds.c"
#include "os/darwin_child_self.c"
#include "os/darwin_host.c"
#include "os/darwin_image.c"
#include "os/darwin_io.c"
#include "os/darwin_launch.c"
#include "os/darwin_learn.c"
#include "os/darwin_queue.c"
#include "os/darwin_raw.c"
#include "os/darwin_reap.c"
#include "os/darwin_terminal.c"
#endif
#if defined(__linux__)
#include "os/linux_cache.c"
#include "os/linux_cgroup.c"
#include "os/linux_child.c"
#include "os/linux_child_fds.c"
#include "os/linux_child_self.c"
#include "os/linux_host.c"
#include "os/linux_image.c"
#include "os/linux_io.c"
#include "os/linux_launch.c"
#include "os/linux_learn.c"
#include "os/linux_make.c"
#include "os/linux_middle.c"
#include "os/linux_probe.c"
#include "os/linux_raw.c"
#include "os/linux_reap.c"
#include "os/linux_signals.c"
#include "os/linux_terminal.c"
#endif
#include "os/posix_explain.c"
#include "os/posix_host.c"
#include "os/posix_io.c"
#include "os/posix_reap.c"
#include "os/posix_signal_names.c"
#include "os/posix_terminal.c"
#include "plan/error.c"
#include "plan/moves.c"
#include "plan/options.c"
#include "plan/plan.c"
#include "plan/plan_text.c"
#include "plan/search.c"
#include "plan/steps.c"
#include "plan/streams.c"
#include "plan/vectors.c"
#include "start/explain.c"
#include "start/start.c"
#include "start/undo.c"
#include "one/child.c"
#include "one/collect.c"
#include "one/ending.c"
#include "one/exit_text.c"
#include "one/library.c"
#include "one/run.c"
#include "one/stream.c"
