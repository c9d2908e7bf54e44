// leak_hunt: long runs of the leak harness, and one seed again.
//
//   leak_hunt --seeds 100000             from seed 1 on; what is wrong, with its command
//   leak_hunt --seed 77 --turns 5000     that one
//   leak_hunt --bug 3 --seeds 100        with a planted bug (membrane/planted.h); 0: all, in turn
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "membrane/planted.h"
#include "tests/sim/leaks/leak_world.h"

namespace {

using vesicle::leaks::LeakWorld;

struct Flags {
  uint64_t seed = 1;
  uint64_t seeds = 1;
  int64_t turns = 1000;
  int bug = -1;
};

// How many of the seeds found something.
int Hunt(const Flags& flags, int bug, bool stops) {
  int found = 0;
  LeakWorld::Counts sum;
  for (uint64_t seed = flags.seed; seed < flags.seed + flags.seeds; ++seed) {
    LeakWorld world({.seed = seed, .bug = bug});
    const std::string wrong = world.Run(flags.turns);
    const LeakWorld::Counts c = world.counts();
    sum.turns += c.turns;
    sum.crossings += c.crossings;
    sum.revokes += c.revokes;
    sum.undone += c.undone;
    sum.suspensions += c.suspensions;
    sum.objects += c.objects;
    if (c.objects_max > sum.objects_max) sum.objects_max = c.objects_max;
    if (wrong.empty()) continue;
    ++found;
    std::printf("bug %d, seed %llu: %s\n  %s\n", bug, static_cast<unsigned long long>(seed),
                wrong.c_str(), vesicle::leaks::ReplayCommand(seed, flags.turns, bug).c_str());
    if (stops) return found;
  }
  std::printf(
      "bug %d: %d of %llu seeds; turns %lld, crossings %lld, revokes %lld, undone %lld, "
      "suspensions %llu, objects %lld, at most %zu\n",
      bug, found, static_cast<unsigned long long>(flags.seeds), static_cast<long long>(sum.turns),
      static_cast<long long>(sum.crossings), static_cast<long long>(sum.revokes),
      static_cast<long long>(sum.undone), static_cast<unsigned long long>(sum.suspensions),
      static_cast<long long>(sum.turns > 0 ? sum.objects / sum.turns : 0), sum.objects_max);
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  Flags flags;
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto n = std::strtoll(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--seed") == 0) flags.seed = static_cast<uint64_t>(n);
    if (std::strcmp(argv[i], "--seeds") == 0) flags.seeds = static_cast<uint64_t>(n);
    if (std::strcmp(argv[i], "--turns") == 0) flags.turns = n;
    if (std::strcmp(argv[i], "--bug") == 0) flags.bug = static_cast<int>(n);
  }
  if (flags.bug != 0) return Hunt(flags, flags.bug < 0 ? 0 : flags.bug, flags.bug > 0) > 0 ? 1 : 0;
  int missed = 0;
  for (int bug = 1; bug < vesicle::planted::kBugCount; ++bug) {
    if (Hunt(flags, bug, true) == 0) ++missed;
  }
  std::printf("%d planted bugs were missed\n", missed);
  return missed > 0 ? 1 : 0;
}
