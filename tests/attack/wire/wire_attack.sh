#!/usr/bin/env bash
# Many hostile peers at once, in processes of their own, and what honest ones notice of them.
#
#   wire_attack.sh WIRE_ATTACK [CONNECTIONS MESSAGES SLOW]
#
# Bounds of time fail at ten times what is wanted; the figures are printed.
set -u
attack=$1 connections=${2:-200} messages=${3:-500} slow=${4:-1000}
work=$(mktemp -d)
pids=()
trap 'kill -9 "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
failed=0
wrong() { echo "wrong: $*"; failed=1; }

start() {  # MODE ARGS...: a server, whose input is open until stop
  rm -f "$work/in" "$work/out"
  mkfifo "$work/in"
  "$attack" "$@" <"$work/in" >"$work/out" 2>"$work/err" &
  server=$!
  pids+=($server)
  exec 9>"$work/in"
  for _ in $(seq 100); do
    [ -s "$work/out" ] && break
    sleep 0.05
  done
  at=$(head -n 1 "$work/out")
}
stop() {  # its last words are in $left
  echo >&9
  wait $server || { wrong "the server ended with $?"; cat "$work/err"; }
  exec 9>&-
  left=$(tail -n 1 "$work/out")
}
field() { sed -n "s/.*$1 \([0-9]*\).*/\1/p" <<<"$2"; }
ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }

# --- a flood of malformed messages
start serve
idle=$("$attack" honest "$at" 50 2000) || wrong "$idle"
echo "idle: $idle"
"$attack" flood "$at" "$connections" "$messages" >"$work/flood" &
flood=$!
busy=$("$attack" honest "$at" 50 4000) || wrong "$busy"
wait $flood
echo "beside a flood: $busy; $(cat "$work/flood")"
said=$(field said "$(cat "$work/flood")")
[ "$said" -eq $((connections * messages)) ] || wrong "$said messages were said"
[ "$(field ended "$(cat "$work/flood")")" -eq "$connections" ] || wrong "not every guilty one ended"
[ "$(field p99_us "$busy")" -le $((20 * $(field p99_us "$idle"))) ] || wrong "honest peers waited too long"

# --- one that never reads
"$attack" deaf "$at" 2000 &
deaf=$!
beside=$("$attack" honest "$at" 10 1500) || wrong "$beside"
wait $deaf
echo "beside a deaf one: $beside"
kb=$(awk '/VmHWM/ { print $2 }' "/proc/$server/status")
[ "$kb" -le $((400000 + 100 * connections)) ] || wrong "the server grew to $kb KiB"
for _ in $(seq 50); do sleep 0.1; done
stop
echo "left: $left"
[ "$left" = "sessions 0 exports 0" ] || wrong "left: $left"

# --- connections that never say hello
start serve 3000
"$attack" slow "$at" "$slow" 8000 >"$work/slow" &
snails=$!
sleep 1.5
new=$("$attack" honest "$at" 1 500) || wrong "$new"
echo "beside $slow slow ones: $new"
[ "$(field first_us "$new")" -le 1000000 ] || wrong "a new peer waited too long"
wait $snails
[ "$(field opened "$(cat "$work/slow")")" = "$(field closed "$(cat "$work/slow")")" ] ||
  wrong "slow ones were not closed: $(cat "$work/slow")"
stop

# --- no descriptors left
ulimit -S -n 64
start serve-few
ulimit -S -n "$(ulimit -H -n)"
"$attack" slow "$at" 200 3000 >"$work/slow" &
snails=$!
sleep 1
before=$(ticks)
sleep 1
used=$(($(ticks) - before))
echo "without descriptors: $used ticks of 100 in a second"
[ "$used" -le 30 ] || wrong "it spins"
wait $snails
new=$("$attack" honest "$at" 1 500) || wrong "after that: $new"
stop
exit $failed
