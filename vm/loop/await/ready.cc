#include "vm/loop/await/ready.h"

#include "vm/loop/await/uv_await.h"

namespace vesicle {

namespace await_internal {

absl::Status StatusOfThrown(std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return absl::AbortedError(absl::StrCat("work in the pool threw: ", e.what()));
  } catch (...) {
    return absl::AbortedError("work in the pool threw something that is no std::exception");
  }
}

}  // namespace await_internal

Completion<void> NextSignal(const LoopRef& loop, int signal) {
  return AwaitHandle<uv_signal_t, void>(
      loop, "signal", uv_signal_init,
      [signal](uv_signal_t* handle, auto callback) {
        return uv_signal_start_oneshot(handle, callback, signal);
      },
      [](uv_signal_t*, int) { return absl::OkStatus(); });
}

namespace {

Completion<void> Poll(const LoopRef& loop, int fd, int events) {
  return AwaitHandle<uv_poll_t, void>(
      loop, "file descriptor",
      [fd](uv_loop_t* uv, uv_poll_t* h) { return uv_poll_init(uv, h, fd); },
      [events](uv_poll_t* h, auto callback) {
        return uv_poll_start(h, events | UV_DISCONNECT, callback);
      },
      [](uv_poll_t*, int status, int) {
        return status < 0 ? UvStatus(status, "file descriptor") : absl::OkStatus();
      });
}

}  // namespace

Completion<void> WaitReadable(const LoopRef& loop, int fd) { return Poll(loop, fd, UV_READABLE); }
Completion<void> WaitWritable(const LoopRef& loop, int fd) { return Poll(loop, fd, UV_WRITABLE); }

}  // namespace vesicle
