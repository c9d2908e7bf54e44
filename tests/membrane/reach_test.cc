#include "membrane/reach.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/membrane/reach_world.h"
#include "vm/actor/state_hash.h"
#include "vm/native/vm.h"

namespace vesicle {
namespace {

constexpr auto kEitherWay = ReachOptions::Along::kEitherWay;

Module Loaded(Vm& vm, const std::string& text) {
  absl::StatusOr<Module> module = vm.Load("test.ves", text);
  REQUIRE_MESSAGE(module.ok(), module.status().message());
  return *std::move(module);
}

}  // namespace

TEST_CASE("reach: who holds a ref can reach; who is reached cannot reach back by that") {
  ReachWorld w;
  const Value alice = w.Actor("alice"), bob = w.Actor("bob"), carol = w.Actor("carol");
  w.Hold(alice, bob);
  w.Hold(bob, carol);
  CHECK(w.PathFrom(alice, carol) == "alice -captures-> bob -captures-> carol");
  CHECK(w.PathFrom(carol, alice) == "none");
  // If all cooperate, bob may be told of alice, and she of carol.
  CHECK(w.PathFrom(carol, alice, {.along = kEitherWay}) ==
        "carol <-captures- bob <-captures- alice");
  const VmMap map(w.vm.core());
  const std::vector<VmMap::Id> who = Reach::To(map, map.Find(carol)).Actors();
  REQUIRE(who.size() == 2);
  CHECK(map.Name(who[0]) == "bob");
  CHECK(map.Name(who[1]) == "alice");
}

TEST_CASE("reach: through data of any shape") {
  ReachWorld w;
  Vm& vm = w.vm;
  Value held[6];
  for (Value& v : held) v = w.Actor("held");
  const Value alice = w.Actor("alice");
  const Module module = Loaded(vm, "fn closing(r) = fn(x) = [r, x]\nbehavior b(r) { m => r <- m }");
  w.Hold(alice, vm.Map({{"key", vm.List({vm.Tagged("deep", held[0])})}}));
  Result with_key =
      MapPut(vm.core().heap(), EmptyMap(vm.core().heap()), held[1], vm.Int(1), vm.core());
  w.Hold(alice, with_key.value());
  w.Hold(alice, module.Behavior("b", {held[2]}));
  std::vector<Value> many(1000, vm.Int(7));
  many[777] = held[3];
  w.Hold(alice, vm.List(many));
  const Value promise = vm.core().NewPromise();
  vm.core().Keep(promise, vm.List({held[4]}));
  w.Hold(alice, promise);
  for (int i = 0; i < 5; ++i) CHECK(w.Reaches(alice, held[i]));
  CHECK_FALSE(w.Reaches(alice, held[5]));
}

TEST_CASE("reach: a million levels of data are one step, and nothing recurses on them") {
  ReachWorld w;
  const Value alice = w.Actor("alice"), bob = w.Actor("bob");
  Value deep = bob;
  for (int i = 0; i < 1'000'000; ++i) deep = w.vm.List({deep});
  w.Hold(alice, deep);
  CHECK(w.PathFrom(alice, bob) == "alice -captures-> bob");
}

TEST_CASE("reach: the shortest path counts who is on it, not what they keep it in") {
  ReachWorld w;
  const Value alice = w.Actor("alice"), bob = w.Actor("bob"), carol = w.Actor("carol");
  w.Hold(alice, bob);
  w.Hold(bob, carol);
  w.Hold(alice, w.vm.List({w.vm.List({w.vm.List({w.vm.Tagged("here", carol)})})}));
  CHECK(w.PathFrom(alice, carol) == "alice -captures-> carol");
}

TEST_CASE("reach: through a proxy, and none that avoids its membrane") {
  ReachWorld w;
  Membrane wall = w.Wall();
  const Value alice = w.Actor("alice"), bob = w.Actor("bob"), carol = w.Actor("carol");
  const Value proxy = w.Out(wall, bob);
  w.Hold(alice, proxy);
  w.Hold(bob, carol);
  CHECK(w.PathFrom(alice, carol) ==
        "alice -captures-> proxy of bob at membrane -leads to-> bob -captures-> carol");
  CHECK_FALSE(w.ReachesAvoiding(alice, carol, wall));
  SUBCASE("a ref past it is found") {
    w.Hold(alice, w.vm.List({bob}));
    CHECK(w.ReachesAvoiding(alice, carol, wall));
  }
  SUBCASE("a proxy of another membrane is a way around this one") {
    Membrane other = w.Wall();
    w.Hold(alice, w.Out(other, bob));
    CHECK(w.ReachesAvoiding(alice, carol, wall));
    other.Revoke();
    CHECK_FALSE(w.ReachesAvoiding(alice, carol, wall));
  }
  SUBCASE("after a revoke there is no path") {
    wall.Revoke();
    CHECK_FALSE(w.Reaches(alice, bob));
  }
  SUBCASE("the proxies on a path") {
    const VmMap map(w.vm.core());
    const auto path = FindPath(map, map.Find(alice), map.Find(carol));
    CHECK(ProxiesOn(map, *path) == std::vector<VmMap::Id>{map.Find(proxy)});
  }
}

TEST_CASE("reach: what is queued for an actor it is about to hold, and its sender not by that") {
  ReachWorld w;
  const Value bob = w.Actor("bob"), carol = w.Actor("carol");
  w.vm.Send(bob, w.vm.List({carol}));
  CHECK(w.PathFrom(bob, carol) == "bob -is about to be told of-> carol");
  w.vm.Run();
  CHECK_FALSE(w.Reaches(bob, carol));
}

TEST_CASE("reach: what waits to cross will be held behind the membrane; what comes home will not") {
  ReachWorld w;
  Membrane wall = w.Wall();
  const Value bob = w.Actor("bob"), insider = w.Actor("insider"), carol = w.Actor("carol");
  const Value to_bob = w.Out(wall, bob);
  w.vm.Send(to_bob, w.vm.List({carol, w.Out(wall, insider)}));
  CHECK(w.PathFrom(bob, carol) ==
        "bob -is about to be told of-> a crossing of membrane -leads to-> carol");
  CHECK_FALSE(w.ReachesAvoiding(bob, carol, wall));
  CHECK(w.PathFrom(bob, insider) == "bob -is about to be told of-> insider");
  SUBCASE("through two of them, each in its order") {
    Membrane outer = w.Wall();
    const Value dave = w.Actor("dave");
    w.vm.Send(w.Out(outer, to_bob), w.vm.List({dave}));
    CHECK_FALSE(w.ReachesAvoiding(bob, dave, wall));
    CHECK_FALSE(w.ReachesAvoiding(bob, dave, outer));
    CHECK(w.Reaches(bob, dave));
  }
}

TEST_CASE("reach: who owes an answer reaches who waits for it, as long as it is owed") {
  ReachWorld w;
  Core& core = w.vm.core();
  const Value alice = w.Actor("alice"), bob = w.Actor("bob"), secret = w.Actor("secret");
  const Value promise = core.NewPromise();
  w.roots.emplace_back(core.heap(), promise);
  const Module module = Loaded(w.vm, R"(
behavior asker(promise, friend) { #go => when promise { m => friend <- m } })");
  const Root asker = w.vm.Create(module.Behavior("asker", {promise, alice}));
  w.vm.Send(asker, w.vm.Symbol("go"));
  w.vm.Run();
  const Value resolver = core.NewResolver(promise);
  w.Hold(bob, resolver);
  w.Hold(bob, secret);
  CHECK(w.Reaches(bob, alice));
  // He will answer with what he can reach.
  CHECK(w.PathFrom(asker.value(), secret) ==
        "asker -captures-> promise -will come from-> answer -will come from-> bob "
        "-captures-> secret");
  CHECK_FALSE(w.Reaches(alice, secret));
  core.Keep(promise, w.vm.Int(1));
  w.vm.Run();
  CHECK_FALSE(w.Reaches(bob, alice));
  CHECK_FALSE(w.Reaches(asker.value(), secret));
}

TEST_CASE("reach: what waits on a promise is in the hands of who settles it") {
  ReachWorld w;
  Core& core = w.vm.core();
  const Value bob = w.Actor("bob"), carol = w.Actor("carol");
  const Value promise = core.NewPromise();
  w.vm.Send(promise, w.vm.List({carol}));
  w.Hold(bob, core.NewResolver(promise));
  CHECK(w.Reaches(bob, carol));  // queued for the promise
  w.roots.emplace_back(core.heap(), promise);
  w.vm.Run();
  CHECK(w.Reaches(bob, carol));  // parked on it
}

TEST_CASE("reach: an answer that crosses comes through the membrane") {
  ReachWorld w;
  Core& core = w.vm.core();
  Membrane wall = w.Wall();
  const Value alice = w.Actor("alice");
  const Module module = Loaded(w.vm, R"(
behavior server(secret) { #ask => { let [p, r] = promise()
  become keeper(secret, r)
  p } }
behavior keeper(secret, r) { _ => nil })");
  const Value secret = w.Actor("secret");
  const Root server = w.vm.Create(module.Behavior("server", {secret}));
  const Value promise = core.NewPromise();
  w.Hold(alice, promise);
  core.Deliver(w.Out(wall, server.value()), w.vm.Symbol("ask"), promise);
  w.vm.Run();
  CHECK(w.Reaches(alice, secret));
  CHECK_FALSE(w.ReachesAvoiding(alice, secret, wall));
}

TEST_CASE("reach: a suspended turn, its inbox, and what it was told before it crossed") {
  ReachWorld w;
  Membrane wall = w.Wall();
  const Module module = Loaded(w.vm, R"(
fn spin(n) = if n == 0 { 0 } else { spin(n - 1) }
behavior worker { [a, b] => { b <- a
  let _ = spin(1_000_000)
  a <- #done } })");
  const Root worker = w.vm.Create(module.Behavior("worker", {}));
  const Value carol = w.Actor("carol"), dave = w.Actor("dave"), erin = w.Actor("erin");
  w.vm.Send(w.Out(wall, worker.value()), w.vm.List({carol, dave}));
  while (w.vm.core().stats().suspensions == 0) w.vm.RunSlice(1);
  w.vm.Send(worker, w.vm.List({erin, erin}));
  w.vm.RunSlice(1);
  CHECK(w.Reaches(worker.value(), carol));
  CHECK_FALSE(w.ReachesAvoiding(worker.value(), carol, wall));
  CHECK(w.Reaches(worker.value(), erin));
  const VmMap map(w.vm.core());
  const Foresight end = ForeseeRevoke(map, map.Find(wall.value()));
  CHECK(end.turns_undone == 1);
  // What it said to Dave's proxy crosses when it is done.
  CHECK(end.messages_dropped == 1);
}

TEST_CASE("reach: a task is part of its actor") {
  ReachWorld w;
  const Module module = Loaded(w.vm, R"(
behavior boss { [promise, friend] => task {
  await promise
  friend <- #go } })");
  const Root boss = w.vm.Create(module.Behavior("boss", {}));
  const Value carol = w.Actor("carol"), promise = w.vm.core().NewPromise();
  w.vm.Send(boss, w.vm.List({promise, carol}));
  SUBCASE("as long as it can go on") {
    w.roots.emplace_back(w.vm.core().heap(), promise);
    w.vm.Run();
    CHECK(w.Reaches(boss.value(), carol));
  }
  SUBCASE("one that waits for what nobody can settle is garbage") {
    w.vm.Run();
    CHECK_FALSE(w.Reaches(boss.value(), carol));
  }
}

TEST_CASE("reach: so is one of an actor that has a control") {
  ReachWorld w;
  const Module module = Loaded(w.vm, R"(
behavior boss { [promise, friend] => { task { await promise
  friend <- #go }; nil } })");
  Core& core = w.vm.core();
  const Root boss(core.heap(), core.CreateControlled(module.Behavior("boss", {})).ref);
  const Value carol = w.Actor("carol"), promise = core.NewPromise();
  w.roots.emplace_back(core.heap(), promise);
  w.vm.Send(boss, w.vm.List({promise, carol}));
  w.vm.Run();
  CHECK(w.Reaches(boss.value(), carol));
}

TEST_CASE("reach: nothing leads through the host, and garbage is not on the map") {
  ReachWorld w;
  const Value alice = w.Actor("alice"), bob = w.Actor("bob");
  const Value garbage = w.vm.Create(w.vm.Define("garbage", 0, [](Turn&) {}).Behavior({})).value();
  w.Hold(alice, w.vm.Create([keep = Root(w.vm.core().heap(), bob)](Turn&) {}).value());
  CHECK_FALSE(w.Reaches(alice, bob));
  const VmMap map(w.vm.core());
  CHECK(map.Find(garbage) == VmMap::kNone);
  const VmMap::Id host = VmMap::kHost;
  CHECK(FindPath(map, host, map.Find(bob)).has_value());
}

TEST_CASE("foresight: a dry run says what would die, who can reach it, and what crossed it last") {
  ReachWorld w;
  Membrane wall = w.Wall();
  const Value alice = w.Actor("alice"), anne = w.Actor("anne"), bob = w.Actor("bob");
  const Value to_bob = w.Out(wall, bob);
  w.Hold(alice, to_bob);
  w.Hold(anne, alice);
  w.Hold(bob, w.In(wall, alice));
  w.vm.Send(to_bob, w.vm.Symbol("hello"));
  Membrane other = w.Wall();
  w.Hold(alice, w.Out(other, bob));
  const VmMap map(w.vm.core());
  const Foresight end =
      ForeseeRevoke(map, map.Find(wall.value()), {.last_crossing = [&](Value proxy) {
                      return std::string(proxy == to_bob ? "#get, 3 ms ago" : "");
                    }});
  REQUIRE(end.proxies_count == 2);
  const Foresight::Dying& dying =
      end.proxies[0].proxy == map.Find(to_bob) ? end.proxies[0] : end.proxies[1];
  CHECK(dying.proxy == map.Find(to_bob));
  CHECK(dying.target == map.Find(bob));
  CHECK(dying.last_crossing == "#get, 3 ms ago");
  // Bob reaches his own proxy through Alice.
  REQUIRE(dying.reached_by_count == 3);
  CHECK(PathText(map, dying.reached_by[0]) == "alice -captures-> " + map.Name(dying.proxy));
  CHECK(end.messages_dropped == 1);
  CHECK(end.turns_undone == 0);
  // It was a dry run.
  CHECK_FALSE(wall.is_revoked());
  CHECK(w.Reaches(alice, bob));
}

TEST_CASE("foresight: what it says would die is what a revoke kills") {
  ReachWorld w;
  Membrane wall = w.Wall();
  std::vector<Value> proxies;
  const Value alice = w.Actor("alice");
  for (int i = 0; i < 10; ++i) proxies.push_back(w.Out(wall, w.Actor("bob")));
  for (int i = 0; i < 7; ++i) w.Hold(alice, proxies[i]);
  {
    const VmMap map(w.vm.core());
    CHECK(ForeseeRevoke(map, map.Find(wall.value())).proxies_count == 7);
    CHECK(ForeseeRevoke(map, map.Find(wall.value()), {.proxies_max = 2}).proxies.size() == 2);
  }
  wall.Revoke();
  const VmMap map(w.vm.core());
  CHECK(ForeseeRevoke(map, map.Find(wall.value())).proxies_count == 0);
  for (int i = 0; i < 7; ++i) CHECK_FALSE(map.IsLive(map.Find(proxies[i])));
}

TEST_CASE("reach: to look changes nothing") {
  ReachWorld w;
  Membrane wall = w.Wall();
  const Value alice = w.Actor("alice"), bob = w.Actor("bob");
  w.Hold(alice, w.Out(wall, bob));
  Value chain = w.vm.core().NewPromise();
  const Value end = chain;
  for (int i = 0; i < 5; ++i) {
    const Value before = w.vm.core().NewPromise();
    w.vm.core().Keep(before, chain);
    chain = before;
  }
  w.Hold(alice, chain);
  w.vm.Send(bob, w.vm.List({alice, end}));
  const uint64_t bytes = w.vm.core().heap().stats().bytes_allocated;
  const uint64_t spent = w.vm.core().heap().spent();
  const uint64_t hash = StateHash(w.vm.core());
  {
    const VmMap map(w.vm.core());
    CHECK(Reach::To(map, map.Find(bob)).Has(map.Find(alice)));
    ForeseeRevoke(map, map.Find(wall.value()));
    for (VmMap::Id id = 0; id < map.size(); ++id) map.Name(id);
    // The chain is one promise.
    CHECK(map.Find(chain) == map.Find(end));
  }
  CHECK(w.vm.core().heap().stats().bytes_allocated == bytes);
  CHECK(w.vm.core().heap().spent() == spent);
  CHECK(StateHash(w.vm.core()) == hash);
  CHECK(w.vm.core().heap().Verify() == nullptr);
}

TEST_CASE(
    "reach: names of strangers cannot move a cursor, and are numbered when they are the same") {
  ReachWorld w;
  const Value a = w.Actor("\x1b[31m<script>\n"), b = w.Actor("\x1b[31m<script>\n");
  const Value c = w.Actor(std::string(10'000, 'x'));
  const VmMap map(w.vm.core());
  CHECK(map.Label(map.Find(a)) == "\\u{1b}[31m<script>\\u{a}");
  CHECK(map.Name(map.Find(a)) != map.Name(map.Find(b)));
  CHECK(map.Name(map.Find(b)).starts_with(map.Label(map.Find(b)) + " "));
  CHECK(map.Name(map.Find(c)).size() < 50);
}

}  // namespace vesicle
