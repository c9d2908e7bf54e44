// Core: one VM without its language, its loop and its C++ face: a heap, the tree of
// sponsors with their queues, and the dispatch of events to turns.
//
// A turn is a transaction. While code runs (turn() says which), its sends go to the
// tail of its sponsor's queue, and everything else is staged in the Turn; at the end
// Core commits, or cuts the tail off and forgets. Objects it allocated are reachable
// from nowhere then, and are garbage. Routing (promise, payer, inbox, tombstone)
// happens at dispatch, never at send.
//
// Ownership: owns heap, sponsors, queues. Code of a language is owned by code objects.
// Threads:   one; nothing here is shared. Other threads reach a VM through loop/.
// Limits:    CoreOptions.
//
//   Core core({});
//   core.Deliver(actor, message, Value::Nil());
//   while (core.RunSlice(10'000)) {}        // until quiescent
#ifndef VESICLE_VM_ACTOR_CORE_H_
#define VESICLE_VM_ACTOR_CORE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vm/actor/code.h"
#include "vm/actor/event.h"
#include "vm/actor/fault.h"
#include "vm/actor/queue.h"
#include "vm/actor/sponsor.h"
#include "vm/heap/heap.h"
#include "vm/value/symbol.h"

namespace vesicle {

struct CoreOptions {
  uint64_t memory_bytes_max = uint64_t{2} << 30;  // of the root sponsor
  int64_t events_max = kUnlimited;                // of the root sponsor, in all
  int64_t steps_max = kUnlimited;                 // of the root sponsor, in all
  int64_t steps_per_turn_max = 10'000'000'000;    // of one turn, suspensions included
  int64_t slice_steps = 20'000;                   // a turn that needs more is suspended
  int call_depth_max = 200'000;                   // nested calls in one turn
  int fault_reports_max = 100;                    // kept; further ones are counted
  Heap::Options heap;
};

// The turn that runs now. Roots of the collector where they are Values.
struct Turn {
  Value self;  // the actor, as a ref
  Value message;
  Value slot;    // a promise or nil
  Value target;  // what the event was sent to (a payer stays the target)
  uint64_t cause = 0;
  uint64_t serial = 0;
  EventFlag flag = EventFlag::kMessage;
  Object* receiver = nullptr;  // the target object dispatched to (actor or continuation)
  EventQueue::Mark mark;
  int64_t steps_used = 0;  // over all its slices
  // Staged effects.
  Value become;  // a kBehavior, or Absent
  Value reply;   // Absent: no reply was given (the slot was passed on, or there is none)
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
};

// Sees each turn when it has ended; for --trace, trace hashes and tests.
class TurnObserver {
 public:
  virtual ~TurnObserver() = default;
  virtual void OnTurn(Core& core, const Turn& turn, TurnEnd end) = 0;
};

class Core final : private HeapClient, public IdentitySource {
 public:
  explicit Core(const CoreOptions& options);
  ~Core() override;
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Heap& heap() { return heap_; }
  SymbolTable& symbols() { return symbols_; }
  const CoreOptions& options() const { return options_; }
  Sponsor& root_sponsor() { return *sponsors_[0]; }
  Sponsor& sponsor() { return *sponsor_; }  // of the running turn; root outside of turns
  Turn& turn() { return turn_; }

  // --- for code that runs in a turn ------------------------------------------------

  // Appends an event on the running sponsor. target must be is_target().
  // False when the events account is empty: return TurnEnd::kQuota.
  bool Send(Value target, Value message, Value slot) {
    if (event_room_ <= 0) [[unlikely]]
      return NoEventRoom();
    --event_room_;
    sponsor_->queue.Append({target, message, slot, Event::Pack(turn_.serial, EventFlag::kMessage)});
    return true;
  }
  // The same with another flag; VM-made events only.
  bool SendFlagged(Value target, Value message, Value slot, EventFlag flag);

  // A new actor over `code`; its captures are left nil for the caller to fill.
  Object* NewActor(Object* code, uint32_t captures);
  // A new actor with the behavior value's code and captures. Wants a kBehavior.
  Value CreateActor(Value behavior);
  Value NewPromise();
  Value NewResolver(Value promise);
  // A behavior or function value with `captures` captures left nil.
  Object* NewHolder(Kind kind, Object* code, uint32_t captures);

  // `when`/await: runs `continuation` (a kContinuation) when p settles, at once when p is not a
  // promise. False: no event room.
  bool Listen(Value p, Value continuation);

  void StageBecome(Value behavior) { turn_.become = behavior; }
  void StageReply(Value value) { turn_.reply = value; }

  // Records why the turn failed; returns kFaulted for convenience. `where` is evaluated now.
  TurnEnd Fault(Value reason, Place where, std::vector<FaultReport::Frame> calls = {});
  // `fail e` of a guest.
  TurnEnd Fail(Value e, Place where, std::vector<FaultReport::Frame> calls = {});
  TurnEnd Quota(Resource which, Place where = {}, std::vector<FaultReport::Frame> calls = {});
  // The turn is to go on in a later slice; takes what it needs for that.
  TurnEnd Suspend(std::unique_ptr<Suspension> suspension);
  // The rest of a task: `frames` go on, in a turn of its own, when p has settled; turn().message is
  // then the value or the reason and turn().flag says which. With `timer` (a promise) not Absent,
  // the wait ends, broken with #timeout, when that is kept first. The slot goes along. What was
  // done so far commits.
  TurnEnd Await(Value p, Value timer, std::unique_ptr<Suspension> frames);
  // A kContinuation over a closure (kFunction: its clauses are the handlers): runs with this turn's
  // self, its value goes to `slot` (a promise or nil). For `when` pass it to Listen; for `task` to
  // StartTask.
  Value NewContinuation(Object* closure, Value slot);
  bool StartTask(Value continuation);

  // Charges `steps` to the running sponsor and says how many more may run before the next call
  // (at most `steps_checked_every`), or why not. Collects when the heap wants it: every Value
  // the caller holds outside of its roots is stale afterwards.
  enum class Fuel : uint8_t { kGo, kSuspend, kQuotaSteps, kQuotaMemory, kTurnTooLong };
  Fuel Refuel(int64_t steps_used, int64_t* fuel);

  // --- from outside of turns --------------------------------------------------------

  // Puts a message into the root sponsor's queue (or `payer`'s). Ignores limits of events.
  void Deliver(Value target, Value message, Value slot, Sponsor* payer = nullptr);
  // Settles a promise from outside (devices).
  void Keep(Value promise, Value value);
  void Break(Value promise, Value reason);

  // Runs turns until about `steps` steps are used or nothing is runnable.
  // True when there is more to run now.
  bool RunSlice(int64_t steps);
  bool idle() const;

  // --- the world around -------------------------------------------------------------
  void set_language(Language* language) { language_ = language; }
  void set_observer(TurnObserver* observer) { observer_ = observer; }
  void set_on_fault(std::function<void(const FaultReport&)> fn) { on_fault_ = std::move(fn); }

  // IdentitySource: serials given on demand, in order of asking.
  uint64_t SerialOf(Object* target) override;
  std::optional<uint64_t> KnownSerialOf(Object* target) override;
};

}  // namespace vesicle

#endif  // VESICLE_VM_ACTOR_CORE_H_
