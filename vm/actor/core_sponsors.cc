// Core: what turns cost, who pays, and what happens when it is spent.
#include <algorithm>

#include "vm/actor/actor.h"
#include "vm/actor/core.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"
#include "vm/value/value_kind.h"

namespace vesicle {
namespace {

// Within a turn the heap's wishes and the memory balance are looked at this often.
constexpr int64_t kStepsBetweenChecks = 2'000;
// What a full collection on behalf of a sponsor costs it, so that living at the limit is no attack.
constexpr uint64_t kBytesCollectedPerStep = 256;
// Shares of an account that a collection on its behalf must leave free. Less after the young
// space's: everything is collected. Less after that: live data fill the account. So between two
// full collections much is allocated, in proportion to what lives, however close to the limit.
constexpr int64_t kFreeShareAfterYoung = 8;
constexpr int64_t kFreeShareAfterFull = 32;

Value ShortTextOf(std::string_view s) {
  return Value::ShortText(s.data(), static_cast<int>(s.size()));
}
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

void Core::CollectFor(Sponsor& sponsor) {
  Collect(Heap::Scope::kFull);
  sponsor.Spend(Resource::kSteps,
                static_cast<int64_t>(heap_.stats().bytes_live / kBytesCollectedPerStep));
}

// What is left; when that is less than `wanted`, after a collection that the sponsor pays for.
int64_t Core::MemoryFor(Sponsor& sponsor, int64_t wanted) {
  if (MemoryLeft(sponsor) < wanted) {
    MakeRoom(sponsor, static_cast<uint64_t>(std::max<int64_t>(wanted, 0)), Need::kMemory);
  }
  return MemoryLeft(sponsor);
}

void Core::TellHeapItsLimit() {
  heap_.set_bytes_max(
      static_cast<uint64_t>(std::max<int64_t>(sponsors_.root().amount(Resource::kMemory), 0)));
}

// A queue is memory too. Only its changes are told, in one figure a slice.
void Core::ChargeQueue(Sponsor& sponsor) {
  const int64_t bytes = sponsor.queue.size() * static_cast<int64_t>(sizeof(Event));
  if (bytes == sponsor.queue_bytes_charged) return;
  heap_.ChargeExternal(sponsor.AccountOf(Resource::kMemory).index(),
                       bytes - sponsor.queue_bytes_charged);
  sponsor.queue_bytes_charged = bytes;
}

void Core::PayFrom(Sponsor& sponsor, int64_t memory_left) {
  sponsor_ = &sponsor;
  heap_.SetSponsor(sponsor.AccountOf(Resource::kMemory).index(),
                   static_cast<uint64_t>(std::max<int64_t>(memory_left, 0)));
}

void Core::BeginSlice(Sponsor& sponsor) {
  in_slice_ = true;
  event_room_ = std::clamp<int64_t>(sponsor.AccountOf(Resource::kEvents).amount(Resource::kEvents),
                                    0, int64_t{1} << 40);
  event_room_given_ = event_room_;
  memory_is_spent_ = MemoryLeft(sponsor) <= 0 && !MakeRoom(sponsor, 0, Need::kMemory);
  PayFrom(sponsor, MemoryLeft(sponsor));
  slice_left_ =
      std::min(options_.slice_steps, sponsor.AccountOf(Resource::kSteps).amount(Resource::kSteps));
  slice_given_ = slice_left_;
  fuel = fuel_given_ = std::min(slice_left_, kStepsBetweenChecks);
}

bool Core::MakeRoom(Sponsor& sponsor, uint64_t bytes, Need need) {
  const int64_t amount = sponsor.AccountOf(Resource::kMemory).amount(Resource::kMemory);
  if (amount <= 0 || bytes > static_cast<uint64_t>(amount)) return false;
  const auto has_room = [&](int64_t share) {
    return MemoryLeft(sponsor) >=
           std::max({static_cast<int64_t>(bytes), amount / share, int64_t{1}});
  };
  if (need != Need::kAllMemory) {
    Collect(Heap::Scope::kYoung);
    if (has_room(kFreeShareAfterYoung)) return true;
  }
  CollectFor(sponsor);
  return has_room(kFreeShareAfterFull);
}

// Moves what was used since the last call from `fuel` to the accounts.
void Core::ChargeSteps() {
  const int64_t used = fuel_given_ - fuel;
  slice_left_ -= used;
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
  PayFrom(sponsors_.root(), kUnlimited);
  in_slice_ = false;
  return used;
}

bool Core::HasRoom(uint64_t bytes) {
  if (heap_.Reserve(bytes)) return true;
  MakeRoom(*sponsor_, bytes, Need::kMemory);
  PayFrom(*sponsor_, MemoryLeft(*sponsor_));
  return heap_.Reserve(bytes);
}

Core::Fuel Core::Refuel(Need need) {
  // What the turn used goes on record before the accounts forget it.
  turn_.steps_used += fuel_at_turn_start_ - fuel;
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
  if (refused > 0 || heap_.over_allowance() || MemoryLeft(*sponsor_) <= 0) {
    const bool has_room = MakeRoom(*sponsor_, refused, need);
    PayFrom(*sponsor_, MemoryLeft(*sponsor_));
    if (!has_room) {
      set();
      return Fuel::kQuotaMemory;
    }
  } else if (heap_.wants_safe_point()) {
    SafePoint();
  }
  if (slice_left_ <= 0) {
    set();
    return Fuel::kSuspend;
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

bool Core::HasKeeper(Resource which) {
  const Sponsor& account = sponsor_->AccountOf(which);
  return account.parent() == nullptr ? options_.park_when_dry : !account.keeper.is_nil();
}

Core::Paying::Paying(Core& core, Value payer, int64_t bytes_wanted)
    : core_(core), before_(core.sponsor_) {
  if (core.in_slice_) return;
  Sponsor& sponsor = core.PayerOf(payer);
  core.PayFrom(sponsor, core.MemoryFor(sponsor, bytes_wanted));
}

Core::Paying::~Paying() {
  if (core_.in_slice_) return;
  const bool to_host = before_ == &core_.root_sponsor();
  core_.PayFrom(*before_, to_host ? kUnlimited : core_.MemoryLeft(*before_));
}

void Core::CollectFor(Value payer) {
  VESICLE_CHECK(!in_slice_);
  CollectFor(PayerOf(payer));
}

Core::Delivery Core::DeliverOn(Value payer, Value target, Value message) {
  VESICLE_CHECK(target.is_target());
  if (in_slice_) {
    // In a turn, an effect of it. It changes queues at dispatch.
    Deliver(NewPayer(target, payer), message, Value::Nil());
    return Delivery::kSent;
  }
  // Memory that only looks spent is collected now; the message may move.
  const Root held_target(heap_, target), held_message(heap_, message);
  const Paying paying(*this, payer, 1);
  Resource which = Resource::kEvents;
  const bool is_dry =
      sponsor_->AccountOf(Resource::kEvents).amount(Resource::kEvents) <= 0 || DryOf(&which);
  const Event event = {held_target.value(), held_message.value(), Value::Nil(),
                       Event::Pack(0, EventFlag::kMessage)};
  if (is_dry && !HasKeeper(which)) {
    RefuseMessage(event, {}, QuotaReason(which));
    return Delivery::kRefused;
  }
  sponsor_->Spend(Resource::kEvents, 1);
  sponsor_->queue.Append(event);
  if (!is_dry) {
    sponsors_.MakeReady(*sponsor_);
    return Delivery::kSent;
  }
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
  sponsor_->dry = true;
  sponsor_->dry_of = which;
  Sponsor& account = sponsor_->AccountOf(which);
  if (account.keeper_told || account.parent() == nullptr) return;
  account.keeper_told = true;
  const Heap::BeyondAllowance beyond(heap_);
  const Value fields[] = {ShortSymbolOf(ResourceName(which)), account.control};
  const Result message = MakeTagged(heap_, ShortSymbolOf("dry"), fields);
  Sponsor& payer = *account.parent();
  payer.queue.Append({account.keeper, message.value(), Value::Nil(),
                      Event::Pack(turn_.serial, EventFlag::kMessage)});
  sponsors_.MakeReady(payer);
}

// Nobody to ask: the first event of the queue faults without a turn.
void Core::FaultFront(Resource which) {
  const Event event = TakeFront();
  --fuel;
  if (event.flag() == EventFlag::kResume) {
    // A turn under way ends with the same reason.
    TakeUp(event.target.target());
    why_ = Why::kFault;
    fault_reason_ = QuotaReason(which);
    EndFaulted();
    return;
  }
  Object* target = event.target.target();
  if (target->kind == Kind::kPromise && event.flag() != EventFlag::kMessage) {
    // Settling and listening run nobody's code.
    Event onward = event;
    if (DispatchPromise(onward)) sponsor_->queue.PushFront(onward);
    return;
  }
  Event refused = event;
  if (target->kind == Kind::kContinuation) {
    if (actor::StateOf(target) != actor::ContState::kWaiting) return;
    if (!actor::ContWord(target, actor::Cont::kFrames).is_nil()) --tasks_waiting_;
    heap_.WillWrite(target);
    actor::ContWord(target, actor::Cont::kState) =
        Value::SmallInt(static_cast<int64_t>(actor::ContState::kDone));
    refused.slot = actor::ContWord(target, actor::Cont::kSlot);
    // It was to handle a break: the fault behind that goes on, and this is no second one.
    if (event.flag() == EventFlag::kBroken && !event.slot.is_nil()) {
      if (!refused.slot.is_nil()) {
        SettleSlot(refused.slot, EventFlag::kBroken, QuotaReason(which), event.slot);
      }
      return;
    }
  }
  RefuseMessage(refused, {}, QuotaReason(which));
}

// ---------------------------------------------------------------------------
// Control refs

std::string Core::ReadLimits(Value limits, std::array<int64_t, kResourceCount>* amounts,
                             Value* keeper) {
  if (!IsMap(limits)) return "limits are a map, as {events: 1000, steps: 1_000_000}";
  amounts->fill(-1);
  *keeper = Value::Nil();
  Value position = kMapStart;
  Value leaf;
  MapEntry entry;
  while (MapNext(limits, position, leaf, entry)) {
    if (!IsText(entry.key)) return "a limit's name is events, memory, steps or keeper";
    const std::string name(TextView(entry.key));
    if (name == "keeper") {
      if (!entry.value.is_target()) return "keeper wants a ref";
      *keeper = entry.value;
      continue;
    }
    int r = 0;
    while (r < kResourceCount && name != ResourceName(static_cast<Resource>(r))) ++r;
    if (r == kResourceCount) {
      return "there is no limit \"" + name.substr(0, 40) +
             "\"; there are events, memory (bytes), steps and keeper";
    }
    const auto amount = IsInt(entry.value) ? Int64Of(entry.value) : std::nullopt;
    if (!amount.has_value() || *amount < 0 || *amount > kUnlimited) {
      return name + " wants an amount of 0 or more";
    }
    (*amounts)[static_cast<size_t>(r)] = *amount;
  }
  return {};
}

std::string Core::MoveAmounts(const std::array<int64_t, kResourceCount>& amounts, Sponsor& from,
                              Sponsor& to) {
  const auto available = [&](Resource r) {
    int64_t left = r == Resource::kMemory ? MemoryLeft(from) : from.AccountOf(r).amount(r);
    if (&from == sponsor_ && r == Resource::kEvents) left -= event_room_given_ - event_room_;
    return left;
  };
  for (int r = 0; r < kResourceCount; ++r) {
    const int64_t amount = amounts[static_cast<size_t>(r)];
    const auto resource = static_cast<Resource>(r);
    if (amount > 0 && amount > available(resource)) {
      return "only " + std::to_string(std::max<int64_t>(available(resource), 0)) + " " +
             ResourceName(resource) + " are left here, not " + std::to_string(amount);
    }
  }
  for (int r = 0; r < kResourceCount; ++r) {
    const int64_t amount = amounts[static_cast<size_t>(r)];
    if (amount < 0) continue;
    const auto resource = static_cast<Resource>(r);
    from.Spend(resource, amount);
    to.Grant(resource, amount);
    if (resource == Resource::kEvents && &from == sponsor_) {
      event_room_ = std::max<int64_t>(event_room_ - amount, 0);
      event_room_given_ = std::max<int64_t>(event_room_given_ - amount, 0);
    }
  }
  return {};
}

Core::SponsorResult Core::SplitSponsor(Value limits) {
  std::array<int64_t, kResourceCount> amounts;
  Value keeper;
  std::string error = ReadLimits(limits, &amounts, &keeper);
  if (!error.empty()) return {Value::Nil(), error};
  Object* control = heap_.AllocateOld(Kind::kSponsorControl, 3);  // raw, serial, parent's control
  if (control == nullptr) return {Value::Nil(), "no memory for a sponsor"};
  Sponsor* sponsor = sponsors_.Add(*sponsor_, heap_);
  if (sponsor == nullptr) {
    return {Value::Nil(), "there are at most " + std::to_string(kSponsorsMax) + " sponsors, " +
                              std::to_string(kSponsorDepthMax) + " deep"};
  }
  error = MoveAmounts(amounts, *sponsor_, *sponsor);
  if (!error.empty()) {
    sponsors_.Remove(*sponsor, heap_);
    return {Value::Nil(), error};
  }
  control->words()[0] = Value::FromBits(reinterpret_cast<uint64_t>(sponsor));
  control->words()[2] = sponsor_->control;
  sponsor->control = Value::Target(control);
  sponsor->keeper = keeper;
  if (in_turn_) sponsors_made_.push_back(sponsor);
  return {sponsor->control, {}};
}

Value Core::BalanceOf(Sponsor& sponsor) {
  const Heap::BeyondAllowance beyond(heap_);
  Value map = EmptyMap(heap_);
  const auto put = [&](const char* name, int64_t amount) {
    map = MapPut(heap_, map, ShortTextOf(name), MakeInt(heap_, amount), *this).value();
  };
  for (int r = 0; r < kResourceCount; ++r) {
    const auto resource = static_cast<Resource>(r);
    if (!sponsor.HasOwn(resource)) continue;
    put(ResourceName(resource),
        resource == Resource::kMemory ? MemoryLeft(sponsor) : sponsor.amount(resource));
  }
  return map;
}

// After a refill: who waits on an account that has something again, goes on.
void Core::WakeDry() {
  sponsors_.ForEach([&](Sponsor& s) {
    if (!s.dry) return;
    Sponsor& account = s.AccountOf(s.dry_of);
    const int64_t left = s.dry_of == Resource::kMemory ? MemoryLeft(s) : account.amount(s.dry_of);
    if (left <= 0) return;
    s.dry = false;
    account.keeper_told = false;
    sponsors_.MakeReady(s);
  });
}

void Core::DispatchControl(const Event& event) {
  // The turn that made it was undone.
  if (event.target.target()->words()[0].is_nil()) {
    return RefuseMessage(event, {}, Reason("disconnected"));
  }
  Sponsor& sponsor = PayerOf(event.target);
  const Value m = event.message;
  const auto fields = FieldsOf(m);
  const auto is = [&](const char* tag, size_t arity) {
    return HasTag(m) && TagOf(m) == ShortSymbolOf(tag) && fields.size() == arity;
  };
  const auto reply = [&](Value v) {
    if (!event.slot.is_nil()) SettleSlot(event.slot, EventFlag::kKept, v);
  };
  if (is("balance", 0)) return reply(BalanceOf(sponsor));
  if (is("refill", 1)) {
    std::array<int64_t, kResourceCount> amounts;
    Value keeper;
    std::string error = ReadLimits(fields[0], &amounts, &keeper);
    for (int r = 0; error.empty() && r < kResourceCount; ++r) {
      const auto resource = static_cast<Resource>(r);
      if (amounts[static_cast<size_t>(r)] >= 0 && !sponsor.HasOwn(resource)) {
        error = std::string("this sponsor has no ") + ResourceName(resource) + " of its own";
      }
    }
    for (Sponsor* s = sponsor_; error.empty() && s != nullptr; s = s->parent()) {
      if (s == &sponsor) error = "a sponsor cannot refill itself";
    }
    if (error.empty()) error = MoveAmounts(amounts, *sponsor_, sponsor);
    if (!error.empty()) return RefuseMessage(event, error);
    if (!keeper.is_nil()) sponsor.keeper = keeper;
    WakeDry();
    return reply(Value::Nil());
  }
  if (is("create", 1)) {
    if (!IsBehavior(fields[0])) return RefuseMessage(event, "#create(b) wants a behavior");
    const Value made = CreateActor(fields[0]);
    made.target()->sponsor = sponsor.AccountOf(Resource::kMemory).index();
    stats_.actors += actors_made_;
    actors_made_ = 0;
    return reply(NewPayer(made, event.target));
  }
  RefuseMessage(event, "a sponsor takes #create(behavior), #balance and #refill(limits)");
}

Value Core::NewPayer(Value target, Value control) {
  Object* payer = heap_.Allocate(Kind::kPayer, 3);  // the actor, the control ref, a serial
  payer->words()[0] = target;
  payer->words()[1] = control;
  return Value::Target(payer);
}

void Core::ReapSponsors() {
  for (size_t i = orphans_.size(); i-- > 0;) {
    Sponsor* sponsor = orphans_[i];
    if (!sponsor->queue.empty() || sponsor->has_children()) continue;
    ChargeQueue(*sponsor);
    sponsors_.Remove(*sponsor, heap_);
    orphans_.erase(orphans_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace vesicle
