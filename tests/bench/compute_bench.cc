// Computing: calls, loops, lists and patterns, in scripts and where it makes sense in raw C++.
#include "tests/bench/per.h"
#include "tests/bench/script.h"
#include "tests/bench/works.h"

namespace vesicle::bench {
namespace {

void Compute(benchmark::State& state, const char* program, const char* what, int64_t n,
             int64_t units) {
  Script script(program);
  for (auto _ : state) script.Ask(script.vm().Tagged(what, n));
  Per(state, "unit", units);
}
// fib(30): 1,346,269 leaves and as many calls between them. A unit is a call, an addition, an
// element, a match.
BENCHMARK_CAPTURE(Compute, fib_30, "fib", "fib", 30, 2'692'537)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Compute, loop, "loop", "add_up", 5'000'000, 5'000'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Compute, list_build_and_reverse, "list", "build_and_reverse", 1'000'000,
                  2'000'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Compute, match_20_clauses, "matches", "match", 5'000, 100'000)
    ->Unit(benchmark::kMillisecond);

void Raw(benchmark::State& state, int64_t (*fn)(int64_t), int64_t n, int64_t units) {
  for (auto _ : state) benchmark::DoNotOptimize(fn(n));
  Per(state, "unit", units);
}
BENCHMARK_CAPTURE(Raw, fib_30, RawFib, 30, 2'692'537)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Raw, loop, RawAddUp, 5'000'000, 5'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Raw, list_build_and_reverse, RawBuildAndReverse, 1'000'000, 2'000'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vesicle::bench
