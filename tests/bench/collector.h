// What others notice of the collector, and of an actor that never comes to an end.
//
// Times are of the processor clock of the thread: what the machine does beside it does
// not count.
#ifndef VESICLE_TESTS_BENCH_COLLECTOR_H_
#define VESICLE_TESTS_BENCH_COLLECTOR_H_

#include <cstdint>
#include <string>

namespace vesicle::bench {

// Of this thread, in nanoseconds.
int64_t ThreadNs();

struct CollectorFigures {
  double p999_ms = 0;   // pauses: the 99.9th of a hundred
  double max_ms = 0;    // the longest
  double share = 0;     // the part of the time that the collector takes
  double cycles = 0;    // completed marks of the whole heap
  double aged = 0;      // the part of what was allocated that lived through a young collection
  double survived = 0;  // the part that lived to become old
  double touched = 0;   // objects that the longest pause moved or marked
  double old_mib = 0;   // what is old, live or not known to be dead
  double took_ns = 0;
};

// programs/garbage.ves: `live_actors`, and beside them so many rounds of 100 actors with a list of
// a list each, of which those of the newest `generations` rounds live.
CollectorFigures MeasureCollector(int64_t live_actors, int64_t rounds, int64_t generations = 10);

struct WaitFigures {
  double median_ms = 0;
  double p99_ms = 0;
  double max_ms = 0;
};

// programs/neighbours.ves: how long a question waits for its answer beside `idle_actors` and one
// actor that loops for ever on another budget. The VM runs in slices such as VmLoop's, and the
// questions come at any point of a slice.
WaitFigures MeasureWaits(int64_t idle_actors, int64_t questions);

// programs/hostile.ves: the same beside a nuisance of that name, which begins anew on another
// budget whenever one is spent.
WaitFigures MeasureWaitsBeside(const std::string& nuisance, int64_t questions);

}  // namespace vesicle::bench

#endif  // VESICLE_TESTS_BENCH_COLLECTOR_H_
