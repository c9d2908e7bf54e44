// Supervision: what the VM keeps of an actor that somebody may stop, restart or watch, or
// that supervises others itself. A kTuple in the actor's extension; other actors have none.
//
//   kControl   word 0 the actor, word 1 an identity serial. The right to stop, restart and
//              watch the actor: another one than the right to send to it, and nothing turns a
//              ref into it.
//
// A *life* of an actor lasts until it is stopped or restarted, and with it end its turn that
// was cut short, the `when`s and tasks that it wrote, and the actors that it supervises: all
// at once, as each of them knows the number of the life it belongs to. Who waits for them is
// told in pieces, all but the first of them between slices.
//
// A *supervisor* is the actor that made another one with Core::Supervise. A fault of that
// actor goes to it as an event with a flag of its own (EventFlag::kFault), which only the VM
// makes, and which becomes the message #fault(note, fault) when it is dispatched: the note is
// the supervisor's, so it knows that nobody else sent this. One such event is under way for an
// actor at a time; what else faults meanwhile is counted.
#ifndef VESICLE_VM_ACTOR_SUPERVISION_H_
#define VESICLE_VM_ACTOR_SUPERVISION_H_

#include <cstdint>

#include "vm/actor/actor.h"

namespace vesicle::supervision {

inline constexpr int kWatchersMax = 1'000;       // of one actor
inline constexpr int kSupervisionDepthMax = 64;  // supervisors that supervise supervisors
// What a fault brings along for the budget of the supervisor, when another one caused it.
inline constexpr int64_t kStepsOfFault = 100;

// Words of a record. All integers and bools are without objects.
enum class Of : uint32_t {
  kNext,  // in the ring of its supervisor's actors
  kPrevious,
  kActor,
  kIsStopped,       // true or nil; see IsStopped()
  kLife,            // its number
  kFirst,           // the behavior that a restart goes back to
  kSupervisor,      // an actor, or nil
  kSupervisorLife,  // to which it belongs
  kDepth,           // how many supervisors are above
  kNote,            // what #fault(note, fault) says to the supervisor
  kHome,            // the sponsor that pays for those: its control ref, or nil for the root's
  kOwn,             // the sponsor whose faults are its own
  kIsReported,      // true: a fault is on its way to the supervisor
  kMissed,          // faults meanwhile
  kFaults,          // in all
  kRestarts,
  kWaits,       // rings: of what waits in this life; of what waited in earlier ones and was not
  kEndedWaits,  // told yet
  kChildren,    // the same of the records of actors that it supervises
  kEndedChildren,
  kIsEnding,  // stands in Core's list of those that have such
  kWatchers,  // a chain of kTuple, newest first
  kWatcherCount,
  kCount
};

// Words of a wait, a kTuple: stands in Cont::kSelf of a continuation.
enum class Wait : uint32_t { kNext, kPrevious, kActor, kContinuation, kLife, kCount };

// Words of a watcher, a kTuple.
enum class Watcher : uint32_t { kNext, kRef, kMessage, kPayer, kCount };

template <typename Word>
Value& WordOf(Object* tuple, Word word) {
  return tuple->words()[static_cast<uint32_t>(word)];
}
template <typename Word>
void Set(Heap& heap, Object* tuple, Word word, Value value) {
  heap.WillWrite(tuple);
  WordOf(tuple, word) = value;
}
template <typename Word>
void Count(Object* tuple, Word word, int64_t change = 1) {
  Value& count = WordOf(tuple, word);
  count = Value::SmallInt(count.small_int() + change);  // holds no object: no barrier
}

// Null: there is none.
inline Object* RecordOf(Object* target) {
  if (target->kind != Kind::kActor || !actor::IsExtended(target)) return nullptr;
  const Value record = actor::ExtensionWord(target, actor::Ext::kSupervision);
  return record.is_nil() ? nullptr : record.data();
}
inline Object* RecordOf(Value self) { return self.is_target() ? RecordOf(self.target()) : nullptr; }

// It was stopped, or the life of a supervisor above it is over.
bool IsStopped(Object* record);

// The actor that wrote a continuation: its word kSelf is that, or leads there.
inline Value SelfOf(Object* continuation) {
  const Value self = actor::ContWord(continuation, actor::Cont::kSelf);
  return self.is_data() ? WordOf(self.data(), Wait::kActor) : self;
}
// Whether the life of that actor in which it was written is over.
bool IsOverSlow(Object* wait);
inline bool IsOver(Object* continuation) {
  const Value self = actor::ContWord(continuation, actor::Cont::kSelf);
  return self.is_data() && IsOverSlow(self.data());
}

// Rings of tuples through their first two words; known by the newest, nil when empty.
namespace ring {
// The ring of that tuple alone.
Value Of(Heap& heap, Object* tuple);
// b behind a.
Value Joined(Heap& heap, Value a, Value b);
Value Without(Heap& heap, Value ring, Object* tuple);
// Of a ring that is not empty.
inline Object* Oldest(Value ring) { return ring.data()->words()[0].data(); }
inline bool IsIn(const Object* tuple) { return !tuple->words()[0].is_nil(); }
}  // namespace ring

}  // namespace vesicle::supervision

#endif  // VESICLE_VM_ACTOR_SUPERVISION_H_
