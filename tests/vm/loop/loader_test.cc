#include <doctest/doctest.h>

#include <string>

#include "tests/vm/loop/fixture.h"
#include "vm/loop/devices.h"

namespace vesicle {
namespace {

bool Says(const std::string& answer, const std::string& what) {
  return answer.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("loader: public behaviors and functions, or the diagnostics") {
  World world;
  Vm& vm = world.vm;
  const Root loader = MakeLoader(vm, {.source_bytes_max = 1000});
  const Root exports = world.AskValue(loader, vm.Tagged("load", "plugin.ves",
                                                        "behavior echo { m => m }\n"
                                                        "behavior adder(n) { m => m + n }\n"
                                                        "behavior _hidden { m => m }\n"
                                                        "act tell(c) { c <- 1 }\n"
                                                        "fn twice(x) = x * 2\n"
                                                        "let answer = twice(21)\n"));
  CHECK(Print(exports.value()) ==
        "{adder: <function>, answer: 42, echo: <behavior>, twice: <function>}");
  CHECK(Says(world.Ask(loader, vm.Tagged("load", "bad.ves", "behavior {")),
             "broken: #diagnostics(\"bad.ves:1:10: error"));
  CHECK(Says(world.Ask(loader, vm.Tagged("load", "i.ves", "import \"a.ves\" as a")),
             "broken: #diagnostics"));
  CHECK(Says(
      world.Ask(loader, vm.Tagged("load", "long.ves", std::string_view(std::string(1001, ' ')))),
      "broken: #limit"));
  CHECK(Says(world.Ask(loader, vm.Tagged("load", 1, 2)), "broken: #type"));
}

TEST_CASE("loader: a `let` that fails is a diagnostic; those before it are computed") {
  World world;
  Vm& vm = world.vm;
  const Root loader = MakeLoader(vm);
  const std::string failed =
      world.Ask(loader, vm.Tagged("load", "p.ves", "let a = 1\nlet bad = a / 0\nlet c = 2"));
  CHECK(Says(failed,
             "broken: #diagnostics(\"p.ves:2:5: error: the value of this `let` cannot be "
             "computed: #divide_by_zero"));
  CHECK(Says(world.Ask(loader, vm.Tagged("load", "p.ves", "let a = fail #no")), "#failed(#no)"));
  CHECK(Says(world.Ask(loader, vm.Tagged("load", "p.ves", "let a = 1\nlet b = [a, a + 1]")),
             "{a: 1, b: [1, 2]}"));
  CHECK(world.Ask(loader, vm.Tagged("load", "p.ves", "")) == "{}");
}

TEST_CASE("loader: whatever a behavior is called, its maker makes it and checks its arguments") {
  World world;
  Vm& vm = world.vm;
  const Root loader = MakeLoader(vm);
  const absl::StatusOr<Module> module = vm.Load("use.ves", R"(
    behavior use(loader) {
      #make(name, args) => task {
        let source = "behavior ${name}(a, b) { _ => [a, b] }"
        let maker = (await loader <- #load("p", source))[name]
        await create (if args == 2 { maker(1, 2) } else { maker(1) }) <- #go
      }
    })");
  REQUIRE(module.ok());
  const Root use = vm.Create(module->Behavior("use", {loader.value()}));
  for (const char* name : {"m", "a0", "a", "plugin", "fold"}) {
    CHECK(world.Ask(use, vm.Tagged("make", name, 2)) == "[1, 2]");
  }
  CHECK(Says(world.Ask(use, vm.Tagged("make", "m", 1)), "broken: #type"));
}

TEST_CASE("loader: the code of a module is paid for until nothing of it is left") {
  World world;
  Vm& vm = world.vm;
  Heap& heap = vm.core().heap();
  const Root loader = MakeLoader(vm);
  std::string source = "fn one(x) = x\nbehavior b(x) { _ => x }\n// ";
  source += std::string(50'000, '.');
  const auto external = [&] {
    (void)world.Ask(loader, vm.Nil());  // the turn before this one keeps its values
    heap.Collect(Heap::Scope::kFull);
    return static_cast<int64_t>(heap.stats().bytes_external);
  };
  (void)world.Ask(loader, vm.Tagged("load", "p.ves", std::string_view(source)));
  const int64_t before = external();
  {
    Root exports = world.AskValue(loader, vm.Tagged("load", "p.ves", std::string_view(source)));
    CHECK(external() > before + 50'000);
    // One function holds the source as the whole module did.
    const Root one(heap, MapGet(exports.value(), vm.Text("one"), vm.core()).value());
    exports.reset();
    CHECK(external() > before + 50'000);
  }
  CHECK(external() == before);
}

}  // namespace vesicle
