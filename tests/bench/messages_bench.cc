// Messages, creation and memory: each work by raw C++, native behaviors and scripts.
#include <algorithm>
#include <string>

#include "tests/bench/per.h"
#include "tests/bench/script.h"
#include "tests/bench/works.h"

namespace vesicle::bench {
namespace {

constexpr int64_t kSenders = 100;
constexpr int64_t kMessages = 10'000;

void Ring(benchmark::State& state, Kernel kernel, Linking linking, int64_t actors) {
  const std::unique_ptr<Works> works = MakeWorks(kernel);
  works->BuildRing(actors, linking);
  const int64_t laps = std::max<int64_t>(100'000 / actors, 1);
  for (auto _ : state) works->Laps(laps);
  Per(state, "hop", actors * laps);
}

void RingBuild(benchmark::State& state, Kernel kernel, int64_t actors) {
  for (auto _ : state) {
    state.PauseTiming();
    std::unique_ptr<Works> works = MakeWorks(kernel);
    state.ResumeTiming();
    works->BuildRing(actors, Linking::kInOrder);
    state.PauseTiming();
    works.reset();
    state.ResumeTiming();
  }
  Per(state, "actor", actors);
}

void Burst(benchmark::State& state, Kernel kernel) {
  const std::unique_ptr<Works> works = MakeWorks(kernel);
  for (auto _ : state) works->Burst(kSenders, kMessages);
  Per(state, "message", kSenders * kMessages);
}

void Paced(benchmark::State& state, Kernel kernel) {
  const std::unique_ptr<Works> works = MakeWorks(kernel);
  for (auto _ : state) works->Paced(kSenders, kMessages);
  Per(state, "message", kSenders * kMessages);
}

void Create(benchmark::State& state, Kernel kernel) {
  constexpr int64_t kActors = 100'000;
  const std::unique_ptr<Works> works = MakeWorks(kernel);
  for (auto _ : state) works->Create(kActors);
  Per(state, "actor", kActors);
}

void Idle(benchmark::State& state, Kernel kernel) {
  constexpr int64_t kActors = 1'000'000;
  const std::unique_ptr<Works> works = MakeWorks(kernel);
  const int64_t from = ResidentBytes();
  for (auto _ : state) works->Fill(kActors);
  state.counters["bytes"] = static_cast<double>(ResidentBytes() - from) / kActors;
}

void PingPong(benchmark::State& state, Kernel kernel) {
  constexpr int64_t kMoves = 100'000;
  const std::unique_ptr<Works> works = MakeWorks(kernel);
  for (auto _ : state) works->PingPong(kMoves);
  Per(state, "hop", kMoves);
}

void Become(benchmark::State& state, const char* captures) {
  constexpr int64_t kTurns = 100'000;
  Script script("become");
  for (auto _ : state) script.Ask(script.vm().Tagged(captures, kTurns));
  Per(state, "turn", kTurns);
}
BENCHMARK_CAPTURE(Become, one_capture, "one")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Become, eight_captures, "eight")->Unit(benchmark::kMillisecond);

// Registers one work for each kernel.
template <typename Fn>
void ForEachKernel(const std::string& name, Fn fn, benchmark::IterationCount iterations = 0) {
  for (const Kernel kernel : {Kernel::kRaw, Kernel::kNative, Kernel::kScript}) {
    auto* added =
        benchmark::RegisterBenchmark((name + "/" + NameOf(kernel)).c_str(),
                                     [fn, kernel](benchmark::State& state) { fn(state, kernel); });
    added->Unit(benchmark::kMillisecond);
    if (iterations > 0) added->Iterations(iterations);
  }
}

const bool kRegistered = [] {
  for (const int64_t actors : {100, 100'000, 1'000'000}) {
    const std::string size = std::to_string(actors);
    ForEachKernel("Ring/in_order/" + size, [actors](benchmark::State& state, Kernel kernel) {
      Ring(state, kernel, Linking::kInOrder, actors);
    });
    ForEachKernel("Ring/shuffled/" + size, [actors](benchmark::State& state, Kernel kernel) {
      Ring(state, kernel, Linking::kShuffled, actors);
    });
  }
  ForEachKernel(
      "RingBuild/100000",
      [](benchmark::State& state, Kernel kernel) { RingBuild(state, kernel, 100'000); }, 5);
  ForEachKernel("FanIn/burst", Burst);
  ForEachKernel("FanIn/paced", Paced);
  ForEachKernel("Create", Create);
  ForEachKernel("Idle", Idle, 1);
  ForEachKernel("PingPong", PingPong);
  return true;
}();

}  // namespace
}  // namespace vesicle::bench
