// Networks of VMs, many seeds.
#include <doctest/doctest.h>

#include <cstdint>

#include "tests/harness/seeds.h"
#include "tests/transport/session/life.h"

namespace vesicle {
namespace {

TEST_CASE("in networks of any history questions end once, order holds, and tables empty") {
  ForEachSeed(100, [](uint64_t seed) { CHECK(Live(seed).wrong == ""); });
}

TEST_CASE("the same holds for parcels, between VMs of one process") {
  ForEachSeed(100, [](uint64_t seed) { CHECK(Live(seed, Lines::kInProcess).wrong == ""); });
}

TEST_CASE("the same seed lives the same life") {
  for (const uint64_t seed : {3u, 4u, 6u}) {
    const Life one = Live(seed), other = Live(seed);
    CHECK(one.hash == other.hash);
    CHECK(one.turns == other.turns);
    CHECK(one.turns > 0);
  }
}

}  // namespace
}  // namespace vesicle
