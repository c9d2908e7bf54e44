// Laws 14 and 33: what a revoke would do, what crossed, and how that is told. In the language.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "tests/membrane/script_law.h"

namespace vesicle {
namespace {

const char kCast[] = R"(
  behavior person(n) { #get => n, #give(_) => nil, #me => self, #fail => fail #no, #echo(v) => v, #hide => create person(7) }
)";

TEST_CASE("law 14: a dry run answers, before anyone dares") {
  CheckTests(kCast, R"(
    test "which proxies would die, and nothing dies of the question" {
      let m = create membrane({})
      let b = await m <- #outward(create person(1))
      let c = await b <- #hide
      await b <- #give(create person(2))
      let before = await m <- #preview
      expect kind(before) != #nil
      expect (await m <- #preview) == before
      expect (await b <- #get) == 1
      expect (await c <- #get) == 7
    }
    test "it is data: no ref stands in it" {
      fn refs(v) = match kind(v) { #ref => 1, #list => sum(map(v, refs)), #map => sum(map(entries(v), refs)), #tagged => refs(fields_of(v)), _ => 0 }
      let m = create membrane({})
      let b = await m <- #outward(create person(1))
      await b <- #get
      expect refs(await m <- #preview) == 0
    }
    behavior keeper(kept) {
      #keep(v) => { become keeper(v); nil }
      #wait => { let [p, r] = promise(); become keeper(r); p }
    }
    test "it counts what would die, each way, and what is owed" {
      let m = create membrane({})
      expect (await m <- #preview) == {inward: 0, outward: 0, owed: 0, proxies: []}
      let k = await m <- #outward(create keeper(nil))
      await k <- #keep([create person(1), create person(2)])
      let asked = await m <- #outward(create keeper(nil))
      let answer = asked <- #wait
      // Those who were dropped are no part of it.
      await k <- #keep([create person(1), create person(2), create person(3)])
      let would_die = await m <- #preview
      expect [would_die.inward, would_die.outward, would_die.owed] == [3, 2, 1]
      expect size(would_die.proxies) == 5
      m <- #revoke
      expect (await answer else { why => why }) == #revoked
      expect (await k <- #keep(nil) else { why => why }) == #revoked
      expect (await m <- #preview) == {inward: 0, outward: 0, owed: 0, proxies: []}
    }
    test "it says what crossed each of them last" {
      let m = create membrane({})
      let a = await m <- #outward(create person(1))
      let b = await m <- #outward(create person(2))
      let c = await m <- #outward(create person(3))
      await b <- #fail else { _ => nil }
      await a <- #get
      let last = [for p in (await m <- #preview).proxies { match p.last { nil => nil, r => [r.what, r.tag, r.from == p.number] } }]
      expect last == [[#reply, nil, true], [#break, #failed, true], nil]
      expect [a == b, b == c] == [false, false]
    }
    test "it says so of more records than it looks at in one piece" {
      let m = create membrane({audit: 50_000})
      let a = await m <- #outward(create person(1))
      let b = await m <- #outward(create person(2))
      b <- #give(1)
      for i in 1..25_000 { a <- #get }
      await a <- #get
      let last = [for p in (await m <- #preview).proxies { match p.last { nil => nil, r => [r.what, r.tag] } }]
      expect last == [[#reply, nil], [#message, #give]]
    }
  )");
}

TEST_CASE(
    "law 33: every crossing can be audited: direction, numbers of from and to, tag, size, "
    "verdict") {
  CheckTests(kCast, R"(
    test "a message, its reply, a break" {
      let m = create membrane({inward: #deny_tags([#give])})
      let b = await m <- #outward(create person(1))
      await b <- #get
      await b <- #fail else { _ => nil }
      await b <- #give(1) else { _ => nil }
      await b <- [1]  else { _ => nil }
      let records = await m <- #audit
      expect [for r in records { [r.way, r.what, r.tag] }] == [
        [#in, #message, #get], [#out, #reply, nil], [#in, #message, #fail], [#out, #break, #failed],
        [#in, #message, #give], [#in, #message, nil], [#out, #break, #no_clause]]
      for r in records {
        expect sort(keys(r)) == ["at", "from", "size", "tag", "to", "verdict", "way", "what"]
        expect r.size >= 0
        expect r.at == nil
      }
      expect records[0].verdict == #pass
      expect contains([#deny, #denied], tag_of(records[4].verdict)) or kind(records[4].verdict) == #tagged
    }
    test "actors are numbers, the same one for the same actor" {
      let m = create membrane({})
      let b = await m <- #outward(create person(1))
      let c = await m <- #outward(create person(2))
      for r in [b, c, b] { await r <- #get }
      let to = [for r in await m <- #audit if r.what == #message { r.to }]
      expect to[0] == to[2]
      expect to[0] != to[1]
      expect kind(to[0]) == #int
    }
    test "numbers are the membrane's own: another one counts anew" {
      let m = create membrane({})
      let n = create membrane({})
      let p = create person(1)
      for _ in 1..3 { await m <- #outward(create person(0)) }
      let by_m = await m <- #outward(p)
      let by_n = await n <- #outward(p)
      await by_m <- #get
      await by_n <- #get
      expect (await n <- #audit)[0].to == 1
      expect (await m <- #audit)[0].to != 1
    }
    test "a longer message is a bigger one" {
      let m = create membrane({})
      let b = await m <- #outward(create person(1))
      for n in [1, 10, 100] { await b <- #give(1..n) }
      let sizes = [for r in await m <- #audit if r.what == #message { r.size }]
      expect sizes[0] < sizes[1] and sizes[1] < sizes[2]
    }
    test "the oldest leave: the ring has a bound" {
      let m = create membrane({audit: 4})
      let b = await m <- #outward(create person(1))
      for n in 1..10 { await b <- #get }
      expect size(await m <- #audit) == 4
      let off = create membrane({audit: 0})
      let c = await off <- #outward(create person(1))
      await c <- #get
      expect (await off <- #audit) == []
    }
    behavior log(records) { #all => records, r => { become log([...records, r]); nil } }
    test "a sink gets each record as it happens, and so does #log" {
      let sink = create log([])
      let m = create membrane({sink: sink})
      let b = await m <- #outward(create person(1))
      await b <- #get
      await b <- #echo([1])
      expect (await sink <- #all) == (await m <- #audit)
      let inward = create log([])
      let m2 = create membrane({inward: #log(inward)})
      let c = await m2 <- #outward(create person(1))
      await c <- #get
      expect [for r in await inward <- #all { [r.way, r.tag] }] == [[#in, #get]]
    }
    test "no record holds a ref, a text or a value of what crossed" {
      let m = create membrane({})
      let b = await m <- #outward(create person(1))
      await b <- #echo(["secret", b, {secret: #secret}])
      for r in await m <- #audit {
        for v in values(r) { expect contains([#nil, #int, #symbol], kind(v)) }
        expect contains(inspect(r), "secret") == false
      }
    }
    test "it is readable only through the membrane's control ref" {
      let m = create membrane({})
      let b = await m <- #outward(create person(1))
      expect tag_of(await b <- #audit else { why => why }) == #no_clause
      let [proxy, revoker] = revocable(create person(1))
      expect tag_of(await proxy <- #audit else { why => why }) == #no_clause
      expect tag_of(await revoker <- #audit else { why => why }) == #no_clause
    }
  )");
}

TEST_CASE("law 33, law 12: neither membrane nor audit holds who crossed") {
  Vm vm({}, AddMembranes);
  absl::StatusOr<Module> module = vm.Load("law.ves", R"(
    behavior holds(token) { #get => 1 }
    behavior main(m) {
      #start => { become main(create membrane({audit: 1000})); nil }
      #pass(r) => m <- #outward(r)
      #ask(r) => task { await (await m <- #outward(r)) <- #get }
      #revoke => m <- #revoke
      #audit => task { size(await m <- #audit) }
    }
  )");
  REQUIRE_MESSAGE(module.ok(), std::string(module.status().message()));
  const Root main = vm.Create(module->Behavior("main", {Value::Nil()}));
  std::string last;
  const auto ask = [&](Value m) {
    vm.Ask(main, m,
           [&](const Reply& reply) { last = Print(reply.ok() ? reply.value() : reply.reason()); });
    vm.Run();
  };
  ask(vm.Symbol("start"));
  auto token = std::make_shared<int>();
  const std::weak_ptr<int> is_there = token;
  {
    const Root bob = vm.Create([token = std::move(token)](Turn& turn) { turn.Reply(turn.Int(1)); });
    ask(vm.Tagged("ask", bob.value()));
    REQUIRE(last == "1");
  }
  CHECK(!is_there.expired());
  // Another one, so that the last turn and crossing are of others.
  ask(vm.Tagged("ask", vm.Create([](Turn& turn) { turn.Reply(turn.Int(2)); }).value()));
  REQUIRE(last == "2");
  ask(vm.Symbol("audit"));
  CHECK(last == "4");
  vm.core().heap().Collect(Heap::Scope::kFull);
  CHECK(is_there.expired());
}

}  // namespace
}  // namespace vesicle
