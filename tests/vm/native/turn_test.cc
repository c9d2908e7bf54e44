// The laws of turns, promises and sponsors, shown with native behaviors: no script
// is needed to state them.
#include "vm/native/turn.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "vm/value/print.h"

namespace vesicle {
namespace {

// A core, and actors made from outside of turns.
struct World {
  explicit World(CoreOptions options = {}) : core(options), build(core) {
    core.set_on_fault([this](const FaultReport& r) { faults.push_back(r.reason); });
  }
  Root Create(NativeBehavior behavior) {
    return Root(core.heap(),
                core.CreateActor(MakeNativeBehavior(core, "test", std::move(behavior))));
  }
  void Send(const Root& target, Value message) {
    core.Deliver(target.value(), message, Value::Nil());
  }
  Root Ask(const Root& target, Value message) {
    Root promise(core.heap(), core.NewPromise());
    core.Deliver(target.value(), message, promise.value());
    return promise;
  }
  // What `promise` came to, printed: "3", "broken: #timeout", "pending".
  std::string Outcome(const Root& promise) {
    std::string outcome = "pending";
    core.DeliverListen(promise.value(), MakeNativeContinuation(core, [&outcome](Turn& turn) {
                         outcome = (turn.is_broken() ? "broken: " : "") + Print(turn.message());
                       }));
    Run();
    return outcome;
  }
  void Run() {
    while (core.RunSlice(1000)) {
    }
    const char* wrong = core.heap().Verify();
    CHECK_MESSAGE(wrong == nullptr, wrong);
  }

