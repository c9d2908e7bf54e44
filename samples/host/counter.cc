// A VM in a C++ program: a script's behavior, a native one, a tell and an ask.
//
//   build/release/samples/host/counter
//
// prints
//   the printer got #hello("from C++")
//   count is 7
//   a wrong message: #no_clause("counter has no clause for #subtract(1)")
#include <iostream>
#include <string>

#include "absl/status/statusor.h"
#include "vm/native/vm.h"
#include "vm/value/print.h"

namespace {

constexpr char kCounter[] = R"(
behavior counter(count) {
  #add(n) => become counter(count + n)
  #get    => count
}
)";

}  // namespace

int main() {
  // What the whole VM may use. A script that wants more faults; the host goes on.
  vesicle::VmOptions limits;
  limits.memory_bytes_max = 64 << 20;
  limits.steps_per_turn_max = 1'000'000;
  vesicle::Vm vm(limits);

  // Loading compiles and has no effects. What is wrong with the text stands in the status, each
  // error with its place.
  const absl::StatusOr<vesicle::Module> module = vm.Load("counter.ves", kCounter);
  if (!module.ok()) {
    std::cerr << module.status().message();
    return 1;
  }

  // An actor of the script, and one whose behavior is a C++ function. A Value is good until the VM
  // runs again; a Root keeps one longer.
  const vesicle::Root counter = vm.Create(module->Behavior("counter", {vm.Int(0)}));
  const vesicle::Root printer = vm.Create([](vesicle::Turn& turn) {
    std::cout << "the printer got " << vesicle::Print(turn.message()) << "\n";
  });

  vm.Send(printer, vm.Tagged("hello", "from C++"));
  vm.Send(counter, vm.Tagged("add", 3));
  vm.Send(counter, vm.Tagged("add", 4));
  vm.Ask(counter, vm.Symbol("get"), [](const vesicle::Reply& n) {
    std::cout << "count is " << vesicle::Print(n.value()) << "\n";
  });
  // A message that no clause takes changes nothing; the asker gets the reason.
  vm.Ask(counter, vm.Tagged("subtract", 1), [](const vesicle::Reply& reply) {
    std::cout << "a wrong message: " << vesicle::Print(reply.reason()) << "\n";
  });

  vm.Run();  // until nothing can happen any more
}
