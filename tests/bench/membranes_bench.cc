// What crosses a membrane beside what does not, in turns of both: their ratio is `x`, their
// difference `more_ns`.
#include <string>

#include "tests/bench/collector.h"
#include "tests/bench/per.h"
#include "tests/bench/wall_works.h"

namespace vesicle::bench {
namespace {

void Beside(benchmark::State& state, Kernel kernel, const PairOf& of, int64_t messages) {
  for (auto _ : state) {
    const Pair pair = MeasurePair(kernel, of, messages);
    state.SetIterationTime(pair.second_ns / 1e9);
    state.counters["before_ns"] = pair.first_ns;
    state.counters["ns"] = pair.second_ns;
    state.counters["x"] = pair.times;
    state.counters["more_ns"] = pair.more_ns;
  }
}

// `bytes`: by which the resident memory grows, a ref, once a tenth of them has crossed.
void Cross(benchmark::State& state, Kernel kernel, Wall wall) {
  constexpr int64_t kRefs = 1'000'000;
  for (auto _ : state) {
    const std::unique_ptr<WallWorks> works = MakeWallWorks(kernel, wall);
    works->Cross(kRefs / 10);
    const int64_t bytes = ResidentBytes(), from = ThreadNs();
    works->Cross(kRefs);
    state.SetIterationTime(static_cast<double>(ThreadNs() - from) / 1e9);
    state.counters["bytes"] = static_cast<double>(ResidentBytes() - bytes) / kRefs;
  }
  Per(state, "ref", kRefs);
}

void Revoke(benchmark::State& state, Kernel kernel) {
  for (auto _ : state) {
    const RevokeFigures figures = MakeWallWorks(kernel, Wall::kPlain)->Revoke(state.range(0));
    state.SetIterationTime(figures.total_ms / 1e3);
    state.counters["longest_ms"] = figures.longest_ms;
  }
}

const bool kRegistered = [] {
  const struct {
    const char* name;
    PairOf pair;
    int64_t messages;
  } pairs[] = {
      {"Tell", {Wall::kNone, Wall::kPlain, &WallWorks::Tell}, 1'000'000},
      {"Refs", {Wall::kNone, Wall::kPlain, &WallWorks::TellRefs}, 1'000'000},
      {"AllowTags", {Wall::kPlain, Wall::kRules, &WallWorks::Tell}, 1'000'000},
      {"Audit", {Wall::kUnrecorded, Wall::kPlain, &WallWorks::Tell}, 1'000'000},
      {"AuditSink", {Wall::kPlain, Wall::kSink, &WallWorks::Tell}, 100'000},
      {"Ask", {Wall::kNone, Wall::kPlain, &WallWorks::Ask}, 100'000},
      {"AskRefs", {Wall::kNone, Wall::kPlain, &WallWorks::AskRefs}, 100'000},
  };
  const auto manual = [](benchmark::internal::Benchmark* b, benchmark::TimeUnit unit) {
    b->UseManualTime()->Iterations(1)->Unit(unit);
  };
  for (const Kernel kernel : {Kernel::kNative, Kernel::kScript}) {
    const auto named = [&](const char* name) {
      return std::string("Membrane/") + name + "/" + NameOf(kernel);
    };
    for (const auto& p : pairs) {
      manual(benchmark::RegisterBenchmark(named(p.name).c_str(),
                                          [kernel, p](benchmark::State& state) {
                                            Beside(state, kernel, p.pair, p.messages);
                                          }),
             benchmark::kNanosecond);
    }
    for (const Wall wall : {Wall::kNone, Wall::kPlain}) {
      const char* name = wall == Wall::kNone ? "CrossNone" : "Cross";
      manual(benchmark::RegisterBenchmark(
                 named(name).c_str(),
                 [kernel, wall](benchmark::State& state) { Cross(state, kernel, wall); }),
             benchmark::kMillisecond);
    }
    auto* revoke = benchmark::RegisterBenchmark(
        named("Revoke").c_str(), [kernel](benchmark::State& state) { Revoke(state, kernel); });
    for (const int64_t proxies : {1'000, 100'000, 1'000'000}) revoke->Arg(proxies);
    manual(revoke, benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace vesicle::bench
