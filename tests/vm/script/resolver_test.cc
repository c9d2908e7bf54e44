#include "vm/script/compile/resolver.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "doctest/doctest.h"
#include "vm/script/syntax/parser.h"

namespace vesicle {
namespace {

class TestEnvironment : public NamesAround {
 public:
  std::optional<Builtin> FindBuiltin(std::string_view name) const override {
    if (name == "sink") return Builtin{1, Declared::kBehavior, {0, 0}};
    if (name == "membrane") return Builtin{2, Declared::kBehavior, {1, 1}};
    if (name == "promise") return Builtin{3, Declared::kAct, {0, 0}};
    if (name == "filter") return Builtin{4, Declared::kFunction, {2, 2}};
    if (name == "fold") return Builtin{5, Declared::kFunction, {3, 3}};
    if (name == "get") return Builtin{6, Declared::kFunction, {2, 3}};
    if (name == "all") return Builtin{7, Declared::kAct, {1, Arity::kAny}};
    return std::nullopt;
  }
  std::optional<Imported> FindImported(const Item& import, std::string_view name) const override {
    if (import.path != "q.ves") return std::nullopt;
    if (name == "push") return Imported{Declared::kFunction, {2, 2}};
    if (name == "notify") return Imported{Declared::kAct, {1, 1}};
    if (name == "empty") return Imported{Declared::kValue, {0, 0}};
    if (name == "server") return Imported{Declared::kBehavior, {1, 1}};
    return std::nullopt;
  }
  void EachBuiltin(absl::FunctionRef<void(std::string_view)> use) const override {
    for (const char* name : {"sink", "membrane", "promise", "filter", "fold", "get", "all"}) {
      use(name);
    }
  }
  void EachImported(const Item&, absl::FunctionRef<void(std::string_view)> use) const override {
    for (const char* name : {"push", "notify", "empty", "server"}) use(name);
  }
};

struct Module {
  std::unique_ptr<Source> source;
  Ast ast;
  std::string errors;
};

Module Load(std::string text) {
  Module module;
  module.source = std::make_unique<Source>("t.ves", std::move(text));
  Diagnostics diagnostics;
  module.ast = Parse(*module.source, diagnostics);
  REQUIRE_MESSAGE(!diagnostics.has_errors(), diagnostics.Print(*module.source));
  Resolve(module.ast, TestEnvironment(), diagnostics);
  module.errors = diagnostics.Print(*module.source);
  return module;
}

std::string Errors(std::string text) { return Load(std::move(text)).errors; }
bool Good(std::string text) {
  const std::string errors = Errors(std::move(text));
  if (!errors.empty()) MESSAGE(errors);
  return errors.empty();
}
bool Has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  MESSAGE("in:\n" << text << "\nnot found: " << part);
  return false;
}
// Errors of statements in a clause of a behavior with captures `count`, `peer`.
std::string Acts(const std::string& text) {
  return Errors("behavior b(count, peer) {\n  #m(a) => {\n" + text + "\n  }\n}");
}
std::string Computes(const std::string& text) { return Errors("fn f(a) {\n" + text + "\n}"); }
std::string Tests(const std::string& text) { return Errors("test \"t\" {\n" + text + "\n}"); }

template <typename T>
const T& Body(const Unit& unit) {
  return As<T>(*unit.body);
}

TEST_CASE("resolver: the programs of the language page") {
  CHECK(Good(R"(
behavior counter(count) {
  #add(n)  => become counter(count + n)
  #get     => count                          // the value of a clause is the reply
}

behavior main {
  #start(host) => {
    let c = create counter(0)
    c <- #add(3)                             // tell: nobody looks at the result
    c <- #add(4)
    when c <- #get { n => host.console <- "count is ${n}" }     // ask: a promise
  }
}
test "a counter counts" {
  let c = create counter(0)
  c <- #add(2)
  expect (await c <- #get) == 2
}
)"));
  CHECK(Good(R"(
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
)"));
  CHECK(Good(R"(
behavior factorial {
  [customer, 0] => customer <- 1
  [customer, n] => self <- [actor { m => customer <- m * n }, n - 1]
}
fn total(xs) = xs |> filter(fn(x) = x > 0) |> fold(0, fn(a, x) = a + x)
behavior teller(bank, console) {
  #transfer(from, to, amount) => task {
    let taken = await bank <- #withdraw(from, amount)
    await bank <- #deposit(to, taken) else { why => { await bank <- #deposit(from, taken); fail why } }
    console <- "moved ${amount}"
  }
}
act broadcast(subscribers, m) {              // a procedure: callable only where acting is allowed
  for s in subscribers { s <- m }
}
)"));
}

TEST_CASE("resolver: a misspelt name is told once, with the likely one") {
  CHECK(Has(Acts("cuont"), "t.ves:3:1: error: there is no `cuont` here"));
  CHECK(Has(Acts("cuont"), "hint: did you mean `count`?"));
  CHECK(Has(Errors("behavior main { #start(host) => hots.console <- 1 }"), "did you mean `host`?"));
  CHECK(Has(Computes("filtr(a, a)"), "did you mean `filter`?"));
  CHECK(Has(Computes("spawn(a)"), "hint: a new actor is `create counter(0)`"));
  CHECK(Has(Acts("a and (peer <- 1)"), "a send is a promise, and `and` does not take one"));
  CHECK(Has(Acts("let x = (peer <- 1) + 1\nx"), "a send is a promise, and `+` does not"));
  CHECK(Has(Acts("if (peer <- 1) { 1 }"), "a send is a promise, and a condition does not"));
  CHECK(Acts("a and (peer <- 1)\nnil").empty());
  CHECK(Has(Computes("null"), "nothing is `nil`"));
  const std::string twice = Computes("let x = zzz\nzzz + x");
  CHECK(twice.find("zzz` here") == twice.rfind("zzz` here"));
}

TEST_CASE("resolver: names are seen after their `let`, in their block, and may be shadowed") {
  CHECK(Good("fn f(a) { let a = a + 1; { let b = a; b } }"));
  CHECK(Has(Computes("{ let b = a }\nb"), "there is no `b`"));
  CHECK(Has(Computes("let b = c\nlet c = 1\nb"), "there is no `c`"));
  CHECK(Has(Computes("for x in a { let y = x }\nx"), "there is no `x`"));
  CHECK(Good("fn filter(a) = a\nfn g(a) = filter(a)"));
}

TEST_CASE("resolver: what is named twice") {
  CHECK(Has(Errors("fn f(a) = 1\nbehavior f { _ => 1 }"), "there are two `f` in this file"));
  CHECK(Has(Errors("fn f(a) = 1\nfn f(b) = 1"), "t.ves:1:4: note: the first one"));
  CHECK(Has(Errors("fn f(a, a) = a"), "there are two parameters `a`"));
  CHECK(Good("fn f(_, _) = 1"));
  CHECK(Has(Errors("behavior b { [x, x] => x }"), "this pattern binds `x` twice"));
  CHECK(Has(Errors("behavior b { [x, #a | [x]] => x }"), "only one side of `|` binds `x`"));
  CHECK(Has(Errors("behavior b { [x, #a(x) | [x]] => x }"), "this pattern binds `x` twice"));
}

TEST_CASE("resolver: both sides of `|` bind the same names, to the same bindings") {
  const Module module = Load("behavior b { #a(x, y) | #b(y, x) => x - y }");
  CHECK(module.errors == "");
  const Clause& clause = module.ast.items[0]->unit->clauses[0];
  const auto& either = As<EitherPattern>(*clause.pattern);
  const auto& first = As<TaggedPattern>(*either.alternatives[0]);
  const auto& second = As<TaggedPattern>(*either.alternatives[1]);
  CHECK(As<BindPattern>(*first.args[0]).binding == As<BindPattern>(*second.args[1]).binding);
  CHECK(As<BindPattern>(*first.args[1]).binding == As<BindPattern>(*second.args[0]).binding);
  CHECK(Has(Errors("behavior b { #a(x) | #b(y) => 1 }"), "only one side of `|` binds `y`"));
  CHECK(Has(Errors("behavior b { #a(x) | #b => 1 }"), "this side of `|` does not bind `x`"));
}

TEST_CASE("resolver: pins and computed keys mean what is around the pattern") {
  CHECK(Good("behavior b(k) { [^k, {[k]: k}] => k }"));
  CHECK(Has(Errors("behavior b { [x, ^x] => x }"), "there is no `x` here"));
}

TEST_CASE("resolver: only a `var` changes, and nobody captures it") {
  CHECK(Good("fn f(a) { var n = 0; while n < a { n = n + 1 }; n }"));
  CHECK(Has(Computes("let n = 0\nn = 1"), "`n` is not a `var` and is fixed"));
  CHECK(Has(Computes("let n = 0\nn = 1"), "t.ves:2:5: note: `n` is declared here"));
  CHECK(Has(Computes("a = 1"), "`a` is not a `var`"));
  CHECK(Has(Computes("var count = 1\ncuont = 2"), "did you mean `count`?"));
  CHECK(Has(Computes("n = 1"), "there is no variable `n` here"));
  CHECK(Has(Computes("f = 1"), "`f` belongs to the module"));
  const std::string captured = Computes("var n = 0\nlet g = fn(x) = x + n\ng(1)");
  CHECK(Has(captured, "t.ves:3:21: error: `n` is a `var`, and a function cannot capture it"));
  CHECK(Has(captured, "t.ves:2:5: note: `n` is declared here"));
  CHECK(Has(Acts("var n = 0\nwhen peer <- 1 { _ => peer <- n }"), "a `when` cannot capture it"));
  CHECK(Has(Acts("var n = 0\ntask { peer <- n }"), "a task cannot capture it"));
  CHECK(Has(Acts("var n = 0\ncreate behavior { _ => n }"), "a behavior cannot capture it"));
  CHECK(Has(Acts("var n = 0\ntask { fn() = n }"), "a task cannot capture it"));
  CHECK(Has(Acts("var n = 0\ntask { n = 1 }"), "a task cannot capture it"));
}

TEST_CASE("resolver: functions do not act, and say what to do instead") {
  const std::string send = Errors("fn f(a) = a <- 1");
  CHECK(Has(send, "t.ves:1:13: error: a function cannot send"));
  CHECK(Has(send, "to act, declare it as `act f`"));
  CHECK(Has(Computes("create sink"), "a function cannot create an actor"));
  CHECK(Has(Computes("actor { _ => 1 }"), "a function cannot create an actor"));
  CHECK(Has(Computes("become sink"), "a function cannot become"));
  CHECK(Has(Computes("when a { _ => 1 }"), "a function cannot wait with `when`"));
  CHECK(Has(Computes("task { 1 }"), "a function cannot start a task"));
  CHECK(Has(Computes("await a"), "a function cannot await"));
  CHECK(Has(Computes("self"), "a function cannot name `self`"));
  CHECK(Has(Computes("promise()"), "a function cannot call the act `promise`"));
  CHECK(Has(Errors("act g() = nil\nfn f() = g()"), "a function cannot call the act `g`"));
  CHECK(Has(Acts("filter(a, fn(x) { x <- 1 })"), "act in a `for`"));
  CHECK(Good("fn f(a) = fail a"));
  CHECK(Good("fn f(a) = behavior { x => x <- a }"));
  CHECK(Has(Errors("let x = create sink"), "a constant of a module cannot create an actor"));
}

TEST_CASE("resolver: guards, keys in patterns and what `try` tries do not act") {
  CHECK(Has(Errors("behavior b { x if (x <- 1) == 2 => 1 }"), "a guard cannot send"));
  CHECK(Has(Acts("try create sink else { _ => nil }"), "what `try` tries cannot create an actor"));
  CHECK(Good("behavior b(p) { x => try x + 1 else { why => p <- why } }"));
}

TEST_CASE("resolver: `become` stands in a clause of the actor itself") {
  CHECK(Acts("become b(count + 1, peer)") == "");
  CHECK(Acts("if count > 1 { become sink } else { match a { _ => become a } }") == "");
  CHECK(Has(Acts("when peer <- 1 { _ => become sink }"), "send `self` a message, and become"));
  CHECK(Has(Acts("task { become sink }"), "`become` stands in a clause of the actor itself"));
  CHECK(Has(Errors("act f() { become sink }"), "`become` stands in a clause"));
  CHECK(Has(Tests("become sink"), "a test has no behavior of its own"));
}

TEST_CASE("resolver: `await` stands in tasks and tests, `expect` in tests") {
  CHECK(Tests("let x = await create sink <- 1\nexpect x == nil") == "");
  CHECK(Acts("task { await peer <- 1 }") == "");
  CHECK(Has(Acts("await peer <- 1"), "`await` stands in a task or a test only"));
  CHECK(Has(Errors("act f(p) = await p"), "an act cannot wait"));
  CHECK(Has(Acts("task { when peer <- 1 { p => await p } }"), "`await` stands in a task"));
  CHECK(Has(Acts("expect count == 1"), "`expect` stands in a `test` only"));
}

TEST_CASE("resolver: acts are called, behaviors with parameters take them") {
  CHECK(Has(Errors("act g() = nil\nbehavior b { _ => g }"), "`g` is an act; acts are called"));
  CHECK(Has(Acts("let x = promise"), "`promise` is an act"));
  CHECK(Has(Acts("create b"), "`b` needs 2 arguments to be a behavior"));
  CHECK(Has(Acts("create b(1)"), "`b` takes 2 arguments, here is 1"));
  CHECK(Has(Acts("create sink()"), "`sink` has no parameters; it is itself the behavior"));
  CHECK(Acts("create sink\ncreate membrane({})\ncreate a") == "");
  CHECK(Has(Computes("f(1, 2)"), "`f` takes 1 argument, here are 2"));
  CHECK(Has(Computes("a |> f(1)"), "`f` takes 1 argument, here are 2"));
  CHECK(Has(Computes("get(a)"), "`get` takes 2 to 3 arguments, here is 1"));
  CHECK(Has(Acts("all()"), "`all` takes 1 argument or more, here are 0"));
  CHECK(Acts("all(1, 2, 3)") == "");
  CHECK(Computes("a(1, 2, 3)") == "");
}

TEST_CASE("resolver: a value that nobody uses is an error") {
  CHECK(Has(Acts("count\nnil"), "t.ves:3:1: error: nobody uses the value"));
  CHECK(Has(Acts("count + 1\nnil"), "nobody uses"));
  CHECK(Has(Acts("peer\n(count)"), "nobody uses"));
  CHECK(Has(Acts("if count > 1 { 5 }\nnil"), "nobody uses"));
  CHECK(Has(Acts("b(1, peer)\nnil"), "did you mean `create b(..)`?"));
  CHECK(Has(Acts("for x in a { x + 1 }"), "nobody uses"));
  CHECK(Has(Computes("f(a)\nnil"), "`let _ = ..` keeps a call for its `fail`"));
  CHECK(Has(Acts("nil\ncount"), "`nil` stands at the end of a block"));
  CHECK(Has(Tests("(await create sink <- 1) == 1\nnil"), "write `expect` before it"));
  CHECK(Has(Acts("count == 1\nnil"), "`=` assigns to a `var`"));
  CHECK(Acts("if count > 1 { peer <- 1 } else { nil }\nnil") == "");
  CHECK(Acts("count > 1 and (peer <- 1)\nnil") == "");
  CHECK(Acts("count > 1 or fail 2\nnil") == "");
  CHECK(Acts("let _ = count\npromise()\ncount") == "");
}

TEST_CASE("resolver: `become with` changes captures, past what the clause binds") {
  const Module module = Load("behavior b(x, y) { #set(y) => become with (y: y, x: x + 1) }");
  CHECK(module.errors == "");
  const Unit& unit = *module.ast.items[0]->unit;
  const auto& become = As<BecomeWithExpr>(*unit.clauses[0].body);
  CHECK(become.fields[0].capture == 1);
  CHECK(become.fields[1].capture == 0);
  CHECK(As<NameExpr>(*become.fields[0].value).ref.kind == RefKind::kLocal);

  const Module literal = Load("act f(n) = actor { #set(n) => become with (n: n)\n #get => n }");
  CHECK(literal.errors == "");
  const Unit& actor = *Body<ActorExpr>(*literal.ast.items[0]->unit).unit;
  REQUIRE(actor.captures.size() == 1);
  CHECK(actor.captures[0].from == CaptureFrom::kLocal);
  CHECK(As<NameExpr>(*actor.clauses[1].body).ref.kind == RefKind::kCapture);

  CHECK(Has(Acts("become with (cuont: 1)"), "this behavior has no `cuont` to change"));
  CHECK(Has(Acts("become with (cuont: 1)"), "did you mean `count`?"));
  CHECK(Has(Acts("become with (a: 1)"), "this behavior has no `a` to change"));
  CHECK(Has(Acts("become with (count: 1, count: 2)"), "`count` is changed twice"));
  CHECK(Has(Acts("task { become with (count: 1) }"), "`become` stands in a clause"));
}

TEST_CASE("resolver: captures go through every unit between, parameters come first") {
  const Module module = Load("behavior b(p, q) { m => task { when q { v => [m, p, v] } } }\n");
  CHECK(module.errors == "");
  const Unit& behavior = *module.ast.items[0]->unit;
  REQUIRE(behavior.captures.size() == 2);
  CHECK(behavior.captures[1].from == CaptureFrom::kParameter);
  const Unit& task = *As<TaskExpr>(*behavior.clauses[0].body).unit;
  REQUIRE(task.captures.size() == 3);
  CHECK(task.captures[0].name == "q");
  CHECK(task.captures[0].from == CaptureFrom::kCapture);
  CHECK(task.captures[0].index == 1);
  CHECK(task.captures[1].name == "m");
  CHECK(task.captures[1].from == CaptureFrom::kLocal);
  CHECK(task.parent == &behavior);
  REQUIRE(module.ast.units.size() == 3);
  const Unit& when = *module.ast.units[2];
  REQUIRE(when.captures.size() == 2);
  CHECK(when.captures[0].from == CaptureFrom::kCapture);
  CHECK(when.captures[0].index == 1);
  const auto& list = As<ListExpr>(*when.clauses[0].body);
  CHECK(As<NameExpr>(*list.elements[1].value).ref.index == 1);
  CHECK(As<NameExpr>(*list.elements[2].value).ref.kind == RefKind::kLocal);
}

TEST_CASE("resolver: a local function names itself without a capture") {
  const Module module =
      Load("fn f(a) {\n fn g(n) = if n < 1 { fn() = g(n) } else { g(n - 1) }\n g(a)\n}");
  CHECK(module.errors == "");
  REQUIRE(module.ast.units.size() == 3);
  CHECK(module.ast.units[1]->captures.empty());
  REQUIRE(module.ast.units[2]->captures.size() == 2);
  CHECK(module.ast.units[2]->captures[0].from == CaptureFrom::kSelf);
  CHECK(Has(Computes("let g = fn(n) = g(n)\ng(a)"), "there is no `g` here"));
}

TEST_CASE("resolver: the last position passes through blocks, if, match and handlers") {
  const Module module =
      Load("behavior b(p) { m => { p <- 1; if m { p <- 2 } else { match m { _ => p <- 3 } } } }");
  CHECK(module.errors == "");
  const auto& block = As<BlockExpr>(*module.ast.items[0]->unit->clauses[0].body);
  CHECK(block.statements[0]->use == Use::kUnused);
  const auto& node = As<IfExpr>(*block.statements[1]);
  CHECK(node.branches[0].condition->use == Use::kValue);
  CHECK(As<BlockExpr>(*node.branches[0].body).statements[0]->use == Use::kLast);
  const auto& match = As<MatchExpr>(*As<BlockExpr>(*node.else_body).statements[0]);
  CHECK(match.clauses[0].body->use == Use::kLast);

  const Module tries = Load("fn f(a) = try f(a) else { _ => f(1) }");
  const auto& attempt = Body<TryExpr>(*tries.ast.items[0]->unit);
  CHECK(attempt.body->use == Use::kValue);
  CHECK(attempt.handlers[0].body->use == Use::kLast);

  const Module loop = Load("act f(a) { for x in a { x <- 1 } }");
  const auto& body = Body<BlockExpr>(*loop.ast.items[0]->unit);
  const auto& inner = As<BlockExpr>(*As<ForExpr>(*body.statements[0]).body);
  CHECK(inner.statements[0]->use == Use::kUnused);
}

TEST_CASE("resolver: `self` is of the actor that wrote the `when` or the task") {
  const Module module = Load(
      "behavior b(p) { _ => when p { _ => task { self <- 1 } } }\nbehavior c(p) { _ => actor { _ "
      "=> self } }");
  CHECK(module.errors == "");
  CHECK(module.ast.items[0]->unit->uses_self);
  CHECK_FALSE(module.ast.items[1]->unit->uses_self);
}

TEST_CASE("resolver: no clause stands behind one that takes everything") {
  for (const char* all : {"_", "x", "x as y", "1 | _", "_ as z"}) {
    for (const char* clauses : {"%=>1\n2=>3", "0=>9\n%=>1\n2=>3", "%=>1\n_ if v == 1=>3"}) {
      std::string text(clauses);
      text.replace(text.find('%'), 1, all);
      const std::string what = "no value comes to this clause";
      CHECK(Has(Errors("fn f(v) = match v {\n" + text + "\n}"), what));
      CHECK(Has(Errors("fn f(v) = try v else {\n" + text + "\n}"), what));
      CHECK(Has(Errors("behavior b(v) {\n" + text + "\n}"), what));
      CHECK(Has(Acts("when a {\n" + text + "\n}").substr(0), "note: this one takes everything"));
      CHECK(Has(Acts("when a { _ => 1 } else {\n" + text + "\n}"), what));
      CHECK(Has(Tests("let v = 1\nlet _ = await v else {\n" + text + "\n}"), what));
    }
  }
  const std::string hidden = Errors("let low = 1\nfn f(v) = match v {\n low => 1\n _ => 2\n}");
  CHECK(Has(hidden, "t.ves:4:2: error: no value comes to this clause"));
  CHECK(Has(hidden, "hint: `low` in a pattern is a new name; `^low` takes what is the same"));
  CHECK(Has(hidden, "t.ves:3:2: note: this one takes everything"));
  CHECK(Good("fn f(v) = match v { x if x == 1 => 1, [_, ...] | {...} => 2, ^v => 3, _ => 4 }"));
}

TEST_CASE("resolver: a function that names itself is told how to") {
  const std::string hint = "hint: a function that names itself is declared `fn g(..)`";
  CHECK(Has(Computes("let g = fn(n) = g(n)\ng(a)"), hint));
  CHECK(Has(Computes("let g = fn(n) = [for x in n { g(x) }]\ng(a)"), hint));
  CHECK(Has(Errors("let g = fn(n) = g(n)"), hint));
  CHECK(!Has(Computes("let g = [fn(n) = f(n)]\ng"), hint));
  CHECK(Good("fn f(n) {\nlet f = fn(m) = m\nf(n)\n}"));
}

TEST_CASE("resolver: a wrong number of arguments shows how the function is called") {
  CHECK(Has(Errors("fn put_in(map, key) = [map, key]\nfn g(a) = put_in(a)"),
            "hint: `put_in(map, key)`"));
  CHECK(Has(Errors("behavior b(x) { _ => x }\nbehavior c { _ => create b() }"), "hint: `b(x)`"));
  CHECK(Has(Errors("fn f() = 1\nfn g(a) = f(a)"), "hint: `f()`"));
}

TEST_CASE("resolver: names of an imported module") {
  const std::string import = "import \"q.ves\" as q\n";
  const Module module = Load(import + "fn f(a) = q.push(a, q.empty)");
  CHECK(module.errors == "");
  const auto& call = Body<CallExpr>(*module.ast.items[1]->unit);
  const auto& callee = As<NameExpr>(*call.callee);
  CHECK(callee.ref.kind == RefKind::kImported);
  CHECK(callee.ref.member == "push");
  CHECK(callee.ref.item == module.ast.items[0]);
  CHECK(As<NameExpr>(*call.args[1]).ref.declared == Declared::kValue);
  CHECK(Has(Errors(import + "fn f() = q._hidden"), "`_hidden` is private to its module"));
  CHECK(Has(Errors(import + "fn f(a) = q.psh(a, a)"), "the module `q` has no `psh`"));
  CHECK(Has(Errors(import + "fn f(a) = q.psh(a, a)"), "did you mean `push`?"));
  CHECK(Has(Errors(import + "fn f(a) = q.push(a)"), "`push` takes 2 arguments, here is 1"));
  CHECK(Has(Errors(import + "fn f(a) = q"), "`q` is a module, not a value"));
  CHECK(Has(Errors(import + "fn f(a) = q.notify(a)"), "cannot call the act `notify`"));
  CHECK(Has(Errors(import + "act f(a) = a <- q.server"), "`server` needs 1 argument"));
  CHECK(Good(import + "fn f(q) = q.push"));
  CHECK(Good(import + "act f(a) { q.notify(a); create q.server(1) }"));
}

TEST_CASE("resolver: constants need nothing that comes later") {
  CHECK(Good("let a = 1\nlet b = f(a)\nfn f(x) = x + a"));
  CHECK(Has(Errors("let a = b\nlet b = 1"), "t.ves:1:9: error: `b` is not computed yet"));
  CHECK(Has(Errors("let a = a"), "`a` is not computed yet"));
  CHECK(Has(Errors("let a = f()\nfn f() = g()\nfn g() = f() + b\nlet b = 1"),
            "`f` needs `b`, which is not computed yet"));
  CHECK(Good("let a = fn() = 1\nbehavior c { _ => b }\nlet b = 2"));
}

TEST_CASE("resolver: what a module exports") {
  const Module module =
      Load("fn f(a) = a\nfn _g(a) = a\nlet c = 1\nbehavior b(x, y) { _ => x + y }");
  CHECK(Exported(*module.ast.items[0])->arity.max == 1);
  CHECK_FALSE(Exported(*module.ast.items[1]).has_value());
  CHECK(Exported(*module.ast.items[2])->declared == Declared::kValue);
  CHECK(Exported(*module.ast.items[3])->arity.min == 2);
}

TEST_CASE("resolver: the deepest tree that parses also resolves") {
  auto nest = [](int n, const std::string& open, const std::string& in, const std::string& close) {
    std::string out;
    for (int i = 0; i < n; ++i) out += open;
    out += in;
    for (int i = 0; i < n; ++i) out += close;
    return out;
  };
  // As deep as the parser lets it be, for several shapes.
  const std::vector<std::pair<std::string, std::string>> shapes = {{"fn(x) = ", ""},
                                                                   {"[", "]"},
                                                                   {"if a { ", " }"},
                                                                   {"match a { _ => ", " }"},
                                                                   {"{ let y = 1; ", " }"},
                                                                   {"{k: ", "}"},
                                                                   {"-(", ")"},
                                                                   {"f(", ")"},
                                                                   {"fn() { fn() = ", " }"},
                                                                   {"behavior { _ => ", " }"},
                                                                   {"\"${", "}\""},
                                                                   {"[for x in a { ", " }]"},
                                                                   {"try ", " else { _ => 1 }"}};
  for (const auto& shape : shapes) {
    const std::string &open = shape.first, &close = shape.second;
    int deepest = 0;
    for (int n = 1; n <= 512; n += 7) {
      const Source source("t.ves", "fn f(a) = " + nest(n, open, "a", close));
      Diagnostics diagnostics;
      Ast ast = Parse(source, diagnostics);
      if (diagnostics.has_errors()) break;
      Resolve(ast, TestEnvironment(), diagnostics);
      CHECK_MESSAGE(!diagnostics.has_errors(), diagnostics.Print(source));
      deepest = n;
    }
    CHECK_MESSAGE(deepest >= 150, open, " ", deepest);
  }
}

TEST_CASE("resolver: many names cost no more than their number") {
  std::string text = "fn f(a) {\n";
  for (int i = 0; i < 100'000; ++i) text += "let a = a\n";
  text += "a\n}\nbehavior b(p) {\n #m(p) => {\n";
  for (int i = 0; i < 20'000; ++i) text += "let p = p\n";
  for (int i = 0; i < 20'000; ++i) text += "become with (p: p)\n";
  CHECK(Good(text + "}\n}\n"));
}

}  // namespace
}  // namespace vesicle
