// A host with a device of its own, a script, and a membrane between them. It prints
//   two rings
//   #denied("#break is not let by")
#include <iostream>
#include <memory>

#include "absl/status/statusor.h"
#include "membrane/membrane.h"
#include "membrane/script.h"
#include "vm/loop/loop_device.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"
#include "vm/value/print.h"

namespace {

constexpr char kVisitor[] = R"(
behavior main {
  #start({bell, console}) => task {
    await bell <- #ring
    console <- (await bell <- #ring)
    console <- (await bell <- #break else { why => why })
  }
}
)";

// A class that only this program knows, of a base that the library has.
class Bell final : public vesicle::LoopDevice {
 public:
  using LoopDevice::LoopDevice;
  void Handle(vesicle::Turn& turn) override {
    if (++rings_ == 2) turn.Reply(turn.Text("two rings"));
  }
  bool IsPending() const override { return false; }
  void Close() override {}

 private:
  int rings_ = 0;
};

}  // namespace

int main() {
  vesicle::Vm vm({.memory_bytes_max = 64 << 20}, vesicle::AddMembranes);
  auto loop = vesicle::VmLoop::Create(vm);
  if (!loop.ok()) return 1;
  const absl::StatusOr<vesicle::Module> module = vm.Load("visitor.ves", kVisitor);
  if (!module.ok()) {
    std::cerr << module.status().message();
    return 1;
  }
  vesicle::MembraneOptions options;
  options.inward = vm.Tagged("allow_tags", vm.List({vm.Symbol("ring")}));
  absl::StatusOr<vesicle::Membrane> wall = vesicle::Membrane::Create(vm.core(), options);
  if (!wall.ok()) {
    std::cerr << wall.status().message() << "\n";
    return 1;
  }
  const vesicle::Root bell = vesicle::MakeDevice<Bell>(**loop, "bell");
  const vesicle::Root console = vm.Create([](vesicle::Turn& turn) {
    std::cout << vesicle::Print(turn.message(), {.top_text = vesicle::TopText::kPlain}) << "\n";
  });
  const vesicle::Result outside = wall->Pass(bell.value(), vesicle::Direction::kOut);
  if (!outside.ok()) return 1;
  const vesicle::Value host = vm.Map({{"bell", outside.value()}, {"console", console.value()}});
  if (!vm.Start(*module, host).ok()) return 1;
  (*loop)->Run();
  return vm.UnobservedFaults().empty() ? 0 : 1;
}
