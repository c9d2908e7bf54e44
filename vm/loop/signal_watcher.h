// SignalWatcher calls a function on the loop's thread when a signal comes. It does not
// keep the loop alive.
//
//   SignalWatcher interrupt(loop, SIGINT, [&] { loop.Stop(); });
#ifndef VESICLE_VM_LOOP_SIGNAL_WATCHER_H_
#define VESICLE_VM_LOOP_SIGNAL_WATCHER_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "vm/loop/vm_loop.h"

#pragma GCC visibility push(default)
namespace vesicle {

class SignalWatcher {
 public:
  SignalWatcher(VmLoop& loop, int signal, absl::AnyInvocable<void()> fn);
  // Before its VmLoop goes. The signal's default action is back then.
  ~SignalWatcher();

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_SIGNAL_WATCHER_H_
