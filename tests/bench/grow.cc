// grow: one point of a curve, for grow.sh: what a work costs beside, or in, so many actors.
//
//   grow hop N        ring of N in order, hops in ns: script, native and raw
//   grow shuffled N   the same with actors linked in no order
//   grow memory N     resident bytes of an idle actor
//   grow pause N      N live actors and a steady load of garbage: the collector's pauses, the part
//                     of the processor time that it takes, and the live heap
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/bench/script.h"
#include "tests/bench/works.h"
#include "vm/loop/pause_stats.h"

namespace vesicle::bench {
namespace {

void Result(const std::string& what, double value) {
  std::printf("RESULT %s %.6g\n", what.c_str(), value);
}

double ThreadNs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Long enough to measure, whatever the size: about two million hops.
void Hop(int64_t actors, Linking linking) {
  for (const Kernel kernel : {Kernel::kScript, Kernel::kNative, Kernel::kRaw}) {
    const std::unique_ptr<Works> works = MakeWorks(kernel);
    works->BuildRing(actors, linking);
    works->Laps(1);
    const int64_t laps = std::max<int64_t>(2'000'000 / actors, 1);
    const double from = ThreadNs();
    works->Laps(laps);
    Result(NameOf(kernel), (ThreadNs() - from) / static_cast<double>(actors * laps));
  }
}

void Memory(int64_t actors) {
  const std::unique_ptr<Works> works = MakeScriptWorks();
  const int64_t from = ResidentBytes();
  works->Fill(actors);
  Result("bytes", static_cast<double>(ResidentBytes() - from) / static_cast<double>(actors));
}

void Pause(int64_t actors) {
  Script script("garbage");
  script.Ask(script.vm().Tagged("fill", actors));
  Heap& heap = script.vm().core().heap();
  // Enough garbage for some cycles: their number falls with the size of what lives.
  const int64_t rounds = 200'000 + actors / 50;
  const uint64_t cycles = heap.stats().mark_cycles;
  const PauseStats pauses(heap);
  const double from = ThreadNs();
  script.Ask(script.vm().Tagged("churn", rounds));
  const double took = ThreadNs() - from;
  Result("p999_ms", static_cast<double>(pauses.PercentileNs(99.9)) / 1e6);
  Result("max_ms", static_cast<double>(pauses.max_ns()) / 1e6);
  Result("share", static_cast<double>(pauses.total_ns()) / took);
  Result("cycles", static_cast<double>(heap.stats().mark_cycles - cycles));
  Result("live_mib", static_cast<double>(heap.stats().bytes_live) / (1 << 20));
}

int Main(int argc, char** argv) {
  const std::string work = argc == 3 ? argv[1] : "";
  const int64_t n = argc == 3 ? std::atoll(argv[2]) : 0;
  if (n < 1) return 2;
  if (work == "hop") {
    Hop(n, Linking::kInOrder);
  } else if (work == "shuffled") {
    Hop(n, Linking::kShuffled);
  } else if (work == "memory") {
    Memory(n);
  } else if (work == "pause") {
    Pause(n);
  } else {
    return 2;
  }
  // Taking ten million actors down is no part of it.
  std::fflush(stdout);
  std::_Exit(0);
}

}  // namespace
}  // namespace vesicle::bench

int main(int argc, char** argv) { return vesicle::bench::Main(argc, argv); }
