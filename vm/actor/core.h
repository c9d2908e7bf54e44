// Core: one VM without its language, its loop and its C++ face: a heap, the tree of
// sponsors with their queues, and the dispatch of events to turns.
//
// A turn is a transaction. While code runs (turn() says which), its sends go to the
// tail of its sponsor's queue, and everything else is staged in turn(); at the end
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
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/actor/boundary.h"
#include "vm/actor/code.h"
#include "vm/actor/event.h"
#include "vm/actor/fault.h"
#include "vm/actor/promise.h"
#include "vm/actor/queue.h"
#include "vm/actor/schedule.h"
#include "vm/actor/sponsor.h"
#include "vm/actor/turn_state.h"
#include "vm/heap/heap.h"
#include "vm/value/identity.h"
#include "vm/value/symbol.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct CoreOptions {
  uint64_t memory_bytes_max = uint64_t{2} << 30;  // of the root sponsor
  int64_t events_max = kUnlimited;                // of the root sponsor, in all
  int64_t steps_max = kUnlimited;                 // of the root sponsor, in all
  int64_t steps_per_turn_max = 10'000'000'000;    // of one turn, suspensions included
  int64_t slice_steps = 10'000;                   // a turn that needs more is suspended
  int call_depth_max = 200'000;                   // nested calls in one turn
  int fault_reports_max = 100;                    // kept; further ones are counted
  // Events of the root sponsor wait when it is dry, for the host to call Refill(); otherwise they
  // fault with #quota(which).
  bool park_when_dry = false;
  // For the tests of the tests: a core that is wrong in a known way.
  enum class PlantedBug : uint8_t {
    kNone,
    kRollbackKeepsEvents,
    kRollbackKeepsBecome,
    kRollbackKeepsStaged,    // events of earlier slices of the turn
    kRollbackKeepsSponsors,  // that the turn made
    kRollbackDropsInbox,     // of an actor whose turn was cut short
    kRollbackKeepsLives,     // whens and actors supervised, of the life of the one that ran
    kCutLeavesTurns,         // that a crossing of the boundary that was cut began
    kCutLeavesQueued,        // what waits for a refill or behind a busy actor
  };
  PlantedBug planted_bug = PlantedBug::kNone;
  Heap::Options heap = {};
};

