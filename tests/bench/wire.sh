#!/usr/bin/env bash
# The wire between two VMs: programs/wire.ves as a server and a client of it, over plain TCP and
# over TLS, on the loopback. Prints RESULT lines.
#
#   tests/bench/wire.sh VESICLE ASKS
set -u
vesicle=$1 asks=$2
program=$(dirname "$0")/programs/wire.ves
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; wait 2>/dev/null; rm -rf "$work"' EXIT

over() {  # TRANSPORT: the results of a client
  : >"$work/locator"
  "$vesicle" run --allow-net=127.0.0.1 "$program" serve "$1://127.0.0.1:0" >"$work/locator" 2>"$work/err" &
  server=$!
  for _ in $(seq 300); do
    [ -s "$work/locator" ] && break
    sleep 0.1
  done
  "$vesicle" run --allow-net=127.0.0.1 "$program" "$(cat "$work/locator")" "$asks" ||
    { cat "$work/err" >&2; exit 1; }
  kill "$server"
  wait "$server" 2>/dev/null
  server=
}

over tcp-testing-only >"$work/plain"
over vesicle-tls >"$work/tls"
cat "$work/plain"
sed 's/ wire_/ wire_tls_/' "$work/tls"
many() { sed -n 's/^RESULT wire_many_ns //p' "$work/$1"; }
awk "BEGIN { print \"RESULT wire_tls_many_x\", $(many tls) / $(many plain) }"
