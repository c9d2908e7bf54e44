#include "vm/loop/signal_watcher.h"

#include <utility>

#include "vm/loop/uv_handle.h"

namespace vesicle {

struct SignalWatcher::Rep {
  UvHandle<uv_signal_t> handle;
};

SignalWatcher::SignalWatcher(VmLoop& loop, int signal, absl::AnyInvocable<void()> fn)
    : rep_(std::make_unique<Rep>()) {
  // Without it (no descriptors left) the signal keeps its default action, which ends the program.
  if (rep_->handle.Init(loop.uv(), uv_signal_init) != 0) return;
  rep_->handle.set_callback(std::move(fn));
  uv_signal_start(rep_->handle.get(), UvHandle<uv_signal_t>::FireSignal, signal);
  rep_->handle.Unref();
}

SignalWatcher::~SignalWatcher() = default;

}  // namespace vesicle
