// The collector with a million live actors, and how long others wait beside one that never ends.
#include <string>

#include "tests/bench/collector.h"
#include "tests/bench/per.h"

namespace vesicle::bench {
namespace {

void Pauses(benchmark::State& state) {
  constexpr int64_t kRounds = 200'000;
  for (auto _ : state) {
    const CollectorFigures figures = MeasureCollector(state.range(0), kRounds);
    state.SetIterationTime(figures.took_ns / 1e9);
    state.counters["p999_ms"] = figures.p999_ms;
    state.counters["max_ms"] = figures.max_ms;
    state.counters["share"] = figures.share;
    state.counters["survived"] = figures.survived;
    state.counters["touched"] = figures.touched;
  }
  Per(state, "actor", kRounds * 100);
}
BENCHMARK(Pauses)->Arg(0)->Arg(1'000'000)->UseManualTime()->Iterations(1)->Unit(
    benchmark::kMillisecond);

void Count(benchmark::State& state, const WaitFigures& figures) {
  state.counters["median_ms"] = figures.median_ms;
  state.counters["p99_ms"] = figures.p99_ms;
  state.counters["max_ms"] = figures.max_ms;
}

void NoisyNeighbour(benchmark::State& state) {
  for (auto _ : state) Count(state, MeasureWaits(state.range(0), 1000));
}
BENCHMARK(NoisyNeighbour)->Arg(100'000)->Iterations(1)->Unit(benchmark::kMillisecond);

void Beside(benchmark::State& state, const char* nuisance) {
  for (auto _ : state) Count(state, MeasureWaitsBeside(nuisance, 1000));
}
const bool kBesideIsRegistered = [] {
  for (const char* nuisance :
       {"loops", "recurses", "recurses_and_hoards", "floods", "feeds_itself", "grows", "doubles",
        "creates", "sends_to_many", "squares", "crowds", "sponsors", "sorts", "searches", "crosses",
        "crosses_with_refs", "crosses_deep", "revokes"}) {
    benchmark::RegisterBenchmark((std::string("Beside/") + nuisance).c_str(), Beside, nuisance)
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace vesicle::bench
