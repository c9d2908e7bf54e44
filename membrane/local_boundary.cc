#include "membrane/local_boundary.h"

#include "vm/actor/promise.h"
#include "vm/value/value_kind.h"

namespace vesicle {
namespace {

// The integer of a proxy: which way its target lies, whether it stands for a slot, and of a slot
// proxy the number of its entry in owed_.
constexpr int64_t kTargetIsInside = 1;
constexpr int64_t kIsSlot = 2;
constexpr int kEntryShift = 2;

int64_t SideBit(Direction to_target) { return to_target == Direction::kIn ? kTargetIsInside : 0; }
int64_t EntryOf(const Object* proxy) { return boundary::Info(proxy) >> kEntryShift; }

constexpr uint64_t kWordsPerStep = 16;
// Entries let go of between two slices after a revoke.
constexpr size_t kLetGoAtOnce = 1'000;

}  // namespace

Direction LocalBoundary::ToTarget(const Object* proxy) {
  return (boundary::Info(proxy) & kTargetIsInside) != 0 ? Direction::kIn : Direction::kOut;
}

bool LocalBoundary::IsSlot(const Object* proxy) { return (boundary::Info(proxy) & kIsSlot) != 0; }

LocalBoundary::LocalBoundary(const MembraneOptions& options)
    : proxies_{IdentityTable(options.proxies_max), IdentityTable(options.proxies_max)},
      owed_(options.owed_max) {}

Value LocalBoundary::Payer(Direction d) const {
  return object_->words()[d == Direction::kIn ? kPayerIn : kPayerOut];
}

Value LocalBoundary::PayerTo(const Object* proxy) const { return Payer(ToTarget(proxy)); }

bool LocalBoundary::IsOwn(Value ref) const {
  return IsTargetKind(ref, Kind::kProxy) && boundary::OfProxy(ref.target()) == this;
}

// ---------------------------------------------------------------------------
// What a ref becomes

class LocalBoundary::Map final : public RefMap {
 public:
  Map(LocalBoundary& of, Core& core, Direction direction)
      : of_(of), core_(core), direction_(direction) {}

  Result MapRef(Value ref) override {
    switch (ref.target()->kind) {
      case Kind::kProxy:
        if (!of_.IsOwn(ref)) return of_.Proxy(core_, ref, direction_);
        if (IsSlot(ref.target())) return Failure::kType;
        // Home, or what the other side has already.
        return ToTarget(ref.target()) == direction_ && !of_.cut_ ? boundary::Target(ref.target())
                                                                 : ref;
      case Kind::kActor:
      case Kind::kResolver:
      case Kind::kPayer:
      case Kind::kSponsorControl:
        return of_.Proxy(core_, ref, direction_);
      case Kind::kPromise:
        return of_.StandIn(core_, ref, direction_);
      default:
        return Failure::kType;
    }
  }

