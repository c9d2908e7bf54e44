// Task<T>: a coroutine that belongs to an actor. A method that returns one answers when it is done;
// meanwhile the actor serves other messages, and the object may be another one's doing after each
// co_await.
//
//   Task<absl::StatusOr<int64_t>> Sum(Context& context, ActorRef<Counter> a, ActorRef<Counter> b) {
//     auto of_a = a.Ask(&Counter::Get);                        // both are under way
//     auto of_b = b.Ask(&Counter::Get).Within(50ms);
//     absl::StatusOr<int64_t> x = co_await std::move(of_a);
//     absl::StatusOr<int64_t> y = co_await std::move(of_b);
//     if (!x.ok() || !y.ok()) co_return absl::UnavailableError("no sum");
//     co_await Sleep(10ms);
//     co_return *x + *y;
//   }
//
// Each segment between two co_awaits is a turn of the actor, with a commit of its own: a fault
// undoes the effects of its segment, ends the task, and breaks the asker's promise. A budget that
// runs out in a segment is a fault, too: a coroutine cannot begin anew.
//
// What can be awaited: Asked (ActorRef::Ask, Join, Promise::Ask), Sleep, ActorRef::TellWhenRoom,
// Channel's Send and Receive (channel.h), WorkerPool's, Select of these (select.h), another Task,
// what stands in vm/loop/await (streams, work in the pool of threads, signals, all that libuv
// calls back), and whatever has IsReadyNow, Arm, IsReady and Take as Sleep has.
//
// g++ 12, by a fault of its own, destroys twice what is made by braces of an aggregate, and a
// lambda with captures, within an expression that is awaited: give these a name before.
//
// Ownership: by the actor: it is destroyed, with all that it waits for, when the actor stops, at
//            whichever co_await it stands. A Task that nobody awaits or returns does nothing.
// Parameters are by value, but for Context&: they outlive the message.
// Threads:   the VM's.
#ifndef VESICLE_VM_NATIVE_TASK_TASK_H_
#define VESICLE_VM_NATIVE_TASK_TASK_H_

#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "vm/native/task/run.h"
#include "vm/native/typed/actor.h"

#pragma GCC visibility push(default)
namespace vesicle {

template <typename S>
concept Awaitable = requires(std::remove_reference_t<S>& s, Actors& actors, Claim& claim) {
  { s.IsReadyNow() } -> std::same_as<bool>;  // without waiting
  s.Arm(actors, claim);                      // Actors::WaitFor whatever may make it ready
  { s.IsReady() } -> std::same_as<bool>;     // looked at after a wake
  s.Take();                                  // the result; wants IsReady() or IsReadyNow()
};

namespace task_internal {

// Waits for a source, which stands in the frame: by name, or as a temporary of the expression,
// which lasts until that is over.
template <typename S>
class SourceAwaiter final : public Waits {
 public:
  SourceAwaiter(Run& run, S& source) : run_(run), source_(source) {}
  bool await_ready() { return source_.IsReadyNow(); }
  void await_suspend(std::coroutine_handle<> frame) { run_.Suspend(frame, *this); }
  decltype(auto) await_resume() { return source_.Take(); }

  bool IsReady() override { return source_.IsReady(); }
  void Arm(Actors& actors) override { source_.Arm(actors, claim_); }

 private:
  Run& run_;
  S& source_;
  Claim claim_;
};

// What each coroutine of a task knows.
struct Frame {
  Run* run = nullptr;
  std::coroutine_handle<> awaits_this;
  std::exception_ptr error;

  struct Final {
    bool await_ready() noexcept { return false; }
    template <typename P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> frame) noexcept {
      const std::coroutine_handle<> next = frame.promise().awaits_this;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  std::suspend_always initial_suspend() noexcept { return {}; }
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }

