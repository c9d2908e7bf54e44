#include "vm/random/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "tests/vm/loop/fixture.h"
#include "vm/loop/devices.h"

namespace vesicle {

TEST_CASE("random: the same seed, the same numbers; the reference values of xoshiro256**") {
  SeededRandom a(1), b(1), c(2);
  const uint64_t first = a.Next();
  CHECK(first == b.Next());
  CHECK(first != c.Next());
  // splitmix64(1), then xoshiro256** as published.
  CHECK(first == 0xb3f2af6d0fc710c5);
}

TEST_CASE("random: #int is even below any bound") {
  World world;
  Vm& vm = world.vm;
  const Root random = MakeRandom(vm, std::make_unique<SeededRandom>(7));
  std::map<int64_t, int> counts;
  for (int i = 0; i < 6000; ++i) {
    ++counts[*Int64Of(world.AskValue(random, vm.Tagged("int", 6)).value())];
  }
  CHECK(counts.size() == 6);
  CHECK(counts.begin()->first == 0);
  for (const auto& [n, count] : counts) CHECK(std::abs(count - 1000) < 150);
  CHECK(world.Ask(random, vm.Tagged("int", 1)) == "0");
}

TEST_CASE("random: #int of a size beyond a word stays below its bound") {
  World world;
  Vm& vm = world.vm;
  const Root random = MakeRandom(vm, std::make_unique<OsRandom>());
  const Value one = Value::SmallInt(1);
  Heap& heap = vm.core().heap();
  for (const int bits : {61, 62, 64, 65, 128, 1000}) {
    const Root bound(heap, ShiftLeft(heap, one, Value::SmallInt(bits)).value());
    bool upper_half = false;
    for (int i = 0; i < 40; ++i) {
      const Root n = world.AskValue(random, vm.Tagged("int", bound.value()));
      CHECK(CompareNumbers(n.value(), bound.value()) == Order::kLess);
      CHECK(SignOf(n.value()) >= 0);
      upper_half |= BitLength(n.value()) == static_cast<uint64_t>(bits);
    }
    CHECK(upper_half);
  }
}

TEST_CASE("random: #float, #bytes and #shuffle") {
  World world;
  Vm& vm = world.vm;
  const Root random = MakeRandom(vm, std::make_unique<SeededRandom>(3));
  for (int i = 0; i < 100; ++i) {
    const double f = FloatOf(world.AskValue(random, vm.Symbol("float")).value());
    CHECK(f >= 0);
    CHECK(f < 1);
  }
  for (const int n : {0, 1, 7, 8, 9, 1000}) {
    const Root bytes = world.AskValue(random, vm.Tagged("bytes", n));
    CHECK(BytesLength(bytes.value()) == static_cast<uint64_t>(n));
  }
  std::vector<Value> items;
  for (int i = 0; i < 100; ++i) items.push_back(Value::SmallInt(i));
  const Root shuffled = world.AskValue(random, vm.Tagged("shuffle", vm.List(items)));
  std::vector<int64_t> seen;
  for (uint64_t i = 0; i < 100; ++i) seen.push_back(*Int64Of(ListAt(shuffled.value(), i)));
  CHECK_FALSE(std::is_sorted(seen.begin(), seen.end()));
  std::sort(seen.begin(), seen.end());
  for (int i = 0; i < 100; ++i) CHECK(seen[static_cast<size_t>(i)] == i);
}

TEST_CASE("random: refusals") {
  World world;
  Vm& vm = world.vm;
  const Root random = MakeRandom(vm, std::make_unique<OsRandom>());
  const std::string wants = "broken: #type(\"#int(below) wants an integer of at least 1\")";
  CHECK(world.Ask(random, vm.Tagged("int", 0)) == wants);
  CHECK(world.Ask(random, vm.Tagged("int", -5)) == wants);
  CHECK(world.Ask(random, vm.Tagged("int", 1.5)) == wants);
  CHECK(world.Ask(random, vm.Tagged("bytes", -1)).find("#type") != std::string::npos);
  CHECK(world.Ask(random, vm.Tagged("shuffle", 1)).find("#type") != std::string::npos);
  CHECK(world.Ask(random, vm.Symbol("seed")).find("#no_clause") != std::string::npos);
}

}  // namespace vesicle
