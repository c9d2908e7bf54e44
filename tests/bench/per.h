// Per: says how many of a work's units one iteration did, so that the table shows the
// time of one unit beside that of an iteration.
#ifndef VESICLE_TESTS_BENCH_PER_H_
#define VESICLE_TESTS_BENCH_PER_H_

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

namespace vesicle::bench {

// As seconds with a prefix: "hop=12.3n" is 12.3 ns a hop.
inline void Per(benchmark::State& state, const std::string& unit, int64_t units) {
  state.counters[unit] =
      benchmark::Counter(static_cast<double>(units), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
}

}  // namespace vesicle::bench

#endif  // VESICLE_TESTS_BENCH_PER_H_
