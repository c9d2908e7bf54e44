// The laws of #stop for what waits for promises: it breaks once, in order, a piece at a
// time, whatever goes on meanwhile.
#include <optional>
#include <string>
#include <vector>

#include "tests/vm/actor/allocates.h"

namespace vesicle {
namespace {

// Passes its message on to a promise, with the slot of its asker.
SponsorWorld::Body PassesOn(const Root& promise) {
  return [&promise](Core& core) {
    core.Send(promise.value(), core.turn().message, core.turn().slot);
    return TurnEnd::kDone;
  };
}

// Splits off a budget and stops it, again and again.
TurnEnd StopsForEver(SponsorWorld& world, Core& core) {
  const Value control = core.SplitSponsor(world.Map({})).control;
  core.Send(control, world.Symbol("stop"), Value::Nil());
  core.Send(core.turn().self, Value::Nil(), Value::Nil());
  return TurnEnd::kDone;
}

TEST_CASE("stop: what is found breaks, though the budget it waited on dies before the end") {
  SponsorWorld world;
  Heap& heap = world.core.heap();
  Root alive(heap, Value::Nil());
  Fill(world, alive, 100'000);
  std::optional<Root> never(Root(heap, world.core.NewPromise()));
  std::optional<Root> control(world.Split({}));
  const Root other = world.Split({});
  std::optional<Root> waits(world.CreateOn(*control, [&](Core& core) {
    const Value runs = world.Behavior([](Core&) { return TurnEnd::kDone; });
    Object* closure = core.NewHolder(Kind::kFunction, runs.data()->words()[0].data(), 0);
    core.Listen(never->value(), core.NewContinuation(closure, core.turn().slot));
    return TurnEnd::kDone;
  }));
  const Root reply = world.Ask(*waits, Value::Nil());
  world.Run();
  heap.Collect(Heap::Scope::kFull);
  world.Send(*control, world.Symbol("stop"));
  while (!heap.is_in_cycle()) world.core.RunSlice(1);
  // The other stop comes in the midst of the first one's mark: it waits for the next.
  REQUIRE(heap.marking());
  world.Send(other, world.Symbol("stop"));
  while (heap.marking()) world.core.RunSlice(1);
  never.reset();
  control.reset();
  waits.reset();
  world.Run();
  CHECK(world.Outcome(reply) == "broken: #stopped");
  heap.Collect(Heap::Scope::kFull);
  world.Run();
  int sponsors = 0;
  world.core.ForEachSponsor([&](Sponsor&) { ++sponsors; });
  CHECK(sponsors == 2);  // the root, and `other`, which is held
}

TEST_CASE("stop: what waited breaks in the order in which it came to wait") {
  SponsorWorld world;
  Heap& heap = world.core.heap();
  const Root never(heap, world.core.NewPromise());
  const Root control = world.Split({});
  constexpr int kWaits = 6;
  std::vector<Root> slots;
  std::string order;
  for (int i = 0; i < kWaits; ++i) {
    slots.emplace_back(heap, world.core.NewPromise());
    const Value notes = world.Behavior([&order, i](Core&) {
      order += std::to_string(i) + " ";
      return TurnEnd::kDone;
    });
    Object* closure = world.core.NewHolder(Kind::kFunction, notes.data()->words()[0].data(), 0);
    world.core.DeliverListen(slots.back().value(),
                             world.core.NewContinuation(closure, Value::Nil()));
  }
  // All from one turn: its serial does not tell them apart.
  const Root asks = world.CreateOn(control, [&](Core& core) {
    for (const Root& slot : slots) core.Send(never.value(), Value::Nil(), slot.value());
    return TurnEnd::kDone;
  });
  world.Send(asks, Value::Nil());
  world.Run();
  world.Send(control, world.Symbol("stop"));
  world.Run();
  CHECK(order == "0 1 2 3 4 5 ");
}

TEST_CASE("stop: who stops budgets for ever holds up no other stop") {
  for (const int64_t objects : {1'000, 100'000}) {
    SponsorWorld world;
    Heap& heap = world.core.heap();
    Root alive(heap, Value::Nil());
    Fill(world, alive, objects);
    const Root never(heap, world.core.NewPromise());
    const Root control = world.Split({});
    const Root reply = world.Ask(world.CreateOn(control, PassesOn(never)), Value::SmallInt(1));
    world.Run();
    const Root nuisance =
        world.CreateOn(world.Split({}), [&](Core& core) { return StopsForEver(world, core); });
    world.Send(nuisance, Value::Nil());
    world.Send(control, world.Symbol("stop"));
    for (int i = 0; i < 20'000 && world.Outcome(reply) == "pending"; ++i) world.core.RunSlice(1);
    CHECK(world.Outcome(reply) == "broken: #stopped");
  }
}

TEST_CASE("stop: thousands that waited break a piece at a time, and only once") {
  SponsorWorld world;
  constexpr int kWaits = 20'000;
  const Root never(world.core.heap(), world.core.NewPromise());
  const Root control = world.Split({});
  const Root asks = world.CreateOn(control, [&](Core& core) {
    for (int i = 0; i < kWaits; ++i) core.Send(never.value(), Value::Nil(), core.NewPromise());
    return TurnEnd::kDone;
  });
  world.Send(asks, Value::Nil());
  world.Run();
  for (int stop = 0; stop < 4; ++stop) {
    const Root next = stop == 0 ? control : world.Split({});
    const uint64_t late = world.core.stats().late_settlements;
    world.Send(next, world.Symbol("stop"));
    int slices = 1;
    while (world.core.RunSlice(1)) ++slices;
    CHECK(world.core.stats().late_settlements == late);
    if (stop == 0) CHECK(slices >= kWaits / 300);
  }
}

}  // namespace
}  // namespace vesicle
