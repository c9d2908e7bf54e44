// UvHandle: one libuv handle whose memory outlives its close callback, as libuv
// wants it. Destroying a UvHandle stops it at once: its callback is not called
// again, whatever libuv does with the memory until the loop turns.
//
// Ownership: the UvHandle owns handle and callback; both are freed by the loop after
//            it. The callback may destroy the UvHandle it runs for.
// Threads:   the loop's thread.
//
//   UvHandle<uv_timer_t> timer;
//   if (int rc = timer.Init(loop, uv_timer_init); rc != 0) return UvStatus(rc, "timer");
//   timer.set_callback([this] { OnTime(); });
//   uv_timer_start(timer.get(), UvHandle<uv_timer_t>::Fire, 10, 0);
#ifndef VESICLE_VM_LOOP_UV_HANDLE_H_
#define VESICLE_VM_LOOP_UV_HANDLE_H_

#include <uv.h>

#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#pragma GCC visibility push(default)
namespace vesicle {

// Unavailable: "what: the system's words".
inline absl::Status UvStatus(int rc, std::string_view what) {
  return absl::UnavailableError(
      absl::StrCat(absl::string_view(what.data(), what.size()), ": ", uv_strerror(rc)));
}

template <typename Handle>
class UvHandle {
 public:
  UvHandle() = default;
  ~UvHandle() { Close(); }
  UvHandle(const UvHandle&) = delete;
  UvHandle& operator=(const UvHandle&) = delete;

  // init(loop, handle, arguments...), which is one of libuv's; its result. Once, until Close().
  template <typename InitFn, typename... Args>
  int Init(uv_loop_t* loop, InitFn init, Args... args) {
    Box* box = new Box;
    const int rc = init(loop, &box->handle, args...);
    if (rc < 0) {
      delete box;
      return rc;
    }
    box->handle.data = box;
    box_ = box;
    return 0;
  }
  bool is_open() const { return box_ != nullptr; }
  // Wants is_open().
  Handle* get() { return &box_->handle; }
  void set_callback(absl::AnyInvocable<void()> fn) { box_->fn = std::move(fn); }

  // Whether the loop stays for it.
  void Ref() { uv_ref(base()); }
  void Unref() { uv_unref(base()); }
  bool is_active() const { return is_open() && uv_is_active(base()) != 0; }

  void Close() {
    if (box_ == nullptr) return;
    Box* box = std::exchange(box_, nullptr);
    box->is_closed = true;
    uv_close(reinterpret_cast<uv_handle_t*>(&box->handle),
             [](uv_handle_t* handle) { delete static_cast<Box*>(handle->data); });
  }

  // The callback to give to libuv; the second one for those with more arguments.
  static void Fire(Handle* handle) {
    Box* box = static_cast<Box*>(handle->data);
    if (!box->is_closed && box->fn) box->fn();
  }
  static void FirePoll(Handle* handle, int, int) { Fire(handle); }
  static void FireSignal(Handle* handle, int) { Fire(handle); }

 private:
  struct Box {
    Handle handle;
    absl::AnyInvocable<void()> fn;
    bool is_closed = false;
  };
  uv_handle_t* base() const { return reinterpret_cast<uv_handle_t*>(&box_->handle); }

  Box* box_ = nullptr;
};

// Runs `work` on libuv's pool of threads, then `done` on the loop's thread; the loop stays for
// it. `done` runs in any case, perhaps when the VM is gone; both hold what they need.
inline void RunOnPool(uv_loop_t* loop, absl::AnyInvocable<void()> work,
                      absl::AnyInvocable<void()> done) {
  struct Job {
    uv_work_t request;
    absl::AnyInvocable<void()> work;
    absl::AnyInvocable<void()> done;
  };
  Job* job = new Job{{}, std::move(work), std::move(done)};
  job->request.data = job;
  const int rc = uv_queue_work(
      loop, &job->request, [](uv_work_t* r) { static_cast<Job*>(r->data)->work(); },
      [](uv_work_t* r, int) {
        Job* finished = static_cast<Job*>(r->data);
        finished->done();
        delete finished;
      });
  if (rc != 0) {
    // Only for want of a callback, which is there.
    job->done();
    delete job;
  }
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_UV_HANDLE_H_
