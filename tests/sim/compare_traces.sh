#!/usr/bin/env bash
# The trace of each sample is the same with and without address randomisation, and from every
# build given: tests/sim/compare_traces.sh build/release build/asan
set -u
cd "$(dirname "$0")/../.." || exit 1
programs=(samples/*.ves tests/scripts/prelude/*.ves)
first=""
for folder in "$@"; do
  trace=$folder/tests/sim/sim_trace
  for how in "" "setarch -R"; do
    got=$($how "$trace" "${programs[@]}") || { echo "$how $trace failed" >&2; exit 1; }
    [ -n "$first" ] || first=$got
    if [ "$got" != "$first" ]; then
      echo "the traces differ: $how $trace" >&2
      diff <(echo "$first") <(echo "$got") >&2
      exit 1
    fi
  done
done
echo "traces: ${#programs[@]} programs, $# builds, with and without address randomisation: the same"
