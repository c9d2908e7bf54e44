// A core and actors of C++ functions, for the laws of sponsors: who pays, and what
// happens when it is spent.
//
//   SponsorWorld world;
//   const Root control = world.Split({{"events", 3}});
//   const Root echo = world.CreateOn(control, [](Core& core) { ... });
//   CHECK(world.Outcome(world.Ask(echo, Value::SmallInt(1))) == "1");
#ifndef VESICLE_TESTS_VM_ACTOR_SPONSOR_WORLD_H_
#define VESICLE_TESTS_VM_ACTOR_SPONSOR_WORLD_H_

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vm/actor/core.h"
#include "vm/actor/promise.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/print.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle {

class SponsorWorld {
 public:
  using Body = std::function<TurnEnd(Core&)>;
  using Limits = std::vector<std::pair<std::string, int64_t>>;

  explicit SponsorWorld(CoreOptions options = {}) : core(options) {
    core.set_on_fault([this](const FaultReport& report) { faults.push_back(report.reason); });
  }

  Root Create(Body body) { return Root(core.heap(), core.CreateActor(Behavior(std::move(body)))); }
  Value Behavior(Body body) { return Holder(Kind::kBehavior, std::move(body)); }
  // In a turn: a `when` over a promise, with its value.
  Value When(Value promise, Body body) {
    const Value slot = core.NewPromise();
    Object* closure = Holder(Kind::kFunction, std::move(body)).data();
    core.Listen(promise, core.NewContinuation(closure, slot));
    return slot;
  }
  // A budget split off the VM's own.
  Root Split(const Limits& limits, Value keeper = Value::Nil()) {
    const Core::SponsorResult made = core.SplitSponsor(Map(limits, keeper));
    REQUIRE(made.error == "");
    return Root(core.heap(), made.control);
  }
  // What the control ref replies to #create.
  Root CreateOn(const Root& control, Body body) {
    const Root promise = Ask(control, Tagged("create", Behavior(std::move(body))));
    Run();
    Object* root = promise::Root(core.heap(), promise.value().target());
    REQUIRE(promise::StateOf(root) == promise::State::kKept);
    return Root(core.heap(), promise::Outcome(root));
  }

  Value Symbol(const std::string& name) { return core.symbols().Intern(name).value(); }
  Value Tagged(const std::string& tag, Value field) {
    return MakeTagged(core.heap(), Symbol(tag), std::span<const Value>(&field, 1)).value();
  }
  Value Map(const Limits& limits, Value keeper = Value::Nil()) {
    Value map = EmptyMap(core.heap());
    const auto put = [&](const std::string& key, Value value) {
      const Value name = MakeText(core.heap(), key).value();
      map = MapPut(core.heap(), map, name, value, core).value();
    };
    for (const auto& [key, amount] : limits) put(key, MakeInt(core.heap(), amount));
    if (!keeper.is_nil()) put("keeper", keeper);
    return map;
  }

  void Send(const Root& target, Value message) {
    core.Deliver(target.value(), message, Value::Nil());
  }
  Root Ask(const Root& target, Value message) {
    Root promise(core.heap(), core.NewPromise());
    core.Deliver(target.value(), message, promise.value());
    return promise;
  }
  // "3", "broken: #stopped", "pending".
  std::string Outcome(const Root& promise) {
    const Object* root = promise::Root(core.heap(), promise.value().target());
    switch (promise::StateOf(root)) {
      case promise::State::kKept:
        return Print(promise::Outcome(root));
      case promise::State::kBroken:
        core.Learn(promise::ReportOf(root));
        return "broken: " + Print(promise::Outcome(root));
      default:
        return "pending";
    }
  }
  std::string Asked(const Root& target, Value message) {
    const Root promise = Ask(target, message);
    Run();
    return Outcome(promise);
  }
  std::string Balance(const Root& control) { return Asked(control, Symbol("balance")); }

  void Run() {
    while (core.RunSlice(1000)) {
    }
    const char* wrong = core.heap().Verify();
    CHECK_MESSAGE(wrong == nullptr, wrong);
  }

  Core core;
  std::vector<std::string> faults;

 private:
  struct FunctionCode final : CodeBody {
    explicit FunctionCode(Body b) : body(std::move(b)) {}
    const std::string& name() const override { return label; }
    Body body;
    std::string label = "test";
  };
  Value Holder(Kind kind, Body body) {
    Object* code = code::Make(core.heap(), new FunctionCode(std::move(body)), Enter, nullptr, 0);
    return Value::Data(core.NewHolder(kind, code, 0));
  }
  static TurnEnd Enter(Core& core, Object* holder) {
    --core.fuel;
    return static_cast<FunctionCode*>(code::Body(code::Of(holder)))->body(core);
  }
};

// Replies with its message.
inline TurnEnd Echo(Core& core) {
  core.StageReply(core.turn().message);
  return TurnEnd::kDone;
}

// A turn without end.
class Endless final : public Suspension {
 public:
  static TurnEnd Enter(Core& core) { return core.Suspend(std::make_unique<Endless>()); }
  void Visit(Visitor&) override {}
  TurnEnd Resume(Core& core) override {
    core.fuel = 0;
    return core.Suspend(std::make_unique<Endless>());
  }
  Place Where() const override { return {}; }
};

}  // namespace vesicle

#endif  // VESICLE_TESTS_VM_ACTOR_SPONSOR_WORLD_H_
