// Networks of VMs, many seeds.
#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/transport/session/life.h"

namespace vesicle {
namespace {

// VESICLE_SEEDS=2000 for so many, VESICLE_SEED=8 for that one alone.
uint64_t Wanted(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST_CASE("in networks of any history questions end once, order holds, and tables empty") {
  const uint64_t first = Wanted("VESICLE_SEED", 1);
  const uint64_t last = first == 1 ? Wanted("VESICLE_SEEDS", 100) : first;
  for (uint64_t seed = first; seed <= last; ++seed) {
    CAPTURE(seed);
    CHECK(Live(seed).wrong == "");
  }
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
