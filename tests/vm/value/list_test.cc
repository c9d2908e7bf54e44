#include "vm/value/list.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "tests/vm/value/testing.h"

namespace vesicle {
namespace {

using testing::Int;
using Model = std::vector<int64_t>;

struct Pair {
  Root list;
  Model model;
};

void CheckSame(Value list, const Model& model) {
  REQUIRE(ListSize(list) == model.size());
  Value position = kListStart;
  Value leaf;
  Value x;
  size_t i = 0;
  bool same = true;
  while (ListNext(list, position, leaf, x)) same = same && x == Int(model[i++]);
  CHECK(same);
  CHECK(i == model.size());
  // Leaves are filled to a quarter at least, but for head and tail.
  size_t leaves = 0;
  for (uint64_t at = 0; at < model.size(); ++leaves) {
    const ListLeaf l = LeafAt(list, at);
    REQUIRE(l.first == at);
    REQUIRE(l.count > 0);
    at += l.count;
  }
  CHECK(leaves <= model.size() / 8 + 3);
}

TEST_CASE("list: behaves as a vector, old versions stay as they were, through collections") {
  VESICLE_RANDOM_TEST(rng);
  Heap heap({}, nullptr);
  std::vector<Pair> pool;
  pool.push_back({Root(heap, EmptyList(heap)), {}});
  for (int step = 0; step < 6000; ++step) {
    CAPTURE(step);
    const Pair& from = pool[rng.Below(pool.size())];
    Pair next = {from.list, from.model};
    Value list = next.list.value();
    Model& model = next.model;
    switch (rng.Below(8)) {
      case 0:
      case 1: {
        for (uint64_t n = rng.Below(80); n > 0; --n) {
          list = Append(heap, list, Int(step));
          model.push_back(step);
        }
        break;
      }
      case 2:
      case 3: {
        for (uint64_t n = rng.Below(80); n > 0; --n) {
          list = Prepend(heap, Int(-step), list);
          model.insert(model.begin(), -step);
        }
        break;
      }
      case 4: {
        const Pair& other = pool[rng.Below(pool.size())];
        if (model.size() + other.model.size() > 20000) break;
        list = Concat(heap, list, other.list.value()).value();
        const Model tail = other.model;
        model.insert(model.end(), tail.begin(), tail.end());
        break;
      }
      case 5:
      case 6: {
        const uint64_t first = rng.Below(model.size() + 2);
        const uint64_t count = rng.OneIn(3) ? rng.Below(40) : rng.Below(model.size() + 2);
        list = Slice(heap, list, first, count);
        const size_t a = std::min<size_t>(first, model.size());
        const size_t b = std::min<size_t>(a + count, model.size());
        model = Model(model.begin() + static_cast<ptrdiff_t>(a),
                      model.begin() + static_cast<ptrdiff_t>(b));
        break;
      }
      default:
        for (int n = 0; n < 10 && !model.empty(); ++n) {
          const uint64_t at = rng.Below(model.size());
          list = ListSet(heap, list, at, Int(step));
          model[at] = step;
          CHECK(ListAt(list, at) == Int(step));
        }
    }
    next.list.set(list);
    if (step % 7 == 0) CheckSame(list, model);
    for (int n = 0; n < 3 && !model.empty(); ++n) {
      const uint64_t at = rng.Below(model.size());
      CHECK(ListAt(list, at) == Int(model[at]));
    }
    if (pool.size() < 12) {
      pool.push_back(std::move(next));
    } else {
      pool[rng.Below(pool.size())] = std::move(next);
    }
    testing::MaybeCollect(heap, rng, 20);
  }
  for (const Pair& p : pool) CheckSame(p.list.value(), p.model);
  CHECK(heap.Verify() == nullptr);
}

TEST_CASE("list: two lists that share room do not see each other's elements") {
  Heap heap({}, nullptr);
  Value base = EmptyList(heap);
  for (int i = 0; i < 40; ++i) base = Append(heap, base, Int(i));
  const Value a = Append(heap, base, Int(100));
  const Value b = Append(heap, base, Int(200));
  CHECK(ListAt(a, 40) == Int(100));
  CHECK(ListAt(b, 40) == Int(200));
  CHECK(ListSize(base) == 40);
  Value front = base;
  for (int i = 0; i < 5; ++i) front = Prepend(heap, Int(-i), front);
  const Value c = Prepend(heap, Int(300), front);
  const Value d = Prepend(heap, Int(400), front);
  CHECK(ListAt(c, 0) == Int(300));
  CHECK(ListAt(d, 0) == Int(400));
  CHECK(ListAt(d, 1) == Int(-4));
}

TEST_CASE("list: a builder makes the same list as appends, of any size") {
  Heap heap({}, nullptr);
  for (const int n : {0, 1, 31, 32, 33, 64, 65, 1024, 1025, 40000}) {
    ListBuilder builder(heap);
    Model model;
    for (int i = 0; i < n; ++i) {
      builder.Add(Int(i));
      model.push_back(i);
    }
    CheckSame(builder.Finish().value(), model);
  }
}

TEST_CASE("list: doubling stops at the limit of size, not at memory") {
  Heap heap({}, nullptr);
  Value list = testing::List(heap, {Int(1), Int(2)});
  Result doubled = list;
  int n = 0;
  for (; doubled.ok() && n < 100; ++n) {
    list = doubled.value();
    doubled = Concat(heap, list, list);
  }
  CHECK(doubled.failure() == Failure::kTooBig);
  CHECK(ListSize(list) == kListSizeMax);
  CHECK(ListAt(list, kListSizeMax / 2 + 1) == Int(2));
  CHECK(ListSize(Slice(heap, list, 12345, kListSizeMax - 23456)) == kListSizeMax - 23456);
  CHECK(heap.stats().bytes_allocated < (1u << 20));
}

TEST_CASE("list: a builder over the allowance fails, and nothing breaks") {
  Heap heap({}, nullptr);
  heap.SetSponsor(1, 4000);
  ListBuilder builder(heap);
  for (int i = 0; i < 1000; ++i) builder.Add(Int(i));
  CHECK_FALSE(builder.ok());
  CHECK(builder.Finish().failure() == Failure::kMemory);
}

double Nanoseconds(std::chrono::steady_clock::time_point from, double n) {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - from).count() /
         n;
}

TEST_CASE("list: 10^6 prepends, appends and steps (figures)" * doctest::skip()) {
  constexpr int kN = 1000000;
  for (int round = 0; round < 3; ++round) {
    Heap heap({}, nullptr);
    Root list(heap, EmptyList(heap));
    const auto grow = [&](bool front) {
      Value xs = EmptyList(heap);
      for (int i = 0; i < kN; ++i) {
        xs = front ? Prepend(heap, Int(i), xs) : Append(heap, xs, Int(i));
        if (heap.wants_safe_point()) {
          list.set(xs);
          heap.SafePoint();
          xs = list.value();
        }
      }
      list.set(xs);
    };
    auto start = std::chrono::steady_clock::now();
    grow(true);
    const double prepend = Nanoseconds(start, kN);
    start = std::chrono::steady_clock::now();
    grow(false);
    const double append = Nanoseconds(start, kN);
    start = std::chrono::steady_clock::now();
    Value position = kListStart;
    Value leaf;
    Value x;
    int64_t sum = 0;
    while (ListNext(list.value(), position, leaf, x)) sum += x.small_int();
    const double step = Nanoseconds(start, kN);
    CHECK(sum == int64_t{kN} * (kN - 1) / 2);
    start = std::chrono::steady_clock::now();
    uint64_t at = 1;
    for (int i = 0; i < kN; ++i) {
      at = at * 6364136223846793005u + 1442695040888963407u;
      sum += ListAt(list.value(), (at >> 33) % kN).small_int();
    }
    const double get = Nanoseconds(start, kN);
    start = std::chrono::steady_clock::now();
    for (int i = 0; i < kN / 10; ++i) {
      at = at * 6364136223846793005u + 1442695040888963407u;
      list.set(ListSet(heap, list.value(), (at >> 33) % kN, Int(i)));
      if (heap.wants_safe_point()) heap.SafePoint();
    }
    const double set = Nanoseconds(start, kN / 10);
    std::printf("list, ns: prepend %.1f append %.1f step %.2f random get %.1f random set %.0f\n",
                prepend, append, step, get, set);
  }
}

}  // namespace
}  // namespace vesicle
