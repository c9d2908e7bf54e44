// The law of slices: what is long is done in pieces, and others have their turns between
// them, however much lives in the heap.
#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "tests/vm/actor/allocates.h"

namespace vesicle {
namespace {

constexpr int64_t kObjects = 100'000;

// The most objects that any collection touched at once, from now on.
class LongestPause {
 public:
  explicit LongestPause(Heap& heap) {
    heap.SetPauseObserver([] {},
                          [this, &heap] { most_ = std::max(most_, heap.objects_touched()); });
  }
  uint64_t most() const { return most_; }

 private:
  uint64_t most_ = 0;
};

TEST_CASE("slices: a budget without memory waits for a collection; its neighbours do not") {
  SponsorWorld world;
  Root alive(world.core.heap(), Value::Nil());
  Fill(world, alive, kObjects);
  int turns = 0;
  const Root neighbour = world.CreateOn(world.Split({}), [&](Core& core) {
    ++turns;
    core.Send(core.turn().self, Value::Nil(), Value::Nil());
    return TurnEnd::kDone;
  });
  const Root budget = world.Split({{"memory", 2'000'000}});
  // Garbage of five times its memory: it ends, after so many collections of everything.
  const Root makes = world.CreateOn(budget, Allocates::Body(Allocates::Rounds(1250, 0)));
  const LongestPause pause(world.core.heap());
  world.Send(neighbour, Value::Nil());
  const Root reply = world.Ask(makes, Value::Nil());
  const uint64_t cycles = world.core.heap().cycles();
  int waited = 0;
  for (int i = 0; world.Outcome(reply) == "pending" && i < 100'000; ++i) {
    const int before = turns;
    world.core.RunSlice(1);
    world.core.RunSlice(1);
    waited += world.Outcome(reply) == "pending" && turns == before ? 1 : 0;
  }
  CHECK(world.Outcome(reply) == "1");
  CHECK(world.core.heap().cycles() - cycles >= 4);
  CHECK(turns > 100);
  CHECK(waited < 10);
  CHECK(pause.most() < kObjects / 10);
  world.core.heap().SetPauseObserver({}, {});
}

TEST_CASE("slices: only data that live decide a memory quota") {
  SponsorWorld world;
  const Root budget = world.Split({{"memory", 2'000'000}});
  // Of 9 KB each: 200 of them fit, 300 do not.
  const Root fits = world.CreateOn(budget, Allocates::Body(Allocates::Rounds(2000, 10)));
  const Root does_not = world.CreateOn(budget, Allocates::Body(Allocates::Rounds(3000, 10)));
  CHECK(world.Asked(fits, Value::Nil()) == "1");
  CHECK(world.Asked(does_not, Value::Nil()) == "broken: #quota(#memory)");
  CHECK(world.Asked(fits, Value::Nil()) == "1");
}

TEST_CASE("slices: nobody else takes the room that was found for one") {
  // Of 2 MB these fit, if all else goes that is dead.
  for (const uint32_t words : {160'000u, 187'000u}) {
    SponsorWorld world;
    const Root budget = world.Split({{"memory", 2'000'000}});
    // Garbage of 600 KB, again and again, in the same queue.
    const Root greedy =
        world.CreateOn(budget, Allocates::Body({{.words = 75'000}}, Allocates::After::kAgain));
    const Root other = world.CreateOn(budget, Allocates::Body({{.words = words}}));
    world.Send(greedy, Value::Nil());
    for (int i = 0; i < 20; ++i) world.core.RunSlice(1);
    const Root reply = world.Ask(other, Value::Nil());
    for (int i = 0; i < 10'000 && world.Outcome(reply) == "pending"; ++i) world.core.RunSlice(1);
    CHECK(world.Outcome(reply) == "1");
  }
}

// A turn that goes on until it is told otherwise.
class Until final : public Suspension {
 public:
  explicit Until(const bool& is_over) : is_over_(is_over) {}
  void Visit(Visitor&) override {}
  Place Where() const override { return {}; }
  TurnEnd Resume(Core& core) override {
    if (is_over_) return TurnEnd::kDone;
    core.fuel = 0;
    return core.Suspend(std::make_unique<Until>(is_over_));
  }

 private:
  const bool& is_over_;
};

TEST_CASE("slices: what came to its queue before it is no reason against one that waited") {
  SponsorWorld world;
  Heap& heap = world.core.heap();
  Root alive(heap, Value::Nil());
  Fill(world, alive, kObjects);  // so that the collection takes several slices
  const Root budget = world.Split({{"memory", 2'000'000}});
  // Busy for another budget; what comes meanwhile on this one goes before all else in its queue
  // when that is over, and leaves garbage of 100 KB.
  bool is_over = false;
  const Root shared = world.Create([&](Core& core) {
    if (core.turn().message.is_nil()) return Until(is_over).Resume(core);
    return Allocates::Body({{.words = 12'000}})(core);
  });
  const Root passes = world.CreateOn(budget, [&](Core& core) {
    core.Send(shared.value(), core.turn().message, core.turn().slot);
    return TurnEnd::kDone;
  });
  Allocates::Steps steps = Allocates::Rounds(60, 0);
  steps.push_back({.words = 238'000});
  const Root wants = world.CreateOn(budget, Allocates::Body(steps));
  world.Send(shared, Value::Nil());
  const Root passed = world.Ask(passes, Value::SmallInt(1));
  for (int i = 0; i < 20; ++i) world.core.RunSlice(1);
  heap.Collect(Heap::Scope::kFull);
  const Root reply = world.Ask(wants, Value::Nil());
  while (!heap.is_in_cycle()) world.core.RunSlice(1);
  is_over = true;
  world.Run();
  CHECK(world.Outcome(passed) == "1");
  CHECK(world.Outcome(reply) == "1");
}

TEST_CASE("slices: who cannot even wait holds up nobody") {
  SponsorWorld world;
  const Root budget = world.Split({{"memory", 2'000'000}});
  Root inner(world.core.heap(), Value::Nil());
  const Root maker = world.CreateOn(budget, [&](Core& core) {
    inner = Root(core.heap(), core.SplitSponsor(world.Map({})).control);
    core.StageReply(Value::Nil());
    return TurnEnd::kDone;
  });
  CHECK(world.Asked(maker, Value::Nil()) == "nil");
  const Root echo = world.CreateOn(inner, Echo);
  // Told to wait, it finds that the system has no memory for what it is to keep.
  const Root makes = world.CreateOn(budget, [](Core& core) {
    for (int i = 0; i < 200; ++i) core.heap().TryAllocate(Kind::kTuple, 1100);
    CHECK(core.heap().TryAllocate(Kind::kTuple, 100'000) == nullptr);
    CHECK(core.Refuel(Core::Need::kMemory) == Core::Fuel::kSuspend);
    throw std::bad_alloc();
    return TurnEnd::kDone;
  });
  const Root reply = world.Ask(makes, Value::Nil());
  const Root other = world.Ask(echo, Value::SmallInt(7));
  for (int i = 0; i < 10'000 && world.Outcome(other) == "pending"; ++i) world.core.RunSlice(1);
  CHECK(world.Outcome(reply) == "broken: #quota(#memory)");
  CHECK(world.Outcome(other) == "7");
}

TEST_CASE("slices: what a collection found is no verdict on what is dropped after it") {
  SponsorWorld world;
  const Root budget = world.Split({{"memory", 2'000'000}});
  // More than half of it is kept, garbage fills the rest up to some place, then all of that is
  // dropped for half of it.
  for (int garbage = 50; garbage < 90; ++garbage) {
    Allocates::Steps steps = {{.words = 160'000, .is_kept = true}};
    steps.insert(steps.end(), static_cast<size_t>(garbage), {.words = 1100});
    steps.push_back({.words = 125'000, .drops_before = true});
    CAPTURE(garbage);
    CHECK(world.Asked(world.CreateOn(budget, Allocates::Body(steps)), Value::Nil()) == "1");
  }
}

TEST_CASE("slices: who draws on the same memory waits along") {
  SponsorWorld world;
  const Root budget = world.Split({{"memory", 2'000'000}});
  Root inner(world.core.heap(), Value::Nil());
  const Root maker = world.CreateOn(budget, [&](Core& core) {
    inner = Root(core.heap(), core.SplitSponsor(world.Map({})).control);
    core.StageReply(Value::Nil());
    return TurnEnd::kDone;
  });
  CHECK(world.Asked(maker, Value::Nil()) == "nil");
  // Each leaves room for one of them alone; what both make is garbage.
  const Root first = world.CreateOn(budget, Allocates::Body(Allocates::Rounds(1000, 0)));
  const Root second = world.CreateOn(inner, Allocates::Body(Allocates::Rounds(1000, 0)));
  const Root one = world.Ask(first, Value::Nil()), other = world.Ask(second, Value::Nil());
  world.Run();
  CHECK(world.Outcome(one) == "1");
  CHECK(world.Outcome(other) == "1");
}

TEST_CASE("slices: a stop looks for what waits in pieces") {
  for (const bool always : {false, true}) {
    CoreOptions options;
    options.heap.collect_at_every_safe_point = always;
    SponsorWorld world(options);
    Root alive(world.core.heap(), Value::Nil());
    Fill(world, alive, always ? 10 : kObjects);
    const Root never(world.core.heap(), world.core.NewPromise());
    const Root control = world.Split({});
    const Root passes = world.CreateOn(control, [&](Core& core) {
      core.Send(never.value(), core.turn().message, core.turn().slot);
      return TurnEnd::kDone;
    });
    std::vector<Root> replies;
    for (int i = 0; i < 500; ++i) replies.push_back(world.Ask(passes, Value::SmallInt(i)));
    world.Run();
    const LongestPause pause(world.core.heap());
    world.Send(control, world.Symbol("stop"));
    // Others make garbage meanwhile, and collections of their own come and go.
    const Root busy = world.Create(Allocates::Body(Allocates::Rounds(2000, 0)));
    world.Send(busy, Value::Nil());
    world.Run();
    for (const Root& reply : replies) CHECK(world.Outcome(reply) == "broken: #stopped");
    if (!always) CHECK(pause.most() < kObjects / 10);
    world.core.heap().SetPauseObserver({}, {});
  }
}

TEST_CASE("slices: thousands of budgets are let go a few at a time") {
  SponsorWorld world;
  const Root outer = world.Split({{"events", 100'000}, {"memory", 100'000'000}});
  const Root maker = world.CreateOn(outer, [&](Core& core) {
    for (int i = 0; i < 2000; ++i) core.SplitSponsor(world.Map({{"events", 10}}));
    core.StageReply(Value::Nil());
    return TurnEnd::kDone;
  });
  const Root reply = world.Ask(maker, Value::Nil());
  while (world.Outcome(reply) == "pending") world.core.RunSlice(1);
  world.core.heap().Collect(Heap::Scope::kFull);
  int slices = 0;
  while (world.core.RunSlice(1)) ++slices;
  CHECK(slices >= 2000 / 100);
  CHECK(world.Balance(outer).rfind("{events: 99999, memory: 9999", 0) == 0);
}

}  // namespace
}  // namespace vesicle
