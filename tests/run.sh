#!/usr/bin/env bash
# Builds Vesicle, installing what that needs on Debian 12, and runs every test. Words go to ctest:
#
#   tests/run.sh
#   tests/run.sh -R scripts/
set -u
. "$(dirname "$0")/../.ci/setup.sh"
need_packages "${build_packages[@]}"
build release all -DCMAKE_BUILD_TYPE=Release -DVESICLE_TESTS=ON
log=$root/build/release/tests.log
ctest --test-dir "$root/build/release" --output-on-failure -j "$(nproc)" "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
# The totals last, whatever was printed after them.
grep -E 'tests passed|tests failed|No tests' "$log" | tail -n 1
exit "$status"
