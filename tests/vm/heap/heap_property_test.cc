// Random programs over a heap, against a shadow (world.h). A failure prints its
// seed; replay it with
//   VESICLE_SEED=<seed> build/tests/heap_test -tc='heap property*'
#include <cstdlib>
#include <string>
#include <vector>

#include "doctest/doctest.h"
// The harness is part of this test program only.
#include "tests/vm/heap/world.h"

namespace vesicle {
namespace {

using PlantedBug = HeapOptions::PlantedBug;

constexpr int kSteps = 8000;

std::vector<uint64_t> Seeds(uint64_t count) {
  if (const char* s = std::getenv("VESICLE_SEED"); s != nullptr) {
    return {std::strtoull(s, nullptr, 10)};
  }
  if (const char* s = std::getenv("VESICLE_SEEDS"); s != nullptr) {
    count = std::strtoull(s, nullptr, 10);
  }
  std::vector<uint64_t> seeds;
  for (uint64_t i = 1; i <= count; ++i) seeds.push_back(i);
  return seeds;
}

// Small spaces and slices, so that everything happens often.
World::Options Small(uint64_t seed) {
  World::Options o;
  o.heap.young_bytes = (16 + seed % 3 * 16) << 10;
  o.heap.aged_bytes = (seed % 4 * 4) << 10;
  o.heap.mark_slice_objects = 1 + seed % 5 * 40;
  o.heap.slice_every_bytes = 512 << (seed % 4);
  o.heap.sweep_slice_blocks = 1 + seed % 4;
  o.heap.old_bytes_floor = 32 << 10;
  o.heap.old_growth = 1.2;
  o.heap.reserve_blocks = seed % 3;
  return o;
}

TEST_CASE("heap property: what is reachable stays and stays right, the rest goes") {
  uint64_t cycles = 0;
  for (uint64_t seed : Seeds(12)) {
    CAPTURE(seed);
    World world(seed, Small(seed));
    world.Run(kSteps);
    world.CheckNothingLeft();
    CHECK_MESSAGE(world.problem().empty(), "replay: VESICLE_SEED=", seed, ": ", world.problem());
    cycles += world.heap().stats().mark_cycles;
  }
  CHECK(cycles > 12);
}

TEST_CASE("heap property: collecting at every safe point changes nothing") {
  for (uint64_t seed : Seeds(4)) {
    CAPTURE(seed);
    World::Options normal = Small(seed);
    normal.weak_tables = false;
    World::Options always = normal;
    always.heap.collect_at_every_safe_point = true;
    World a(seed, normal);
    World b(seed, always);
    a.RunAlike(kSteps / 4);
    b.RunAlike(kSteps / 4);
    const uint64_t hash_a = a.GraphHash();
    const uint64_t hash_b = b.GraphHash();
    CHECK_MESSAGE(a.problem().empty(), "replay: VESICLE_SEED=", seed, ": ", a.problem());
    CHECK_MESSAGE(b.problem().empty(), "replay: VESICLE_SEED=", seed, ": ", b.problem());
    CHECK_MESSAGE(hash_a == hash_b, "replay: VESICLE_SEED=", seed);
    CHECK(b.heap().stats().mark_cycles > a.heap().stats().mark_cycles);
  }
}

TEST_CASE("heap property: the same program collects at the same places") {
  for (uint64_t seed : Seeds(2)) {
    CAPTURE(seed);
    World a(seed, Small(seed));
    World b(seed, Small(seed));
    a.Run(kSteps / 2);
    b.Run(kSteps / 2);
    const HeapStats x = a.heap().stats();
    const HeapStats y = b.heap().stats();
    CHECK(a.GraphHash() == b.GraphHash());
    CHECK(x.young_collections == y.young_collections);
    CHECK(x.mark_slices == y.mark_slices);
    CHECK(x.mark_cycles == y.mark_cycles);
    CHECK(x.blocks_swept == y.blocks_swept);
    CHECK(x.bytes_promoted == y.bytes_promoted);
    CHECK(x.bytes_old == y.bytes_old);
    CHECK(x.bytes_mapped_peak == y.bytes_mapped_peak);
  }
}

TEST_CASE("heap property: a heap that forgets a barrier is caught") {
  for (PlantedBug bug :
       {PlantedBug::kForgetsRemembering, PlantedBug::kForgetsSnapshot, PlantedBug::kForgetsAged}) {
    CAPTURE(static_cast<int>(bug));
    int caught = 0;
    for (uint64_t seed = 1; seed <= 12; ++seed) {
      World::Options options = Small(seed);
      options.heap.planted_bug = bug;
      options.heap.aged_bytes = 8 << 10;
      options.heap.mark_slice_objects = 4 + seed % 4 * 4;
      World world(seed, options);
      world.Run(kSteps);
      if (!world.problem().empty()) ++caught;
    }
    CHECK(caught >= 6);
  }
}

}  // namespace
}  // namespace vesicle
