// The laws of supervision: a fault reaches the supervisor and nobody can make one up; who
// causes it pays for that; and no actor outlives the life of its supervisor.
#include "tests/vm/actor/sponsor_world.h"
#include "vm/actor/sponsor.h"
#include "vm/actor/state_hash.h"
#include "vm/actor/supervision.h"

namespace vesicle {
namespace {

using Strings = std::vector<std::string>;

TurnEnd FailAlways(Core& core) {
  Place place;
  place.file = "f.ves";
  place.line = 3;
  place.column = 4;
  return core.Fault(core.Reason("type", "no"), place);
}

// A supervisor that starts one child at its first message, and writes down what it gets. It answers
// with the child.
class Family {
 public:
  Family(SponsorWorld& w, SponsorWorld::Body body, const Root* sponsor = nullptr)
      : world(w), sponsor_(sponsor) {
    supervisor = world.Create([this, body](Core& core) {
      const Value m = core.turn().message;
      if (!m.is_nil()) {
        heard.push_back(m);
        texts.push_back(Print(m));
        return TurnEnd::kDone;
      }
      const Core::Controlled made =
          core.Supervise(world.Behavior(body), Value::SmallInt(9), core.HomeOfSelf(),
                         sponsor_ == nullptr ? Value::Nil() : sponsor_->value());
      REQUIRE(made.error == "");
      child = Root(core.heap(), made.ref);
      control = Root(core.heap(), made.control);
      return TurnEnd::kDone;
    });
  }
  void Start() {
    world.Send(supervisor, Value::Nil());
    world.Run();
  }
  Value Field(size_t i, const char* name) {
    const Value fault = FieldsOf(heard[i])[1];
    return MapGet(fault, MakeText(world.core.heap(), name).value(), world.core).value();
  }

  SponsorWorld& world;
  Root supervisor, child, control;
  std::vector<Value> heard;  // good until the next collection
  Strings texts;

