// Core: budgets as refs: made, read, refilled and stopped by turns.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/actor/actor.h"
#include "vm/actor/core.h"
#include "vm/actor/promise.h"
#include "vm/value/form.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"
#include "vm/value/value_kind.h"

namespace vesicle {
namespace {

Value ShortTextOf(std::string_view s) {
  return Value::ShortText(s.data(), static_cast<int>(s.size()));
}

}  // namespace

// ---------------------------------------------------------------------------
// Stopping

void Core::StopSponsor(Sponsor& sponsor) {
  // What this slice used so far goes to the accounts as they are.
  ChargeSteps();
  sponsor_->Spend(Resource::kEvents, event_room_given_ - event_room_);
  event_room_given_ = event_room_;
  // While their accounts are still those that they want room of.
  sponsors_.ForEachFrom(sponsor, [&](Sponsor& s) { StopWantingRoom(s); });
  waits_end_at_cycle_ = heap_.WatchCycle(Kind::kWaiter);
  sponsors_.Stop(sponsor, heap_, [&](Sponsor& stopped) {
    slice_left_ -= kTimeOfSponsor;
    stopped.waits_end_at_cycle = waits_end_at_cycle_;
    MakeReady(stopped);
  });
  if (sponsor_->stopped) event_room_given_ = event_room_ = 0;
  ChargeLookAtAll(*sponsor_);
  OweLookAtAll(*sponsor_);
  fuel -= static_cast<int64_t>(dry_.size());
  WakeDry();
}

// What waits for promises on a sponsor that was stopped breaks, too. Only what lived then is asked,
// so that nothing of a collection can be observed: a mark finds it.
void Core::OnMarked(const Object* node) {
  const promise::Waiter waiter = promise::WaiterOf(node);
  if (IsUndone(waiter.payer)) return;
  const Sponsor& payer = PayerOf(waiter.payer);
  const uint64_t cycle = heap_.cycles() + 1;
  if (!payer.stopped || payer.waits_end_at_cycle != cycle) return;
  Event event = waiter.event;
  if (event.flag() == EventFlag::kListen) {
    event = {event.message, Value::Nil(), Value::Nil(),
             Event::Pack(event.cause(), EventFlag::kBroken)};
  } else if (event.slot.is_nil()) {
    return;
  }
  ended_waits_.push_back({cycle, waiter.age, waiter.payer, event});
  std::push_heap(ended_waits_.begin(), ended_waits_.end(), IsYounger);
}

bool Core::IsYounger(const EndedWait& a, const EndedWait& b) {
  return a.cycle != b.cycle ? a.cycle > b.cycle : a.age > b.age;
}

// A piece of that: of the mark, and of what cycles that are over have found, in the order in which
// it came to wait. False when all of it stands in the queues of its sponsors.
bool Core::EndWaits(int64_t* used) {
  constexpr int kAtOnce = 256;
  if (heap_.cycles() < waits_end_at_cycle_) *used += CollectPiece();
  for (int i = 0;
       i < kAtOnce && !ended_waits_.empty() && ended_waits_.front().cycle <= heap_.cycles(); ++i) {
    const EndedWait& ended = ended_waits_.front();
    if (IsUndone(ended.payer)) {
      ReleaseToNobody(ended.event);
    } else {
      Sponsor& payer = PayerOf(ended.payer);
      payer.queue.Append(ended.event);
      MakeReady(payer);
    }
    std::pop_heap(ended_waits_.begin(), ended_waits_.end(), IsYounger);
    ended_waits_.pop_back();
  }
  if (heap_.cycles() < waits_end_at_cycle_ || !ended_waits_.empty()) return true;
  waits_end_at_cycle_ = 0;
  ended_waits_.shrink_to_fit();
  return false;
}

void Core::BreakStopped(const Event& event) {
  TellLost(event);
  if (!event.slot.is_nil()) SettleSlot(event.slot, EventFlag::kBroken, Reason("stopped"));
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
      return name + " wants an integer from 0 to " + std::to_string(kUnlimited);
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
      const int64_t used = event_room_given_ - event_room_;
      event_room_ = std::max<int64_t>(event_room_ - amount, 0);
      event_room_given_ = event_room_ + used;
    }
  }
  return {};
}