  template <typename A>
  auto await_transform(A&& awaited) {
    if constexpr (typed_internal::kIsTask<std::remove_cvref_t<A>>) {
      static_assert(!std::is_lvalue_reference_v<A>,
                    "vesicle: a task that is awaited is given away: co_await std::move(task)");
      return typename std::remove_cvref_t<A>::Awaiter{std::move(awaited)};
    } else {
      static_assert(Awaitable<A>, "vesicle: this cannot be awaited in a task (task/task.h)");
      return SourceAwaiter<std::remove_reference_t<A>>(*run, awaited);
    }
  }
};

template <typename T>
struct FrameOf : Frame {
  std::optional<T> result;
  template <typename U>
  requires std::is_convertible_v<U, T>
  void return_value(U&& value) { result.emplace(std::forward<U>(value)); }
  T TakeResult() {
    if (error) std::rethrow_exception(error);
    return *std::move(result);
  }
};
template <>
struct FrameOf<void> : Frame {
  void return_void() {}
  void TakeResult() {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace task_internal

template <typename T>
class [[nodiscard]] Task {
 public:
  struct promise_type : task_internal::FrameOf<T> {
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
  };
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // Goes on in the task that awaits it.
  struct Awaiter {
    Task task;
    bool await_ready() { return false; }
    template <typename P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> frame) {
      task.handle_.promise().run = frame.promise().run;
      task.handle_.promise().awaits_this = frame;
      return task.handle_;
    }
    T await_resume() { return task.handle_.promise().TakeResult(); }
  };

 private:
  template <typename U>
  friend class RunOf;
  explicit Task(Handle handle) : handle_(handle) {}
  Handle handle_;
};

// A task as an activity of its actor.
template <typename T>
class RunOf final : public Run {
 public:
  RunOf(ActorCode& code, Task<T> task) : Run(code), task_(std::move(task)) {
    task_.handle_.promise().run = this;
    SetRoot(task_.handle_);
  }

 private:
  void Finish(Turn& turn) override {
    if constexpr (std::is_void_v<T>) {
      task_.handle_.promise().TakeResult();
    } else {
      typed_internal::ReplyWith(code(), turn, task_.handle_.promise().TakeResult());
    }
  }
  Task<T> task_;
};

template <typename T>
void StartTask(ActorCode& code, Turn& turn, Task<T> task) {
  Run::Start(std::make_unique<RunOf<T>>(code, std::move(task)), turn);
}

// co_await Sleep(10ms): goes on then, or later. Wants a time (Actors::SetTime), checked.
class Sleep {
 public:
  explicit Sleep(std::chrono::nanoseconds time) : time_(time) {}
  bool IsReadyNow() const { return false; }
  void Arm(Actors& actors, Claim&);
  bool IsReady() const { return set_ != nullptr && set_->alarm.has_rung(); }
  std::monostate Take() const { return {}; }

 private:
  struct Set {
    Alarm alarm;
    Root promise;
  };
  std::chrono::nanoseconds time_;
  std::unique_ptr<Set> set_;
};

// A place in the line for room in an inbox: ActorRef::TellWhenRoom.
template <typename T, typename M>
class RoomFor {
 public:
  // As the method takes them.
  using Arguments = typename SignatureOf<M>::Arguments;

  RoomFor(ActorRef<T> to, M method, Arguments arguments)
      : to_(std::move(to)), method_(method), arguments_(std::move(arguments)) {}
  RoomFor(RoomFor&&) noexcept = default;

  bool IsReadyNow() const { return IsReady(); }
  void Arm(Actors& actors, Claim&) { actors.WaitFor(place_.Stand(to_.Code()->inbox().line())); }
  bool IsReady() const {
    ActorCode* code = to_.Code();
    return code == nullptr || code->has_ended() || code->inbox().has_room();
  }
  absl::Status Take() {
    place_.Done();
    return std::apply([&](auto&... as) { return to_.TryTell(method_, std::move(as)...); },
                      arguments_);
  }

 private:
  ActorRef<T> to_;
  M method_;
  Arguments arguments_;
  WaitList::Place place_;
};

template <typename T>
template <typename M, typename... As>
RoomFor<T, M> ActorRef<T>::TellWhenRoom(M method, As&&... as) const {
  typed_internal::CheckCall<T, M, As...>();
  return {*this, method, typename RoomFor<T, M>::Arguments(std::forward<As>(as)...)};
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TASK_TASK_H_