class Core final : private HeapClient, public IdentitySource {
 public:
  explicit Core(const CoreOptions& options);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Heap& heap() { return heap_; }
  SymbolTable& symbols() { return symbols_; }
  const CoreOptions& options() const { return options_; }
  Sponsor& root_sponsor() { return sponsors_.root(); }
  Sponsor& sponsor() { return *sponsor_; }  // of the running turn; root outside of turns
  TurnState& turn() { return turn_; }

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
  // A message without a slot, when nothing stands in the way. False: nothing was done; Send.
  bool SendAtOnce(Value target, Value message) {
    EventQueue& queue = sponsor_->queue;
    if (event_room_ <= 0 || !queue.has_place()) [[unlikely]]
      return false;
    --event_room_;
    queue.Append({target, message, Value::Nil(), Event::Pack(turn_.serial, EventFlag::kMessage)});
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

  void StageBecome(Value behavior) {
    turn_.become = behavior;
    turn_.effects |= TurnState::kBecomes;
  }
  void StageReply(Value value) {
    turn_.reply = value;
    turn_.effects |= TurnState::kReplies;
  }

  // Somebody may read where the running turn failed; an answer, a guest's own `fail` to whoever
  // asked, is no fault.
  bool WantsPlace(bool is_answer) const;
  // Why the turn failed; each returns what the EnterFn is to return.
  // An operation of the VM's own failed: reason as in fault.h, taken as it is.
  TurnEnd Fault(Value reason, Place where, std::vector<FaultReport::Frame> calls = {});
  // `fail e` of a guest.
  TurnEnd Fail(Value e, Place where, std::vector<FaultReport::Frame> calls = {});
  // A promise that this turn handled broke, and it had nothing for that case: the same reason
  // breaks its slot, unchanged.
  TurnEnd Rebreak(Value reason, Place where, std::vector<FaultReport::Frame> calls = {});
  TurnEnd Quota(Resource which, Place where = {}, std::vector<FaultReport::Frame> calls = {});
  // Reasons, as fault.h lists them: #tag or #tag(text), the text cut at 1,000 bytes; #failed(e).
  // They never fail for want of memory.
  Value Reason(std::string_view tag, std::string_view text = {});
  Value Failed(Value e);
  Value QuotaReason(Resource which);
  bool IsFailed(Value reason) const;
  // The running turn handles a break only to hand it on: it is not the one that learns of it.
  void HandOn() { turn_.report = Value::Nil(); }
  // For boundaries (boundary.h): the object of one, with so many words in all; nil when there is no
  // memory. What it held is let go of in pieces from now on, after it was cut.
  Value NewBoundary(std::unique_ptr<Boundary> boundary, uint32_t words);
  // `has_more`: there is something left to let go of.
  void BeginLettingGo(Object* boundary, bool has_more);
  // A sponsor that the running turn made: with the turn it may come to never have been, so nothing
  // that happens at once may be paid by it.
  bool IsMadeByTurn(Value control) const;
  // Of the turn that began last.
  uint64_t serial() const { return serial_; }
  // What is sent to the ref reaches nobody any more: a boundary on the way is cut.
  bool LeadsNowhere(Value target);
  // The actor whose turn sent the event, if that was one of the last turns; else null.
  Object* SenderOf(const Event& event);
  // A boundary counts the crossing that it does now, and wants to hear when that is taken back.
  void NoteCrossed(Object* boundary, int64_t crossing);
  // `held` lives as long as the promise is pending and lives.
  void HoldWhilePending(Value promise, Value held) {
    Object* root = promise::Root(heap_, promise.target());
    if (promise::StateOf(root) == promise::State::kPending) promise::Hold(heap_, root, held);
  }
  // Tells `listener` how the promise settles, paid by `payer`: at once when it has.
  void ListenOn(Value payer, Value promise, Value listener);
  // Work done beside a turn: it takes steps, and when it is long, slices of its sponsor's time.
  void ChargeWork(int64_t steps) {
    fuel -= steps;
    sponsor_->slices_owed += steps / options_.slice_steps;
  }
  // Settles a slot, or refuses a message: its slot breaks, or a fault is reported.
  void Settle(Value slot, EventFlag how, Value value) { SettleSlot(slot, how, value); }
  void Refuse(const Event& event, Value reason) { RefuseMessage(event, {}, reason); }
  // The turn is to go on in a later slice; takes what it needs for that.
  TurnEnd Suspend(std::unique_ptr<Suspension> suspension);
  void ForgetSuspension() { suspension_.reset(); }
  // The rest of a task: `frames` go on, in a turn of its own, when p has settled; turn().message is
  // then the value or the reason and turn().flag() says which. With `timer` (a promise) not Absent,
  // the wait ends, broken with #timeout, when that is kept first. The slot goes along. What was
  // done so far commits.
  TurnEnd Await(Value p, Value timer, std::unique_ptr<Suspension> frames);
  // A kContinuation over a closure (kFunction: its clauses are the handlers): runs with this turn's
  // self, its value goes to `slot` (a promise or nil). For `when` pass it to Listen; for `task` to
  // StartTask.
  Value NewContinuation(Object* closure, Value slot);
  bool StartTask(Value continuation);

  // Steps that may be used before Refuel() must be asked. Running code counts it down (a local
  // copy, stored back before it returns and before it calls into Core), by at least 1 a turn.
  int64_t fuel = 0;
  // When fuel is negative: charges what was used, and sets fuel anew (kGo) or says why not.
  // Collects when the heap wants it: every Value the caller holds outside of its roots is stale
  // afterwards. kQuota...: return Quota(...). kTurnTooLong: the turn's own step limit, a
  // Quota(kSteps) as well. Need::kMemory: an allocation was refused; what is dead
  // of the young goes: try it again. kAllMemory: it was refused again; everything dead goes, and
  // steps are charged for it, so that only live data decide a memory quota.
  enum class Need : uint8_t { kSteps, kMemory, kAllMemory };
  enum class Fuel : uint8_t { kGo, kSuspend, kQuotaSteps, kQuotaMemory, kTurnTooLong };
  // `can_wait`: kSuspend is an answer where only a collection of everything can tell.
  Fuel Refuel(Need need = Need::kSteps, bool can_wait = true);
  // Whether `bytes` more fit the allowance of the running sponsor; collects, on its steps, before
  // it says no.
  bool HasRoom(uint64_t bytes);

  // core_turn.h
  Object* TakeNext(EnterFn enter);
  // The same of one that crosses a boundary on its way.
  Object* TakeNextAcross(const Event* event, EnterFn enter);

  // --- from outside of turns --------------------------------------------------------

  // Puts a message into the root sponsor's queue, whatever its balance. Within a turn it is an
  // effect of that turn, on its sponsor.
  void Deliver(Value target, Value message, Value slot);
  // The same for `continuation` to run when `promise` settles.
  void DeliverListen(Value promise, Value continuation);
  // The same on a sponsor, as something that one of its turns caused: an event of its balance. When
  // it is dry the message waits for a refill, or fails with #quota(which) if nobody is there to ask
  // for one. `payer`: a control ref that is held, nil for the root's.
  enum class Delivery : uint8_t { kSent, kParked, kRefused };
  Delivery DeliverOn(Value payer, Value target, Value message, Value slot = Value::Nil());
  // How many events wait there.
  int64_t EventsOn(Value payer) { return PayerOf(payer).queue.size(); }
  // Puts an event before all others of a sponsor, for a schedule.
  void DeliverFirst(Value payer, const Event& event);
  // Its events wait for a refill.
  bool IsDry(Value payer) { return PayerOf(payer).dry; }
  // While one lives, outside of slices, what is made is paid by `payer` and held to its memory.
  // Where `bytes_wanted` are not free all is collected first, at that sponsor's cost. Within a
  // slice it changes nothing; within another one of the same payer hardly anything.
  class Paying {
   public:
    Paying(Core& core, Value payer, int64_t bytes_wanted = 0);
    ~Paying();
    Paying(const Paying&) = delete;
    Paying& operator=(const Paying&) = delete;

   private:
    Core& core_;
    Sponsor* before_;
    const Sponsor* outer_;
  };
  // Collects completely, at that sponsor's cost. Outside of slices.
  void CollectFor(Value payer);
  // Whether nobody can learn what settles this slot any more: it is the timeout of an `await`
  // that is over.
  bool IsAbandoned(Value slot) const;
  // Settles the promise of a slot (devices; also from within a turn of native code, at once and
  // for good). What waited on it goes to the front of its queues. The first settlement counts.
  void Keep(Value slot, Value value);
  void Break(Value slot, Value reason);

  // Runs turns until about `steps` steps are used, or nothing can run.
  // True when there is more to run now.
  bool RunSlice(int64_t steps);
  // Whether it would do anything.
  bool has_work() {
    return search_.is_due || sponsors_.any_ready() || !crowds_.empty() ||
           waits_end_at_cycle_ != 0 || orphans_to_see_ > 0 || !cut_.empty() || !ending_.empty();
  }
  // Called once when there is something to run again, since RunSlice said that there is not: from
  // within whatever caused it, outside of slices. It is to run nothing itself. For who waits.
  void set_on_work(std::function<void()> fn) { on_work_ = std::move(fn); }

  // Gives the root sponsor more, and sets going what waited for more than there was.
  void Refill(Resource which, int64_t amount);

  // Splits limits off the running sponsor: a map of "events", "memory" (bytes), "steps" and
  // "keeper" (a ref). Yields the control ref; undone when the turn faults. A text: what is wrong.
  struct SponsorResult {
    Value control;
    std::string error;
  };
  SponsorResult SplitSponsor(Value limits);

  // Supervision (supervision.h). The ref of a new actor and its control; a text: what is wrong.
  struct Controlled {
    Value ref;
    Value control;
    std::string error;
  };
  Controlled CreateControlled(Value behavior);
  // One that the running actor supervises: its faults arrive as #fault(note, fault). `home` pays
  // for them; with `sponsor` not nil the actor lives on that one, as if #create had made it. Both
  // are control refs, home nil the root's.
  Controlled Supervise(Value behavior, Value note, Value home, Value sponsor);
  // Of the running actor: its control; whether somebody supervises it; and the control ref of the
  // sponsor that pays for what it does as a supervisor: its own one if it is supervised, else the
  // one that runs it now.
  Value ControlOfSelf() { return NewControl(turn_.self); }
  bool IsSelfSupervised() const;
  Value HomeOfSelf() const;

  // --- what is left when nothing can run ---------------------------------------------
  // Tasks in an `await`: how many, and where (those not collected meanwhile).
  int64_t tasks_waiting() const { return tasks_waiting_; }
  std::vector<Place> WaitingPlaces();
  struct Parked {
    SponsorIndex sponsor;
    Resource dry_of;
    int64_t events;
    std::string first;  // what the first one is for: its behavior and message
  };
  std::vector<Parked> ParkedEvents();
  // Somebody learned of the fault behind a break (promise::ReportOf): it is reported no more.
  void Learn(Value report);
  // Unobserved faults, oldest first; those beyond fault_reports_max are only counted.
  std::vector<FaultReport> UnobservedFaults() const;
  int64_t unobserved_fault_count() const;
  // Of the turn that an observer is told of, if it faulted.
  Value fault_reason() const { return fault_reason_; }
  const Place& fault_place() const { return fault_place_; }
  // For people: the name of the behavior behind a target.
  std::string NameOf(Value target) { return BehaviorName(target); }

  struct Stats {
    uint64_t turns = 0;
    uint64_t faults = 0;  // rolled back, answers of `fail` included
    uint64_t actors = 0;  // created by committed turns and by the host
    uint64_t events = 0;  // dispatched, turns or not
    uint64_t suspensions = 0;
    uint64_t late_settlements = 0;
  };
  // Stats::events.
  uint64_t events_dispatched() const { return stats_.events + serial_; }
  Stats stats() const {
    Stats stats = stats_;
    stats.turns = serial_ - stats.faults - turns_cut_short_;
    stats.events += serial_;
    return stats;
  }

  // --- the world around -------------------------------------------------------------
  void set_language(Language* language) { language_ = language; }
  Language* language() { return language_; }
  Language::Applied Apply(Value function, std::span<const Value> arguments, int64_t steps_max) {
    if (language_ == nullptr) return {};
    return language_->Apply(function, arguments, steps_max);
  }
  void set_observer(TurnObserver* observer) { observer_ = observer; }
  bool is_watched() const { return observer_ != nullptr; }
  // As long as they live, and at the longest as the Core does.
  void AddRoots(HeldRoots* roots) { held_roots_.push_back(roots); }
  void RemoveRoots(HeldRoots* roots) { std::erase(held_roots_, roots); }
  void set_on_fault(std::function<void(const FaultReport&)> fn) { on_fault_ = std::move(fn); }

  // For whole-VM walks (state_hash.h). Nothing may run meanwhile.
  template <typename Fn>
  void ForEachSponsor(Fn fn) {
    sponsors_.ForEach(fn);
  }
  // Promises that settled and whose waiters go piece by piece.
  const std::deque<Value>& crowds() const { return crowds_; }
  static Suspension* FramesOf(Value activation) { return StoppedOf(activation)->frames.get(); }
  // Of a turn cut short by its slice; null for frames that wait in an `await`.
  static const EventChain* StagedOf(Value activation) {
    const Stopped* stopped = StoppedOf(activation);
    return stopped->staged ? &**stopped->staged : nullptr;
  }
  // Of such a turn, what came to its actor meanwhile: fn(const Event&, Value payer).
  template <typename Fn>
  static void ForEachInInbox(Value activation, Fn fn) {
    for (const auto& entry : StoppedOf(activation)->inboxes) {
      const Value payer = entry.second.payer->control;
      entry.second.events->ForEach([&](const Event& event) { fn(event, payer); });
    }
  }
  static TurnState& TurnOf(Value activation) { return StoppedOf(activation)->turn; }
  static Value KeeperOf(const Sponsor& account);
  static size_t SponsorsMadeOf(Value activation) {
    return StoppedOf(activation)->sponsors_made.size();
  }
  // Null: undone with the turn that made it.
  static Sponsor* SponsorOf(const Object* control) {
    const Value raw = control->words()[0];
    return raw.is_nil() ? nullptr : reinterpret_cast<Sponsor*>(raw.bits());
  }

  // IdentitySource: serials given on demand, in order of asking.
  uint64_t SerialOf(Object* target) override;
  std::optional<uint64_t> KnownSerialOf(Object* target) override;

 private:
  // kStopped is nobody's fault: it is not reported.
  enum class Why : uint8_t { kFault, kFail, kRebreak, kStopped };
  struct Stopped;
  // Events that stand in no queue for now. Roots, as the event that resumes their turn waits.
  struct Aside : EventChain {
    using EventChain::EventChain;
    Sponsor* payer = nullptr;     // of an inbox
    const Stopped* of = nullptr;  // what was sent so far by that turn
    uint64_t cuts_seen = 0;       // as Sponsor::cuts_seen
  };
  // Stands before all others: behind is what a search has looked through.
  using SetAside = std::list<Aside>::iterator;
  // A turn cut short by its slice, or frames that wait in an `await`; behind a kActivation.
  struct Stopped {
    std::unique_ptr<Suspension> frames;
    // Sent so far, by a turn cut short.
    std::optional<SetAside> staged;
    // Messages that came to its actor meanwhile, by the sponsor that pays for them.
    struct Inbox {
      Sponsor* payer = nullptr;
      SetAside events;
    };
    std::map<SponsorIndex, Inbox> inboxes;
    TurnState turn;
    std::vector<Sponsor*> sponsors_made;
    uint64_t actors_made = 0;
    Sponsor* payer = nullptr;  // of a turn cut short: the event that resumes it is there
    SponsorIndex charged = 0;  // who pays for `staged`, and how many bytes
    int64_t charged_bytes = 0;
  };

  // What waited for a promise on a sponsor that was stopped.
  struct EndedWait {
    uint64_t cycle;  // that found it
    uint64_t age;    // of the waiter
    Value payer;
    Event event;
  };

  // HeapClient
  void VisitYoungRoots(Visitor& visitor) override;
  void BeforeYoungMoves() override;
  void OnYoungEmptied() override;
  void VisitMarkRoots(Visitor& visitor) override;
  bool VisitMarkRootsSlice(Visitor& visitor, size_t words_max) override;
  void VisitAllRoots(Visitor& visitor) override;
  void OnMarked(const Object* waiter) override;
  void Trace(Object* object, Visitor& visitor) override;
  void Finalize(Object* object) override;
  void VisitSmallRoots(Visitor& visitor);
  void VisitEndedWaits(Visitor& visitor);
  static void VisitTurn(Visitor& visitor, TurnState& turn);
  static void VisitStopped(Visitor& visitor, Stopped& stopped);
  static void VisitMade(Visitor& visitor, const std::vector<Sponsor*>& sponsors);
  static Stopped* StoppedOf(Value activation);
  void ForgetStaged(Stopped& stopped);
  bool WaitInInbox(Object* target, const Event& event);
  void PutFront(Stopped::Inbox& inbox);
  template <typename Fn>
  void ForEachQueue(Fn fn);
  Value MakeActivation(std::unique_ptr<Stopped> stopped);
  std::unique_ptr<Stopped> TakeStopped(Value activation);

  void DeliverFlagged(Value target, Value message, Value slot, EventFlag flag);
  void MakeReady(Sponsor& sponsor) {
    sponsors_.MakeReady(sponsor);
    NoteWork();
  }
  void NoteWork() {
    if (!std::exchange(work_is_known_, true) && on_work_) on_work_();
  }

  // core_dispatch.cc: from an event to a turn, and its end
  void DispatchQueue(Sponsor& sponsor);
  void DispatchOnSchedule(Sponsor& sponsor);
  void ImposeCut();
  void Dispatch(Event event);
  void HearOfPromise(const Event& event);
  bool DispatchActor(Event& event);
  bool DispatchPromise(Event& event);
  void DispatchResolver(const Event& event);
  bool DispatchContinuation(Event& event);
  bool DispatchPayer(Event& event);
  void HandToPayer(Sponsor& payer, const Event& event);
  bool PayForArrival(const Event& event);
  void BeginTurn(const Event& event, Value self, Value slot, Object* code);
  void ForgetEffects();
  void RunTurn(const Event& event, Value self, Value slot, Object* code, Object* holder,
               Suspension* frames);
  void ResumeTurn(const Event& event);
  TurnEnd OutOfMemory();
  // While a mark runs, what an event holds is shaded as it leaves its queue.
  void ShadeTaken(const Event& event) {
    heap_.Shade(event.target);
    heap_.Shade(event.message);
    heap_.Shade(event.slot);
  }
  // Makes the turn that was cut short at `receiver` the running one again.
  void TakeUp(Object* receiver);
  // Whether it is there: it may have been undone since `event`, which resumes it, was sent.
  static bool IsUnderWay(const Event& event);
  void EndTurn(TurnEnd end);
  void Commit();
  void CommitEffects();
  void EndFaulted();
  void EndQuota();
  void EndSuspended();
  void FinishReceiver();
  void DropResumed();
  Event EventOfTurn() const;

  // core_boundary.cc
  struct Way {
    Value end;
    Sponsor* payer;
    enum class Kind : uint8_t { kOpen, kCut, kTooLong } kind;
    int hops = 0;
    uint64_t cut_at = 0;  // Boundary::cut_at
  };
  // An event on its way through boundaries.
  struct UnderWay {
    Event origin = {};
    Event event = {};  // on this side of those that it has crossed
    Value crossed;     // the first of those that counted it, as NoteCrossed links them
    std::unique_ptr<Passing> passing;
    uint8_t tries = 0;  // for room, since it went on
    bool is_waiting = false;
  };
  Way WayOf(Value target);
  bool CrossAtOnce(const Event& event, Event* here);
  bool CrossToPlain(const Event& event, Event* here);
  void ForgetCrossing();
  bool DispatchProxy(Event& event);
  void CrossBack(const Event& event);
  bool CrossOne(UnderWay& now);
  UnderWay TakeUnderWay(const Event& event);
  void DropUnderWay(const Event& event);
  void CrossAnew(const Event& event);
  void TakeBackUnderWay(UnderWay& now);
  void WaitAtFront(UnderWay& now);
  void WaitForRoom(UnderWay& now, Boundary* full);
  void TakeBackCrossed(Value target, Value crossed);
  void SettleThrough(Value slot, EventFlag how, Value value, Value report);
  void BreakBehind(Object* slot_proxy, Value reason);
  void TellLost(const Event& event);

  // core_cut.cc
  bool UndoIfCut();
  bool IsCut(const Event& event, int64_t* work_max);
  void BreakRevoked(const Event& event);
  template <typename Queue>
  bool DropCut(Sponsor& payer, Queue& queue, int64_t* events_max);
  bool DropCutInInboxes(int64_t* events_max);
  bool DropCutInDry(int64_t* events_max);
  bool DropWhatWaits();
  void LetGo();

  // core_supervise.cc
  Object* RecordOfSelf() const;
  Value NewControl(Value actor);
  Object* NewRecord(Object* actor);
  Object* EnsureRecord(Object* actor);
  // Whether what the running turn writes may end before the actor does.
  bool BelongsToLife() const;
  void NoteWait(Value continuation);
  void CommitLives();
  void ForgetWait(Object* continuation);
  void EndWait(Object* continuation);
  void EndLife(Object* record);
  void StopActor(Object* record);
  void RestartActor(Object* record);
  bool EndSomeWaits(Object* record, int* left);
  void EndLives();
  void UndoUnderWay(Object* receiver);
  bool UndoIfOver();
  void DispatchActorControl(const Event& event);
  void Watch(const Event& event, Object* record, Value ref, Value message);
  template <typename Is>
  void ForgetWatchers(Object* record, Is is);
  bool ForgetLostWatchers(Object* record);
  void TellWatchers(Object* record);
  Value InfoOf(Object* record);
  bool PayForFault(Object* record);
  void TellSupervisor(Object* record, Value reason, const FaultReport& report);
  bool DispatchFault(Event& event);

  // core_undo.cc
  void RollBack();
  // Before a collection in a turn's course: what it made, of what `visit` shows.
  void NoteMade(const std::function<void(Visitor&)>& visit);
  void BeforeCollection();
  void Collect(Heap::Scope scope);
  void SafePoint();
  // What the reason gives away is dead.
  void ForgetMade();

  // core_settle.cc
  void SettleSlot(Value slot, EventFlag how, Value value, Value report = Value::Nil());
  const char* WaitsFor(Object* promise, const Object* root);
  void Follow(Object* root, Object* other);
  void AskRoute(Object* root);
  // A target that is no actor cannot take the message: its slot breaks, or a fault is reported.
  void RefuseMessage(const Event& event, std::string_view text, Value reason = Value::Absent());
  // Wants one that is not undone.
  Sponsor& PayerOf(Value control);
  // The control ref of a sponsor whose turn never was.
  static bool IsUndone(Value control) {
    return !control.is_nil() && SponsorOf(control.target()) == nullptr;
  }
  void ReleaseToNobody(const Event& event);
  void Release(Value payer, const Event& event);
  // A settlement lets so many go at once; the others, piece by piece, between slices.
  static constexpr int kReleasedAtOnce = 256;
  bool ReleaseWaiters(Object* root);
  static Event Settlement(const Event& listen, const Object* root);
  void ReleaseCrowd();

  // core_sponsors.cc
  bool NoEventRoom();
  void PayFrom(Sponsor& sponsor, int64_t memory_left);
  void BeginSlice(Sponsor& sponsor);
  int64_t EndSlice();
  int64_t MemoryLeft(Sponsor& sponsor);
  int64_t LeftOf(Sponsor& sponsor, Resource which);
  int64_t MemoryFor(Sponsor& sponsor, int64_t wanted);
  // Whether its account has room for `bytes`, and some more than that: a share of its amount.
  bool HasRoom(Sponsor& sponsor, uint64_t bytes, int64_t share);
  bool CouldHaveRoom(Sponsor& sponsor, uint64_t bytes);
  bool IsSpent(Sponsor& sponsor);
  // Collects the young (not with kAllMemory) until there is. kNo: what lives fills it. kLater: that
  // is known when everything has been collected; its account waits for that.
  enum class Room : uint8_t { kYes, kNo, kLater };
  Room RoomFor(Sponsor& sponsor, uint64_t bytes, Need need);
  bool CollectsInstead(Sponsor& sponsor);
  int64_t CollectPiece();
  // The same for who cannot wait: everything is collected at once, where it must be.
  bool MakeRoom(Sponsor& sponsor, uint64_t bytes);
  void CollectFor(Sponsor& sponsor);  // completely, at its cost
  void NoteCollected(Sponsor& sponsor);
  void StopWantingRoom(Sponsor& sponsor);
  void ChargeLookAtAll(Sponsor& sponsor);
  void OweLookAtAll(Sponsor& sponsor);
  void TellHeapItsLimit();
  void ChargeQueue(Sponsor& sponsor);
  // The time that the last collection took, in steps; nobody is charged.
  int64_t CollectionTime() const {
    constexpr int64_t kStepsPerObject = 3;
    return static_cast<int64_t>(heap_.objects_touched()) * kStepsPerObject;
  }
  // Of a slice, in steps: to make a sponsor, to undo that, to stop it. Nobody is charged.
  static constexpr int64_t kTimeOfSponsor = 150;
  void TimeBytes();
  void ChargeSteps();
  bool NextFuel();
  bool DryOf(Resource* which);
  void MakeDry(Resource which);
  void TellKeeper(Sponsor& account, Resource which);
  static constexpr uint32_t kKeeperWord = 3;  // of a control ref
  bool HasKeeper(Resource which);
  bool QueueIsFull(Sponsor& sponsor);
  // The events of the queue fault without a turn, as many as one slice may take: there is nobody
  // to ask for more, or the sponsor is stopped. How many did.
  int64_t FaultQueue(Value reason);
  bool FaultFront(Value reason);
  void UndoTakenUp(Value reason, Why why = Why::kStopped);
  void UndoCutShort(Resource which);
  void StopSponsor(Sponsor& sponsor);
  static bool IsYounger(const EndedWait& a, const EndedWait& b);
  bool EndWaits(int64_t* used);
  void BreakStopped(const Event& event);
  void DispatchControl(const Event& event);
  Value NewPayer(Value target, Value control);
  void ReapSponsors();
  std::string ReadLimits(Value limits, std::array<int64_t, kResourceCount>* amounts, Value* keeper);
  std::string MoveAmounts(const std::array<int64_t, kResourceCount>& amounts, Sponsor& from,
                          Sponsor& to);
  Value BalanceOf(Sponsor& sponsor);
  void WakeDry();

  // core_report.cc
  // `record`: of the actor whose fault it is, when somebody supervises it; else null.
  Value Report(Value reason, Value slot, Object* record = nullptr);
  std::vector<std::string> CausesOf(uint64_t cause) const;
  std::string BehaviorName(Value target);

  CoreOptions options_;
  // The heap finalizes what is left when it goes: what Finalize touches stands before it.
  SegmentPool segments_;
  SponsorTree sponsors_;
  Sponsor* sponsor_;
  std::vector<Sponsor*> dry_;  // in the order in which they became so
  std::deque<Sponsor*> orphans_;
  bool orphans_gave_back_ = false;
  size_t orphans_to_see_ = 0;  // until it is known that none of them can go
  // The number of the last cycle that is to find what waits on stopped sponsors; 0: none.
  uint64_t waits_end_at_cycle_ = 0;
  std::vector<EndedWait> ended_waits_;  // a heap, the oldest of the first cycle on top
  uint64_t waits_made_ = 0;
  // The last turns, to find what led to a fault; turn n stands at n % kRecords.
  struct TurnRecord {
    uint64_t cause = 0;
    Object* code = nullptr;  // null: collected since
    Value self;              // good until objects move; then senders_ has it
  };
  static constexpr uint64_t kRecords = 512;
  std::array<TurnRecord, kRecords> records_{};
  Value senders_;  // a kWeakTable: of the turns up to senders_kept_ those whose turn it was
  uint64_t senders_kept_ = 0;
  Heap heap_;
  SymbolTable symbols_;
  TurnState turn_;
  bool in_turn_ = false;
  bool in_slice_ = false;
  bool work_is_known_ = false;  // to who runs it: it was told, or RunSlice said so
  std::function<void()> on_work_;
  const Sponsor* paying_ = nullptr;   // outside of slices: of the innermost Paying
  std::unique_ptr<Stopped> resumed_;  // of the turn that runs now, if it was cut short before
  int64_t event_room_ = 0;
  int64_t event_room_given_ = 0;
  bool memory_is_spent_ = false;  // of the sponsor whose slice it is
  int64_t fuel_given_ = 0;
  int64_t slice_given_ = 0;
  int64_t slice_left_ = 0;
  bool waits_for_room_ = false;  // the turn that is suspended now
  int64_t bytes_timed_ = 0;      // of those spent since PayFrom
  int64_t fuel_at_turn_start_ = 0;
  // By a schedule: the turn that comes, or the one that runs, is to be cut short.
  bool comes_cut_ = false;
  bool is_cut_ = false;
  uint64_t serial_ = 0;
  uint64_t serial_at_slice_ = 0;
  uint64_t next_identity_ = 1;
  uint64_t actors_made_ = 0;             // by the running turn
  std::vector<Sponsor*> sponsors_made_;  // by the running turn
  bool targets_made_ = false;            // since the last NoteMade, or longer ago
  Root undone_;                          // the behavior of actors that an undone turn made

  // What the code of the running turn said before it returned.
  std::unique_ptr<Suspension> suspension_;
  Why why_ = Why::kFault;
  Value fault_reason_;
  Resource quota_ = Resource::kSteps;
  bool turn_too_long_ = false;
  Place fault_place_;
  std::vector<FaultReport::Frame> fault_calls_;

  // Faults that nobody learned of yet, oldest first.
  std::vector<std::pair<int64_t, FaultReport>> reports_;
  int64_t reports_noted_ = 0;   // ever; the next one's number
  int64_t reports_beyond_ = 0;  // unobserved faults beyond fault_reports_max
  int64_t tasks_waiting_ = 0;
  std::list<Aside> set_aside_;
  // Of the event that is dispatched, once it has crossed.
  Event origin_ = {};
  Value crossed_;
  Value crossing_;                              // where the event went that is at a boundary now
  std::map<SponsorIndex, UnderWay> under_way_;  // one at the front of each queue
  std::deque<Value> cut_;                       // boundaries that still hold something
  uint64_t cuts_ = 0;                           // of boundaries, ever
  // What waits is looked through, in pieces, for the events that a cut concerns.
  struct Search {
    bool is_due = false;   // something may not have been looked at since the last cut
    uint64_t cuts = 0;     // cuts_ when it began; 0: none is under way
    size_t dry_at = 0;     // in dry_
    bool has_met = false;  // one that it had not looked through, since dry_at was 0
  };
  Search search_;
  std::deque<Value> crowds_;  // promises that settled and still have waiters
  std::deque<Value> ending_;  // records of actors with something of a life that is over

  Language* language_ = nullptr;
  TurnObserver* observer_ = nullptr;
  std::vector<HeldRoots*> held_roots_;
  std::function<void(const FaultReport&)> on_fault_;
  uint64_t slices_in_cycle_ = 0;
  uint64_t turns_cut_short_ = 0;  // and not over yet
  // Turns are not in it, and of the events only those that began none: what begins a turn is
  // counted by its serial.
  Stats stats_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_CORE_H_
