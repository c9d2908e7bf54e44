#!/usr/bin/env bash
# What stops a program from outside: Ctrl-C, SIGTERM, an output that nobody reads any
# more. Exit codes, and what is said.
#
#   tests/cli/stops_test.sh build/release/vesicle
set -u
. "$(dirname "$0")/check.sh"

# stopped NAME SIGNAL: runs NAME.ves with an input on which nothing comes, and once it has
# written a line sends the signal. Its exit code is $code.
mkfifo in
exec 3<>in
stopped() {
  : >out
  "$vesicle" run "$1.ves" <in >out 2>err 3<&- &
  local pid=$!
  for _ in {1..500}; do [ -s out ] && break; sleep 0.02; done
  kill -"$2" "$pid"
  for _ in {1..500}; do kill -0 "$pid" 2>/dev/null || break; sleep 0.02; done
  kill -KILL "$pid" 2>/dev/null
  wait "$pid"
  code=$?
}

program() {
  cat >"$1.ves" <<END
behavior wrong { #go => 1 / 0 }
behavior listener { _ => nil }
behavior talker(console) { #go => { console <- "line"; self <- #go } }
behavior main {
  #start({console, timer, stdin, ...}) => task {
    $2
  }
}
END
}

program line 'console <- "up"
    await stdin <- #line'
program after 'console <- "up"
    await timer <- #after(100_000)'
program let_go 'console <- "up"
    when timer <- #after(100_000) { _ => nil }'
program every 'console <- "up"
    timer <- #every(1, create listener)'
program busy 'console <- "up"
    while true { await timer <- #after(0) }'
program turn 'await console <- "up"
    while true { }'
program faulted 'create wrong <- #go
    await timer <- #after(1)
    console <- "up"
    await timer <- #after(100_000)'

for name in line after let_go every busy turn; do
  stopped $name INT
  expect "$name, SIGINT" "$code" 130
  expect "$name, said" "$(cat out err)" "up"
  stopped $name TERM
  expect "$name, SIGTERM" "$code" 143
done

fault='faulted.ves:1:25: fault: #divide_by_zero
  behavior wrong { #go => 1 / 0 }
                          ^~~~~
in wrong, on #go
caused by main.task <- main'
for signal in INT TERM; do
  stopped faulted $signal
  expect "faulted, $signal, said" "$(cat err)" "$fault"
done
expect "faulted, TERM" "$code" 143

# A socket as standard input: no descriptor that a loop can watch.
if command -v python3 >/dev/null; then
  expect "socket, SIGINT" "$(python3 - "$vesicle" <<'END'
import signal, socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen([sys.argv[1], "run", "line.ves"], stdin=theirs, stdout=subprocess.PIPE)
child.stdout.readline()
child.send_signal(signal.SIGINT)
try:
    print(child.wait(5))
except subprocess.TimeoutExpired:
    child.kill()
    print("still there")
END
)" 130
fi

program endless 'var n = 0
    while true { await console <- n
      n = n + 1 }'
program endless_tells 'create talker(console) <- #go'
for name in endless endless_tells; do
  lines=$(timeout 20 "$vesicle" run $name.ves 2>err | head -1; echo "${PIPESTATUS[0]}")
  expect "$name | head -1" "${lines##*$'\n'}" 141
  expect "$name | head -1, said" "$(cat err)" ""
done

exit $failed
