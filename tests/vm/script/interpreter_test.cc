// The laws of the language, as small programs. Each runs four ways: as it is, with
// a full collection at every safe point, and with slices so small that it is
// suspended everywhere; what the console gets is the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tests/vm/script/script_world.h"

namespace vesicle {
namespace {

std::vector<std::pair<std::string, CoreOptions>> Ways() {
  std::vector<std::pair<std::string, CoreOptions>> ways;
  ways.emplace_back("plain", CoreOptions{});
  CoreOptions collecting;
  collecting.heap.collect_at_every_safe_point = true;
  ways.emplace_back("collecting", collecting);
  for (int steps : {1, 3, 50}) {
    CoreOptions sliced;
    sliced.slice_steps = steps;
    ways.emplace_back("slices of " + std::to_string(steps), sliced);
    sliced.heap.collect_at_every_safe_point = true;
    ways.emplace_back("collecting, slices of " + std::to_string(steps), sliced);
  }
  return ways;
}

void Expect(const std::string& program, const std::string& expected) {
  for (const auto& way : Ways()) {
    const std::string& name = way.first;
    World world(way.second);
    CHECK_MESSAGE(world.Run(program) == expected, name);
    const char* wrong = world.core.heap().Verify();
    CHECK_MESSAGE(wrong == nullptr, wrong);
  }
}

std::string Sorted(const std::string& text) {
  std::vector<std::string> lines;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  std::sort(lines.begin(), lines.end());
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

// For programs in which several actors speak: between them there is no order.
void ExpectLines(const std::string& program, const std::string& expected) {
  for (const auto& way : Ways()) {
    const std::string& name = way.first;
    World world(way.second);
    CHECK_MESSAGE(Sorted(world.Run(program)) == Sorted(expected), name);
    const char* wrong = world.core.heap().Verify();
    CHECK_MESSAGE(wrong == nullptr, wrong);
  }
}

// An expression (or a block's content), printed.
void ExpectValue(const std::string& body, const std::string& expected,
                 const std::string& items = "") {
  Expect(items + "\nbehavior main { #start(host) => {\nlet out = host.console\n" + body + "\n} }",
         expected);
}

TEST_CASE("the counter of the language page") {
  Expect(R"(
behavior counter(count) {
  #add(n)  => become counter(count + n)
  #get     => count
}
behavior main {
  #start(host) => {
    let c = create counter(0)
    c <- #add(3)
    c <- #add(4)
    when c <- #get { n => host.console <- "count is ${n}" }
  }
})",
         "count is 7\n");
}

TEST_CASE("the ring of the language page") {
  Expect(R"(
behavior link(next) { n => next <- n }
behavior last(first, report) {
  1 => { report <- #done; become sink }
  n => { report <- #lap; first <- n - 1 }
}
behavior builder(m, report) {
  #build(first, n) =>
    if m > 1 {
      let next = create builder(m - 1, report)
      next <- #build(first, n)
      become link(next)
    } else {
      first <- n
      become last(first, report)
    }
}
behavior main { #start(host) => {
  let b = create builder(20, host.console)
  b <- #build(b, 3)
} })",
         "#lap\n#lap\n#done\n");
}

TEST_CASE("pure actors with explicit customers") {
  Expect(R"(
behavior factorial {
  [customer, 0] => customer <- 1
  [customer, n] => self <- [actor { m => customer <- m * n }, n - 1]
}
behavior main { #start(host) => {
  let f = create factorial
  f <- [host.console, 25]
} })",
         "15511210043330985984000000\n");
}

TEST_CASE("arithmetic has no edges") {
  ExpectValue(R"(
    out <- 1152921504606846975 + 1
    out <- -1152921504606846976 - 1
    out <- 4611686018427387904 * 4611686018427387904
    out <- 7 / 2
    out <- -7 / 2
    out <- -7 % 3
    out <- 2 ** 100
    out <- 1.5 + 1
    out <- 10 - 2.5
    var big = 1
    for i in 1..30 { big = big * i }
    out <- big
    out <- -big
    out <- big / -1
    nil)",
              "1152921504606846976\n-1152921504606846977\n"
              "21267647932558653966460912964485513216\n3\n-3\n-1\n"
              "1267650600228229401496703205376\n2.5\n7.5\n"
              "265252859812191058636308480000000\n-265252859812191058636308480000000\n"
              "-265252859812191058636308480000000\n");
}

