// The clock, and what stands for grants: several at once, or none.
#include <time.h>

#include <utility>

#include "vm/loop/devices.h"
#include "vm/loop/loop_device.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

int64_t NowNs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Root MakeClock(Vm& vm) {
  const auto answer = [](Turn& turn) {
    if (Is(turn.message(), "now", 0)) return turn.Reply(turn.Int(NowNs(CLOCK_REALTIME)));
    if (Is(turn.message(), "monotonic", 0)) return turn.Reply(turn.Int(NowNs(CLOCK_MONOTONIC)));
    Refuse(turn, "a clock takes #now and #monotonic");
  };
  return vm.Create(
      MakeClockBehavior(vm.core(), "clock", answer, [] { return NowNs(CLOCK_MONOTONIC); }));
}

Root MakeGrants(Vm& vm, std::vector<std::pair<std::string, Root>> grants) {
  return vm.Create(
      MakeNativeBehavior(vm.core(), "grants", [grants = std::move(grants)](Turn& turn) {
        std::string names;
        for (const auto& [name, ref] : grants) names += (names.empty() ? "" : ", ") + name;
        if (Is(turn.message(), "open_dir", 1)) {
          const Value wanted = FieldsOf(turn.message())[0];
          for (const auto& [name, ref] : grants) {
            if (IsText(wanted) && TextView(wanted) == name) return turn.Reply(ref.value());
          }
        }
        turn.Fault("denied",
                   "what was granted is reached by #open_dir(DIR), with one of: " + names);
      }));
}

Root MakeRefusal(Vm& vm, std::string name, std::string text) {
  return vm.Create(
      MakeNativeBehavior(vm.core(), std::move(name),
                         [text = std::move(text)](Turn& turn) { turn.Fault("denied", text); }));
}

}  // namespace vesicle
