// Every turn of every sample runs out of memory at each of its allocations, and leaves the VM as it
// was.
//
// The k-th allocation that may fail does, and so does all that is asked for after it, until the
// turn or the crossing that wanted it is given up: k = 1, 2, 3, ... until a run comes to its end
// undisturbed. The root sponsor parks what runs out; the state of the whole VM is then that after
// the same turn was killed at its first instruction, which did nothing. It starts afresh with
// memory as it should be: the run comes to the same lines, and holds no more at its end.
// VESICLE_REFUSALS=all: each k, however many.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/harness/sanitized.h"
#include "tests/sim/sim_world.h"
#include "tests/sim/within.h"
#include "vm/script/run/interpreter.h"

namespace vesicle {
namespace {

// Kills one turn at its first instruction, if it is given one; and sees which one was parked.
class Watcher final : public Probe, public TurnObserver {
 public:
  // By its number; 0: none.
  Watcher(Core& core, uint64_t kill_turn) : core_(core), kill_turn_(kill_turn) {}
  bool OnInstruction(Op) override { return core_.turn().serial != kill_turn_; }
  void OnTurn(Core&, const TurnState& turn, TurnEnd end) override {
    last_ = turn.serial;
    if (end == TurnEnd::kQuota) parked_ = turn.serial;
  }
  // Of a crossing that began no turn: the one that it will begin.
  uint64_t parked() const { return parked_ != 0 ? parked_ : last_ + 1; }

 private:
  Core& core_;
  uint64_t kill_turn_;
  uint64_t last_ = 0;
  uint64_t parked_ = 0;
};

struct Plan {
  uint64_t refused = 0;    // which allocation is the first one
  uint64_t kill_turn = 0;  // or which turn is killed when it begins
};

struct Run {
  std::string error;  // nothing: all went well
  std::string output;
  uint64_t parked = 0;  // the number of the turn
  uint64_t state = 0;   // when it was
  uint64_t bytes_live = 0;
};

Run RunOnce(const std::string& path, int membranes, Plan plan, VmOptions options) {
  constexpr int64_t kRoundsMax = 200'000;
  options.park_when_dry = true;
  options.slice_steps = 1'000'000'000;
  SimWorld world(options);
  Run run;
  run.error = world.Load(path);
  if (!run.error.empty()) return run;
  const std::vector<Membrane> walls = StartWithin(world, membranes);
  Core& core = world.vm().core();
  Watcher watcher(core, plan.kill_turn);
  world.vm().SetProbe(&watcher);
  core.set_observer(&watcher);
  core.heap().RefuseFrom(plan.refused);
  for (int64_t rounds = 0; run.error.empty(); ++rounds) {
    if (rounds > kRoundsMax) run.error = "it does not end";
    const bool more = world.vm().RunSlice(1);
    if (core.root_sponsor().dry) {
      if (run.parked != 0) run.error = "it ran dry by itself";
      core.heap().RefuseFrom(0);
      world.vm().SetProbe(nullptr);
      run.parked = watcher.parked();
      run.state = StateHash(core);
      core.Refill(plan.refused != 0 ? Resource::kMemory : Resource::kSteps, 1 << 20);
    } else if (!more && !world.Tick()) {
      break;
    }
  }
  world.vm().SetProbe(nullptr);
  core.set_observer(nullptr);
  run.output = world.output();
  for (const FaultReport& report : world.vm().UnobservedFaults()) {
    run.output += "fault: " + report.reason + "\n";
  }
  for (int i = 0; i < 2; ++i) core.heap().Collect(Heap::Scope::kFull);
  run.bytes_live = core.heap().stats().bytes_live;
  return run;
}

// Of a program, one refusal in each run. Nothing, or what is wrong with which.
std::string Sweep(const std::string& path, int membranes, int* refusals, VmOptions options = {}) {
  const char* all = std::getenv("VESICLE_REFUSALS");
  const bool wants_all = all != nullptr && std::string(all) == "all";
  const Run plain = RunOnce(path, membranes, {}, options);
  if (!plain.error.empty()) return plain.error;
  // Dense at first, then spread out.
  constexpr uint64_t kDense = Often(60, 12);
  for (uint64_t k = 1;; k += wants_all || k < kDense ? 1 : k / 3) {
    const Run run = RunOnce(path, membranes, {.refused = k}, options);
    const auto wrong = [&](const std::string& what) {
      return path + ", allocation " + std::to_string(k) + " refused, within " +
             std::to_string(membranes) + " membranes: " + what;
    };
    if (!run.error.empty()) return wrong(run.error);
    // Where nobody parks, of a guest's budget or a reply that finds no room to cross, who asked
    // learns why.
    const bool was_told = run.output.find("#memory") != std::string::npos;
    if (!was_told && run.output != plain.output) return wrong("it says\n" + run.output);
    // A table may have grown to another size on the way.
    if (run.bytes_live > plain.bytes_live + 1024) return wrong("it holds more at its end");
    if (run.parked == 0 && !was_told) return {};
    ++*refusals;
    if (run.parked == 0) continue;
    // A turn of C++ is not killed.
    const Run killed = RunOnce(path, membranes, {.kill_turn = run.parked}, options);
    if (killed.parked != 0 && run.state != killed.state) return wrong("it leaves a trace");
  }
}

TEST_CASE("memory: every sample, with each allocation in turn the one that fails") {
  for (const int membranes : {0, 1}) {
    int refusals = 0;
    for (const std::string& path : Samples()) CHECK(Sweep(path, membranes, &refusals) == "");
    CHECK(refusals > Often(150, 50));
  }
}

TEST_CASE("memory: the harness catches a core that does not roll back") {
  using Bug = VmOptions::PlantedBug;
  for (const Bug bug : {Bug::kRollbackKeepsStaged, Bug::kRollbackKeepsBecome}) {
    VmOptions options;
    options.planted_bug = bug;
    int refusals = 0, caught = 0;
    for (const std::string& path : Samples()) {
      caught += Sweep(path, 1, &refusals, options).empty() ? 0 : 1;
    }
    CAPTURE(static_cast<int>(bug));
    CHECK(caught > 0);
  }
}

}  // namespace
}  // namespace vesicle
