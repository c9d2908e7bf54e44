// Law 10: a crossing happens when the target's turn starts and is done when that turn
// commits; until then a revoke undoes it. One test for each state that it may be in.
#include <doctest/doctest.h>

#include <span>
#include <string>
#include <vector>

#include "membrane/membrane.h"
#include "tests/membrane/link.h"

namespace vesicle {
namespace {

// `log` hears what the worker does; a turn that was undone was never heard of.
const char kWorker[] = R"(
  behavior worker(done, log) {
    #work => { log <- #begun; become worker(done + 1, log); done + 1 }
    #forever => { log <- #begun; become worker(done + 1, log); while true {} }
    #done => done
    #later => { let [p, r] = promise(); become worker(r, log); p }
    #answer(v) => { done <- #fulfill(v); nil }
    #pass(to, m) => to <- m
    #tell(to, m) => { to <- m; nil }
    #wait_for(p) => task { let v = await p; log <- v; v }
  }
  behavior log(heard) { #heard => heard, m => become log([...heard, m]) }
  behavior asker(heard) {
    #ask(to, m) => {
      let me = self
      when to <- m { v => me <- #heard(v) } else { why => me <- #heard(why) }
      nil
    }
    #heard(v) => become asker([...heard, v])
    #all => heard
  }
)";

struct Scene {
  explicit Scene(const Way& way) : link(*way.link), from(way.from), to(way.to) {
    link.Load(kWorker);
    log = from.Create("log", {from.Data("[]").value()});
    worker = from.Create("worker", {Value::SmallInt(0), log.value()});
    proxy = link.From(from, worker);
  }
  std::string Done() { return link.Asked(from, worker, "#done"); }
  std::string Heard() { return link.Asked(from, log, "#heard"); }
  Root Ask(std::string_view m) { return to.Ask(proxy, to.Data(m).value()); }
  // For worlds that have no end.
  void RunLong() {
    for (int i = 0; i < 20; ++i) link.RunFor(100'000);
  }

  Link& link;
  Shore& from;
  Shore& to;
  Root log, worker, proxy;
};

TEST_CASE("law 10: what is queued is dropped, and who asked learns #revoked") {
  const Way way = EveryWay();
  if (!way.link->traits().undoes_under_way) return;
  Scene s(way);
  const Root asked = s.Ask("#work");
  s.to.vm().Send(s.proxy, s.to.Data("#work").value());
  s.link.Revoke();
  s.link.Run();
  CHECK(s.to.Outcome(asked) == "broken: #revoked");
  CHECK(s.Done() == "0");
  CHECK(s.Heard() == "[]");
}

TEST_CASE("law 10: a suspended turn that a crossing began is rolled back, and its actor is free") {
  const Way way = EveryWay();
  if (!way.link->traits().undoes_under_way) return;
  Scene s(way);
  const Root asked = s.Ask("#forever");
  s.link.RunFor(100'000);
  REQUIRE(s.from.vm().core().stats().suspensions > 0);
  const Root of_a_neighbour = s.from.Ask(s.worker, s.from.Data("#work").value());
  const Root behind = s.Ask("#work");
  s.link.RunFor(100'000);
  CHECK(s.to.Outcome(asked) == "pending");
  CHECK(s.from.Outcome(of_a_neighbour) == "pending");
  s.link.Revoke();
  s.RunLong();
  CHECK(s.to.Outcome(asked) == "broken: #revoked");
  CHECK(s.to.Outcome(behind) == "broken: #revoked");
  CHECK(s.from.Outcome(of_a_neighbour) == "1");
  CHECK(s.Heard() == "[#begun]");  // the neighbour's
}

TEST_CASE("law 10: what waits in the inbox of a busy actor is dropped at once") {
  const Way way = EveryWay();
  if (!way.link->traits().undoes_under_way) return;
  Scene s(way);
  // The actor is busy for a neighbour, for ever, and no revoke changes that.
  const Root of_a_neighbour = s.from.Ask(s.worker, s.from.Data("#forever").value());
  s.link.RunFor(100'000);
  const Root asked = s.Ask("#work");
  s.link.RunFor(100'000);
  s.link.Revoke();
  s.RunLong();
  CHECK(s.to.Outcome(asked) == "broken: #revoked");
  CHECK(s.from.Outcome(of_a_neighbour) == "pending");
}

TEST_CASE("law 10: what waits for a pending promise of the other side breaks") {
  const Way way = EveryWay();
  if (!way.link->traits().undoes_under_way) return;
  Scene s(way);
  const Root promise(s.from.heap(), s.from.vm().core().NewPromise());
  const Root stand_in = s.link.From(s.from, promise);
  const Root asked = s.to.Ask(stand_in, s.to.Data("#work").value());
  s.link.Run();
  CHECK(s.to.Outcome(asked) == "pending");
  s.link.Revoke();
  s.link.Run();
  CHECK(s.to.Outcome(asked) == "broken: #revoked");
  CHECK(s.to.Outcome(stand_in) == "broken: #revoked");
  // And when it is kept, nobody hears of it.
  s.from.vm().core().Keep(promise.value(), s.worker.value());
  s.link.Run();
  CHECK(s.to.Outcome(stand_in) == "broken: #revoked");
  CHECK(s.Done() == "0");
}

TEST_CASE("law 10: what was sent ahead of a reply breaks with it") {
  const Way way = EveryWay();
  if (!way.link->traits().undoes_under_way) return;
  Scene s(way);
  const Root later = s.Ask("#later");
  const Root ahead = s.to.Ask(later, s.to.Data("#work").value());
  const Root further = s.to.Ask(ahead, s.to.Data("#work").value());
  s.link.Run();
  CHECK(s.to.Outcome(further) == "pending");
  s.link.Revoke();
  s.link.Run();
  CHECK(s.to.Outcome(later) == "broken: #revoked");
  CHECK(s.to.Outcome(ahead) == "broken: #revoked");
  CHECK(s.to.Outcome(further) == "broken: #revoked");
}

TEST_CASE("law 10: a turn that has committed stands; its reply that is on its way does not") {
  const Way way = EveryWay();
  if (!way.link->traits().undoes_under_way) return;
  Scene s(way);
  const Root asked = s.Ask("#work");
  s.link.Run();
  CHECK(s.to.Outcome(asked) == "1");
  // A task has committed what came before its `await`, and waits.
  const Root promise(s.from.heap(), s.from.vm().core().NewPromise());
  const Root waits =
      s.to.Ask(s.proxy, s.to.vm().Tagged("wait_for", s.link.From(s.from, promise).value()));
  s.link.Run();
  CHECK(s.to.Outcome(waits) == "pending");
  s.link.Revoke();
  s.link.Run();
  CHECK(s.to.Outcome(waits) == "broken: #revoked");
  CHECK(s.Done() == "1");
  CHECK(s.Heard() == "[#begun]");
}

TEST_CASE("law 10: who asked learns it at once, though others on the far side go on with it") {
  const Way way = EveryWay();
  if (!way.link->traits().undoes_under_way) return;
  Scene s(way);
  // The one who was asked passed it on to a neighbour: the crossing is done, the neighbour's turn
  // is its own. Only the answer has nowhere to go.
  const Root neighbour = s.from.Create("worker", {Value::SmallInt(0), s.log.value()});
  s.from.Load("behavior passes(to) { m => to <- m }");
  const Root front = s.from.Create("passes", {neighbour.value()});
  const Root asked = s.to.Ask(s.link.From(s.from, front), s.to.Data("#forever").value());
  s.link.RunFor(200'000);
  CHECK(s.to.Outcome(asked) == "pending");
  const Root behind = s.from.Ask(neighbour, s.from.Data("#done").value());
  s.link.Revoke();
  s.RunLong();
  CHECK(s.to.Outcome(asked) == "broken: #revoked");
  CHECK(s.from.Outcome(behind) ==
        "pending");  // it is nobody's to stop but the neighbour's sponsor's
}

TEST_CASE("law 10: what a committed turn sent to its own side arrives, and across it does not") {
  const Way way = EveryWay();
  if (!way.link->traits().undoes_under_way || !way.link->traits().one_heap) return;
  Scene s(way);
  s.from.Load(R"(
    behavior busy(revoker, near, far) {
      #go => { revoker <- #now; near <- #hi; far <- #hi; near <- #bye; #done }
    }
  )");
  const Root far = s.to.Create("log", {s.to.Data("[]").value()});
  const Root revoker = s.from.vm().Create([&](Turn&) { s.link.Revoke(); });
  const Root busy =
      s.from.Create("busy", {revoker.value(), s.log.value(), s.link.From(s.to, far).value()});
  CHECK(s.link.Asked(s.from, busy, "#go") == "#done");
  CHECK(s.Heard() == "[#hi, #bye]");
  CHECK(s.link.Asked(s.to, far, "#heard") == "[]");
}

TEST_CASE("law 10: who is asked across it and revokes it is heard no more") {
  const Way way = EveryWay();
  if (!way.link->traits().undoes_under_way || !way.link->traits().one_heap) return;
  Scene s(way);
  const Root revoker = s.from.vm().Create([&](Turn& turn) {
    s.link.Revoke();
    turn.Send(s.log.value(), turn.Symbol("revoked"));
    turn.Reply(turn.Int(1));
  });
  const Root asked = s.to.Ask(s.link.From(s.from, revoker), Value::Nil());
  s.link.Run();
  CHECK(s.to.Outcome(asked) == "broken: #revoked");
}

TEST_CASE("law 10: each promise breaks exactly once, whatever its question was waiting for") {
  const Way way = EveryWay();
  if (!way.link->traits().undoes_under_way) return;
  Scene s(way);
  const Root asker = s.to.Create("asker", {s.to.Data("[]").value()});
  const auto ask = [&](const Root& target, std::string_view m) {
    s.to.vm().Send(asker, s.to.vm().Tagged("ask", target.value(), s.to.Data(m).value()));
  };
  const Root busy = s.from.Create("worker", {Value::SmallInt(0), s.log.value()});
  const Root answers = s.from.Create("worker", {Value::SmallInt(0), s.log.value()});
  ask(s.link.From(s.from, answers), "#later");
  ask(s.link.From(s.from, busy), "#forever");
  s.link.RunFor(200'000);
  ask(s.link.From(s.from, busy), "#work");
  s.link.RunFor(200'000);
  ask(s.proxy, "#work");
  s.link.Revoke();
  s.RunLong();
  const std::string all = "[#revoked, #revoked, #revoked, #revoked]";
  CHECK(s.link.Asked(s.to, asker, "#all") == all);
  CHECK(s.link.Asked(s.from, answers, "#answer(7)") == "nil");
  s.RunLong();
  CHECK(s.link.Asked(s.to, asker, "#all") == all);
}

TEST_CASE("law 10: however many wait, each of them learns it") {
  const Way way = EveryWay();
  if (!way.link->traits().undoes_under_way) return;
  Scene s(way);
  s.link.Load(R"(
    behavior forgetful(resolvers) { #later => { let [p, r] = promise(); become forgetful([...resolvers, r]); p } }
    behavior crowd(broken) {
      #ask(n, to) => {
        let me = self
        for _ in 1..n { when to <- #later { _ => nil } else { why => me <- why } }
        nil
      }
      #revoked => become crowd(broken + 1)
      #broken => broken
    }
  )");
  const Root answers = s.from.Create("forgetful", {s.from.Data("[]").value()});
  const Root crowd = s.to.Create("crowd", {Value::SmallInt(0)});
  s.to.vm().Send(crowd, s.to.vm().Tagged("ask", 20'000, s.link.From(s.from, answers).value()));
  s.link.Run();
  CHECK(s.link.Asked(s.to, crowd, "#broken") == "0");
  s.link.Revoke();
  CHECK(s.link.Asked(s.to, s.proxy, "#work") == "broken: #revoked");
  CHECK(s.link.Asked(s.to, crowd, "#broken") == "20000");
}

// Whether the collector came by may decide nothing: a promise that nobody can settle any more is
// still one of the other side.
void CheckLostResolver(const Way& way, bool collects) {
  if (!way.link->traits().undoes_under_way) return;
  Scene s(way);
  s.from.Load("behavior loses { #never => { let [p, _] = promise(); p } }");
  const Root loses = s.link.From(s.from, s.from.Create("loses"));
  const Root reply = s.to.Ask(loses, s.to.Data("#never").value());
  s.link.Run();
  if (collects) s.from.heap().Collect(Heap::Scope::kFull);
  CHECK(s.to.Outcome(reply) == "pending");
  s.link.Revoke();
  s.link.Run();
  CHECK(s.to.Outcome(reply) == "broken: #revoked");
}

TEST_CASE("law 10: a promise whose resolver is lost breaks, too") {
  CheckLostResolver(EveryWay(), false);
}

TEST_CASE("law 10: a promise whose resolver is lost and collected breaks, too") {
  CheckLostResolver(EveryWay(), true);
}

// ---------------------------------------------------------------------------
// Parked, by a budget that the membrane names.

struct DryScene {
  DryScene() {
    absl::StatusOr<Module> loaded = vm.Load("inside.ves", kWorker);
    REQUIRE(loaded.ok());
    module = *std::move(loaded);
    log = vm.Create(module.Behavior("log", {vm.List({})}));
    worker = vm.Create(module.Behavior("worker", {vm.Int(0), log.value()}));
  }
  // Who pays inward has so much of `what`, and somebody to ask for more.
  void Split(std::string_view what, int64_t amount) {
    const Root keeper = vm.Create([this](Turn&) { ++asked_for_more; });
    const Core::SponsorResult made =
        vm.core().SplitSponsor(vm.Map({{what, vm.Int(amount)}, {"keeper", keeper.value()}}));
    REQUIRE(made.error.empty());
    control = Root(vm.core().heap(), made.control);
    MembraneOptions options;
    options.payer_in = control.value();
    wall = *Membrane::Create(vm.core(), options);
    proxy = Root(vm.core().heap(), wall->Pass(worker.value(), Direction::kOut).value());
  }

  Vm vm;
  Shore shore{vm, "outside.ves"};
  Module module;
  int asked_for_more = 0;
  Root log, worker, control, proxy;
  std::optional<Membrane> wall;
};

TEST_CASE(
    "law 10: what is parked before its turn, by a dry sponsor with a keeper, is dropped at once") {
  DryScene s;
  s.Split("events", 2);
  const Root first = s.shore.Ask(s.proxy, s.vm.Symbol("work"));
  const Root second = s.shore.Ask(s.proxy, s.vm.Symbol("work"));
  s.vm.Run();
  CHECK(s.shore.Outcome(first) == "1");
  REQUIRE(s.shore.Outcome(second) == "pending");
  REQUIRE(s.asked_for_more == 1);
  s.wall->Revoke();
  s.vm.Run();
  CHECK(s.shore.Outcome(second) == "broken: #revoked");
  // What was dropped does not come with a refill.
  s.vm.Send(s.control, s.vm.Tagged("refill", s.vm.Map({{"events", s.vm.Int(100)}})));
  s.vm.Run();
  CHECK(s.shore.Outcome(second) == "broken: #revoked");
  const Root done = s.shore.Ask(s.worker, s.vm.Symbol("done"));
  s.vm.Run();
  CHECK(s.shore.Outcome(done) == "1");
}

TEST_CASE("law 10: a turn that ran dry half-way, and is to start afresh, does not") {
  DryScene s;
  s.Split("steps", 50'000);
  const Root asked = s.shore.Ask(s.proxy, s.vm.Symbol("forever"));
  s.vm.Run();
  REQUIRE(s.shore.Outcome(asked) == "pending");
  REQUIRE(s.asked_for_more == 1);
  s.wall->Revoke();
  s.vm.Run();
  CHECK(s.shore.Outcome(asked) == "broken: #revoked");
  s.vm.Send(s.control, s.vm.Tagged("refill", s.vm.Map({{"steps", s.vm.Int(100'000)}})));
  s.vm.Run();
  const Root done = s.shore.Ask(s.worker, s.vm.Symbol("done"));
  const Root heard = s.shore.Ask(s.log, s.vm.Symbol("heard"));
  s.vm.Run();
  CHECK(s.shore.Outcome(done) == "0");
  CHECK(s.shore.Outcome(heard) == "[]");
}

TEST_CASE("law 10: a suspended turn whose sponsor has run dry meanwhile is rolled back at once") {
  DryScene s;
  s.Split("events", 3);
  const Root asked = s.shore.Ask(s.proxy, s.vm.Symbol("forever"));
  s.vm.RunSlice(100'000);
  // Others use up what is left, while the turn is suspended.
  std::vector<Root> others;
  for (int i = 0; i < 5; ++i) {
    const Root other = s.vm.Create(s.module.Behavior("worker", {s.vm.Int(0), s.log.value()}));
    const Root proxy(s.vm.core().heap(), s.wall->Pass(other.value(), Direction::kOut).value());
    others.push_back(s.shore.Ask(proxy, s.vm.Symbol("done")));
  }
  for (int i = 0; i < 5; ++i) s.vm.RunSlice(100'000);
  REQUIRE(s.asked_for_more == 1);
  REQUIRE(s.shore.Outcome(others.back()) == "pending");
  s.wall->Revoke();
  for (int i = 0; i < 5; ++i) s.vm.RunSlice(100'000);
  CHECK(s.shore.Outcome(asked) == "broken: #revoked");
  CHECK(s.shore.Outcome(others.back()) == "broken: #revoked");
  // Its actor is free for those who pay for themselves.
  const Root done = s.shore.Ask(s.worker, s.vm.Symbol("done"));
  for (int i = 0; i < 5; ++i) s.vm.RunSlice(100'000);
  CHECK(s.shore.Outcome(done) == "0");
}

TEST_CASE(
    "law 10: what is parked after the revoke, since its sponsor ran dry only then, is dropped") {
  DryScene s;
  s.Split("steps", 5000);
  const Root own = s.shore.Ask(
      s.control, s.vm.Tagged("create", s.module.Behavior("worker", {s.vm.Int(0), s.log.value()})));
  s.vm.Run();
  s.vm.Send(own, s.vm.Symbol("forever"));
  const Root asked = s.shore.Ask(s.proxy, s.vm.Symbol("work"));
  s.wall->Revoke();
  s.vm.Run();
  REQUIRE(s.asked_for_more == 1);
  CHECK(s.shore.Outcome(asked) == "broken: #revoked");
}

TEST_CASE("law 10: what was sent to a dead proxy is a fault, whatever is cut while it is parked") {
  DryScene s;
  s.Split("steps", 5);  // for the turn that sends it, and no more
  const Root own = s.shore.Ask(
      s.control, s.vm.Tagged("create", s.module.Behavior("worker", {s.vm.Int(0), s.log.value()})));
  s.vm.Run();
  Membrane other = *Membrane::Create(s.vm.core(), {});
  const Root dead(s.vm.core().heap(), other.Pass(s.log.value(), Direction::kOut).value());
  other.Revoke();
  s.vm.Send(own, s.vm.Tagged("tell", dead.value(), s.vm.Symbol("work")));
  s.vm.Run();
  REQUIRE(s.asked_for_more == 1);
  REQUIRE(s.vm.UnobservedFaults().empty());
  s.wall->Revoke();
  s.vm.Run();
  s.vm.Send(s.control, s.vm.Tagged("refill", s.vm.Map({{"steps", s.vm.Int(5000)}})));
  s.vm.Run();
  CHECK(s.vm.UnobservedFaults().size() == 1);
}

TEST_CASE("law 25: a long message whose receiver came to be busy meanwhile is judged once") {
  DryScene s;
  Heap& heap = s.vm.core().heap();
  const Root payer(heap, s.vm.core().SplitSponsor(s.vm.Map({{"events", s.vm.Int(1000)}})).control);
  MembraneOptions options;
  options.payer_in = payer.value();
  options.inward = s.vm.Symbol("one_shot");
  Membrane wall = *Membrane::Create(s.vm.core(), options);
  Membrane other = *Membrane::Create(s.vm.core(), {});
  const Root proxy(heap, wall.Pass(s.worker.value(), Direction::kOut).value());
  const Root busy(heap, other.Pass(s.worker.value(), Direction::kOut).value());
  std::vector<Value> items;
  for (int i = 0; i < 30'000; ++i) items.push_back(s.vm.List({s.vm.Int(i)}));
  const Root asked =
      s.shore.Ask(proxy, s.vm.Tagged("pass", s.log.value(), s.vm.List(std::span(items))));
  for (int i = 0; i < 3; ++i) s.vm.RunSlice(1);  // it begins to cross
  const Root forever = s.shore.Ask(busy, s.vm.Symbol("forever"));
  for (int i = 0; i < 200; ++i) s.vm.RunSlice(1);
  REQUIRE(s.shore.Outcome(asked) == "pending");
  other.Revoke();
  s.vm.Run();
  CHECK(s.shore.Outcome(forever) == "broken: #revoked");
  CHECK(s.shore.Outcome(asked) == "nil");
}

}  // namespace
}  // namespace vesicle
