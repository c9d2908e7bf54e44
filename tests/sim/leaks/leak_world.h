// LeakWorld: from a seed, a VM with several sides, membranes nested and side by side, and
// actors on each side that hand on what they have (cast.ves); then random orders,
// introductions, promises kept late, and revokes at any moment. After every turn the
// heap is walked (heap_walk.h), and what a revoke promises is looked after.
//
//   LeakWorld world({.seed = 7});
//   std::string wrong = world.Run(1000);           // "": all laws held
#ifndef VESICLE_TESTS_SIM_LEAKS_LEAK_WORLD_H_
#define VESICLE_TESTS_SIM_LEAKS_LEAK_WORLD_H_

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/leaks/heap_walk.h"
#include "tests/sim/leaks/sides.h"
#include "vm/native/vm.h"

namespace vesicle::leaks {

struct LeakOptions {
  uint64_t seed = 1;
  int bug = 0;  // planted::Bug
};

class LeakWorld final : public TurnObserver {
 public:
  explicit LeakWorld(const LeakOptions& options);
  ~LeakWorld();

  // What is wrong first, if anything is. Then the world ends: all is cut, and runs out.
  std::string Run(int64_t turns);

  struct Counts {
    int64_t turns = 0;
    int64_t crossings = 0;
    int64_t revokes = 0;
    int64_t undone = 0;  // turns that a revoke rolled back
    uint64_t suspensions = 0;
    int64_t objects = 0;  // met, by all walks of turns
    size_t objects_max = 0;
  };
  Counts counts() const;

 private:
  // Somebody waits for an answer through a membrane.
  struct Asked {
    size_t wall;
    Root promise;
  };

  void OnTurn(Core& core, const TurnState& turn, TurnEnd end) override;
  void Say(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
  }
  size_t Below(size_t n) { return static_cast<size_t>(random_() % n); }
  bool OneIn(size_t n) { return Below(n) == 0; }
  Value RootOf(Side side) { return held_[side * kActorsOfSide + Below(kActorsOfSide)].value(); }
  static constexpr size_t kActorsOfSide = 6;

  Value Applied(std::string_view function, std::span<const Value> arguments);
  Value NewNode(Side side);
  void BuildWall(Side inside, Side outside);
  Value RulesOf(Side sender, bool may_redirect);
  Value Order(int depth);
  void Act();
  bool RunOne();
  void Introduce();
  Value Question(Value asker, bool* comes_home);
  void AskThrough();
  void Revoke(size_t wall);
  uint64_t CutOnTheWay(Value target) const;
  void LookWhatWaits(const Sponsor* running);
  void LookAtAsks(bool is_end);

  const LeakOptions options_;
  std::mt19937_64 random_;
  Vm vm_;
  Core& core_;
  Module cast_;
  Sides sides_;
  std::vector<Wall> walls_;
  std::vector<bool> bans_;  // of each wall, in and out: #banned is denied
  HeapWalk walk_;
  size_t sides_count_ = 0;
  std::vector<Root> held_;  // by side
  std::vector<Root> listeners_;
  std::vector<Asked> asked_;
  std::vector<Root> promises_;  // late ones, to be kept
  Value banned_;
  int64_t ids_ = 0;
  bool walks_ = false;
  Counts counts_;
  std::string wrong_;
};

// The sizes of a run, and how it is run again: "... leak_hunt --seed 7 --turns 1000".
std::string ReplayCommand(uint64_t seed, int64_t turns, int bug);

}  // namespace vesicle::leaks

#endif  // VESICLE_TESTS_SIM_LEAKS_LEAK_WORLD_H_