TEST_CASE("comparisons, and, or, not") {
  ExpectValue(
      R"(
    out <- [1 < 2, 2 <= 1, 3 > 3, 3 >= 3, 1 == 1.0, 1 <= 1.0, "a" < "b", [1, 2] < [1, 3]]
    let x = 5
    out <- [x > 3 and x < 10, x < 3 or x == 5, not (x == 5), x != 5]
    out <- [3 < x, 5 == x, 200 > x, x >= 200, 300 <= x]
    let nan = 0.0 / 0.0
    out <- [nan < 1, nan >= 1, not (nan < 1), nan == nan]
    if nan < 1 { out <- "wrong" } else { out <- "nan is not less" }
    if not (nan < 1) { out <- "right" }
    out <- [[1, [2, {a: 3}]] == [1, [2, {a: 3}]], "long enough text" == "long enough text"]
    nil)",
      "[true, false, false, true, false, true, true, true]\n[true, true, false, false]\n"
      "[true, true, true, false, false]\n[false, false, true, true]\nnan is not less\nright\n"
      "[true, true]\n");
}

TEST_CASE("lists, maps, texts, tagged values") {
  ExpectValue(R"(
    let rest = [3, 4]
    out <- [1, 2, ...rest]
    out <- [...rest, 5, ...rest]
    out <- [...rest, 5, 6]
    out <- {name: "Ada", "a key": 1, [#k]: rest}
    out <- {a: 1, ...{a: 2, b: 3}, b: 4}
    let m = {name: "Ada", n: [10, 20, 30]}
    out <- m.name ++ "!"
    out <- m["n"][2]
    out <- #point(1, m.n[0])
    out <- "x${1 + 1}y${[1]}z${"q"}"
    out <- 2..6
    out <- [for x in 1..10 if x % 2 == 0 { x * x }]
    out <- [for [a, b] in [[1, 2], [3, 4]] { a * b }]
    nil)",
              "[1, 2, 3, 4]\n[3, 4, 5, 3, 4]\n[3, 4, 5, 6]\n"
              "{\"a key\": 1, name: \"Ada\", [#k]: [3, 4]}\n{a: 2, b: 4}\nAda!\n30\n#point(1, 10)\n"
              "x2y[1]zq\n[2, 3, 4, 5, 6]\n[4, 16, 36, 64, 100]\n[2, 12]\n");
}

TEST_CASE("long lists and maps are built in pieces") {
  std::string list;
  std::string map;
  for (int i = 0; i < 150; ++i) {
    list += (i > 0 ? ", " : "") + std::to_string(i);
    map += (i > 0 ? ", " : "") + std::string("k") + std::to_string(i) + ": " + std::to_string(i);
  }
  ExpectValue("let l = [" + list + "]\nlet m = {" + map +
                  "}\nout <- [l[0], l[31], l[32], l[149], m.k0, m.k149]\n"
                  "out <- l == [...l] and m == {...m}\nnil",
              "[0, 31, 32, 149, 0, 149]\ntrue\n");
}

TEST_CASE("patterns") {
  const std::string items = R"(
fn what(v) = match v {
  0 => "zero"
  -1 | 1 => "one"
  n if n == 1000000 => "a million"
  1.5 => "float"
  "text" => "short text"
  "a much longer text" => "long text"
  b"ab" => "bytes"
  #sym => "symbol"
  #a_longer_symbol => "long symbol"
  #pair(a, _) | #swapped(_, a) => "pair ${a}"
  #deep(#pair(x, [y, ...zs])) => "deep ${x} ${y} ${zs}"
  [] => "empty"
  [x] => "just ${x}"
  [x, ...mid, y] => "from ${x} to ${y} over ${mid}"
  {name: n, age} => "${n} is ${age}"
  {kind: #circle, ...rest} => "circle ${rest}"
  {} => "empty map"
  true => "yes"
  nil => "nothing"
  _ as other => "other ${other}"
}
fn pinned(k, v) = match v { [^k, x] => x, _ => "no" })";
  ExpectValue(
      R"(
    for v in [0, -1, 1, 1000000, 1.5, "text", "a much longer text", b"ab", #sym, #a_longer_symbol,
              #pair(1, 2), #swapped(3, 4), #deep(#pair(5, [6, 7, 8])), [], [9], [1, 2, 3, 4],
              {name: "Ada", age: 36}, {kind: #circle, r: 1}, {}, true, nil, #unknown(1)] {
      out <- what(v)
    }
    out <- pinned("a long enough key", ["a long enough key", 1])
    out <- pinned(1, [2, 1])
    let {a, b: [c, ...d]} = {a: 1, b: [2, 3, 4]}
    out <- [a, c, d]
    let [e, #f(g)] = [1, #f(2)]
    out <- e + g)",
      "zero\none\none\na million\nfloat\nshort text\nlong text\nbytes\nsymbol\nlong symbol\n"
      "pair 1\npair 4\ndeep 5 6 [7, 8]\nempty\njust 9\nfrom 1 to 4 over [2, 3]\n"
      "Ada is 36\ncircle {r: 1}\nempty map\nyes\nnothing\nother #unknown(1)\n1\nno\n"
      "[1, 2, [3, 4]]\n3\n",
      items);
}

TEST_CASE("functions: closures, recursion, tail calls") {
  const std::string items = R"(
fn fib(n) = if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
fn even(n) = if n == 0 { true } else { odd(n - 1) }
fn odd(n) = if n == 0 { false } else { even(n - 1) }
fn apply(f, x) = f(x)
fn adder(n) = fn(x) = x + n
fn compose(f, g) = fn(x) = g(f(x))
fn deep(n) = if n == 0 { 0 } else { 1 + deep(n - 1) }
let ten = apply(fn(x) = x * 2, 5)
let table = [for i in 1..5 { i * ten }])";
  ExpectValue(R"(
    out <- fib(15)
    out <- even(10001)
    out <- apply(adder(3), 4)
    out <- compose(adder(1), adder(10))(5)
    fn count(n, acc) = if n == 0 { acc } else { count(n - 1, acc + 1) }
    out <- count(2000, 0)
    fn hanoi(n) = if n == 0 { 0 } else { hanoi(n - 1) * 2 + 1 }
    out <- hanoi(70)
    out <- deep(500)
    out <- [ten, table]
    let fs = [for i in 1..3 { fn(x) = x * i }]
    out <- [for f in fs { f(10) }]
    out <- 5 |> adder(1)() |> fib()
    nil)",
              "610\nfalse\n7\n16\n2000\n1180591620717411303423\n500\n"
              "[10, [10, 20, 30, 40, 50]]\n[10, 20, 30]\n8\n",
              items + "\n");
}

