#include "vm/actor/core.h"

#include <algorithm>

#include "vm/actor/actor.h"
#include "vm/actor/promise.h"
#include "vm/actor/supervision.h"

namespace vesicle {

Core::Core(const CoreOptions& options)
    : options_(options),
      sponsors_(segments_),
      sponsor_(&sponsors_.root()),
      heap_(options.heap, this),
      symbols_(heap_) {
  Sponsor& root = sponsors_.root();
  root.Grant(Resource::kEvents, options.events_max);
  root.Grant(Resource::kSteps, options.steps_max);
  root.Grant(Resource::kMemory, static_cast<int64_t>(std::min<uint64_t>(
                                    options.memory_bytes_max, static_cast<uint64_t>(kUnlimited))));
  turn_.become = turn_.reply = Value::Absent();
  TellHeapItsLimit();
  heap_.SetSponsor(0, options.memory_bytes_max);
  senders_ = Value::Data(heap_.AllocateOld(Kind::kWeakTable, kRecords));
}

Core::~Core() { resumed_.reset(); }

// ---------------------------------------------------------------------------
// For code that runs in a turn

bool Core::SendFlagged(Value target, Value message, Value slot, EventFlag flag) {
  if (event_room_ <= 0) return NoEventRoom();
  --event_room_;
  sponsor_->queue.Append({target, message, slot, Event::Pack(turn_.serial, flag)});
  return true;
}

Object* Core::NewActor(Object* code, uint32_t captures) {
  Object* o = heap_.Allocate(Kind::kActor, std::max(actor::kWordsMin, captures + 1));
  o->words()[0] = Value::Data(code);
  ++actors_made_;
  turn_.effects |= TurnState::kCreates;
  targets_made_ = true;
  return o;
}

Value Core::CreateActor(Value behavior) {
  VESICLE_CHECK(IsKind(behavior, Kind::kBehavior));
  const Object* b = behavior.data();
  Object* o = NewActor(b->words()[0].data(), b->count - 1);
  actor::CopyWords(o->words(), b->words(), b->count);
  return Value::Target(o);
}

Value Core::NewPromise() {
  targets_made_ = true;
  return promise::Make(heap_);
}

Value Core::NewResolver(Value promise) {
  Object* o = heap_.Allocate(Kind::kResolver, 2);  // the promise, an identity serial
  o->words()[0] = promise;
  return Value::Target(o);
}

Object* Core::NewHolder(Kind kind, Object* code, uint32_t captures) {
  Object* o = heap_.Allocate(kind, captures + 1);
  o->words()[0] = Value::Data(code);
  return o;
}

inline bool Core::BelongsToLife() const {
  return in_turn_ && supervision::RecordOf(turn_.self) != nullptr;
}

Value Core::NewContinuation(Object* closure, Value slot) {
  Object* o = heap_.Allocate(Kind::kContinuation, static_cast<uint32_t>(actor::Cont::kCount));
  if (closure != nullptr) actor::ContWord(o, actor::Cont::kClosure) = Value::Data(closure);
  actor::ContWord(o, actor::Cont::kSelf) = in_turn_ ? turn_.self : Value::Nil();
  actor::ContWord(o, actor::Cont::kSlot) = slot;
  actor::ContWord(o, actor::Cont::kState) =
      Value::SmallInt(static_cast<int64_t>(actor::ContState::kWaiting));
  if (closure != nullptr && BelongsToLife()) NoteWait(Value::Target(o));
  return Value::Target(o);
}

bool Core::Listen(Value p, Value continuation) {
  if (IsTargetKind(p, Kind::kPromise)) {
    return SendFlagged(p, continuation, Value::Nil(), EventFlag::kListen);
  }
  return SendFlagged(continuation, p, Value::Nil(), EventFlag::kKept);
}

bool Core::StartTask(Value continuation) {
  return SendFlagged(continuation, Value::Nil(), Value::Nil(), EventFlag::kKept);
}

TurnEnd Core::Await(Value p, Value timer, std::unique_ptr<Suspension> frames) {
  const Value continuation = NewContinuation(nullptr, turn_.slot);
  if (BelongsToLife()) NoteWait(continuation);
  auto stopped = std::make_unique<Stopped>();
  stopped->frames = std::move(frames);
  actor::ContWord(continuation.target(), actor::Cont::kFrames) = MakeActivation(std::move(stopped));
  if (Object* code = records_[turn_.serial % kRecords].code; code != nullptr) {
    actor::ContWord(continuation.target(), actor::Cont::kClosure) = Value::Data(code);
  }
  if (!Listen(p, continuation)) return Quota(Resource::kEvents);
  if (!timer.is_absent()) {
    const Value alarm = NewContinuation(nullptr, Value::Nil());
    actor::ContWord(alarm.target(), actor::Cont::kWakes) = continuation;
    if (!Listen(timer, alarm)) return Quota(Resource::kEvents);
    if (IsTargetKind(timer, Kind::kPromise)) timer.target()->flags |= promise::kUnnamed;
  }
  turn_.slot = Value::Nil();
  turn_.awaits = true;
  turn_.effects |= TurnState::kRare;
  return TurnEnd::kDone;
}

TurnEnd Core::Suspend(std::unique_ptr<Suspension> suspension) {
  suspension_ = std::move(suspension);
  return TurnEnd::kSuspended;
}

// ---------------------------------------------------------------------------
// From outside of turns

void Core::DeliverFlagged(Value target, Value message, Value slot, EventFlag flag) {
  VESICLE_CHECK(target.is_target());
  Sponsor& payer = in_turn_ ? *sponsor_ : sponsors_.root();
  payer.queue.Append({target, message, slot, Event::Pack(in_turn_ ? turn_.serial : 0, flag)});
  MakeReady(payer);
}

void Core::Deliver(Value target, Value message, Value slot) {
  DeliverFlagged(target, message, slot, EventFlag::kMessage);
}

void Core::DeliverListen(Value promise, Value continuation) {
  DeliverFlagged(promise, continuation, Value::Nil(), EventFlag::kListen);
}

bool Core::IsAbandoned(Value slot) const {
  if (!IsTargetKind(slot, Kind::kPromise)) return false;
  const Object* p = slot.target();
  if ((p->flags & promise::kUnnamed) == 0 || promise::StateOf(p) != promise::State::kPending) {
    return false;
  }
  const Value waiter = promise::OnlyListener(p);
  if (!IsTargetKind(waiter, Kind::kContinuation)) return false;
  const Value wakes = actor::ContWord(waiter.target(), actor::Cont::kWakes);
  return wakes.is_target() && actor::StateOf(wakes.target()) != actor::ContState::kWaiting;
}

void Core::Keep(Value slot, Value value) {
  if (!slot.is_nil()) SettleSlot(slot, EventFlag::kKept, value);
}

void Core::Break(Value slot, Value reason) {
  if (!slot.is_nil()) SettleSlot(slot, EventFlag::kBroken, reason);
}

bool Core::RunSlice(int64_t steps) {
  VESICLE_CHECK(!in_turn_);
  work_is_known_ = true;
  int64_t used = 0;
  while (used < steps) {
    // A cycle goes on where nothing is allocated, too: until it is over, writing costs more.
    constexpr uint64_t kSlicesPerPiece = 2;
    if (heap_.wants_safe_point() ||
        (heap_.is_in_cycle() && ++slices_in_cycle_ % kSlicesPerPiece == 0)) {
      heap_.SafePoint();
      used += CollectionTime();
    }
    bool has_more = waits_end_at_cycle_ != 0 && EndWaits(&used);
    if (orphans_to_see_ > 0) ReapSponsors();
    if (!crowds_.empty()) ReleaseCrowd();
    if (search_.is_due || !cut_.empty()) LetGo();
    if (!ending_.empty()) EndLives();
    has_more |= !crowds_.empty() || search_.is_due || !cut_.empty() || !ending_.empty() ||
                orphans_to_see_ > 0;
    // A piece of each is nobody's steps, and takes its time.
    constexpr int64_t kStepsOfPiece = 2'000;
    if (has_more) used += kStepsOfPiece;
    Sponsor* next = sponsors_.Next();
    if (next == nullptr) {
      if (!has_more) {
        work_is_known_ = false;
        return false;
      }
      continue;
    }
    if (next->slices_owed > 0) {
      --next->slices_owed;
      ++used;
      continue;
    }
    if (!next->stopped && CollectsInstead(*next)) {
      used += options_.slice_steps;
      continue;
    }
    BeginSlice(*next);
    Resource which;
    if (next->stopped) {
      used += FaultQueue(Reason("stopped"));
    } else if (DryOf(&which)) {
      if (HasKeeper(which)) {
        UndoCutShort(which);
        MakeDry(which);
      } else {
        used += FaultQueue(QuotaReason(which));
      }
    } else if (next->schedule != nullptr && next->schedule->is_imposed()) [[unlikely]] {
      DispatchOnSchedule(*next);
    } else {
      DispatchQueue(*next);
    }
    used += EndSlice() + 1;
    sponsors_.Settle(*next);
    if (next->orphaned) orphans_to_see_ = orphans_.size();
  }
  work_is_known_ = has_work();
  return work_is_known_;
}

// ---------------------------------------------------------------------------
// Identity

namespace {
// Where a target keeps its serial; null: none yet (an actor), or it has none at all.
Value* SerialWord(Object* target) {
  switch (target->kind) {
    case Kind::kActor:
      return actor::IsExtended(target) ? &actor::ExtensionWord(target, actor::Ext::kSerial)
                                       : nullptr;
    case Kind::kResolver:
    case Kind::kControl:
    case Kind::kSponsorControl:
      return &target->words()[1];
    case Kind::kPayer:
      return &target->words()[2];
    case Kind::kProxy:
      return &target->words()[3];
    default:
      return nullptr;
  }
}
}  // namespace

uint64_t Core::SerialOf(Object* target) {
  if (target->kind == Kind::kPromise) {
    if (promise::SerialOf(target) == 0) promise::SetSerial(target, next_identity_++);
    return promise::SerialOf(target);
  }
  if (target->kind == Kind::kActor) actor::Extend(heap_, target);
  Value* word = SerialWord(target);
  VESICLE_CHECK(word != nullptr);
  // An integer holds no object: no barrier.
  if (word->is_nil()) *word = Value::SmallInt(static_cast<int64_t>(next_identity_++));
  return static_cast<uint64_t>(word->small_int());
}

std::optional<uint64_t> Core::KnownSerialOf(Object* target) {
  if (target->kind == Kind::kPromise) {
    const uint64_t serial = promise::SerialOf(target);
    return serial == 0 ? std::nullopt : std::optional(serial);
  }
  const Value* word = SerialWord(target);
  if (word == nullptr || word->is_nil()) return std::nullopt;
  return static_cast<uint64_t>(word->small_int());
}

// ---------------------------------------------------------------------------
// Roots

Value Core::MakeActivation(std::unique_ptr<Stopped> stopped) {
  Object* o = heap_.Allocate(Kind::kActivation, 1);
  o->words()[0] = Value::FromBits(reinterpret_cast<uint64_t>(stopped.release()));
  return Value::Data(o);
}

Core::Stopped* Core::StoppedOf(Value activation) {
  const Value raw = activation.data()->words()[0];
  return raw.is_nil() ? nullptr : reinterpret_cast<Stopped*>(raw.bits());
}

// Until a turn of `target` that was cut short is over. False: there is none.
bool Core::WaitInInbox(Object* target, const Event& event) {
  const Value activation = actor::SuspendedOf(target);
  if (activation.is_nil()) return false;
  const auto [at, is_new] = StoppedOf(activation)->inboxes.try_emplace(sponsor_->index());
  Stopped::Inbox& inbox = at->second;
  if (is_new) {
    inbox = {sponsor_, set_aside_.emplace(set_aside_.begin(), segments_)};
    inbox.events->payer = sponsor_;
  }
  const int64_t bytes_before = is_new ? 0 : inbox.events->bytes();
  inbox.events->Append(event);
  sponsor_->bytes_in_inboxes += inbox.events->bytes() - bytes_before;
  return true;
}

// What came to an inbox is older than all that its sponsor's queue holds now.
void Core::PutFront(Stopped::Inbox& inbox) {
  Sponsor& payer = *inbox.payer;
  payer.bytes_in_inboxes -= inbox.events->bytes();
  payer.queue.PutFront(*inbox.events, heap_.marking());
  // What a search had not reached there stands in another queue now.
  if (payer.dry && inbox.events->cuts_seen != cuts_) {
    payer.cuts_seen = 0;
    search_.is_due = search_.has_met = true;
  }
  set_aside_.erase(inbox.events);
  MakeReady(payer);
}

std::unique_ptr<Core::Stopped> Core::TakeStopped(Value activation) {
  heap_.WillWrite(activation.data());
  std::unique_ptr<Stopped> stopped(StoppedOf(activation));
  activation.data()->words()[0] = Value::Nil();
  return stopped;
}

void Core::VisitTurn(Visitor& visitor, TurnState& turn) {
  Value* words[] = {&turn.self,  &turn.message, &turn.slot,   &turn.receiver, &turn.become,
                    &turn.reply, &turn.made,    &turn.report, &turn.waits,    &turn.children};
  for (Value* word : words) visitor.Visit(word, 1);
  visitor.Visit(&turn.origin.target, 3);
  visitor.Visit(&turn.crossed, 1);
}

void Core::VisitStopped(Visitor& visitor, Stopped& stopped) {
  if (stopped.frames != nullptr) stopped.frames->Visit(visitor);
  // Frames in an `await` have no turn under way.
  if (!stopped.staged) return;
  VisitTurn(visitor, stopped.turn);
  VisitMade(visitor, stopped.sponsors_made);
  for (auto& entry : stopped.inboxes) visitor.Visit(&entry.second.payer->control, 1);
}

// A turn that may yet be undone holds the sponsors it made, whoever else does.
void Core::VisitMade(Visitor& visitor, const std::vector<Sponsor*>& sponsors) {
  for (Sponsor* made : sponsors) visitor.Visit(&made->control, 1);
}

void Core::VisitSmallRoots(Visitor& visitor) {
  // What the last turn was about keeps nothing alive when it is over.
  if (!in_turn_)
    turn_.self = turn_.message = turn_.slot = turn_.receiver = turn_.report = Value::Nil();
  VisitTurn(visitor, turn_);
  Value* words[] = {&fault_reason_,   &senders_,     &crossing_, &origin_.target,
                    &origin_.message, &origin_.slot, &crossed_};
  for (Value* word : words) visitor.Visit(word, 1);
  for (Value& crowd : crowds_) visitor.Visit(&crowd, 1);
  for (Value& boundary : cut_) visitor.Visit(&boundary, 1);
  for (auto& entry : under_way_) {
    UnderWay& now = entry.second;
    visitor.Visit(&now.origin.target, 3);
    visitor.Visit(&now.event.target, 3);
    visitor.Visit(&now.crossed, 1);
    if (now.passing != nullptr) now.passing->Visit(visitor);
  }
  for (Value& record : ending_) visitor.Visit(&record, 1);
  VisitMade(visitor, sponsors_made_);
  if (resumed_ != nullptr) VisitStopped(visitor, *resumed_);
  if (suspension_ != nullptr) suspension_->Visit(visitor);
  sponsors_.ForEachBusy([&](Sponsor& s) {
    if (!s.queue.empty() || &s == sponsor_) visitor.Visit(&s.control, 1);
  });
  if (language_ != nullptr) language_->VisitRoots(visitor);
  for (HeldRoots* roots : held_roots_) roots->VisitRoots(visitor);
}

template <typename Fn>
void Core::ForEachQueue(Fn fn) {
  sponsors_.ForEachBusy([&](Sponsor& s) { fn(s.queue); });
  for (EventChain& chain : set_aside_) fn(chain);
}

void Core::VisitYoungRoots(Visitor& visitor) {
  // While a mark runs, a queue that comes back would have the snapshot of before.
  if (!heap_.marking()) sponsors_.ForgetIdle(sponsor_);
  ForEachQueue([&](auto& queue) { queue.VisitFresh(visitor); });
  VisitSmallRoots(visitor);
  symbols_.VisitYoungRoots(visitor);
}

void Core::BeforeYoungMoves() {
  const uint64_t first = serial_ < kRecords ? 1 : serial_ - kRecords + 1;
  Object* table = senders_.data();
  heap_.WillWrite(table);
  for (uint64_t turn = std::max(senders_kept_ + 1, first); turn <= serial_; ++turn) {
    table->words()[turn % kRecords] = records_[turn % kRecords].self;
  }
  senders_kept_ = serial_;
}

void Core::OnYoungEmptied() {
  ForEachQueue([](auto& queue) { queue.NoteSeen(); });
  symbols_.OnYoungEmptied();
}

void Core::VisitMarkRoots(Visitor& visitor) {
  // Short queues at once: then no event that is taken off one needs a look while the mark runs.
  constexpr int64_t kEventsAtOnce = 1000;
  int64_t left = kEventsAtOnce;
  ForEachQueue([&](auto& queue) {
    queue.BeginSnapshot();
    const int64_t events = queue.size();
    if (events > left) return;
    left -= events;
    while (queue.VisitSnapshot(visitor, static_cast<size_t>(events) * 3)) {
    }
  });
  VisitSmallRoots(visitor);
  VisitEndedWaits(visitor);
  symbols_.VisitRoots(visitor);
}

// Found by a mark: nothing young is among them.
void Core::VisitEndedWaits(Visitor& visitor) {
  for (EndedWait& ended : ended_waits_) {
    visitor.Visit(&ended.payer, 1);
    visitor.Visit(&ended.event.target, 3);
  }
}

bool Core::VisitMarkRootsSlice(Visitor& visitor, size_t words_max) {
  bool more = false;
  ForEachQueue([&](auto& queue) {
    if (!more) more = queue.VisitSnapshot(visitor, words_max);
  });
  return more;
}

void Core::VisitAllRoots(Visitor& visitor) {
  const auto visit = [&](auto& queue) {
    queue.ForEach([&](const Event& event) {
      Event copy = event;
      visitor.Visit(&copy.target, 3);
    });
  };
  // All of them: should one not be busy that has events, it is found here.
  sponsors_.ForEach([&](Sponsor& s) { visit(s.queue); });
  for (EventChain& chain : set_aside_) visit(chain);
  VisitSmallRoots(visitor);
  VisitEndedWaits(visitor);
  symbols_.VisitRoots(visitor);
}

// The turn is over, one way or another.
void Core::ForgetStaged(Stopped& stopped) {
  heap_.ChargeWaiting(stopped.charged, -stopped.charged_bytes);
  stopped.charged_bytes = 0;
  set_aside_.erase(*stopped.staged);
  stopped.staged.reset();
}

void Core::Trace(Object* object, Visitor& visitor) {
  if (object->kind == Kind::kBoundary) {
    if (!object->words()[0].is_nil()) boundary::Of(object)->Visit(visitor);
    return;
  }
  if (object->kind != Kind::kActivation) return;
  if (Stopped* stopped = StoppedOf(Value::Data(object))) VisitStopped(visitor, *stopped);
}

void Core::Finalize(Object* object) {
  const Value raw = object->words()[0];
  if (raw.is_nil()) return;
  switch (object->kind) {
    case Kind::kActivation:
      delete reinterpret_cast<Stopped*>(raw.bits());
      break;
    case Kind::kBoundary:
      heap_.ChargeExternal(object->sponsor, -boundary::Of(object)->bytes());
      delete boundary::Of(object);
      break;
    case Kind::kCode:
      for (TurnRecord& record : records_) {
        if (record.code == object) record.code = nullptr;
      }
      heap_.ChargeExternal(object->sponsor, -static_cast<int64_t>(code::Body(object)->bytes()));
      delete code::Body(object);
      break;
    case Kind::kSponsorControl: {
      Sponsor* sponsor = reinterpret_cast<Sponsor*>(raw.bits());
      if (sponsor->schedule != nullptr) std::exchange(sponsor->schedule, nullptr)->OnGone();
      sponsor->control = Value::Nil();
      sponsor->orphaned = true;
      orphans_.push_back(sponsor);
      orphans_to_see_ = orphans_.size();
      break;
    }
    default:
      VESICLE_CHECK(false);
  }
}

}  // namespace vesicle
