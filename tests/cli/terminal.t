#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# brood run at a terminal behaves as the command alone would: Ctrl-C, Ctrl-Z, fg, bg, resize, hangup.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell
. "$(dirname "$0")/tap.sh"

for case in is_terminal interrupt interrupt_default interrupt_session stop stop_again stop_slow resize pipeline hangup; do
    # A session of its own, so that nothing of the terminal that runs the test comes in.
    try setsid -w "$python" "$source_dir/tests/cli/terminal.py" "$case" "$brood"
    is "$code" 0 "$case"
    [ "$code" = 0 ] || note "$err"
done

finish
