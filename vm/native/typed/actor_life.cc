// ActorCode: how the life of an actor begins and ends.
#include "vm/native/typed/actor_life.h"

#include <algorithm>
#include <exception>

#include "vm/native/typed/actor_code.h"
#include "vm/native/typed/turn_access.h"

namespace vesicle {

namespace typed_internal {

const Call kStartCall{
    [](ActorCode& code, Turn& turn, int64_t, const Value*) { code.OnStartCall(turn); }};
const Call kStopCall{[](ActorCode& code, Turn& turn, int64_t grace_ns, const Value*) {
  code.OnStopCall(turn, std::chrono::nanoseconds(grace_ns));
}};
const Call kFinishCall{
    [](ActorCode& code, Turn& turn, int64_t, const Value*) { code.OnFinishCall(turn); }};

Value LifeMessage(Core& core, const Call& call, int64_t word) {
  Object* o = core.heap().AllocateRaw(Kind::kTuple, 2);
  o->words()[0] = Value::FromBits(reinterpret_cast<uint64_t>(&call));
  o->words()[1] = Value::SmallInt(word);
  return Value::Data(o);
}

}  // namespace typed_internal

using typed_internal::kFinishCall;
using typed_internal::LifeMessage;

Value StopMessage(Core& core, std::chrono::nanoseconds grace) {
  return LifeMessage(core, typed_internal::kStopCall,
                     std::clamp<int64_t>(grace.count(), 0, kSmallIntMax));
}

void ActorCode::OnStartCall(Turn& turn) {
  if (state_ != State::kNew) return;
  absl::Status status;
  try {
    object_ = make_();
    status = object_ == nullptr ? absl::FailedPreconditionError("it cannot be made anew")
                                : info_.on_start(object_, context_);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    Threw(turn, std::current_exception());
  }
  if (!status.ok() && !turn.has_failed()) turn.Fail(ValueOfStatus(turn, status));
  // An effect that found no room counts: it would not take place.
  TurnAccess::FailForGood(turn);
  if (!turn.has_failed()) {
    state_ = State::kRunning;
    was_started_ = true;
    return;
  }
  is_refusal_ = true;  // told here already
  NoteFault(turn, "OnStart", /*at_start=*/true);
}

void ActorCode::OnStopCall(Turn& turn, std::chrono::nanoseconds grace) {
  if (state_ >= State::kWaitingForTasks) return;
  sources_.Clear();
  if (state_ == State::kNew || activities_.empty() || grace.count() == 0) {
    activities_.Clear();
    state_ = State::kStopping;
    return OnFinishCall(turn);
  }
  // Messages find it stopped; its tasks may end.
  state_ = State::kWaitingForTasks;
  grace_.Set(actors_->alarms(), grace,
             [this, link = link_, self = Root(turn.core().heap(), turn.self())] {
               if (link->actors != nullptr) Kill(self.value());
             });
}

void ActorCode::OnActivityEnd(Turn& turn) {
  if (state_ != State::kWaitingForTasks || !activities_.empty()) return;
  state_ = State::kStopping;
  turn.Send(turn.self(), LifeMessage(turn.core(), kFinishCall));
}

void ActorCode::Kill(Value self) {
  if (state_ >= State::kStopping) return;
  state_ = State::kStopping;
  // Not here: the turn that runs may be one of its own.
  Heap& heap = actors_->core().heap();
  actors_->Later(
      [this, link = link_, self = Root(heap, self), code = Root(heap, Value::Data(code_object_))] {
        if (link->actors == nullptr || state_ != State::kStopping) return;
        sources_.Clear();
        activities_.Clear();
        link->actors->core().Deliver(self.value(), LifeMessage(link->actors->core(), kFinishCall),
                                     Value::Nil());
      });
}

void ActorCode::OnFinishCall(Turn& turn) {
  if (state_ != State::kStopping) return;
  state_ = State::kStopped;
  grace_.Off();
  if (was_started_) {
    called_ = nullptr;
    try {
      info_.on_stop(object_, context_);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (...) {
      Threw(turn, std::current_exception());
    }
  }
  Abandon();
}

void ActorCode::Abandon() {
  state_ = State::kStopped;
  grace_.Off();
  Forget();
  sources_.Clear();
  activities_.Clear();
  if (object_ != nullptr) info_.destroy(std::exchange(object_, nullptr));
  make_ = {};
  inbox_.Close();
  if (ended_.heap() != nullptr) actors_->core().Keep(ended_.value(), Value::Nil());
}

void ActorCode::OnLifeEnd(Core&, Object*) const {
  // The control of a supervisor ends it: there is no turn to do anything in.
  if (link_->actors != nullptr) const_cast<ActorCode*>(this)->Abandon();
}

Value ActorCode::EndedPromise() {
  Core& core = actors_->core();
  if (ended_.heap() == nullptr) {
    ended_ = Root(core.heap(), core.NewPromise());
    if (state_ == State::kStopped) core.Keep(ended_.value(), Value::Nil());
  }
  return ended_.value();
}

}  // namespace vesicle
