#!/usr/bin/env bash
# The samples of several VMs, over TLS on the loopback: what the clients print, and how they end.
#
#   tests/cli/net_samples.sh VESICLE CHAT_SERVER
# CHAT_SERVER is samples/host/chat_server, to which the scripts' client talks as to the scripts' server.
set -u
vesicle=$1
chat_server=$2
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
failed=0

server() {  # NAME FLAGS...: starts it, and waits for its locator
  start "$1" "$vesicle" run --allow-net=127.0.0.1 "${@:2}" "samples/net/$1_server.ves" 127.0.0.1:0
}

start() {  # NAME COMMAND...: the same, of any server
  "${@:2}" >"$work/$1.locator" 2>"$work/$1.err" &
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
for name in hello bank chat echo ring charity matcher; do server $name; done
hello=$(cat "$work/hello.locator")
expect hello 0 'Hello Ada, you are number 1.' $(client hello) "$hello"
expect bank 0 $'Bob has 40\ntoo much: #failed(#short(930))\nAda has 70' \
  $(client bank) "$(cat "$work/bank.locator")"
expect 'first in the chat' 0 $'Ada: hello\nAda: how are you' \
  $(client chat) "$(cat "$work/chat.locator")" Ada hello 'how are you'
expect 'second in the chat' 0 $'Ada has come\nAda: hello\nAda: how are you\nBob: good evening' \
  $(client chat) "$(cat "$work/chat.locator")" Bob 'good evening'
start host_chat "$chat_server" 127.0.0.1:0
expect 'first at the C++ server' 0 $'Ada: hello\nAda: how are you' \
  $(client chat) "$(cat "$work/host_chat.locator")" Ada hello 'how are you'
expect 'second at the C++ server' 0 \
  $'Ada has come\nAda: hello\nAda: how are you\nAda is gone\nBob: good evening' \
  $(client chat) "$(cat "$work/host_chat.locator")" Bob 'good evening'
expect echo 0 '{answer: {tag: 5}}' $(client echo) "$(cat "$work/echo.locator")"
grep -qx 'echo got {tag: 5}' "$work/echo.locator" || { echo "echo: nothing printed"; failed=1; }
expect ring 0 '3 laps of 10 links in two VMs' \
  bash -c "$(client ring) '$(cat "$work/ring.locator")' 10 3 2>/dev/null"

# A file of many pieces arrives as it was; a name is taken once, and chooses no path.
mkdir "$work/box"
server drop "--allow-write=$work/box"
head -c 300000 /dev/urandom >"$work/file"
drop="$vesicle run --allow-net=127.0.0.1 --allow-read=$work samples/net/drop_client.ves"
expect drop 0 '300000 bytes are there as a.bin' $drop "$(cat "$work/drop.locator")" file a.bin
cmp -s "$work/file" "$work/box/a.bin" || { echo "drop: it is not the same file"; failed=1; }
for name in a.bin ../b.bin; do
  got=$(timeout 60 $drop "$(cat "$work/drop.locator")" file "$name" 2>&1)
  grep -q '^refused: #failed(#\(taken\|name\)(' <<<"$got" || { echo "drop $name: $got"; failed=1; }
done

# Two donors, each in a VM of its own: one waits for the other.
donor() {
  timeout 60 "$vesicle" run --allow-net=127.0.0.1 samples/net/donor_client.ves \
    "$(cat "$work/charity.locator")" "$(cat "$work/matcher.locator")" "$1"
}
donor 50 >"$work/first" 2>&1 &
first=$!
sleep 0.5
[ -s "$work/first" ] && { echo "one donor gave alone:"; cat "$work/first"; failed=1; }
expect 'second donor' 0 'matched: the charity has 80' bash -c "$(declare -f donor); work=$work vesicle=$vesicle; donor 30"
wait "$first"
[ "$(cat "$work/first")" = 'matched: the charity has 80' ] || { echo "first donor:"; cat "$work/first"; failed=1; }
# Mode relay: rules judge a peer, what crossed is on record, and one revoke cuts it off.
"$vesicle" run --allow-net=127.0.0.1 tests/cli/net/relay.ves 127.0.0.1:0 >"$work/relay.out" 2>&1 &
servers+=($!)
for _ in $(seq 300); do
  [ -s "$work/relay.out" ] && break
  sleep 0.1
done
expect relay 0 $'1\n#failed(#denied("#reset is not let by"))\n#failed(#revoked)\n#failed(#revoked)' \
  "$vesicle" run --allow-net=127.0.0.1 tests/cli/net/guest.ves "$(head -n 1 "$work/relay.out")"
grep -q '#counter, nil, #next, nil, #reset, #out\]$' "$work/relay.out" ||
  { echo "relay: the record:"; cat "$work/relay.out"; failed=1; }

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
