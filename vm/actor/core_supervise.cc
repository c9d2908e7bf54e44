// Core: actors that are stopped, restarted, watched and supervised.
//
// All of it happens when an event of a control is dispatched, between turns: so it is an
// effect of the turn that sent it, and needs no undoing. What a turn does itself, make
// actors that it supervises and `when`s that belong to a life, is staged in TurnState.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "vm/actor/actor.h"
#include "vm/actor/core.h"
#include "vm/actor/supervision.h"
#include "vm/value/form.h"
#include "vm/value/map.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle {

using actor::Cont;
using actor::ContState;
using actor::ContWord;
using supervision::Count;
using supervision::Of;
using supervision::RecordOf;
using supervision::Set;
using supervision::Wait;
using supervision::Watcher;
using supervision::WordOf;
namespace ring = supervision::ring;

// ---------------------------------------------------------------------------
// Made by turns

Value Core::NewControl(Value of) {
  Object* control = heap_.Allocate(Kind::kControl, 2);  // the actor, a serial
  control->words()[0] = of;
  return Value::Target(control);
}

Object* Core::NewRecord(Object* target) {
  actor::Extend(heap_, target);
  Object* record = heap_.Allocate(Kind::kTuple, static_cast<uint32_t>(Of::kCount));
  for (const Of count :
       {Of::kLife, Of::kDepth, Of::kMissed, Of::kFaults, Of::kRestarts, Of::kWatcherCount}) {
    WordOf(record, count) = Value::SmallInt(0);
  }
  WordOf(record, Of::kActor) = Value::Target(target);
  WordOf(record, Of::kFirst) = actor::ExtensionWord(target, actor::Ext::kBehavior);
  heap_.WillWrite(target->words()[0].data());
  actor::ExtensionWord(target, actor::Ext::kSupervision) = Value::Data(record);
  return record;
}

Object* Core::EnsureRecord(Object* target) {
  Object* record = RecordOf(target);
  return record == nullptr ? NewRecord(target) : record;
}

Object* Core::RecordOfSelf() const { return in_turn_ ? RecordOf(turn_.self) : nullptr; }

bool Core::IsSelfSupervised() const {
  Object* record = RecordOfSelf();
  return record != nullptr && !WordOf(record, Of::kSupervisor).is_nil();
}

Value Core::HomeOfSelf() const {
  return IsSelfSupervised() ? WordOf(RecordOfSelf(), Of::kOwn) : sponsor_->control;
}

Core::Controlled Core::CreateControlled(Value behavior) {
  const Value made = CreateActor(behavior);
  NewRecord(made.target());
  return {made, NewControl(made), {}};
}

Core::Controlled Core::Supervise(Value behavior, Value note, Value home, Value sponsor) {
  const auto wrong = [](std::string text) {
    return Controlled{Value::Nil(), Value::Nil(), std::move(text)};
  };
  Sponsor* lives_on = nullptr;
  if (!sponsor.is_nil()) {
    if (IsTargetKind(sponsor, Kind::kSponsorControl)) lives_on = SponsorOf(sponsor.target());
    if (lives_on == nullptr) return wrong("sponsor is the control ref that sponsor(limits) gave");
    if (lives_on->stopped) return wrong("the sponsor of this child was stopped: give another one");
  }
  Object* above = EnsureRecord(turn_.self.target());
  const int64_t depth = WordOf(above, Of::kDepth).small_int() + 1;
  if (depth > supervision::kSupervisionDepthMax) {
    return wrong("supervisors stand at most " + std::to_string(supervision::kSupervisionDepthMax) +
                 " deep");
  }
  const Value made = CreateActor(behavior);
  Object* record = NewRecord(made.target());
  WordOf(record, Of::kSupervisor) = turn_.self;
  WordOf(record, Of::kSupervisorLife) = WordOf(above, Of::kLife);
  WordOf(record, Of::kDepth) = Value::SmallInt(depth);
  WordOf(record, Of::kNote) = note;
  WordOf(record, Of::kHome) = home;
  WordOf(record, Of::kOwn) = lives_on == nullptr ? home : sponsor;
  turn_.children = ring::Joined(heap_, turn_.children, ring::Of(heap_, record));
  turn_.effects |= TurnState::kRare;
  const Value control = NewControl(made);
  if (lives_on == nullptr) return {made, control, {}};
  made.target()->sponsor = lives_on->AccountOf(Resource::kMemory).index();
  return {NewPayer(made, sponsor), control, {}};
}

