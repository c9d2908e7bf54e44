// Core: the events of proxies.
#include <memory>
#include <utility>

#include "vm/actor/actor.h"
#include "vm/actor/boundary.h"
#include "vm/actor/core.h"
#include "vm/actor/promise.h"

namespace vesicle {
namespace {

bool IsProxy(Value target) { return IsTargetKind(target, Kind::kProxy); }
bool IsPayer(Value target) { return IsTargetKind(target, Kind::kPayer); }

}  // namespace

// Whether one of the boundaries that an event of `target` is to cross is cut.
bool Core::LeadsThroughCut(Value target) {
  while (IsProxy(target) || IsPayer(target)) {
    const Object* o = target.target();
    if (o->kind == Kind::kPayer) {
      target = o->words()[0];
      continue;
    }
    if (boundary::OfProxy(o)->is_cut()) return true;
    target = boundary::Target(o);
  }
  return false;
}

// False: it waits elsewhere, or it was refused. True: it crossed, and goes on as the target's.
bool Core::DispatchProxy(Event& event) {
  if (event.flag() != EventFlag::kMessage) {
    SettleSlot(event.target, event.flag(), event.message, event.slot);
    return false;
  }
  // Where it leads, and who pays there: the last one on the way.
  if (LeadsThroughCut(event.target)) {
    RefuseMessage(event, {}, Reason("revoked"));
    return false;
  }
  Value end = event.target;
  Sponsor* payer = sponsor_;
  while (IsProxy(end) || IsPayer(end)) {
    const Object* o = end.target();
    const bool is_proxy = o->kind == Kind::kProxy;
    payer = &PayerOf(is_proxy ? boundary::OfProxy(o)->PayerTo(o) : o->words()[1]);
    end = is_proxy ? boundary::Target(o) : o->words()[0];
  }
  if (payer != sponsor_) return HandToPayer(*payer, event), false;
  // A free actor's turn is begun by this; for one that is not, the event waits as it is.
  Object* target = end.target();
  if (target->kind == Kind::kActor && actor::IsExtended(target) &&
      !actor::ExtensionWord(target, actor::Ext::kSuspended).is_nil()) {
    AddToInbox(actor::ExtensionWord(target, actor::Ext::kSuspended), event);
    return false;
  }
  if (!PayForArrival(event)) return false;
  origin_ = event;
  const uint64_t spent = heap_.spent();
  while (event.target != end) {
    const Object* o = event.target.target();
    if (o->kind == Kind::kPayer) {
      event.target = o->words()[0];
      continue;
    }
    switch (boundary::OfProxy(o)->Cross(*this, o, event)) {
      case Boundary::Passage::kGoesOn:
        event.target = boundary::Target(o);
        break;
      case Boundary::Passage::kRefused:
        origin_ = {};
        return false;
      case Boundary::Passage::kNoRoom:
        WaitForRoom(std::exchange(origin_, {}), heap_.spent() - spent + heap_.refused_bytes());
        return false;
    }
  }
  return true;
}

// The copy of a message took more memory than was left: it is made again when so much is free, or
// never.
void Core::WaitForRoom(const Event& event, uint64_t bytes) {
  ++event_room_;
  sponsor_->queue.PushFront(event);
  const Room room = RoomFor(*sponsor_, bytes, Need::kMemory);
  PayFrom(*sponsor_, MemoryLeft(*sponsor_));
  if (room == Room::kLater) slice_left_ = 0;
  if (room != Room::kNo) return;
  const Event refused = sponsor_->queue.Take();
  ShadeTaken(refused);
  if (!HasKeeper(Resource::kMemory)) {
    return RefuseMessage(refused, {}, QuotaReason(Resource::kMemory));
  }
  sponsor_->queue.PushFront(refused);
  MakeDry(Resource::kMemory);
}

// A slot of the other side, and perhaps of another one behind it.
void Core::SettleThrough(Value slot, EventFlag how, Value value, Value report) {
  Object* proxy = slot.target();
  Boundary& boundary = *boundary::OfProxy(proxy);
  const Value target = boundary::Target(proxy);
  if (boundary.is_cut() || target.is_nil()) return;  // broken with it
  if (!boundary.CrossSettlement(*this, proxy, how, value, report)) return;
  SettleSlot(target, how, value, report);
}

void Core::ListenOn(Value payer, Value promise, Value listener) {
  Object* root = promise::Root(heap_, promise.target());
  const Event event = {Value::Target(root), listener, Value::Nil(),
                       Event::Pack(turn_.serial, EventFlag::kListen)};
  if (promise::StateOf(root) == promise::State::kPending || promise::HasWaiters(root)) {
    promise::AddWaiter(heap_, root, event, payer, waits_made_++);
  } else {
    Release(payer, Settlement(event, root));
  }
}

void Core::BeginLettingGo(Object* boundary) {
  cut_.push_back(Value::Data(boundary));
}

// A piece, of each boundary in turn.
void Core::LetGo() {
  const Value first = cut_.front();
  cut_.pop_front();
  if (boundary::Of(first.data())->LetGo(*this)) cut_.push_back(first);
}

// The turn that is taken up began with a crossing of a boundary that was cut since.
bool Core::UndoIfCut() {
  if (turn_.origin.target.is_nil() || !LeadsThroughCut(turn_.origin.target)) return false;
  UndoTakenUp(Reason("revoked"));
  return true;
}

Value Core::NewBoundary(std::unique_ptr<Boundary> boundary, uint32_t words) {
  Object* o = heap_.AllocateOld(Kind::kBoundary, words);
  if (o == nullptr) return Value::Nil();
  heap_.ChargeExternal(o->sponsor, boundary->bytes());
  o->words()[0] = Value::FromBits(reinterpret_cast<uint64_t>(boundary.release()));
  return Value::Data(o);
}

}  // namespace vesicle
