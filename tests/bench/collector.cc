#include "tests/bench/collector.h"

#include <time.h>

#include <algorithm>
#include <vector>

#include "tests/bench/script.h"
#include "vm/loop/pause_stats.h"
#include "vm/loop/vm_loop.h"

namespace vesicle::bench {
namespace {

double Ms(int64_t ns) { return static_cast<double>(ns) / 1e6; }

WaitFigures Waits(Vm& vm, const Root& echo, int64_t questions) {
  const int64_t slice_steps = VmLoop::Options().slice_steps;
  std::vector<int64_t> waits;
  uint64_t x = 1;
  for (int64_t i = 0; i < questions; ++i) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    vm.RunSlice(static_cast<int64_t>((x >> 33) % static_cast<uint64_t>(slice_steps)));
    bool answered = false;
    const int64_t from = ThreadNs();
    vm.Ask(echo, vm.Int(i), [&answered](const Reply& reply) { answered = reply.ok(); });
    while (!answered && vm.RunSlice(slice_steps)) {
    }
    VESICLE_CHECK(answered);
    waits.push_back(ThreadNs() - from);
  }
  std::sort(waits.begin(), waits.end());
  return {Ms(waits[waits.size() / 2]), Ms(waits[waits.size() * 99 / 100]), Ms(waits.back())};
}

}  // namespace

int64_t ThreadNs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

CollectorFigures MeasureCollector(int64_t live_actors, int64_t rounds, int64_t generations) {
  Script script("garbage");
  script.Ask(script.vm().Tagged("fill", live_actors, generations));
  Heap& heap = script.vm().core().heap();
  const HeapStats before = heap.stats();
  const PauseStats pauses(heap);
  const int64_t from = ThreadNs();
  script.Ask(script.vm().Tagged("churn", rounds));
  CollectorFigures figures;
  figures.took_ns = static_cast<double>(ThreadNs() - from);
  figures.p999_ms = Ms(pauses.PercentileNs(99.9));
  figures.max_ms = Ms(pauses.max_ns());
  figures.share = static_cast<double>(pauses.total_ns()) / figures.took_ns;
  const HeapStats after = heap.stats();
  figures.cycles = static_cast<double>(after.mark_cycles - before.mark_cycles);
  const auto allocated = static_cast<double>(after.bytes_allocated - before.bytes_allocated);
  const auto promoted = static_cast<double>(after.bytes_promoted - before.bytes_promoted);
  // What becomes old has aged before, or came when nothing ages.
  figures.aged =
      std::max(static_cast<double>(after.bytes_aged - before.bytes_aged), promoted) / allocated;
  figures.survived = promoted / allocated;
  figures.touched = static_cast<double>(pauses.objects_in_max());
  figures.old_mib = static_cast<double>(after.bytes_old) / (1 << 20);
  return figures;
}

WaitFigures MeasureWaits(int64_t idle_actors, int64_t questions) {
  Script script("neighbours");
  const Root echo = script.Ask(script.vm().Tagged("neighbours", idle_actors));
  return Waits(script.vm(), echo, questions);
}

WaitFigures MeasureWaitsBeside(const std::string& nuisance, int64_t questions) {
  Script script("hostile");
  const Root echo = script.Ask(script.vm().Tagged("beside", nuisance, 1'000'000));
  return Waits(script.vm(), echo, questions);
}

}  // namespace vesicle::bench
