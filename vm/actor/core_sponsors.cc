// Core: what turns cost, who pays, and what happens when it is spent.
#include <algorithm>
#include <utility>

#include "vm/actor/actor.h"
#include "vm/actor/core.h"
#include "vm/value/tagged.h"

namespace vesicle {
namespace {

// Within a turn the heap's wishes and the memory balance are looked at this often.
constexpr int64_t kStepsBetweenChecks = 2'000;
// What a turn may use beyond its slice before it is cut short.
constexpr int64_t kStepsOfGrace = 100;
// What is allocated takes as much of a slice as so many steps: of its time only, nobody is charged.
constexpr int64_t kBytesPerStepOfTime = 16;
// What a full collection on behalf of a sponsor costs it, so that living at the limit is no attack.
constexpr uint64_t kBytesCollectedPerStep = 256;
// The same in time: it sits out the whole slices that such a collection takes.
constexpr uint64_t kBytesCollectedPerStepOfTime = 64;
// That a collection found no room is looked into again when the heap has taken in so much since.
constexpr uint64_t kFoundBytesMin = 64 << 10;
constexpr uint64_t kFoundShareOfLive = 4;
// Pieces of a collection that take the time of a slice, when they find little to do.
constexpr int64_t kPiecesPerSliceMax = 4;
// What a slice took beyond its end is owed, but for what each may take at times, and for what
// nothing can have taken: a native turn may ask for any number of steps, and be refused.
constexpr int64_t kStepsBeyondMin = 10'000;
constexpr int64_t kSlicesBeyondMax = 1'000;
// Events that fault without a turn, in one slice.
constexpr int64_t kFaultsPerSlice = 1'000;
// Shares of an account that a collection on its behalf must leave free. Less after the young
// space's: everything is collected. Less after that: live data fill the account. So between two
// full collections much is allocated, in proportion to what lives, however close to the limit.
constexpr int64_t kFreeShareAfterYoung = 8;
constexpr int64_t kFreeShareAfterFull = 32;

Value ShortSymbolOf(std::string_view s) {
  return Value::ShortSymbol(s.data(), static_cast<int>(s.size()));
}

}  // namespace

bool Core::NoEventRoom() {
  quota_ = Resource::kEvents;
  return false;
}

int64_t Core::MemoryLeft(Sponsor& sponsor) {
  const Sponsor& account = sponsor.AccountOf(Resource::kMemory);
  return account.amount(Resource::kMemory) -
         static_cast<int64_t>(heap_.SponsorBytes(account.index()));
}

// Whoever has all that lives looked at pays for that.
void Core::ChargeLookAtAll(Sponsor& sponsor) {
  sponsor.Spend(Resource::kSteps,
                static_cast<int64_t>(heap_.stats().bytes_live / kBytesCollectedPerStep));
}

// The same in slices of its time, where it does not wait for it.
void Core::OweLookAtAll(Sponsor& sponsor) {
  sponsor.slices_owed +=
      1 + static_cast<int64_t>(heap_.stats().bytes_live / kBytesCollectedPerStepOfTime) /
              options_.slice_steps;
}

void Core::CollectFor(Sponsor& sponsor) {
  Collect(Heap::Scope::kFull);
  NoteCollected(sponsor);
  ChargeLookAtAll(sponsor);
  OweLookAtAll(sponsor);
}

// Everything has been, for its sake.
void Core::NoteCollected(Sponsor& sponsor) {
  Sponsor& account = sponsor.AccountOf(Resource::kMemory);
  account.bytes_when_spent = -1;
  if (HasRoom(sponsor, 0, kFreeShareAfterFull)) return;
  account.bytes_when_spent = static_cast<int64_t>(heap_.SponsorBytes(account.index()));
  account.allocated_when_spent = heap_.stats().bytes_allocated;
}

bool Core::HasRoom(Sponsor& sponsor, uint64_t bytes, int64_t share) {
  const int64_t amount = sponsor.AccountOf(Resource::kMemory).amount(Resource::kMemory);
  return !heap_.memory_is_out() &&
         MemoryLeft(sponsor) >= std::max({static_cast<int64_t>(bytes), amount / share, int64_t{1}});
}

bool Core::CouldHaveRoom(Sponsor& sponsor, uint64_t bytes) {
  const int64_t amount = sponsor.AccountOf(Resource::kMemory).amount(Resource::kMemory);
  return amount > 0 && bytes <= static_cast<uint64_t>(amount);
}

// Its account has nothing left, and that has been looked into.
bool Core::IsSpent(Sponsor& sponsor) {
  if (MemoryLeft(sponsor) > 0 && !heap_.memory_is_out()) return false;
  if (!CouldHaveRoom(sponsor, 0)) return true;
  const Sponsor& account = sponsor.AccountOf(Resource::kMemory);
  if (account.bytes_when_spent < 0) return false;
  const HeapStats heap = heap_.stats();
  const int64_t grown =
      static_cast<int64_t>(heap_.SponsorBytes(account.index())) - account.bytes_when_spent;
  return grown <= account.amount(Resource::kMemory) / kFreeShareAfterFull &&
         heap.bytes_allocated - account.allocated_when_spent <
             std::max(kFoundBytesMin, heap.bytes_live / kFoundShareOfLive);
}

bool Core::MakeRoom(Sponsor& sponsor, uint64_t bytes) {
  if (!CouldHaveRoom(sponsor, bytes)) return false;
  Collect(Heap::Scope::kYoung);
  if (HasRoom(sponsor, bytes, kFreeShareAfterYoung)) return true;
  CollectFor(sponsor);
  return HasRoom(sponsor, bytes, kFreeShareAfterFull);
}

Core::Room Core::RoomFor(Sponsor& sponsor, uint64_t bytes, Need need) {
  if (heap_.memory_is_out()) return MakeRoom(sponsor, bytes) ? Room::kYes : Room::kNo;
  if (!CouldHaveRoom(sponsor, bytes)) return Room::kNo;
  // What is asked for again right after it is the same thing, unless a turn came between: what was
  // released while it waited stands before it in the queue.
  if (std::exchange(sponsor.had_its_cycle, false) && need == Need::kAllMemory &&
      serial_ == serial_at_slice_) {
    return HasRoom(sponsor, bytes, kFreeShareAfterFull) ? Room::kYes : Room::kNo;
  }
  if (need != Need::kAllMemory) {
    Collect(Heap::Scope::kYoung);
    if (HasRoom(sponsor, bytes, kFreeShareAfterYoung)) return Room::kYes;
  }
  Sponsor& account = sponsor.AccountOf(Resource::kMemory);
  VESICLE_CHECK(account.wants_room == nullptr);  // while somebody waits nobody else runs
  account.wants_room = &sponsor;
  account.waits_for_cycle = heap_.RequestCycle();
  ChargeLookAtAll(sponsor);
  return Room::kLater;
}

// One safe point of a cycle. Returns the time it took, in steps.
int64_t Core::CollectPiece() {
  heap_.SafePoint();
  return std::max(CollectionTime(), options_.slice_steps / kPiecesPerSliceMax + 1);
}

// A slice's worth of the collection that its account waits for, in place of a slice. False: it
// waits for none, or no longer. When it is over, who wants the room has the next slice.
bool Core::CollectsInstead(Sponsor& sponsor) {
  Sponsor& account = sponsor.AccountOf(Resource::kMemory);
  if (account.wants_room == nullptr) {
    if ((MemoryLeft(sponsor) > 0 && !heap_.memory_is_out()) || IsSpent(sponsor)) return false;
    if (RoomFor(sponsor, 0, Need::kMemory) != Room::kLater) return false;
  }
  for (int64_t used = 0; used < options_.slice_steps && heap_.cycles() < account.waits_for_cycle;) {
    used += CollectPiece();
  }
  if (heap_.cycles() < account.waits_for_cycle || account.wants_room != &sponsor) return true;
  StopWantingRoom(sponsor);
  NoteCollected(sponsor);
  sponsor.had_its_cycle = true;
  return false;
}

void Core::StopWantingRoom(Sponsor& sponsor) {
  Sponsor& account = sponsor.AccountOf(Resource::kMemory);
  if (account.wants_room == &sponsor) account.wants_room = nullptr;
}

// What is left; when that is less than `wanted`, after a collection that the sponsor pays for. None
// where it is known that nothing is to be had.
int64_t Core::MemoryFor(Sponsor& sponsor, int64_t wanted) {
  if (wanted > 0 && MemoryLeft(sponsor) < wanted && !IsSpent(sponsor)) {
    MakeRoom(sponsor, static_cast<uint64_t>(wanted));
  }
  return MemoryLeft(sponsor);
}

void Core::TellHeapItsLimit() {
  heap_.set_bytes_max(
      static_cast<uint64_t>(std::max<int64_t>(sponsors_.root().amount(Resource::kMemory), 0)));
}

// A queue is memory too. Only its changes are told, in one figure a slice; and when an event comes
// in from another sponsor, for a dry one has no slices.
void Core::ChargeQueue(Sponsor& sponsor) {
  const int64_t bytes =
      sponsor.queue.size() * static_cast<int64_t>(sizeof(Event)) + sponsor.bytes_in_inboxes;
  const int64_t change = bytes - sponsor.queue_bytes_charged;
  if (change == 0) return;
  Sponsor& account = sponsor.AccountOf(Resource::kMemory);
  heap_.ChargeWaiting(account.index(), change);
  account.queues_bytes += change;
  sponsor.queue_bytes_charged = bytes;
}

// Whether it can pay for no further event from outside. Its first segment came with it; beyond that
// queues take half of their account at most, so that what waits never keeps itself from running.
// What else the account holds may be garbage, unless it is known to be dry.
bool Core::QueueIsFull(Sponsor& sponsor) {
  if (sponsor.queue.size() < Segment::kEvents) return false;
  const Sponsor& account = sponsor.AccountOf(Resource::kMemory);
  return account.queues_bytes >= account.amount(Resource::kMemory) / 2 ||
         (sponsor.dry && sponsor.dry_of == Resource::kMemory && MemoryLeft(sponsor) <= 0);
}

void Core::PayFrom(Sponsor& sponsor, int64_t memory_left) {
  if (in_slice_) TimeBytes();
  sponsor_ = &sponsor;
  bytes_timed_ = 0;
  heap_.SetSponsor(sponsor.AccountOf(Resource::kMemory).index(),
                   static_cast<uint64_t>(std::max<int64_t>(memory_left, 0)));
}

void Core::BeginSlice(Sponsor& sponsor) {
  in_slice_ = true;
  serial_at_slice_ = serial_;
  if (sponsor.schedule != nullptr) [[unlikely]]
    sponsor.schedule->BeginSlice(events_dispatched());
  event_room_ = std::clamp<int64_t>(sponsor.AccountOf(Resource::kEvents).amount(Resource::kEvents),
                                    0, int64_t{1} << 40);
  event_room_given_ = event_room_;
  const int64_t memory_left = MemoryLeft(sponsor);
  memory_is_spent_ = memory_left <= 0 || heap_.memory_is_out();
  PayFrom(sponsor, memory_left);
  slice_left_ =
      std::min(options_.slice_steps, sponsor.AccountOf(Resource::kSteps).amount(Resource::kSteps));
  slice_given_ = slice_left_;
  fuel = fuel_given_ = std::min(slice_left_, kStepsBetweenChecks);
}

// Of what was allocated since the last call.
void Core::TimeBytes() {
  const int64_t bytes = static_cast<int64_t>(heap_.spent());
  slice_left_ -= (bytes - bytes_timed_) / kBytesPerStepOfTime;
  bytes_timed_ = bytes;
}

// Moves what was used since the last call from `fuel` to the accounts.
void Core::ChargeSteps() {
  const int64_t used = fuel_given_ - fuel;
  slice_left_ -= used;
  TimeBytes();
  sponsor_->Spend(Resource::kSteps, used);
  fuel_at_turn_start_ -= fuel;
  fuel_given_ = fuel = 0;
}

bool Core::NextFuel() {
  ChargeSteps();
  if (slice_left_ <= 0) return false;
  fuel = fuel_given_ = std::min(slice_left_, kStepsBetweenChecks);
  return true;
}

int64_t Core::EndSlice() {
  ChargeSteps();
  const int64_t used = std::max<int64_t>(slice_given_ - slice_left_, 0);
  sponsor_->Spend(Resource::kEvents, event_room_given_ - event_room_);
  event_room_given_ = event_room_ = 0;
  ChargeQueue(*sponsor_);
  if (sponsor_->schedule != nullptr) [[unlikely]]
    sponsor_->schedule->EndSlice(events_dispatched());
  // What it took beyond its end comes off later ones.
  sponsor_->slices_owed += std::clamp<int64_t>(
      (-slice_left_ - kStepsBeyondMin) / options_.slice_steps, 0, kSlicesBeyondMax);
  sponsor_->had_its_cycle = false;
  if (sponsor_->dry) sponsor_->left_when_dry = LeftOf(*sponsor_, sponsor_->dry_of);
  PayFrom(sponsors_.root(), kUnlimited);
  in_slice_ = false;
  return used;
}

bool Core::HasRoom(uint64_t bytes) {
  if (heap_.Reserve(bytes)) return true;
  MakeRoom(*sponsor_, bytes);
  PayFrom(*sponsor_, MemoryLeft(*sponsor_));
  return heap_.Reserve(bytes);
}

Core::Fuel Core::Refuel(Need need, bool can_wait) {
  // What the turn used goes on record before the accounts forget it.
  turn_.steps_used += fuel_at_turn_start_ - fuel;
  turn_.effects |= TurnState::kRare;
  ChargeSteps();
  fuel_at_turn_start_ = 0;
  const auto set = [&] {
    fuel = fuel_given_ = std::clamp<int64_t>(slice_left_, 1, kStepsBetweenChecks);
    fuel_at_turn_start_ = fuel;
  };
  if (turn_.steps_used > options_.steps_per_turn_max) {
    quota_ = Resource::kSteps;
    turn_too_long_ = true;
    set();
    return Fuel::kTurnTooLong;
  }
  if (sponsor_->AccountOf(Resource::kSteps).amount(Resource::kSteps) <= 0) {
    set();
    return Fuel::kQuotaSteps;
  }
  ChargeQueue(*sponsor_);
  const uint64_t refused = need == Need::kSteps ? 0 : std::max<uint64_t>(heap_.refused_bytes(), 1);
  bool is_short = refused > 0 || heap_.over_allowance() || MemoryLeft(*sponsor_) <= 0;
  if (!is_short && heap_.wants_safe_point()) {
    SafePoint();
    is_short = heap_.memory_is_out();
  }
  if (is_short) {
    const Room room = can_wait                       ? RoomFor(*sponsor_, refused, need)
                      : MakeRoom(*sponsor_, refused) ? Room::kYes
                                                     : Room::kNo;
    PayFrom(*sponsor_, MemoryLeft(*sponsor_));
    waits_for_room_ = room == Room::kLater;
    if (waits_for_room_) slice_left_ = 0;
    if (room != Room::kYes) {
      set();
      return room == Room::kLater ? Fuel::kSuspend : Fuel::kQuotaMemory;
    }
  }
  if (slice_left_ <= 0) {
    // A turn that has hardly begun is over sooner than set aside; the slice ends with it.
    const int64_t grace = std::min(kStepsOfGrace, options_.slice_steps);
    if (turn_.steps_used >= grace || std::exchange(is_cut_, false)) {
      set();
      return Fuel::kSuspend;
    }
    fuel = fuel_given_ = fuel_at_turn_start_ = grace;
    return Fuel::kGo;
  }
  set();
  return Fuel::kGo;
}

bool Core::DryOf(Resource* which) {
  if (sponsor_->AccountOf(Resource::kSteps).amount(Resource::kSteps) <= 0) {
    *which = Resource::kSteps;
    return true;
  }
  if (memory_is_spent_) {
    *which = Resource::kMemory;
    return true;
  }
  return false;
}

// The actor to ask for more, or nil. Nobody asks for an account whose control ref is gone.
Value Core::KeeperOf(const Sponsor& account) {
  return account.control.is_nil() ? Value::Nil() : account.control.target()->words()[kKeeperWord];
}

bool Core::HasKeeper(Resource which) {
  const Sponsor& account = sponsor_->AccountOf(which);
  return account.parent() == nullptr ? options_.park_when_dry : !KeeperOf(account).is_nil();
}

Core::Paying::Paying(Core& core, Value payer, int64_t bytes_wanted)
    : core_(core), before_(core.sponsor_), outer_(core.paying_) {
  if (core.in_slice_) return;
  Sponsor& sponsor = core.PayerOf(payer);
  core.paying_ = &sponsor;
  if (outer_ == &sponsor && core.heap_.Reserve(static_cast<uint64_t>(bytes_wanted))) return;
  core.PayFrom(sponsor, core.MemoryFor(sponsor, bytes_wanted));
}

Core::Paying::~Paying() {
  if (core_.in_slice_ || std::exchange(core_.paying_, outer_) == outer_) return;
  core_.PayFrom(*before_, outer_ == nullptr ? kUnlimited : core_.MemoryLeft(*before_));
}

void Core::CollectFor(Value payer) {
  VESICLE_CHECK(!in_slice_);
  Sponsor& sponsor = PayerOf(payer);
  CollectFor(sponsor);
  if (paying_ == &sponsor) PayFrom(sponsor, MemoryLeft(sponsor));
}

Core::Delivery Core::DeliverOn(Value payer, Value target, Value message, Value slot) {
  VESICLE_CHECK(target.is_target());
  if (in_slice_) {
    // In a turn, an effect of it. It changes queues at dispatch.
    Deliver(NewPayer(target, payer), message, slot);
    return Delivery::kSent;
  }
  const Paying paying(*this, payer);
  if (sponsor_->stopped) {
    if (!slot.is_nil()) SettleSlot(slot, EventFlag::kBroken, Reason("stopped"));
    return Delivery::kRefused;
  }
  // Memory that only looks spent may be found when the event is taken up.
  memory_is_spent_ = IsSpent(*sponsor_);
  Resource which = Resource::kEvents;
  const bool is_dry =
      sponsor_->AccountOf(Resource::kEvents).amount(Resource::kEvents) <= 0 || DryOf(&which);
  // As what comes from another budget: it pays when it is taken up.
  const Event event = {NewPayer(target, sponsor_->control), message, slot,
                       Event::Pack(0, EventFlag::kMessage)};
  const bool is_full = QueueIsFull(*sponsor_);
  if (is_full) which = Resource::kMemory;
  if (is_full || (is_dry && !HasKeeper(which))) {
    RefuseMessage(event, {}, QuotaReason(which));
    return Delivery::kRefused;
  }
  sponsor_->queue.Append(event);
  MakeReady(*sponsor_);
  ChargeQueue(*sponsor_);
  if (!is_dry) return Delivery::kSent;
  MakeDry(which);
  sponsors_.Settle(*sponsor_);
  return Delivery::kParked;
}

void Core::Refill(Resource which, int64_t amount) {
  sponsors_.root().Grant(which, amount);
  if (which == Resource::kMemory) TellHeapItsLimit();
  WakeDry();
}

void Core::MakeDry(Resource which) {
  if (!std::exchange(sponsor_->dry, true)) dry_.push_back(sponsor_);
  search_.is_due |= sponsor_->cuts_seen != cuts_;
  sponsor_->dry_of = which;
  if (sponsor_->schedule != nullptr) sponsor_->schedule->OnChance("its budget ran dry");
  TellKeeper(sponsor_->AccountOf(which), which);
}

// Once, until it has refilled what it was told of.
void Core::TellKeeper(Sponsor& account, Resource which) {
  bool& told = account.keeper_told[static_cast<size_t>(which)];
  if (told || account.parent() == nullptr) return;
  told = true;
  const Heap::BeyondAllowance beyond(heap_);
  const Value fields[] = {ShortSymbolOf(ResourceName(which)), account.control};
  const Result message = MakeTagged(heap_, ShortSymbolOf("dry"), fields);
  Sponsor& payer = *account.parent();
  payer.queue.Append({KeeperOf(account), message.value(), Value::Nil(),
                      Event::Pack(turn_.serial, EventFlag::kMessage)});
  MakeReady(payer);
}

int64_t Core::FaultQueue(Value reason) {
  if (sponsor_->schedule != nullptr) {
    sponsor_->schedule->OnChance("its budget was spent, or was stopped");
  }
  int64_t faults = 0;
  // Who asked may be told through many boundaries: each is as a fault more.
  int64_t left = kFaultsPerSlice;
  for (int64_t before = fuel; left > 0 && !sponsor_->queue.empty(); before = fuel) {
    ++faults;
    // What a turn under way held is to be collected before more is judged.
    if (FaultFront(reason)) break;
    left -= 1 + std::max<int64_t>(before - fuel, 0);
    ChargeQueue(*sponsor_);
    if (memory_is_spent_ && MemoryLeft(*sponsor_) > 0) break;
  }
  return faults;
}

// Turns of the sponsor that is dry now, which were cut short: their actors are free at once, and
// what began them waits for a refill, to start afresh.
void Core::UndoCutShort(Resource which) {
  if (sponsor_->turns_cut_short == 0) return;
  std::vector<Object*> receivers;
  for (const Aside& aside : set_aside_) {
    if (aside.of != nullptr && aside.of->payer == sponsor_) {
      receivers.push_back(aside.of->turn.receiver.target());
    }
  }
  for (Object* receiver : receivers) {
    TakeUp(receiver);
    quota_ = which;
    EndQuota();
    ForgetEffects();
  }
}

// The turn just taken up never was.
void Core::UndoTakenUp(Value reason, Why why) {
  why_ = why;
  fault_reason_ = reason;
  EndFaulted();
  ForgetEffects();
}

// The first event of the queue. True when it was a turn under way, which is undone.
bool Core::FaultFront(Value reason) {
  Event event = sponsor_->queue.Take();
  ShadeTaken(event);
  if (!under_way_.empty()) DropUnderWay(event);
  if (event.flag() == EventFlag::kVoid) return false;
  if (event.flag() == EventFlag::kResume) {
    if (!IsUnderWay(event)) return false;
    TakeUp(event.target.target());
    UndoTakenUp(reason, sponsor_->stopped ? Why::kStopped : Why::kFault);
    sponsor_->AccountOf(Resource::kMemory).bytes_when_spent = -1;
    return true;
  }
  if (event.flag() == EventFlag::kFault && !DispatchFault(event)) return false;
  if (event.target.target()->kind == Kind::kPromise && event.flag() != EventFlag::kMessage) {
    if (!sponsor_->stopped || event.flag() != EventFlag::kListen) {
      // Settling and listening run nobody's code.
      if (DispatchPromise(event)) sponsor_->queue.PushFront(event);
      return false;
    }
    // What waits would wait for nothing.
    event = {event.message, reason, Value::Nil(), Event::Pack(event.cause(), EventFlag::kBroken)};
  }
  if (event.target.target()->kind == Kind::kActor && event.flag() != EventFlag::kMessage &&
      event.flag() != EventFlag::kFault) {
    // The VM's own code hears of a promise; what it is told has no slot.
    HearOfPromise(event);
    return false;
  }
  if (event.target.target()->kind == Kind::kProxy && event.flag() != EventFlag::kMessage) {
    BreakBehind(event.target.target(), reason);
    return false;
  }
  while (event.target.target()->kind == Kind::kContinuation) {
    Object* c = event.target.target();
    if (actor::StateOf(c) != actor::ContState::kWaiting) return false;
    if (!actor::ContWord(c, actor::Cont::kFrames).is_nil()) --tasks_waiting_;
    ForgetWait(c);
    heap_.WillWrite(c);
    actor::ContWord(c, actor::Cont::kState) =
        Value::SmallInt(static_cast<int64_t>(actor::ContState::kDone));
    // A timeout: what it was to wake ends here as well.
    if (const Value wakes = actor::ContWord(c, actor::Cont::kWakes); !wakes.is_nil()) {
      event = {wakes, Value::Nil(), Value::Nil(), Event::Pack(event.cause(), EventFlag::kBroken)};
      continue;
    }
    const Value report = event.flag() == EventFlag::kBroken ? event.slot : Value::Nil();
    event.slot = actor::ContWord(c, actor::Cont::kSlot);
    if (report.is_nil()) break;
    // It was to handle a break: the fault behind that goes on, and this is no second one.
    if (!event.slot.is_nil()) SettleSlot(event.slot, EventFlag::kBroken, reason, report);
    return false;
  }
  if (sponsor_->stopped) {
    BreakStopped(event);
  } else {
    RefuseMessage(event, {}, reason);
  }
  return false;
}

}  // namespace vesicle
