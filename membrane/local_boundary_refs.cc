#include "membrane/local_boundary_refs.h"

#include "membrane/proxy_info.h"
#include "vm/actor/promise.h"
#include "vm/value/value_kind.h"

namespace vesicle {

using planted::Is;

namespace {
// Of a slot proxy: whoever settles it settles what it stands for.
bool IsOpen(const Object* slot_proxy) {
  return !proxy_info::Has(slot_proxy, proxy_info::kIsSettled) &&
         !proxy_info::Has(slot_proxy, proxy_info::kIsHome);
}
}  // namespace

Result LocalBoundary::Map::MapRef(Value ref) {
  switch (ref.target()->kind) {
    case Kind::kProxy:
      if (!of_.IsOwn(ref)) {
        return Is(planted::kForeignProxyRaw) ? ref : of_.Proxy(core_, ref, direction_);
      }
      return Home(ref);
    case Kind::kPromise:
      if (promises_ == Promises::kNot) return Failure::kType;
      return Is(planted::kPromiseRaw) ? ref : of_.StandIn(core_, ref, direction_, &stand_ins_);
    case Kind::kContinuation:
      return Failure::kType;
    default:
      if ((Is(planted::kPayerRaw) && ref.target()->kind == Kind::kPayer) ||
          (Is(planted::kControlRaw) && ref.target()->kind == Kind::kSponsorControl) ||
          (Is(planted::kResolverRaw) && ref.target()->kind == Kind::kResolver)) {
        return ref;
      }
      return of_.Proxy(core_, ref, direction_);
  }
}

// A proxy of this membrane: what the receiving side has itself, or has a proxy of already.
Result LocalBoundary::Map::Home(Value ref) {
  const Object* proxy = ref.target();
  if (IsSlot(proxy)) return Failure::kType;
  if (of_.is_cut()) return ref;
  const bool is_home = ToTarget(proxy) == direction_;
  if (is_home && Is(planted::kHomeStaysProxy)) return ref;
  return is_home != Is(planted::kWrongSideUnwrapped) ? boundary::Target(proxy) : ref;
}

// What the side that `direction` goes to holds in the place of `ref`.
Result LocalBoundary::Proxy(Core& core, Value ref, Direction direction) {
  Heap& heap = core.heap();
  const Direction to_target = Opposite(direction);
  if (is_cut() && !Is(planted::kLiveAfterRevoke)) {
    return boundary::MakeProxy(heap, object_, Value::Nil(), proxy_info::OfActor(to_target, 0));
  }
  const Value old = ProxiesTo(to_target).Find(heap, ref.target());
  if (!old.is_nil() && !Is(planted::kTwoProxies)) return old;
  if (Is(planted::kOneProxyForTwo)) {
    Value last;
    ProxiesTo(to_target).ForEach(heap,
                                 [&](Object*, Object* proxy) { last = Value::Target(proxy); });
    if (!last.is_nil()) return last;
  }
  return NewProxy(core, ref, to_target);
}

Result LocalBoundary::NewProxy(Core& core, Value ref, Direction to_target) {
  Heap& heap = core.heap();
  IdentityTable& known = ProxiesTo(to_target);
  const Value proxy =
      boundary::MakeProxy(heap, object_, ref, proxy_info::OfActor(to_target, numbers_ + 1));
  const Result added = known.Add(heap, ref.target(), proxy);
  if (added.ok()) {
    ++numbers_;
    ChargeTables(heap);
  }
  return added;
}

// A promise of the other side, which will be settled as this one is.
Result LocalBoundary::StandIn(Core& core, Value promise, Direction direction,
                              std::vector<Value>* slot_proxies) {
  // What settles it may come at once, and who pays for that may never have been.
  if (core.IsMadeByTurn(Payer(direction))) return Failure::kType;
  const Value stand_in = core.NewPromise();
  if (is_cut()) {
    if (Is(planted::kStandInForgotten)) return stand_in;
    core.Settle(stand_in, EventFlag::kBroken, core.Reason("revoked"));
    return stand_in;
  }
  const Result listener = Owe(core, stand_in, direction, 0);
  if (!listener.ok()) return listener;
  core.ListenOn(Payer(direction), promise, listener.value());
  core.HoldWhilePending(stand_in, promise);
  slot_proxies->push_back(listener.value());
  return stand_in;
}

Result LocalBoundary::Owe(Core& core, Value slot, Direction to_slot, int64_t asked) {
  Heap& heap = core.heap();
  if (IsPromise(slot)) {
    // What it holds since a crossing that was undone will do.
    const Value held = promise::Held(promise::Root(heap, slot.target()));
    if (IsOwn(held) && IsSlot(held.target()) && IsOpen(held.target()) &&
        ToTarget(held.target()) == to_slot && boundary::Target(held.target()) == slot) {
      return held;
    }
  }
  const Result entry = owed_.Reserve(heap);
  if (!entry.ok()) return entry;
  const int64_t number = entry.value().small_int();
  const Value proxy =
      boundary::MakeProxy(heap, object_, slot, proxy_info::OfSlot(to_slot, asked, number));
  if (!Is(planted::kSlotNotOwed)) owed_.Fill(heap, number, slot, proxy);
  // Whoever still waits holds the way that an answer would take, however many boundaries it
  // crosses: so no collection can decide who hears of a revoke.
  if (IsPromise(slot)) core.HoldWhilePending(slot, proxy);
  ChargeTables(heap);
  return proxy;
}

Result LocalBoundary::Slot(Core& core, Value slot, Direction direction, int64_t asked) {
  if (slot.is_nil() || Is(planted::kSlotRaw)) return slot;
  if (!IsOwn(slot) || ToTarget(slot.target()) != direction) {
    return Owe(core, slot, Opposite(direction), asked);
  }
  if (Is(planted::kSlotHomeStaysProxy)) return slot;
  // Home: whoever has it now answers without us. The proxy still knows the way, should the event
  // come to wait and cross once more.
  Object* proxy = slot.target();
  if (IsOpen(proxy)) {
    owed_.Remove(core.heap(), proxy_info::EntryOf(proxy));
    proxy_info::Set(core.heap(), proxy, proxy_info::kIsHome);
  }
  return boundary::Target(proxy);
}

}  // namespace vesicle
