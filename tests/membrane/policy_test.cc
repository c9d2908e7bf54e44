// Laws 24 to 27: what a policy sees, says, and cannot be brought to say. In the language.
#include <doctest/doctest.h>

#include "tests/membrane/script_law.h"

namespace vesicle {
namespace {

const char kCast[] = R"(
  behavior bob(heard) {
    #get => size(heard)
    #heard => heard
    #echo(v) => v
    #me => self
    #call(r, m) => r <- m
    #fail => fail #no
    #count_then_fail => { become bob([...heard, #counted]); fail #no }
    m => { become bob([...heard, m]); #ok }
  }
  fn none(why) = match why { #failed(e) => e, _ => why }
)";

TEST_CASE("law 24: a policy sees every crossing in both directions, and its state moves with it") {
  CheckTests(kCast, R"(
    fn counts(n, crossing, _) = [if crossing.way == #in and crossing.tag == #how_many { #rewrite(#echo(n)) } else { #pass }, if n == nil { 1 } else { n + 1 }]

    test "messages go in and replies come out, each by its own state" {
      let m = create membrane({inward: counts, outward: counts})
      let b = await m <- #outward(create bob([]))
      expect (await b <- #get) == 0
      expect (await b <- #x) == #ok
      expect (await b <- #fail else { why => why }) == #failed(#no)
      expect (await b <- #how_many) == 3
    }
    test "what it sees" {
      let seen = fn(state, crossing, time) = [if crossing.tag == #seen { #rewrite(#echo(state)) } else { #pass }, [crossing.way, crossing.what, crossing.tag, crossing.message, kind(crossing.from), kind(crossing.to), time]]
      let m = create membrane({inward: seen})
      let b = await m <- #outward(create bob([]))
      await b <- #see([1, b])
      expect (await b <- #seen) == [#in, #message, #see, #see([1, b]), kind(nil), #int, nil]
      await b <- "no tag"
      let [_, _, tag, message, ..._] = await b <- #seen
      expect [tag, message] == [nil, "no tag"]
    }
    test "replies and breaks, too" {
      let out = fn(state, crossing, _) = [match crossing.what { #reply => #rewrite([#reply, crossing.message]), #break => #rewrite([#break, crossing.message]), _ => #pass }, nil]
      let m = create membrane({outward: out})
      let b = await m <- #outward(create bob([]))
      expect (await b <- #get) == [#reply, 0]
      expect (await b <- #fail else { why => why }) == [#break, #failed(#no)]
    }
  )");
}

TEST_CASE("law 24: the verdict is pass, deny with a reason, rewrite, or redirect") {
  CheckTests(kCast, R"(
    fn rules(state, crossing, _) = [match crossing.message {
      #bad => #deny("not today"),
      #old(v) => #rewrite(#new(v)),
      _ => #pass
    }, state]

    test "each of them" {
      let inner = create bob([])
      let other = create bob([#other])
      let m = create membrane({inward: fn(state, crossing, time) = if crossing.tag == #elsewhere { [#redirect(other, #get), state] } else { rules(state, crossing, time) }})
      let b = await m <- #outward(inner)
      expect (await b <- #bad else { why => why }) == #denied("not today")
      expect (await b <- #old(5)) == #ok
      expect (await b <- #fine) == #ok
      expect (await inner <- #heard) == [#new(5), #fine]
      expect (await b <- #elsewhere) == 1
      expect (await inner <- #heard) == [#new(5), #fine]
    }
    test "a tell that is denied never arrives" {
      let inner = create bob([])
      let m = create membrane({inward: rules})
      let b = await m <- #outward(inner)
      let answer = b <- #bad
      when answer { _ => nil } else { _ => nil }
      expect (await b <- #fine) == #ok
      expect (await inner <- #heard) == [#fine]
    }
  )");
}

TEST_CASE(
    "law 24: the walk runs last: what a policy wrote is wrapped, a redirect's target included") {
  CheckTests(kCast, R"(
    test "a policy cannot hand a raw ref over" {
      // The policy's own captures are of the outside; what it writes is a message of the sender's.
      let secret = create bob([#outside])
      let inner = create bob([])
      let m = create membrane({inward: fn(state, crossing, _) = [if crossing.tag == #give { #rewrite(#keep(secret)) } else { #pass }, state]})
      let b = await m <- #outward(inner)
      expect (await b <- #give) == #ok
      let [#keep(kept)] = await inner <- #heard
      expect kept != secret
      expect (await kept <- #get) == 1
      m <- #revoke
      expect (await kept <- #get else { why => why }) == #revoked
      expect (await secret <- #get) == 1
    }
    test "a redirect home is no leak: its target is mapped as the message is" {
      let inner = create bob([])
      let insider = create bob([#insider])
      let m = create membrane({inward: nil})
      let known = await m <- #outward(insider)
      let m2 = create membrane({inward: fn(state, crossing, _) = [#redirect(known, #get), state]})
      let b = await m2 <- #outward(inner)
      expect (await b <- #whatever) == 1
      m <- #revoke
      expect (await b <- #whatever else { why => why }) == #revoked
    }
    test "the sender's message is what it sees: his own refs, not proxies" {
      let me = create bob([])
      let m = create membrane({inward: fn(state, crossing, _) = [if crossing.message == #give(me) { #pass } else { #deny("a proxy") }, state]})
      let b = await m <- #outward(create bob([]))
      expect (await b <- #give(me)) == #ok
    }
  )");
}

TEST_CASE("law 25: a policy that faults denies") {
  CheckTests(kCast, R"(
    fn faulty(state, crossing, _) = match crossing.message {
      #divide => [#pass, 1 / 0],
      #nothing => nil,
      #short => [#pass],
      #word => [#maybe, nil],
      #fail => fail #forged,
      #loop => [#pass, fold(1..10_000_000, 0, fn(a, b) = a + b)],
      #not_a_ref => [#redirect(5, #x), nil],
      #fine => [#pass, nil]
    }
    test "with #denied and a text, and nothing arrives" {
      let inner = create bob([])
      let m = create membrane({inward: faulty})
      let b = await m <- #outward(inner)
      for message in [#divide, #nothing, #short, #word, #fail, #loop, #not_a_ref, #no_clause, nil] {
        let why = await b <- message else { why => why }
        expect tag_of(why) == #denied
        expect kind(fields_of(why)[0]) == #text
      }
      expect (await b <- #fine) == #ok
      expect (await inner <- #heard) == [#fine]
    }
    test "a reply that is denied breaks" {
      let m = create membrane({outward: fn(_, crossing, _) = if crossing.message == 0 { fail #no } else { [#pass, nil] }})
      let b = await m <- #outward(create bob([]))
      expect tag_of(await b <- #get else { why => why }) == #denied
      expect (await b <- #x) == #ok
      expect (await b <- #get) == 1
    }
  )");
}

TEST_CASE("law 25: a verdict, its state and its audit stand when the target's turn then faults") {
  CheckTests(kCast, R"(
    test "one shot is one shot, though it failed" {
      let inner = create bob([])
      let m = create membrane({inward: #one_shot})
      let b = await m <- #outward(inner)
      expect (await b <- #count_then_fail else { why => why }) == #failed(#no)
      expect tag_of(await b <- #get else { why => why }) == #denied
      expect (await inner <- #get) == 0
      expect size(filter(await m <- #audit, fn(r) = r.way == #in)) == 2
    }
    test "a budget is spent by what failed" {
      let m = create membrane({inward: #budget({count: 3})})
      let b = await m <- #outward(create bob([]))
      for _ in 1..3 { expect (await b <- #fail else { why => why }) == #failed(#no) }
      expect tag_of(await b <- #get else { why => why }) == #denied
    }
    test "the state of a function, too" {
      let m = create membrane({inward: fn(n, _, _) = match n { nil => [#pass, 1], 1 => [#pass, 2], _ => [#deny("enough"), n] }})
      let b = await m <- #outward(create bob([]))
      expect (await b <- #fail else { why => why }) == #failed(#no)
      expect (await b <- #get) == 0
      expect (await b <- #get else { why => why }) == #denied("enough")
    }
  )");
}

TEST_CASE("law 25: a denied message still lets go of what it carried") {
  CheckTests(kCast, R"(
    test "who asked learns why; a promise in it may still be kept" {
      let m = create membrane({inward: #deny_tags([#take])})
      let b = await m <- #outward(create bob([]))
      let [p, r] = promise()
      expect tag_of(await b <- #take(p, r) else { why => why }) == #denied
      r <- #fulfill(1)
      expect (await p) == 1
    }
    test "nothing of it is owed" {
      let m = create membrane({inward: #deny_tags([#take]), owed_max: 3})
      let b = await m <- #outward(create bob([]))
      let [p, _] = promise()
      for _ in 1..20 { expect tag_of(await b <- #take([p, p]) else { why => why }) == #denied }
      expect (await b <- #get) == 0
      expect (await m <- #counts).owed == 0
    }
  )");
}

TEST_CASE("law 26: an allow-list of tags cannot be got around by nesting") {
  CheckTests(kCast, R"(
    test "the tag of the message counts, and nothing in it" {
      let inner = create bob([])
      let m = create membrane({inward: #allow_tags([#get, #echo])})
      let b = await m <- #outward(inner)
      expect (await b <- #get) == 0
      expect (await b <- #echo(#put(1))) == #put(1)
      for message in [#put(1), #gets, [#get], [[#get]], {get: 1}, {tag: #get}, "get", "#get", nil, 1, #Get, #"get ", #failed(#get), b"get", true] {
        expect tag_of(await b <- message else { why => why }) == #denied
      }
      expect tag_of(await b <- fn() = #get else { why => why }) == #denied
      expect tag_of(await b <- inner else { why => why }) == #denied
      expect (await inner <- #heard) == []
    }
    test "messages without a tag are denied by it, and by read_only" {
      let m = create membrane({inward: #read_only([#get])})
      let b = await m <- #outward(create bob([]))
      expect (await b <- #get) == 0
      for message in [1, nil, [#get], "get", #set(1)] {
        expect tag_of(await b <- message else { why => why }) == #denied
      }
    }
  )");
}

TEST_CASE("law 26: nor by asks, by promises, by delegation, or through a proxy's proxy") {
  CheckTests(kCast, R"(
    behavior passes(to) { m => to <- m }
    test "an ask is judged as a tell is" {
      let inner = create bob([])
      let m = create membrane({inward: #allow_tags([#get])})
      let b = await m <- #outward(inner)
      when b <- #put(1) { _ => nil } else { _ => nil }
      expect tag_of(await b <- #put(2) else { why => why }) == #denied
      expect tag_of(await create passes(b) <- #put(3) else { why => why }) == #denied
      expect (await create passes(create passes(b)) <- #get) == 0
      expect (await inner <- #heard) == []
    }
    test "what waits for a promise is judged when its target is known" {
      let inner = create bob([])
      let m = create membrane({inward: #allow_tags([#me, #get])})
      let b = await m <- #outward(inner)
      let me = b <- #me
      let denied = me <- #put(1)
      let [q, r] = promise()
      let denied_too = q <- #put(2)
      let passed = q <- #get
      r <- #fulfill(b)
      expect tag_of(await denied else { why => why }) == #denied
      expect tag_of(await denied_too else { why => why }) == #denied
      expect (await passed) == 0
      expect (await inner <- #heard) == []
    }
    test "a promise that went in and out judges what comes by it" {
      let inner = create bob([])
      let m = create membrane({inward: #allow_tags([#get])})
      let b = await m <- #outward(inner)
      let [p, r] = promise()
      let out = await m <- #outward([p])
      let denied = out[0] <- #put(1)
      r <- #fulfill(inner)
      expect tag_of(await denied else { why => why }) == #denied
      expect (await out[0] <- #get) == 0
      expect (await inner <- #heard) == []
    }
    test "refs learned later are behind it, too" {
      let m = create membrane({inward: #allow_tags([#me, #echo, #get])})
      let b = await m <- #outward(create bob([]))
      let again = await b <- #me
      let twice = await b <- #echo([again])
      for r in [again, twice[0]] { expect tag_of(await r <- #put(1) else { why => why }) == #denied }
    }
    test "through a proxy's proxy" {
      let inner = create bob([])
      let m = create membrane({inward: #allow_tags([#get])})
      let open = create membrane({})
      let b = await m <- #outward(inner)
      let bb = await open <- #outward(b)
      let bbb = await (create membrane({})) <- #inward(bb)
      for r in [bb, bbb] {
        expect tag_of(await r <- #put(1) else { why => why }) == #denied
        expect (await r <- #get) == 0
      }
      expect (await inner <- #heard) == []
    }
  )");
}

TEST_CASE("law 27: pass and deny only ever narrow through nested membranes") {
  CheckTests(kCast, R"(
    fn all_pass(state, _, _) = [#pass, state]
    test "what the inner one denies, the outer one cannot allow, and the other way" {
      let inner = create bob([])
      for [a, b, allowed] in [[[#get], [#get, #echo], [#get]], [[#get, #echo], [#get], [#get]], [[#get], [#echo], []], [[#get, #echo], [#get, #echo], [#get, #echo]]] {
        let m1 = create membrane({inward: #allow_tags(a)})
        let m2 = create membrane({inward: #allow_tags(b)})
        let r = await m2 <- #outward(await m1 <- #outward(inner))
        for message in [#get, #echo, #put] {
          let outcome = await r <- (if message == #echo { #echo(0) } else { message }) else { why => why }
          expect (outcome == 0) == contains(allowed, message)
        }
      }
      expect (await inner <- #heard) == []
    }
    test "a list of rules is all of them" {
      let m = create membrane({inward: [#allow_tags([#get, #echo]), #deny_tags([#echo]), all_pass]})
      let b = await m <- #outward(create bob([]))
      expect (await b <- #get) == 0
      expect tag_of(await b <- #echo(1) else { why => why }) == #denied
      expect tag_of(await b <- #put else { why => why }) == #denied
    }
    test "a rewrite is judged by the rules behind it" {
      let inner = create bob([])
      let m = create membrane({inward: [fn(s, c, _) = [if c.tag == #get { #rewrite(#put(1)) } else { #pass }, s], #allow_tags([#get])]})
      let b = await m <- #outward(inner)
      expect tag_of(await b <- #get else { why => why }) == #denied
      expect (await inner <- #heard) == []
    }
    test "a redirect is its owner's own authority: it reaches what he was given, and no more" {
      let allowed = create bob([#allowed])
      let narrow = create membrane({inward: #allow_tags([#get])})
      let given = await narrow <- #outward(allowed)
      let m = create membrane({inward: fn(s, c, _) = [#redirect(given, c.message), s]})
      let b = await m <- #outward(create bob([]))
      expect (await b <- #get) == 1
      expect tag_of(await b <- #put(1) else { why => why }) == #denied
      expect (await allowed <- #heard) == [#allowed]
    }
  )");
}

TEST_CASE("law 24: ready-made rules: rate and expiry take their time from a device") {
  CheckTests(kCast, R"(
    test "what wants a clock says so" {
      for rule in [#rate(1, 10), #expires({after: 5})] {
        let why = await (create behavior { #try(rule) => { let m = create membrane({inward: rule}); m <- #outward(1) } }) <- #try(rule) else { why => why }
        expect tag_of(why) == #type
      }
    }
    test "uses" {
      let m = create membrane({inward: #expires({uses: 2})})
      let b = await m <- #outward(create bob([]))
      expect [await b <- #get, await b <- #get] == [0, 0]
      expect tag_of(await b <- #get else { why => why }) == #denied
    }
    test "bytes" {
      let m = create membrane({inward: #budget({bytes: 1000})})
      let b = await m <- #outward(create bob([]))
      expect (await b <- #get) == 0
      expect kind(await b <- #echo(join(map(1..500, text), " "))) == #text
      expect tag_of(await b <- #get else { why => why }) == #denied
    }
    test "bytes that stand behind a ref count, too" {
      let m = create membrane({inward: #budget({bytes: 1000})})
      let b = await m <- #outward(create bob([]))
      await b <- #pair(create bob([]), join(map(1..500, text), " "))
      expect tag_of(await b <- #get else { why => why }) == #denied
    }
    test "one way: no answer, and nothing the other way" {
      let inner = create bob([])
      let m = create membrane({inward: #one_way})
      let b = await m <- #outward(inner)
      expect (await b <- #x) == nil
      expect (await inner <- #heard) == [#x]
      let back = await m <- #inward(create bob([]))
      expect tag_of(await back <- #get else { why => why }) == #denied
    }
  )");
}

}  // namespace
}  // namespace vesicle