// A `when` or task belongs to the life of the actor that writes it.
void Core::NoteWait(Value continuation) {
  Object* record = RecordOfSelf();
  if (record == nullptr) return;
  Object* wait = heap_.Allocate(Kind::kTuple, static_cast<uint32_t>(Wait::kCount));
  WordOf(wait, Wait::kActor) = turn_.self;
  WordOf(wait, Wait::kContinuation) = continuation;
  WordOf(wait, Wait::kLife) = WordOf(record, Of::kLife);
  ContWord(continuation.target(), Cont::kSelf) = Value::Data(wait);
  turn_.waits = ring::Joined(heap_, turn_.waits, ring::Of(heap_, wait));
  turn_.effects |= TurnState::kRare;
}

void Core::CommitLives() {
  const auto commit = [this](Value& staged, Of to) {
    if (staged.is_nil()) return;
    Object* record = RecordOf(turn_.self);
    Set(heap_, record, to, ring::Joined(heap_, WordOf(record, to), staged));
    staged = Value::Nil();
  };
  commit(turn_.waits, Of::kWaits);
  commit(turn_.children, Of::kChildren);
}

// ---------------------------------------------------------------------------
// The end of a life

// It waits no more, one way or another.
void Core::ForgetWait(Object* continuation) {
  const Value self = ContWord(continuation, Cont::kSelf);
  if (!self.is_data()) return;
  Object* wait = self.data();
  Object* record = RecordOf(WordOf(wait, Wait::kActor));
  const bool is_ended = WordOf(wait, Wait::kLife) != WordOf(record, Of::kLife);
  const Of from = is_ended ? Of::kEndedWaits : Of::kWaits;
  Set(heap_, record, from, ring::Without(heap_, WordOf(record, from), wait));
  heap_.WillWrite(continuation);
  ContWord(continuation, Cont::kSelf) = WordOf(wait, Wait::kActor);
}

void Core::EndWait(Object* continuation) {
  if (!actor::SuspendedOf(continuation).is_nil()) return UndoUnderWay(continuation);
  ForgetWait(continuation);
  if (const Value frames = ContWord(continuation, Cont::kFrames); !frames.is_nil()) {
    --tasks_waiting_;
    TakeStopped(frames).reset();
  }
  const Value slot = ContWord(continuation, Cont::kSlot);
  heap_.WillWrite(continuation);
  for (Cont word : {Cont::kClosure, Cont::kSelf, Cont::kSlot, Cont::kFrames}) {
    ContWord(continuation, word) = Value::Nil();
  }
  ContWord(continuation, Cont::kState) = Value::SmallInt(static_cast<int64_t>(ContState::kDone));
  if (!slot.is_nil()) SettleSlot(slot, EventFlag::kBroken, Reason("stopped"));
}

// True: there are more. Who waits may be told through many boundaries: each is as one more.
bool Core::EndSomeWaits(Object* record, int* left) {
  while (*left > 0 && !WordOf(record, Of::kEndedWaits).is_nil()) {
    const int64_t before = fuel;
    Object* oldest = ring::Oldest(WordOf(record, Of::kEndedWaits));
    EndWait(WordOf(oldest, Wait::kContinuation).target());
    *left -= 1 + static_cast<int>(std::clamp<int64_t>(before - fuel, 0, kReleasedAtOnce));
  }
  return !WordOf(record, Of::kEndedWaits).is_nil();
}

// A turn that was cut short, of whichever sponsor, never was.
void Core::UndoUnderWay(Object* receiver) {
  const Value activation = actor::SuspendedOf(receiver);
  Sponsor& payer = *StoppedOf(activation)->payer;
  const int64_t sent = StagedOf(activation)->size();
  const int64_t room = event_room_;
  TakeUp(receiver);
  UndoTakenUp(Reason("stopped"));
  // What it sent comes back to who paid for it, whoever's slice this is.
  event_room_ = room;
  payer.Spend(Resource::kEvents, -sent);
  if (sent > 0 && payer.dry) WakeDry();
}

// The turn that is taken up was begun in a life that is over.
bool Core::UndoIfOver() {
  Object* receiver = turn_.receiver.target();
  Object* record = RecordOf(turn_.self);
  if (record == nullptr) return false;
  if (!supervision::IsStopped(record) &&
      (receiver->kind != Kind::kContinuation || !supervision::IsOver(receiver))) {
    return false;
  }
  UndoTakenUp(Reason("stopped"));
  return true;
}

