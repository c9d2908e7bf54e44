// Loading: imports, constants, exports, tests, and what is refused.
#include "vm/script/module.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "tests/vm/script/script_world.h"
#include "vm/actor/promise.h"

namespace vesicle {
namespace {

using Files = std::map<std::string, std::string>;

ImportText From(const Files& files) {
  return [files](const std::string& path, std::string* error) -> std::optional<std::string> {
    const auto at = files.find(path);
    if (at != files.end()) return at->second;
    *error = "there is no file " + path;
    return std::nullopt;
  };
}

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a wrong number of arguments shows how an import or a builtin is called") {
  World world;
  const Files files = {{"q.ves", "fn push(stack, x) = [x, ...stack]"}};
  const auto errors = [&](const std::string& call) {
    return world.modules()
        .Load("t.ves", "import \"q.ves\" as q\nfn f(a) = " + call, From(files))
        .errors;
  };
  CHECK(Has(errors("q.push(a)"), "`push` takes 2 arguments, here is 1\n"));
  CHECK(Has(errors("q.push(a)"), "hint: `push(stack, x)`"));
  CHECK(Has(world.modules().Load("t.ves", "behavior b { _ => sponsor() }").errors,
            "hint: `sponsor({events: n, memory: bytes, steps: n, keeper: ref})`"));
}

TEST_CASE("an import brings functions, acts, behaviors and constants") {
  World world;
  const Files files = {{"lib/queue.ves", R"(
import "more/base.ves" as base
fn twice(x) = base.add(x, x)
act tell(to, m) { to <- m }
behavior echo { m => m }
behavior fixed(n) { _ => n }
let limit = base.add(40, 2)
fn _hidden() = 1
)"},
                       {"lib/more/base.ves", "fn add(a, b) = a + b"}};
  CHECK(world.Run(R"(
import "lib/queue.ves" as queue
import "lib/more/base.ves" as base
fn apply(f, x) = f(x)
behavior main { #start(host) => {
  let out = host.console
  out <- queue.twice(4)
  out <- apply(queue.twice, 5)
  out <- queue.limit
  out <- base.add(1, 2)
  queue.tell(out, "told")
  when create queue.echo <- "echoed" { m => out <- m }
  when create queue.fixed(7) <- nil { m => out <- m }
  nil
} })",
                  From(files)) == "8\n10\n42\n3\ntold\nechoed\n7\n");
}

TEST_CASE("what an import cannot be") {
  const auto errors = [](const std::string& path, const Files& files = {}) {
    World world;
    world.Run("import \"" + path + "\" as x\nfn f() = 1", From(files));
    return world.errors;
  };
  CHECK(Has(errors("nothing.ves"), "test.ves:1:8: error: there is no file nothing.ves"));
  CHECK(Has(errors("../up.ves"), "above the folder of the first file"));
  CHECK(Has(errors("a/../../up.ves"), "above the folder of the first file"));
  CHECK(Has(errors("/etc/passwd.ves"), "relative to the file"));
  CHECK(Has(errors("secrets.txt"), "only files that end in .ves"));
  const std::string inner = errors("bad.ves", {{"bad.ves", "fn f( = 1"}});
  CHECK(Has(inner, "bad.ves:1:"));
  CHECK(Has(inner, "test.ves:1:8: error: bad.ves has errors"));
  World world;
  CHECK(Has(world.Run("import \"a.ves\" as a\nfn f() = 1"), "nothing can be imported here"));
}

TEST_CASE("a circle of imports is named") {
  World world;
  world.Run("import \"a.ves\" as a\nfn f() = 1",
            From({{"a.ves", "import \"lib/b.ves\" as b\nfn f() = 1"},
                  {"lib/b.ves", "import \"../a.ves\" as a\nfn f() = 1"}}));
  CHECK(Has(world.errors, "a.ves -> lib/b.ves -> a.ves"));
}

TEST_CASE("a path is resolved against the file that it stands in") {
  CHECK(ResolveImport("main.ves", "lib/q.ves").path == "lib/q.ves");
  CHECK(ResolveImport("lib/q.ves", "r.ves").path == "lib/r.ves");
  CHECK(ResolveImport("lib/deep/q.ves", "../.././r.ves").path == "r.ves");
  CHECK_FALSE(ResolveImport("lib/q.ves", "../../r.ves").error.empty());
}

TEST_CASE("constants are computed at load, within limits, and say where they fail") {
  World world;
  CHECK(world.Run("let a = [for i in 1..3 { i * i }]\nlet b = a[2] + 1\n"
                  "behavior main { #start(host) => host.console <- [a, b] }") ==
        "[[1, 4, 9], 10]\n");
  World failing;
  failing.Run("fn bad(x) = x / 0\nlet a = bad(1)");
  CHECK(Has(failing.errors,
            "test.ves:2:5: error: the value of this `let` cannot be computed: "
            "#divide_by_zero at test.ves:1:13"));
  World endless;
  endless.Run("fn spin(n) = spin(n + 1)\nlet a = spin(1)");
  CHECK(Has(endless.errors, "too many steps"));
  World greedy;
  greedy.Run("fn grow(l) = grow(l ++ l ++ [1, 2, 3])\nlet a = grow([1])");
  CHECK_FALSE(greedy.errors.empty());
}

