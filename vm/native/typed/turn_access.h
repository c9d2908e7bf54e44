// TurnAccess: what typed actors and tasks do to a Turn that native behaviors do not. For
// vm/native/typed and vm/native/task alone.
#ifndef VESICLE_VM_NATIVE_TYPED_TURN_ACCESS_H_
#define VESICLE_VM_NATIVE_TYPED_TURN_ACCESS_H_

#include "vm/native/turn.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct TurnAccess {
  static TurnEnd End(const Turn& turn) { return turn.end_; }
  static bool HasReplied(const Turn& turn) { return turn.replied_; }
  static void BeginNext(Turn& turn, Object* holder) { turn.BeginNext(holder); }
  // Out of the turn, which replies no more; nil when nobody asked.
  static Value TakeSlot(Turn& turn) {
    const Value slot = turn.TakeSlot();
    turn.slot_taken_ = Value::Nil();
    return slot;
  }
  static void GiveSlot(Turn& turn, Value slot) {
    turn.core_.turn().slot = slot;
    turn.slot_taken_ = Value::Nil();
    turn.replied_ = false;
  }
  // Who asked and what was replied, put aside for something else in the same turn.
  struct Asker {
    Value slot;
    Value slot_taken;
    bool has_replied;
  };
  static Asker PutAside(Turn& turn) {
    const Asker asker = {turn.core_.turn().slot, turn.slot_taken_, turn.replied_};
    GiveSlot(turn, Value::Nil());
    return asker;
  }
  static void PutBack(Turn& turn, const Asker& asker) {
    turn.core_.turn().slot = asker.slot;
    turn.slot_taken_ = asker.slot_taken;
    turn.replied_ = asker.has_replied;
  }
  // As an EnterFn is to return it: a slot that was taken comes back when the turn fails.
  static TurnEnd Close(Turn& turn) {
    if (turn.end_ != TurnEnd::kDone) {
      if (!turn.slot_taken_.is_nil()) turn.core_.turn().slot = turn.slot_taken_;
    } else if (!turn.replied_ && turn.is_asked()) {
      turn.core_.StageReply(Value::Nil());
    }
    return turn.end_;
  }
  static void Listen(Turn& turn, Value promise, Value continuation) {
    turn.Listen(promise, continuation);
  }
  // What cannot be done anew when the budget has been refilled fails instead: a segment of a task.
  static void FailForGood(Turn& turn) {
    if (turn.end_ != TurnEnd::kQuota) return;
    turn.end_ = turn.core_.Fault(turn.core_.QuotaReason(turn.spent_), {});
  }
  // With a reason of the VM's own, as it is.
  static void Fault(Turn& turn, Value reason) { turn.end_ = turn.core_.Fault(reason, {}); }
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_TURN_ACCESS_H_