TEST_CASE("loops and variables") {
  ExpectValue(R"(
    var i = 0
    var total = 0
    while i < 100 { i = i + 1; if i % 3 == 0 { total = total + i } }
    out <- total
    var down = 5
    while down > 0 and total != 0 { down = down - 1 }
    out <- down
    var text = ""
    for c in ["a", "b", "c"] { text = text ++ c }
    out <- text
    for x in [] { out <- "never" }
    for x in 3..2 { out <- "never" }
    for x in 1152921504606846974..1152921504606846977 { out <- x }
    var l = []
    for x in 1..100 { l = [x, ...l] }
    var sum = 0
    for x in l { sum = sum + x }
    out <- [l[0], l[99], sum]
    var a = 1
    let pair = [a, if true { a = 2; a } else { 0 }]
    out <- [pair, a + if true { a = 10; a } else { 0 }]
    nil)",
              "1683\n0\nabc\n1152921504606846974\n1152921504606846975\n1152921504606846976\n"
              "1152921504606846977\n[100, 1, 5050]\n[[1, 2], 12]\n");
}

TEST_CASE("try catches failures and type faults") {
  const std::string items = R"(
fn risky(n) = if n > 2 { fail #too_much(n) } else { n }
fn nested(n) = 1 + (try { 10 + risky(n) } else { #failed(#too_much(x)) if x < 5 => x * 100 }))";
  ExpectValue(R"(
    out <- try risky(1) else { e => e }
    out <- try risky(3) else { e => e }
    out <- try 1 + "a" else { #type(t) => t }
    out <- try 1 / 0 else { e => e }
    out <- try {a: 1}.b else { #missing_key(t) => t }
    out <- try [1][5] else { #bad_index(t) => t }
    out <- [nested(1), nested(4)]
    out <- try nested(9) else { #failed(e) => e }
    nil)",
              "1\n#failed(#too_much(3))\n+ wants two numbers, but got 1 and a text (`\"${x}\"` "
              "puts a value into a text)\n"
              "#divide_by_zero\nthe map has no key \"b\"\n"
              "there is no element 5 in a list of 1: the indices are 0 to 0\n"
              "[12, 401]\n#too_much(9)\n",
              items);
}

TEST_CASE("a send used is a promise, unused a tell, last a delegation") {
  ExpectLines(R"(
behavior echo { m => m }
behavior relay(to) { m => to <- m }
behavior adder(n) { #add(x) => n + x }
behavior main { #start(host) => {
  let out = host.console
  let e = create echo
  let r = create relay(create relay(e))
  when r <- 42 { v => out <- "delegated ${v}" }
  let p = r <- "later"
  when p { v => out <- v }
  when create adder(1) <- #add(2) { v => out <- v }
  let late = when r <- 1 { v => v + 1 }
  when late { v => out <- "chained ${v}" }
  nil
} })",
              "3\ndelegated 42\nlater\nchained 2\n");
}

TEST_CASE("when: broken promises, with and without else") {
  ExpectLines(R"(
behavior failing { _ => fail #no }
behavior picky { 1 => 1 }
behavior main { #start(host) => {
  let out = host.console
  let f = create failing
  when f <- 1 { v => out <- v } else { e => out <- ["broken", e] }
  let through = when f <- 2 { v => v }
  when through { v => out <- v } else { #failed(e) => out <- ["through", e] }
  when create picky <- 2 { v => out <- v } else { #no_clause(t) => out <- t }
  let other = when f <- 3 { v => v } else { #else => 1 }
  when other { v => out <- v } else { e => out <- ["none matched", e] }
  when 5 { v => out <- ["not a promise", v] }
  nil
} })",
              "[\"not a promise\", 5]\n[\"broken\", #failed(#no)]\npicky has no clause for 2\n"
              "[\"through\", #no]\n[\"none matched\", #failed(#no)]\n");
}

TEST_CASE("tasks wait, and each await commits") {
  Expect(R"(
behavior account(balance) {
  #withdraw(n) if n <= balance => { become account(balance - n); n }
  #withdraw(n) => fail #short(n)
  #deposit(n) => { become account(balance + n); nil }
  #balance => balance
}
behavior bank(a, b) {
  #withdraw(#a, n) => a <- #withdraw(n)
  #withdraw(#b, n) => b <- #withdraw(n)
  #deposit(#a, n) => a <- #deposit(n)
  #deposit(#b, n) => b <- #deposit(n)
  #deposit(_, n) => fail #nobody
}
behavior teller(bank, console) {
  #transfer(from, to, amount) => task {
    let taken = await bank <- #withdraw(from, amount)
    await bank <- #deposit(to, taken) else { why => { await bank <- #deposit(from, taken); fail why } }
    console <- "moved ${amount}"
    amount
  }
}
behavior main { #start(host) => {
  let out = host.console
  let a = create account(100)
  let b = create account(0)
  let t = create teller(create bank(a, b), out)
  task {
    out <- (await t <- #transfer(#a, #b, 30))
    let r = await t <- #transfer(#a, #c, 30) else { e => e }
    out <- r
    let s = await t <- #transfer(#a, #b, 1000) else { #failed(e) => e }
    out <- s
    out <- [await a <- #balance, await b <- #balance]
    var total = 0
    for i in 1..5 { total = total + (await b <- #balance) }
    out <- total
    out <- (await 7) + 1
  }
} })",
         "moved 30\n30\n#failed(#nobody)\n#short(1000)\n[70, 30]\n150\n8\n");
}

TEST_CASE("await in a loop, in a match, with handlers that go on") {
  Expect(R"(
behavior server {
  #double(n) => n * 2
  #bad => fail #bad
}
behavior main { #start(host) => {
  let out = host.console
  let s = create server
  task {
    let doubled = [for x in 1..3 { await s <- #double(x) }]
    out <- doubled
    let v = match await s <- #double(4) { 8 => "eight", _ => "?" }
    out <- v
    for i in 1..3 {
      let r = await s <- (if i == 2 { #bad } else { #double(i) }) else { e => "caught" }
      out <- r
    }
    await s <- #bad else { #other => 1 }
  }
} })",
         "[2, 4, 6]\neight\n2\ncaught\n6\nfault: #failed(#bad)\n");
}

TEST_CASE("a fault undoes the whole turn") {
  Expect(R"(
behavior clumsy(out, n) {
  #bad => {
    out <- "never seen"
    become clumsy(out, 99)
    1 + nil
  }
  #get => n
}
behavior main { #start(host) => {
  let c = create clumsy(host.console, 1)
  when c <- #bad { _ => nil } else { e => host.console <- e }
  when c <- #get { n => host.console <- n }
  nil
} })",
         "#type(\"+ wants two numbers, but got 1 and nil\")\n1\n");
}

TEST_CASE("acts: told, asked and last") {
  ExpectLines(R"(
behavior echo { m => m }
act broadcast(subscribers, m) { for s in subscribers { s <- m } }
act ask(e, m) { e <- m }
act twice(e, m) { ask(e, m); ask(e, m) }
act made(n) { let e = create echo; ask(e, n) }
act loop(out, n) { if n > 0 { out <- n; loop(out, n - 1) } else { nil } }
act waits(e, m) { when e <- m { v => v + 1 } }
behavior front(e) {
  #ask(m) => ask(e, m)
  #twice(m) => twice(e, m)
  #waits(m) => waits(e, m)
}
behavior main { #start(host) => {
  let out = host.console
  let e = create echo
  broadcast([out, out], "hello")
  when ask(e, 1) { v => out <- v }
  when twice(e, 2) { v => out <- v }
  let f = create front(e)
  when f <- #ask(3) { v => out <- v }
  when f <- #twice(4) { v => out <- v }
  when f <- #waits(5) { v => out <- v }
  when made(7) { v => out <- v }
  loop(out, 3)
} })",
              "hello\nhello\n3\n2\n1\n1\n2\n7\n3\n4\n6\n");
}

TEST_CASE("promise() and its resolver") {
  ExpectLines(R"(
behavior main { #start(host) => {
  let out = host.console
  let [p, r] = promise()
  when p { v => out <- v }
  p <- "ignored"
  r <- #fulfill(5)
  r <- #fulfill(6)
  let [q, s] = promise()
  when q { v => out <- v } else { e => out <- e }
  s <- #break(#reason)
  let [t, u] = promise()
  t <- "through the promise"
  u <- #fulfill(out)
} })",
              "through the promise\n5\n#failed(#reason)\nfault: #not_a_ref\n");
}

TEST_CASE("become with changes some captures") {
  Expect(R"(
behavior point(x, y, out) {
  #right(n) => become with (x: x + n)
  #both(a, b) => become with (y: a, x: b)
  #swap => become with (x: y, y: x)
  #show => out <- [x, y]
}
behavior main { #start(host) => {
  let p = create point(1, 2, host.console)
  p <- #right(10)
  p <- #show
  p <- #both(5, 6)
  p <- #show
  p <- #swap
  p <- #show
} })",
         "[11, 2]\n[6, 5]\n[5, 6]\n");
}

TEST_CASE("behaviors are values") {
  Expect(R"(
behavior counter(n) { #get => n }
behavior maker(b) { #make => create b }
behavior main { #start(host) => {
  let out = host.console
  let b = counter(7)
  let m = create maker(b)
  when m <- #make { c => when c <- #get { n => out <- n } }
  let k = 5
  let lit = behavior { x => out <- x + k }
  create lit <- 1
  let s = create sink
  s <- "swallowed"
  out <- self == self
  create b <- #get
  nil
} })",
         "true\n6\n7\n");
}

TEST_CASE("self in continuations is the actor that wrote them") {
  Expect(R"(
behavior echo { m => m }
behavior a(out, e) {
  #go => { when e <- 1 { v => self <- #back(v) }; task { let v = await e <- 2; self <- #back(v) } }
  #back(v) => out <- v
}
behavior main { #start(host) => { let x = create a(host.console, create echo); x <- #go } })",
         "1\n2\n");
}

TEST_CASE("what is wrong is said in the user's words") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"1 + nil", "#type(\"+ wants two numbers, but got 1 and nil\")"},
      {"\"a\" + \"b\"",
       "#type(\"+ wants two numbers, but got a text and a text (`++` joins texts and lists)\")"},
      {"[1] ++ 2",
       "#type(\"++ wants two texts, two lists or two bytes, but got a list of 1 and 2\")"},
      {"5(1)", "#type(\"only a function can be called, but this is 5\")"},
      {"f(1, 2)", "#type(\"main.fn takes 1 argument, but got 2\")"},
      {"if 1 { 2 } else { 3 }", "#type(\"`if` wants true or false, but got 1\")"},
      {"1 and true", "#type(\"`and` wants true or false, but got 1\")"},
      {"1 < \"a\"",
       "#type(\"< wants two numbers, texts, bytes or lists of such, but got 1 and a text\")"},
      {"f == f",
       "#type(\"== does not look into functions and behaviors; it got a function and a "
       "function\")"},
      {"nil.x", "#type(\".x wants a map on its left, but got nil\")"},
      {"{[fn() = 1]: 1}", "#type(\"a key is data or a ref, but got a function\")"},
      {"match 5 { 6 => 1 }", "#no_match(\"no clause of this `match` takes 5\")"},
      {"[...5]", "#type(\"`...` in a list wants a list, but got 5\")"},
      {"-\"x\"", "#type(\"- wants a number, but got a text\")"},
      {"1..\"x\"", "#type(\"a range wants two integers, but got 1 and a text\")"},
      {"2 <- 3", "#type(\"<- wants a ref or a promise on its left, but got 2\")"},
      {"create 5", "#type(\"create wants a behavior, but got 5\")"},
  };
  for (const auto& one : cases) {
    const std::string& expression = one.first;
    const std::string& expected = one.second;
    World world;
    const std::string output =
        world.Run("behavior main { #start(host) => { let f = fn(x) = x\nlet v = " + expression +
                  "\nf(v) } }");
    // A report shows the beginning of a long text.
    constexpr size_t kShown = 66;
    CHECK(output.substr(0, kShown) == ("fault: " + expected + "\n").substr(0, kShown));
  }
}

