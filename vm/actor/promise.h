// Promises: the receiving end of a reply that is not here yet, and what waits on it.
//
//   word 0  state: pending, kept, broken, forwarded; the identity serial, from bit 2
//           up, if it was ever asked for
//   word 1  kept: the value.  broken: the reason.  forwarded: the promise it follows
//   word 2  broken: the report of the fault (fault.h), or nil.  pending, kept: what it holds, or
//   nil word 3  the last of a ring of waiters, or nil. When many wait a settlement lets them go in
//           pieces: what comes to the promise meanwhile waits behind them
//
// A promise resolved with another one follows it: its waiters join the other's, and
// whoever looks at it looks at the end of the chain, which shortens on the way. So a
// ring of promises cannot form (a resolution that would close one breaks with #cycle),
// and a settlement is done once, at the end.
//
// A *route* is an actor that a promise holds: messages for the promise go to it, and wait for
// nothing. It stands for the same promise in another VM, where they are on their way to
// whatever that will be. A promise that keeps its route when it is kept sends messages that way
// for good, so that none overtakes those that went before.
//
// A waiter is a kWaiter: an event that waits (a message, or a continuation that
// listens) and the control ref of the sponsor that pays for it.
#ifndef VESICLE_VM_ACTOR_PROMISE_H_
#define VESICLE_VM_ACTOR_PROMISE_H_

#include <cstdint>

#include "vm/actor/event.h"
#include "vm/heap/heap.h"

#pragma GCC visibility push(default)
namespace vesicle::promise {

enum class State : uint8_t { kPending = 0, kKept = 1, kBroken = 2, kForwarded = 3 };

Value Make(Heap& heap);

inline State StateOf(const Object* promise) {
  return static_cast<State>(promise->words()[0].small_int() & 3);
}
// The promise at the end of the chain; shortens the way.
Object* EndOfChain(Heap& heap, Object* promise);
inline Object* Root(Heap& heap, Object* promise) {
  if (StateOf(promise) != State::kForwarded) [[likely]]
    return promise;
  return EndOfChain(heap, promise);
}
// Of a root that is kept or broken.
inline Value Outcome(const Object* root) { return root->words()[1]; }

// Of a root: something waits, a listener or a message.
inline bool HasWaiters(const Object* root) { return !root->words()[3].is_nil(); }
// Of a broken root.
Value ReportOf(const Object* root);

// A promise that no program can name, the one of a timeout: besides who registered on it
// so far nobody ever will. A flag of the object.
inline constexpr uint8_t kUnnamed = Object::kKindFlagsFirst;
inline constexpr uint8_t kKeepsRoute = kUnnamed << 1;
inline constexpr uint8_t kIsAsked = kUnnamed << 2;
// Of a pending root: the continuation that listens, when nothing else waits; or nil.
Value OnlyListener(const Object* root);

// 0: none yet.
uint64_t SerialOf(const Object* promise);
void SetSerial(Object* promise, uint64_t serial);

// Wants a root that is pending or has waiters. `payer`: a sponsor's control ref, or nil for the
// VM's own. `age`: the number of the wait in the VM.
void AddWaiter(Heap& heap, Object* root, const Event& event, Value payer, uint64_t age);

// Of a pending root: `value` lives as long as it does, until it settles. One of them; what came
// before is let go of. A stand-in for a promise of the other side of a boundary holds that one.
void Hold(Heap& heap, Object* root, Value value);
Value Held(const Object* root);

// The route of a root, or nil.
Value RouteOf(const Object* root);
// From the settlement on, too.
void KeepRoute(Object* root);
// Somebody waits for a promise with a route: true the first time.
bool NoteAsked(Object* root);
// A message waits on a root; or there are so many waiters that nobody looked.
bool HasMessages(const Object* root);

struct Waiter {
  Event event;
  Value payer;
  uint64_t age;
};
// What a kWaiter holds.
Waiter WaiterOf(const Object* node);
// Takes waiters off, `max` at most, from the first on: fn(const Waiter&). True: some are left.
template <typename Fn>
bool TakeWaiters(Heap& heap, Object* root, int max, Fn fn);

// Looks at them: fn(const Waiter&).
template <typename Fn>
void ForEachWaiter(const Object* root, Fn fn);

// Want a pending root.
void Keep(Heap& heap, Object* root, Value value);  // no promise
void Break(Heap& heap, Object* root, Value reason, Value report);
void Forward(Heap& heap, Object* root, Object* to);  // to: another pending root

// ---------------------------------------------------------------------------
namespace internal {
// Nodes of the ring; nil: there are none.
Value LastWaiter(const Object* root);
Value NextWaiter(const Object* node);
// The ring begins with `first` from now on; nil: it is empty.
void SetFirstWaiter(Heap& heap, Object* root, Value first);
}  // namespace internal

template <typename Fn>
void ForEachWaiter(const Object* root, Fn fn) {
  const Value last = internal::LastWaiter(root);
  if (last.is_nil()) return;
  Value node = last;
  do {
    node = internal::NextWaiter(node.data());
    fn(WaiterOf(node.data()));
  } while (node != last);
}

template <typename Fn>
bool TakeWaiters(Heap& heap, Object* root, int max, Fn fn) {
  const Value last = internal::LastWaiter(root);
  if (last.is_nil()) return false;
  Value node = last;
  do {
    node = internal::NextWaiter(node.data());
    fn(WaiterOf(node.data()));
  } while (node != last && --max > 0);
  const bool more = node != last;
  internal::SetFirstWaiter(heap, root, more ? internal::NextWaiter(node.data()) : Value::Nil());
  return more;
}

}  // namespace vesicle::promise
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_PROMISE_H_
