// The law of reports: a fault is reported once if nobody learns of it, whatever way its
// break goes, and not at all if somebody does.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "vm/native/turn.h"

namespace vesicle {
namespace {

// A `when` without `else`.
struct PassOn final : CodeBody {
  static TurnEnd Enter(Core& core, Object*) {
    --core.fuel;
    if (core.turn().flag() == EventFlag::kBroken) return core.Rebreak(core.turn().message, {});
    core.StageReply(core.turn().message);
    return TurnEnd::kDone;
  }
  const std::string& name() const override { return label; }
  std::string label = "pass on";
};

Value PassingOn(Core& core, Value slot) {
  Object* code = code::Make(core.heap(), new PassOn, PassOn::Enter, nullptr, 0);
  return core.NewContinuation(core.NewHolder(Kind::kFunction, code, 0), slot);
}

uint64_t Seed() {
  const char* seed = std::getenv("VESICLE_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
}

TEST_CASE("report: one for each fault that nobody learns of, whatever way its break goes") {
  for (uint64_t seed = Seed(); seed < Seed() + 300; ++seed) {
    INFO("replay with VESICLE_SEED=" << seed);
    std::mt19937_64 random(seed);
    const auto below = [&](uint64_t n) { return random() % n; };
    CoreOptions options;
    options.heap.collect_at_every_safe_point = below(4) == 0;
    options.fault_reports_max = below(2) == 0 ? 100 : 2;  // those beyond are only counted
    Core core(options);
    Heap& heap = core.heap();
    const auto run = [&] {
      while (core.RunSlice(1000)) {
      }
    };
    const Root careless(heap, core.CreateActor(MakeNativeBehavior(core, "careless", [](Turn& turn) {
      turn.Fault("type", "wrong");
    })));
    std::vector<Root> promises;
    std::vector<size_t> origins;  // of each promise: the number of the fault
    std::vector<bool> is_learned;
    const uint64_t steps = 3 + below(30);
    for (uint64_t step = 0; step < steps; ++step) {
      const uint64_t what = promises.empty() ? 0 : below(8);
      if (what < 2) {
        promises.emplace_back(heap, core.NewPromise());
        origins.push_back(is_learned.size());
        is_learned.push_back(false);
        core.Deliver(careless.value(), Value::Nil(), promises.back().value());
        continue;
      }
      const size_t from = below(promises.size());
      const Root to(heap, core.NewPromise());
      switch (what) {
        case 2:  // a `when` or an `await` that passes the break on
          core.DeliverListen(promises[from].value(), PassingOn(core, to.value()));
          break;
        case 3:  // a message waits on it
          core.Deliver(promises[from].value(), Value::Nil(), to.value());
          break;
        case 4:  // a reply that is a promise
          core.Keep(to.value(), promises[from].value());
          break;
        case 5:  // a resolver
          core.Deliver(core.NewResolver(to.value()),
                       Build(core).Tagged("fulfill", promises[from].value()), Value::Nil());
          break;
        case 6:  // a statement that nobody waits for
          core.DeliverListen(promises[from].value(), PassingOn(core, Value::Nil()));
          break;
        case 7:
          is_learned[origins[from]] = true;
          core.DeliverListen(promises[from].value(), MakeNativeContinuation(core, [](Turn&) {}));
          break;
      }
      if (what < 6) {
        promises.push_back(to);
        origins.push_back(origins[from]);
      }
      if (below(3) == 0) run();
    }
    run();
    int64_t unlearned = 0;
    for (const bool learned : is_learned) unlearned += learned ? 0 : 1;
    CHECK(core.unobserved_fault_count() == unlearned);
    CHECK(static_cast<int64_t>(core.UnobservedFaults().size()) <=
          std::min<int64_t>(unlearned, options.fault_reports_max));
    const char* wrong = heap.Verify();
    REQUIRE_MESSAGE(wrong == nullptr, wrong);
  }
}

TEST_CASE("report: an answer is none, however far it is passed on") {
  Core core({});
  const Root polite(core.heap(),
                    core.CreateActor(MakeNativeBehavior(
                        core, "polite", [](Turn& turn) { turn.Fail(turn.Text("no")); })));
  const Root asked(core.heap(), core.NewPromise());
  const Root passed(core.heap(), core.NewPromise());
  core.DeliverListen(asked.value(), PassingOn(core, passed.value()));
  core.Deliver(polite.value(), Value::Nil(), asked.value());
  while (core.RunSlice(1000)) {
  }
  CHECK(core.unobserved_fault_count() == 0);
}

}  // namespace
}  // namespace vesicle
