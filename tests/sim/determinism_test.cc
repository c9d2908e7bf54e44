// A run is a function of program and input: the collector, addresses and compilers
// change nothing. (The hashes that `sim_trace` prints are compared between builds and
// with and without address randomisation by tests/sim/compare_traces.sh.)
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/sim/sim_world.h"

namespace vesicle {
namespace {

struct Outcome {
  std::string output;
  uint64_t trace = 0;
  uint64_t turns = 0;
  bool operator==(const Outcome&) const = default;
};

// Some programs are endless but for a limit.
constexpr int64_t kStepsPerTurn = 200'000;

Outcome RunSample(const std::string& path, VmOptions options) {
  options.steps_per_turn_max = kStepsPerTurn;
  SimWorld world(options);
  const std::string errors = world.Load(path);
  REQUIRE_MESSAGE(errors.empty(), errors);
  TraceHash trace;
  world.vm().core().set_observer(&trace);
  world.Start();
  world.Run();
  const Outcome outcome{world.output(), trace.value(), trace.turns()};
  world.vm().core().set_observer(nullptr);
  return outcome;
}

TEST_CASE("determinism: the same program twice is the same trace") {
  for (const std::string& path : Programs()) {
    CAPTURE(path);
    CHECK(RunSample(path, {}) == RunSample(path, {}));
  }
}

TEST_CASE("determinism: collecting at every safe point changes nothing") {
  VmOptions always;
  always.heap.collect_at_every_safe_point = true;
  for (const std::string& path : Programs()) {
    CAPTURE(path);
    CHECK(RunSample(path, {}) == RunSample(path, always));
  }
}

TEST_CASE("determinism: small slices of the collector change nothing") {
  VmOptions small;
  small.heap.young_bytes = 64 << 10;
  small.heap.mark_slice_objects = 10;
  small.heap.slice_every_bytes = 512;
  small.heap.old_bytes_floor = 16 << 10;
  for (const std::string& path : Programs()) {
    CAPTURE(path);
    CHECK(RunSample(path, {}) == RunSample(path, small));
  }
}

}  // namespace
}  // namespace vesicle
