// Laws 8, 9 and 11 to 13: what a revoke cuts, and what it leaves alone. What it does to what
// is under way: under_way_test.cc.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "membrane/membrane.h"
#include "tests/membrane/link.h"
#include "vm/actor/promise.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

// Knows refs, and greets all of them.
const std::string kPeople = std::string(kFound) + R"(
  behavior person(n) { #hi => n }
  behavior friendly(known) {
    #meet(v) => { become friendly([...known, ...found(v)]); nil }
    #greet => task { [for r in known { await r <- #hi else { why => why } }] }
  }
)";

TEST_CASE("law 8: a revoke lets go in slices, also where nothing else runs") {
  Vm vm;
  absl::StatusOr<Membrane> wall = Membrane::Create(vm.core(), {});
  REQUIRE(wall.ok());
  std::vector<Root> held;
  for (int i = 0; i < 20'000; ++i) {
    const Root guest = vm.Create([](Turn&) {});
    held.emplace_back(vm.core().heap(), wall->Pass(guest.value(), Direction::kOut).value());
  }
  vm.Run();
  wall->Revoke();
  int slices = 1;
  while (vm.RunSlice(10'000)) ++slices;
  CHECK(slices >= 4);
}

TEST_CASE("law 8: revoke cuts both ways and everything that grew, refs learned later included") {
  const auto [link, from, to] = EveryWay();
  // Bob makes his people known in every way there is; Alice keeps them, and he keeps hers.
  link->Load(kPeople + R"(
    behavior bob(friends) {
      #reply => create person(1)
      #nested => [{a: #t(create person(2))}]
      #promise => { let [p, r] = promise(); r <- #fulfill(create person(3)); p }
      #call(r) => { r <- #meet(create person(4)); nil }
      #fail => task { fail #see(create person(5)) }
      #another => create bob(friends)
      #fill(resolver) => { resolver <- #fulfill(create person(6)); nil }
      #friends => friends
    }
    behavior alice(friends) {
      #learn(bob) => task {
        friends <- #meet(await bob <- #reply)
        friends <- #meet(await bob <- #nested)
        friends <- #meet(await bob <- #promise)
        await bob <- #call(friends)
        friends <- #meet(await bob <- #fail else { why => why })
        let [p, r] = promise()
        await bob <- #fill(r)
        friends <- #meet(await p)
        let another = await bob <- #another
        friends <- #meet(await another <- #reply)
        // And of ours: in a message, in the reply to an ask of his, to whom he learned of only now.
        let theirs = await another <- #friends
        await theirs <- #meet(create person(10))
        await theirs <- #meet({[create person(11)]: [create person(12)]})
      }
    }
  )");
  const Root his_friends = from.Create("friendly", {from.Data("[]").value()});
  const Root her_friends = to.Create("friendly", {to.Data("[]").value()});
  const Root bob = from.Create("bob", {his_friends.value()});
  const Root alice = to.Create("alice", {her_friends.value()});
  const Root learned = to.Ask(alice, to.vm().Tagged("learn", link->From(from, bob).value()));
  link->Run();
  REQUIRE(to.Outcome(learned) == "nil");
  // A failed turn creates nobody: whom it gave away was never there.
  const std::string greeted = link->Asked(to, her_friends, "#greet");
  const std::string never_was = link->FarReason("#disconnected");
  CHECK(greeted == "[1, 2, 3, 4, " + never_was + ", 6, 1]");
  CHECK(link->Asked(from, his_friends, "#greet") == "[10, 11, 12]");
  link->Revoke();
  CHECK(link->Asked(to, her_friends, "#greet") ==
        "[#revoked, #revoked, #revoked, #revoked, #revoked, #revoked, #revoked]");
  CHECK(link->Asked(from, his_friends, "#greet") == "[#revoked, #revoked, #revoked]");
}

TEST_CASE("law 8: nobody lets an actor in by way of what was cut") {
  const auto [link, from, to] = EveryWay();
  // Bob, who was told to call back, tries: with a ref that he had, one that he made of it before
  // (a behavior, a promise), and one that comes with a reply that was asked for before.
  link->Load(R"(
    behavior alice(heard) { #call(v) => become alice([...heard, v]), #heard => heard }
    behavior relay(to) { v => to <- v }
    behavior bob(relays) {
      #prepare(alice) => {
        let [p, r] = promise()
        r <- #fulfill(alice)
        become bob([alice, create relay(alice), p, create relay(create relay(alice))])
      }
      #call(v) => { for r in relays { r <- #call(v) }; nil }
    }
  )");
  const Root alice = to.Create("alice", {to.Data("[]").value()});
  const Root bob = from.Create("bob", {from.Data("[]").value()});
  from.vm().Send(bob, from.vm().Tagged("prepare", link->From(to, alice).value()));
  CHECK(link->Asked(from, bob, "#call(1)") == "nil");
  CHECK(link->Asked(to, alice, "#heard") == "[1, 1, 1, 1]");
  link->Revoke();
  CHECK(link->Asked(from, bob, "#call(2)") == "nil");
  CHECK(link->Asked(to, alice, "#heard") == "[1, 1, 1, 1]");
}

TEST_CASE("law 9: a proxy minted after revoke is dead from birth *") {
  const auto [link, from, to] = EveryWay();
  link->Load(kPeople +
             "behavior told(r) { #hi => r <- #hi }\n"
             "behavior asks { #hi(r) => r <- #hi }\n");
  const Root person = from.Create("person", {Value::SmallInt(1)});
  const Root known = link->From(from, person);
  link->Revoke();
  // The same actor as before, another one, one that was introduced from the other side.
  const Root again = link->From(from, person);
  const Root new_one = link->From(from, from.Create("person", {Value::SmallInt(2)}));
  const Root other_way = link->From(to, to.Create("person", {Value::SmallInt(3)}));
  const Root friends =
      to.Create("friendly", {to.vm().List({known.value(), again.value(), new_one.value()})});
  CHECK(link->Asked(to, friends, "#greet") == "[#revoked, #revoked, #revoked]");
  const Root ask = from.Ask(other_way, from.Data("#hi").value());
  link->Run();
  CHECK(from.Outcome(ask) == "broken: #revoked");
  // What stands in data, and in what would be a copy of code.
  const Root data = link->From(from, Root(from.heap(), from.vm().List({person.value()})));
  if (link->traits().one_heap) {
    const Root many = to.Create("friendly", {data.value()});
    CHECK(link->Asked(to, many, "#greet") == "[#revoked]");
  } else {
    CHECK(to.Outcome(data) == "broken: #revoked");
  }
  // A promise, too: it never was to settle.
  const Root promise(from.heap(), from.vm().core().NewPromise());
  const Root stand_in = link->From(from, promise);
  link->Run();
  CHECK(to.Outcome(stand_in) == "broken: #revoked");
  CHECK(from.Outcome(promise) == "pending");
}

TEST_CASE("law 9: code that is introduced after revoke holds nothing but the dead *") {
  const auto link = EveryLink();
  if (!link->traits().copies_code) return;
  link->Load(kPeople + "behavior told(r) { #hi => r <- #hi }\n");
  const Root person = link->inside().Create("person", {Value::SmallInt(1)});
  absl::StatusOr<Module> module =
      link->inside().vm().Load("told.ves", "behavior told(r) { #hi => r <- #hi }");
  REQUIRE(module.ok());
  const Root behavior(link->inside().heap(), module->Behavior("told", {person.value()}));
  link->Revoke();
  const Root copy = link->Outward(behavior);
  if (IsPromise(copy.value())) {
    // Over a session nothing is introduced any more, dead or alive.
    CHECK(link->outside().Outcome(copy) == "broken: #revoked");
    return;
  }
  const Root told = link->outside().vm().Create(copy.value());
  CHECK(link->Asked(told, "#hi") == "broken: #revoked");
}

TEST_CASE("law 11: revoke is idempotent and final") {
  const auto link = EveryLink();
  link->Load(kPeople);
  const Root person = link->Outward(link->inside().Create("person", {Value::SmallInt(1)}));
  CHECK(link->Asked(person, "#hi") == "1");
  for (int i = 0; i < 3; ++i) {
    link->Revoke();
    CHECK(link->Asked(person, "#hi") == "broken: #revoked");
  }
  // Neither time, nor a collection, nor a new introduction brings it back.
  link->outside().heap().Collect(Heap::Scope::kFull);
  const Root another = link->Outward(link->inside().Create("person", {Value::SmallInt(2)}));
  CHECK(link->Asked(person, "#hi") == "broken: #revoked");
  CHECK(link->Asked(another, "#hi") == "broken: #revoked");
}

TEST_CASE("law 11: revoke tells the other side nothing beyond #revoked") {
  const auto [link, from, to] = EveryWay();
  // Whatever became of them on their side, the same is heard of all.
  link->Load(R"(
    behavior fine { #hi => 1, #never => { let [p, _] = promise(); p } }
    behavior failing { _ => fail #no }
    behavior picky { #only => nil }
    behavior slow { _ => while true {} }
    behavior patient { _ => { let [p, _] = promise(); p } }
  )");
  std::vector<Root> known, asked;
  // What has begun over a wire is not undone.
  const char* last = link->traits().undoes_under_way ? "slow" : "patient";
  for (const char* name : {"fine", "failing", "picky", last}) {
    known.push_back(link->From(from, from.Create(name)));
  }
  asked.push_back(to.Ask(known[0], to.Data("#never").value()));  // replied with a promise
  asked.push_back(to.Ask(known[3], to.Data("#hi").value()));     // begun
  link->RunFor(100'000);
  asked.push_back(to.Ask(known[3], to.Data("#hi").value()));  // waits for that
  link->RunFor(100'000);
  for (const Root& ref : known) asked.push_back(to.Ask(ref, to.Data("#hi").value()));
  link->Revoke();
  for (const Root& ref : known) asked.push_back(to.Ask(ref, to.Data("#other").value()));
  link->Run();
  for (const Root& promise : asked) CHECK(to.Outcome(promise) == "broken: #revoked");
}

// What dies with its last actor.
struct Watched {
  explicit Watched(Shore& shore) {
    auto token = std::make_shared<int>();
    is_there = token;
    ref = shore.vm().Create([token = std::move(token)](Turn& turn) { turn.Reply(turn.Int(1)); });
  }
  std::weak_ptr<int> is_there;
  Root ref;
};

// All that is garbage goes. The turn and the crossing that were last are remembered until others
// come.
void Collect(Link& link, Shore& shore) {
  const Root nobody = shore.vm().Create([](Turn&) {});
  const Root proxy = link.From(shore, nobody);
  link.Other(shore).vm().Send(proxy, Value::Nil());
  link.Run();
  shore.vm().Send(nobody, Value::Nil());
  link.Run();
  shore.heap().Collect(Heap::Scope::kFull);
}

TEST_CASE("law 12: a proxy keeps its target alive until it is revoked, and then no more") {
  const auto [link, from, to] = EveryWay();
  if (!link->traits().undoes_under_way || !link->traits().one_heap) return;
  Watched bob(from);
  const Root proxy = link->From(from, bob.ref);
  bob.ref.reset();
  Collect(*link, from);
  CHECK(!bob.is_there.expired());
  CHECK(link->Asked(to, proxy, "#hi") == "1");
  link->Revoke();
  Collect(*link, from);
  CHECK(bob.is_there.expired());
  CHECK(link->Asked(to, proxy, "#hi") == "broken: #revoked");
}

TEST_CASE("law 12: a target goes with the last proxy, before any revoke") {
  const auto [link, from, to] = EveryWay();
  if (!link->traits().one_heap) return;
  Watched bob(from);
  Root proxy = link->From(from, bob.ref);
  bob.ref.reset();
  CHECK(link->Asked(to, proxy, "#hi") == "1");
  proxy.reset();
  Collect(*link, from);
  CHECK(bob.is_there.expired());
}

TEST_CASE("law 12: two who know each other across it, and nobody else, are garbage") {
  const auto [link, from, to] = EveryWay();
  if (!link->traits().one_heap) return;
  link->Load("behavior knows(held) { #know(v) => become knows([v, held]), #hi => 1 }");
  Watched bob(from);
  {
    const Root here = from.Create("knows", {bob.ref.value()});
    const Root there = to.Create("knows", {link->From(from, here).value()});
    from.vm().Send(here, from.vm().Tagged("know", link->From(to, there).value()));
    link->Run();
    bob.ref.reset();
    Collect(*link, from);
    CHECK(!bob.is_there.expired());
  }
  Collect(*link, from);
  CHECK(bob.is_there.expired());
}

TEST_CASE("law 12: after a revoke nothing that was asked or promised keeps anybody alive") {
  const auto [link, from, to] = EveryWay();
  if (!link->traits().undoes_under_way || !link->traits().one_heap) return;
  // Bob's behavior is held by him, by the message that waits for him, by an ask that he never
  // answers, by a promise that crossed.
  link->Load(
      "behavior holds(v) { #ask => { let [p, r] = promise(); become holds([v, r]); p }, #give => v "
      "}");
  Watched bob(from);
  const Root holds = from.Create("holds", {bob.ref.value()});
  const Root proxy = link->From(from, holds);
  const Root promise(from.heap(), from.vm().core().NewPromise());
  const Root stand_in = link->From(from, promise);
  const Root unanswered = to.Ask(proxy, to.Data("#ask").value());
  link->Run();
  const Root given = to.Ask(proxy, to.Data("#give").value());
  link->Run();
  from.vm().core().Keep(promise.value(), bob.ref.value());
  from.vm().Send(holds, from.Data("#other").value());
  link->Revoke();
  link->Run();
  CHECK(to.Outcome(unanswered) == "broken: #revoked");
  bob.ref.reset();
  const_cast<Root&>(holds).reset();
  const_cast<Root&>(promise).reset();
  Collect(*link, from);
  CHECK(bob.is_there.expired());
  CHECK(to.Outcome(given) == "[<ref>, <ref>]");  // still held, and dead
}

TEST_CASE("law 13: a ref that went out and came home is an ordinary ref and lives on") {
  const auto [link, from, to] = EveryWay();
  link->Load(R"(
    behavior echo { v => v }
    behavior carol(n) { #hi => { become carol(n + 1); n } }
    behavior alice(echo, kept) {
      #send(v) => task { self <- #keep(await echo <- v) }
      #keep(v) => become with (kept: v)
      #hi => kept <- #hi
    }
  )");
  const Root echo = to.Create("echo");
  const Root carol = from.Create("carol", {Value::SmallInt(0)});
  const Root alice = from.Create("alice", {link->From(to, echo).value(), Value::Nil()});
  from.vm().Send(alice, from.vm().Tagged("send", carol.value()));
  link->Run();
  CHECK(link->Asked(from, alice, "#hi") == "0");
  link->Revoke();
  CHECK(link->Asked(from, alice, "#hi") == "1");
}

TEST_CASE("law 13: a slot delegated back home lives on") {
  const auto [link, from, to] = EveryWay();
  // Over a wire a slot has no identity: it comes home as the slot of another question.
  if (!link->traits().one_heap) return;
  // Alice asks Bob, who passes the question, and whoever asked it, on to Carol: of Alice's side.
  link->Load(R"(
    behavior bob(carol) { #know(c) => become bob(c), m => carol <- m }
    behavior carol(waiting) {
      #ask => { let [p, r] = promise(); become carol(r); p }
      #answer(v) => { waiting <- #fulfill(v); nil }
    }
  )");
  const Root carol = from.Create("carol", {Value::Nil()});
  const Root bob = to.Create("bob", {Value::Nil()});
  to.vm().Send(bob, to.vm().Tagged("know", link->From(from, carol).value()));
  const Root asked = from.Ask(link->From(to, bob), from.Data("#ask").value());
  link->Run();
  CHECK(from.Outcome(asked) == "pending");
  link->Revoke();
  link->Run();
  CHECK(from.Outcome(asked) == "pending");
  CHECK(link->Asked(from, carol, "#answer([1, 2])") == "nil");
  CHECK(from.Outcome(asked) == "[1, 2]");
}

TEST_CASE("law 13: the first settlement wins, later ones are counted") {
  const auto [link, from, to] = EveryWay();
  link->Load(R"(
    behavior keeper(resolver) {
      #take(r) => become keeper(r)
      #settle(m) => { resolver <- m; nil }
      #ask => { let [p, r] = promise(); become keeper(r); p }
    }
  )");
  const auto late = [](Shore& shore) { return shore.vm().core().stats().late_settlements; };
  const Root keeper = from.Create("keeper", {Value::Nil()});
  const Root proxy = link->From(from, keeper);
  // A resolver that crossed, used twice by either side.
  const Root promise(to.heap(), to.vm().core().NewPromise());
  const Root resolver(to.heap(), to.vm().core().NewResolver(promise.value()));
  to.vm().Send(proxy, to.vm().Tagged("take", resolver.value()));
  link->Run();
  const uint64_t before = late(to);
  CHECK(link->Asked(from, keeper, "#settle(#fulfill(1))") == "nil");
  CHECK(link->Asked(from, keeper, "#settle(#fulfill(2))") == "nil");
  CHECK(link->Asked(from, keeper, "#settle(#break(3))") == "nil");
  to.vm().Send(resolver, to.Data("#fulfill(4)").value());
  link->Run();
  CHECK(to.Outcome(promise) == "1");
  CHECK(late(to) == before + 3);
  // An answer that comes after the revoke: the revoke was first.
  const Root asked = to.Ask(proxy, to.Data("#ask").value());
  link->Run();
  link->Revoke();
  link->Run();
  CHECK(to.Outcome(asked) == "broken: #revoked");
  CHECK(link->Asked(from, keeper, "#settle(#fulfill(5))") == "nil");
  CHECK(to.Outcome(asked) == "broken: #revoked");
}

}  // namespace
}  // namespace vesicle
