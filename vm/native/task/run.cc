#include "vm/native/task/run.h"

#include <exception>
#include <string>

#include "vm/native/task/task.h"
#include "vm/native/typed/turn_access.h"

namespace vesicle {

Run::~Run() {
  if (slot_.heap() == nullptr || code_.actors().is_closing()) return;
  Core& core = code_.actors().core();
  core.Break(slot_.value(), core.Reason("stopped"));
}

void Run::Suspend(std::coroutine_handle<> leaf, Waits& waits) {
  leaf_ = leaf;
  waits_ = &waits;
  code_.actors().BeginWait(*this);
  // Waiting is an effect of the turn: one that fails later leaves a task that nothing would wake.
  code_.actors().NoteTaken();
  waits.Arm(code_.actors());
}

bool Run::Segment(Turn& turn) {
  leaf_.resume();
  if (root_.done()) {
    try {
      Finish(turn);
    } catch (const std::bad_alloc&) {
      turn.Quota(Resource::kMemory);
    } catch (...) {
      code_.Threw(turn, std::current_exception());
    }
  }
  TurnAccess::FailForGood(turn);
  if (turn.has_failed() || root_.done()) {
    slot_.reset();  // the turn settles it
    return true;
  }
  const Value slot = TurnAccess::TakeSlot(turn);
  if (slot.is_nil()) {
    slot_.reset();
  } else if (slot_.value() != slot) {
    slot_ = Root(turn.core().heap(), slot);
  }
  return false;
}

void Run::Start(std::unique_ptr<Run> run, Turn& turn) {
  ActorCode& code = run->code_;
  if (code.activities().size() >= code.tasks_max()) {
    return code.Refuse(
        turn, "full",
        std::to_string(code.tasks_max()) + " tasks of " + code.name() + " run already");
  }
  auto* started = static_cast<Run*>(code.activities().Add(std::move(run)));
  if (started->Segment(turn)) started->End();
}

void Run::OnWake(Turn& turn) {
  if (turn.has_failed()) return End();  // the turn that began to wait
  ActorCode& code = code_;
  Actors& actors = code.actors();
  actors.set_running(&code);
  if (!waits_->IsReady()) {
    actors.BeginWait(*this);
    return waits_->Arm(actors);
  }
  if (slot_.heap() != nullptr) TurnAccess::GiveSlot(turn, slot_.value());
  if (!Segment(turn)) return;
  End();
  if (turn.has_failed()) {
    code.AfterTaskFailed(turn);
  } else {
    code.OnActivityEnd(turn);
  }
}

void Sleep::Arm(Actors& actors, Claim&) {
  if (set_ == nullptr) {
    set_ = std::make_unique<Set>();
    Core& core = actors.core();
    set_->promise = Root(core.heap(), core.NewPromise());
    set_->alarm.Set(actors.alarms(), time_,
                    [&core, promise = set_->promise] { core.Keep(promise.value(), Value::Nil()); });
  }
  actors.WaitFor(set_->promise.value());
}

// Beside what the turn replies: nobody waits for it.
void Context::Start(Task<void> task) {
  Turn& now = turn();
  const TurnAccess::Asker asker = TurnAccess::PutAside(now);
  StartTask(code_, now, std::move(task));
  TurnAccess::PutBack(now, asker);
}

}  // namespace vesicle
