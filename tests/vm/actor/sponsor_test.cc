// The laws of budgets: what comes from outside is paid for as well, nothing waits at
// nobody's expense, and being at a limit costs others nothing.
#include "vm/actor/sponsor.h"

#include <algorithm>
#include <vector>

#include "tests/vm/actor/sponsor_world.h"

namespace vesicle {
namespace {

// Answers #dry(which, control) with #refill({which: amount}), so many times.
SponsorWorld::Body Refills(SponsorWorld& world, int64_t amount, int times, int* told) {
  return [&world, amount, times, told](Core& core) {
    const auto fields = FieldsOf(core.turn().message);
    if (++*told > times) return TurnEnd::kDone;
    const std::string which = Print(fields[0]).substr(1);
    core.Send(fields[1], world.Tagged("refill", world.Map({{which, amount}})), Value::Nil());
    return TurnEnd::kDone;
  };
}

// Uses up so many steps.
SponsorWorld::Body Works(int64_t steps) {
  return [steps](Core& core) {
    core.fuel -= steps;
    core.StageReply(Value::SmallInt(1));
    return TurnEnd::kDone;
  };
}

TEST_CASE("sponsor: messages from outside are events of the budget they come to") {
  SponsorWorld world;
  const Root control = world.Split({{"events", 3}});
  const Root echo = world.CreateOn(control, Echo);
  std::string outcomes;
  for (int i = 0; i < 6; ++i) outcomes += world.Asked(echo, Value::SmallInt(i)) + " ";
  CHECK(outcomes ==
        "0 1 2 broken: #quota(#events) broken: #quota(#events) broken: #quota(#events) ");
  CHECK(world.Balance(control) == "{events: 0}");
}

TEST_CASE("sponsor: with a keeper they wait, and a refill takes up as many as it pays for") {
  SponsorWorld world;
  int told = 0;
  const Root keeper = world.Create(Refills(world, 2, 2, &told));
  const Root control = world.Split({{"events", 3}}, keeper.value());
  const Root echo = world.CreateOn(control, Echo);
  std::vector<Root> replies;
  for (int i = 0; i < 9; ++i) replies.push_back(world.Ask(echo, Value::SmallInt(i)));
  world.Run();
  std::string outcomes;
  for (const Root& reply : replies) outcomes += world.Outcome(reply) + " ";
  CHECK(outcomes == "0 1 2 3 4 5 6 pending pending ");
  CHECK(told == 3);
  CHECK(world.core.ParkedEvents().at(0).events == 2);
  CHECK(world.Balance(control) == "{events: 0}");
}

TEST_CASE("sponsor: a keeper whose refill was too little is told again") {
  SponsorWorld world;
  int told = 0;
  const Root keeper = world.Create(Refills(world, 10, 1000, &told));
  const Root control = world.Split({{"steps", 100}}, keeper.value());
  const Root worker = world.CreateOn(control, Works(190));
  // The first overdraws: the balance is about -90 when the second comes.
  CHECK(world.Asked(worker, Value::Nil()) == "1");
  CHECK(world.Asked(worker, Value::Nil()) == "1");
  CHECK(told > 5);
  CHECK(world.core.ParkedEvents().empty());
}

TEST_CASE("sponsor: a refill of nothing is not told again") {
  SponsorWorld world;
  int told = 0;
  const Root keeper = world.Create(Refills(world, 0, 1000, &told));
  const Root control = world.Split({{"events", 0}}, keeper.value());
  const Root echo = world.CreateOn(control, Echo);
  CHECK(world.Asked(echo, Value::Nil()) == "pending");
  CHECK(told == 1);
}

TEST_CASE("sponsor: each resource that is used up is told of") {
  SponsorWorld world;
  int told = 0;
  const Root keeper = world.Create([&](Core&) { return ++told, TurnEnd::kDone; });
  const Root control = world.Split({{"steps", 0}, {"events", 0}}, keeper.value());
  const Root echo = world.CreateOn(control, Echo);
  CHECK(world.Asked(echo, Value::Nil()) == "pending");
  CHECK(told == 1);
  // Steps are there now, and the event finds that it cannot be paid for.
  world.Send(control, world.Tagged("refill", world.Map({{"steps", 1000}})));
  world.Run();
  CHECK(told == 2);
  CHECK(world.core.ParkedEvents().at(0).dry_of == Resource::kEvents);
}

TEST_CASE("sponsor: what waits in a queue is its payer's memory, half of it at most") {
  SponsorWorld world;
  const Root keeper = world.Create([](Core&) { return TurnEnd::kDone; });
  const Root control = world.Split({{"steps", 0}, {"memory", 100'000}}, keeper.value());
  const Root idle = world.CreateOn(control, Echo);
  for (int i = 0; i < 10'000; ++i) world.Send(idle, Value::SmallInt(i));
  world.Run();
  const auto parked = world.core.ParkedEvents();
  REQUIRE(parked.size() == 1);
  CHECK(parked[0].events * 32 >= 50'000);
  CHECK(parked[0].events * 32 < 50'100);
  CHECK(world.Asked(idle, Value::Nil()) == "broken: #quota(#memory)");
  CHECK(world.core.unobserved_fault_count() == 10'000 - parked[0].events);
  // They run when they may, and their memory is free again.
  world.Send(control, world.Tagged("refill", world.Map({{"steps", 1'000'000}})));
  world.Run();
  CHECK(world.Asked(idle, Value::SmallInt(7)) == "7");
}

TEST_CASE("sponsor: a queue whose sponsor has no memory of its own is the memory of its account") {
  CoreOptions options;
  options.memory_bytes_max = 4 << 20;
  SponsorWorld world(options);
  const Root keeper = world.Create([](Core&) { return TurnEnd::kDone; });
  const Root control = world.Split({{"steps", 0}}, keeper.value());
  const Root idle = world.CreateOn(control, Echo);
  int rounds = 300;
  const Root flood = world.Create([&](Core& core) {
    for (int i = 0; i < 1000; ++i) core.Send(idle.value(), Value::SmallInt(i), Value::Nil());
    if (--rounds > 0) core.Send(core.turn().self, Value::Nil(), Value::Nil());
    return TurnEnd::kDone;
  });
  world.Send(flood, Value::Nil());
  world.Run();
  REQUIRE(!world.faults.empty());
  CHECK(world.faults.back() == "#quota(#memory)");
  CHECK(world.core.ParkedEvents().at(0).events * 32 < 4 << 20);
}

TEST_CASE("sponsor: at its memory limit it collects when that can help, not for each event") {
  SponsorWorld world;
  const Root control = world.Split({{"memory", 100'000}});
  Root held(world.core.heap(), Value::Nil());
  const Root hoard = world.CreateOn(control, [&](Core& core) {
    Object* o = core.heap().Allocate(Kind::kTuple, 100);
    o->words()[0] = held.value();
    held = Root(core.heap(), Value::Data(o));
    core.StageReply(Value::Nil());
    return TurnEnd::kDone;
  });
  for (int i = 0; i < 300; ++i) world.Asked(hoard, Value::Nil());
  CHECK(world.Asked(hoard, Value::Nil()) == "broken: #quota(#memory)");
  const uint64_t cycles = world.core.heap().stats().mark_cycles;
  for (int i = 0; i < 200; ++i) {
    CHECK(world.Asked(hoard, Value::Nil()) == "broken: #quota(#memory)");
  }
  CHECK(world.core.heap().stats().mark_cycles - cycles < 4);
  // What it held is let go: that is found as soon as the heap has taken in a little.
  held.reset();
  const Root maker = world.Create([](Core& core) {
    for (int i = 0; i < 1000; ++i) core.heap().Allocate(Kind::kTuple, 100);
    return TurnEnd::kDone;
  });
  world.Send(maker, Value::Nil());
  world.Run();
  held = Root(world.core.heap(), Value::Nil());
  CHECK(world.Asked(hoard, Value::Nil()) == "nil");
}

TEST_CASE("sponsor: a whole queue faults in a slice") {
  SponsorWorld world;
  const Root control = world.Split({{"steps", 10}});
  const Root worker = world.CreateOn(control, Works(20));
  CHECK(world.Asked(worker, Value::Nil()) == "1");
  const std::string balance = world.Balance(control);
  for (int i = 0; i < 900; ++i) world.Send(worker, Value::Nil());
  int slices = 0;
  while (world.core.RunSlice(1)) ++slices;
  CHECK(world.faults.size() == 900);
  CHECK(slices < 10);
  CHECK(world.Balance(control) == balance);  // such a fault runs nobody's code
}

TEST_CASE("sponsor: a turn that was suspended and faults gets its events back") {
  struct SendsAndFails final : Suspension {
    static TurnEnd Enter(Core& core) {
      for (int i = 0; i < 500; ++i) core.Send(core.turn().self, Value::Nil(), Value::Nil());
      core.fuel = 0;
      return core.Suspend(std::make_unique<SendsAndFails>());
    }
    void Visit(Visitor&) override {}
    TurnEnd Resume(Core& core) override {
      for (int i = 0; i < 100; ++i) core.Send(core.turn().self, Value::Nil(), Value::Nil());
      return core.Fail(Value::Nil(), {});
    }
    Place Where() const override { return {}; }
  };
  SponsorWorld world;
  const Root control = world.Split({{"events", 1000}});
  const Root sender = world.CreateOn(control, SendsAndFails::Enter);
  CHECK(world.Asked(sender, Value::Nil()) == "broken: #failed(nil)");
  CHECK(world.Balance(control) == "{events: 999}");
}

TEST_CASE("sponsor: refills take their time, however many budgets are dry") {
  SponsorWorld world;
  constexpr int kDry = 2000;
  const Root keeper = world.Create([](Core&) { return TurnEnd::kDone; });
  const Root echo = world.Create(Echo);
  std::vector<Root> dry;
  for (int i = 0; i < kDry; ++i) {
    dry.push_back(world.Split({{"steps", 0}}, keeper.value()));
    world.core.DeliverOn(dry.back().value(), echo.value(), Value::Nil());
  }
  world.Run();
  CHECK(world.core.ParkedEvents().size() == kDry);
  const Root control = world.Split({{"events", 1'000}});
  const Root refills = world.CreateOn(world.Split({}), [&](Core& core) {
    const Value refill = world.Tagged("refill", world.Map({{"events", 0}}));
    for (int i = 0; i < 500; ++i) core.Send(control.value(), refill, Value::Nil());
    return TurnEnd::kDone;
  });
  world.Send(refills, Value::Nil());
  uint64_t most = 0;
  for (bool more = true; more;) {
    const uint64_t before = world.core.stats().events;
    more = world.core.RunSlice(1);
    most = std::max(most, world.core.stats().events - before);
  }
  CHECK(most <= 10);  // 10,000 steps a slice
}

TEST_CASE("sponsor: what a slice took beyond its end comes off later ones") {
  SponsorWorld world;
  int turns = 0, turns_beside = 0;
  const auto again = [](int64_t steps, int* count) {
    return [steps, count](Core& core) {
      ++*count;
      core.fuel -= steps;
      core.Send(core.turn().self, Value::Nil(), Value::Nil());
      return TurnEnd::kDone;
    };
  };
  const Root long_ones = world.CreateOn(world.Split({}), again(200'000, &turns));
  const Root short_ones = world.CreateOn(world.Split({}), again(10'000, &turns_beside));
  world.Send(long_ones, Value::Nil());
  world.Send(short_ones, Value::Nil());
  for (int i = 0; i < 1000; ++i) world.core.RunSlice(1);
  CHECK(turns > 10);
  CHECK(turns_beside >= turns * 18);
}

TEST_CASE("sponsor: a limit that is none says what one is") {
  SponsorWorld world;
  const Core::SponsorResult made = world.core.SplitSponsor(world.Map({{"events", -1}}));
  CHECK(made.error == "events wants an integer from 0 to 2305843009213693951");
}

}  // namespace
}  // namespace vesicle
