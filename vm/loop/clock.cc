// The clock, and what stands for a device that was not granted.
#include <time.h>

#include <utility>

#include "vm/loop/devices.h"
#include "vm/loop/loop_device.h"

namespace vesicle {
namespace {

int64_t NowNs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Root MakeClock(Vm& vm) {
  return vm.Create(MakeNativeBehavior(vm.core(), "clock", [](Turn& turn) {
    if (Is(turn.message(), "now", 0)) return turn.Reply(turn.Int(NowNs(CLOCK_REALTIME)));
    if (Is(turn.message(), "monotonic", 0)) return turn.Reply(turn.Int(NowNs(CLOCK_MONOTONIC)));
    Refuse(turn, "a clock takes #now and #monotonic");
  }));
}

Root MakeRefusal(Vm& vm, std::string name, std::string text) {
  return vm.Create(
      MakeNativeBehavior(vm.core(), std::move(name),
                         [text = std::move(text)](Turn& turn) { turn.Fault("denied", text); }));
}

}  // namespace vesicle
