#!/usr/bin/env bash
# How cost grows: hop time, pauses, waiting, memory and the collector's share against the number of
# live actors, 10^3 to 10^7, and memory against actors made and forgotten, to 10^8. A full run takes
# about five minutes.
#
#   tests/bench/grow.sh [--rounds N] [--max ACTORS]
#
# Leaves build/bench/grow.csv, for plot.py. Below 10^4 actors resident memory is pages, not actors.
set -u
. "$(dirname "$0")/../../.ci/setup.sh"
out=$root/build/bench

rounds=3 max=100000000
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift ;;
    --max) max=$2; shift ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done

curves='hop      1000 10000 100000 1000000 10000000
shuffled 1000 10000 100000 1000000
memory   10000 100000 1000000 10000000
created  100000 1000000 10000000 100000000
pause    1000 10000 100000 1000000 10000000
lives    100 300 1000 3000 10000 30000
wait     1000 10000 100000 1000000'

need_packages "${build_packages[@]}" libbenchmark-dev
build release bench_grow -DCMAKE_BUILD_TYPE=Release -DVESICLE_TESTS=ON -DVESICLE_BENCH=ON
mkdir -p "$out"

echo "curve,actors,measure,value" >"$out/grow.csv"
for _ in $(seq "$rounds"); do
  while read -r curve sizes; do
    for n in $sizes; do
      [ "$n" -le "$max" ] || continue
      echo "$curve, $n actors" >&2
      "$root/build/release/tests/bench/grow" "$curve" "$n" |
        sed -n "s/^RESULT \([a-z0-9_]*\) \([^ ]*\)$/$curve,$n,\1,\2/p" >>"$out/grow.csv"
    done
  done <<<"$curves"
done
echo "build/bench/grow.csv: $(wc -l <"$out/grow.csv") lines"