Core::SponsorResult Core::SplitSponsor(Value limits) {
  std::array<int64_t, kResourceCount> amounts;
  Value keeper;
  std::string error = ReadLimits(limits, &amounts, &keeper);
  if (!error.empty()) return {Value::Nil(), error};
  // Raw, serial, the parent's control, the keeper.
  Object* control = heap_.AllocateOld(Kind::kSponsorControl, 4);
  if (control == nullptr) return {};
  Sponsor* sponsor = sponsors_.Add(*sponsor_, heap_);
  if (sponsor == nullptr) {
    return {Value::Nil(), "there are at most " + std::to_string(kSponsorsMax) + " sponsors, " +
                              std::to_string(kSponsorDepthMax) + " deep"};
  }
  error = MoveAmounts(amounts, *sponsor_, *sponsor);
  if (!error.empty()) {
    sponsors_.Remove(*sponsor, heap_, SponsorTree::End::kUndone);
    return {Value::Nil(), error};
  }
  slice_left_ -= kTimeOfSponsor;
  if (sponsor_->schedule != nullptr) sponsor_->schedule->OnChance("it made a budget of its own");
  control->words()[0] = Value::FromBits(reinterpret_cast<uint64_t>(sponsor));
  control->words()[2] = sponsor_->control;
  control->words()[kKeeperWord] = keeper;
  sponsor->control = Value::Target(control);
  if (in_turn_) {
    sponsors_made_.push_back(sponsor);
    turn_.effects |= TurnState::kRare;
  }
  return {sponsor->control, {}};
}

bool Core::IsMadeByTurn(Value control) const {
  if (!in_turn_ || control.is_nil()) return false;
  const Sponsor* sponsor = SponsorOf(control.target());
  return std::find(sponsors_made_.begin(), sponsors_made_.end(), sponsor) != sponsors_made_.end();
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
    put(ResourceName(resource), LeftOf(sponsor, resource));
  }
  return map;
}

int64_t Core::LeftOf(Sponsor& sponsor, Resource which) {
  return which == Resource::kMemory ? MemoryLeft(sponsor) : sponsor.AccountOf(which).amount(which);
}

// Accounts have got more: who waits on one that has more than was too little goes on; the keeper of
// one that was refilled, and not with enough, hears of it.
void Core::WakeDry() {
  const size_t before = dry_.size();
  std::erase_if(dry_, [&](Sponsor* s) {
    if (!s->dry) return true;  // stopped
    Sponsor& account = s->AccountOf(s->dry_of);
    if (LeftOf(*s, s->dry_of) <= std::max<int64_t>(s->left_when_dry, 0)) {
      TellKeeper(account, s->dry_of);
      return false;
    }
    s->dry = false;
    account.keeper_told[static_cast<size_t>(s->dry_of)] = false;
    MakeReady(*s);
    return true;
  });
  // A search may have passed by those that stand elsewhere now.
  search_.has_met |= dry_.size() != before;
}

void Core::DispatchControl(const Event& event) {
  // The turn that made it was undone.
  if (SponsorOf(event.target.target()) == nullptr) {
    return RefuseMessage(event, {}, Reason("disconnected"));
  }
  Sponsor& sponsor = PayerOf(event.target);
  const Value m = event.message;
  const auto fields = FieldsOf(m);
  const auto is = [&](const char* tag, size_t arity) { return Is(m, tag, arity); };
  const auto reply = [&](Value v) {
    if (!event.slot.is_nil()) SettleSlot(event.slot, EventFlag::kKept, v);
  };
  if (is("balance", 0)) return reply(BalanceOf(sponsor));
  if (is("stop", 0)) {
    if (!sponsor.stopped) StopSponsor(sponsor);
    return reply(Value::Nil());
  }
  if (sponsor.stopped) return BreakStopped(event);
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
    if (!keeper.is_nil()) {
      Object* control = sponsor.control.target();
      heap_.WillWrite(control);
      control->words()[kKeeperWord] = keeper;
    }
    for (size_t r = 0; r < kResourceCount; ++r) {
      if (amounts[r] > 0 || !keeper.is_nil()) sponsor.keeper_told[r] = false;
    }
    // Each that is dry is looked at: steps, so that refills without end make long slices no longer.
    fuel -= static_cast<int64_t>(dry_.size());
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
  RefuseMessage(event, "a sponsor takes #create(behavior), #balance, #refill(limits) and #stop");
}

Value Core::NewPayer(Value target, Value control) {
  Object* payer = heap_.Allocate(Kind::kPayer, 3);  // the actor, the control ref, a serial
  payer->words()[0] = target;
  payer->words()[1] = control;
  return Value::Target(payer);
}

// Some of them, in a circle, as long as there is one that may go.
void Core::ReapSponsors() {
  constexpr int kAtOnce = 64;
  for (int i = 0; i < kAtOnce && orphans_to_see_ > 0; ++i) {
    Sponsor* sponsor = orphans_.front();
    orphans_.pop_front();
    --orphans_to_see_;
    if (!sponsor->queue.empty() || sponsor->has_children()) {
      orphans_.push_back(sponsor);
      continue;
    }
    ChargeQueue(*sponsor);
    sponsors_.Remove(*sponsor, heap_);
    orphans_to_see_ = orphans_.size();  // its parent may go now
    orphans_gave_back_ = true;
  }
  if (orphans_to_see_ == 0 && std::exchange(orphans_gave_back_, false)) WakeDry();
}

}  // namespace vesicle
