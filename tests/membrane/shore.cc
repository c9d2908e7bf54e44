// What all kinds of links have in common.
#include <utility>

#include "tests/membrane/link.h"
#include "vm/actor/promise.h"
#include "vm/value/print.h"

namespace vesicle {

void Shore::Load(std::string_view text) {
  absl::StatusOr<Module> module = vm_.Load(name_, text);
  REQUIRE_MESSAGE(module.ok(), std::string(module.status().message()));
  modules_.push_back(*std::move(module));
}

Root Shore::Create(std::string_view behavior, std::initializer_list<Value> captures) {
  return vm_.Create(modules_.back().Behavior(behavior, captures));
}

Root Shore::Data(std::string_view expression) {
  const absl::StatusOr<Module> module = vm_.Load("data.ves", "let it = " + std::string(expression));
  REQUIRE_MESSAGE(module.ok(), std::string(module.status().message()));
  return Root(heap(), *module->Get("it"));
}

Root Shore::Ask(const Root& target, Value message) {
  Root promise(heap(), vm_.core().NewPromise());
  vm_.core().Deliver(target.value(), message, promise.value());
  return promise;
}

std::string Shore::Outcome(const Root& promise) {
  const Object* root = promise::Root(heap(), promise.value().target());
  if (promise::StateOf(root) == promise::State::kPending) return "pending";
  std::string text = Print(promise::Outcome(root));
  if (promise::StateOf(root) == promise::State::kBroken) {
    vm_.core().Learn(promise::ReportOf(root));
    text.insert(0, "broken: ");
  }
  return as_seen_ ? as_seen_(std::move(text)) : text;
}

Way EveryWay(const VmOptions& options) {
  Shore* from = nullptr;
  std::unique_ptr<Link> link = EveryLink(options, [&](Link& made) {
    SUBCASE("inward") { from = &made.outside(); }
    SUBCASE("outward") { from = &made.inside(); }
  });
  REQUIRE(from != nullptr);
  Shore& to = link->Other(*from);
  return {std::move(link), *from, to};
}

VmOptions CollectAlways() {
  VmOptions options;
  options.heap.collect_at_every_safe_point = true;
  return options;
}

}  // namespace vesicle