void Core::EndLife(Object* record) {
  Object* target = WordOf(record, Of::kActor).target();
  if (!actor::SuspendedOf(target).is_nil()) UndoUnderWay(target);
  Object* holder = actor::Holder(target);
  code::Body(code::Of(holder))->OnLifeEnd(*this, holder);
  Count(record, Of::kLife);
  for (const auto& [now, ended] :
       {std::pair(Of::kWaits, Of::kEndedWaits), std::pair(Of::kChildren, Of::kEndedChildren)}) {
    const Value moved = std::exchange(WordOf(record, now), Value::Nil());
    Set(heap_, record, ended, ring::Joined(heap_, WordOf(record, ended), moved));
  }
  if (WordOf(record, Of::kIsEnding).is_true() ||
      (WordOf(record, Of::kEndedWaits).is_nil() && WordOf(record, Of::kEndedChildren).is_nil())) {
    return;
  }
  WordOf(record, Of::kIsEnding) = Value::Bool(true);
  ending_.push_back(Value::Data(record));
  NoteWork();
}

// A piece of what lives that are over have left, the first of it at once and what is more between
// slices: who waits is told, and actors that they supervised stop, the newest first.
void Core::EndLives() {
  int left = kReleasedAtOnce;
  while (left > 0 && !ending_.empty()) {
    Object* record = ending_.front().data();
    if (EndSomeWaits(record, &left)) return;
    while (left > 0 && !WordOf(record, Of::kEndedChildren).is_nil()) {
      Object* child = WordOf(record, Of::kEndedChildren).data();
      left -= 1 + static_cast<int>(WordOf(child, Of::kWatcherCount).small_int());
      StopActor(child);
    }
    if (!WordOf(record, Of::kEndedChildren).is_nil()) return;
    WordOf(record, Of::kIsEnding) = Value::Nil();
    ending_.pop_front();
  }
}

void Core::StopActor(Object* record) {
  if (WordOf(record, Of::kIsStopped).is_true()) return;
  if (const Value supervisor = WordOf(record, Of::kSupervisor); !supervisor.is_nil()) {
    Object* above = RecordOf(supervisor);
    const bool is_ended = WordOf(record, Of::kSupervisorLife) != WordOf(above, Of::kLife);
    const Of from = is_ended ? Of::kEndedChildren : Of::kChildren;
    Set(heap_, above, from, ring::Without(heap_, WordOf(above, from), record));
  }
  WordOf(record, Of::kIsStopped) = Value::Bool(true);
  EndLife(record);
  // A tombstone has its name, and holds nothing.
  Object* target = WordOf(record, Of::kActor).target();
  Object* code = code::Of(actor::Holder(target));
  Object* tombstone = NewHolder(Kind::kBehavior, code, 0);
  actor::SetBehavior(heap_, target, tombstone);
  Set(heap_, record, Of::kFirst, Value::Data(tombstone));
  TellWatchers(record);
}

void Core::RestartActor(Object* record) {
  EndLife(record);
  Count(record, Of::kRestarts);
  actor::SetBehavior(heap_, WordOf(record, Of::kActor).target(), WordOf(record, Of::kFirst).data());
}

// ---------------------------------------------------------------------------
// Controls

void Core::DispatchActorControl(const Event& event) {
  Object* record = EnsureRecord(event.target.target()->words()[0].target());
  if (supervision::IsStopped(record)) StopActor(record);  // with its supervisor, and not done yet
  const Value m = event.message;
  const auto fields = FieldsOf(m);
  const auto is = [&](std::string_view tag, size_t arity) { return Is(m, tag, arity); };
  const auto reply = [&](Value v) {
    if (!event.slot.is_nil()) SettleSlot(event.slot, EventFlag::kKept, v);
  };
  if (is("stop", 0)) {
    StopActor(record);
    EndLives();
    return reply(Value::Nil());
  }
  if (is("info", 0)) return reply(InfoOf(record));
  if (is("watch", 1)) return Watch(event, record, fields[0], Reason("stopped"));
  if (is("watch", 2)) return Watch(event, record, fields[0], fields[1]);
  if (is("unwatch", 1)) {
    ForgetWatchers(record, [ref = fields[0]](Object* watcher) {
      return WordOf(watcher, Watcher::kRef) == ref;
    });
    return reply(Value::Nil());
  }
  if (!is("restart", 0)) {
    return RefuseMessage(event,
                         "a control takes #stop, #restart, #watch(ref), #watch(ref, message), "
                         "#unwatch(ref) and #info");
  }
  if (supervision::IsStopped(record)) return BreakStopped(event);
  RestartActor(record);
  EndLives();
  reply(Value::Nil());
}

