#!/usr/bin/env bash
# Two VMs in two network namespaces, a pair of veth between them, and what real lines do: go down and
# up, lose packets, are slow, stay down; a peer that was rebooted comes again. Whatever happens,
# nothing that was answered is lost, and nothing waits past its deadline.
#
#   net_faults.sh VESICLE
#
# Wants root, ip and nft; says what is missing and ends with 77 where it cannot run. Takes about two
# minutes.
set -u
vesicle=$1
here=$(cd "$(dirname "$0")" && pwd)
skip() { echo "skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "root is wanted, to make network namespaces"
command -v ip >/dev/null || skip "ip (iproute2) is wanted"

near=vesicle-near-$$ far=vesicle-far-$$
work=$(mktemp -d)
ip netns add $near 2>"$work/err" || skip "no network namespace can be made: $(cat "$work/err")"
pids=()
trap 'kill -9 "${pids[@]}" 2>/dev/null; wait 2>/dev/null; ip netns del $near; ip netns del $far; rm -rf "$work"' EXIT
ip netns add $far
in_near() { ip netns exec $near "$@"; }
in_far() { ip netns exec $far "$@"; }
in_near ip link add near0 type veth peer name far0 netns $far || skip "no veth pair can be made"
in_near ip address add 10.77.0.1/24 dev near0
in_far ip address add 10.77.0.2/24 dev far0
in_near ip link set lo up; in_far ip link set lo up
in_near ip link set near0 up; in_far ip link set far0 up

failed=0
wrong() { echo "$*"; failed=1; }
"$vesicle" keygen "$work/far.key" >/dev/null
"$vesicle" keygen "$work/near.key" >/dev/null

serve() {  # starts the server under its key, and waits for its locator
  : >"$work/locator"
  ip netns exec $far "$vesicle" run --allow-net=10.77.0.2 --identity="$work/far.key" "$here/server.ves" \
    vesicle-tls://10.77.0.2:7000 >"$work/locator" 2>"$work/server.err" &
  server=$!
  pids+=($server)
  for _ in $(seq 100); do
    [ -s "$work/locator" ] && return
    sleep 0.1
  done
  wrong "no locator came: $(cat "$work/server.err")"
}
client() {  # SECONDS BYTES LIMIT: what the client says; it is killed after LIMIT seconds
  timeout -s KILL "$3" ip netns exec $near "$vesicle" run --allow-net=10.77.0.2 \
    --identity="$work/near.key" "$here/client.ves" "$(cat "$work/locator")" "$1" "$2" 2>&1
}
counted=0  # by those before
check() {  # NAME LINE ANSWERED_MIN LONGEST_MS: nothing answered is lost, and nothing counted twice
  local answered broken count longest
  echo "$1: $2"
  [[ $2 =~ ^answered\ ([0-9]+)\ broken\ ([0-9]+)\ count\ ([0-9]+)\ longest_ms\ ([0-9]+)$ ]] ||
    { wrong "$1: it did not come to its end"; return; }
  answered=${BASH_REMATCH[1]} broken=${BASH_REMATCH[2]} count=${BASH_REMATCH[3]} longest=${BASH_REMATCH[4]}
  [ "$((count - counted))" -ge "$answered" ] || wrong "$1: what was answered is lost"
  [ "$((count - counted))" -le "$((answered + broken))" ] || wrong "$1: something was counted twice"
  [ "$answered" -ge "$3" ] || wrong "$1: only $answered were answered"
  [ "$longest" -le "$4" ] || wrong "$1: one waited $longest ms"
  counted=$count
}
link() { in_far ip link set far0 "$1"; }

serve
check 'a whole line' "$(client 2 64 30)" 100 2000

# 100 times down and up.
( for _ in $(seq 100); do link down; sleep 0.05; link up; sleep 0.15; done ) &
flapping=$!
check 'a line that goes down and up' "$(client 20 64 60)" 50 35000
wait $flapping

# Packets lost, both ways.
if command -v nft >/dev/null && in_near nft add table ip faults 2>/dev/null; then
  in_far nft add table ip faults
  for side in near far; do
    in_$side nft add chain ip faults input '{ type filter hook input priority 0; }'
  done
  for percent in 1 10 30; do
    for side in near far; do
      in_$side nft flush chain ip faults input
      in_$side nft add rule ip faults input numgen random mod 100 '<' $percent drop
    done
    check "$percent % of packets lost" "$(client 12 64 90)" 1 35000
  done
  for side in near far; do in_$side nft delete table ip faults; done
else
  echo "left out: lost packets, which want nft (nftables)"
fi

# 256 kbit/s, and 8 KiB an ask.
if in_near tc qdisc add dev near0 root tbf rate 256kbit burst 16kb latency 500ms 2>/dev/null; then
  check 'a slow line' "$(client 6 8192 60)" 10 10000
  in_near tc qdisc del dev near0 root
else
  echo "left out: a slow line, which wants tc with tbf"
fi

# The client's machine is rebooted: nobody tells the server that it is gone.
ip netns exec $near "$vesicle" run --allow-net=10.77.0.2 --identity="$work/near.key" "$here/client.ves" \
  "$(cat "$work/locator")" 60 64 >/dev/null 2>&1 &
gone=$!
pids+=($gone)
sleep 1
link down
kill -9 $gone; wait $gone 2>/dev/null
# The kernel of a machine that is rebooted says nothing any more about connections of before.
in_near ss -K dst 10.77.0.2 >/dev/null 2>&1
link up
line=$(client 3 64 40)
[[ $line =~ count\ ([0-9]+) ]] && echo "a client that was rebooted: $line" ||
  wrong "a client that was rebooted is not let in: $line"
counted=${BASH_REMATCH[1]:-0}

# The line stays down: each ask ends, in time.
( sleep 2; link down; sleep 45; link up ) &
check 'a line that stays down' "$(client 40 64 100)" 50 35000

# The server's machine is rebooted while a client waits.
( sleep 2; link down; sleep 0.2; kill -9 $server; sleep 0.2; link up ) &
line=$(client 5 64 20)
[ -z "$line" ] || wrong "a server that is not there answered: $line"
serve
counted=0
check 'a server that was rebooted' "$(client 2 64 30)" 50 2000
exit $failed
