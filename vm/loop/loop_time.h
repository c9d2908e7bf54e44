// LoopTime: the time of typed actors on an event loop: their deadlines and sleeps ring by one
// timer of libuv, and Run() stays for them.
//
//   absl::StatusOr<std::unique_ptr<VmLoop>> loop = VmLoop::Create(vm);
//   LoopTime time(**loop);
//   counter.Ask(&Counter::Get).Within(std::chrono::milliseconds(50)).Then(..);
//   (*loop)->Run();
//
// Ownership: borrows the loop, which outlives it, or lets it go when it goes first. Gives the VM
//            its time when it is made, and takes it back.
// Threads:   the VM's.
#ifndef VESICLE_VM_LOOP_LOOP_TIME_H_
#define VESICLE_VM_LOOP_LOOP_TIME_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "vm/loop/vm_loop.h"
#include "vm/native/typed/time.h"

#pragma GCC visibility push(default)
namespace vesicle {

class LoopTime final : public TimeSource {
 public:
  explicit LoopTime(VmLoop& loop);
  ~LoopTime() override;
  LoopTime(const LoopTime&) = delete;
  LoopTime& operator=(const LoopTime&) = delete;

  int64_t NowNs() override;
  void WakeAt(std::optional<int64_t> at_ns, std::function<void()> ring) override;

 private:
  class Device;
  Vm& vm_;
  std::shared_ptr<Device> device_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_LOOP_TIME_H_
