#!/usr/bin/env bash
# The same works on Vesicle (scripts, and behaviors in C++), in raw C++ and on Debian's peers, which
# take turns in every round; a table of ratios with the figures to reach. A full run takes about
# three minutes a round; nothing else should run meanwhile.
#
#   tests/bench/peers.sh [--rounds N] [--only WORK] [--small] [--write]
#
# --only WORK   one of: ring ring_1m fanin create idle fib loop list walls host wire
# --small       sizes to try the script itself
# --write       puts the table into docs/performance.md
#
# Leaves build/bench/results.csv (for table.py and plot.py) and machine.txt beside it.
set -u
. "$(dirname "$0")/../../.ci/setup.sh"
bench=$root/tests/bench
out=$root/build/bench
vesicle=$root/build/release/vesicle
works=$root/build/release/tests/bench/works
wire=$root/build/release/tests/bench/wire

rounds=5 only='' small='' write=''
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift ;;
    --only) only=$2; shift ;;
    --small) small=1 ;;
    --write) write=1 ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done

# Each line: what it is called here, the program that does it, sizes.
plan='ring    ring   100000 100
ring_1m ring   1000000 10
fanin   fanin  100 100000
create  create 1000000 5
idle    idle   1000000
fib     fib    30
loop    loop   50000000
list    list   1000000
walls   walls  200000 100000
host    host   1000000
wire    wire   200000'
[ -n "$small" ] && plan='ring    ring   1000 10
ring_1m ring   10000 10
fanin   fanin  10 1000
create  create 10000 3
idle    idle   100000
fib     fib    20
loop    loop   500000
list    list   10000
walls   walls  2000 1000
host    host   10000
wire    wire   2000'
[ -n "$only" ] && plan=$(grep -E "^$only " <<<"$plan")
[ -n "$plan" ] || { echo "no work is called $only" >&2; exit 2; }

# Ours, then those of the peers that can be had.
contestants=(script native raw)
join() {  # NAME PACKAGES: takes part if they are there or can be installed
  if (need_packages "${@:2}") 2>"$out/$1.log"; then
    contestants+=("$1")
  else
    echo "$1 is left out: ${*:2} cannot be installed (build/bench/$1.log)" >&2
  fi
}

mkdir -p "$out"
need_packages "${build_packages[@]}" libbenchmark-dev python3
join node nodejs
join luajit luajit
join lua5.4 lua5.4
join erlang erlang-base
join caf libcaf-dev
join go golang-go
join capnp libcapnp-dev capnproto
for target in vesicle bench_works bench_wire; do
  build release $target -DCMAKE_BUILD_TYPE=Release -DVESICLE_TESTS=ON -DVESICLE_BENCH=ON
done
for who in "${contestants[@]}"; do
  case $who in
    erlang) erlc -o "$out" "$bench/peers/works.erl" ;;
    caf) g++ -O2 -std=c++17 "$bench/peers/works_caf.cc" -lcaf_core -o "$out/works_caf" ;;
    capnp)
      capnp compile "-oc++:$out" --src-prefix="$bench/peers" "$bench/peers/walls.capnp" &&
        g++ -O2 -std=c++17 -I "$out" "$bench/peers/works_capnp.cc" "$out/walls.capnp.c++" -lcapnp-rpc -lcapnp -lkj-async -lkj -o "$out/works_capnp" ;;
    go) go build -o "$out/works_go" "$bench/peers/works.go" ;;
  esac || { echo "the program for $who does not build" >&2; exit 1; }
done

# Each on one core, whatever its language would do. One that hangs is as good as one that fails.
run() {  # WHO PROGRAM SIZES...
  local who=$1 program=$2 command
  shift
  case $who:$program in
    script:wire)
      "$bench/wire.sh" "$vesicle" "$2"
      for line in tcp tls; do "$wire" idle $line 1000; done
      return ;;
    raw:wire | native:wire) command=("$wire" "$who" "$2") ;;
    erlang:wire) command=(erl +S 1:1 -noshell -name vesicle_asker@127.0.0.1 -kernel inet_dist_use_interface '{127,0,0,1}' -pa "$out" -run works main "$@") ;;
    script:*) command=("$vesicle" run --allow-read=/proc/self "$bench/programs/$program.ves" "${@:2}") ;;
    native:* | raw:*) command=("$works" "$who" "$@") ;;
    node:*) command=(node --expose-gc --max-old-space-size=8192 "$bench/peers/works.js" "$@") ;;
    luajit:* | lua5.4:*) command=("$who" "$bench/peers/works.lua" "$@") ;;
    erlang:*) command=(erl +S 1:1 +P 20000000 -noshell -pa "$out" -run works main "$@") ;;
    caf:*) command=("$out/works_caf" "$@") ;;
    capnp:*) command=("$out/works_capnp" "$@") ;;
    go:*) command=(env GOMAXPROCS=1 "$out/works_go" "$@") ;;
  esac
  timeout 600 "${command[@]}" </dev/null
}
# Erlang's distribution wants a daemon of names: for the loopback only, and not longer than this.
export ERL_EPMD_ADDRESS=127.0.0.1
epmd -names >/dev/null 2>&1 || trap 'epmd -kill >/dev/null 2>&1' EXIT

# What is about actors only is not asked of who is here for its actors only; of membranes only who
# has them; and what hosts do with typed actors of who is an actor system.
takes_part() {  # WHO PROGRAM
  case $1:$2 in
    script:walls | native:walls | capnp:walls | script:wire | native:wire | raw:wire | erlang:wire | capnp:wire) ;;
    native:host | caf:host | erlang:host) ;;
    capnp:* | *:walls | *:wire | *:host) return 1 ;;
    native:fib | native:loop | native:list | caf:fib | caf:loop | caf:list) return 1 ;;
  esac
}

version() {
  case $1 in
    node) echo "Node $(node --version)" ;;
    luajit | lua5.4) "$1" -v 2>&1 | cut -d' ' -f1,2 ;;
    erlang) dpkg-query -W -f 'Erlang/OTP ${Version}\n' erlang-base ;;
    caf) dpkg-query -W -f 'CAF ${Version}\n' libcaf-dev ;;
    capnp) capnp --version ;;
    go) go version | cut -d' ' -f3 ;;
    *) return ;;
  esac
}

{
  echo "$(date -u +%F), commit $(git -C "$root" rev-parse --short HEAD), $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)"
  for who in "${contestants[@]}"; do version "$who"; done | paste -sd ';' | sed 's/;/, /g'
  echo "load average when it began: $(cut -d' ' -f1 /proc/loadavg)"
} >"$out/machine.txt"

echo "round,who,measure,value" >"$out/results.csv"
for round in $(seq "$rounds"); do
  while read -r name program sizes; do
    for who in "${contestants[@]}"; do
      takes_part "$who" "$program" || continue
      echo "round $round: $name, $who" >&2
      # shellcheck disable=SC2086  # sizes are words
      if lines=$(run "$who" "$program" $sizes 2>"$out/$who.log"); then
        sed -n "s/^RESULT \([a-z0-9_]*\) \([^ ]*\)$/$round,$who,\1,\2/p" <<<"$lines" |
          sed "s/,$program\_/,${name}_/" >>"$out/results.csv"
      else
        echo "$who fails at $name (build/bench/$who.log)" >&2
      fi
    done
  done <<<"$plan"
done

cat "$out/machine.txt"
python3 "$bench/table.py" "$out" ${write:+--write "$root/docs/performance.md"}
