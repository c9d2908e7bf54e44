#include "vm/value/map.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/vm/value/testing.h"
#include "vm/value/compare.h"

namespace vesicle {
namespace {

using testing::Int;

// What a map is, plainly: data keys by value order (here ints and texts: ints come
// first), ref keys by first insertion.
struct Model {
  std::map<std::pair<int, std::string>, int64_t> data;  // {0, int shifted} or {1, text}
  std::vector<std::pair<int, int64_t>> refs;            // number of the ref
};

struct World {
  World() : heap({}, nullptr) {
    for (int i = 0; i < 40; ++i) refs.emplace_back(heap, testing::NewRef(heap));
  }
  Heap heap;
  testing::Identities identities;
  std::vector<Root> refs;
};

std::string IntName(int64_t i) {
  char name[24];
  std::snprintf(name, sizeof name, "%08ld", static_cast<long>(i));
  return name;
}

struct Pair {
  Root map;
  Model model;
};

// A ref key is the ref itself, or a list that holds it, by its number.
Value RefKey(World& w, int number) {
  const Value ref = w.refs[static_cast<size_t>(number)].value();
  return number % 3 == 0 ? testing::List(w.heap, {Int(number), ref}) : ref;
}

void CheckSame(World& w, Value map, const Model& model) {
  REQUIRE(MapSize(map) == model.data.size() + model.refs.size());
  REQUIRE(MapDataSize(map) == model.data.size());
  Value position = kMapStart;
  Value leaf;
  MapEntry e;
  uint64_t i = 0;
  for (const auto& [key, value] : model.data) {
    REQUIRE(MapNext(map, position, leaf, e));
    if (key.first == 0) {
      CHECK(e.key == Int(std::stol(key.second)));
    } else {
      CHECK(TextView(e.key) == key.second);
    }
    CHECK(e.value == Int(value));
    CHECK(MapAt(map, i++).key == e.key);
  }
  for (const auto& [number, value] : model.refs) {
    REQUIRE(MapNext(map, position, leaf, e));
    CHECK(CompareNow(e.key, RefKey(w, number), CompareMode::kSame) == Outcome::kSame);
    CHECK(e.value == Int(value));
  }
  CHECK_FALSE(MapNext(map, position, leaf, e));
}

TEST_CASE(
    "map: behaves as std::map and an insertion list, old versions stay, through collections") {
  VESICLE_RANDOM_TEST(rng);
  World w;
  std::vector<Pair> pool;
  pool.push_back({Root(w.heap, EmptyMap(w.heap)), {}});
  for (int step = 0; step < 4000; ++step) {
    CAPTURE(step);
    const Pair& from = pool[rng.Below(pool.size())];
    Pair next = {from.map, from.model};
    Value map = next.map.value();
    Model& model = next.model;
    const uint64_t range = rng.OneIn(2) ? 12 : 600;
    for (uint64_t n = rng.OneIn(10) ? 200 : rng.Below(6); n > 0; --n) {
      const bool removes = rng.OneIn(3);
      const uint64_t which = rng.Below(5);
      if (which == 0) {
        const int number = static_cast<int>(rng.Below(w.refs.size()));
        const auto at = std::find_if(model.refs.begin(), model.refs.end(),
                                     [&](const auto& r) { return r.first == number; });
        if (removes) {
          map = MapRemove(w.heap, map, RefKey(w, number), w.identities).value();
          if (at != model.refs.end()) model.refs.erase(at);
        } else {
          map = MapPut(w.heap, map, RefKey(w, number), Int(step), w.identities).value();
          if (at != model.refs.end()) {
            at->second = step;
          } else {
            model.refs.emplace_back(number, step);
          }
        }
        continue;
      }
      const int64_t k = static_cast<int64_t>(rng.Below(range));
      const std::string name = (which == 1 ? "" : "a longer name ") + std::to_string(k);
      const Value key = which >= 3 ? Int(k) : testing::Text(w.heap, name);
      const auto model_key = which >= 3 ? std::make_pair(0, IntName(k)) : std::make_pair(1, name);
      if (removes) {
        map = MapRemove(w.heap, map, key, w.identities).value();
        model.data.erase(model_key);
      } else {
        map = MapPut(w.heap, map, key, Int(step), w.identities).value();
        model.data[model_key] = step;
      }
      const Value got = MapGet(map, key, w.identities).value();
      CHECK(got == (removes ? Value::Absent() : Int(step)));
    }
    if (rng.OneIn(8)) {
      const Pair& other = pool[rng.Below(pool.size())];
      map = MapMerge(w.heap, map, other.map.value(), w.identities).value();
      const Model b = other.model;
      for (const auto& [key, value] : b.data) model.data[key] = value;
      for (const auto& [number, value] : b.refs) {
        const int wanted = number;
        const auto at = std::find_if(model.refs.begin(), model.refs.end(),
                                     [&](const auto& r) { return r.first == wanted; });
        if (at != model.refs.end()) {
          at->second = value;
        } else {
          model.refs.emplace_back(number, value);
        }
      }
    }
    next.map.set(map);
    if (step % 5 == 0) CheckSame(w, map, model);
    if (pool.size() < 10) {
      pool.push_back(std::move(next));
    } else {
      pool[rng.Below(pool.size())] = std::move(next);
    }
    testing::MaybeCollect(w.heap, rng, 20);
  }
  for (const Pair& p : pool) CheckSame(w, p.map.value(), p.model);
  CHECK(w.heap.Verify() == nullptr);
}

TEST_CASE("map: sameness ignores the order of ref keys, and nothing else") {
  VESICLE_RANDOM_TEST(rng);
  World w;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::pair<int, int>> entries;
    const uint64_t n = rng.Below(30);
    for (uint64_t i = 0; i < n; ++i) entries.emplace_back(static_cast<int>(i), round);
    const auto build = [&] {
      Value map = EmptyMap(w.heap);
      for (const auto& [k, v] : entries) {
        const Value key = k % 2 == 0 ? Int(k) : RefKey(w, k);
        map = MapPut(w.heap, map, key, Int(v), w.identities).value();
      }
      return map;
    };
    const Value a = build();
    for (size_t i = entries.size(); i > 1; --i) std::swap(entries[i - 1], entries[rng.Below(i)]);
    const Value b = build();
    CHECK(CompareNow(a, b, CompareMode::kSame) == Outcome::kSame);
    if (entries.empty()) continue;
    entries[rng.Below(entries.size())].second++;
    CHECK(CompareNow(a, build(), CompareMode::kSame) == Outcome::kDifferent);
    entries.pop_back();
    CHECK(CompareNow(a, build(), CompareMode::kSame) == Outcome::kDifferent);
  }
}

TEST_CASE("map: the order of data keys is the value order") {
  World w;
  Heap& heap = w.heap;
  const Value big = ShiftLeft(heap, Int(1), Int(100)).value();
  const std::vector<Value> ordered = {
      Value::Nil(),
      Value::False(),
      Value::True(),
      Value::MinusInfinity(),
      Int(0),
      Value::MinusZero(),
      Value::Zero(),
      Int(1),
      MakeFloat(heap, 1.0),
      MakeFloat(heap, 1.5),
      Int(2),
      big,
      MakeFloat(heap, 1e300),
      Value::Infinity(),
      Value::NaN(),
      testing::Text(heap, ""),
      testing::Text(heap, "a"),
      testing::Text(heap, std::string_view("a\0", 2)),
      testing::Text(heap, "a longer text"),
      testing::Text(heap, "b"),
      testing::Text(heap, "\xC3\xA9"),
      testing::Sym("a"),
      testing::Sym("b"),
      MakeTagged(heap, testing::Sym("a"), std::vector<Value>{Int(2)}).value(),
      MakeTagged(heap, testing::Sym("a"), std::vector<Value>{Int(2), Int(0)}).value(),
      MakeTagged(heap, testing::Sym("b"), std::vector<Value>{Int(1)}).value(),
      EmptyList(heap),
      testing::List(heap, {Int(1)}),
      testing::List(heap, {Int(1), Int(1)}),
      testing::List(heap, {Int(2)}),
      EmptyMap(heap),
  };
  for (size_t i = 0; i < ordered.size(); ++i) {
    for (size_t j = 0; j < ordered.size(); ++j) {
      CAPTURE(i);
      CAPTURE(j);
      const int order = CompareKeys(ordered[i], ordered[j], w.identities);
      CHECK(order == (i > j) - (i < j));
    }
  }
  MapBuilder builder(heap, w.identities);
  for (size_t i = ordered.size(); i-- > 0;) {
    CHECK_FALSE(builder.Add(ordered[i], Int(0)));
    CHECK_FALSE(builder.Add(ordered[i], Int(static_cast<int64_t>(i))));
  }
  const Value map = builder.Finish().value();
  REQUIRE(MapSize(map) == ordered.size());
  for (size_t i = 0; i < ordered.size(); ++i) {
    CHECK(MapAt(map, i).key == ordered[i]);
    CHECK(MapAt(map, i).value == Int(static_cast<int64_t>(i)));
  }
}

TEST_CASE("map: what holds a promise or code is no key, nor is what is too big") {
  World w;
  Heap& heap = w.heap;
  const Value promise = Value::Target(heap.AllocateOld(Kind::kPromise, 2));
  const Value function = Value::Data(heap.Allocate(Kind::kFunction, 1));
  for (const Value map :
       {EmptyMap(heap), MapPut(heap, EmptyMap(heap), Int(1), Int(2), w.identities).value()}) {
    for (const Value bad : {promise, function, testing::List(heap, {Int(1), function})}) {
      CHECK(MapPut(heap, map, bad, Int(1), w.identities).failure() == Failure::kType);
      CHECK(MapGet(map, bad, w.identities).failure() == Failure::kType);
      CHECK(MapRemove(heap, map, bad, w.identities).failure() == Failure::kType);
    }
    const Value ref_map = MapPut(heap, map, w.refs[0].value(), Int(1), w.identities).value();
    CHECK(MapPut(heap, map, ref_map, Int(1), w.identities).failure() == Failure::kType);
    Value twice = testing::List(heap, {Int(1), Int(2)});
    for (int i = 0; i < 60; ++i) twice = testing::List(heap, {twice, twice});
    CHECK(MapGet(map, twice, w.identities).failure() == Failure::kTooBig);
  }
}

TEST_CASE("map: 10^6 puts and gets (figures)" * doctest::skip()) {
  constexpr int kN = 1000000;
  testing::Identities identities;
  const auto measure = [&](const char* what, int n, std::function<Value(Heap&, uint64_t)> key_of) {
    Heap heap({}, nullptr);
    Root map(heap, EmptyMap(heap));
    std::vector<Root> keys;
    for (int i = 0; i < n; ++i) keys.emplace_back(heap, key_of(heap, static_cast<uint64_t>(i)));
    const auto ns = [n](auto from) {
      return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - from)
                 .count() /
             n;
    };
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < n; ++i) {
      map.set(MapPut(heap, map.value(), keys[static_cast<size_t>(i)].value(), Int(i), identities)
                  .value());
      if (heap.wants_safe_point()) heap.SafePoint();
    }
    const double put = ns(start);
    start = std::chrono::steady_clock::now();
    int64_t sum = 0;
    for (int i = 0; i < n; ++i) {
      sum +=
          MapGet(map.value(), keys[static_cast<size_t>(i)].value(), identities).value().small_int();
    }
    const double get = ns(start);
    start = std::chrono::steady_clock::now();
    Value position = kMapStart;
    Value leaf;
    MapEntry e;
    while (MapNext(map.value(), position, leaf, e)) sum -= e.value.small_int();
    const double step = ns(start);
    CHECK(sum == 0);
    std::printf("map, %s, %d entries, ns: put %.0f get %.0f step %.1f\n", what, n, put, get, step);
  };
  const auto scrambled = [](uint64_t i) { return (i * 6364136223846793005u) >> 20; };
  for (const int n : {1000, kN}) {
    measure("ints in order", n, [](Heap&, uint64_t i) { return Int(static_cast<int64_t>(i)); });
    measure("ints scrambled", n,
            [&](Heap&, uint64_t i) { return Int(static_cast<int64_t>(scrambled(i))); });
    measure("texts of 12 bytes", n, [&](Heap& heap, uint64_t i) {
      return testing::Text(heap, std::to_string(100000000000 + scrambled(i) % 800000000000));
    });
  }
}

