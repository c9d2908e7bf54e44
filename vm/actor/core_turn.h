// The beginning of a turn, inline: for the dispatch, and for a language whose loop goes from one
// plain turn straight to the next (TakeNext).
#ifndef VESICLE_VM_ACTOR_CORE_TURN_H_
#define VESICLE_VM_ACTOR_CORE_TURN_H_

#include "absl/base/attributes.h"
#include "vm/actor/actor.h"
#include "vm/actor/core.h"

namespace vesicle {

// The actors of the next events are on their way to the cache while this turn runs. Behind the end
// of a segment's events are some words that lead nowhere.
inline void PrefetchBehind(const Event* event) {
  __builtin_prefetch(reinterpret_cast<const void*>(event[2].target.bits()));
}

// What every turn begins with. Staged effects there are none: the end of each turn took them away.
inline void Core::BeginTurn(const Event& event, Value self, Value slot, Object* code) {
  TurnState& t = turn_;
  t.self = self;
  t.message = event.message;
  t.slot = slot;
  t.receiver = event.target;
  t.cause_and_flag = event.cause_and_flag;
  t.serial = ++serial_;
  t.mark = sponsor_->queue.mark();
  t.made_since = heap_.young_top();
  records_[serial_ % kRecords] = {event.cause(), code, self};
  fuel_at_turn_start_ = fuel;
}

// What a turn noted that began with a crossing.
inline void Core::ForgetCrossing() {
  turn_.origin = {};
  turn_.crossed = Value::Nil();
}

// Ends a turn that did nothing but send, and begins the next one, if that is a message for an actor
// that runs its code straight away and by the same EnterFn: its holder. Null: nothing was done, and
// the code returns kDone. For code that is about to do so; `fuel` is stored back. Left to itself
// the compiler makes a call of it: 15 % of fan-in.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline Object* Core::TakeNext(EnterFn enter) {
  if (fuel <= 0 || is_watched() || heap_.wants_safe_point()) return nullptr;
  if (turn_.effects != 0) {
    if (turn_.effects != TurnState::kCrossed) return nullptr;
    ForgetCrossing();
    turn_.effects = 0;
  }
  EventQueue& queue = sponsor_->queue;
  if (heap_.marking() && queue.has_snapshot()) [[unlikely]]
    return nullptr;
  const Event* event = queue.NextSent();
  if (event == nullptr || event->flag() != EventFlag::kMessage) return nullptr;
  Object* target = event->target.target();
  if (!actor::IsPlain(target)) [[unlikely]]
    return TakeNextAcross(event, enter);
  Object* code = code::Of(target);
  if (code::Enter(code) != enter) return nullptr;
  queue.PopSent();
  PrefetchBehind(event);
  BeginTurn(*event, event->target, event->slot, code);
  return target;
}

}  // namespace vesicle

#endif  // VESICLE_VM_ACTOR_CORE_TURN_H_
