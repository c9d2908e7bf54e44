// Laws 15 to 18: what becomes of values on their way.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "membrane/crossing.h"
#include "membrane/membrane.h"
#include "tests/harness/sanitized.h"
#include "tests/membrane/link.h"
#include "vm/actor/promise.h"

namespace vesicle {
namespace {

// What `promise` was kept with.
Root Kept(Shore& shore, const Root& promise) {
  const Object* root = promise::Root(shore.heap(), promise.value().target());
  REQUIRE(promise::StateOf(root) == promise::State::kKept);
  return Root(shore.heap(), promise::Outcome(root));
}

TEST_CASE("law 15: the sender's message is never changed *") {
  const auto [link, from, to] = EveryWay();
  link->Load(R"(
    behavior keeper(kept) { #hi => size(kept), m => { become keeper(m); nil } }
    behavior near(own) { #is(v, f) => v == [own, {[own]: [own]}, #t(own, {k: own})] and f() == [own] }
    behavior person { #hi => 1 }
    behavior sender(far, person) {
      #go => task {
        let p = person
        let near = create near(p)
        let m = [p, {[p]: [p]}, #t(p, {k: p})]
        let f = fn() = [p]
        let before = await near <- #is(m, f)
        far <- m
        await far <- m
        await far <- [m, m, {m: m}]
        far <- [f]
        // The very same value, to somebody over there and to somebody here.
        let here = near <- #is(m, f)
        let there = far <- m
        let here_too = near <- #is(m, f)
        await there
        [before, await here, await here_too, await near <- #is(m, f), m == [p, {[p]: [p]}, #t(p, {k: p})]]
      }
    }
  )");
  const Root far = link->From(to, to.Create("keeper", {to.Data("[]").value()}));
  const Root sender = from.Create("sender", {far.value(), from.Create("person").value()});
  CHECK(link->Asked(from, sender, "#go") == "[true, true, true, true, true]");
  link->Revoke();
  CHECK(link->Asked(from, sender, "#go") == "broken: #revoked");
}

// ---------------------------------------------------------------------------

// Sends each value there and back: alone, and where what holds it also holds a ref, and is not the
// same object on the other side. Replies those that came back as something else.
const char kThereAndBack[] = R"(
  behavior echo { v => v }
  behavior sender(echo, values) {
    #alone => task { [for v in values if await self <- #differs(v, v) { v }] }
    #beside_refs => task {
      let r = self
      [for v in values if await self <- #differs([r, v, [v, {k: v, r: r}], #t(v, r)], v) { v }]
    }
    #in_keys => task {
      let r = self
      [for v in values if await self <- #differs({[v]: r, [[v, r]]: v}, v) { v }]
    }
    #differs(m, v) => task {
      let back = await echo <- m
      back != m or inspect(back) != inspect(m) or kind(back) != kind(m)
    }
  }
)";

void CheckThereAndBack(Link& link, Shore& from, Shore& to, const std::vector<Value>& values) {
  const Root list(from.heap(), from.vm().List(values));
  link.Load(kThereAndBack);
  const Root sender =
      from.Create("sender", {link.From(to, to.Create("echo")).value(), list.value()});
  CHECK(link.Asked(from, sender, "#alone") == "[]");
  if (!link.traits().takes_every_value) return;
  CHECK(link.Asked(from, sender, "#beside_refs") == "[]");
  CHECK(link.Asked(from, sender, "#in_keys") == "[]");
}

std::string Utf8(uint32_t c) {
  std::string s;
  const auto add = [&](uint32_t byte) { s.push_back(static_cast<char>(byte)); };
  const auto rest = [&](int shift) { add(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    add(c);
  } else if (c < 0x800) {
    add(0xc0 | c >> 6);
    rest(0);
  } else if (c < 0x10000) {
    add(0xe0 | c >> 12);
    rest(6);
    rest(0);
  } else {
    add(0xf0 | c >> 18);
    rest(12);
    rest(6);
    rest(0);
  }
  return s;
}

bool IsScalarValue(uint32_t c) { return c < 0xd800 || (c > 0xdfff && c <= 0x10ffff); }

TEST_CASE("law 16: scalars cross exactly: false, nil, NaN, -0.0, bytes, 2^200 *") {
  const auto [link, from, to] = EveryWay();
  const Root literals = from.Data(R"([
    nil, true, false, 0, 1, -1, 2 ** 59, 2 ** 60, -(2 ** 60), 2 ** 61, 2 ** 62, 2 ** 63, 2 ** 64, -(2 ** 63),
    2 ** 200, -(2 ** 200), 2 ** 200 + 1, 2 ** 10000,
    "", "a", "seven b", "eight by", b"", b"\x00", b"\xff\xfe", "\x00", "a\x00b", "\u{feff}", "\u{202e}",
    #a, #revoked, #"", #"deposit-gift", #"a symbol of more than seven bytes", #"\x00",
    [], {}, [[]], [{}], {[[]]: {}}, #t([]), #t(nil), #t(#t(#t)), [nil], {[nil]: nil}, {[false]: false},
    {a: 1, [1]: 2, [1.0]: 3, [#a]: 4, [b"a"]: 5, [[1]]: 6, ["1"]: 7}
  ])");
  std::vector<Value> values;
  for (uint64_t i = 0; i < ListSize(literals.value()); ++i)
    values.push_back(ListAt(literals.value(), i));
  const double limits[] = {0.0,
                           -0.0,
                           1.0,
                           -1.0,
                           0.1,
                           1e300,
                           -1e300,
                           1e-300,
                           5e-324,
                           -5e-324,
                           std::numeric_limits<double>::max(),
                           std::numeric_limits<double>::min(),
                           std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity(),
                           std::nan("")};
  for (const double d : limits) values.push_back(from.vm().Float(d));
  std::string every_byte;
  for (int b = 0; b < 256; ++b) every_byte.push_back(static_cast<char>(b));
  values.push_back(from.vm().Bytes(every_byte));
  CheckThereAndBack(*link, from, to, values);
}

TEST_CASE("law 16: every code point crosses *") {
  const auto [link, from, to] = EveryWay();
  link->Load(kThereAndBack);
  std::string all;
  std::vector<Value> ends;
  for (uint32_t c = 0; c <= 0x10ffff; ++c) {
    if (!IsScalarValue(c)) continue;
    all += Utf8(c);
    // Alone, where a codec may change its mind: at the ends of what takes so many bytes or bits.
    if ((c & (c + 1)) == 0 || (c & (c - 1)) == 0) ends.push_back(from.vm().Text(Utf8(c)));
  }
  CheckThereAndBack(*link, from, to, ends);
  const Root text(from.heap(), from.vm().Text(all));
  const Root echo = link->From(to, to.Create("echo"));
  const Root back = from.Ask(echo, text.value());
  const Root back_in_list = from.Ask(echo, from.vm().List({text.value(), echo.value()}));
  link->Run();
  const Value alone = Kept(from, back).value();
  const Value in_list = ListAt(Kept(from, back_in_list).value(), 0);
  CHECK(TextView(alone) == all);
  CHECK(TextView(in_list) == all);
}

// ---------------------------------------------------------------------------

const char kShapes[] = R"(
  fn doubled(v, n) = if n == 0 { v } else { doubled([v, v], n - 1) }
  fn doubled_tags(v, n) = if n == 0 { v } else { doubled_tags(#two(v, v), n - 1) }
  fn doubled_maps(v, n) = if n == 0 { v } else { doubled_maps({a: v, b: v}, n - 1) }
  fn doubled_code(f, n) = if n == 0 { f } else { doubled_code(fn() = [f, f], n - 1) }
  fn mixed(v, n) = if n == 0 { v } else { mixed([#t({k: [v, v]}), v, v], n - 1) }

  fn nested(v, n) = if n == 0 { v } else { nested([v], n - 1) }
  fn nested_tags(v, n) = if n == 0 { v } else { nested_tags(#t(v), n - 1) }
  fn nested_maps(v, n) = if n == 0 { v } else { nested_maps({k: v}, n - 1) }
  fn nested_code(f, n) = if n == 0 { f } else { nested_code(fn() = f, n - 1) }

  // Down to the bottom, always by the last way.
  fn bottom(v) = match kind(v) {
    #list => bottom(last(v))
    #tagged => bottom(last(fields_of(v)))
    #map => bottom(last(values(v)))
    #function => bottom(v())
    _ => v
  }
  behavior echo { v => v }
  behavior digger { v => bottom(v) <- #hi }
  behavior sender(echo, digger) {
    #hi => 1
    #doubled => task { await self <- #each([doubled(self, 60), doubled_tags(self, 60), doubled_maps(self, 60), mixed(self, 30)]) }
    #nested(n) => task { await self <- #each([nested(self, n)]) }
    #nested_otherwise(n) => task { await self <- #each([nested_tags(self, n), nested_maps(self, n)]) }
    #each(values) => task { [for v in values { (await digger <- v) == 1 and (await echo <- v) == v }] }
    #code(n) => task {
      let r = self
      let f = nested_code(fn() = r, n)
      let g = doubled_code(fn() = r, 60)
      [await digger <- f, await digger <- g, bottom(await echo <- f) == r, bottom(await echo <- g) == r]
    }
  }
)";

TEST_CASE("law 17: sharing is kept: a DAG of 60 doublings costs 60 steps *") {
  const auto [link, from, to] = EveryWay();
  if (!link->traits().takes_every_value) return;
  link->Load(kShapes);
  const Root echo = link->From(to, to.Create("echo"));
  const Root digger = link->From(to, to.Create("digger"));
  const Root sender = from.Create("sender", {echo.value(), digger.value()});
  CHECK(link->Asked(from, sender, "#doubled") == "[true, true, true, true]");
}

TEST_CASE("law 17: a depth of 10^5 is fine, and nothing recurses on it *") {
  const auto link = EveryLink();
  if (!link->traits().takes_every_value) return;
  link->Load(kShapes);
  const Root echo = link->Outward(link->inside().Create("echo"));
  const Root digger = link->Outward(link->inside().Create("digger"));
  const Root sender = link->outside().Create("sender", {echo.value(), digger.value()});
  CHECK(link->Asked(sender, "#nested(100_000)") == "[true]");
  // Enough to end a stack of 8 MiB by a few words a level.
  CHECK(link->Asked(sender, "#nested_otherwise(60_000)") == "[true, true]");
  if (link->traits().copies_code) {
    CHECK(link->Asked(sender, "#code(60_000)") == "[1, 1, true, true]");
  }
}

TEST_CASE("law 17: a depth of 10^6 is fine, to the other side and home again *") {
  constexpr int kDepth = Often(1'000'000, 200'000);
  Vm vm;
  Membrane wall = *Membrane::Create(vm.core(), {});
  const Root leaf = vm.Create([](Turn&) {});
  Root nested(vm.core().heap(), leaf.value());
  for (int i = 0; i < kDepth; ++i) nested.set(vm.List({nested.value()}));
  const auto check_bottom = [&](Value v, Value wanted) {
    for (int i = 0; i < kDepth; ++i) v = ListAt(v, 0);
    CHECK(v == wanted);
  };
  const Root out(vm.core().heap(), wall.Pass(nested.value(), Direction::kOut).value());
  check_bottom(out.value(), wall.Pass(leaf.value(), Direction::kOut).value());
  check_bottom(wall.Pass(out.value(), Direction::kIn).value(), leaf.value());
  check_bottom(nested.value(), leaf.value());
}

// Counts what it is asked.
class CountedMap final : public RefMap {
 public:
  explicit CountedMap(Value to) : to_(to) {}
  Result MapRef(Value) override {
    ++asked;
    return to_;
  }
  int asked = 0;

 private:
  Value to_;
};

// The work of `doublings` of a list whose leaf is a ref.
uint64_t WorkOfDoublings(int doublings) {
  Vm vm;
  const Root a = vm.Create([](Turn&) {}), b = vm.Create([](Turn&) {});
  Root doubled(vm.core().heap(), a.value());
  for (int i = 0; i < doublings; ++i) doubled.set(vm.List({doubled.value(), doubled.value()}));
  CountedMap map(b.value());
  Crossing crossing(vm.core().heap(), vm.core(), doubled.value());
  const uint64_t before = vm.core().heap().stats().bytes_allocated;
  REQUIRE(crossing.Go(map, 100'000) == Crossing::Step::kDone);
  CHECK(map.asked == 1);
  CHECK(vm.core().heap().stats().bytes_allocated - before <= static_cast<uint64_t>(doublings) * 64);
  // And on the other side both ways are the same object, all the way down.
  Value v = crossing.value();
  for (int i = 0; i < doublings; ++i) {
    REQUIRE(ListAt(v, 0) == ListAt(v, 1));
    v = ListAt(v, 1);
  }
  CHECK(v == b.value());
  return crossing.cost().work;
}

TEST_CASE("law 17: each node is walked once, each ref is asked for once *") {
  const uint64_t work = WorkOfDoublings(60);
  CHECK(work >= 60);
  CHECK(WorkOfDoublings(120) <= 2 * work + 10);
}

TEST_CASE("law 17: what holds no ref is not copied") {
  Vm vm;
  const Root a = vm.Create([](Turn&) {}), b = vm.Create([](Turn&) {});
  const Value data = vm.List({vm.Text("some text of more bytes"), vm.Tagged("t", 1)});
  const Value message = vm.List({data, a.value(), vm.Map({{"k", data}})});
  CountedMap map(b.value());
  Crossing crossing(vm.core().heap(), vm.core(), message);
  REQUIRE(crossing.Go(map, 100'000) == Crossing::Step::kDone);
  CHECK(ListAt(crossing.value(), 0) == data);
  CHECK(ListAt(crossing.value(), 1) == b.value());
  CHECK(ListAt(crossing.value(), 2) == ListAt(message, 2));
  CHECK(ListAt(message, 1) == a.value());
}

TEST_CASE("law 18: no data, however shaped, becomes a ref on the other side *") {
  const auto [link, from, to] = EveryWay();
  // What looks like a ref in a text, in some codec, or in the words of membranes and of CapTP.
  const Root shapes = from.Data(R"([
    "<ref>", "<promise>", #ref, #ref(0), #ref(1), #proxy(1), #actor(1), #promise(0), #target(0), #resolver(0),
    #export(0), #export(1), #import(0), #slot(0), #desc(#import, 0), [#"desc:import-object", 1],
    #"desc:import-object"(0), #"desc:export"(0), #"desc:answer"(0), #"desc:handoff-give"(1, 2), {"@type": "ref", id: 0},
    {ref: 1}, {"$ref": 1}, {__proxy__: true}, #boundary(0), #wrapped(#ref(1)), [0], [1], [2, 0, 0],
    b"<18'desc:import-object0+>", b"\x07\x00\x00\x00\x00\x00\x00\x00", 7, 15, 2 ** 61 - 1, -(2 ** 61),
    #inward(1), #outward(1), #membrane, #revoker, #failed(#ref(1)), {[#ref(1)]: #ref(1)}
  ])");
  link->Load(std::string(kFound) + R"(
    behavior looks { v => [found(v), v] }
    behavior sender(far, shapes) {
      #go => task {
        [for v in [...shapes, shapes, #t(shapes), {s: shapes}] if await self <- #differs(v) { v }]
      }
      #differs(v) => task { (await far <- v) != [[], v] }
    }
  )");
  const Root sender =
      from.Create("sender", {link->From(to, to.Create("looks")).value(), shapes.value()});
  CHECK(link->Asked(from, sender, "#go") == "[]");
}

}  // namespace
}  // namespace vesicle
