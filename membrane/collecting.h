// Turns of a control ref that go on when room was made for them.
#ifndef VESICLE_MEMBRANE_COLLECTING_H_
#define VESICLE_MEMBRANE_COLLECTING_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "vm/actor/core.h"

namespace vesicle {

// The turn goes on when what is dead was collected, of the young or all of it.
inline TurnEnd GoOnAfter(Core& core, Core::Need need, std::unique_ptr<Suspension> rest) {
  const TurnEnd suspended = core.Suspend(std::move(rest));  // where a collection finds it
  core.fuel = std::min<int64_t>(core.fuel, -1);
  switch (core.Refuel(need)) {
    case Core::Fuel::kGo:
    case Core::Fuel::kSuspend:
      return suspended;
    case Core::Fuel::kQuotaMemory:
      core.ForgetSuspension();
      return core.Quota(Resource::kMemory);
    case Core::Fuel::kQuotaSteps:
    case Core::Fuel::kTurnTooLong:
      break;
  }
  core.ForgetSuspension();
  return core.Quota(Resource::kSteps);
}

// What is dead goes, twice: the first collection may have been of the young only.
inline constexpr int kTriesMax = 2;
inline Core::Need NeedOfTry(int tries) {
  return tries == 0 ? Core::Need::kMemory : Core::Need::kAllMemory;
}

}  // namespace vesicle

#endif  // VESICLE_MEMBRANE_COLLECTING_H_
