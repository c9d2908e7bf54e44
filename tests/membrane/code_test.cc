// Law 23: functions and behaviors cross as copies.
#include <doctest/doctest.h>

#include <string>

#include "tests/membrane/link.h"

namespace vesicle {
namespace {

const char kCode[] = R"(
  behavior person(n) { #n => { become person(n + 1); n }, #is_me(r) => r == self }
  behavior makes(friend) {
    #function => { let f = friend; fn() = [f, #t(f)] }
    #adder(n) => fn(x) = x + n
    #nested => { let f = friend; let inner = fn() = f; fn() = {inner: inner, [f]: inner} }
    #recursive => { fn loop(n) = if n == 0 { [] } else { [n, ...loop(n - 1)] }; loop }
    #declared => twice
    #counter(n) => counter(n)
    #asks => asks(friend)
    #in_place => { let f = friend; behavior { #tell => f, #ask => f <- #n } }
    #promise => { let [p, r] = promise(); r <- #fulfill(friend); fn() = p }
    #back(f) => f
    #call(f) => f()
    #is_friend(r) => r == friend
    #create(b) => create b
    #sink => sink
  }
  fn twice(x) = x * 2
  behavior counter(n) { #add(k) => become with (n: n + k), #get => n }
  behavior asks(r) { #tell => r, #ask => r <- #n }
)";

TEST_CASE("law 23: functions and behaviors cross as copies with their captures wrapped") {
  const auto [link, from, to] = EveryWay();
  if (!link->traits().copies_code) return;
  link->Load(std::string(kCode) + R"(
    behavior user(far) {
      #functions => task {
        let f = await far <- #function
        let [r, #t(again)] = f()
        let add = await far <- #adder(5)
        let m = (await far <- #nested)()
        let inner = m.inner
        let p = (await far <- #promise)()
        let loop = await far <- #recursive
        let twice = await far <- #declared
        [await r <- #n, r == again, add(1), inner() == r, get(m, r, nil)() == r, (await p) == r, loop(3), twice(4),
         await far <- #is_friend(r)]
      }
      #behaviors => task {
        let c = create (await far <- #counter(10))
        c <- #add(5)
        let asks = create (await far <- #asks)
        let in_place = create (await far <- #in_place)
        [await c <- #get, await asks <- #ask, (await asks <- #tell) == (await in_place <- #tell), await in_place <- #ask,
         await (create (await far <- #sink)) <- 7]
      }
    }
  )");
  const Root person = from.Create("person", {Value::SmallInt(1)});
  const Root far = link->From(from, from.Create("makes", {person.value()}));
  const Root user = to.Create("user", {far.value()});
  CHECK(link->Asked(to, user, "#functions") ==
        "[1, true, 6, true, true, true, [3, 2, 1], 8, true]");
  CHECK(link->Asked(to, user, "#behaviors") == "[15, 2, true, 3, nil]");
}

TEST_CASE("law 23: an actor made of a behavior that crossed lives where it was made") {
  const auto [link, from, to] = EveryWay();
  if (!link->traits().copies_code) return;
  link->Load(std::string(kCode) + R"(
    behavior user(made) {
      #make(far) => task { self <- #have([create (await far <- #counter(1)), create (await far <- #asks)]); nil }
      #have(v) => become user(v)
      #count => { made[0] <- #add(1); made[0] <- #get }
      #ask => made[1] <- #ask
    }
  )");
  const Root person = from.Create("person", {Value::SmallInt(1)});
  const Root far = link->From(from, from.Create("makes", {person.value()}));
  const Root user = to.Create("user", {Value::Nil()});
  const Root made = to.Ask(user, to.vm().Tagged("make", far.value()));
  link->Run();
  REQUIRE(to.Outcome(made) == "nil");
  CHECK(link->Asked(to, user, "#count") == "2");
  CHECK(link->Asked(to, user, "#ask") == "1");
  // It goes on after the revoke; what it had captured of the other side does not.
  link->Revoke();
  CHECK(link->Asked(to, user, "#count") == "3");
  CHECK(link->Asked(to, user, "#ask") == "broken: #revoked");
}

TEST_CASE("law 23: functions and behaviors come home unwrapped") {
  const auto [link, from, to] = EveryWay();
  if (!link->traits().copies_code) return;
  link->Load(std::string(kCode) + R"(
    behavior user(far, me) {
      #go => task {
        let m = me
        let f = await far <- #back(fn() = [m, {[m]: m}])
        let g = await far <- #back([fn() = fn() = m])
        let b = create (await far <- #back(asks(m)))
        // Theirs, which went here and home again.
        let theirs = await far <- #function
        let home = await far <- #call(theirs)
        [f() == [m, {[m]: m}], g[0]()() == m, (await b <- #tell) == m, await far <- #is_friend(home[0]),
         home == theirs()]
      }
    }
  )");
  const Root friend_there = to.Create("person", {Value::SmallInt(1)});
  const Root far = link->From(to, to.Create("makes", {friend_there.value()}));
  const Root user =
      from.Create("user", {far.value(), from.Create("person", {Value::SmallInt(2)}).value()});
  CHECK(link->Asked(from, user, "#go") == "[true, true, true, true, true]");
}

}  // namespace
}  // namespace vesicle
