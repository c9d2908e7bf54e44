// SimWorld: a VM whose whole world is simulated, so that a run is a function of the
// program, its arguments and its input: time stands still while anything can run and
// jumps to the next timer when nothing can; random numbers come from a seed; the
// console is a string; files are a map.
//
//   SimWorld world(options);
//   world.Load("samples/ring.ves");       // and what it imports; header comments say
//   world.Start();                        // `// args:` and `// stdin:`
//   world.Run();
//   CHECK(world.output() == ...);
#ifndef VESICLE_TESTS_SIM_SIM_WORLD_H_
#define VESICLE_TESTS_SIM_SIM_WORLD_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vm/actor/state_hash.h"
#include "vm/native/vm.h"

namespace vesicle {

class SimWorld {
 public:
  explicit SimWorld(const VmOptions& options = {});

  // Reads the file and its imports from disk. The diagnostics, or nothing.
  std::string Load(const std::string& path);
  // Sends #start(Host()) to Main().
  void Start();
  // The same by hand: an actor of `main`, and the devices that it is to have.
  Root Main() { return vm_.Create(module_.Behavior("main")); }
  Root Host();
  // Runs until nothing can run and no timer is left.
  void Run();
  // Moves time to the next timer and fires it; false when there is none.
  bool Tick();

  bool HasMain() const { return module_.HasBehavior("main"); }
  Vm& vm() { return vm_; }
  const std::string& output() const { return output_; }

 private:
  struct Alarm {
    ReplySlot reply;
    Root target;
    Root message;
    double every_ms = 0;
    bool cancelled = false;
  };

  Root MakeConsole();
  Root MakeClock();
  Root MakeTimer();
  Root MakeStdin();
  Root MakeFiles();
  void Set(double ms, std::shared_ptr<Alarm> alarm);
  void Cancelable(Turn& turn, const std::shared_ptr<Alarm>& alarm);

  Vm vm_;
  Module module_;
  std::string text_;
  std::string folder_;
  std::string output_;
  std::deque<std::string> input_;
  double now_ms_ = 0;
  uint64_t next_alarm_ = 0;
  std::map<std::pair<double, uint64_t>, std::shared_ptr<Alarm>> alarms_;
};

// All samples that are scripts.
std::vector<std::string> Samples();
// All samples and test scripts that have a `main`.
std::vector<std::string> Programs();

// The values of the lines `// NAME: value` at the head of a program.
std::vector<std::string> HeaderValues(const std::string& text, const std::string& name);

}  // namespace vesicle

#endif  // VESICLE_TESTS_SIM_SIM_WORLD_H_
