// Every turn of every sample, killed at every instruction, leaves the VM as it was.
//
// Whole turns: the root sponsor parks what is killed, so the same event starts afresh: the
// turn is killed at its first instruction, its second, and so on, until it gets through.
// After each kill the state of the whole VM is compared with that after the first, which
// did nothing. (So nothing else may run meanwhile: the samples keep to one sponsor at a
// time.) VESICLE_KILLS=all does it at every instruction of long turns as well;
// without it, turns beyond 300 instructions are killed at a spread of places.
//
// One dispatch: a turn that a slice cuts short does not start afresh at once, and one that
// faults not at all. There whole runs are compared that differ in one kill: at the first
// instruction of some dispatch, and at a later one of the same. What the state leaves out
// because it legitimately differs says state_hash.h.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/sanitized.h"
#include "tests/sim/sim_world.h"
#include "tests/sim/within.h"
#include "vm/script/run/interpreter.h"

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

const std::string kOurs = std::string(VESICLE_SOURCE_DIR) + "/tests/sim/rollback.ves";

constexpr int64_t kRoundsMax = 50'000;

// How a run with kills ended: nothing, or where the state differed.
std::string RunWithKills(const std::string& path, int64_t kills_max, int64_t* kills,
                         std::string* output, VmOptions options = {}, int membranes = 0) {
  options.park_when_dry = true;
  options.slice_steps = 1'000'000'000;  // no turn is suspended
  SimWorld world(options);
  const std::string errors = world.Load(path);
  if (!errors.empty()) return errors;
  const std::vector<Membrane> walls = StartWithin(world, membranes);
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
      core.Refill(Resource::kSteps, 1);
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

// Each, within so many membranes: its turns begin with crossings.
void CheckEverySample(int membranes) {
  const char* all = std::getenv("VESICLE_KILLS");
  const int64_t kills_max = all != nullptr && std::string(all) == "all" ? 0 : Often(4'000, 800);
  for (const std::string& path : Samples()) {
    CAPTURE(path);
    SimWorld plain;
    REQUIRE(plain.Load(path) == "");
    plain.Start();
    plain.Run();
    int64_t kills = 0;
    std::string output;
    CHECK(RunWithKills(path, kills_max, &kills, &output, {}, membranes) == "");
    CHECK(kills > 0);
    CHECK(output == plain.output());
  }
}

TEST_CASE("rollback: every turn of every sample, killed at every instruction") {
  CheckEverySample(0);
}

TEST_CASE("rollback: the same within two membranes") { CheckEverySample(2); }

// Kills one dispatch at one of its instructions; counts those of all.
class OneKill final : public Probe, public TurnObserver {
 public:
  // dispatch: by the core's count of events; 0: none is killed.
  OneKill(Core& core, uint64_t dispatch, int64_t at) : core_(core), dispatch_(dispatch), at_(at) {}

  bool OnInstruction(Op) override {
    if (core_.sponsor().AccountOf(Resource::kSteps).parent() != nullptr) return true;
    const uint64_t dispatch = core_.stats().events;
    if (lengths_.empty() || lengths_.back().first != dispatch) lengths_.emplace_back(dispatch, 0);
    hit_ = ++lengths_.back().second == at_ && dispatch == dispatch_;
    return !hit_;
  }
  void OnTurn(Core& core, const TurnState&, TurnEnd) override {
    if (!std::exchange(hit_, false)) return;
    is_done_ = true;
    core.fuel = -1'000'000'000;  // so that the slice ends here
  }
  bool is_done() const { return is_done_; }
  // Of each dispatch that ran instructions: how many.
  const std::vector<std::pair<uint64_t, int64_t>>& lengths() const { return lengths_; }

 private:
  Core& core_;
  uint64_t dispatch_;
  int64_t at_;
  bool hit_ = false;
  bool is_done_ = false;
  std::vector<std::pair<uint64_t, int64_t>> lengths_;
};

struct Kill {
  uint64_t dispatch = 0;
  int64_t at = 0;
};

// The state after that kill; `lengths` of a run without one, if wanted.
uint64_t StateAfter(const std::string& path, const VmOptions& options, int membranes, Kill kill,
                    std::vector<std::pair<uint64_t, int64_t>>* lengths = nullptr) {
  SimWorld world(options);
  REQUIRE(world.Load(path) == "");
  const std::vector<Membrane> walls = StartWithin(world, membranes);
  Core& core = world.vm().core();
  OneKill killer(core, kill.dispatch, kill.at);
  world.vm().SetProbe(&killer);
  core.set_observer(&killer);
  for (int64_t rounds = 0; !killer.is_done() && rounds < kRoundsMax; ++rounds) {
    if (!world.vm().RunSlice(1) && !killer.is_done() && !world.Tick()) break;
  }
  world.vm().SetProbe(nullptr);
  core.set_observer(nullptr);
  if (lengths != nullptr) *lengths = killer.lengths();
  return StateHash(core);
}

enum class KillBy : uint8_t { kParking, kFault };
constexpr int64_t kWholeTurns = 1'000'000'000;
constexpr int64_t kSmallSlice = 12;

// At a spread of dispatches and of places in each. Nothing, or where the states differ.
std::string CompareKills(const std::string& path, KillBy by, int64_t slice_steps, int dispatches,
                         VmOptions options = {}, int membranes = 0) {
  options.park_when_dry = by == KillBy::kParking;
  options.slice_steps = slice_steps;
  std::vector<std::pair<uint64_t, int64_t>> lengths;
  StateAfter(path, options, membranes, {}, &lengths);
  std::erase_if(lengths, [](const auto& d) { return d.second < 3; });
  const size_t stride = std::max<size_t>(lengths.size() / static_cast<size_t>(dispatches), 1);
  for (size_t i = 0; i < lengths.size(); i += stride) {
    const auto [dispatch, length] = lengths[i];
    const uint64_t first = StateAfter(path, options, membranes, {dispatch, 1});
    for (const int64_t at : {length / 3 + 1, length - 1, length}) {
      if (StateAfter(path, options, membranes, {dispatch, at}) == first) continue;
      return path + ": dispatch " + std::to_string(dispatch) + ", killed at instruction " +
             std::to_string(at) + " of " + std::to_string(length) + ", leaves a trace";
    }
  }
  return {};
}

// What our own program prints, in any order, when one dispatch of it is killed and parked. It
// starts afresh, and the run comes to the same.
std::vector<std::string> LinesAfter(const VmOptions& options, Kill kill) {
  SimWorld world(options);
  REQUIRE(world.Load(kOurs) == "");
  world.Start();
  Core& core = world.vm().core();
  OneKill killer(core, kill.dispatch, kill.at);
  world.vm().SetProbe(&killer);
  core.set_observer(&killer);
  bool is_refilled = false;
  for (int64_t rounds = 0; rounds < kRoundsMax; ++rounds) {
    const bool more = world.vm().RunSlice(1);
    if (killer.is_done() && !std::exchange(is_refilled, true)) {
      core.Refill(Resource::kSteps, 1);
    } else if (!more && !world.Tick()) {
      break;
    }
  }
  world.vm().SetProbe(nullptr);
  core.set_observer(nullptr);
  std::vector<std::string> lines;
  std::istringstream output(world.output());
  for (std::string line; std::getline(output, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

// At a spread of dispatches. Nothing, or after which the run comes to something else.
std::string CompareEnds(int dispatches, VmOptions options = {}) {
  options.park_when_dry = true;
  options.slice_steps = kSmallSlice;
  std::vector<std::pair<uint64_t, int64_t>> lengths;
  StateAfter(kOurs, options, 0, {}, &lengths);
  const std::vector<std::string> undisturbed = LinesAfter(options, {});
  const size_t stride = std::max<size_t>(lengths.size() / static_cast<size_t>(dispatches), 1);
  for (size_t i = 0; i < lengths.size(); i += stride) {
    const auto [dispatch, length] = lengths[i];
    if (LinesAfter(options, {dispatch, length}) != undisturbed) {
      return "the run ends otherwise when dispatch " + std::to_string(dispatch) + " is killed";
    }
  }
  return {};
}

TEST_CASE("rollback: a turn that was cut short and parked starts afresh, and nothing is lost") {
  CHECK(CompareEnds(60) == "");
}

TEST_CASE("rollback: a turn that faults, or was cut short before, leaves nothing either") {
  const char* all = std::getenv("VESICLE_KILLS");
  const int dispatches = all != nullptr && std::string(all) == "all" ? 1'000'000 : Often(5, 2);
  std::vector<std::string> paths = Samples();
  paths.push_back(kOurs);
  for (const std::string& path : paths) {
    const int n = path == kOurs ? dispatches * 8 : dispatches;
    CHECK(CompareKills(path, KillBy::kFault, kWholeTurns, n) == "");
    CHECK(CompareKills(path, KillBy::kFault, kSmallSlice, n) == "");
    CHECK(CompareKills(path, KillBy::kParking, kSmallSlice, n) == "");
    if (path == kOurs) CHECK(CompareKills(path, KillBy::kParking, kWholeTurns, n) == "");
    CHECK(CompareKills(path, KillBy::kFault, kSmallSlice, n, {}, 1) == "");
    CHECK(CompareKills(path, KillBy::kParking, kSmallSlice, n, {}, 1) == "");
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

TEST_CASE("rollback: the harness catches what only a fault or a cut turn can leave") {
  using Bug = VmOptions::PlantedBug;
  const auto is_caught = [&](Bug bug, KillBy by, int64_t slice_steps) {
    VmOptions options;
    options.planted_bug = bug;
    return !CompareKills(kOurs, by, slice_steps, 200, options).empty();
  };
  for (const KillBy by : {KillBy::kFault, KillBy::kParking}) {
    CHECK(is_caught(Bug::kRollbackKeepsEvents, by, kSmallSlice));
    CHECK(is_caught(Bug::kRollbackKeepsBecome, by, kSmallSlice));
    CHECK(is_caught(Bug::kRollbackKeepsSponsors, by, kSmallSlice));
    CHECK(is_caught(Bug::kRollbackKeepsLives, by, kSmallSlice));
  }
  CHECK(is_caught(Bug::kRollbackKeepsSponsors, KillBy::kFault, kWholeTurns));
  // What earlier slices left is the same at every instruction of the last one.
  for (const Bug bug : {Bug::kRollbackKeepsStaged, Bug::kRollbackDropsInbox}) {
    VmOptions options;
    options.planted_bug = bug;
    CHECK(CompareEnds(60, options) != "");
  }
}

}  // namespace
}  // namespace vesicle
