// What a task can await of the event loop, ready made.
//
//   const auto hash = [bytes] { return Hash(bytes); };
//   absl::StatusOr<std::string> hashed = co_await RunInPool(loop, hash);
//   absl::Status hangup = co_await NextSignal(loop, SIGHUP);
//   absl::Status ready = co_await WaitReadable(loop, fd);
//   auto first = co_await Select(RunInPool(loop, Guess), Sleep(100ms));
//
// Each is under way when it is made, and cancelled when it is dropped (completion.h). Unavailable:
// the loop is gone, or the system refused.
//
// Threads: the VM's, but for what is to run in the pool.
#ifndef VESICLE_VM_LOOP_AWAIT_READY_H_
#define VESICLE_VM_LOOP_AWAIT_READY_H_

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "vm/loop/await/completion.h"
#include "vm/loop/uv_handle.h"
#include "vm/native/typed/signature.h"

#pragma GCC visibility push(default)
namespace vesicle {

namespace await_internal {

// Of what was thrown: Aborted.
absl::Status StatusOfThrown(std::exception_ptr error);

template <typename Fn>
inline constexpr bool kIsAnyInvocable = false;
template <typename R>
inline constexpr bool kIsAnyInvocable<absl::AnyInvocable<R()>> = true;

template <typename Fn>
struct PoolJob {
  using Returned = std::invoke_result_t<Fn&>;
  using Done = Completion<typename typed_internal::AnswerOf<Returned>::Type>;

  void Run() {
    try {
      if constexpr (std::is_void_v<Returned>) {
        fn();
        result.emplace(absl::OkStatus());
      } else {
        result.emplace(fn());
      }
    } catch (...) {
      result.emplace(StatusOfThrown(std::current_exception()));
    }
  }
  uv_work_t request{};
  typename Done::Done done;
  Fn fn;
  std::optional<typename Done::Result> result = std::nullopt;
};

}  // namespace await_internal

// Runs fn() on libuv's pool of threads, which VMs of the process share (four of them, unless
// UV_THREADPOOL_SIZE says otherwise): for what computes long, or blocks. What it returns is the
// result, a Status or StatusOr as it is; Aborted: it threw.
//
// `fn` touches nothing of the VM, and holds copies: it may run, or end, when who waits is gone. Of
// one that is dropped before a thread has begun it nothing runs. It is destroyed on the loop's
// thread. A loop of VmLoop's own that goes waits for what has begun.
//
// A function that holds more than plain data is given by name, and copied; what cannot be copied as
// an absl::AnyInvocable<R()>. For g++ 12 destroys a lambda that is made within an expression that
// is awaited twice (task/task.h), which this refuses to compile.
template <typename Fn>
auto RunInPool(const LoopRef& loop, Fn&& fn) {
  static_assert(std::is_lvalue_reference_v<Fn> || std::is_trivially_destructible_v<Fn> ||
                    await_internal::kIsAnyInvocable<Fn>,
                "vesicle: give this function a name before it is passed on (await/ready.h)");
  using Job = await_internal::PoolJob<std::remove_cvref_t<Fn>>;
  typename Job::Done completion(loop);
  if (loop.get() == nullptr) return completion;
  Job* job = new Job{{}, completion.done(), std::forward<Fn>(fn)};
  job->request.data = job;
  // Fails only for want of a callback.
  uv_queue_work(
      loop.get()->uv(), &job->request, [](uv_work_t* r) { static_cast<Job*>(r->data)->Run(); },
      [](uv_work_t* r, int) {
        Job* over = static_cast<Job*>(r->data);
        if (over->result) over->done(*std::move(over->result));
        delete over;
      });
  completion.OnCancel([job] { uv_cancel(reinterpret_cast<uv_req_t*>(&job->request)); });
  return completion;
}

// The next signal of that number. Before it is made and after it came the signal does what it did:
// to hear of each, a SignalWatcher (../signal_watcher.h) that sends into a Channel.
Completion<void> NextSignal(const LoopRef& loop, int signal);

// The descriptor can be read or written without waiting, or its other end is gone: a socket that
// listens, a device, an eventfd. Not of files. One wait at a time for one descriptor, which is
// borrowed, and stays open as long.
Completion<void> WaitReadable(const LoopRef& loop, int fd);
Completion<void> WaitWritable(const LoopRef& loop, int fd);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_AWAIT_READY_H_
