// Monitors and an aggregator, each in a process of its own: this program is all of them. A monitor
// measures, and tells the aggregator that it was handed; one of them crashes, and is started again
// behind the same ref.
#include <csignal>
#include <iostream>
#include <memory>
#include <string>

#include "transport/host/child.h"
#include "transport/host/process.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"
#include "vm/value/form.h"
#include "vm/value/print.h"

using vesicle::Root;

namespace {

// Its argument: the aggregator. #measure(n) replies what the aggregator does.
absl::StatusOr<Root> MakeMonitor(vesicle::ChildWorld& world,
                                 std::span<const vesicle::Value> arguments) {
  if (arguments.size() != 1) return absl::InvalidArgumentError("a monitor wants an aggregator");
  const Root aggregator(world.vm().core().heap(), arguments[0]);
  return world.vm().Create([aggregator](vesicle::Turn& turn) {
    if (Is(turn.message(), "crash", 0)) raise(SIGKILL);
    if (!Is(turn.message(), "measure", 1)) return turn.Fault("no_clause", "a monitor measures");
    turn.Delegate(aggregator.value(), turn.Tagged("reading", FieldsOf(turn.message())[0]));
  });
}

absl::StatusOr<Root> MakeAggregator(vesicle::ChildWorld& world, std::span<const vesicle::Value>) {
  return world.vm().Create([sum = int64_t{0}](vesicle::Turn& turn) mutable {
    if (!Is(turn.message(), "reading", 1)) return turn.Fault("no_clause", "it takes readings");
    sum += vesicle::Int64Of(FieldsOf(turn.message())[0]).value_or(0);
    turn.Reply(turn.Int(sum));
  });
}

// Asks, and goes on with what was said.
class Script {
 public:
  explicit Script(vesicle::VmLoop& loop) : loop_(loop) {}
  void Ask(const Root& whom, vesicle::Value message) {
    said_.clear();
    loop_.vm().Ask(whom, message, [this](const vesicle::Reply& reply) {
      said_ = vesicle::Print(reply.ok() ? reply.value() : reply.reason());
      loop_.Stop();
    });
    while (said_.empty()) loop_.Run();
    std::cout << said_ << "\n";
  }

 private:
  vesicle::VmLoop& loop_;
  std::string said_;
};

int Run() {
  vesicle::Vm vm;
  auto loop = vesicle::VmLoop::Create(vm);
  if (!loop.ok()) return 1;
  vesicle::ProcessHost host(**loop);
  auto aggregator = host.SpawnProcess({.actor = "aggregator"});
  if (!aggregator.ok()) return 1;
  vesicle::ProcessOptions options = {.actor = "monitor", .arguments = {(*aggregator)->ref()}};
  options.limits = {.cpu_seconds_max = 60, .files_max = 64};
  auto north = host.SpawnProcess(options), south = host.SpawnProcess(options);
  if (!north.ok() || !south.ok()) return 1;
  std::string how;  // south ended
  (*south)->OnEnd([&](bool was_stopped, const vesicle::ChildEnd& end) {
    how = end.ToString();
    if (!was_stopped && !(*south)->Restart().ok()) std::cout << "south does not start again\n";
    (*loop)->Stop();
  });

  Script script(**loop);
  script.Ask((*north)->ref(), vm.Tagged("measure", 20));
  script.Ask((*south)->ref(), vm.Tagged("measure", 1));
  script.Ask((*south)->ref(), vm.Symbol("crash"));
  // The answer broke; the end of the process may be told later.
  while (how.empty()) (*loop)->Run();
  std::cout << "south " << how << "\n";
  script.Ask((*south)->ref(), vm.Tagged("measure", 2));  // the same ref
  (*aggregator)->Stop();
  (*aggregator)->Join([&](const vesicle::ChildEnd& end) {
    std::cout << "the aggregator " << end.ToString() << "\n";
    (*loop)->Stop();  // the monitors, who have a ref of ours, would keep it
  });
  (*loop)->Run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  vesicle::ChildRegistry actors;
  actors.Add("monitor", MakeMonitor);
  actors.Add("aggregator", MakeAggregator);
  if (const auto code = vesicle::RunChild(argc, argv, actors)) return *code;
  return Run();
}
