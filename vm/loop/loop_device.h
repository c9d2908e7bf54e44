// LoopDevice: what the devices of a VmLoop have in common. A device is a native
// behavior over a shared C++ object, which the loop closes when it goes.
//
// Ownership: the ref, and the loop while the device IsPending(): what somebody asked of
//            it comes to pass when the ref is garbage already. No collection is seen.
//            A job on the pool of threads holds its device too.
//
//   class Bell : public LoopDevice {
//    public:
//     void Handle(Turn& turn) {
//       if (!Is(turn.message(), "ring", 0)) return Refuse(turn, "a bell takes #ring");
//       ...
//     }
//     bool IsPending() const override { return !askers_.empty(); }
//     void Close() override;      // handles go, waiting askers too
//   };
//   Root MakeBell(VmLoop& loop) { return MakeDevice<Bell>(loop, "bell"); }
#ifndef VESICLE_VM_LOOP_LOOP_DEVICE_H_
#define VESICLE_VM_LOOP_LOOP_DEVICE_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/loop/vm_loop.h"
#include "vm/native/turn.h"
#include "vm/value/form.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"

#pragma GCC visibility push(default)
namespace vesicle {

class LoopDevice {
 public:
  explicit LoopDevice(VmLoop& loop) : loop_(&loop) {}
  virtual ~LoopDevice() = default;
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;

  // One message. Not called once the loop is gone.
  virtual void Handle(Turn& turn) = 0;
  // The end of a slice: whatever was put off until now.
  virtual void Flush() {}
  // Somebody waits for it, or it has something left to do. VmLoop::Keep wants to be told when this
  // becomes true (MakeDevice does so after each message); that it is over is seen at the end of
  // a slice.
  virtual bool IsPending() const = 0;
  // The loop goes: give back every handle and forget who asked.
  virtual void Close() = 0;
  bool is_closed() const { return loop_ == nullptr; }

 protected:
  VmLoop& loop() { return *loop_; }
  Vm& vm() { return loop_->vm(); }

 private:
  friend class VmLoop;
  VmLoop* loop_;                      // null when it is gone
  std::shared_ptr<LoopDevice> kept_;  // itself, while the loop keeps it
};

// More than the header of one object, for what an answer takes (Payer::Pay).
inline constexpr size_t kObjectBytes = 32;

// The message is none of the device's: what it takes, for people.
inline void Refuse(Turn& turn, std::string_view takes) { turn.Fault("no_clause", takes); }

inline void RefuseClosed(Turn& turn) {
  turn.Fault("disconnected", "the loop of this device is gone");
}

// A device of that loop, and the ref of an actor whose turns are device.Handle.
template <typename Device, typename... Args>
Root MakeDevice(VmLoop& loop, std::string name, Args&&... args) {
  auto device = std::make_shared<Device>(loop, std::forward<Args>(args)...);
  loop.Add(device);
  return loop.vm().Create(MakeNativeBehavior(loop.vm().core(), std::move(name),
                                             [device = std::move(device)](Turn& turn) {
                                               if (device->is_closed()) return RefuseClosed(turn);
                                               device->Handle(turn);
                                               VmLoop::Keep(device);
                                             }));
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_LOOP_DEVICE_H_
