// Values: maps, texts and sorting in scripts, by size.
#include "tests/bench/per.h"
#include "tests/bench/script.h"

namespace vesicle::bench {
namespace {

// A program that is prepared for a size, and then does the same with it each time.
void Prepared(benchmark::State& state, const char* program, const char* what) {
  const int64_t n = state.range(0);
  Script script(program);
  script.Ask(script.vm().Tagged("prepare", n));
  for (auto _ : state) script.Ask(script.vm().Symbol(what));
  Per(state, "element", n);
}
BENCHMARK_CAPTURE(Prepared, map_insert, "maps", "insert")
    ->Arg(8)
    ->Arg(1000)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Prepared, map_look_up, "maps", "look_up")
    ->Arg(8)
    ->Arg(1000)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Prepared, sort, "sorts", "sort")
    ->Arg(1000)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Prepared, sort_by, "sorts", "sort_by")
    ->Arg(1000)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond);

void Text(benchmark::State& state) {
  const int64_t lines = state.range(0);
  Script script("texts");
  for (auto _ : state) script.Ask(script.vm().Tagged("page", lines));
  Per(state, "line", lines);
}
BENCHMARK(Text)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vesicle::bench
