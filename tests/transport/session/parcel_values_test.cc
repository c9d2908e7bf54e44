// Any value over a session between VMs of one process, whose words are cut anywhere on the way: it
// is the same when it comes home, and so are the refs in it. Words are not checked when they are
// read (docs/decisions/014): who wrote them is this program, so there is nothing to fuzz, and this
// is what shows that it writes what it reads.
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/transport/session/world.h"
#include "tests/vm/value/testing.h"
#include "vm/value/compare.h"

namespace vesicle {
namespace {

using vesicle::testing::Rng;

class RandomValues {
 public:
  RandomValues(Rng& rng, Vm& vm, std::vector<Root> refs)
      : rng_(rng), vm_(vm), refs_(std::move(refs)) {}

  Value Any(int depth) {
    if (rng_.OneIn(10)) return refs_[rng_.Below(refs_.size())].value();
    if (depth == 0 || rng_.OneIn(4)) return Atom();
    const uint64_t count = rng_.OneIn(12) ? rng_.Below(150) : rng_.Below(7);
    const int below = count > 20 ? 0 : depth - 1;
    switch (rng_.Below(4)) {
      case 0: {
        // One in another, many times.
        Value deep = Atom();
        for (uint64_t i = 0; i < count * 3; ++i) deep = vm_.List({deep, vm_.Int(1)});
        return deep;
      }
      case 1: {
        std::vector<Value> elements;
        for (uint64_t i = 0; i < count; ++i) elements.push_back(Any(below));
        return vm_.List(elements);
      }
      case 2: {
        Value map = vm_.Map({});
        for (uint64_t i = 0; i < count; ++i) {
          const Value key = rng_.OneIn(5) ? refs_[rng_.Below(refs_.size())].value()
                                          : vm_.Int(static_cast<int64_t>(rng_.Below(5'000)));
          map = MapPut(vm_.core().heap(), map, key, Any(below), vm_.core()).value();
        }
        return map;
      }
      default:
        return vm_.Tagged("t", Any(below), Any(below));
    }
  }

 private:
  Value Atom() {
    switch (rng_.Below(9)) {
      case 0:
        return Value::Bool(rng_.OneIn(2));
      case 1:
        return vm_.Int(static_cast<int64_t>(rng_.Next()) >> rng_.Below(64));
      case 2: {
        const Value by = Value::SmallInt(static_cast<int64_t>(rng_.Below(3'000)));
        return ShiftLeft(vm_.core().heap(), vm_.Int(static_cast<int64_t>(rng_.Next())), by).value();
      }
      case 3: {
        constexpr double kFloats[] = {0.0, -0.0, 1e300, -2.5, 5e-324};
        return vm_.Float(kFloats[rng_.Below(5)]);
      }
      case 4:
        return vm_.Float(rng_.OneIn(2) ? std::numeric_limits<double>::quiet_NaN()
                                       : std::numeric_limits<double>::infinity());
      case 5:
        return vm_.Bytes(std::string(rng_.Below(rng_.OneIn(20) ? 6'000 : 60), '\xfe'));
      case 6:
        return vm_.Symbol(std::string(1 + rng_.Below(40), 's'));
      case 7:
        return vm_.Text(std::string(rng_.Below(rng_.OneIn(20) ? 6'000 : 60), 'x') + "\xc3\xa4");
      default:
        return Value::Nil();
    }
  }

  Rng& rng_;
  Vm& vm_;
  std::vector<Root> refs_;
};

TEST_CASE("parcels: any value comes home as it was, wherever its words are cut on the way") {
  VESICLE_RANDOM_TEST(rng);
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    MemoryOptions memory;
    memory.stays_in_process = true;
    memory.chunk_bytes_max = 1 + rng.Below(rng.OneIn(3) ? 9 : 3'000);
    memory.delay_ns_max = static_cast<int64_t>(rng.Below(2'000'000));
    World world(rng.Next(), memory);
    World::Node& alice = world.Add("alice");
    World::Node& bob = world.Add("bob");
    constexpr std::string_view kEcho = "behavior echo { v => v }";
    const Root at_bob = bob.Make(kEcho, "echo");
    const Root echo = alice.Fetch(bob.Offer(at_bob));
    const Root giver = alice.Fetch(
        bob.Offer(bob.Make("behavior giver(r) { #get => r }", "giver", {at_bob.value()})));
    // Two of here and one of there: no promise, which is not what it becomes.
    std::vector<Root> refs = {alice.Make(kEcho, "echo"), alice.Make(kEcho, "echo")};
    alice.vm->Ask(giver, alice.vm->Symbol("get"), [&](const Reply& reply) {
      if (reply.ok()) refs.emplace_back(alice.vm->core().heap(), reply.value());
    });
    world.Run();
    REQUIRE(refs.size() == 3);
    RandomValues values(rng, *alice.vm, refs);
    std::vector<std::pair<Root, Root>> sent_and_back(5);
    for (auto& pair : sent_and_back) {
      Root& back = pair.second;
      pair.first = Root(alice.vm->core().heap(), values.Any(4));
      alice.vm->Ask(echo, pair.first.value(), [&](const Reply& reply) {
        CHECK_MESSAGE(reply.ok(), Print(reply.reason()));
        back = Root(alice.vm->core().heap(), alice.vm->List({reply.value()}));
      });
    }
    world.Run(int64_t{1'000'000'000'000});
    for (const auto& pair : sent_and_back) {
      const Root &sent = pair.first, &back = pair.second;
      REQUIRE(back.heap() != nullptr);
      Comparer comparer;
      comparer.Start(sent.value(), ListAt(back.value(), 0), CompareMode::kSame);
      const bool is_same = comparer.Run(UINT64_MAX) == Outcome::kSame;
      CHECK_MESSAGE(is_same, Print(sent.value()));
    }
    CHECK(alice.vm->core().heap().Verify() == nullptr);
    CHECK(bob.vm->core().heap().Verify() == nullptr);
  }
}

}  // namespace
}  // namespace vesicle