// Visits what a test points it at.
class OneRoot final : public HeapClient {
 public:
  std::function<void(Visitor&)> visit = [](Visitor&) {};
  void VisitYoungRoots(Visitor& visitor) override { visit(visitor); }
  void VisitMarkRoots(Visitor& visitor) override { visit(visitor); }
  bool VisitMarkRootsSlice(Visitor&, size_t) override { return false; }
  void Trace(Object*, Visitor&) override {}
  void Finalize(Object*) override {}
};

TEST_CASE("map: merged in pieces with collections between them, as put one by one") {
  VESICLE_RANDOM_TEST(rng);
  for (int round = 0; round < 150; ++round) {
    OneRoot client;
    Heap heap({}, &client);
    testing::Identities identities;
    std::vector<Root> refs;
    for (int i = 0; i < 12; ++i) refs.emplace_back(heap, testing::NewRef(heap));
    const auto random_map = [&](uint64_t entries) {
      Value map = EmptyMap(heap);
      for (uint64_t i = rng.Below(entries + 1); i > 0; --i) {
        const Value key = rng.OneIn(20) ? refs[rng.Below(12)].value()
                                        : Int(static_cast<int64_t>(rng.Below(entries)));
        map =
            MapPut(heap, map, key, Int(static_cast<int64_t>(rng.Below(1000))), identities).value();
      }
      return map;
    };
    const Root a(heap, random_map(rng.OneIn(3) ? 12 : 600));
    const Root b(heap, random_map(rng.OneIn(3) ? 12 : 600));
    MapMerger merger(heap, a.value(), b.value(), identities);
    client.visit = [&](Visitor& visitor) { merger.Visit(visitor); };
    while (!merger.Run(1 + rng.Below(30))) {
      if (rng.OneIn(4)) heap.Collect(rng.OneIn(4) ? Heap::Scope::kFull : Heap::Scope::kYoung);
    }
    REQUIRE(heap.Verify() == nullptr);
    const Value merged = merger.result();
    Value wanted = a.value();
    for (uint64_t i = 0; i < MapSize(b.value()); ++i) {
      const MapEntry e = MapAt(b.value(), i);
      wanted = MapPut(heap, wanted, e.key, e.value, identities).value();
    }
    REQUIRE(MapSize(merged) == MapSize(wanted));
    for (uint64_t i = 0; i < MapSize(wanted); ++i) {
      REQUIRE(MapAt(merged, i).key == MapAt(wanted, i).key);
      REQUIRE(MapAt(merged, i).value == MapAt(wanted, i).value);
      const Value key = MapAt(wanted, i).key;
      REQUIRE(MapGet(merged, key, identities).value() == MapAt(wanted, i).value);
    }
    // It can be put to and taken from like any other.
    Value less = merged;
    while (MapSize(less) > 0) {
      const Value key = MapAt(less, rng.Below(MapSize(less))).key;
      less = MapRemove(heap, less, key, identities).value();
    }
  }
}

TEST_CASE("map: the only ref key is found, however the map grew") {
  World w;
  Value map = EmptyMap(w.heap);
  map = MapPut(w.heap, map, w.refs[1].value(), Int(7), w.identities).value();
  for (int i = 0; i < 20; ++i) {
    map = MapPut(w.heap, map, Int(i), Int(i), w.identities).value();
    CHECK(MapGet(map, w.refs[1].value(), w.identities).value() == Int(7));
  }
}

}  // namespace
}  // namespace vesicle
