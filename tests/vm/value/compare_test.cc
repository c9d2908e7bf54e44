#include "vm/value/compare.h"

#include <vector>

#include "tests/vm/value/testing.h"
#include "vm/value/bytes.h"
#include "vm/value/hash.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

using testing::Int;
using testing::Rng;

Value Nest(Heap& heap, int depth, Value inmost) {
  Value v = inmost;
  for (int i = 0; i < depth; ++i) v = testing::List(heap, {Int(i), v});
  return v;
}

Value Doublings(Heap& heap, int n, Value v) {
  for (int i = 0; i < n; ++i) v = testing::List(heap, {v, v});
  return v;
}

// A random value, the same for the same seed but never shared.
Value RandomValue(Heap& heap, testing::Identities& identities, Rng& rng, int depth) {
  const uint64_t what = rng.Below(depth > 0 ? 14 : 9);
  switch (what) {
    case 0:
      return Value::Nil();
    case 1:
      return Value::Bool(rng.OneIn(2));
    case 2:
      return Int(static_cast<int64_t>(rng.Below(5)) - 2);
    case 3:
      return ShiftLeft(heap, Int(static_cast<int64_t>(rng.Below(5)) - 2), Int(70)).value();
    case 4:
      return MakeFloat(heap, static_cast<double>(rng.Below(5)) - 2);
    case 5: {
      const double odd[] = {0.0, -0.0, 1e300, -1e300, 5e-324, __builtin_nan(""), __builtin_inf()};
      return MakeFloat(heap, odd[rng.Below(7)]);
    }
    case 6:
      return testing::Text(heap, std::string(rng.Below(12), 'a') + (rng.OneIn(2) ? "b" : ""));
    case 7:
      return testing::Sym(rng.OneIn(2) ? "get" : "put");
    case 8:
      return MakeBytes(heap, std::string(rng.Below(3), 'x')).value();
    case 9:
    case 10: {
      std::vector<Value> elements;
      for (uint64_t n = rng.OneIn(8) ? 40 : rng.Below(4); n > 0; --n) {
        elements.push_back(RandomValue(heap, identities, rng, depth - 1));
      }
      return MakeList(heap, elements).value();
    }
    case 11:
    case 12: {
      std::vector<Value> fields;
      for (uint64_t n = rng.Below(3); n > 0; --n) {
        fields.push_back(RandomValue(heap, identities, rng, depth - 1));
      }
      return MakeTagged(heap, testing::Sym(rng.OneIn(2) ? "p" : "q"), fields).value();
    }
    default: {
      Value map = EmptyMap(heap);
      for (uint64_t n = rng.OneIn(8) ? 20 : rng.Below(4); n > 0; --n) {
        const Value key = RandomValue(heap, identities, rng, depth - 1);
        const Value value = RandomValue(heap, identities, rng, depth - 1);
        map = MapPut(heap, map, key, value, identities).value();
      }
      return map;
    }
  }
}

TEST_CASE("sameness: agrees with hash, print and total order on random data") {
  VESICLE_RANDOM_TEST(rng);
  Heap heap({}, nullptr);
  testing::Identities identities;
  std::vector<Root> pool;
  for (int i = 0; i < 260; ++i) {
    pool.emplace_back(heap, RandomValue(heap, identities, rng, 1 + i % 3));
    testing::MaybeCollect(heap, rng, 30);
  }
  int same_pairs = 0;
  for (const Root& ra : pool) {
    const Value a = ra.value();
    const uint64_t hash = HashValue(a, identities);
    const std::string text = Print(a);
    CHECK(CompareNow(a, a, CompareMode::kSame) == Outcome::kSame);
    for (const Root& rb : pool) {
      const Value b = rb.value();
      const Outcome outcome = CompareNow(a, b, CompareMode::kSame);
      const bool same = outcome == Outcome::kSame;
      same_pairs += same;
      CHECK((same || outcome == Outcome::kDifferent));
      // Print shows every difference but that of what has no literal.
      CHECK(same == (text == Print(b)));
      CHECK(same == (hash == HashValue(b, identities)));
      const int order = CompareKeys(a, b, identities);
      CHECK((order == 0) == same);
      CHECK(order == -CompareKeys(b, a, identities));
      if (SameFast(a, b) == Fast::kYes) CHECK(same);
      if (SameFast(a, b) == Fast::kNo) CHECK_FALSE(same);
    }
  }
  CHECK(same_pairs > 1000);
}

