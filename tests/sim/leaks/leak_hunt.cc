// leak_hunt: no path across a membrane avoids a proxy, whatever happens; and a membrane that
// is wrong is found out.
//
//   leak_hunt --seeds 1000               from seed 1 on; what is wrong, with its command
//   leak_hunt --seed 77 --turns 5000     that one
//   leak_hunt_planted --seeds 100        each planted bug (membrane/planted.h): one of them shows
//   it leak_hunt_planted --bug 3 --seed 7   that bug, with that seed
//
// VESICLE_SEEDS goes before --seeds: for longer runs by ctest.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "membrane/planted.h"
#include "tests/sim/leaks/leak_world.h"

namespace vesicle::leaks {
namespace {

struct Flags {
  uint64_t seed = 1;
  uint64_t seeds = 1;
  int64_t turns = 1000;
  int bug = 0;
};

struct Sum {
  uint64_t seeds = 0;
  uint64_t found = 0;
  LeakWorld::Counts counts;
};

std::string RunOne(const Flags& flags, uint64_t seed, int bug, Sum* sum) {
  LeakWorld world({.seed = seed, .bug = bug});
  std::string wrong = world.Run(flags.turns);
  const LeakWorld::Counts c = world.counts();
  LeakWorld::Counts& all = sum->counts;
  all.turns += c.turns;
  all.crossings += c.crossings;
  all.revokes += c.revokes;
  all.undone += c.undone;
  all.suspensions += c.suspensions;
  all.objects += c.objects;
  all.objects_max = std::max(all.objects_max, c.objects_max);
  ++sum->seeds;
  if (wrong.empty()) return wrong;
  ++sum->found;
  std::printf("bug %d, seed %llu, turn %lld: %s\n  %s\n", bug,
              static_cast<unsigned long long>(seed), static_cast<long long>(c.turns), wrong.c_str(),
              ReplayCommand(seed, flags.turns, bug).c_str());
  return wrong;
}

// The worlds must be worth a walk.
bool IsPoor(const Sum& sum) {
  const auto seeds = static_cast<int64_t>(sum.seeds);
  const LeakWorld::Counts& c = sum.counts;
  return seeds >= 20 && (c.crossings < 100 * seeds || c.revokes < 3 * seeds || c.undone == 0 ||
                         c.suspensions < 20 * sum.seeds || c.objects < 800 * c.turns);
}

int Hunt(const Flags& flags) {
  Sum sum;
  for (uint64_t i = 0; i < flags.seeds; ++i) RunOne(flags, flags.seed + i, flags.bug, &sum);
  const LeakWorld::Counts& c = sum.counts;
  std::printf(
      "%llu of %llu seeds are wrong; turns %lld, crossings %lld, revokes %lld, turns that a revoke "
      "undid %lld, suspensions %llu; objects at a turn's end %lld, at most %zu\n",
      static_cast<unsigned long long>(sum.found), static_cast<unsigned long long>(sum.seeds),
      static_cast<long long>(c.turns), static_cast<long long>(c.crossings),
      static_cast<long long>(c.revokes), static_cast<long long>(c.undone),
      static_cast<unsigned long long>(c.suspensions),
      static_cast<long long>(c.turns > 0 ? c.objects / c.turns : 0), c.objects_max);
  const bool is_poor = flags.bug == 0 && sum.found == 0 && IsPoor(sum);
  if (is_poor) std::printf("these worlds show too little\n");
  return sum.found > 0 || is_poor ? 1 : 0;
}

int HuntPlanted(const Flags& flags) {
  int missed = 0;
  for (int bug = 1; bug < planted::kBugCount; ++bug) {
    Sum sum;
    for (uint64_t i = 0; i < flags.seeds && sum.found == 0; ++i) {
      RunOne(flags, flags.seed + i, bug, &sum);
    }
    if (sum.found > 0) continue;
    std::printf("bug %d of membrane/planted.h is not noticed\n", bug);
    ++missed;
  }
  std::printf("%d of %d planted bugs are missed\n", missed, planted::kBugCount - 1);
  return missed > 0 ? 1 : 0;
}

int Main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  Flags flags;
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto n = std::strtoll(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--seed") == 0) flags.seed = static_cast<uint64_t>(n);
    if (std::strcmp(argv[i], "--seeds") == 0) flags.seeds = static_cast<uint64_t>(n);
    if (std::strcmp(argv[i], "--turns") == 0) flags.turns = n;
    if (std::strcmp(argv[i], "--bug") == 0) flags.bug = static_cast<int>(n);
  }
  const char* seeds = std::getenv("VESICLE_SEEDS");
  if (seeds != nullptr) flags.seeds = std::strtoull(seeds, nullptr, 10);
  return planted::kIsBuilt && flags.bug == 0 ? HuntPlanted(flags) : Hunt(flags);
}

}  // namespace
}  // namespace vesicle::leaks

int main(int argc, char** argv) { return vesicle::leaks::Main(argc, argv); }
