// Core: a slice in an order that is imposed (schedule.h).
#include <algorithm>

#include "vm/actor/core.h"

namespace vesicle {

// As DispatchQueue, which is not burdened with it.
void Core::DispatchOnSchedule(Sponsor& sponsor) {
  constexpr int64_t kStepsUncut = int64_t{1} << 40;
  constexpr int64_t kStepsAtOnce = 2'000;
  EventQueue& queue = sponsor.queue;
  while (sponsor.schedule != nullptr) {
    const Schedule::Next next = sponsor.schedule->BeforeEvent(*this);
    if (next.stops || queue.empty()) break;
    ChargeSteps();
    slice_left_ = kStepsUncut;
    fuel = fuel_given_ = kStepsAtOnce;
    comes_cut_ = next.cuts;
    const Event event = queue.Take();
    ShadeTaken(event);
    Dispatch(event);
    comes_cut_ = is_cut_ = false;
    if (sponsor.is_held() || slice_left_ <= 0) break;
    if (heap_.wants_safe_point()) {
      heap_.SafePoint();
      if (heap_.memory_is_out()) break;
    }
  }
  ChargeSteps();
  slice_left_ = slice_given_;
}

// The turn that begins, or goes on, is cut short where it first looks at its fuel.
void Core::ImposeCut() {
  ChargeSteps();
  slice_left_ = fuel = fuel_given_ = fuel_at_turn_start_ = 0;
  comes_cut_ = false;
  is_cut_ = true;
}

void Core::DeliverFirst(Value payer, const Event& event) {
  Sponsor& sponsor = PayerOf(payer);
  sponsor.queue.PushFront(event);
  MakeReady(sponsor);
}

}  // namespace vesicle