TEST_CASE("order: is transitive on random data") {
  VESICLE_RANDOM_TEST(rng);
  Heap heap({}, nullptr);
  testing::Identities identities;
  std::vector<Value> pool;
  for (int i = 0; i < 60; ++i) pool.push_back(RandomValue(heap, identities, rng, 2));
  for (const Value a : pool) {
    for (const Value b : pool) {
      for (const Value c : pool) {
        if (CompareKeys(a, b, identities) <= 0 && CompareKeys(b, c, identities) <= 0) {
          CHECK(CompareKeys(a, c, identities) <= 0);
        }
      }
    }
  }
}

TEST_CASE("sameness: in pieces of any size, with collections between, it is the same") {
  VESICLE_RANDOM_TEST(rng);
  testing::Identities identities;
  struct Keeper final : HeapClient {
    void VisitYoungRoots(Visitor& v) override { comparer.Visit(v); }
    void VisitMarkRoots(Visitor& v) override { comparer.Visit(v); }
    bool VisitMarkRootsSlice(Visitor&, size_t) override { return false; }
    void Trace(Object*, Visitor&) override {}
    void Finalize(Object*) override {}
    Comparer comparer;
  } keeper;
  Heap kept({}, &keeper);
  for (int round = 0; round < 300; ++round) {
    const uint64_t seed = rng.Next();
    Rng one(seed);
    Rng two(rng.OneIn(2) ? seed : seed + 1);
    const Value a = RandomValue(kept, identities, one, 4);
    const Value b = RandomValue(kept, identities, two, 4);
    const Outcome expected = CompareNow(a, b, CompareMode::kSame);
    keeper.comparer.Start(a, b, CompareMode::kSame);
    Outcome outcome;
    while ((outcome = keeper.comparer.Run(1 + rng.Below(3))) == Outcome::kMore) {
      if (!rng.OneIn(4)) continue;
      kept.Collect(rng.OneIn(2) ? Heap::Scope::kYoung : Heap::Scope::kFull);
      keeper.comparer.OnMoved();
    }
    CHECK(outcome == expected);
    keeper.comparer.Start(Value::Nil(), Value::Nil(), CompareMode::kSame);
  }
}

TEST_CASE("deep and shared: a million levels and sixty doublings are no trouble") {
  Heap heap({}, nullptr);
  testing::Identities identities;
  const Value deep = Nest(heap, 1000000, Int(7));
  const Value other = Nest(heap, 1000000, Int(8));
  CHECK(CompareNow(deep, Nest(heap, 1000000, Int(7)), CompareMode::kSame) == Outcome::kSame);
  CHECK(CompareNow(deep, other, CompareMode::kSame) == Outcome::kDifferent);
  CHECK(CompareNow(deep, other, CompareMode::kValueOrder) == Outcome::kLess);
  CHECK(HashValue(deep, identities) == HashValue(Nest(heap, 1000000, Int(7)), identities));
  CHECK(HashValue(deep, identities) != HashValue(other, identities));
  PrintOptions options;
  options.bytes_max = 10000;
  CHECK(Print(deep, options).size() == 10000);
  options.bytes_max = 100u << 20;
  const std::string all = Print(deep, options);
  CHECK(all.size() > 9000000);
  CHECK(all.back() == ']');

  const Value a = Doublings(heap, 60, Int(7));
  const Value b = Doublings(heap, 60, Int(7));
  Comparer comparer;
  for (const CompareMode mode :
       {CompareMode::kSame, CompareMode::kValueOrder, CompareMode::kScriptOrder}) {
    comparer.Start(a, b, mode);
    CHECK(comparer.Run(1000000) == Outcome::kSame);
    CHECK(comparer.work() < 10000);
    // The memo is lost now and then; the work done by then is not.
    comparer.Start(a, b, mode);
    Outcome outcome;
    while ((outcome = comparer.Run(5000)) == Outcome::kMore) comparer.OnMoved();
    CHECK(outcome == Outcome::kSame);
    CHECK(comparer.work() < 100000);
  }
  uint64_t work = 0;
  CHECK(HashValue(a, identities, &work) == HashValue(b, identities));
  CHECK(work < 20000);
  options.bytes_max = 5000;
  Printer printer(a, options);
  while (!printer.Run(100)) {
  }
  CHECK(printer.truncated());
  CHECK(printer.output().size() == 5000);
  CHECK(printer.work() < 10000);
}

