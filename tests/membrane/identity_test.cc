// Laws 1 to 7: who is who, on either side of a membrane.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "membrane/membrane.h"
#include "tests/harness/sanitized.h"
#include "tests/membrane/link.h"

namespace vesicle {
namespace {

// Keeps whatever refs it is given, and can say hello to all of them. Replies how many came.
const std::string kHolder = std::string(kFound) + R"(
behavior holder(refs) {
  #take(v) => { let found = found(v); become holder([...refs, ...found]); size(found) }
  #take_reply(of, m) => task { await self <- #take(await of <- m) }
  #take_promised(p) => task { await self <- #take(await p) }
  #take_reason(of, m) => task { await self <- #take(await of <- m else { why => why }) }
  #take_reason_of(p) => task { await self <- #take(await p else { why => why }) }
  #take_from(b) => task { await self <- #take(await create b <- #tell) }
  #poke => { for r in refs { r <- #hello }; nil }
}
behavior counter(n) { #hello => become counter(n + 1), #count => n }
)";

// Whoever takes it holds `refs` refs of a counter on the other side, each of them a proxy: they
// work before the revoke and none does after it.
void CheckNoneIsRaw(Link& link, Shore& from, const Root& counter, const Root& holder, int refs) {
  Shore& to = link.Other(from);
  CHECK(link.Asked(to, holder, "#poke") == "nil");
  CHECK(link.Asked(from, counter, "#count") == std::to_string(refs));
  link.Revoke();
  CHECK(link.Asked(to, holder, "#poke") == "nil");
  CHECK(link.Asked(from, counter, "#count") == std::to_string(refs));
}

TEST_CASE("law 1: no raw ref crosses in any position of a message *") {
  const auto [link, from, to] = EveryWay();
  link->Load(kHolder + R"(
    fn positions(r) = [
      r, [r], [1, [2, [r]]], [r, r],
      {a: r}, {[r]: 1}, {[[1, r]]: [2]}, {[#key(r)]: {b: r}}, {a: {b: {c: [r]}}},
      #t(r), #t(#t(1, [r])), #t({k: #u(r)}), [#failed(r), #revoked, r],
      concat(1..100, [r]), from_entries([for i in 1..100 { [i, [r]] }]), from_entries([for i in 1..100 { [[i, r], i] }])
    ]
    fn concat(xs, ys) = xs ++ ys
    behavior sender(to, counter) {
      #send => task { sum([for v in positions(counter) { await to <- #take(v) }]) }
    }
  )");
  const Root counter = from.Create("counter", {Value::SmallInt(0)});
  const Root holder = to.Create("holder", {to.Data("[]").value()});
  const Root sender = from.Create("sender", {link->From(to, holder).value(), counter.value()});
  CHECK(link->Asked(from, sender, "#send") == "217");
  CheckNoneIsRaw(*link, from, counter, holder, 217);
}

TEST_CASE("law 1: no raw ref crosses in a reply, a promise, or the reason of a break *") {
  const auto [link, from, to] = EveryWay();
  link->Load(kHolder + R"(
    behavior giver(r) {
      #reply => [r, {[r]: r}]
      #later => { let [p, resolver] = promise(); resolver <- #fulfill(#t(r)); p }
      #delegate => self <- #reply
      #fail => fail #no(r, [r])
      #break => { let [p, resolver] = promise(); resolver <- #break({r: r}); p }
      #promise_in_data => [(create behavior { _ => r }) <- nil]
      #promises(holder) => task {
        let [kept, k] = promise()
        let [broken, b] = promise()
        k <- #fulfill([r])
        b <- #break([r])
        let [late, l] = promise()
        let [late_broken, lb] = promise()
        let replies = [holder <- #take_promised(kept), holder <- #take_promised(late),
                       holder <- #take_reason_of(broken), holder <- #take_reason_of(late_broken)]
        l <- #fulfill([r])
        lb <- #break([r])
        await all(replies)
      }
    }
    behavior asker(holder) {
      #ask(giver) => task {
        [await holder <- #take_reply(giver, #reply), await holder <- #take_reply(giver, #later),
         await holder <- #take_reply(giver, #delegate), await holder <- #take_reason(giver, #fail),
         await holder <- #take_reason(giver, #break),
         await holder <- #take_promised(first(await giver <- #promise_in_data)),
         await giver <- #promises(holder)]
      }
    }
  )");
  const Root counter = from.Create("counter", {Value::SmallInt(0)});
  const Root giver = from.Create("giver", {counter.value()});
  const Root holder = to.Create("holder", {to.Data("[]").value()});
  const Root asker = to.Create("asker", {holder.value()});
  const Root ask = to.Ask(asker, to.vm().Tagged("ask", link->From(from, giver).value()));
  link->Run();
  CHECK(to.Outcome(ask) == "[3, 1, 3, 2, 1, 1, [1, 1, 1, 1]]");
  CheckNoneIsRaw(*link, from, counter, holder, 15);
}

TEST_CASE("law 1: no raw ref crosses as a capture of a function or behavior *") {
  const auto [link, from, to] = EveryWay();
  if (!link->traits().copies_code) return;
  link->Load(kHolder + R"(
    behavior told(r) { #tell => r }
    behavior sender(to, counter) {
      #send => task {
        let r = counter
        let inner = fn() = [r]
        [await to <- #take(fn() = r), await to <- #take([fn() = {[r]: r}]),
         await to <- #take(fn() = inner), await to <- #take_from(told(r)),
         await to <- #take_from(behavior { #tell => [inner, r] }),
         await to <- #take(first(map([1], fn(_) = fn() = #t(r))))]
      }
    }
  )");
  const Root counter = from.Create("counter", {Value::SmallInt(0)});
  const Root holder = to.Create("holder", {to.Data("[]").value()});
  const Root sender = from.Create("sender", {link->From(to, holder).value(), counter.value()});
  CHECK(link->Asked(from, sender, "#send") == "[1, 2, 1, 1, 2, 1]");
  CheckNoneIsRaw(*link, from, counter, holder, 8);
}

TEST_CASE("law 2: what goes out and comes back is the original, not a double proxy *") {
  const auto [link, from, to] = EveryWay();
  if (!link->traits().keeps_identity) return;
  link->Load(std::string(kFound) + R"(
    behavior echo {
      #say(v) => v
      #tell(to, v) => { to <- #hear(v); nil }
      #via_promise(v) => { let [p, r] = promise(); r <- #fulfill(v); p }
      #late(v) => task { let back = await self <- #say(v); [back] }
      #fail(v) => fail v
      #function(v) => fn() = v
      #open(f) => f()
    }
    behavior traveller(echo, home) {
      #hear(v) => become with (home: [...home, v])
      #heard => [for v in home { v == self }]
      #go => task {
        let r = self
        [(await echo <- #say(r)) == r,
         (await echo <- #say([1, {a: r}])) == [1, {a: r}],
         get(await echo <- #say({[r]: 7}), r, 0),
         get(await echo <- #say({[#k([r])]: 8}), #k([r]), 0),
         (await echo <- #say(#t(r, [r]))) == #t(r, [r]),
         (await echo <- #via_promise(r)) == r,
         (await echo <- #late(r)) == [r],
         (await echo <- #fail(r) else { why => why }) == #failed(r),
         (await echo <- #say(await echo <- #say(r))) == r]
      }
      #functions => task {
        let r = self
        [(await echo <- #function(r))() == r, (await echo <- #open(fn() = r)) == r,
         (await echo <- #say(fn() = [r]))() == [r]]
      }
      #send => { let r = self; echo <- #tell(r, r); echo <- #tell(r, r); nil }
    }
  )");
  const Root echo = to.Create("echo");
  const Root traveller =
      from.Create("traveller", {link->From(to, echo).value(), from.Data("[]").value()});
  CHECK(link->Asked(from, traveller, "#go") == "[true, true, 7, 8, true, true, true, true, true]");
  if (link->traits().copies_code) {
    CHECK(link->Asked(from, traveller, "#functions") == "[true, true, true]");
  }
  CHECK(link->Asked(from, traveller, "#send") == "nil");
  CHECK(link->Asked(from, traveller, "#heard") == "[true, true]");
}

TEST_CASE("law 2: whoever is called with a proxy of himself gets himself *") {
  const auto link = EveryLink();
  if (!link->traits().keeps_identity) return;
  link->Load(R"(
    behavior bob { #is_me(r) => r == self, #me => self, #ask(r) => r <- #is_me(r) }
    behavior alice(bob) {
      #go => task {
        let learned = await bob <- #me
        [await bob <- #is_me(bob), await bob <- #is_me(learned), await learned <- #is_me(bob),
         learned == bob, await bob <- #ask(bob)]
      }
    }
  )");
  const Root bob = link->inside().Create("bob");
  const Root alice = link->outside().Create("alice", {link->Outward(bob).value()});
  CHECK(link->Asked(alice, "#go") == "[true, true, true, true, true]");
}

TEST_CASE("law 3: the same actor crossing twice is the same proxy, while that proxy lives") {
  const auto [link, from, to] = EveryWay();
  if (!link->traits().keeps_identity) return;
  link->Load(std::string(kFound) + R"(
    behavior judge(seen) {
      #see(v) => { let refs = found(v); become judge([...seen, ...refs]); nil }
      #all_same => every(seen, fn(r) = r == first(seen))
      #as_keys => size(from_entries([for r in seen { [r, nil] }]))
    }
    behavior dave { _ => nil }
    behavior sender(judge, dave) {
      #send => task {
        let d = dave
        await judge <- #see([d, d, {[d]: d}, #t([d])])
        await judge <- #see(d)
        judge <- #see(d)
        let [p, r] = promise()
        r <- #fulfill(d)
        when p { v => judge <- #see(v) }
        await judge <- #see([])
        [await judge <- #all_same, await judge <- #as_keys]
      }
    }
  )");
  const Root dave = from.Create("dave");
  // One more way to come: an introduction.
  const Root introduced = link->From(from, dave);
  const Root judge = to.Create("judge", {to.vm().List({introduced.value()})});
  const Root sender = from.Create("sender", {link->From(to, judge).value(), dave.value()});
  CHECK(link->Asked(from, sender, "#send") == "[true, 1]");
}

// Those who collect all the time move the young between any two turns.
const char kMany[] = R"(
  behavior keeper(known) {
    #remember(i, r) => become keeper({...known, [r]: i})
    #which(r) => get(known, r, nil)
    #size => size(known)
  }
  behavior nobody { _ => nil }
  behavior sender(keeper, people) {
    #make(n) => { become with (people: [for i in 1..n { create nobody }]); nil }
    #send => task { for [i, r] in enumerate(people) { await keeper <- #remember(i, r) }; await keeper <- #size }
    #again => task {
      let wrong = [for [i, r] in reverse(enumerate(people)) if (await keeper <- #which(r)) != i { i }]
      size(wrong)
    }
  }
)";

void CheckMany(Link& link, const std::string& n) {
  if (!link.traits().keeps_identity) return;
  link.Load(kMany);
  const Root keeper = link.inside().Create("keeper", {link.inside().Data("{}").value()});
  const Root sender = link.outside().Create(
      "sender", {link.Outward(keeper).value(), link.outside().Data("[]").value()});
  CHECK(link.Asked(sender, "#make(" + n + ")") == "nil");
  CHECK(link.Asked(sender, "#send") == n);
  for (int i = 0; i < 3; ++i) {
    link.inside().heap().Collect(Heap::Scope::kYoung);
    CHECK(link.Asked(sender, "#again") == "0");
    link.inside().heap().Collect(Heap::Scope::kFull);
  }
}

TEST_CASE("law 3, law 4: a proxy stands for its actor and no other, however many there are") {
  CheckMany(*EveryLink(), "500");
}

TEST_CASE("law 3, law 4: a proxy stands for its actor and no other, when all is always collected") {
  CheckMany(*EveryLink(CollectAlways()), kSanitized ? "20" : "60");
}

TEST_CASE("law 4: different actors are different proxies") {
  const auto link = EveryLink();
  if (!link->traits().keeps_identity) return;
  link->Load(R"(
    behavior same { #are(a, b) => a == b, #in([a, b]) => a == b, #keys(m) => size(m) }
    behavior twin(n) { _ => n }
    behavior alice(same) {
      #go => task {
        let [a, b] = [create twin(1), create twin(1)]
        [await same <- #are(a, b), await same <- #in([a, b]), await same <- #are(a, a),
         await same <- #are(self, a), await same <- #keys({[a]: 1, [b]: 1, [a]: 2})]
      }
    }
  )");
  const Root alice =
      link->outside().Create("alice", {link->Outward(link->inside().Create("same")).value()});
  CHECK(link->Asked(alice, "#go") == "[false, false, true, false, 2]");
}

TEST_CASE("law 5: one membrane never wraps its own proxy again") {
  const auto link = EveryLink();
  if (!link->traits().keeps_identity) return;
  link->Load(R"(
    behavior pong { #ball(r, n) => r <- #ball(r, n), #keep(v) => v, #same(a, b) => a == b }
    behavior player(other, rounds) {
      #start(n) => { other <- #rally(self, n); nil }
      #rally(r, 0) => { become with (rounds: [r == other]); r <- #over(self == other) }
      #rally(r, n) => r <- #rally(self, n - 1)
      #over(_) => become with (rounds: "over")
      #rounds => rounds
    }
    behavior alice(bob) {
      #go => task {
        // The proxy of an insider goes home and out again, a hundred times, in one value and alone.
        var p = bob
        for _ in 1..100 { p = await bob <- #keep(p) }
        var v = [bob, self]
        for _ in 1..100 { v = await bob <- #keep(v) }
        [p == bob, v == [bob, self]]
      }
    }
  )");
  const Root bob = link->inside().Create("pong");
  const Root alice = link->outside().Create("alice", {link->Outward(bob).value()});
  CHECK(link->Asked(alice, "#go") == "[true, true]");
  // Two players, each of whom knows the other by what came with the last ball.
  const Root inner = link->inside().Create("player", {Value::Nil(), Value::Nil()});
  const Root outer = link->outside().Create("player", {link->Outward(inner).value(), Value::Nil()});
  CHECK(link->Asked(outer, "#start(100)") == "nil");
  CHECK(link->Asked(outer, "#rounds") == "\"over\"");
}

TEST_CASE("law 5, law 6: what the other side has already is not wrapped, whoever hands it over") {
  Vm vm;
  Membrane wall = *Membrane::Create(vm.core(), {});
  const Root x = vm.Create([](Turn&) {});
  const auto pass = [&](const Root& v, Direction d) {
    return Root(vm.core().heap(), wall.Pass(v.value(), d).value());
  };
  const Root inside_out = pass(x, Direction::kOut);
  CHECK(inside_out.value() != x.value());
  // It is of the outside already, so an introduction to the outside changes nothing.
  CHECK(pass(inside_out, Direction::kOut).value() == inside_out.value());
  CHECK(pass(inside_out, Direction::kIn).value() == x.value());
  // The tables of the two directions are separate: somebody who is known on both sides has a proxy
  // for each, and each leads home only the way it came.
  const Root outside_in = pass(x, Direction::kIn);
  CHECK(outside_in.value() != x.value());
  CHECK(outside_in.value() != inside_out.value());
  CHECK(pass(outside_in, Direction::kIn).value() == outside_in.value());
  CHECK(pass(outside_in, Direction::kOut).value() == x.value());
  CHECK(pass(x, Direction::kOut).value() == inside_out.value());
  CHECK(pass(x, Direction::kIn).value() == outside_in.value());
}

TEST_CASE("law 6: a ref of the receiving side is never wrapped") {
  const auto link = EveryLink();
  if (!link->traits().keeps_identity) return;
  // Bob compares what he gets with what he has; so does Carol, who is on the other side.
  link->Load(R"(
    behavior judge(own) { #have(r) => become judge(r), #is_own(v) => v == [own, {[own]: own}] }
    behavior keeper { #give(r) => r }
    behavior runner(far, near_friend, far_friend) {
      #go => task {
        let f = far_friend
        let n = near_friend
        [await far <- #is_own([f, {[f]: f}]), await far <- #is_own([n, {[n]: n}])]
      }
    }
  )");
  for (Shore* near : {&link->outside(), &link->inside()}) {
    Shore& far = link->Other(*near);
    const Root friend_there = far.Create("keeper");
    const Root friend_here = near->Create("keeper");
    const Root judge = far.Create("judge", {friend_there.value()});
    const Root judge_seen = link->From(far, judge), friend_seen = link->From(far, friend_there);
    const Root runner =
        near->Create("runner", {judge_seen.value(), friend_here.value(), friend_seen.value()});
    CHECK(link->Asked(*near, runner, "#go") == "[true, false]");
  }
}

TEST_CASE("law 7: the first ref handed over is tracked like any other, before its first use *") {
  const auto [link, from, to] = EveryWay();
  link->Load(R"(
    behavior bob(said) {
      #hello => { become bob(said + 1); #hi }
      #said => said
      #me => self
      #is_me(r) => r == self
    }
    behavior alice(bob) {
      #first_thing_home => bob <- #is_me(bob)
      #same => task { (await bob <- #me) == bob }
      #hello => bob <- #hello
    }
  )");
  const Root bob = from.Create("bob", {Value::SmallInt(0)});
  const Root alice = to.Create("alice", {link->From(from, bob).value()});
  if (link->traits().keeps_identity) {
    CHECK(link->Asked(to, alice, "#first_thing_home") == "true");
    CHECK(link->Asked(to, alice, "#same") == "true");
  }
  CHECK(link->Asked(to, alice, "#hello") == "#hi");
  // Introduced, and never used before the revoke.
  const Root inner = link->inside().Create("bob", {Value::SmallInt(0)});
  const Root outer = link->outside().Create("bob", {Value::SmallInt(0)});
  const Root to_inner = link->outside().Create("alice", {link->Outward(inner).value()});
  const Root to_outer = link->inside().Create("alice", {link->Inward(outer).value()});
  link->Revoke();
  CHECK(link->Asked(link->outside(), to_inner, "#hello") == "broken: #revoked");
  CHECK(link->Asked(link->inside(), to_outer, "#hello") == "broken: #revoked");
  CHECK(link->Asked(link->inside(), inner, "#said") == "0");
  CHECK(link->Asked(link->outside(), outer, "#said") == "0");
}

}  // namespace
}  // namespace vesicle
