// Core: the events of proxies.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vm/actor/actor.h"
#include "vm/actor/boundary.h"
#include "vm/actor/core.h"
#include "vm/actor/core_turn.h"
#include "vm/actor/promise.h"

namespace vesicle {
namespace {

bool IsProxy(Value target) { return IsTargetKind(target, Kind::kProxy); }
// On one way.
constexpr int kBoundariesMax = 1'000;
// Of one behind another.
constexpr int64_t kStepsOfCrossing = 10;
// Slots that stand for one another.
constexpr int kSettledAtOnce = 1'000;

bool IsPayer(Value target) { return IsTargetKind(target, Kind::kPayer); }
bool IsSame(const Event& a, const Event& b) {
  return a.target == b.target && a.message == b.message && a.slot == b.slot &&
         a.cause_and_flag == b.cause_and_flag;
}

// Of those that an event of `target` crosses.
Object* FirstBoundary(Value target) {
  while (IsPayer(target)) target = target.target()->words()[0];
  return IsProxy(target) ? target.target()->words()[0].data() : nullptr;
}

}  // namespace

// Where an event of `target` ends, and who pays there: the last one on the way.
Core::Way Core::WayOf(Value target) {
  Way way{target, sponsor_, Way::Kind::kOpen};
  for (; IsProxy(way.end) || IsPayer(way.end); ++way.hops) {
    if (way.hops > kBoundariesMax) {
      way.kind = Way::Kind::kTooLong;
      return way;
    }
    const Object* o = way.end.target();
    if (o->kind == Kind::kPayer) {
      if (IsUndone(o->words()[1])) {
        way.kind = Way::Kind::kCut;
        return way;
      }
      way.payer = &PayerOf(o->words()[1]);
      way.end = o->words()[0];
      continue;
    }
    const Boundary& boundary = *boundary::OfProxy(o);
    if (boundary.is_cut() || boundary::Target(o).is_nil() || IsUndone(boundary.PayerTo(o))) {
      way.kind = Way::Kind::kCut;
      way.cut_at = boundary.cut_at();
      return way;
    }
    way.payer = &PayerOf(boundary.PayerTo(o));
    way.end = boundary::Target(o);
  }
  return way;
}

// What most crossings are: of one boundary, to a free actor, which is behind the proxy. True: *here
// is its event, and the turn that begins knows where it came from. False: nothing was done.
inline bool Core::CrossToPlain(const Event& event, Event* here) {
  Object* proxy = event.target.target();
  if (event_room_ <= 0 || !under_way_.empty() || sponsor_->schedule != nullptr) return false;
  *here = event;
  const int64_t crossing = boundary::OfProxy(proxy)->CrossAtOnce(*this, proxy, *here);
  if (crossing == Boundary::kNotAtOnce) return false;
  --event_room_;
  --fuel;
  turn_.origin = event;
  turn_.crossed = Value::SmallInt(crossing);
  turn_.effects = TurnState::kCrossed;
  return true;
}

bool Core::CrossAtOnce(const Event& event, Event* here) {
  const Value end = boundary::Target(event.target.target());
  return end.is_target() && actor::IsPlain(end.target()) && CrossToPlain(event, here);
}

Object* Core::TakeNextAcross(const Event* event, EnterFn enter) {
  const Object* proxy = event->target.target();
  if (proxy->kind != Kind::kProxy) return nullptr;
  const Value end = boundary::Target(proxy);
  if (!end.is_target() || !actor::IsPlain(end.target())) return nullptr;
  Object* code = code::Of(end.target());
  if (code::Enter(code) != enter) return nullptr;
  Event here;
  if (!CrossToPlain(*event, &here)) return nullptr;
  sponsor_->queue.PopSent();
  PrefetchBehind(event);
  BeginTurn(here, here.target, here.slot, code);
  return end.target();
}

// False: it waits elsewhere, or it was refused. True: it crossed, and goes on as the target's.
bool Core::DispatchProxy(Event& event) {
  if (sponsor_->schedule != nullptr) [[unlikely]]
    sponsor_->schedule->OnProxyEvent(*this, event);
  if (event.flag() != EventFlag::kMessage) return CrossBack(event), false;
  const Way way = WayOf(event.target);
  fuel -= way.hops - 1;  // each may be a miss of the cache
  if (way.kind != Way::Kind::kOpen) {
    DropUnderWay(event);
    const bool is_cut = way.kind == Way::Kind::kCut;
    // What was under way is dropped; what was sent to a dead proxy is a fault.
    if (is_cut && event.cause() < way.cut_at) return BreakRevoked(event), false;
    RefuseMessage(event, {},
                  is_cut ? Reason("revoked")
                         : Reason("limit", "a message crosses at most " +
                                               std::to_string(kBoundariesMax) + " membranes"));
    return false;
  }
  if (way.payer != sponsor_) return HandToPayer(*way.payer, event), false;
  // A free actor's turn is begun by this; for one that is not, the event waits as it is.
  Object* target = way.end.target();
  const bool begins_turn = target->kind == Kind::kActor;
  if (begins_turn && actor::IsExtended(target) && WaitInInbox(target, event)) {
    CrossAnew(event);
    return false;
  }
  if (!PayForArrival(event)) {
    CrossAnew(event);
    return false;
  }
  const Event origin = event;
  UnderWay now = TakeUnderWay(origin);
  while (now.event.target != way.end) {
    if (IsPayer(now.event.target)) {
      now.event.target = now.event.target.target()->words()[0];
      continue;
    }
    if (!CrossOne(now)) {
      if (now.is_waiting) ++event_room_;
      return false;
    }
    if (now.event.target == way.end) break;
    fuel -= kStepsOfCrossing;
    // The rules of a thousand boundaries are no single step: the slice is looked at between them.
    if (fuel <= 0 && IsProxy(now.event.target)) {
      slice_left_ = 0;
      WaitAtFront(now);
      ++event_room_;
      return false;
    }
  }
  if (begins_turn) {
    origin_ = origin;
    crossed_ = now.crossed;
  }
  event = now.event;
  return true;
}

// One boundary. False: that was all for now.
bool Core::CrossOne(UnderWay& now) {
  Object* proxy = now.event.target.target();
  const Value crossed = std::exchange(crossed_, now.crossed);
  crossing_ = now.origin.target;
  const Boundary::Passage passage =
      boundary::OfProxy(proxy)->Cross(*this, proxy, now.event, now.passing);
  now.crossed = std::exchange(crossed_, crossed);
  crossing_ = Value::Nil();
  switch (passage) {
    case Boundary::Passage::kGoesOn:
      now.passing.reset();
      now.tries = 0;
      return true;
    case Boundary::Passage::kRedirected:
      Release(sponsor_->control, now.event);
      return false;
    case Boundary::Passage::kRefused:
      return false;
    case Boundary::Passage::kMore:
      now.tries = 0;
      slice_left_ = 0;
      WaitAtFront(now);
      return false;
    case Boundary::Passage::kNoRoom:
      WaitForRoom(now, nullptr);
      return false;
    case Boundary::Passage::kNoPlace:
      WaitForRoom(now, boundary::OfProxy(proxy));
      return false;
  }
  return false;
}

// What settles a slot of the other side, on its way there.
void Core::CrossBack(const Event& event) {
  Object* proxy = event.target.target();
  const Boundary& boundary = *boundary::OfProxy(proxy);
  const Value behind = boundary::Target(proxy);
  if (behind.is_nil() || boundary.is_cut()) {
    DropUnderWay(event);
    return BreakBehind(proxy, Reason("revoked"));
  }
  UnderWay now = TakeUnderWay(event);
  if (!CrossOne(now)) return;
  SettleSlot(now.event.target, now.event.flag(), now.event.message, now.event.slot);
}

// ---------------------------------------------------------------------------
// Crossings that are not done

Core::UnderWay Core::TakeUnderWay(const Event& event) {
  if (!under_way_.empty()) {
    const auto at = under_way_.find(sponsor_->index());
    if (at != under_way_.end() && IsSame(at->second.origin, event)) {
      UnderWay found = std::move(at->second);
      under_way_.erase(at);
      found.is_waiting = false;
      return found;
    }
  }
  UnderWay now;
  now.origin = now.event = event;
  return now;
}

// It will not go on: what is under way of `event`, if anything.
void Core::DropUnderWay(const Event& event) {
  const UnderWay dropped = TakeUnderWay(event);
  if (dropped.passing != nullptr) dropped.passing->Abandon();
}

// The same; and the event comes again, so what was counted for it is not.
void Core::CrossAnew(const Event& event) {
  if (under_way_.empty()) return;
  UnderWay now = TakeUnderWay(event);
  TakeBackUnderWay(now);
}

void Core::TakeBackUnderWay(UnderWay& now) {
  if (now.passing != nullptr) {
    now.passing->TakeBack(*this);
    now.passing->Abandon();
  }
  TakeBackCrossed(now.origin.target, now.crossed);
}

void Core::WaitAtFront(UnderWay& now) {
  now.is_waiting = true;
  sponsor_->queue.PushFront(now.origin);
  UnderWay& place = under_way_[sponsor_->index()];
  // Another one of this sponsor's: something came before it meanwhile.
  if (!place.origin.target.is_nil()) TakeBackUnderWay(place);
  place = std::move(now);
  now.is_waiting = true;
}

// It goes on when what is dead has been collected, first of the young, then of all. `full`: a table
// of that boundary is; null: there was no memory.
void Core::WaitForRoom(UnderWay& now, Boundary* full) {
  constexpr uint8_t kTriesMax = 2;
  if (sponsor_->schedule != nullptr) {
    sponsor_->schedule->OnChance("a crossing waited for memory, or for a place in a table");
  }
  const bool has_tried_all = now.tries == kTriesMax;
  const Need need = now.tries == 0 ? Need::kMemory : Need::kAllMemory;
  if (!has_tried_all) ++now.tries;
  WaitAtFront(now);
  const uint64_t bytes = full == nullptr ? heap_.refused_bytes() : 0;
  const Room room = has_tried_all ? Room::kNo : RoomFor(*sponsor_, bytes, need);
  PayFrom(*sponsor_, MemoryLeft(*sponsor_));
  if (room == Room::kLater) {
    slice_left_ = 0;
    // Of memory there may be more by then than was asked for.
    auto& tries = under_way_.find(sponsor_->index())->second.tries;
    if (full == nullptr) tries = std::min<uint8_t>(tries, 1);
  }
  if (room != Room::kNo) return;
  const Event refused = sponsor_->queue.Take();
  ShadeTaken(refused);
  const bool is_message = refused.flag() == EventFlag::kMessage;
  if (!is_message || full != nullptr || !HasKeeper(Resource::kMemory)) {
    DropUnderWay(refused);
    const Value reason = full == nullptr ? QuotaReason(Resource::kMemory) : full->FullReason(*this);
    if (!is_message) return BreakBehind(refused.target.target(), reason);
    return RefuseMessage(refused, {}, reason);
  }
  CrossAnew(refused);
  sponsor_->queue.PushFront(refused);
  MakeDry(Resource::kMemory);
}

// ---------------------------------------------------------------------------
// What boundaries count, and how it is taken back

Object* Core::SenderOf(const Event& event) {
  const uint64_t turn = event.cause();
  if (turn == 0 || turn > serial_ || serial_ - turn >= kRecords) return nullptr;
  const uint32_t i = turn % kRecords;
  const Value self = turn > senders_kept_ ? records_[i].self : heap_.ReadWeak(senders_.data(), i);
  return self.is_target() ? self.target() : nullptr;
}

// Of the first boundary on the way the number alone will do.
void Core::NoteCrossed(Object* boundary, int64_t crossing) {
  if (crossed_.is_nil() && FirstBoundary(crossing_) == boundary) {
    crossed_ = Value::SmallInt(crossing);
    return;
  }
  const Heap::BeyondAllowance beyond(heap_);
  Object* link = heap_.Allocate(Kind::kTuple, 3);
  link->words()[0] = crossed_;
  link->words()[1] = Value::Data(boundary);
  link->words()[2] = Value::SmallInt(crossing);
  crossed_ = Value::Data(link);
}

// The last one first.
void Core::TakeBackCrossed(Value target, Value crossed) {
  for (; crossed.is_data(); crossed = crossed.data()->words()[0]) {
    const Value* words = crossed.data()->words();
    boundary::Of(words[1].data())->TakeBack(*this, words[2].small_int());
  }
  if (crossed.is_int()) {
    boundary::Of(FirstBoundary(target))->TakeBack(*this, crossed.small_int());
  }
}

// ---------------------------------------------------------------------------
// Slots, promises, and the end

// A slot of the other side, and perhaps of another one behind it.
void Core::SettleThrough(Value slot, EventFlag how, Value value, Value report) {
  for (int hops = 0; IsProxy(slot); ++hops) {
    Object* proxy = slot.target();
    Boundary& boundary = *boundary::OfProxy(proxy);
    --fuel;
    // The others in a dispatch of their own.
    if (hops == kSettledAtOnce && !boundary.is_cut() && !boundary::Target(proxy).is_nil()) {
      return Release(boundary.PayerTo(proxy),
                     {slot, value, report, Event::Pack(turn_.serial, how)});
    }
    slot = boundary::Target(proxy);
    if (slot.is_nil()) {  // it was settled, or broken with the boundary
      ++stats_.late_settlements;
      return;
    }
    if (boundary.is_cut()) {
      how = EventFlag::kBroken;
      value = Reason("revoked");
      report = Value::Nil();
      continue;
    }
    switch (boundary.Settle(*this, proxy, how, value)) {
      case Boundary::Settling::kAtOnce:
        break;
      case Boundary::Settling::kCrosses:
        return Release(boundary.PayerTo(proxy),
                       {Value::Target(proxy), value, report, Event::Pack(turn_.serial, how)});
      case Boundary::Settling::kIsLate:
        ++stats_.late_settlements;
        return;
    }
  }
  SettleSlot(slot, how, value, report);
}

// For a reason of the VM's own, which may go anywhere.
void Core::BreakBehind(Object* slot_proxy, Value reason) {
  const Value behind = boundary::Target(slot_proxy);
  if (!behind.is_nil()) SettleSlot(behind, EventFlag::kBroken, reason);
}

void Core::ListenOn(Value payer, Value promise, Value listener) {
  Object* root = promise::Root(heap_, promise.target());
  if (PayerOf(payer).stopped) {
    return SettleSlot(listener, EventFlag::kBroken, Reason("stopped"));
  }
  const Event event = {Value::Target(root), listener, Value::Nil(),
                       Event::Pack(turn_.serial, EventFlag::kListen)};
  if (promise::StateOf(root) == promise::State::kPending || promise::HasWaiters(root)) {
    promise::AddWaiter(heap_, root, event, payer, waits_made_++);
    AskRoute(root);
  } else {
    Release(payer, Settlement(event, root));
  }
}

// A message for a proxy was refused, and will not cross.
void Core::TellLost(const Event& event) {
  if (IsProxy(event.target) && event.flag() == EventFlag::kMessage) {
    boundary::OfProxy(event.target.target())->OnLost(event.target.target());
  }
}

Value Core::NewBoundary(std::unique_ptr<Boundary> boundary, uint32_t words) {
  Object* o = heap_.AllocateOld(Kind::kBoundary, words);
  if (o == nullptr) return Value::Nil();
  heap_.ChargeExternal(o->sponsor, boundary->bytes());
  o->words()[0] = Value::FromBits(reinterpret_cast<uint64_t>(boundary.release()));
  return Value::Data(o);
}

}  // namespace vesicle