TEST_CASE("sameness: functions fault wherever they are met, refs are themselves") {
  Heap heap({}, nullptr);
  testing::Identities identities;
  const Value f = Value::Data(heap.Allocate(Kind::kFunction, 1));
  const Value r = testing::NewRef(heap);
  const Value s = testing::NewRef(heap);
  const auto same = [](Value a, Value b) { return CompareNow(a, b, CompareMode::kSame); };
  CHECK(same(f, f) == Outcome::kType);
  CHECK(same(f, Int(1)) == Outcome::kType);
  CHECK(same(Int(1), f) == Outcome::kType);
  const Value holds = testing::List(heap, {Int(1), f});
  CHECK(same(holds, holds) == Outcome::kType);
  CHECK(same(holds, testing::List(heap, {Int(2), f})) == Outcome::kDifferent);
  CHECK(same(r, r) == Outcome::kSame);
  CHECK(same(r, s) == Outcome::kDifferent);
  CHECK(same(testing::List(heap, {r}), testing::List(heap, {r})) == Outcome::kSame);
  CHECK(CompareNow(r, s, CompareMode::kValueOrder) == Outcome::kType);
  CHECK(same(Value::NaN(), Value::NaN()) == Outcome::kSame);
  CHECK(same(Value::Zero(), Value::MinusZero()) == Outcome::kDifferent);
  CHECK(same(Int(1), MakeFloat(heap, 1)) == Outcome::kDifferent);
  // A flat list and a cut of a long one.
  Value longer = EmptyList(heap);
  for (int i = 0; i < 200; ++i) longer = Append(heap, longer, Int(i));
  CHECK(same(Slice(heap, longer, 0, 3), testing::List(heap, {Int(0), Int(1), Int(2)})) ==
        Outcome::kSame);
}

TEST_CASE("script order: numbers exactly, texts, bytes, lists; nothing else") {
  Heap heap({}, nullptr);
  const auto order = [](Value a, Value b) { return CompareNow(a, b, CompareMode::kScriptOrder); };
  CHECK(order(Int(1), MakeFloat(heap, 1.0)) == Outcome::kSame);
  CHECK(order(Int(1), MakeFloat(heap, 1.5)) == Outcome::kLess);
  CHECK(order(Int(1), Value::NaN()) == Outcome::kUnordered);
  CHECK(order(Value::Zero(), Value::MinusZero()) == Outcome::kSame);
  CHECK(order(testing::Text(heap, "abc"), testing::Text(heap, "abd plus more")) == Outcome::kLess);
  CHECK(order(testing::List(heap, {Int(1), Int(2)}), testing::List(heap, {Int(1)})) ==
        Outcome::kGreater);
  CHECK(order(testing::List(heap, {Int(1)}), testing::List(heap, {Value::Nil()})) ==
        Outcome::kType);
  CHECK(order(Int(1), testing::Text(heap, "1")) == Outcome::kType);
  CHECK(order(testing::Sym("a"), testing::Sym("b")) == Outcome::kType);
  CHECK(order(Value::True(), Value::False()) == Outcome::kType);
}

}  // namespace
}  // namespace vesicle
