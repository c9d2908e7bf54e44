#!/usr/bin/env bash
# A guard against getting slower that a busy machine cannot fool: instructions, counted by valgrind,
# of fixed works, less those of the same program with next to nothing to do. Each is compared with
# tests/bench/instructions.txt: more than 5 % either way is an error, since a gain wants to be
# kept as well.
#
#   tests/bench/instructions.sh             compares; about a minute
#   tests/bench/instructions.sh --update    writes what it counts as the new baseline
set -u
. "$(dirname "$0")/../../.ci/setup.sh"
baseline=$root/tests/bench/instructions.txt
programs=$root/tests/bench/programs
vesicle=$root/build/release/vesicle
tolerance=5  # per cent

# The program; its sizes; sizes of next to nothing.
works='ring     20000 20   10 1
fanin    20 5000     1 1
create   50000 1     10 1
chains   50 500      1 1
become   50000       10
tasks    10 1000     1 1
fib      24          1
loop     1000000     10
list     50000       10
maps     5000        10
texts    5000        10
matches  2000        1
sorts    5000        10
garbage  20000 500   10 1'

case "${1:-}" in
  --update | '') ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
need_packages "${build_packages[@]}" valgrind
[ -x "$vesicle" ] || build release vesicle -DCMAKE_BUILD_TYPE=Release

count() {  # PROGRAM SIZES...: instructions of a whole run
  # The C library's plainest copying, so that the kind of processor makes no difference.
  GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-ERMS,-AVX512F valgrind --tool=callgrind --callgrind-out-file=/dev/null "$vesicle" run --seed=1 "$programs/$1.ves" "${@:2}" 2>&1 |
    sed -n 's/^==[0-9]*== Collected : //p'
}

# One line of the result: the program, and what its work takes.
measure() {  # PROGRAM SIZES AND SMALL SIZES...
  local program=$1 half=$((($# - 1) / 2)) all none
  shift
  all=$(count "$program" "${@:1:half}")
  none=$(count "$program" "${@:half+1}")
  [ -n "$all" ] && [ -n "$none" ] && echo "$program $((all - none))"
}
export -f count measure
export vesicle programs

# As many at once as there are cores: instructions do not feel the others.
counted=$(xargs -P "$(nproc)" -L 1 bash -c 'measure "$@"' _ <<<"$works")
for name in $(cut -d' ' -f1 <<<"$works"); do
  grep -q "^$name " <<<"$counted" || { echo "$name was not counted" >&2; exit 1; }
done

if [ "${1:-}" = --update ]; then
  {
    echo "# Instructions of the works of instructions.sh, which compares and (--update) writes this."
    sort <<<"$counted"
  } >"$baseline"
  echo "written: tests/bench/instructions.txt"
  exit
fi

grep -v '^#' "$baseline" | sort | join -a 1 -a 2 -e 0 -o 0,1.2,2.2 - <(sort <<<"$counted") |
  awk -v tolerance="$tolerance" '
    {
      change = $2 > 0 ? ($3 / $2 - 1) * 100 : 0
      remark = ""
      if (change > tolerance) remark = "  <-- more"
      if (change < -tolerance) remark = "  <-- fewer: take it over with --update"
      if ($2 == 0 || $3 == 0) remark = "  <-- new, or gone: take it over with --update"
      wrong += remark != ""
      printf "%-8s %12d  was %12d  %+6.1f %%%s\n", $1, $3, $2, change, remark
    }
    END { exit wrong > 0 }'
