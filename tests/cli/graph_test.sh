#!/usr/bin/env bash
# vesicle graph from outside: where its output goes, what stops it, and its exit codes.
#
#   tests/cli/graph_test.sh build/release/vesicle
set -u
. "$(dirname "$0")/check.sh"

cat >held.ves <<'END'
behavior store(log) { m => log <- m }
behavior log { _ => nil }
behavior app(store, console) { #go => console <- "going" }
behavior idle(app) { _ => nil }
behavior main { #start({console, ...}) => {
  let a = create app(create store(create log), console)
  a <- #go
  become idle(a)
} }
END
cat >waits.ves <<'END'
behavior main { #start({console, timer, ...}) => task {
  console <- "up"
  await timer <- #after(100_000)
} }
END

# DOT on standard output, all of it; what the program prints beside it.
out=$("$vesicle" graph held.ves 2>err)
expect "held, exit" $? 0
expect "held, said" "$(cat err)" "going"
expect "held, first line" "$(head -1 <<<"$out")" "digraph vesicle {"
expect "held, last line" "$(tail -1 <<<"$out")" "}"
for name in main app store log console; do
  [ $name = main ] && name=idle
  has "held, $name" "$out" "label=\"$name\""
done

"$vesicle" graph --svg=out.svg held.ves >out 2>err
expect "svg, exit" $? 0
expect "svg, standard output" "$(cat out)" ""
expect "svg, first word" "$(head -c 4 out.svg)" "<svg"
expect "svg, last line" "$(tail -1 out.svg)" "</svg>"
expect "both" "$("$vesicle" graph --dot --svg=out.svg held.ves 2>/dev/null | head -1)" "digraph vesicle {"

expect "the same each time" "$("$vesicle" graph held.ves 2>/dev/null)" "$out"

expect "who" "$("$vesicle" graph --who=log held.ves 2>/dev/null)" \
"log: 3 can reach it
  store -captures-> log
  app -captures-> store -captures-> log
  idle -captures-> app -captures-> store -captures-> log"
"$vesicle" graph --who=nobody held.ves >out 2>err
expect "who nobody, exit" $? 2
has "who nobody, said" "$(cat err)" "nothing alive is called nobody"

"$vesicle" graph --svg=/nowhere/out.svg held.ves >out 2>err
expect "no such folder, exit" $? 1
has "no such folder, said" "$(cat err)" "/nowhere/out.svg"
"$vesicle" graph 2>err
expect "no file, exit" $? 2
"$vesicle" graph --turns=0 held.ves 2>err
expect "no turns, exit" $? 2
"$vesicle" graph missing.ves 2>err
expect "missing, exit" $? 2

# Of a program that goes on, what there is when the signal comes.
for signal in USR1 INT TERM; do
  rm -f err
  "$vesicle" graph waits.ves >out 2>err &
  pid=$!
  for _ in {1..500}; do [ -s err ] && break; sleep 0.02; done
  kill -$signal $pid
  for _ in {1..500}; do kill -0 $pid 2>/dev/null || break; sleep 0.02; done
  kill -KILL $pid 2>/dev/null
  wait $pid
  code=$?
  if [ $signal = TERM ]; then
    expect "TERM, exit" $code 143
    expect "TERM, output" "$(cat out)" ""
  else
    expect "$signal, exit" $code 0
    has "$signal, output" "$(cat out)" 'label="main \(1 task\)"'
    has "$signal, title" "$(cat out)" "at a signal"
  fi
done

# In the middle of many turns.
cat >ring.ves <<'END'
behavior link(next) { n => next <- n }
behavior last(first) { n => first <- n - 1 }
behavior hook { #to(first) => become last(first) }
behavior main { #start(_) => {
  let end = create hook
  var next = end
  for _i in 1..2000 { next = create link(next) }
  end <- #to(next)
  next <- 1_000_000
} }
END
out=$(timeout 60 "$vesicle" graph --turns=5000 ring.ves)
expect "turns, exit" $? 0
has "turns, the links" "$out" 'link x 1,99'

exit $failed