  Core core;
  Build build;
  std::vector<std::string> faults;
};

CoreOptions CollectAlways() {
  CoreOptions options;
  options.heap.collect_at_every_safe_point = true;
  return options;
}

TEST_CASE("turn: messages from one sender arrive in order") {
  World w;
  std::vector<int64_t> got;
  Root sink = w.Create([&](Turn& turn) { got.push_back(turn.message().small_int()); });
  for (int i = 0; i < 1000; ++i) w.Send(sink, Value::SmallInt(i));
  w.Run();
  REQUIRE(got.size() == 1000);
  for (int i = 0; i < 1000; ++i) CHECK(got[static_cast<size_t>(i)] == i);
}

TEST_CASE("turn: a fault undoes every effect, and the next message finds the old behavior") {
  World w;
  int received = 0;
  Root other = w.Create([&](Turn&) { ++received; });
  int second = 0;
  Root actor = w.Create([&](Turn& turn) {
    turn.Send(other.value(), turn.Int(1));
    const Value made = turn.Create([&](Turn&) { ++received; });
    turn.Send(made, turn.Int(2));
    turn.Become([&](Turn&) { ++second; });
    turn.Reply(turn.Int(7));
    turn.Fail(turn.Text("no"));
  });
  Root reply = w.Ask(actor, Value::SmallInt(0));
  CHECK(w.Outcome(reply) == "broken: #failed(\"no\")");
  w.Send(actor, Value::SmallInt(0));
  w.Run();
  CHECK(received == 0);
  CHECK(second == 0);
  CHECK(w.core.stats().faults == 2);
  // `fail` in a turn that was asked is an answer; in one that was not, a fault.
  REQUIRE(w.faults.size() == 1);
  CHECK(w.core.unobserved_fault_count() == 1);
}

TEST_CASE("definition: actors hold their captures, become takes others, and a fault undoes that") {
  for (const CoreOptions& options : {CoreOptions(), CollectAlways()}) {
    World w(options);
    // [a sum, a name]
    Definition sum = Define(w.core, "sum", 2, [&sum](Turn& turn) {
      const std::optional<int64_t> n = Int64Of(turn.message());
      if (!n) return turn.Reply(turn.List({turn.capture(0), turn.capture(1)}));
      turn.Become(sum, {turn.Int(turn.capture(0).small_int() + *n), turn.capture(1)});
      if (*n == 13) turn.Fail(turn.Text("no"));
    });
    CHECK(sum.captures() == 2);
    const Root a =
        Root(w.core.heap(),
             w.core.CreateActor(sum.Behavior({w.build.Int(0), w.build.Text("the first one")})));
    Root b;
    // Another one, made by a turn; both by one function.
    w.Send(w.Create([&](Turn& turn) {
      b = Root(w.core.heap(), turn.Create(sum, {turn.Int(100), turn.Text("the second one")}));
    }),
           Value::Nil());
    w.Run();
    for (int n : {1, 2, 13, 4}) {
      w.Send(a, Value::SmallInt(n));
      w.Send(b, Value::SmallInt(n));
    }
    CHECK(w.Outcome(w.Ask(a, Value::Nil())) == "[7, \"the first one\"]");
    CHECK(w.Outcome(w.Ask(b, Value::Nil())) == "[107, \"the second one\"]");
  }
}

TEST_CASE("definition: a chain of native actors, and one of them faults on the way") {
  for (const CoreOptions& options : {CoreOptions(), CollectAlways()}) {
    World w(options);
    // [the next one, whether it faults]
    const Definition link = Define(w.core, "link", 2, [](Turn& turn) {
      const int64_t n = turn.message().small_int();
      if (n > 0) turn.Send(turn.capture(0), turn.Int(n - 1));
      if (turn.capture(1) == Value::True() && n < 50) turn.Fail(turn.Text("here"));
    });
    std::vector<Root> chain;
    for (int i = 0; i < 10; ++i) {
      const Value next = chain.empty() ? Value::Nil() : chain.back().value();
      chain.emplace_back(w.core.heap(),
                         w.core.CreateActor(link.Behavior({next, Value::Bool(i == 4)})));
    }
    const Definition gate =
        Define(w.core, "gate", 1, [](Turn& turn) { turn.Send(turn.capture(0), turn.message()); });
    w.Send(Root(w.core.heap(), w.core.CreateActor(gate.Behavior({chain.back().value()}))),
           Value::SmallInt(4));
    w.Run();
    CHECK(w.core.stats().faults == 0);  // it did not come so far
    w.Send(chain.back(), Value::SmallInt(9));
    w.Run();
    CHECK(w.core.stats().faults == 1);
    CHECK(w.faults.size() == 1);
  }
}

TEST_CASE("definition: captures stay right when a charge in the middle of a turn collects") {
  World w(CollectAlways());
  const Definition keeper = Define(w.core, "keeper", 1, [](Turn& turn) {
    if (!turn.ChargeBefore(100'000, 1000)) return;
    turn.Reply(turn.capture(0));
  });
  const Root actor = Root(
      w.core.heap(), w.core.CreateActor(keeper.Behavior({w.build.Text("longer than a word")})));
  CHECK(w.Outcome(w.Ask(actor, Value::Nil())) == "\"longer than a word\"");
}

TEST_CASE("turn: one law of sending: a delegated slot is answered by whoever gets it") {
  World w(CollectAlways());
  Root end = w.Create([](Turn& turn) { turn.Reply(turn.Int(turn.message().small_int() * 2)); });
  Root middle = w.Create([&](Turn& turn) { turn.Delegate(end.value(), turn.message()); });
  CHECK(w.Outcome(w.Ask(middle, Value::SmallInt(21))) == "42");
}

TEST_CASE("promise: a promise as a reply resolves the asker's promise to it") {
  World w(CollectAlways());
  Root end = w.Create([](Turn& turn) { turn.Reply(turn.Int(turn.message().small_int() + 1)); });
  Root middle = w.Create([&](Turn& turn) { turn.Reply(turn.Ask(end.value(), turn.message())); });
  CHECK(w.Outcome(w.Ask(middle, Value::SmallInt(1))) == "2");
}

TEST_CASE("promise: messages sent to a pending promise arrive in order, before later ones") {
  World w(CollectAlways());
  std::vector<int64_t> got;
  Root target = w.Create([&](Turn& turn) { got.push_back(turn.message().small_int()); });
  Root promise(w.core.heap(), w.core.NewPromise());
  for (int i = 0; i < 5; ++i) w.core.Deliver(promise.value(), Value::SmallInt(i), Value::Nil());
  w.Run();
  CHECK(got.empty());
  w.core.Keep(promise.value(), target.value());
  w.core.Deliver(promise.value(), Value::SmallInt(5), Value::Nil());
  w.Run();
  CHECK(got == std::vector<int64_t>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("promise: settlements in a row set going in order what waited, on any sponsor") {
  World w(CollectAlways());
  std::vector<int64_t> got;
  const auto note = [&got](Turn& turn) { got.push_back(turn.message().small_int()); };
  std::vector<Root> promises;
  for (int i = 0; i < 6; ++i) promises.emplace_back(w.core.heap(), w.core.NewPromise());
  Root listener = w.Create([&](Turn& turn) {
    for (Root& p : promises) turn.When(p.value(), note);
  });
  Root control(w.core.heap(), Value::Nil());
  Root splitter =
      w.Create([&](Turn& turn) { control.set(w.core.SplitSponsor(turn.Map({})).control); });
  w.Send(splitter, Value::Nil());
  w.Run();
  Root elsewhere = w.Ask(
      control, w.build.Tagged("create", MakeNativeBehavior(w.core, "listener", [&](Turn& turn) {
                                for (Root& p : promises) turn.When(p.value(), note);
                              })));
  w.Run();
  w.Send(listener, Value::Nil());
  w.Run();
  w.Send(elsewhere, Value::Nil());
  w.Run();
  for (int i = 0; i < 6; ++i) {
    w.core.Keep(promises[static_cast<size_t>(i)].value(), Value::SmallInt(i));
  }
  w.Run();
  // Two sponsors listen; each gets all in order.
  REQUIRE(got.size() == 12);
  CHECK(std::is_sorted(got.begin(), got.begin() + 6));
  CHECK(std::is_sorted(got.begin() + 6, got.end()));
}

TEST_CASE("promise: what native code settles in a turn stays settled when the turn faults") {
  World w;
  std::vector<int64_t> got;
  Root p(w.core.heap(), w.core.NewPromise());
  w.core.DeliverListen(p.value(), MakeNativeContinuation(w.core, [&](Turn& turn) {
                         got.push_back(turn.message().small_int());
                       }));
  Root settler = w.Create([&](Turn& turn) {
    turn.core().Keep(p.value(), Value::SmallInt(7));
    turn.Fault("type", "after all");
  });
  w.Run();
  w.Send(settler, Value::Nil());
  w.Run();
  CHECK(got == std::vector<int64_t>{7});
}

TEST_CASE("promise: what waits on a broken one breaks with its reason; on data, with #not_a_ref") {
  World w;
  Root broken(w.core.heap(), w.core.NewPromise());
  Root asked = w.Ask(broken, Value::SmallInt(1));
  w.core.Break(broken.value(), w.build.Symbol("gone"));
  CHECK(w.Outcome(asked) == "broken: #gone");
  Root data(w.core.heap(), w.core.NewPromise());
  w.core.Keep(data.value(), Value::SmallInt(3));
  CHECK(w.Outcome(w.Ask(data, Value::SmallInt(1))) == "broken: #not_a_ref");
}

TEST_CASE("promise: the first settlement counts") {
  World w;
  Root p(w.core.heap(), w.core.NewPromise());
  w.core.Keep(p.value(), Value::SmallInt(1));
  w.core.Break(p.value(), Value::SmallInt(2));
  CHECK(w.Outcome(p) == "1");
  CHECK(w.core.stats().late_settlements == 1);
}

TEST_CASE("promise: a ring of promises breaks instead of waiting for ever") {
  World w(CollectAlways());
  std::vector<Root> ring;
  for (int i = 0; i < 100; ++i) ring.emplace_back(w.core.heap(), w.core.NewPromise());
  for (size_t i = 0; i < ring.size(); ++i) {
    w.core.Keep(ring[i].value(), ring[(i + 1) % ring.size()].value());
    w.Run();
  }
  for (Root& p : ring) CHECK(w.Outcome(p) == "broken: #cycle");
}

TEST_CASE("promise: a resolver settles its promise, and a guest's reason is #failed") {
  World w;
  Root p(w.core.heap(), w.core.NewPromise());
  Root r(w.core.heap(), w.core.NewResolver(p.value()));
  w.Send(r, w.build.Tagged("break", w.build.Symbol("revoked")));
  CHECK(w.Outcome(p) == "broken: #failed(#revoked)");
}

TEST_CASE("fault: observed later is taken back; never observed is counted") {
  World w;
  Root actor = w.Create([](Turn& turn) { turn.Fault("type", "wrong"); });
  Root first = w.Ask(actor, Value::Nil());
  Root second = w.Ask(actor, Value::Nil());
  w.Run();
  CHECK(w.core.unobserved_fault_count() == 2);
  CHECK(w.Outcome(first) == "broken: #type(\"wrong\")");
  CHECK(w.core.unobserved_fault_count() == 1);
}

TEST_CASE("sponsor: what is spent parks the events, and the keeper can refill") {
  World w;
  int turns = 0;
  std::vector<std::string> told;
  Root keeper = w.Create([&](Turn& turn) {
    told.push_back(Print(turn.message()));
    const Value control = FieldsOf(turn.message())[1];
    if (told.size() < 3) {
      turn.Send(control, turn.Tagged("refill", turn.Map({{"events", turn.Int(10)}})));
    }
  });
  // An actor that sends itself a message for ever.
  const Value behavior = MakeNativeBehavior(w.core, "loop", [&](Turn& turn) {
    ++turns;
    turn.Send(turn.self(), turn.message());
  });
  Root keep_behavior(w.core.heap(), behavior);
  Root result(w.core.heap(), Value::Nil());
  Root maker = w.Create([&](Turn& turn) {
    Core::SponsorResult made =
        turn.core().SplitSponsor(turn.Map({{"events", turn.Int(10)}, {"keeper", keeper.value()}}));
    REQUIRE(made.error == "");
    turn.Reply(turn.Ask(made.control, turn.Tagged("create", keep_behavior.value())));
  });
  Root ref = w.Ask(maker, Value::Nil());
  w.core.Deliver(ref.value(), Value::SmallInt(1), Value::Nil());
  w.Run();
  CHECK(told.size() == 3);
  CHECK(told[0] == "#dry(#events, <ref>)");
  // 10 at first, of which the payer's switch took one, and two refills of ten; three attempts
  // were rolled back.
  CHECK(turns == 29 + 3);
  CHECK(w.core.ParkedEvents().size() == 1);
  CHECK(w.faults.empty());
}

TEST_CASE("sponsor: without a keeper the turn faults with #quota, and nothing it did is visible") {
  CoreOptions options;
  options.events_max = 5;
  World w(options);
  int turns = 0;
  Root actor = w.Create([&](Turn& turn) {
    ++turns;
    for (int i = 0; i < 3; ++i) turn.Send(turn.self(), Value::SmallInt(0));
  });
  w.Send(actor, Value::SmallInt(0));
  w.Run();
  CHECK(turns == 4);
  REQUIRE(w.faults.size() == 3);
  CHECK(w.faults[0] == "#quota(#events)");
}

TEST_CASE("turn: what is charged before is refused before, and the asker learns of it") {
  for (const bool takes_reply : {false, true}) {
    for (const CoreOptions& options : {CoreOptions{}, CollectAlways()}) {
      World w(options);
      std::vector<ReplySlot> taken;
      Root actor = w.Create([&](Turn& turn) {
        const int64_t steps = FieldsOf(turn.message())[0].small_int();
        const int64_t bytes = FieldsOf(turn.message())[1].small_int();
        if (takes_reply) taken.push_back(turn.TakeReply());
        if (!turn.ChargeBefore(steps, static_cast<uint64_t>(bytes))) return;
        const Value answer = turn.List({FieldsOf(turn.message())[1], turn.Text("a long reply")});
        takes_reply ? taken.back().Keep(answer) : turn.Reply(answer);
      });
      const auto ask = [&](int64_t steps, int64_t bytes) {
        return w.Outcome(w.Ask(actor, w.build.Tagged("go", steps, bytes)));
      };
      CHECK(ask(10, 100) == "[100, \"a long reply\"]");
      CHECK(ask(1'000'000, 100) == "[100, \"a long reply\"]");
      CHECK(ask(10, int64_t{1} << 40) == "broken: #quota(#memory)");
      CHECK(ask(int64_t{1} << 40, 100) == "broken: #quota(#steps)");
      CHECK(ask(10, 100) == "[100, \"a long reply\"]");
    }
  }
}

TEST_CASE("turn: what comes of a promise can be the reply") {
  World w;
  Root other = w.Create([](Turn& turn) {
    if (turn.message() == turn.Symbol("fail")) return turn.Fail(turn.Text("no"));
    turn.Reply(turn.message());
  });
  Root actor = w.Create([&](Turn& turn) {
    turn.DelegateWhen(turn.Ask(other.value(), turn.message()), [](Turn& then) {
      if (then.is_broken()) return then.Rebreak(then.message());
      if (then.message() == then.Symbol("memory")) return then.Quota(Resource::kMemory);
      then.Reply(then.List({then.message()}));
    });
  });
  CHECK(w.Outcome(w.Ask(actor, w.build.Int(1))) == "[1]");
  CHECK(w.Outcome(w.Ask(actor, w.build.Symbol("fail"))) == "broken: #failed(\"no\")");
  CHECK(w.Outcome(w.Ask(actor, w.build.Symbol("memory"))) == "broken: #quota(#memory)");
}

TEST_CASE("sponsor: a sponsor takes no more than there is, and gives back what it had") {
  CoreOptions options;
  options.events_max = 100;
  World w(options);
  std::string too_much;
  Root maker = w.Create([&](Turn& turn) {
    too_much = turn.core().SplitSponsor(turn.Map({{"events", turn.Int(101)}})).error;
    REQUIRE(turn.core().SplitSponsor(turn.Map({{"events", turn.Int(60)}})).error == "");
  });
  w.Send(maker, Value::Nil());
  w.Run();
  CHECK(too_much == "only 100 events are left here, not 101");
  CHECK(w.core.root_sponsor().amount(Resource::kEvents) == 40);
  w.core.heap().Collect(Heap::Scope::kFull);
  w.Send(maker, Value::Nil());  // reaps the first on its way
  w.Run();
  CHECK(w.core.root_sponsor().amount(Resource::kEvents) == 40);
}

TEST_CASE("sponsor: a faulted turn's new sponsor never was") {
  CoreOptions options;
  options.events_max = 100;
  World w(options);
  Root maker = w.Create([&](Turn& turn) {
    REQUIRE(turn.core().SplitSponsor(turn.Map({{"events", turn.Int(60)}})).error == "");
    turn.Fail(turn.Nil());
  });
  w.Send(maker, Value::Nil());
  w.Run();
  CHECK(w.core.root_sponsor().amount(Resource::kEvents) == 100);
}

TEST_CASE("actor: cycles of actors are collected") {
  World w;
  for (int round = 0; round < 3; ++round) {
    Root maker = w.Create([&](Turn& turn) {
      for (int i = 0; i < 10'000; ++i) {
        // Two actors that know each other, and nobody else them.
        Object* a = turn.core().NewActor(code::Of(turn.self().target()), 1);
        Object* b = turn.core().NewActor(code::Of(turn.self().target()), 1);
        a->words()[1] = Value::Target(b);
        b->words()[1] = Value::Target(a);
      }
    });
    w.Send(maker, Value::Nil());
    w.Run();
  }
  w.core.heap().Collect(Heap::Scope::kFull);
  int64_t actors = 0;
  w.core.heap().ForEachObject([&](Object* o) { actors += o->kind == Kind::kActor ? 1 : 0; });
  CHECK(actors < 10);
}

}  // namespace
}  // namespace vesicle
