// Completion<T>: one thing to come from the event loop, for a task to await: whatever calls back
// once. AwaitRequest and AwaitHandle (uv_await.h) make them of libuv's own; RunInPool, NextSignal,
// WaitReadable (ready.h) are ready made.
//
//   Completion<std::string> scanned(loop);                      // LoopRef or VmLoop&
//   scanner.Begin([done = scanned.done()](std::string code) { done(std::move(code)); });
//   scanned.OnCancel([&scanner] { scanner.GiveUp(); });
//   absl::StatusOr<std::string> code = co_await std::move(scanned);   // in a task
//   auto got = co_await Select(std::move(other), Sleep(1s));          // or the first of several
//
// It is under way when it is made, so several can be at once. Of nothing (T void) the result is an
// absl::Status. Unavailable: the loop is gone, or the system refused.
//
// Ownership: by who awaits. Dropped before it is done, because a Select took another one or the
//            task or its actor ended, it calls OnCancel's function, and done() leads nowhere from
//            then on; so it does when the loop goes, and then is Unavailable. Movable until it is
//            awaited.
// Threads:   the VM's; from others by Poster::Post.
#ifndef VESICLE_VM_LOOP_AWAIT_COMPLETION_H_
#define VESICLE_VM_LOOP_AWAIT_COMPLETION_H_

#include <memory>
#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "vm/loop/loop_guest.h"
#include "vm/native/typed/asked.h"

#pragma GCC visibility push(default)
namespace vesicle {

namespace await_internal {

// What is the same for all types.
class CompletionState : public LoopGuest {
 public:
  explicit CompletionState(const LoopRef& loop) : LoopGuest(loop) {}
  virtual ~CompletionState() { Cancel(); }

  bool is_gone() const { return loop() == nullptr; }
  bool is_done() const { return is_done_; }
  void Arm(Actors& actors);
  void OnCancel(absl::AnyInvocable<void()> fn);
  // Its result is there.
  void Finish();

 private:
  virtual void SetGone() = 0;
  void OnLoopGone() override;
  void Cancel();

  bool is_done_ = false;
  absl::AnyInvocable<void()> on_cancel_;
  Core* core_ = nullptr;  // null: nobody waits yet
  Root promise_;
};

}  // namespace await_internal

template <typename T>
class [[nodiscard]] Completion {
 public:
  using Result = typename typed_internal::OutcomeOf<T>::Type;

 private:
  struct State final : await_internal::CompletionState {
    explicit State(const LoopRef& loop) : CompletionState(loop) {
      if (is_gone()) Complete(LoopIsGone());
    }
    void SetGone() override { result.emplace(LoopIsGone()); }
    void Complete(Result with) {
      if (is_done()) return;
      result.emplace(std::move(with));
      Finish();
    }
    std::optional<Result> result;
  };

 public:
  // Completes it; only the first call counts. Copyable; may outlive all there is.
  class Done {
   public:
    void operator()(Result result) const {
      if (const std::shared_ptr<State> state = state_.lock()) state->Complete(std::move(result));
    }
    bool is_wanted() const {
      const std::shared_ptr<State> state = state_.lock();
      return state != nullptr && !state->is_done();
    }

   private:
    friend class Completion;
    explicit Done(std::weak_ptr<State> state) : state_(std::move(state)) {}
    std::weak_ptr<State> state_;
  };

  explicit Completion(const LoopRef& loop) : state_(std::make_shared<State>(loop)) {}
  Completion(Completion&&) noexcept = default;
  Completion& operator=(Completion&&) noexcept = default;

  Done done() const { return Done(state_); }
  // Is called at most once: if it is dropped undone, or the loop goes. If the loop is gone already,
  // or it is done, `fn` is dropped.
  void OnCancel(absl::AnyInvocable<void()> fn) { state_->OnCancel(std::move(fn)); }
  bool is_done() const { return state_->is_done(); }

  // --- what tasks and Select ask of whatever is awaited (task/task.h)
  bool IsReadyNow() const { return is_done(); }
  void Arm(Actors& actors, Claim&) { state_->Arm(actors); }
  bool IsReady() const { return is_done(); }
  // Once.
  Result Take() { return *std::move(state_->result); }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_AWAIT_COMPLETION_H_