TEST_CASE("a fault has its place, and the calls that led there") {
  World world;
  world.Run(
      "fn half(n) = n / 0\nfn outer(n) = 1 + half(n)\n"
      "behavior main { #start(host) => { let x = outer(4)\n host.console <- x } }");
  REQUIRE(world.faults.size() == 1);
  const FaultReport& report = world.faults[0];
  CHECK(report.reason == "#divide_by_zero");
  CHECK(report.behavior == "main");
  CHECK(report.place.file == "test.ves");
  CHECK(report.place.line == 1);
  CHECK(report.place.column == 14);
  CHECK(report.place.excerpt == "fn half(n) = n / 0");
  REQUIRE(report.calls.size() == 2);
  CHECK(report.calls[0].behavior == "outer");
  CHECK(report.calls[0].place.line == 2);
  CHECK(report.calls[1].behavior == "main");
}

TEST_CASE("limits are faults that no try catches") {
  const std::string program = R"(
fn down(n) = 1 + down(n + 1)
behavior main { #start(host) => {
  let x = try down(0) else { e => 0 }
  host.console <- x
} })";
  CoreOptions options;
  options.call_depth_max = 1000;
  World world(options);
  CHECK(world.Run(program) == "fault: #limit(\"calls are nested more than 1000 deep\")\n");

  CoreOptions steps;
  steps.steps_per_turn_max = 100'000;
  World endless(steps);
  const std::string output =
      endless.Run("behavior main { #start(h) => { var i = 0; while true { i = i + 1 } } }");
  CHECK(output.starts_with("fault: "));
}

