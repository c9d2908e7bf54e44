#!/usr/bin/env bash
# How cost grows: hop time, pauses, memory and the collector's share against the number of live
# actors, 10^3 to 10^7. A full run takes about five minutes.
#
#   tests/bench/grow.sh [--rounds N] [--max ACTORS]
#
# Leaves build/bench/grow.csv, for plot.py. Rings in no order go to 10^6, since it is not the links
# that are measured; behaviors in C++ have a function each and go along.
set -u
. "$(dirname "$0")/../../.ci/setup.sh"
out=$root/build/bench

rounds=3 max=10000000
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift ;;
    --max) max=$2; shift ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done

need_packages "${build_packages[@]}" libbenchmark-dev
build release bench_grow -DCMAKE_BUILD_TYPE=Release -DVESICLE_TESTS=ON -DVESICLE_BENCH=ON
mkdir -p "$out"

echo "curve,actors,measure,value" >"$out/grow.csv"
for _ in $(seq "$rounds"); do
  for curve in hop shuffled memory pause; do
    for n in 1000 10000 100000 1000000 10000000; do
      [ "$n" -le "$max" ] || continue
      [ "$curve:$n" != shuffled:10000000 ] || continue
      echo "$curve, $n actors" >&2
      "$root/build/release/tests/bench/grow" "$curve" "$n" |
        sed -n "s/^RESULT \([a-z0-9_]*\) \([^ ]*\)$/$curve,$n,\1,\2/p" >>"$out/grow.csv"
    done
  done
done
echo "build/bench/grow.csv: $(wc -l <"$out/grow.csv") lines"
