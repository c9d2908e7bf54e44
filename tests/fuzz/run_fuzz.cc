// Any bytes as a program, run under small limits: its main, and each of its tests. It
// may fault, park, or wait for ever; the VM stays sound, and a witness beside it is
// still served afterwards.
#include <cstddef>
#include <cstdint>
#include <string>

#include "vm/heap/check.h"
#include "vm/native/vm.h"
#include "vm/value/print.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  vesicle::VmOptions options;
  options.memory_bytes_max = 16 << 20;
  options.events_max = 500;
  options.steps_max = 200'000;
  options.steps_per_turn_max = 20'000;
  options.slice_steps = 1'000;
  options.call_depth_max = 1'000;
  options.heap.young_bytes = 64 << 10;
  options.heap.old_bytes_floor = 256 << 10;
  vesicle::Vm vm(options);
  absl::StatusOr<vesicle::Module> module = vm.Load("fuzz.ves", text);
  if (!module.ok()) return 0;
  size_t printed = 0;
  vesicle::Root console = vm.Create([&printed](vesicle::Turn& turn) {
    printed += vesicle::Print(turn.message(), vesicle::kReportOptions).size();
  });
  const auto run = [&vm] {
    for (int round = 0; round < 2'000 && vm.RunSlice(1'000); ++round) {
    }
  };
  if (module->HasBehavior("main")) {
    (void)vm.Start(*module, vm.Map({{"console", console.value()}}));
    run();
  }
  const size_t tests = module->Tests().size();
  for (size_t i = 0; i < tests && i < 4; ++i) {
    vm.StartTest(*module, i, [](const vesicle::Reply&) {});
    run();
  }
  const char* wrong = vm.core().heap().Verify();
  VESICLE_CHECK(wrong == nullptr);

  // Whatever it did, the VM goes on for others once it has something to go on with.
  vm.core().Refill(vesicle::Resource::kSteps, 1'000'000'000);
  vm.core().Refill(vesicle::Resource::kEvents, 1'000'000'000);
  vm.core().Refill(vesicle::Resource::kMemory, int64_t{1} << 32);
  bool served = false;
  vesicle::Root witness = vm.Create([](vesicle::Turn& turn) { turn.Reply(turn.message()); });
  vm.Ask(witness, vm.Int(7), [&served](const vesicle::Reply& r) { served = r.ok(); });
  for (int round = 0; round < 20'000 && !served; ++round) vm.RunSlice(10'000);
  VESICLE_CHECK(served);
  return 0;
}