TEST_CASE("an endless loop holds up nobody else") {
  CoreOptions options;
  options.steps_per_turn_max = 1'000'000;
  World world(options);
  CHECK(world
            .Run(R"(
behavior spinner { _ => { var i = 0; while true { i = i + 1 } } }
behavior main { #start(host) => {
  let s = create spinner
  s <- 1
  host.console <- "still here"
} })")
            .starts_with("still here\n"));
}

TEST_CASE("a big equality and a big text are suspended in the middle") {
  CoreOptions options;
  options.slice_steps = 50;
  options.heap.collect_at_every_safe_point = true;
  World world(options);
  CHECK(world.Run(R"(
fn big(n) = [for i in 1..n { [i, "some text number ${i}"] }]
behavior main { #start(host) => {
  let a = big(3000)
  let b = big(3000)
  host.console <- a == b
  host.console <- a == [...b, 1]
  let t = "${a}"
  host.console <- t == "${b}"
  host.console <- a <= b
  host.console <- (1..3000) == (1..3000)
} })") == "true\nfalse\ntrue\ntrue\ntrue\n");
  CHECK(world.core.stats().suspensions > 10);
}

// ---------------------------------------------------------------------------

class KillAt final : public Probe {
 public:
  explicit KillAt(int64_t n) : left_(n) {}
  bool OnInstruction(Op) override { return --left_ != 0; }
  bool was_reached() const { return left_ <= 0; }

