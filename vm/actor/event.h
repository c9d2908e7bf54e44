// Event: one message under way. 32 bytes, so that two share a cache line.
//
// The event's payer is not in it: an event stands in the queue of the sponsor
// that pays for it (queue.h), or in an inbox under that sponsor (Core::Stopped).
#ifndef VESICLE_VM_ACTOR_EVENT_H_
#define VESICLE_VM_ACTOR_EVENT_H_

#include <cstdint>

#include "vm/heap/word.h"

#pragma GCC visibility push(default)
namespace vesicle {

// How dispatch treats the event. Anything but kMessage is made by the VM only;
// no message of a script can look like it.
enum class EventFlag : uint16_t {
  kMessage = 0,  // an ordinary message
  kListen = 1,  // to a promise: message is the continuation to run when it settles. To the route of
                // one (promise.h): message is that promise, which somebody waits for now
  kKept = 2,    // to what waits on a promise: it was kept, message is the value
  kBroken = 3,  // to what waits on a promise: it was broken, message is the reason, slot the
                // link to the fault's report (fault.h), or nil
  kResume = 4,  // to an actor: its suspended turn goes on
  kVoid = 5,    // what it was for is over: it only keeps its place
  kFault = 6,   // to an actor that is supervised: message is its fault, for the supervisor
};

struct Event {
  Value target;  // a target word (tag 111), always
  Value message;
  Value slot;  // where the reply goes: a promise, a proxy of one, or nil
  // Bits 0..47: serial of the turn that caused it. Bits 48..63: EventFlag.
  uint64_t cause_and_flag;

  static constexpr int kFlagShift = 48;
  static constexpr uint64_t kCauseMask = (uint64_t{1} << kFlagShift) - 1;

  uint64_t cause() const { return cause_and_flag & kCauseMask; }
  EventFlag flag() const { return static_cast<EventFlag>(cause_and_flag >> kFlagShift); }
  static constexpr uint64_t Pack(uint64_t cause, EventFlag flag) {
    return (cause & kCauseMask) | (static_cast<uint64_t>(flag) << kFlagShift);
  }
};

static_assert(sizeof(Event) == 32);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_EVENT_H_
