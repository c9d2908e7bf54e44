#!/usr/bin/env bash
# host.process: scripts in processes of their own, programs that are run, and what was not granted.
#
#   tests/cli/process_test.sh build/release/vesicle
set -u
. "$(dirname "$0")/check.sh"

cat >worker.ves <<'END'
import "lib/double.ves" as lib
behavior worker(sum) {
  #add(n) => { become worker(sum + lib.double(n)); nil }
  #get => sum
  #tell(ref) => { ref <- #told(sum); nil }
  #fail => 1 / 0
  #spin => while true {}
  #hold => { var s = "x"; while true { s = s ++ s } }
}
behavior main { #start({console, ...}) => console <- "from the child" }
END
mkdir lib
echo 'fn double(n) = n * 2' >lib/double.ves

run() {  # NAME FLAGS...: runs NAME.ves; $out, $err, $code
  timeout 60 "$vesicle" run "${@:2}" "$1.ves" >out 2>err
  code=$?
}
program() {  # NAME BODY
  cat >"$1.ves" <<END
behavior main {
  #start({console, process, timer, clock, ...}) => task {
    $2
  }
}
END
}

# --- scripts
program spawn 'let [w, control] = await process <- #spawn("worker.ves", {behavior: "worker", with: [1]})
    w <- #add(2)
    console <- (await w <- #get)
    let ear = actor { #told(n) => console <- "told ${n}" }
    await w <- #tell(ear)
    console <- (await w <- #fail else { why => why })
    console <- (await w <- #get)
    let {running, ...} = await control <- #info
    console <- running
    console <- (await control <- #stop)
    console <- (await control <- #info)
    match (await w <- #get else { why => why }) { #disconnected(_) => console <- "gone" }'
run spawn --allow-process=worker.ves
expect "spawn" "$(cat out err)" '5
told 5
#failed(#divide_by_zero)
5
true
{code: 0, signal: nil}
{pid: nil, running: false}
gone'
expect "spawn, exit" "$code" 0

program main_of 'let [w, _] = await process <- #spawn("worker.ves")
    await w <- #start({console: console})'
run main_of --allow-process='*'
expect "main" "$(cat out err)" "from the child"

program text 'let [w, _] = await process <- #spawn("inline", {text: "behavior main { #twice(n) => n * 2 }"})
    console <- (await w <- #twice(21))'
run text --allow-process='*'
expect "text" "$(cat out err)" "42"
run text --allow-process=worker.ves
expect "text, not granted" "$(grep -c 'a script that comes as a text was not granted: run with --allow-process=\*' err)" 1

program wrong 'for file in ["worker.ves", "none.ves", "bad.ves"] {
      match (await process <- #spawn(file, {behavior: "nobody"}) else { why => why }) {
        #diagnostics(text) => console <- first(lines(text))
        other => console <- other
      }
    }'
echo 'behavior' >bad.ves
run wrong --allow-process='*'
expect "wrong, worker.ves" "$(sed -n 1p out | grep -c 'worker.ves: .*nobody')" 1
expect "wrong, none.ves" "$(sed -n 2p out | grep -c 'none.ves')" 1
expect "wrong, bad.ves" "$(sed -n 3p out | grep -c 'bad.ves')" 1

program limits 'let [w, control] = await process <- #spawn("worker.ves", {behavior: "worker", with: [0], memory: 8_000_000, cpu: 1, files: 64})
    console <- (await w <- #hold else { why => why })
    console <- (await w <- #get)
    let gone = control <- #join
    console <- (await w <- #spin else { why => why })
    console <- (await gone)'
run limits --allow-process='*'
expect "limits" "$(cat out err)" '#failed(#quota(#memory))
0
#disconnected
{code: nil, signal: "SIGXCPU"}'

program supervise 'let b = await process <- #behavior("worker.ves", {behavior: "worker", with: [7], cpu: 1})
    let family = create supervisor({on_fault: #restart, clock: clock, within: 60_000,
      log: actor { #fault(name, {own, ...}) => console <- "${name} ended, own: ${own}" }},
      [{name: #worker, behavior: b}])
    let w = await family <- #child(#worker)
    await w <- #add(1)
    console <- (await w <- #get)
    console <- (await w <- #spin else { why => why })
    await timer <- #after(500)
    console <- (await w <- #get)
    await family <- #stop'
run supervise --allow-process='*'
expect "supervise" "$(cat out err)" '9
#disconnected
#worker ended, own: true
7'

# A program ends when nothing can happen in it, and its children with it.
program idle 'let [w, control] = await process <- #spawn("worker.ves", {behavior: "worker", with: [0]})
    let {pid, ...} = await control <- #info
    console <- pid'
run idle --allow-process='*'
expect "idle, exit" "$code" 0
expect "idle, its child" "$(kill -0 "$(cat out)" 2>&1 | grep -c 'No such process')" 1

# --- programs
program run 'console <- (await process <- #run("sort", ["-r"], {stdin: "a\nc\nb\n"}))
    console <- (await process <- #run("env", [], {env: {A: "1"}}))
    console <- (await process <- #run("/bin/false", []))
    let {stderr, code, ...} = await process <- #run("ls", ["/nowhere"], {env: {LC_ALL: "C"}})
    console <- [code, contains(stderr, "No such file")]
    console <- (await process <- #run("head", ["-c", "3", "/dev/zero"], {bytes: true}))
    match (await process <- #run("yes", [], {output: 1000}) else { why => why }) {
      #limit(text) => console <- text
    }
    match (await process <- #run("printf", ["\\377"]) else { why => why }) {
      #type(text) => console <- text
    }
    match (await process <- #run("no-such-program", []) else { why => why }) {
      #not_found(text) => console <- text
    }
    console <- (await process <- #run("sleep", ["1000"]) within 100 of timer else { why => why })
    let spins = await process <- #run("sh", ["-c", "while :; do :; done"], {cpu: 1})
    console <- spins.signal'
run run --allow-process='*'
expect "run" "$(cat out err)" '{code: 0, signal: nil, stderr: "", stdout: "c\nb\na\n"}
{code: 0, signal: nil, stderr: "", stdout: "A=1\n"}
{code: 1, signal: nil, stderr: "", stdout: ""}
[2, true]
{code: 0, signal: nil, stderr: b"", stdout: b"\x00\x00\x00"}
yes: it wrote more than 1000 bytes, and was ended: give output: bytes
printf: what it wrote is no UTF-8: give bytes: true
no-such-program: there is no such program in /usr/local/bin, /usr/bin or /bin
#timeout
SIGXCPU'
expect "run, none is left" "$(pgrep -f -x 'sleep 1000' | wc -l)" 0

# --- what was not granted
program denied 'for p in ["sort", "/usr/bin/sort", "env", "sh"] {
      match (await process <- #run(p, [], {stdin: ""}) else { why => why }) {
        #denied(text) => console <- text
        {code, ...} => console <- "${p} ran"
      }
    }
    match (await process <- #spawn("worker.ves") else { why => why }) {
      #denied(text) => console <- text
    }'
run denied --allow-process=sort,/usr/bin/env
expect "denied" "$(cat out err)" 'sort ran
/usr/bin/sort ran
env ran
sh was not granted: run with --allow-process=sh
worker.ves was not granted: run with --allow-process=worker.ves'
run denied
expect "denied, all" "$(sort -u out err)" 'no process was granted: run with --allow-process=NAME'
"$vesicle" run --allow-process=no-such-program denied.ves >out 2>err
expect "a grant of nothing" "$?" 2
expect "a grant of nothing, said" "$(grep -c 'there is no no-such-program in /usr/local/bin' err)" 1

program misused 'for m in [#spawn(1), #spawn("worker.ves", {memory: 1}), #spawn("worker.ves", {behaviour: "x"}),
        #run("sort", "x"), #run("sort", [1]), #run("sort", [], {env: {"A=B": "1"}}), #nope] {
      match (await process <- m else { why => why }) { r => console <- tag_of(r) }
    }'
run misused --allow-process='*'
expect "misused" "$(cat out err)" '#type
#type
#type
#type
#type
#type
#no_clause'

# Nobody is a child by being called so.
"$vesicle" --vesicle-start 0 >out 2>err 3<&-
expect "a child by hand" "$?" 2

exit $failed