 private:
  int64_t left_;
};

TEST_CASE("a turn killed at any instruction leaves nothing behind") {
  const std::string program = R"(
behavior cell(v, out) {
  #set(x) => {
    out <- "set"
    let copy = create cell(v, out)
    become cell(x, copy)
    let pair = [x, ...[v]]
    copy <- #get(pair)
    x
  }
  #get(_) => v
}
behavior main { _ => nil })";
  for (int64_t n = 1;; ++n) {
    World world;
    REQUIRE(world.Load(program));
    const Value args[] = {Value::SmallInt(1),
                          world.core.CreateActor(*world.module->Behavior("main", {}))};
    const Root cell(world.core.heap(),
                    world.core.CreateActor(*world.module->Behavior("cell", args)));
    KillAt probe(n);
    world.interpreter->set_probe(&probe);
    Value fields[] = {Value::SmallInt(5)};
    const Value set =
        MakeTagged(world.core.heap(), world.core.symbols().Intern("set").value(), fields).value();
    world.core.Deliver(cell.value(), set, Value::Nil());
    world.core.RunSlice(1);
    world.interpreter->set_probe(nullptr);
    const Object* actor = cell.value().target();
    if (!probe.was_reached()) {
      CHECK(n > 10);
      break;
    }
    if (world.core.stats().turns == 0) {  // killed in the turn that is looked at
      CHECK(world.core.stats().faults == 1);
      CHECK(actor->words()[1] == Value::SmallInt(1));
      CHECK_FALSE(world.core.RunSlice(1000));
      CHECK(world.core.stats().turns == 0);
    }
  }
}

}  // namespace
}  // namespace vesicle
