#!/usr/bin/env bash
# The samples of several VMs, over TLS on the loopback: what the clients print, and how they end.
#
#   tests/cli/net_samples.sh VESICLE
set -u
vesicle=$1
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
failed=0

server() {  # NAME: starts it, and waits for its locator
  "$vesicle" run --allow-net=127.0.0.1 "samples/net/$1_server.ves" 127.0.0.1:0 \
    >"$work/$1.locator" 2>"$work/$1.err" &
  servers+=($!)
  for _ in $(seq 300); do
    [ -s "$work/$1.locator" ] && return
    sleep 0.1
  done
  echo "$1: no locator came"; cat "$work/$1.err"; exit 1
}

expect() {  # WHAT EXIT OUTPUT COMMAND...
  local what=$1 code=$2 wanted=$3 got
  got=$(timeout 60 "${@:4}" 2>&1)
  local has=$?
  [ "$has" = "$code" ] && [ "$got" = "$wanted" ] && return
  printf '%s: exit %s and\n%s\nwanted exit %s and\n%s\n' "$what" "$has" "$got" "$code" "$wanted"
  failed=1
}

client() { echo "$vesicle run --allow-net=127.0.0.1 samples/net/$1_client.ves"; }
for name in hello bank chat; do server $name; done
hello=$(cat "$work/hello.locator")
expect hello 0 'Hello Ada, you are number 1.' $(client hello) "$hello"
expect bank 0 $'Bob has 40\ntoo much: #failed(#short(930))\nAda has 70' \
  $(client bank) "$(cat "$work/bank.locator")"
expect 'first in the chat' 0 $'Ada: hello\nAda: how are you' \
  $(client chat) "$(cat "$work/chat.locator")" Ada hello 'how are you'
expect 'second in the chat' 0 $'Ada has come\nAda: hello\nAda: how are you\nBob: good evening' \
  $(client chat) "$(cat "$work/chat.locator")" Bob 'good evening'
expect call 0 '"Hello shell, you are number 2."' "$vesicle" call "$hello" '#hello("shell")'
expect 'a secret in a file' 0 '"Hello file, you are number 3."' \
  "$vesicle" call "@$work/hello.locator" '#hello("file")'
expect 'a break' 1 'vesicle call: broken with #failed(#no_clause("greeter has no clause for #nope"))' \
  "$vesicle" call "$hello" '#nope'
expect 'not granted' 0 \
  'nobody answers: #denied("no network was granted: run with --allow-net=HOST:PORT")' \
  "$vesicle" run samples/net/hello_client.ves "$hello"
port=$(sed 's/.*port=//' <<<"$hello")
expect 'another port granted' 0 \
  "nobody answers: #disconnected(\"127.0.0.1:$port was not granted: run with --allow-net=127.0.0.1:$port\")" \
  "$vesicle" run --allow-net=127.0.0.1:1 samples/net/hello_client.ves "$hello"
# Another key than the locator names: somebody else listens there.
other=$(sed 's,//.\{52\},//aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,' <<<"$hello")
got=$(timeout 60 "$vesicle" call "$other" '#hello("x")' 2>&1)
[ $? = 1 ] && grep -q ', not aaaaaaaa' <<<"$got" ||
  { echo "another key: $got"; failed=1; }
"$vesicle" keygen "$work/key" >"$work/designator" && [ "$(stat -c %a "$work/key")" = 600 ] ||
  { echo "keygen: no key of mode 600"; failed=1; }
got=$("$vesicle" keygen "$work/key" 2>&1) && { echo "keygen wrote over a key: $got"; failed=1; }
exit $failed