TEST_CASE("a module is asked for what it exports") {
  World world;
  REQUIRE(
      world.Load("behavior counter(n) { #get => n }\nfn f(x) = x\nlet k = 5\n"
                 "behavior _private { _ => 1 }"));
  std::string error;
  const Value seven[] = {Value::SmallInt(7)};
  CHECK(world.module->Behavior("counter", seven).has_value());
  CHECK_FALSE(world.module->Behavior("counter", {}, &error).has_value());
  CHECK(error == "`counter` takes 1 argument, but got 0");
  CHECK_FALSE(world.module->Behavior("conter", seven, &error).has_value());
  CHECK(error == "test.ves has no behavior `conter`: did you mean `counter`?");
  CHECK_FALSE(world.module->Behavior("_private", {}, &error).has_value());
  CHECK(world.module->Get("k") == Value::SmallInt(5));
  CHECK(world.module->Names() == std::vector<std::string>{"counter", "f", "k"});
}

TEST_CASE("tests are run as tasks; a failed expectation shows both sides") {
  World world;
  REQUIRE(world.Load(R"(
behavior counter(n) {
  #add(x) => become counter(n + x)
  #get => n
}
test "it counts" {
  let c = create counter(0)
  c <- #add(2)
  expect (await c <- #get) == 2
}
test "it miscounts" {
  let c = create counter(0)
  expect (await c <- #get) == 2
}
test "plain" { expect 1 > 2 or false }
)"));
  REQUIRE(world.module->tests().size() == 3);
  CHECK(world.module->tests()[1].name == "it miscounts");
  CHECK(world.module->tests()[1].place.line == 11);
  std::vector<std::string> outcomes;
  for (size_t i = 0; i < 3; ++i) {
    const Root promise(world.core.heap(), world.core.NewPromise());
    const Value runner = world.core.CreateActor(world.module->TestBehavior(i));
    world.core.Deliver(runner, Value::Nil(), promise.value());
    world.Finish();
    const Object* end = promise::Root(world.core.heap(), promise.value().target());
    outcomes.push_back(Print(promise::Outcome(end)));
  }
  CHECK(outcomes[0] == "nil");
  CHECK(outcomes[1] == "#failed(\"expected (await c <- #get) == 2, but the sides are 0 and 2\")");
  CHECK(outcomes[2] == "#failed(\"expected 1 > 2 or false\")");
}

TEST_CASE("natives: called, as values, with any number of arguments") {
  BuiltinRegistry extra;
  World world;
  world.registry.Pure(
      "count_of", 1, Arity::kAny,
      [](BuiltinContext& context, const Value* args, int count) {
        if (!args[0].is_int()) return context.Wants(0, "an integer", args[0]);
        return BuiltinResult::Of(Value::SmallInt(count));
      },
      "count_of(n, ...): how many arguments it got");
  world.registry.Pure(
      "second", 2, 2,
      [](BuiltinContext&, const Value* args, int) { return BuiltinResult::Of(args[1]); },
      "second(a, b): b");
  CHECK(world.Run(R"(
fn apply(f) = f(1, 2)
fn apply3(f) = f(1, 2, 3)
behavior main { #start(host) => {
  let out = host.console
  out <- [count_of(1), count_of(1, 2, 3), second(4, 5)]
  out <- [apply(count_of), apply(second), apply3(count_of)]
  out <- try apply3(second) else { #type(t) => t }
  out <- try count_of(nil) else { #type(t) => t }
  nil
} })") ==
        "[1, 3, 5]\n[2, 2, 3]\nsecond takes 2 arguments, but got 3\n"
        "count_of wants an integer, but got nil\n");
}

TEST_CASE("the prelude's names are visible in what is loaded later") {
  World world;
  const LoadResult prelude = world.modules().LoadPrelude("prelude.ves", R"(
fn map(xs, f) = [for x in xs { f(x) }]
fn _step(a, x) = a + x
fn sum(xs) { var a = 0
  for x in xs { a = _step(a, x) }
  a }
act tell_all(xs, m) { for x in xs { x <- m } }
behavior doubler { n => n * 2 }
let answer = 42
)");
  CHECK(prelude.errors.empty());
  CHECK(world.Run(R"(
behavior main { #start(host) => {
  let out = host.console
  out <- map([1, 2, 3], fn(x) = x * x)
  out <- [1, 2, 3] |> map(fn(x) = x + 1) |> sum()
  let f = sum
  out <- f([answer])
  tell_all([out, out], "all")
  when create doubler <- 4 { n => out <- n }
  nil
} })") == "[1, 4, 9]\n9\n42\nall\nall\n8\n");
  CHECK(Has(world.Run("fn f() = summ([1])"), "did you mean `sum`"));
}

TEST_CASE("modules that nobody uses are collected") {
  World world;
  for (int i = 0; i < 20; ++i) {
    REQUIRE(world.Load("fn f(x) = x\nbehavior b(n) { _ => f(n) }\nlet k = [1, 2, 3]"));
  }
  world.module = nullptr;
  world.core.heap().Collect(Heap::Scope::kFull);
  const uint64_t finalized = world.core.heap().stats().objects_finalized;
  CHECK(finalized >= 20 * 3);
  CHECK(world.core.heap().Verify() == nullptr);
}

}  // namespace
}  // namespace vesicle
