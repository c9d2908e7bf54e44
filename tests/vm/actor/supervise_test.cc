// The laws of controls: who holds one stops, restarts or watches the actor, whatever it is
// doing, and nobody else does.
#include "vm/actor/supervision.h"

#include "tests/vm/actor/sponsor_world.h"
#include "vm/actor/sponsor.h"

namespace vesicle {
namespace {

// An actor and its control.
struct Ruled {
  Ruled(SponsorWorld& world, SponsorWorld::Body body) {
    const Core::Controlled made = world.core.CreateControlled(world.Behavior(std::move(body)));
    ref = Root(world.core.heap(), made.ref);
    control = Root(world.core.heap(), made.control);
  }
  Root ref;
  Root control;
};

// Writes down what it gets.
Root Listener(SponsorWorld& world, std::vector<std::string>& heard) {
  return world.Create([&heard](Core& core) {
    heard.push_back(Print(core.turn().message));
    return TurnEnd::kDone;
  });
}

Value Pair(SponsorWorld& world, const std::string& tag, Value a, Value b) {
  const Value fields[] = {a, b};
  return MakeTagged(world.core.heap(), world.Symbol(tag), fields).value();
}

using Strings = std::vector<std::string>;

TEST_CASE("control: what is stopped breaks every message, and nobody is to blame") {
  SponsorWorld world;
  const Ruled echo(world, Echo);
  CHECK(world.Asked(echo.ref, Value::SmallInt(1)) == "1");
  CHECK(world.Asked(echo.control, world.Symbol("stop")) == "nil");
  CHECK(world.Asked(echo.ref, Value::SmallInt(1)) == "broken: #stopped");
  world.Send(echo.ref, Value::Nil());
  CHECK(world.Asked(echo.control, world.Symbol("restart")) == "broken: #stopped");
  CHECK(world.Asked(echo.control, world.Symbol("stop")) == "nil");
  CHECK(world.Asked(echo.control, world.Symbol("info")) ==
        "{behavior: \"test\", faults: 0, restarts: 0, stopped: true}");
  CHECK(world.faults.empty());
}

TEST_CASE("control: to send is another right") {
  SponsorWorld world;
  const Ruled echo(world, Echo);
  CHECK(world.Asked(echo.ref, world.Symbol("stop")) == "#stop");
  CHECK(world.Asked(echo.control, Value::SmallInt(1)).rfind("broken: #no_clause", 0) == 0);
  CHECK(world.Asked(echo.ref, Value::SmallInt(1)) == "1");
}

TEST_CASE("control: a turn that was cut short is undone, and what waits behind it breaks") {
  SponsorWorld world;
  const Ruled job(world, Endless::Enter);
  const Root reply = world.Ask(job.ref, Value::Nil());
  const Root behind = world.Ask(job.ref, Value::Nil());
  world.core.RunSlice(100'000);
  CHECK(world.core.stats().suspensions > 0);
  CHECK(world.Asked(job.control, world.Symbol("stop")) == "nil");
  CHECK(world.Outcome(reply) == "broken: #stopped");
  CHECK(world.Outcome(behind) == "broken: #stopped");
  CHECK(world.faults.empty());
}

// Endless for #work, else replies how often it was asked since it began.
SponsorWorld::Body Worker(SponsorWorld& world) {
  return [&world](Core& core) {
    if (core.turn().message == world.Symbol("work")) return Endless::Enter(core);
    core.StageBecome(world.Behavior([](Core& c) {
      c.StageReply(Value::SmallInt(2));
      return TurnEnd::kDone;
    }));
    core.StageReply(Value::SmallInt(1));
    return TurnEnd::kDone;
  };
}

TEST_CASE("control: a restart goes back to the first behavior, and what is in the inbox stays") {
  SponsorWorld world;
  const Ruled worker(world, Worker(world));
  CHECK(world.Asked(worker.ref, Value::Nil()) == "1");
  CHECK(world.Asked(worker.ref, Value::Nil()) == "2");
  CHECK(world.Asked(worker.control, world.Symbol("restart")) == "nil");
  const Root reply = world.Ask(worker.ref, world.Symbol("work"));
  const Root behind = world.Ask(worker.ref, Value::Nil());
  world.core.RunSlice(100'000);
  CHECK(world.Outcome(behind) == "pending");
  CHECK(world.Asked(worker.control, world.Symbol("restart")) == "nil");
  CHECK(world.Outcome(reply) == "broken: #stopped");
  CHECK(world.Outcome(behind) == "1");
  CHECK(world.Asked(worker.ref, Value::Nil()) == "2");
}

TEST_CASE("control: a budget that runs dry between two slices of a turn holds nobody") {
  SponsorWorld world;
  const Root keeper = world.Create([](Core&) { return TurnEnd::kDone; });
  const Root poor = world.Split({{"steps", 50'000}, {"events", 100}}, keeper.value());
  const Ruled worker(world, Worker(world));
  // Sends before it is cut short.
  const Root job = world.CreateOn(poor, [&](Core& core) {
    core.Send(worker.ref.value(), world.Symbol("work"), core.turn().slot);
    return TurnEnd::kDone;
  });
  const Root reply = world.Ask(job, Value::Nil());
  world.Run();
  REQUIRE(world.core.ParkedEvents().size() == 1);
  const Root waits = world.Ask(worker.ref, Value::Nil());
  world.Run();
  CHECK(world.Outcome(waits) == "1");
  CHECK(world.Outcome(reply) == "pending");
  // What was to resume the turn finds another one, and leaves it alone.
  world.Asked(worker.control, world.Symbol("restart"));
  const Root second = world.Ask(worker.ref, world.Symbol("work"));
  world.core.RunSlice(100'000);
  const int64_t suspensions = static_cast<int64_t>(world.core.stats().suspensions);
  world.Send(poor, world.Tagged("refill", world.Map({{"steps", 50'000}})));
  world.core.RunSlice(100'000);
  CHECK(world.core.ParkedEvents().empty());
  CHECK(static_cast<int64_t>(world.core.stats().suspensions) > suspensions);
  CHECK(world.Outcome(second) == "pending");
  CHECK(world.Asked(worker.control, world.Symbol("stop")) == "nil");
  CHECK(world.Outcome(second) == "broken: #stopped");
  CHECK(world.Outcome(reply) == "broken: #stopped");
  CHECK(world.Balance(poor).rfind("{events: 98, steps: 49", 0) == 0);
}

TEST_CASE("control: what an undone turn had sent comes back to who paid for it") {
  SponsorWorld world;
  const Root other = world.Split({{"events", 100}});
  const Root sink = world.Create(Echo);
  const Ruled job(world, [&](Core& core) {
    for (int i = 0; i < 10; ++i) core.Send(sink.value(), Value::Nil(), Value::Nil());
    return Endless::Enter(core);
  });
  const Root through = world.CreateOn(other, [&](Core& core) {
    core.Send(job.ref.value(), Value::Nil(), core.turn().slot);
    return TurnEnd::kDone;
  });
  world.Ask(through, Value::Nil());
  world.core.RunSlice(100'000);
  CHECK(world.core.stats().suspensions > 0);
  CHECK(world.Asked(job.control, world.Symbol("stop")) == "nil");
  CHECK(world.Balance(other) == "{events: 98}");
}

TEST_CASE("control: whens and tasks that wait break at once, though their promise never settles") {
  for (const char* how : {"stop", "restart"}) {
    CAPTURE(how);
    SponsorWorld world;
    const Root never(world.core.heap(), world.core.NewPromise());
    int ran = 0;
    const Ruled waiter(world, [&](Core& core) {
      core.StageReply(world.When(never.value(), [&](Core& c) {
        ++ran;
        c.StageReply(Value::SmallInt(7));
        return TurnEnd::kDone;
      }));
      return TurnEnd::kDone;
    });
    std::vector<Root> replies;
    for (int i = 0; i < 1'000; ++i) replies.push_back(world.Ask(waiter.ref, Value::Nil()));
    world.Run();
    CHECK(world.Outcome(replies[0]) == "pending");
    CHECK(world.Asked(waiter.control, world.Symbol(how)) == "nil");
    // With none of them left it makes no difference who comes late.
    world.core.Keep(never.value(), Value::Nil());
    world.Run();
    for (const Root& reply : replies) REQUIRE(world.Outcome(reply) == "broken: #stopped");
    CHECK(ran == 0);
    CHECK(world.faults.empty());
  }
}

TEST_CASE("control: a when of an earlier life never runs, however soon its promise settles") {
  SponsorWorld world;
  const Root promise(world.core.heap(), world.core.NewPromise());
  int ran = 0;
  const Ruled waiter(world, [&](Core&) {
    world.When(promise.value(), [&](Core&) {
      ++ran;
      return TurnEnd::kDone;
    });
    return TurnEnd::kDone;
  });
  // More than are told at once.
  for (int i = 0; i < 600; ++i) world.Send(waiter.ref, Value::Nil());
  world.Run();
  const Root settles = world.Create([&](Core& core) {
    core.Keep(promise.value(), Value::Nil());
    return TurnEnd::kDone;
  });
  world.Send(waiter.control, world.Symbol("restart"));
  world.Send(settles, Value::Nil());  // in the same slice
  world.Run();
  CHECK(ran == 0);
}

TEST_CASE("control: stopping is an effect: a turn that fails stops nobody") {
  SponsorWorld world;
  const Ruled echo(world, Echo);
  Strings heard;
  const Root listener = Listener(world, heard);
  const Root fails = world.Create([&](Core& core) {
    core.Send(echo.control.value(), world.Tagged("watch", listener.value()), Value::Nil());
    core.Send(echo.control.value(), world.Symbol("stop"), Value::Nil());
    return core.Fail(Value::Nil(), {});
  });
  world.Asked(fails, Value::Nil());
  CHECK(world.Asked(echo.ref, Value::SmallInt(1)) == "1");
  CHECK(heard.empty());
}

TEST_CASE("control: an actor that never was has none, though a reason gives it away") {
  SponsorWorld world;
  const Root maker = world.Create([&](Core& core) {
    const Core::Controlled made = core.CreateControlled(world.Behavior(Echo));
    const Value fields[] = {made.ref, made.control};
    return core.Fail(MakeTagged(core.heap(), world.Symbol("both"), fields).value(), {});
  });
  const Root reply = world.Ask(maker, Value::Nil());
  world.Run();
  const Value reason = promise::Outcome(promise::Root(world.core.heap(), reply.value().target()));
  const Value both = FieldsOf(reason)[0];
  const Root ref(world.core.heap(), FieldsOf(both)[0]);
  const Root control(world.core.heap(), FieldsOf(both)[1]);
  CHECK(world.Asked(ref, Value::Nil()) == "broken: #disconnected");
  CHECK(world.Asked(control, world.Symbol("restart")) == "nil");
  CHECK(world.Asked(ref, Value::Nil()) == "broken: #disconnected");
  CHECK(world.Asked(control, world.Symbol("stop")) == "nil");
}

TEST_CASE("watch: once, in order, and at once when it is too late") {
  SponsorWorld world;
  Strings heard;
  const Root listener = Listener(world, heard);
  const Ruled echo(world, Echo);
  const auto watch = [&](int message) {
    return Pair(world, "watch", listener.value(), Value::SmallInt(message));
  };
  for (int i = 1; i <= 3; ++i) CHECK(world.Asked(echo.control, watch(i)) == "nil");
  CHECK(world.Asked(echo.control, world.Symbol("restart")) == "nil");
  CHECK(heard.empty());
  CHECK(world.Asked(echo.control, world.Symbol("stop")) == "nil");
  world.Asked(echo.control, world.Symbol("stop"));
  CHECK(heard == Strings{"1", "2", "3"});
  CHECK(world.Asked(echo.control, world.Tagged("watch", listener.value())) == "nil");
  CHECK(heard.back() == "#stopped");
  CHECK(heard.size() == 4);
}

TEST_CASE("watch: not any more") {
  SponsorWorld world;
  Strings heard, others;
  const Root listener = Listener(world, heard);
  const Root other = Listener(world, others);
  const Ruled echo(world, Echo);
  for (const Root* who : {&listener, &other, &listener}) {
    world.Send(echo.control, world.Tagged("watch", who->value()));
  }
  CHECK(world.Asked(echo.control, world.Tagged("unwatch", listener.value())) == "nil");
  world.Send(echo.control, world.Symbol("stop"));
  world.Run();
  CHECK(heard.empty());
  CHECK(others == Strings{"#stopped"});
}

TEST_CASE("watch: a flood of watchers ends at a limit") {
  SponsorWorld world;
  Strings heard;
  const Root listener = Listener(world, heard);
  const Ruled echo(world, Echo);
  for (int i = 0; i < supervision::kWatchersMax; ++i) {
    world.Send(echo.control, world.Tagged("watch", listener.value()));
  }
  CHECK(world.Asked(echo.control, world.Tagged("watch", listener.value()))
            .rfind("broken: #full(\"an actor has at most 1000 watchers", 0) == 0);
  CHECK(world.Asked(echo.control, world.Tagged("watch", Value::Nil()))
            .rfind("broken: #no_clause(\"#watch(ref) wants", 0) == 0);
  world.Send(echo.control, world.Symbol("stop"));
  world.Run();
  CHECK(heard.size() == supervision::kWatchersMax);
}

TEST_CASE("watch: who asked pays, and a budget that was stopped hears nothing") {
  SponsorWorld world;
  Strings heard;
  const Root listener = Listener(world, heard);
  const Ruled echo(world, Echo);
  std::vector<Root> budgets;
  for (int i = 0; i < 2; ++i) {
    budgets.push_back(world.Split({{"events", 10}}));
    const Root asks = world.CreateOn(budgets.back(), [&](Core& core) {
      core.Send(echo.control.value(), Pair(world, "watch", listener.value(), core.turn().message),
                core.turn().slot);
      return TurnEnd::kDone;
    });
    CHECK(world.Asked(asks, Value::SmallInt(i)) == "nil");
  }
  world.Asked(budgets[0], world.Symbol("stop"));
  world.Asked(echo.control, world.Symbol("stop"));
  CHECK(heard == Strings{"1"});
  CHECK(world.Balance(budgets[1]) == "{events: 8}");
}

TEST_CASE("watch: a collection is no stop") {
  SponsorWorld world;
  Strings heard;
  const Root listener = Listener(world, heard);
  {
    const Ruled echo(world, Echo);
    world.Asked(echo.control, world.Tagged("watch", listener.value()));
  }
  world.core.heap().Collect(Heap::Scope::kFull);
  world.core.heap().Collect(Heap::Scope::kFull);
  world.Run();
  CHECK(heard.empty());
}

TEST_CASE("control: an actor without one is as small as ever, and runs straight away") {
  SponsorWorld world;
  const Root plain = world.Create(Echo);
  CHECK(plain.value().target()->count == actor::kWordsMin);
  world.Asked(plain, Value::Nil());
  CHECK(actor::IsPlain(plain.value().target()));
}

}  // namespace
}  // namespace vesicle
