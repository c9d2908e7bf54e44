// Law 22: replies and promises are wrapped as requests are, and what is sent to a promise
// waits for its target.
#include <doctest/doctest.h>

#include <string>

#include "tests/membrane/link.h"

namespace vesicle {
namespace {

TEST_CASE("law 22: a promise crosses as a promise, and is kept or broken as the first one is") {
  const auto [link, from, to] = EveryWay();
  link->Load(R"(
    behavior waits { #kind([p]) => kind(p), #value([p]) => p, #reason([p]) => task { await p else { why => why } } }
    behavior sender(far) {
      #go => task {
        let [kept, k] = promise()
        let [broken, b] = promise()
        let [late, l] = promise()
        let [late_broken, lb] = promise()
        let [follows, f] = promise()
        k <- #fulfill([1, #two])
        b <- #break("no")
        f <- #fulfill(late)
        await self <- #nothing
        let kinds = await all([far <- #kind([kept]), far <- #kind([late]), far <- #kind([1])])
        let early = [far <- #value([kept]), far <- #reason([broken])]
        let waiting = [far <- #value([late]), far <- #value([follows]), far <- #reason([late_broken])]
        await self <- #nothing
        l <- #fulfill({k: 2.5})
        lb <- #break(#gone)
        [kinds, await all(early), await all(waiting)]
      }
      #nothing => nil
      #never => task {
        let [p, _] = promise()
        await far <- #value([p])
      }
      #broken => task { let [p, r] = promise(); r <- #break(#x); await far <- #value([p]) }
    }
  )");
  const Root far = link->From(to, to.Create("waits"));
  const Root sender = from.Create("sender", {far.value()});
  CHECK(link->Asked(from, sender, "#go") ==
        "[[#promise, #promise, #int], [[1, #two], #failed(\"no\")], [{k: 2.5}, {k: 2.5}, "
        "#failed(#gone)]]");
  CHECK(link->Asked(from, sender, "#broken") == "broken: #failed(#x)");
  CHECK(link->Asked(from, sender, "#never") == "pending");
}

TEST_CASE("law 22: a promise that resolves to the other side, or back, ends at the right actor") {
  const auto [link, from, to] = EveryWay();
  // Each says who it is compared with what it was told.
  link->Load(R"(
    behavior person(name) { #name => name, #is_me(r) => r == self, #same(a, b) => a == b }
    behavior far(friend) {
      #friend => friend
      #friend_later => { let [p, r] = promise(); r <- #fulfill(friend); p }
      #back(r) => r
      #back_promised([p]) => p
      #back_of([p]) => task { await p }
      #is_friend([p]) => task { (await p) == friend }
      #name([p]) => p <- #name
    }
    behavior near(far, me) {
      #go => task {
        let m = me
        let [mine, r] = promise()
        r <- #fulfill(m)
        let friend = far <- #friend
        let later = far <- #friend_later
        [(await far <- #back(m)) == m, (await far <- #back_promised([mine])) == m,
         (await far <- #back_of([mine])) == m,
         (await later) == (await friend), await far <- #is_friend([friend]), await far <- #is_friend([later])]
      }
      #names => task {
        let m = me
        let [mine, r] = promise()
        r <- #fulfill(m)
        let friend = far <- #friend_later
        let back = far <- #back_promised([mine])
        [await friend <- #name, await back <- #name, await far <- #name([mine]), await far <- #name([friend]),
         await far <- #name([far <- #friend_later]), await far <- #name([back])]
      }
    }
  )");
  const Root friend_there = to.Create("person", {to.vm().Text("there")});
  const Root me = from.Create("person", {from.vm().Text("here")});
  const Root far = to.Create("far", {friend_there.value()});
  const Root near = from.Create("near", {link->From(to, far).value(), me.value()});
  if (link->traits().keeps_identity) {
    CHECK(link->Asked(from, near, "#go") == "[true, true, true, true, true, true]");
  }
  CHECK(link->Asked(from, near, "#names") ==
        R"(["there", "here", "here", "there", "there", "here"])");
}

// What waits for a pending promise: what it carries, and what became of that.
const char kPipeline[] = R"(
  behavior guest(seen) {
    #see(r) => { become guest(r); #seen }
    #was(r) => seen == r
    #poke => { seen <- #hello; nil }
    #order(n) => become guest([...seen, n])
    #seen => seen
  }
  behavior person(n) { #hello => become person(n + 1), #n => n }
  behavior far(guest, waiting) {
    #promise => { let [p, r] = promise(); become far(guest, r); p }
    #guest => { waiting <- #fulfill(guest); nil }
    #this(r) => { waiting <- #fulfill(r); nil }
    #data => { waiting <- #fulfill(7); nil }
    #break => { waiting <- #break(#no); nil }
  }
)";

TEST_CASE("law 22: a message to a promise is wrapped once its target is known to be across") {
  const auto [link, from, to] = EveryWay();
  link->Load(kPipeline);
  const Root guest = to.Create("guest", {Value::Nil()});
  const Root far = link->From(to, to.Create("far", {guest.value(), Value::Nil()}));
  const Root person = from.Create("person", {Value::SmallInt(0)});
  const Root promise = from.Ask(far, from.Data("#promise").value());
  const Root seen = from.Ask(promise, from.vm().Tagged("see", person.value()));
  link->Run();
  CHECK(from.Outcome(seen) == "pending");
  CHECK(link->Asked(from, far, "#guest") == "nil");
  CHECK(from.Outcome(seen) == "#seen");
  CHECK(link->Asked(to, guest, "#poke") == "nil");
  CHECK(link->Asked(from, person, "#n") == "1");
  // It was wrapped: the revoke cuts it.
  link->Revoke();
  CHECK(link->Asked(to, guest, "#poke") == "nil");
  CHECK(link->Asked(from, person, "#n") == "1");
}

TEST_CASE("law 22: resolving home is no crossing: what waited was never wrapped") {
  const auto [link, from, to] = EveryWay();
  link->Load(kPipeline);
  const Root far = link->From(to, to.Create("far", {Value::Nil(), Value::Nil()}));
  const Root guest = from.Create("guest", {Value::Nil()});
  const Root person = from.Create("person", {Value::SmallInt(0)});
  const Root promise = from.Ask(far, from.Data("#promise").value());
  const Root seen = from.Ask(promise, from.vm().Tagged("see", person.value()));
  link->Run();
  // It turns out to be one of the sender's own side.
  from.vm().Send(far, from.vm().Tagged("this", guest.value()));
  link->Run();
  CHECK(from.Outcome(seen) == "#seen");
  const Root was = from.Ask(guest, from.vm().Tagged("was", person.value()));
  link->Run();
  CHECK(from.Outcome(was) == "true");
  link->Revoke();
  CHECK(link->Asked(from, guest, "#poke") == "nil");
  CHECK(link->Asked(from, person, "#n") == "1");
}

TEST_CASE("law 22: a message to a promise kept with data, or broken, breaks on the sender's side") {
  const auto [link, from, to] = EveryWay();
  link->Load(kPipeline);
  const Root far = link->From(to, to.Create("far", {Value::Nil(), Value::Nil()}));
  const auto outcome = [&link = *link, &from = from, &far](std::string_view how) {
    const Root promise = from.Ask(far, from.Data("#promise").value());
    const Root early = from.Ask(promise, from.Data("#seen").value());
    link.Run();
    CHECK(from.Outcome(early) == "pending");
    CHECK(link.Asked(from, far, how) == "nil");
    const std::string late = link.Asked(from, promise, "#seen");
    // Where it went ahead over a wire it breaks over there.
    const bool is_far = !link.traits().keeps_system_reasons && from.Outcome(early) != late;
    CHECK(from.Outcome(early) == (is_far ? "broken: #failed(#not_a_ref)" : late));
    return late;
  };
  CHECK(outcome("#data") == "broken: #not_a_ref");
  CHECK(outcome("#break") == "broken: #failed(#no)");
}

TEST_CASE("law 22: what is sent ahead arrives in order, before what is sent after") {
  const auto [link, from, to] = EveryWay();
  link->Load(std::string(kPipeline) + R"(
    behavior sender(far) {
      #go => task {
        let p = far <- #promise
        for i in 1..50 { p <- #order(i) }
        far <- #guest
        for i in 51..100 { p <- #order(i) }
        let guest = await p
        for i in 101..150 { p <- #order(i) }
        for i in 151..200 { guest <- #order(i) }
        (await guest <- #seen) == 1..200
      }
    }
  )");
  const Root guest = to.Create("guest", {to.Data("[]").value()});
  const Root far = link->From(to, to.Create("far", {guest.value(), Value::Nil()}));
  const Root sender = from.Create("sender", {far.value()});
  CHECK(link->Asked(from, sender, "#go") == "true");
}

TEST_CASE("law 22: a resolver crosses, and settles once; what it is given crosses back") {
  const auto [link, from, to] = EveryWay();
  link->Load(R"(
    behavior person(n) { #n => n, #is_me(r) => r == self }
    behavior far(own) {
      #fill([r], v) => { r <- #fulfill(v); nil }
      #fill_own([r]) => { r <- #fulfill([own, #t(own)]); nil }
      #break([r], v) => { r <- #break(v); nil }
      #twice([r]) => task { [await r <- #fulfill(1), await r <- #fulfill(2), await r <- #break(3)] }
      #wrong([r]) => task { await r <- #other else { why => tag_of(why) } }
    }
    behavior near(far, me) {
      #go => task {
        let m = me
        let [p1, r1] = promise()
        let [p2, r2] = promise()
        let [p3, r3] = promise()
        let [p4, r4] = promise()
        let [p5, r5] = promise()
        far <- #fill([r1], [m])
        far <- #fill_own([r2])
        far <- #break([r3], #no(m))
        let twice = await far <- #twice([r4])
        let wrong = await far <- #wrong([r5])
        let [theirs, #t(again)] = await p2
        [(await p1) == [m], await theirs <- #n, theirs == again, (await p3 else { why => why }) == #failed(#no(m)),
         twice, await p4, wrong]
      }
    }
  )");
  const Root own = to.Create("person", {Value::SmallInt(5)});
  const Root far = link->From(to, to.Create("far", {own.value()}));
  const Root me = from.Create("person", {Value::SmallInt(6)});
  const Root near = from.Create("near", {far.value(), me.value()});
  const std::string wrong = link->traits().keeps_system_reasons ? "#no_clause" : "#failed";
  CHECK(link->Asked(from, near, "#go") ==
        "[true, 5, true, true, [nil, nil, nil], 1, " + wrong + "]");
}

TEST_CASE(
    "law 22: a promise resolved with itself by way of the other side breaks, and loops nowhere") {
  const auto [link, from, to] = EveryWay();
  link->Load(R"(
    behavior far { #fill([r], [p]) => { r <- #fulfill(p); nil } }
    behavior near(far) {
      #one => task { let [p, r] = promise(); far <- #fill([r], [p]); await p else { why => why } }
      #two => task {
        let [p, r] = promise()
        let [q, s] = promise()
        far <- #fill([r], [q])
        far <- #fill([s], [p])
        await p else { why => why }
      }
    }
  )");
  const Root near = from.Create("near", {link->From(to, to.Create("far")).value()});
  // As it would be without a membrane. A circle over a wire is found if one side sees all of it,
  // and ends with its session otherwise.
  for (const char* m : {"#one", "#two"}) {
    CAPTURE(std::string(m));
    const std::string outcome = link->Asked(from, near, m);
    if (outcome != "pending" || link->traits().finds_circles) CHECK(outcome == "#cycle");
  }
}

TEST_CASE("law 22: a resolution changes no ==: a promise is never what it came to") {
  const auto [link, from, to] = EveryWay();
  link->Load(R"(
    behavior far(kept) {
      #keep(p) => { become far(p); nil }
      #compare => task {
        let [p, q, r] = kept
        let before = [p == q, p == r]
        let v = await p
        [before, p == q, p == r, p == v]
      }
    }
    behavior near(far) {
      #go => task {
        let [p, r] = promise()
        let [q, _] = promise()
        await far <- #keep([p, p, q])
        let answer = far <- #compare
        r <- #fulfill(self)
        await answer
      }
    }
  )");
  const Root near = from.Create("near", {link->From(to, to.Create("far", {Value::Nil()})).value()});
  CHECK(link->Asked(from, near, "#go") == "[[true, false], true, false, false]");
}

TEST_CASE("law 22: all, race and any work on promises of the other side") {
  const auto [link, from, to] = EveryWay();
  link->Load(R"(
    behavior far { #n(n) => n, #never => { let [p, _] = promise(); p }, #fail => fail #no,
                   #all(ps) => all(ps), #race(ps) => race(ps), #any(ps) => any(ps) }
    behavior near(far) {
      #go => task {
        [await all([far <- #n(1), far <- #n(2), 3]), await race([far <- #never, far <- #n(2)]),
         await any([far <- #fail, far <- #n(3)]),
         await far <- #all([far <- #n(1), far <- #n(2)]), await far <- #race([far <- #never, far <- #n(4)]),
         await far <- #any([far <- #fail, far <- #n(5)])]
      }
    }
  )");
  const Root near = from.Create("near", {link->From(to, to.Create("far")).value()});
  CHECK(link->Asked(from, near, "#go") == "[[1, 2, 3], 2, 3, [1, 2], 4, 5]");
}

}  // namespace
}  // namespace vesicle
