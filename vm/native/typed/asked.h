// Asked<T>: a question that was asked, whose answer is to come. The message is under way already.
//
//   counter.Ask(&Counter::Get).Then([](absl::StatusOr<int64_t> n) { .. });
//   counter.Ask(&Counter::Get).Within(50ms).Then(..);                  // or DeadlineExceeded
//   absl::StatusOr<int64_t> n = co_await counter.Ask(&Counter::Get);   // in a task
//   lobby.Ask(&Lobby::FindRoom, "hall").Early().Tell(&Room::Say, "hello");   // of what is to come
//
// Of a method that returns nothing it is an absl::Status. What statuses mean: status.h. The
// callback is called once, in a turn of the actor that asked, or outside of any actor's if the host
// did; never if the answer never comes, or if who asked ends first.
//
// Ownership: keeps the promise alive. Movable until it is awaited. Dropping it drops the answer.
#ifndef VESICLE_VM_NATIVE_TYPED_ASKED_H_
#define VESICLE_VM_NATIVE_TYPED_ASKED_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "vm/actor/promise.h"
#include "vm/native/typed/actors.h"
#include "vm/native/typed/status.h"
#include "vm/native/typed/turn_access.h"

#pragma GCC visibility push(default)
namespace vesicle {

template <typename T>
class ActorRef;

namespace typed_internal {

template <typename T>
inline constexpr bool kIsActorRef = false;
template <typename T>
inline constexpr bool kIsActorRef<ActorRef<T>> = true;

template <typename T>
struct OutcomeOf {
  using Type = absl::StatusOr<T>;
};
template <>
struct OutcomeOf<void> {
  using Type = absl::Status;
};

// Who was asked for what, for people; a text when it is wanted.
struct CallName {
  const ClassInfo* info = nullptr;
  const Call* call = nullptr;
  int64_t method = 0;
  std::string_view otherwise = "a promise";
  std::string Text() const {
    if (info == nullptr) return std::string(otherwise);
    return std::string(info->NameOf(call, method)) + " of " + std::string(info->name);
  }
};

// Of a promise that settled.
template <typename T>
typename OutcomeOf<T>::Type OutcomeOfPromise(Actors& actors, const CallName& name, Object* root) {
  const Value outcome = promise::Outcome(root);
  if (promise::StateOf(root) == promise::State::kBroken) {
    return StatusOfReason(name.Text(), outcome);
  }
  if constexpr (std::is_void_v<T>) {
    return absl::OkStatus();
  } else {
    Reading in(actors.core(), &actors);
    T t{};
    if (Convert<T>::From(in, outcome, &t)) [[likely]]
      return t;
    return VmStatus(absl::StatusCode::kInvalidArgument, name.Text(), "the reply: " + in.Message());
  }
}

// Null: it is pending.
inline Object* SettledRoot(Actors& actors, Value promise) {
  Object* root = promise::Root(actors.core().heap(), promise.target());
  return promise::StateOf(root) == promise::State::kPending ? nullptr : root;
}

}  // namespace typed_internal

template <typename T>
class [[nodiscard]] Asked {
 public:
  using Result = typename typed_internal::OutcomeOf<T>::Type;

  Asked(Actors& actors, Value promise, typed_internal::CallName name)
      : actors_(&actors), name_(name), promise_(actors.core().heap(), promise) {}
  // That was refused before it was asked.
  explicit Asked(absl::Status error) : error_(std::move(error)) {}
  Asked(Asked&&) noexcept = default;
  Asked& operator=(Asked&&) noexcept = default;

  // The answer is DeadlineExceeded from then on. Wants a time (Actors::SetTime), checked.
  Asked&& Within(std::chrono::nanoseconds after) && {
    if (actors_ != nullptr) SetDeadline(after);
    return std::move(*this);
  }

  void Then(absl::AnyInvocable<void(Result)> callback) &&;

  // Of an answer that is a ref: one that takes calls at once. They go ahead, by name, and arrive
  // in order when the answer is there; over a line they are sent without waiting for it. Where the
  // answer breaks, or is no ref of that class, so do they. Empty where the question was refused.
  T Early() const requires typed_internal::kIsActorRef<T> {
    if (actors_ == nullptr) return T();
    return *T::From(*actors_, promise_.value());
  }

  // --- what tasks and Select ask of whatever is awaited (task/task.h)
  bool IsReadyNow() const { return actors_ == nullptr; }
  void Arm(Actors&, Claim&) {
    if (actors_ == nullptr) return;
    actors_->WaitFor(promise_.value());
    if (deadline_ != nullptr) actors_->WaitFor(deadline_->promise.value());
  }
  bool IsReady() const {
    return actors_ == nullptr || is_late() ||
           typed_internal::SettledRoot(*actors_, promise_.value()) != nullptr;
  }
  Result Take() {
    if (actors_ == nullptr) return error_;
    if (Object* root = typed_internal::SettledRoot(*actors_, promise_.value())) {
      return typed_internal::OutcomeOfPromise<T>(*actors_, name_, root);
    }
    return VmStatus(absl::StatusCode::kDeadlineExceeded, name_.Text(), "no answer in time");
  }

 private:
  class Callback;
  struct Deadline {
    Alarm alarm;
    Root promise;
  };

  bool is_late() const { return deadline_ != nullptr && deadline_->alarm.has_rung(); }
  void SetDeadline(std::chrono::nanoseconds after) {
    deadline_ = std::make_unique<Deadline>();
    Core& core = actors_->core();
    deadline_->promise = Root(core.heap(), core.NewPromise());
    deadline_->alarm.Set(actors_->alarms(), after, [&core, promise = deadline_->promise] {
      core.Keep(promise.value(), Value::Nil());
    });
  }

  Actors* actors_ = nullptr;  // null: it was refused
  absl::Status error_;
  typed_internal::CallName name_;
  Root promise_;
  std::unique_ptr<Deadline> deadline_;
};

// ---------------------------------------------------------------------------

// Runs C++ of an actor, or of the host, in a turn: what it throws is a fault. Tells an actor that
// may wait for the end of what it has under way.
void RunOfActor(ActorCode* code, Turn& turn, absl::FunctionRef<void()> fn);

template <typename T>
class Asked<T>::Callback final : public Activity {
 public:
  Callback(ActorCode* code, Asked asked, absl::AnyInvocable<void(Result)> fn)
      : actors_(*asked.actors_), code_(code), asked_(std::move(asked)), fn_(std::move(fn)) {
    Wait();
  }
  void OnWake(Turn& turn) override {
    if (!asked_.IsReady()) return Wait();
    actors_.set_running(code_);
    Result result = asked_.Take();
    absl::AnyInvocable<void(Result)> fn = std::move(fn_);
    ActorCode* code = code_;
    End();
    // `this` is gone.
    RunOfActor(code, turn, [&] { fn(std::move(result)); });
  }

 private:
  void Wait() {
    actors_.BeginWait(*this);
    asked_.Arm(actors_, claim_);
  }
  Claim claim_;
  Actors& actors_;
  ActorCode* code_;  // null: the host's
  Asked asked_;
  absl::AnyInvocable<void(Result)> fn_;
};

template <typename T>
void Asked<T>::Then(absl::AnyInvocable<void(Result)> callback) && {
  if (actors_ == nullptr) return callback(std::move(error_));
  if (actors_->is_closing()) return;
  Actors& actors = *actors_;
  actors.activities().Add(
      std::make_unique<Callback>(actors.running(), std::move(*this), std::move(callback)));
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_ASKED_H_
