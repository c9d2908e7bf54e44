// LoopGuest: what has handles on a VmLoop and is to give them back when the loop goes: a device
// without a ref (loop_device.h is for those with one), something that a task awaits (await/).
//
// Ownership: by anyone; the loop only tells it.
// Threads:   the VM's.
#ifndef VESICLE_VM_LOOP_LOOP_GUEST_H_
#define VESICLE_VM_LOOP_LOOP_GUEST_H_

#include <list>

#include "absl/status/status.h"
#include "vm/loop/vm_loop.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline absl::Status LoopIsGone() { return absl::UnavailableError("the loop is gone"); }

class LoopGuest {
 public:
  LoopGuest(const LoopGuest&) = delete;
  LoopGuest& operator=(const LoopGuest&) = delete;

 protected:
  // Of a loop that is gone already it is told nothing.
  explicit LoopGuest(const LoopRef& loop);
  virtual ~LoopGuest();

  VmLoop* loop() const { return loop_; }  // null: it is gone
  // Once, before libuv's loop goes: handles are closed now. loop() is null.
  virtual void OnLoopGone() = 0;

 private:
  friend class VmLoop;
  VmLoop* loop_;
  std::list<LoopGuest*>::iterator place_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_LOOP_GUEST_H_