 private:
  LocalBoundary& of_;
  Core& core_;
  Direction direction_;
};

// What the side that `direction` goes to holds in the place of `ref`.
Result LocalBoundary::Proxy(Core& core, Value ref, Direction direction) {
  Heap& heap = core.heap();
  IdentityTable& known = ProxiesTo(Opposite(direction));
  const Value old = known.Find(heap, ref.target());
  if (!old.is_nil()) return old;
  const Value proxy = boundary::MakeProxy(heap, object_, ref, SideBit(Opposite(direction)));
  return known.Add(heap, ref.target(), proxy);
}

// A promise of the other side, which will be settled as this one is.
Result LocalBoundary::StandIn(Core& core, Value promise, Direction direction) {
  const Value stand_in = core.NewPromise();
  if (cut_) {
    core.Settle(stand_in, EventFlag::kBroken, core.Reason("revoked"));
    return stand_in;
  }
  const Result listener = Owe(core.heap(), stand_in, direction);
  if (!listener.ok()) return listener;
  core.ListenOn(Payer(direction), promise, listener.value());
  return stand_in;
}

Result LocalBoundary::Owe(Heap& heap, Value slot, Direction to_slot) {
  const Result entry = owed_.Reserve(heap);
  if (!entry.ok()) return entry;
  const int64_t number = entry.value().small_int();
  const Value proxy = boundary::MakeProxy(heap, object_, slot,
                                          SideBit(to_slot) | kIsSlot | (number << kEntryShift));
  owed_.Fill(heap, number, slot, proxy);
  return proxy;
}

Result LocalBoundary::Slot(Core& core, Value slot, Direction direction) {
  if (slot.is_nil()) return slot;
  if (!IsOwn(slot) || ToTarget(slot.target()) != direction) {
    return Owe(core.heap(), slot, Opposite(direction));
  }
  // Home: whoever has it now answers without us.
  Object* proxy = slot.target();
  const Value home = boundary::Target(proxy);
  owed_.Remove(core.heap(), EntryOf(proxy));
  boundary::Cut(core.heap(), proxy);
  return home;
}

// ---------------------------------------------------------------------------
// Crossings

Result LocalBoundary::Walk(Core& core, Value value, Direction direction) {
  Map map(*this, core, direction);
  Crossing crossing(core.heap(), core, map);
  const Result result = crossing.Run(value);
  core.ChargeWork(static_cast<int64_t>(crossing.work() / kWordsPerStep));
  return result;
}

Boundary::Passage LocalBoundary::Cross(Core& core, const Object* proxy, Event& event) {
  const Direction direction = ToTarget(proxy);
  const Result message = Walk(core, event.message, direction);
  const Result slot = message.ok() ? Slot(core, event.slot, direction) : message;
  if (slot.ok()) {
    ++crossed_;
    event.message = message.value();
    event.slot = slot.value();
    return Passage::kGoesOn;
  }
  if (slot.failure() == Failure::kMemory) return Passage::kNoRoom;
  ++refused_;
  core.Refuse(event, CrossingReason(core, slot.failure()));
  return Passage::kRefused;
}

bool LocalBoundary::CrossSettlement(Core& core, Object* slot_proxy, EventFlag& how, Value& value,
                                    Value& report) {
  const Direction direction = ToTarget(slot_proxy);
  owed_.Remove(core.heap(), EntryOf(slot_proxy));
  boundary::Cut(core.heap(), slot_proxy);
  const Result mapped = Pass(core, value, direction);
  if (mapped.ok()) {
    ++crossed_;
    value = mapped.value();
    return true;
  }
  ++refused_;
  how = EventFlag::kBroken;
  value = CrossingReason(core, mapped.failure());
  report = Value::Nil();
  return true;
}

Result LocalBoundary::Pass(Core& core, Value value, Direction direction) {
  const Value payer = Payer(direction);
  Sponsor* sponsor = payer.is_nil() ? &core.root_sponsor() : Core::SponsorOf(payer.target());
  VESICLE_CHECK(sponsor != nullptr);
  const Heap::PaidBy paid(core.heap(), sponsor->AccountOf(Resource::kMemory).index());
  return Walk(core, value, direction);
}

// ---------------------------------------------------------------------------
// The end

void LocalBoundary::Revoke(Core& core) {
  if (cut_) return;
  cut_ = true;
  if (LetGo(core)) core.BeginLettingGo(object_);
}

bool LocalBoundary::LetGo(Core& core) {
  Heap& heap = core.heap();
  const bool more_owed = owed_.Take(heap, kLetGoAtOnce, [&](Value slot, Value proxy) {
    if (proxy.is_target()) boundary::Cut(heap, proxy.target());
    if (slot.is_target()) core.Settle(slot, EventFlag::kBroken, core.Reason("revoked"));
  });
  if (more_owed) return true;
  const auto cut = [&](Object* proxy) { boundary::Cut(heap, proxy); };
  return ProxiesTo(Direction::kIn).Take(heap, kLetGoAtOnce, cut) ||
         ProxiesTo(Direction::kOut).Take(heap, kLetGoAtOnce, cut);
}

void LocalBoundary::Visit(Visitor& visitor) {
  for (IdentityTable& table : proxies_) table.Visit(visitor);
  owed_.Visit(visitor);
}

Membrane::Counts LocalBoundary::counts() const {
  return {proxies_[static_cast<size_t>(Direction::kOut)].size(),
          proxies_[static_cast<size_t>(Direction::kIn)].size(), owed_.size(), crossed_, refused_};
}

}  // namespace vesicle
