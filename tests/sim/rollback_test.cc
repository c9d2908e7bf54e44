// Every turn of every sample, killed at every instruction, leaves the VM as it was.
//
// The root sponsor parks what is killed, so the same event starts afresh: the turn is
// killed at its first instruction, its second, and so on, until it gets through. After
// each kill the state of the whole VM is compared with that after the first, which did
// nothing. VESICLE_KILLS=all does it at every instruction of long turns as well; without
// it, turns beyond 300 instructions are killed at a spread of places.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/sim_world.h"
#include "vm/script/interpreter.h"

namespace vesicle {
namespace {

class Killer final : public Probe, public TurnObserver {
 public:
  Killer(Core& core, int64_t kills_max) : core_(core), kills_max_(kills_max) {}

  // A turn that lives on steps of its own sponsor is let go: its keeper would be told.
  bool OnInstruction(Op) override {
    if (core_.sponsor().AccountOf(Resource::kSteps).parent() != nullptr) return true;
    stopped_here_ = ++count_ == kill_at_;
    return !stopped_here_;
  }
  void OnTurn(Core&, const TurnState&, TurnEnd end) override {
    // A turn may also run out by itself.
    was_killed_ = end == TurnEnd::kQuota && std::exchange(stopped_here_, false);
    if (was_killed_) {
      ++kills_;
      // Dense at first, then spread out.
      kill_at_ += kill_at_ < 300 || kills_max_ == 0 ? 1 : 1 + kill_at_ / 8;
    } else {
      turns_ += count_ > 0 ? 1 : 0;
      kill_at_ = is_done() ? 0 : 1;
    }
    count_ = 0;
  }

  // True once after each kill.
  bool TakeKill() { return std::exchange(was_killed_, false); }
  bool first() const { return kill_at_ == 2; }
  int64_t kills() const { return kills_; }
  int64_t turns() const { return turns_; }
  bool is_done() const { return kills_max_ != 0 && kills_ > kills_max_; }

 private:
  Core& core_;
  int64_t kills_max_;  // 0: no limit
  int64_t count_ = 0;
  int64_t kill_at_ = 1;
  int64_t kills_ = 0;
  int64_t turns_ = 0;
  bool was_killed_ = false;
  bool stopped_here_ = false;
};

std::vector<std::string> Samples() {
  std::vector<std::string> paths;
  const std::filesystem::path root = std::filesystem::path(VESICLE_SOURCE_DIR) / "samples";
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (entry.path().extension() == ".ves") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

constexpr int64_t kRoundsMax = 50'000;

// How a run with kills ended: nothing, or where the state differed.
std::string RunWithKills(const std::string& path, int64_t kills_max, int64_t* kills,
                         std::string* output, VmOptions options = {}) {
  options.park_when_dry = true;
  options.slice_steps = 1'000'000'000;  // no turn is suspended
  SimWorld world(options);
  const std::string errors = world.Load(path);
  if (!errors.empty()) return errors;
  world.Start();
  Core& core = world.vm().core();
  Killer killer(core, kills_max);
  world.vm().SetProbe(&killer);
  core.set_observer(&killer);
  uint64_t before = 0;
  // A run with a planted bug may never end: events that should be gone cause others.
  for (int64_t rounds = 0;; ++rounds) {
    if (rounds > kRoundsMax) return path + ": does not end";
    const bool more = world.vm().RunSlice(1);
    if (killer.TakeKill()) {
      const uint64_t now = StateHash(core);
      if (killer.first()) before = now;
      if (now != before) {
        return path + ": turn " + std::to_string(killer.turns() + 1) +
               " leaves a trace when it is killed, at kill " + std::to_string(killer.kills());
      }
      core.Refill(Resource::kSteps, 0);
    } else if (!more && !world.Tick()) {
      break;
    }
  }
  *kills = killer.kills();
  *output = world.output();
  world.vm().SetProbe(nullptr);
  core.set_observer(nullptr);
  return {};
}

TEST_CASE("rollback: every turn of every sample, killed at every instruction") {
  const char* all = std::getenv("VESICLE_KILLS");
  const int64_t kills_max = all != nullptr && std::string(all) == "all" ? 0 : 4'000;
  for (const std::string& path : Samples()) {
    CAPTURE(path);
    SimWorld plain;
    REQUIRE(plain.Load(path) == "");
    plain.Start();
    plain.Run();
    int64_t kills = 0;
    std::string output;
    CHECK(RunWithKills(path, kills_max, &kills, &output) == "");
    CHECK(kills > 0);
    CHECK(output == plain.output());
  }
}

TEST_CASE("rollback: the harness catches a core that does not roll back") {
  using Bug = VmOptions::PlantedBug;
  for (const Bug bug : {Bug::kRollbackKeepsEvents, Bug::kRollbackKeepsBecome}) {
    VmOptions options;
    options.planted_bug = bug;
    int64_t kills = 0;
    std::string output;
    int caught = 0;
    for (const std::string& path : Samples()) {
      if (!RunWithKills(path, 500, &kills, &output, options).empty()) ++caught;
    }
    CHECK(caught >= 3);
  }
}

}  // namespace
}  // namespace vesicle
