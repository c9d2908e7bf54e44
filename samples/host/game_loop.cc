// A game that lets strangers' scripts drive its robots. Each frame the game asks every robot
// what to do, gives the VM a bounded amount of work, draws, and goes on: what a script does or
// does not do never holds up a frame.
//
// A script gets two narrow devices, made here in C++: `map`, which tells what its own robot sees,
// and `log`, which takes a few lines. It has no other ref, so there is nothing else in its world.
// Each robot lives on a budget of its own: memory, steps and events.
//
//   build/release/samples/host/game_loop
#include <cstdint>
#include <iostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "vm/native/vm.h"
#include "vm/value/print.h"
#include "vm/value/symbol.h"

namespace {

constexpr int kWidth = 8;  // robots stand on a line of so many fields
constexpr int kFrames = 4;
constexpr int64_t kStepsPerFrame = 300'000;

// A robot, and what is known of the script that drives it.
struct Robot {
  std::string name;
  int position = 0;
  int lines_left = 2;       // what it may still log
  vesicle::Root actor;      // a ref to the script's actor
  std::string next;         // what it wants, as of this frame; "" when it did not say
  std::string last_reason;  // why it did not
};

// What strangers wrote. Each has a behavior `robot` with two parameters.
constexpr std::pair<const char*, const char*> kScripts[] = {
    {"walker", R"(
behavior robot(map, log) {
  #turn => when map <- #look {
    {free, ...} if free > 0 => { log <- "${free} fields ahead"; #right }
    _ => #stay
  }
})"},
    // Never comes to an end: suspended again and again, until its steps are spent.
    {"spinner", "behavior robot(map, log) { #turn => { while true { nil } } }"},
    // Wants more memory than it has.
    {"hoarder", R"(
behavior robot(map, log) {
  #turn => { var all = []; while true { all = [all, all, 1..100] } }
})"},
    // Sends to itself for ever.
    {"flooder", R"(
behavior robot(map, log) {
  #turn => { self <- #turn; self <- #turn; #left }
})"},
    // Asks for what it was not given.
    {"burglar", "behavior robot(map, log) { #turn => map <- #move(100) }"},
};

class Game {
 public:
  Game() : vm_(Limits()) {
    robots_.reserve(std::size(kScripts));  // devices point to their robots
    // Every fault comes by here, also those that an asker learns of.
    vm_.OnFault([this](const vesicle::FaultReport& report) { reasons_.insert(report.reason); });
  }

  // False: the script does not compile, or is no robot.
  bool Add(const std::string& name, const std::string& text) {
    const absl::StatusOr<vesicle::Module> module = vm_.Load(name + ".ves", text);
    if (!module.ok() || module->ParametersOf("robot") != 2) return false;
    Robot& robot = robots_.emplace_back();
    robot.name = name;
    const vesicle::Root map = MakeMap(robot), log = MakeLog(robot);
    const absl::StatusOr<vesicle::Root> behavior =
        module->MakeBehavior("robot", std::vector<vesicle::Value>{map.value(), log.value()});
    if (!behavior.ok()) return false;
    // A budget split off the VM's own, and the robot made on it: whatever is sent to that ref is
    // paid from there.
    const vesicle::Core::SponsorResult budget = vm_.core().SplitSponsor(vm_.Map(
        {{"events", vm_.Int(200)}, {"steps", vm_.Int(300'000)}, {"memory", vm_.Int(1 << 20)}}));
    if (!budget.error.empty()) return false;
    vm_.Ask(budget.control, vm_.Tagged("create", behavior->value()),
            [this, &robot](const vesicle::Reply& reply) {
              if (reply.ok()) robot.actor = vesicle::Root(vm_.core().heap(), reply.value());
            });
    // Bounded as well: other robots may be at work.
    vm_.RunSlice(kStepsPerFrame);
    return robot.actor.value().is_target();
  }

  void Frame() {
    for (Robot& robot : robots_) {
      if (!robot.actor.value().is_target()) continue;
      robot.next.clear();
      robot.last_reason = "no answer in time";
      vm_.Ask(robot.actor, vm_.Symbol("turn"), [&robot](const vesicle::Reply& reply) {
        if (!reply.ok()) {
          robot.last_reason = vesicle::Print(reply.reason());
          return;
        }
        const vesicle::Value wish = reply.value();
        if (vesicle::IsSymbol(wish)) robot.next = std::string(vesicle::SymbolView(wish));
      });
    }
    // One frame's work, no more; what is not done goes on in the next one.
    vm_.RunSlice(kStepsPerFrame);
    for (Robot& robot : robots_) {
      if (robot.next == "right" && robot.position + 1 < kWidth) ++robot.position;
      if (robot.next == "left" && robot.position > 0) --robot.position;
    }
  }

  void Show() const {
    for (const Robot& robot : robots_) {
      std::cout << robot.name << " at " << robot.position
                << (robot.next.empty() ? ": " + robot.last_reason : "") << "\n";
    }
  }
  const std::set<std::string>& fault_reasons() const { return reasons_; }

 private:
  static vesicle::VmOptions Limits() {
    vesicle::VmOptions limits;
    limits.memory_bytes_max = 64 << 20;
    limits.steps_per_turn_max = 10'000'000;
    return limits;
  }

  // #look: what this robot sees. It cannot move anything, nor see another's place.
  vesicle::Root MakeMap(Robot& robot) {
    return vm_.Create([&robot](vesicle::Turn& turn) {
      if (turn.message() != turn.Symbol("look")) {
        return turn.Fault("no_clause", "a map takes #look");
      }
      turn.Reply(turn.Map({{"free", turn.Int(kWidth - 1 - robot.position)}}));
    });
  }

  // Takes a text; after a few lines it is full.
  vesicle::Root MakeLog(Robot& robot) {
    return vm_.Create([&robot](vesicle::Turn& turn) {
      if (robot.lines_left == 0) return turn.Fault("full", "no more lines");
      --robot.lines_left;
      // Print escapes what could confuse a terminal.
      std::cout << "[" << robot.name << "] " << vesicle::Print(turn.message()) << "\n";
    });
  }

  vesicle::Vm vm_;
  std::vector<Robot> robots_;
  std::set<std::string> reasons_;
};

}  // namespace

int main() {
  Game game;
  for (const auto& [name, text] : kScripts) {
    if (!game.Add(name, text)) std::cout << name << " is no robot\n";
  }
  for (int frame = 1; frame <= kFrames; ++frame) {
    std::cout << "--- frame " << frame << "\n";
    game.Frame();
    game.Show();
  }
  std::cout << "--- faults seen\n";
  for (const std::string& reason : game.fault_reasons()) std::cout << reason << "\n";
}
