// The seeds of a test: 1 to `count`, or to VESICLE_SEEDS; VESICLE_SEED=8 replays that one alone.
#ifndef VESICLE_TESTS_HARNESS_SEEDS_H_
#define VESICLE_TESTS_HARNESS_SEEDS_H_

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>

namespace vesicle {

template <typename Fn>
void ForEachSeed(uint64_t count, Fn fn) {
  const auto wanted = [](const char* name, uint64_t otherwise) -> uint64_t {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  };
  const uint64_t first = wanted("VESICLE_SEED", 1);
  const uint64_t last = first == 1 ? wanted("VESICLE_SEEDS", count) : first;
  for (uint64_t seed = first; seed <= last; ++seed) {
    CAPTURE(seed);
    fn(seed);
  }
}

}  // namespace vesicle

#endif  // VESICLE_TESTS_HARNESS_SEEDS_H_
