// The laws of #stop: a budget that is stopped does nothing any more, whatever it was
// doing, and whoever waits for it learns so.
#include "tests/vm/actor/sponsor_world.h"
#include "vm/actor/sponsor.h"

namespace vesicle {
namespace {

TEST_CASE("stop: a turn without end is undone, and its asker learns it") {
  SponsorWorld world;
  const Root control = world.Split({{"events", 100}});
  const Root job = world.CreateOn(control, Endless::Enter);
  const Root reply = world.Ask(job, Value::Nil());
  const Root behind = world.Ask(job, Value::Nil());  // in the inbox
  world.core.RunSlice(100'000);
  CHECK(world.core.stats().suspensions > 0);
  const Root stopped = world.Ask(control, world.Symbol("stop"));
  world.Run();
  CHECK(world.Outcome(stopped) == "nil");
  CHECK(world.Outcome(reply) == "broken: #stopped");
  CHECK(world.Outcome(behind) == "broken: #stopped");
  CHECK(world.faults.empty());
}

TEST_CASE("stop: nobody is to blame for it, so nothing is reported") {
  SponsorWorld world;
  const Root control = world.Split({});
  const Root job = world.CreateOn(control, Endless::Enter);
  for (int i = 0; i < 3; ++i) world.Send(job, Value::Nil());
  world.core.RunSlice(100'000);
  world.Send(control, world.Symbol("stop"));
  world.Send(job, Value::Nil());
  world.Run();
  CHECK(world.faults.empty());
  CHECK(world.core.unobserved_fault_count() == 0);
}

TEST_CASE("stop: later messages to its refs and to its control ref break") {
  SponsorWorld world;
  const Root control = world.Split({{"events", 10}});
  const Root echo = world.CreateOn(control, Echo);
  CHECK(world.Asked(control, world.Symbol("stop")) == "nil");
  CHECK(world.Asked(echo, Value::Nil()) == "broken: #stopped");
  CHECK(world.Asked(control, world.Tagged("create", world.Behavior(Echo))) == "broken: #stopped");
  CHECK(world.Asked(control, world.Tagged("refill", world.Map({{"events", 1}}))) ==
        "broken: #stopped");
  CHECK(world.Balance(control) == "{}");
  CHECK(world.Asked(control, world.Symbol("stop")) == "nil");
}

TEST_CASE("stop: what is left goes back to the parent, and so does what is held") {
  SponsorWorld world;
  const Root outer = world.Split({{"events", 1000}, {"memory", 1'000'000}});
  Root inner(world.core.heap(), Value::Nil());
  Root held(world.core.heap(), Value::Nil());
  const Root maker = world.CreateOn(outer, [&](Core& core) {
    const auto made = core.SplitSponsor(world.Map({{"events", 400}, {"memory", 500'000}}));
    inner = Root(core.heap(), made.control);
    core.StageReply(Value::Nil());
    return TurnEnd::kDone;
  });
  world.Asked(maker, Value::Nil());
  CHECK(world.Balance(outer).rfind("{events: 599,", 0) == 0);
  const Root hoard = world.CreateOn(inner, [&](Core& core) {
    for (int i = 0; i < 300; ++i) {
      Object* o = core.heap().Allocate(Kind::kTuple, 100);
      o->words()[0] = held.value();
      held = Root(core.heap(), Value::Data(o));
    }
    core.StageReply(Value::Nil());
    return TurnEnd::kDone;
  });
  CHECK(world.Asked(hoard, Value::Nil()) == "nil");
  CHECK(world.Asked(inner, world.Symbol("stop")) == "nil");
  world.core.heap().Collect(Heap::Scope::kFull);
  const std::string balance = world.Balance(outer);
  CHECK(balance.rfind("{events: 998,", 0) == 0);
  const int64_t memory = std::stoll(balance.substr(balance.find("memory: ") + 8));
  CHECK(memory < 1'000'000 - 300 * 808);
  CHECK(memory > 1'000'000 - 300 * 808 - 50'000);
}

TEST_CASE("stop: budgets split off it stop, too") {
  SponsorWorld world;
  const Root outer = world.Split({{"events", 1000}});
  Root inner(world.core.heap(), Value::Nil());
  const Root maker = world.CreateOn(outer, [&](Core& core) {
    inner = Root(core.heap(), core.SplitSponsor(world.Map({{"events", 100}})).control);
    core.StageReply(Value::Nil());
    return TurnEnd::kDone;
  });
  CHECK(world.Asked(maker, Value::Nil()) == "nil");
  const Root job = world.CreateOn(inner, Endless::Enter);
  const Root reply = world.Ask(job, Value::Nil());
  world.core.RunSlice(100'000);
  world.Send(outer, world.Symbol("stop"));
  world.Run();
  CHECK(world.Outcome(reply) == "broken: #stopped");
  CHECK(world.Asked(job, Value::Nil()) == "broken: #stopped");
  CHECK(world.Balance(inner) == "{}");
}

TEST_CASE("stop: a parked event breaks, and its keeper is asked no more") {
  SponsorWorld world;
  int told = 0;
  const Root keeper = world.Create([&](Core&) { return ++told, TurnEnd::kDone; });
  const Root control = world.Split({{"steps", 0}}, keeper.value());
  const Root echo = world.CreateOn(control, Echo);
  const Root reply = world.Ask(echo, Value::Nil());
  world.Run();
  CHECK(world.Outcome(reply) == "pending");
  CHECK(world.Asked(control, world.Symbol("stop")) == "nil");
  CHECK(world.Outcome(reply) == "broken: #stopped");
  CHECK(told == 1);
  CHECK(world.core.ParkedEvents().empty());
}

TEST_CASE("stop: what waits for a promise breaks now, not when that settles") {
  SponsorWorld world;
  const Root never(world.core.heap(), world.core.NewPromise());
  const Root control = world.Split({});
  // Passes the message on to a promise, with the slot of its asker.
  const Root passes = world.CreateOn(control, [&](Core& core) {
    core.Send(never.value(), core.turn().message, core.turn().slot);
    return TurnEnd::kDone;
  });
  const Root reply = world.Ask(passes, Value::Nil());
  world.Run();
  CHECK(world.Outcome(reply) == "pending");
  world.Send(control, world.Symbol("stop"));
  world.Run();
  CHECK(world.Outcome(reply) == "broken: #stopped");
  world.core.Keep(never.value(), world.Create(Echo).value());
  world.Run();
  CHECK(world.Outcome(reply) == "broken: #stopped");
  CHECK(world.faults.empty());
}

TEST_CASE("stop: a budget may stop itself, in the midst of its slice") {
  SponsorWorld world;
  const Root control = world.Split({{"events", 100}});
  const Root job = world.CreateOn(control, [&](Core& core) {
    core.Send(control.value(), world.Symbol("stop"), core.turn().slot);
    for (int i = 0; i < 10; ++i) core.Send(core.turn().self, Value::Nil(), Value::Nil());
    return TurnEnd::kDone;
  });
  const Root first = world.Ask(job, Value::Nil());
  const Root second = world.Ask(job, Value::Nil());
  world.Run();
  CHECK(world.Outcome(first) == "nil");
  CHECK(world.Outcome(second) == "broken: #stopped");
  CHECK(world.faults.empty());
}

TEST_CASE("stop: sponsors that were stopped come and go") {
  CoreOptions options;
  options.heap.collect_at_every_safe_point = true;
  SponsorWorld world(options);
  for (int i = 0; i < 50; ++i) {
    const Root control = world.Split({{"events", 100}, {"memory", 100'000}});
    const Root job = world.CreateOn(control, i % 2 == 0 ? Endless::Enter : Echo);
    world.Ask(job, Value::Nil());
    world.core.RunSlice(i * 100);
    world.Send(control, world.Symbol("stop"));
    world.Run();
  }
  CHECK(world.faults.empty());
}

}  // namespace
}  // namespace vesicle