Value Core::InfoOf(Object* record) {
  const Heap::BeyondAllowance beyond(heap_);
  Value map = EmptyMap(heap_);
  const auto put = [&](std::string_view name, Value value) {
    map = MapPut(heap_, map, MakeText(heap_, name).value(), value, *this).value();
  };
  put("behavior", MakeText(heap_, BehaviorName(WordOf(record, Of::kActor))).value());
  put("stopped", Value::Bool(supervision::IsStopped(record)));
  put("faults", WordOf(record, Of::kFaults));
  put("restarts", WordOf(record, Of::kRestarts));
  return map;
}

void Core::Watch(const Event& event, Object* record, Value ref, Value message) {
  if (!ref.is_target()) {
    return RefuseMessage(event, "#watch(ref) wants the ref that is to be told");
  }
  const Event told = {ref, message, Value::Nil(), Event::Pack(event.cause(), EventFlag::kMessage)};
  if (supervision::IsStopped(record)) {
    HandToPayer(*sponsor_, told);
  } else if (WordOf(record, Of::kWatcherCount).small_int() >= supervision::kWatchersMax &&
             !ForgetLostWatchers(record)) {
    return RefuseMessage(
        event, {},
        Reason("full", "an actor has at most " + std::to_string(supervision::kWatchersMax) +
                           " watchers: #unwatch(ref) makes room, and one "
                           "watcher can tell the others"));
  } else {
    Object* watcher = heap_.Allocate(Kind::kTuple, static_cast<uint32_t>(Watcher::kCount));
    WordOf(watcher, Watcher::kNext) = WordOf(record, Of::kWatchers);
    WordOf(watcher, Watcher::kRef) = ref;
    WordOf(watcher, Watcher::kMessage) = message;
    WordOf(watcher, Watcher::kPayer) = sponsor_->control;
    Set(heap_, record, Of::kWatchers, Value::Data(watcher));
    Count(record, Of::kWatcherCount);
  }
  if (!event.slot.is_nil()) SettleSlot(event.slot, EventFlag::kKept, Value::Nil());
}

// Those of whom it is true: is(Object* watcher).
template <typename Is>
void Core::ForgetWatchers(Object* record, Is is) {
  Object* before = nullptr;
  for (Value at = WordOf(record, Of::kWatchers); !at.is_nil();) {
    const Value next = WordOf(at.data(), Watcher::kNext);
    if (!is(at.data())) {
      before = at.data();
    } else {
      before == nullptr ? Set(heap_, record, Of::kWatchers, next)
                        : Set(heap_, before, Watcher::kNext, next);
      Count(record, Of::kWatcherCount, -1);
    }
    at = next;
  }
}

// Those that cannot be told any more make room. False: there are none.
bool Core::ForgetLostWatchers(Object* record) {
  fuel -= supervision::kWatchersMax;
  const Value before = WordOf(record, Of::kWatcherCount);
  ForgetWatchers(record, [this](Object* watcher) {
    const Value ref = WordOf(watcher, Watcher::kRef);
    const Value payer = WordOf(watcher, Watcher::kPayer);
    if (IsUndone(payer) || PayerOf(payer).stopped) return true;
    // The first boundary on the way: a look, however long the way.
    if (IsTargetKind(ref, Kind::kProxy)) return boundary::OfProxy(ref.target())->is_cut();
    Object* its = IsTargetKind(ref, Kind::kActor) ? RecordOf(ref) : nullptr;
    return its != nullptr && supervision::IsStopped(its);
  });
  return WordOf(record, Of::kWatcherCount) != before;
}

// In the order in which they came, each paid by who asked for it.
void Core::TellWatchers(Object* record) {
  std::vector<Object*> watchers;
  for (Value at = WordOf(record, Of::kWatchers); !at.is_nil();
       at = WordOf(at.data(), Watcher::kNext)) {
    watchers.push_back(at.data());
  }
  Set(heap_, record, Of::kWatchers, Value::Nil());
  WordOf(record, Of::kWatcherCount) = Value::SmallInt(0);
  for (size_t i = watchers.size(); i-- > 0;) {
    Object* watcher = watchers[i];
    HandToPayer(PayerOf(WordOf(watcher, Watcher::kPayer)),
                {WordOf(watcher, Watcher::kRef), WordOf(watcher, Watcher::kMessage), Value::Nil(),
                 Event::Pack(turn_.serial, EventFlag::kMessage)});
  }
}

}  // namespace vesicle
