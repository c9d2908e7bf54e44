// Core: from an event to a turn, and how a turn ends.
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "vm/actor/actor.h"
#include "vm/actor/core_turn.h"
#include "vm/actor/promise.h"
#include "vm/actor/supervision.h"
#include "vm/value/value_kind.h"

namespace vesicle {

using actor::Cont;
using actor::ContState;
using actor::ContWord;

// The effects of a turn that are not rare, but for what it sent, which is in the queue already.
inline void Core::CommitEffects() {
  TurnState& t = turn_;
  if (observer_ != nullptr) [[unlikely]]
    observer_->OnTurn(*this, t, TurnEnd::kDone);
  if ((t.effects & TurnState::kCreates) != 0) stats_.actors += std::exchange(actors_made_, 0);
  if ((t.effects & TurnState::kBecomes) != 0) {
    actor::SetBehavior(heap_, t.receiver.target(), t.become.data());
    t.become = Value::Absent();
  }
  if ((t.effects & TurnState::kReplies) != 0) {
    const Value reply = std::exchange(t.reply, Value::Absent());
    if (!t.slot.is_nil()) SettleSlot(t.slot, EventFlag::kKept, reply);
  }
  if ((t.effects & TurnState::kCrossed) != 0) ForgetCrossing();
}

// The hot way: a message for an actor that runs its code straight away, perhaps across a boundary,
// from the queue to the commit. Everything else is Dispatch's.
void Core::DispatchQueue(Sponsor& sponsor) {
  EventQueue& queue = sponsor.queue;
  Event crossed;
  while (const Event* event = queue.TakeIfAny()) {
    if (heap_.marking() && queue.has_snapshot()) [[unlikely]]
      ShadeTaken(*event);
    PrefetchBehind(event);
    Object* target = event->target.target();
    bool is_plain = actor::IsPlain(target) && event->flag() == EventFlag::kMessage;
    if (!is_plain && target->kind == Kind::kProxy && event->flag() == EventFlag::kMessage &&
        CrossAtOnce(*event, &crossed)) {
      event = &crossed;
      target = crossed.target.target();
      is_plain = true;
    }
    if (is_plain) [[likely]] {
      Object* code = code::Of(target);
      BeginTurn(*event, event->target, event->slot, code);
      in_turn_ = true;
      TurnEnd end;
      try {
        end = code::Enter(code)(*this, target);
      } catch (const std::bad_alloc&) {
        end = OutOfMemory();
      }
      if (end != TurnEnd::kDone || turn_.effects >= TurnState::kRare) [[unlikely]] {
        EndTurn(end);
        if (sponsor.is_held() || slice_left_ <= 0) break;
      } else {
        if (turn_.effects != 0 || is_watched()) {
          CommitEffects();
          turn_.effects = 0;
        }
        in_turn_ = false;
      }
    } else {
      Dispatch(*event);
      if (sponsor.is_held() || slice_left_ <= 0) break;
    }
    if (fuel <= 0 && !NextFuel()) break;
    if (heap_.wants_safe_point()) [[unlikely]] {
      heap_.SafePoint();
      if (heap_.memory_is_out()) break;
    }
  }
}

void Core::Dispatch(Event event) {
  ++stats_.events;
  // What crossed before this one and began no turn is no origin of another.
  if (!origin_.target.is_nil()) [[unlikely]] {
    origin_ = {};
    crossed_ = Value::Nil();
  }
  // Each round but the last re-routes the event; what it is re-routed to is shorter.
  for (;;) {
    Object* target = event.target.target();
    if (actor::IsPlain(target) && event.flag() == EventFlag::kMessage) {
      RunTurn(event, event.target, event.slot, code::Of(target), target, nullptr);
      return;
    }
    --fuel;
    if (event.flag() == EventFlag::kResume) return ResumeTurn(event);
    if (event.flag() == EventFlag::kVoid) return;
    switch (target->kind) {
      case Kind::kActor:
        if (!DispatchActor(event)) return;
        break;
      case Kind::kPromise:
        if (!DispatchPromise(event)) return;
        break;
      case Kind::kResolver:
        return DispatchResolver(event);
      case Kind::kContinuation:
        if (!DispatchContinuation(event)) return;
        break;
      case Kind::kPayer:
        if (!DispatchPayer(event)) return;
        break;
      case Kind::kProxy:
        if (!DispatchProxy(event)) return;
        break;
      case Kind::kControl:
        return DispatchActorControl(event);
      case Kind::kSponsorControl:
        return DispatchControl(event);
      default:
        VESICLE_CHECK(false);
    }
  }
}

// An actor that is told of a promise: code of the VM's own, or nobody.
void Core::HearOfPromise(const Event& event) {
  Object* target = event.target.target();
  Object* holder = actor::Holder(target);
  Object* code = code::Of(holder);
  if (!code::Body(code)->hears_promises()) return;
  if (actor::IsExtended(target) && WaitInInbox(target, event)) return;
  turn_.report = event.slot;
  RunTurn(event, event.target, Value::Nil(), code, holder, nullptr);
}

// An actor with an extension, or something else than a message.
bool Core::DispatchActor(Event& event) {
  Object* target = event.target.target();
  if (event.flag() == EventFlag::kFault) return DispatchFault(event);
  if (event.flag() != EventFlag::kMessage) return HearOfPromise(event), false;
  if (Object* record = supervision::RecordOf(target);
      record != nullptr && supervision::IsStopped(record)) {
    BreakStopped(event);
    return false;
  }
  if (WaitInInbox(target, event)) return false;
  Object* holder = actor::Holder(target);
  RunTurn(event, event.target, event.slot, code::Of(holder), holder, nullptr);
  return false;
}

bool Core::DispatchContinuation(Event& event) {
  Object* c = event.target.target();
  if (actor::StateOf(c) != ContState::kWaiting) return false;
  heap_.WillWrite(c);
  const Value wakes = ContWord(c, Cont::kWakes);
  if (!wakes.is_nil()) {
    ContWord(c, Cont::kState) = Value::SmallInt(static_cast<int64_t>(ContState::kDone));
    ContWord(c, Cont::kWakes) = Value::Nil();
    const Value reason = event.flag() == EventFlag::kKept ? Reason("timeout") : event.message;
    event = {wakes, reason, event.slot, Event::Pack(event.cause(), EventFlag::kBroken)};
    return true;
  }
  if (supervision::IsOver(c)) return EndWait(c), false;
  ContWord(c, Cont::kState) = Value::SmallInt(static_cast<int64_t>(ContState::kRunning));
  const Value self = supervision::SelfOf(c);
  const Value slot = ContWord(c, Cont::kSlot);
  const Value frames = ContWord(c, Cont::kFrames);
  turn_.report = event.slot;
  if (!frames.is_nil()) {
    --tasks_waiting_;
    RunTurn(event, self, slot, actor::CodeOf(c), nullptr, StoppedOf(frames)->frames.get());
  } else {
    Object* closure = ContWord(c, Cont::kClosure).data();
    RunTurn(event, self, slot, code::Of(closure), closure, nullptr);
  }
  return false;
}

// The same message on the sponsor that the ref was made by: it goes to that queue as it is, and is
// paid for when it comes off, so that no more of them are taken up than there are events for.
bool Core::DispatchPayer(Event& event) {
  const Value* words = event.target.target()->words();
  if (IsUndone(words[1])) {
    BreakStopped(event);
    return false;
  }
  Sponsor& payer = PayerOf(words[1]);
  // What is behind a payer may be a proxy: its event is to stay as it is until its turn begins.
  if (&payer != sponsor_ || payer.stopped) {
    HandToPayer(payer, event);
    return false;
  }
  // A proxy is paid for when its event crosses.
  if (!IsTargetKind(words[0], Kind::kProxy) && !PayForArrival(event)) return false;
  event.target = words[0];
  return true;
}

// To the queue of who pays, as it is.
void Core::HandToPayer(Sponsor& payer, const Event& event) {
  if (payer.stopped) return BreakStopped(event);
  if (QueueIsFull(payer)) return RefuseMessage(event, {}, QuotaReason(Resource::kMemory));
  payer.queue.Append(event);
  ChargeQueue(payer);
  MakeReady(payer);
}

// What comes from another budget is an event of this one, too. False: it waits for a refill, or was
// refused.
bool Core::PayForArrival(const Event& event) {
  if (event_room_ > 0) {
    --event_room_;
    return true;
  }
  if (HasKeeper(Resource::kEvents)) {
    sponsor_->queue.PushFront(event);
    MakeDry(Resource::kEvents);
  } else {
    RefuseMessage(event, {}, QuotaReason(Resource::kEvents));
  }
  return false;
}

void Core::RunTurn(const Event& event, Value self, Value slot, Object* code, Object* holder,
                   Suspension* frames) {
  --stats_.events;  // its turn is counted
  BeginTurn(event, self, slot, code);
  in_turn_ = true;
  turn_.effects |= TurnState::kRare;  // its end has more to do
  turn_.origin = std::exchange(origin_, {});
  turn_.crossed = std::exchange(crossed_, Value::Nil());
  if (comes_cut_) [[unlikely]]
    ImposeCut();
  TurnEnd end;
  try {
    end = frames == nullptr ? code::Enter(code)(*this, holder) : frames->Resume(*this);
  } catch (const std::bad_alloc&) {
    end = OutOfMemory();
  }
  EndTurn(end);
}

// The system had no memory for something in C++: for the turn that is a quota spent.
TurnEnd Core::OutOfMemory() {
  suspension_.reset();
  if (language_ != nullptr) language_->Abandon();
  return Quota(Resource::kMemory);
}

bool Core::IsUnderWay(const Event& event) {
  const Value activation = actor::SuspendedOf(event.target.target());
  return !activation.is_nil() &&
         (StoppedOf(activation)->turn.serial & Event::kCauseMask) == event.cause();
}

void Core::TakeUp(Object* receiver) {
  const bool is_actor = receiver->kind == Kind::kActor;
  Value& activation = actor::SuspendedOf(receiver);
  VESICLE_CHECK(!activation.is_nil());
  resumed_ = TakeStopped(activation);
  heap_.WillWrite(is_actor ? receiver->words()[0].data() : receiver);
  activation = Value::Nil();
  turn_ = resumed_->turn;
  turn_.effects |= TurnState::kRare;
  --turns_cut_short_;
  --resumed_->payer->turns_cut_short;
  turn_.mark = sponsor_->queue.mark();
  turn_.made_since = heap_.young_top();
  targets_made_ = false;  // what it made before is noted; what others did is not its own
  sponsors_made_ = std::move(resumed_->sponsors_made);
  actors_made_ = resumed_->actors_made;
}

// A turn that was cut short by its slice goes on.
void Core::ResumeTurn(const Event& event) {
  if (!IsUnderWay(event)) return;
  TakeUp(event.target.target());
  if (UndoIfCut() || UndoIfOver()) return;
  fuel_at_turn_start_ = fuel;
  in_turn_ = true;
  if (comes_cut_) [[unlikely]]
    ImposeCut();
  // The frames may suspend again while they run: they are out of `resumed_` by then.
  std::unique_ptr<Suspension> frames = std::move(resumed_->frames);
  TurnEnd end;
  try {
    end = frames->Resume(*this);
  } catch (const std::bad_alloc&) {
    end = OutOfMemory();
  }
  EndTurn(end);
}

void Core::EndTurn(TurnEnd end) {
  if (fuel == fuel_at_turn_start_) --fuel;
  switch (end) {
    case TurnEnd::kDone:
      Commit();
      break;
    case TurnEnd::kFaulted:
      EndFaulted();
      break;
    case TurnEnd::kQuota:
      EndQuota();
      break;
    case TurnEnd::kSuspended:
      EndSuspended();
      break;
  }
  if (turn_.effects != 0) ForgetEffects();
  in_turn_ = false;
}

// The next turn begins without any.
void Core::ForgetEffects() {
  turn_.effects = 0;
  turn_.become = turn_.reply = Value::Absent();
  turn_.awaits = false;
  turn_.steps_used = 0;
  turn_.made = turn_.waits = turn_.children = Value::Nil();
  ForgetCrossing();
}

void Core::Commit() {
  const bool plain = resumed_ == nullptr && turn_.receiver.target()->kind == Kind::kActor;
  if (resumed_ != nullptr) [[unlikely]] {
    // What it sent in earlier slices comes first.
    EventQueue& queue = sponsor_->queue;
    queue.MoveTail(turn_.mark, **resumed_->staged, heap_.marking());
    queue.AppendAll(**resumed_->staged, heap_.marking());
  }
  sponsors_made_.clear();
  tasks_waiting_ += turn_.awaits ? 1 : 0;
  if (!turn_.waits.is_nil() || !turn_.children.is_nil()) CommitLives();
  CommitEffects();
  if (!plain) FinishReceiver();
}

void Core::DropResumed() {
  if (resumed_ == nullptr) return;
  ForgetStaged(*resumed_);
  resumed_.reset();
}

// The receiver is free for what comes next.
void Core::FinishReceiver() {
  if (resumed_ != nullptr) [[unlikely]] {
    std::map<SponsorIndex, Stopped::Inbox> inboxes;
    inboxes.swap(resumed_->inboxes);
    DropResumed();
    for (auto& entry : inboxes) PutFront(entry.second);
  }
  Object* receiver = turn_.receiver.target();
  if (receiver->kind == Kind::kContinuation) {
    if (!turn_.report.is_nil()) Learn(std::exchange(turn_.report, Value::Nil()));
    if (ContWord(receiver, Cont::kSelf).is_data()) ForgetWait(receiver);
    heap_.WillWrite(receiver);
    ContWord(receiver, Cont::kState) = Value::SmallInt(static_cast<int64_t>(ContState::kDone));
    // Frames are C++ memory: gone now, not with the next collection.
    if (const Value frames = ContWord(receiver, Cont::kFrames); !frames.is_nil()) {
      TakeStopped(frames).reset();
    }
    for (Cont word : {Cont::kClosure, Cont::kSelf, Cont::kSlot, Cont::kFrames, Cont::kSuspended}) {
      ContWord(receiver, word) = Value::Nil();
    }
  }
}

void Core::EndFaulted() {
  RollBack();
  // No other reason can hold what the turn made.
  if (why_ != Why::kFault) ForgetMade();
  if (observer_ != nullptr) [[unlikely]]
    observer_->OnTurn(*this, turn_, TurnEnd::kFaulted);
  const Value reason = fault_reason_;
  const bool asked = !turn_.slot.is_nil();
  Value report;
  if (why_ == Why::kRebreak && turn_.receiver.target()->kind == Kind::kContinuation) {
    report = std::exchange(turn_.report, Value::Nil());
  }
  // A break passed on was reported where it began. Answers are no faults; all else is one.
  const bool is_answer = asked && why_ != Why::kFault && IsFailed(reason);
  if (report.is_nil() && !is_answer && why_ != Why::kStopped) {
    report = Report(reason, turn_.slot, supervision::RecordOf(turn_.self));
  }
  if (asked) SettleSlot(turn_.slot, EventFlag::kBroken, reason, report);
  FinishReceiver();
  fault_reason_ = Value::Nil();
  // An answer was no fault: what is refused next did not happen there.
  fault_place_ = {};
  fault_calls_.clear();
}

void Core::EndQuota() {
  if (sponsor_->schedule != nullptr && !turn_too_long_) [[unlikely]]
    sponsor_->schedule->OnChance("a turn met the end of a budget");
  // It was to wait for room, and the system had no memory for that.
  if (std::exchange(waits_for_room_, false)) StopWantingRoom(*sponsor_);
  // What is undone here may be what filled the account.
  if (quota_ == Resource::kMemory) sponsor_->AccountOf(quota_).bytes_when_spent = -1;
  if (turn_too_long_ || !HasKeeper(quota_)) {
    turn_too_long_ = false;
    why_ = Why::kFault;
    fault_reason_ = QuotaReason(quota_);
    EndFaulted();
    return;
  }
  // The event starts afresh when the sponsor was refilled.
  RollBack();
  if (observer_ != nullptr) [[unlikely]]
    observer_->OnTurn(*this, turn_, TurnEnd::kQuota);
  if (!turn_.origin.target.is_nil()) {
    TakeBackCrossed(turn_.origin.target, turn_.crossed);
    ++event_room_;  // it is paid for again when it arrives again
  }
  const Event again = EventOfTurn();
  Object* receiver = turn_.receiver.target();
  if (receiver->kind == Kind::kContinuation) {
    heap_.WillWrite(receiver);
    ContWord(receiver, Cont::kState) = Value::SmallInt(static_cast<int64_t>(ContState::kWaiting));
    if (!ContWord(receiver, Cont::kFrames).is_nil()) ++tasks_waiting_;
    DropResumed();
  } else {
    FinishReceiver();
  }
  sponsor_->queue.PushFront(again);
  MakeDry(quota_);
}

Event Core::EventOfTurn() const {
  if (!turn_.origin.target.is_nil()) return turn_.origin;
  const bool is_told = turn_.receiver.target()->kind == Kind::kContinuation ||
                       turn_.flag() == EventFlag::kKept || turn_.flag() == EventFlag::kBroken;
  return {turn_.receiver, turn_.message, is_told ? turn_.report : turn_.slot, turn_.cause_and_flag};
}

void Core::EndSuspended() {
  std::unique_ptr<Stopped> stopped = std::move(resumed_);
  try {
    // All that it takes from the system, before anything changes.
    constexpr int kSegmentsTaken = 3;
    segments_.HoldIdle(kSegmentsTaken);
    if (stopped == nullptr) {
      stopped = std::make_unique<Stopped>();
      stopped->staged = set_aside_.emplace(set_aside_.begin(), segments_);
      (*stopped->staged)->of = stopped.get();
      stopped->charged = sponsor_->AccountOf(Resource::kMemory).index();
    }
    stopped->payer = sponsor_;
  } catch (const std::bad_alloc&) {
    if (stopped != nullptr && stopped->staged) resumed_ = std::move(stopped);
    OutOfMemory();
    return EndQuota();
  }
  if (sponsor_->schedule != nullptr) [[unlikely]] {
    if (waits_for_room_) sponsor_->schedule->OnChance("a turn waited for memory");
    sponsor_->schedule->OnCut(*this);
  }
  ++stats_.suspensions;
  ++turns_cut_short_;
  ++sponsor_->turns_cut_short;
  EventQueue& queue = sponsor_->queue;
  queue.MoveTail(turn_.mark, **stopped->staged, heap_.marking());
  const int64_t bytes = (*stopped->staged)->bytes();
  heap_.ChargeWaiting(stopped->charged, bytes - stopped->charged_bytes);
  stopped->charged_bytes = bytes;
  turn_.steps_used += fuel_at_turn_start_ - fuel;
  stopped->frames = std::move(suspension_);
  stopped->sponsors_made = std::move(sponsors_made_);
  sponsors_made_.clear();
  stopped->actors_made = actors_made_;
  actors_made_ = 0;
  NoteMade([&](Visitor& visitor) { stopped->frames->Visit(visitor); });
  stopped->turn = turn_;
  const Value activation = MakeActivation(std::move(stopped));
  Object* receiver = turn_.receiver.target();
  heap_.WillWrite(receiver->kind == Kind::kActor ? actor::Extend(heap_, receiver) : receiver);
  actor::SuspendedOf(receiver) = activation;
  const Event resume = {turn_.receiver, Value::Nil(), Value::Nil(),
                        Event::Pack(turn_.serial, EventFlag::kResume)};
  // What is found for a turn that waits for room is for that turn.
  if (waits_for_room_) {
    queue.PushFront(resume);
  } else {
    queue.Append(resume);
  }
  waits_for_room_ = false;
}

}  // namespace vesicle
