// The layout of actors, and the rare state that most of them never have.
//
//   kActor      word 0 code, word 1.. captures, inline
//   kExtended   (a flag in the header) word 0 is the kExtension instead: the actor's
//               behavior as a value, a suspended turn, its serial, who may stop it.
//               Dispatch tests kind and flag in one compare.
//
// kContinuation: a `when` whose promise is pending, or a task that waits. Each event
// to it settles it; what comes later is dropped.
#ifndef VESICLE_VM_ACTOR_ACTOR_H_
#define VESICLE_VM_ACTOR_ACTOR_H_

#include <cstdint>
#include <cstring>

#include "vm/actor/event.h"
#include "vm/heap/heap.h"

#pragma GCC visibility push(default)
namespace vesicle::actor {

inline constexpr uint8_t kExtended = Object::kKindFlagsFirst;
// So that the smallest actor has room for one capture: 24 bytes.
inline constexpr uint32_t kWordsMin = 2;

// An actor that runs its code straight away: kind and kind flags in one compare.
inline bool IsPlain(const Object* target) {
  uint16_t head;
  std::memcpy(&head, target, sizeof head);
  constexpr uint16_t kMask = 0xff | ((0xff & ~(Object::kKindFlagsFirst - 1)) << 8);
  return (head & kMask) == static_cast<uint16_t>(Kind::kActor);
}

enum class Ext : uint32_t {
  kBehavior,     // a kBehavior
  kSuspended,    // a kActivation, or nil
  kSerial,       // identity serial, or nil
  kSupervision,  // a record of supervision.h, or nil
  kCount
};

inline bool IsExtended(const Object* actor) { return (actor->flags & kExtended) != 0; }
inline Value& ExtensionWord(Object* actor, Ext word) {
  return actor->words()[0].data()->words()[static_cast<uint32_t>(word)];
}
// Gives the actor an extension if it has none. Never collects.
Object* Extend(Heap& heap, Object* actor);
// The object whose word 0 is code and whose further words are captures.
inline Object* Holder(Object* actor) {
  return IsExtended(actor) ? ExtensionWord(actor, Ext::kBehavior).data() : actor;
}
// A few words: no call.
inline void CopyWords(Value* to, const Value* from, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) to[i] = from[i];
}
// Gives an actor code and captures where those stood that it has. False: it is extended, or has no
// room for them, and nothing was done.
inline bool SetInPlace(Heap& heap, Object* actor, Value code, const Value* captures,
                       uint32_t count) {
  if (IsExtended(actor) || count >= actor->count) return false;
  heap.WillWrite(actor);
  Value* words = actor->words();
  words[0] = code;
  CopyWords(words + 1, captures, count);
  for (uint32_t i = count + 1; i < actor->count; ++i) words[i] = Value::Nil();
  return true;
}
// Replaces the behavior: in place when the captures fit.
void SetBehavior(Heap& heap, Object* actor, const Object* behavior);

// Words of a kContinuation.
enum class Cont : uint32_t {
  kClosure,    // a kFunction to run; with frames: the kCode they belong to
  kSelf,       // the actor that wrote it; of one with a record of supervision.h, a Wait
  kSlot,       // where its value goes: a promise, or nil
  kFrames,     // a kActivation: the frames that wait in an `await`, or nil
  kSuspended,  // a kActivation: its turn, cut short by its slice, or nil
  kState,      // kWaiting, kRunning, kDone
  kWakes,      // a timeout: the continuation to break with #timeout; else nil
  kCount
};
enum class ContState : int64_t { kWaiting, kRunning, kDone };

inline Value& ContWord(Object* continuation, Cont word) {
  return continuation->words()[static_cast<uint32_t>(word)];
}
// The turn of an extended actor or a continuation that was cut short by its slice, a kActivation.
// Nil: none was.
inline Value& SuspendedOf(Object* receiver) {
  return receiver->kind == Kind::kActor ? ExtensionWord(receiver, Ext::kSuspended)
                                        : ContWord(receiver, Cont::kSuspended);
}
// What a continuation runs; null for a timeout, which runs nothing, and when it is over.
inline Object* CodeOf(Object* continuation) {
  const Value closure = ContWord(continuation, Cont::kClosure);
  if (closure.is_nil()) return nullptr;
  return closure.data()->kind == Kind::kCode ? closure.data() : closure.data()->words()[0].data();
}
inline ContState StateOf(Object* continuation) {
  return static_cast<ContState>(ContWord(continuation, Cont::kState).small_int());
}

}  // namespace vesicle::actor
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_ACTOR_H_
