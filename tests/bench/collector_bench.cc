// The collector with a million live actors, and how long others wait beside one that never ends.
#include <time.h>

#include <algorithm>
#include <vector>

#include "tests/bench/per.h"
#include "tests/bench/script.h"
#include "vm/loop/pause_stats.h"

namespace vesicle::bench {
namespace {

// The processor's time of this thread: what the machine does beside it does not count.
int64_t ThreadNs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// A steady load of garbage: a round is 100 actors, each with a list of a list, of which the
// newest 1,000 live.
void Pauses(benchmark::State& state) {
  constexpr int64_t kRounds = 10'000;
  Script script("garbage");
  script.Ask(script.vm().Tagged("fill", state.range(0)));
  const PauseStats pauses(script.vm().core().heap());
  const int64_t from = ThreadNs();
  for (auto _ : state) script.Ask(script.vm().Tagged("churn", kRounds));
  const auto took = static_cast<double>(ThreadNs() - from);
  state.counters["p999_ms"] = static_cast<double>(pauses.PercentileNs(99.9)) / 1e6;
  state.counters["max_ms"] = static_cast<double>(pauses.max_ns()) / 1e6;
  state.counters["share"] = static_cast<double>(pauses.total_ns()) / took;
  Per(state, "actor", kRounds * 100);
}
BENCHMARK(Pauses)->Arg(0)->Arg(1'000'000)->Iterations(20)->Unit(benchmark::kMillisecond);

// An actor beside so many idle ones and one that loops for ever on another budget: the time from
// a question to its answer, in slices such as VmLoop runs, the questions at any point of a slice.
void NoisyNeighbour(benchmark::State& state) {
  constexpr int64_t kSliceSteps = 50'000;  // VmLoop::Options
  Script script("neighbours");
  Vm& vm = script.vm();
  const Root echo = script.Ask(vm.Tagged("neighbours", state.range(0)));
  std::vector<int64_t> waits;
  uint64_t x = 1;
  for (auto _ : state) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    vm.RunSlice(static_cast<int64_t>((x >> 33) % kSliceSteps));
    bool answered = false;
    const int64_t from = ThreadNs();
    vm.Ask(echo, vm.Int(1), [&answered](const Reply& reply) { answered = reply.ok(); });
    while (!answered && vm.RunSlice(kSliceSteps)) {
    }
    waits.push_back(ThreadNs() - from);
    VESICLE_CHECK(answered);
  }
  std::sort(waits.begin(), waits.end());
  state.counters["p99_ms"] = static_cast<double>(waits[waits.size() * 99 / 100]) / 1e6;
  state.counters["max_ms"] = static_cast<double>(waits.back()) / 1e6;
}
BENCHMARK(NoisyNeighbour)->Arg(100'000)->Iterations(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vesicle::bench
