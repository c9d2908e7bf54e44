// grow: one point of a curve, for grow.sh: what a work costs beside, or in, so many actors.
//
//   grow hop N        ring of N in order, hops in ns: script, native and raw
//   grow shuffled N   the same with actors linked in no order
//   grow memory N     resident bytes of an idle actor
//   grow created N    resident MiB when N actors were made, sent one message and forgotten
//   grow pause N      N live actors and a steady load of garbage, of which 1,000 actors live at a
//                     time: the collector's pauses, the part of the processor time that it takes,
//                     and the old space
//   grow lives N      the same beside a million actors, N of the short-lived alive at a time
//   grow wait N       N idle actors and one that loops for ever: ms from a question to its answer
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/bench/collector.h"
#include "tests/bench/works.h"

namespace vesicle::bench {
namespace {

void Result(const std::string& what, double value) {
  std::printf("RESULT %s %.6g\n", what.c_str(), value);
}

// Long enough to measure, whatever the size: about two million hops.
void Hop(int64_t actors, Linking linking) {
  for (const Kernel kernel : {Kernel::kScript, Kernel::kNative, Kernel::kRaw}) {
    const std::unique_ptr<Works> works = MakeWorks(kernel);
    works->BuildRing(actors, linking);
    works->Laps(1);
    const int64_t laps = std::max<int64_t>(2'000'000 / actors, 1);
    const int64_t from = ThreadNs();
    works->Laps(laps);
    const auto took = static_cast<double>(ThreadNs() - from);
    Result(NameOf(kernel), took / static_cast<double>(actors * laps));
  }
}

void Memory(int64_t actors) {
  const std::unique_ptr<Works> works = MakeScriptWorks();
  const int64_t from = ResidentBytes();
  works->Fill(actors);
  Result("bytes", static_cast<double>(ResidentBytes() - from) / static_cast<double>(actors));
}

void Created(int64_t actors) {
  const std::unique_ptr<Works> works = MakeScriptWorks();
  const int64_t at_once = std::min<int64_t>(actors, 100'000);
  for (int64_t made = 0; made < actors; made += at_once) works->Create(at_once);
  Result("resident_mib", static_cast<double>(ResidentBytes()) / (1 << 20));
}

void Results(const CollectorFigures& figures) {
  Result("p999_ms", figures.p999_ms);
  Result("max_ms", figures.max_ms);
  Result("share", figures.share);
  Result("cycles", figures.cycles);
  Result("aged", figures.aged);
  Result("survived", figures.survived);
  Result("touched", figures.touched);
  Result("old_mib", figures.old_mib);
}

// Enough garbage for some marks of the whole heap: the more lives, the rarer they are.
void Pause(int64_t actors) { Results(MeasureCollector(actors, 200'000 + actors / 50)); }

void Lives(int64_t short_lived) {
  constexpr int64_t kLongLived = 1'000'000;
  Results(MeasureCollector(kLongLived, 100'000, std::max<int64_t>(short_lived / 100, 1)));
}

void Wait(int64_t actors) {
  const WaitFigures figures = MeasureWaits(actors, 1000);
  Result("p99_ms", figures.p99_ms);
  Result("max_ms", figures.max_ms);
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
  } else if (work == "created") {
    Created(n);
  } else if (work == "pause") {
    Pause(n);
  } else if (work == "lives") {
    Lives(n);
  } else if (work == "wait") {
    Wait(n);
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
