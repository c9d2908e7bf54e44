// The turn that runs, and what stands between it and Core: the frames that a language leaves
// behind when a turn is suspended, the language's part in a collection, and who watches turns end.
//
// Ownership: a TurnState is Core's; a Suspension that of the object that keeps it.
// Threads:   their VM's only.
#ifndef VESICLE_VM_ACTOR_TURN_STATE_H_
#define VESICLE_VM_ACTOR_TURN_STATE_H_

#include <cstdint>
#include <span>

#include "vm/actor/code.h"
#include "vm/actor/event.h"
#include "vm/actor/fault.h"
#include "vm/actor/queue.h"
#include "vm/heap/heap.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Core;

// The turn that runs now. Roots of the collector where they are Values.
struct TurnState {
  Value self;  // the actor, as a ref
  Value message;
  Value slot;                   // a promise or nil
  uint64_t cause_and_flag = 0;  // of the event
  uint64_t serial = 0;
  Value receiver;  // the actor or the continuation that the event ended at
  Value report;    // of a continuation that a break runs: the link to the fault's report, or nil
  EventQueue::Mark mark;
  int64_t steps_used = 0;  // over all its slices
  // What it made lies in the young space from here on; what was noted of it before (core_undo.cc)
  // in a chain of kTuple, or nil.
  const char* made_since = nullptr;
  Value made;
  // Staged effects.
  Value become;  // a kBehavior, or Absent
  Value reply;   // Absent: no reply was given (the slot was passed on, or there is none)
  // What belongs to the actor's life from the commit on (supervision.h): rings, or nil.
  Value waits;
  Value children;
  // What crossed a boundary to become this turn's event (boundary.h); no target: nothing did.
  Event origin = {};
  Value crossed;  // the boundaries that counted it (NoteCrossed), or nil
  bool awaits = false;
  // Which there are, as bits, so that a turn that only sent is over at one look. kCrossed: there is
  // an origin. kRare: a wait, sponsors made, or what a collection or another slice noted.
  enum Effect : uint8_t { kBecomes = 1, kReplies = 2, kCreates = 4, kCrossed = 8, kRare = 16 };
  uint8_t effects = 0;

  uint64_t cause() const { return Event{{}, {}, {}, cause_and_flag}.cause(); }
  EventFlag flag() const { return Event{{}, {}, {}, cause_and_flag}.flag(); }
};

// What a suspended turn keeps in C++: the language's frames. Held by a kActivation.
class Suspension {
 public:
  virtual ~Suspension() = default;
  virtual void Visit(Visitor& visitor) = 0;
  // Goes on; as an EnterFn. Frames of a turn cut short by its slice are used up by this; frames
  // that wait in an `await` stay as they are, for the segment that starts here may be rolled back
  // and start afresh (Core deletes them when it has committed).
  virtual TurnEnd Resume(Core& core) = 0;
  // Where it stands, for the list of what waits.
  virtual Place Where() const = 0;
};

// The language's part in a collection and in reports.
class Language {
 public:
  virtual ~Language() = default;
  virtual void VisitRoots(Visitor& visitor) = 0;
  // The code that ran was left in the middle, by std::bad_alloc: what it was about is forgotten.
  virtual void Abandon() {}
  // The value of a function for these arguments, computed outside of turns: without effects, never
  // collecting, within steps_max steps and a bound on memory. kFailed: it faults, takes more, or is
  // no function of so many parameters. kNoRoom: the sponsor has no memory for it.
  struct Applied {
    enum class How : uint8_t { kValue, kFailed, kNoRoom };
    How how = How::kFailed;
    Value value;
    int64_t steps = 0;  // that it took
  };
  virtual Applied Apply(Value, std::span<const Value>, int64_t) { return {}; }
};

// Words of the heap that C++ code of the VM's own holds. Visited by every collection: few words,
// and tables of them in pieces that stand in the heap.
class HeldRoots {
 public:
  virtual void VisitRoots(Visitor& visitor) = 0;

 protected:
  ~HeldRoots() = default;
};

// Sees each turn when it has ended; for --trace, trace hashes and tests.
class TurnObserver {
 public:
  virtual ~TurnObserver() = default;
  virtual void OnTurn(Core& core, const TurnState& turn, TurnEnd end) = 0;
  // Before the effects of a turn that failed are taken back.
  virtual void OnUndo(Core&, const TurnState&) {}
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_TURN_STATE_H_