 private:
  const Root* sponsor_;
};

TEST_CASE("supervisor: it hears of a fault, as data, and the fault is observed") {
  SponsorWorld world;
  Family family(world, FailAlways);
  family.Start();
  CHECK(world.Asked(family.child, world.Symbol("go")) == "broken: #type(\"no\")");
  CHECK(family.texts == Strings{"#fault(9, {behavior: \"test\", message: \"#go\", "
                                "missed: 0, own: true, place: \"f.ves:3:4\", "
                                "reason: #type(\"no\")})"});
  CHECK(world.core.unobserved_fault_count() == 0);
  CHECK(world.faults.size() == 1);  // the host sees all
}

TEST_CASE("supervisor: an answer is no fault") {
  SponsorWorld world;
  Family family(world, [](Core& core) { return core.Fail(Value::SmallInt(1), {}); });
  family.Start();
  CHECK(world.Asked(family.child, Value::Nil()) == "broken: #failed(1)");
  CHECK(family.texts.empty());
  world.Send(family.child, Value::Nil());
  world.Run();
  CHECK(family.texts.size() == 1);
}

TEST_CASE("supervisor: the fault of a when is one of the actor that wrote it") {
  SponsorWorld world;
  Family family(world, [&](Core& core) {
    world.When(Value::Nil(), FailAlways);
    core.StageReply(Value::Nil());
    return TurnEnd::kDone;
  });
  family.Start();
  CHECK(world.Asked(family.child, Value::Nil()) == "nil");
  CHECK(family.texts.size() == 1);
}

TEST_CASE("supervisor: a reason gives away no ref") {
  SponsorWorld world;
  Family family(world, [&](Core& core) {
    const Value refs[] = {core.turn().self, core.NewPromise(), world.Behavior(Echo),
                          MakeText(core.heap(), std::string(2'000, 'x')).value()};
    return core.Fail(MakeTagged(core.heap(), world.Symbol("all"), refs).value(), {});
  });
  family.Start();
  world.Send(family.child, Value::Nil());
  world.Run();
  REQUIRE(family.texts.size() == 1);
  CHECK(Print(family.Field(0, "reason")) ==
        "#failed(#all(#ref, #promise, #behavior, \"" + std::string(400, 'x') + "...\"))");
}

TEST_CASE("supervisor: of a storm one fault is under way, and the others are counted") {
  SponsorWorld world;
  Family family(world, FailAlways);
  family.Start();
  for (int i = 0; i < 100; ++i) world.Send(family.child, Value::Nil());
  world.Run();
  // It stands in the queue behind all that came before the first of them.
  REQUIRE(family.texts.size() == 1);
  CHECK(family.Field(0, "missed") == Value::SmallInt(99));
}

// Sends to the child from a budget of its own.
Root Client(SponsorWorld& world, const Root& budget, const Family& family) {
  return world.CreateOn(budget, [&family](Core& core) {
    for (int i = 0; i < 10; ++i) {
      if (!core.Send(family.child.value(), Value::SmallInt(i), Value::Nil())) {
        return core.Quota(Resource::kEvents);
      }
    }
    return TurnEnd::kDone;
  });
}

TEST_CASE("supervisor: whose turn it was pays for what the supervisor does about it") {
  SponsorWorld world;
  Family family(world, FailAlways);
  const Root home = world.Split({{"events", 100}, {"steps", 100'000}});
  // The supervisor's first turn is on that budget.
  const Root starts = world.CreateOn(home, [&](Core& core) {
    core.Send(family.supervisor.value(), Value::Nil(), Value::Nil());
    return TurnEnd::kDone;
  });
  world.Asked(starts, Value::Nil());
  world.Run();
  const auto amount = [&](const Root& of, Resource which) {
    return Core::SponsorOf(of.value().target())->amount(which);
  };
  const int64_t steps = amount(home, Resource::kSteps);
  const int64_t events = amount(home, Resource::kEvents);
  const Root foreign = world.Split({{"events", 2'000}, {"steps", 100'000'000}});
  const Root client = Client(world, foreign, family);
  for (int i = 0; i < 100; ++i) {
    world.Send(client, Value::Nil());
    world.Run();
  }
  CHECK(family.texts.size() >= 100);
  CHECK(family.Field(0, "own").is_false());
  CHECK(amount(home, Resource::kEvents) == events);
  CHECK(amount(home, Resource::kSteps) >= steps);
  CHECK(world.core.unobserved_fault_count() == 0);
}

TEST_CASE("supervisor: it learns that its actor's own budget is used up") {
  SponsorWorld world;
  const Root own = world.Split({{"events", 5}});
  Family family(
      world,
      [](Core& core) {
        for (int i = 0; i < 10; ++i) {
          if (!core.Send(core.turn().self, Value::Nil(), Value::Nil())) {
            return core.Quota(Resource::kEvents);
          }
        }
        return TurnEnd::kDone;
      },
      &own);
  family.Start();
  world.Send(family.child, Value::Nil());
  world.Run();
  REQUIRE(!family.texts.empty());
  CHECK(Print(family.Field(0, "reason")) == "#quota(#events)");
  CHECK(family.Field(0, "own").is_true());
}

TEST_CASE("supervisor: a fault that it cannot be told of is reported as any other") {
  SponsorWorld world;
  Family family(world, FailAlways);
  const Root home = world.Split({{"events", 100}});
  const Root starts = world.CreateOn(home, [&](Core& core) {
    core.Send(family.supervisor.value(), Value::Nil(), Value::Nil());
    return TurnEnd::kDone;
  });
  world.Asked(starts, Value::Nil());
  world.Asked(home, world.Symbol("stop"));
  world.Send(family.child, Value::Nil());
  world.Run();
  CHECK(family.texts.empty());
  CHECK(world.core.unobserved_fault_count() == 1);
}

TEST_CASE("supervisor: a turn that fails starts nobody, and its state is as before") {
  SponsorWorld world;
  const Root supervisor = world.Create([&](Core& core) {
    core.Supervise(world.Behavior(Echo), Value::Nil(), core.HomeOfSelf(), Value::Nil());
    return core.Fail(Value::Nil(), {});
  });
  const uint64_t before = StateHash(world.core);
  world.Asked(supervisor, Value::Nil());
  CHECK(StateHash(world.core) == before);
}

// A tree: each actor supervises the next one, down to `depth`; the innermost is `leaf`.
struct Tree {
  Tree(SponsorWorld& world, int depth) : controls(static_cast<size_t>(depth)) {
    make = [this, &world, depth](int at) {
      return [this, &world, depth, at](Core& core) {
        if (at == depth) return Echo(core);
        const Core::Controlled made =
            core.Supervise(world.Behavior(make(at + 1)), Value::Nil(), Value::Nil(), Value::Nil());
        if (!made.error.empty()) {
          error = made.error;
          return TurnEnd::kDone;
        }
        controls[static_cast<size_t>(at)] = Root(core.heap(), made.control);
        leaf = Root(core.heap(), made.ref);
        core.Send(made.ref, Value::Nil(), Value::Nil());
        return TurnEnd::kDone;
      };
    };
    const Core::Controlled made = world.core.CreateControlled(world.Behavior(make(0)));
    root = Root(world.core.heap(), made.ref);
    control = Root(world.core.heap(), made.control);
    world.Send(root, Value::Nil());
    world.Run();
  }
  std::function<SponsorWorld::Body(int)> make;
  std::vector<Root> controls;
  Root root, control, leaf;
  std::string error;
};

TEST_CASE("supervisor: no actor outlives it, however deep, and watchers are told") {
  for (const char* how : {"stop", "restart"}) {
    CAPTURE(how);
    SponsorWorld world;
    Tree tree(world, 20);
    CHECK(tree.error == "");
    const Root watched(world.core.heap(), tree.controls.back().value());
    int told = 0;
    const Root listener = world.Create([&](Core&) { return ++told, TurnEnd::kDone; });
    world.Asked(watched, world.Tagged("watch", listener.value()));
    CHECK(world.Asked(tree.leaf, Value::SmallInt(1)) == "1");
    // At once: in the slice of the stop.
    const Root stopped = world.Ask(tree.control, world.Symbol(how));
    const Root late = world.Ask(tree.leaf, Value::SmallInt(1));
    world.Run();
    CHECK(world.Outcome(stopped) == "nil");
    CHECK(world.Outcome(late) == "broken: #stopped");
    CHECK(told == 1);
  }
}

TEST_CASE("supervisor: they stand at most so deep") {
  SponsorWorld world;
  Tree tree(world, supervision::kSupervisionDepthMax + 1);
  CHECK(tree.error == "supervisors stand at most 64 deep");
}

TEST_CASE("supervisor: turns cut short and whens of an actor end with its supervisor") {
  SponsorWorld world;
  const Root never(world.core.heap(), world.core.NewPromise());
  const Core::Controlled above = world.core.CreateControlled(world.Behavior([&](Core& core) {
    const Core::Controlled made = core.Supervise(world.Behavior([&](Core& c) {
      if (c.turn().message.is_nil()) return Endless::Enter(c);
      c.StageReply(world.When(never.value(), Echo));
      return TurnEnd::kDone;
    }),
                                                 Value::Nil(), Value::Nil(), Value::Nil());
    core.StageReply(made.ref);
    return TurnEnd::kDone;
  }));
  const Root supervisor(world.core.heap(), above.ref);
  const Root control(world.core.heap(), above.control);
  const Root made = world.Ask(supervisor, Value::Nil());
  world.Run();
  const Root child(world.core.heap(),
                   promise::Outcome(promise::Root(world.core.heap(), made.value().target())));
  const Root waits = world.Ask(child, Value::SmallInt(1));
  const Root works = world.Ask(child, Value::Nil());
  const Root behind = world.Ask(child, Value::SmallInt(2));
  world.core.RunSlice(100'000);
  world.Send(control, world.Symbol("stop"));
  world.Run();
  for (const Root* reply : {&waits, &works, &behind}) {
    CHECK(world.Outcome(*reply) == "broken: #stopped");
  }
}

TEST_CASE("supervisor: a fault of an earlier life is not told to the next one") {
  SponsorWorld world;
  Strings heard;
  Root child;
  const Core::Controlled above = world.core.CreateControlled(world.Behavior([&](Core& core) {
    if (!core.turn().message.is_nil()) {
      heard.push_back(Print(core.turn().message));
      return TurnEnd::kDone;
    }
    child = Root(
        core.heap(),
        core.Supervise(world.Behavior(FailAlways), Value::Nil(), Value::Nil(), Value::Nil()).ref);
    return TurnEnd::kDone;
  }));
  const Root supervisor(world.core.heap(), above.ref);
  const Root control(world.core.heap(), above.control);
  world.Send(supervisor, Value::Nil());
  world.Run();
  world.Send(child, Value::Nil());
  world.Send(control, world.Symbol("restart"));
  world.Run();
  CHECK(heard.empty());
}

TEST_CASE("supervisor: with a collection at every safe point") {
  CoreOptions options;
  options.heap.collect_at_every_safe_point = true;
  SponsorWorld world(options);
  for (int round = 0; round < 5; ++round) {
    Tree tree(world, 8);
    Strings heard;
    const Root never(world.core.heap(), world.core.NewPromise());
    Family family(world, [&](Core& core) {
      if (core.turn().message == Value::SmallInt(1)) return FailAlways(core);
      if (core.turn().message == Value::SmallInt(2)) return Endless::Enter(core);
      core.StageReply(world.When(never.value(), Echo));
      return TurnEnd::kDone;
    });
    family.Start();
    std::vector<Root> replies;
    for (int i = 0; i < 40; ++i) {
      replies.push_back(world.Ask(family.child, Value::SmallInt(i % 2)));
    }
    replies.push_back(world.Ask(family.child, Value::SmallInt(2)));
    world.core.RunSlice(10'000 * round);
    world.Send(family.control, world.Symbol(round % 2 == 0 ? "restart" : "stop"));
    world.Send(tree.control, world.Symbol("stop"));
    world.Run();
    for (size_t i = 0; i < replies.size(); i += 2) {
      CHECK(world.Outcome(replies[i]) == "broken: #stopped");
    }
    CHECK(world.Asked(tree.leaf, Value::Nil()) == "broken: #stopped");
    world.Asked(family.control, world.Symbol("stop"));
  }
}

}  // namespace
}  // namespace vesicle
