#include "vm/loop/await/completion.h"

namespace vesicle::await_internal {

void CompletionState::Arm(Actors& actors) {
  if (core_ == nullptr) {
    core_ = &actors.core();
    promise_ = Root(core_->heap(), core_->NewPromise());
  }
  actors.WaitFor(promise_.value());
}

void CompletionState::OnCancel(absl::AnyInvocable<void()> fn) {
  if (!is_done_) on_cancel_ = std::move(fn);
}

void CompletionState::Finish() {
  is_done_ = true;
  on_cancel_ = nullptr;
  if (core_ != nullptr) core_->Keep(promise_.value(), Value::Nil());
}

void CompletionState::OnLoopGone() {
  if (is_done_) return;
  SetGone();
  is_done_ = true;
  Cancel();
  Finish();
}

// Out of the state first: what it calls may look at it.
void CompletionState::Cancel() {
  absl::AnyInvocable<void()> fn = std::exchange(on_cancel_, nullptr);
  if (fn) fn();
}

}  // namespace vesicle::await_internal
