#include "membrane/local_boundary.h"

#include <algorithm>
#include <utility>

#include "membrane/fields.h"
#include "vm/actor/actor.h"
#include "vm/actor/code.h"
#include "vm/actor/promise.h"
#include "vm/value/value_kind.h"

namespace vesicle {

using planted::Is;

namespace {

// The integer of a proxy: which way its target lies; whether it stands for a slot, and whether that
// was settled or is settled without us; then the number of the actor that it stands for, or that
// was asked; of a slot proxy above that its entry in owed_.
constexpr int64_t kTargetIsInside = 1;
constexpr int64_t kIsSlot = 2;
constexpr int64_t kIsSettled = 4;
constexpr int kNumberShift = 3;
constexpr int kEntryShift = 31;
constexpr int64_t kNumberMask = (int64_t{1} << (kEntryShift - kNumberShift)) - 1;

int64_t SideBit(Direction to_target) { return to_target == Direction::kIn ? kTargetIsInside : 0; }
int64_t EntryOf(const Object* proxy) { return boundary::Info(proxy) >> kEntryShift; }
bool IsSettled(const Object* proxy) { return (boundary::Info(proxy) & kIsSettled) != 0; }
void SetSettled(Heap& heap, Object* proxy) {
  boundary::SetInfo(heap, proxy, boundary::Info(proxy) | kIsSettled);
}

// A walk is some 10 ns for each word; a step is about as much.
constexpr uint64_t kWorkPerStep = 2;
// What a dispatch may walk before the rest waits for a slice of its own.
constexpr uint64_t kWorkAtOnce = 2'000;
constexpr uint64_t kWorkOfSlice = 20'000;
// Entries let go of between two slices after a revoke.
constexpr size_t kLetGoAtOnce = 1'000;

}  // namespace

Direction LocalBoundary::ToTarget(const Object* proxy) {
  return (boundary::Info(proxy) & kTargetIsInside) != 0 ? Direction::kIn : Direction::kOut;
}
bool LocalBoundary::IsSlot(const Object* proxy) { return (boundary::Info(proxy) & kIsSlot) != 0; }
int64_t LocalBoundary::NumberOf(const Object* proxy) {
  return (boundary::Info(proxy) >> kNumberShift) & kNumberMask;
}

LocalBoundary::LocalBoundary(const MembraneOptions& options)
    : proxies_{IdentityTable(options.proxies_max), IdentityTable(options.proxies_max)},
      policies_{std::make_unique<Policy>(), std::make_unique<Policy>()},
      owed_(options.owed_max),
      audit_(options.audit_records),
      bytes_(sizeof *this) {}

void LocalBoundary::set_policies(std::unique_ptr<Policy> in, std::unique_ptr<Policy> out) {
  if (in != nullptr) policies_[static_cast<size_t>(Direction::kIn)] = std::move(in);
  if (out != nullptr) policies_[static_cast<size_t>(Direction::kOut)] = std::move(out);
}

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

  // The promises of the other side that were made so far are of no use: nothing crossed.
  void Undo() {
    for (const Value slot_proxy : stand_ins_) of_.Settled(core_.heap(), slot_proxy.target());
    stand_ins_.clear();
  }
  const std::vector<Value>& stand_ins() const { return stand_ins_; }
  void Visit(Visitor& visitor) {
    if (!stand_ins_.empty()) visitor.Visit(stand_ins_.data(), stand_ins_.size());
  }
  Result MapRef(Value ref) override {
    switch (ref.target()->kind) {
      case Kind::kProxy:
        if (!of_.IsOwn(ref)) {
          return Is(planted::kForeignProxyRaw) ? ref : of_.Proxy(core_, ref, direction_);
        }
        return Home(ref);
      case Kind::kPromise:
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

 private:
  // A proxy of this membrane: what the receiving side has itself, or has a proxy of already.
  Result Home(Value ref) {
    const Object* proxy = ref.target();
    if (IsSlot(proxy)) return Failure::kType;
    if (of_.is_cut()) return ref;
    const bool is_home = ToTarget(proxy) == direction_;
    if (is_home && Is(planted::kHomeStaysProxy)) return ref;
    return is_home != Is(planted::kWrongSideUnwrapped) ? boundary::Target(proxy) : ref;
  }

  LocalBoundary& of_;
  Core& core_;
  Direction direction_;
  std::vector<Value> stand_ins_;  // the slot proxies that will settle them
};

// What the side that `direction` goes to holds in the place of `ref`.
Result LocalBoundary::Proxy(Core& core, Value ref, Direction direction) {
  Heap& heap = core.heap();
  const Direction to_target = Opposite(direction);
  if (is_cut() && !Is(planted::kLiveAfterRevoke)) {
    return boundary::MakeProxy(heap, object_, Value::Nil(), SideBit(to_target));
  }
  IdentityTable& known = ProxiesTo(to_target);
  const Value old = known.Find(heap, ref.target());
  if (!old.is_nil() && !Is(planted::kTwoProxies)) return old;
  const int64_t number = (numbers_ + 1) & kNumberMask;
  const Value proxy =
      boundary::MakeProxy(heap, object_, ref, SideBit(to_target) | (number << kNumberShift));
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
  const Value stand_in = core.NewPromise();
  if (is_cut()) {
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
    const Value held = promise::ReportOf(promise::Root(heap, slot.target()));
    if (IsOwn(held) && IsSlot(held.target()) && !IsSettled(held.target()) &&
        ToTarget(held.target()) == to_slot && boundary::Target(held.target()) == slot) {
      return held;
    }
  }
  const Result entry = owed_.Reserve(heap);
  if (!entry.ok()) return entry;
  const int64_t number = entry.value().small_int();
  const Value proxy = boundary::MakeProxy(
      heap, object_, slot,
      SideBit(to_slot) | kIsSlot | (asked << kNumberShift) | (number << kEntryShift));
  owed_.Fill(heap, number, slot, proxy);
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
  // Home: whoever has it now answers without us. The proxy still knows the way, should the event
  // come to wait and cross once more.
  Object* proxy = slot.target();
  if (!IsSettled(proxy)) {
    owed_.Remove(core.heap(), EntryOf(proxy));
    SetSettled(core.heap(), proxy);
  }
  return boundary::Target(proxy);
}

void LocalBoundary::ChargeTables(Heap& heap) {
  const auto bytes = static_cast<int64_t>(sizeof *this + proxies_[0].bytes() + proxies_[1].bytes() +
                                          owed_.bytes()) +
                     audit_.bytes() + policies_[0]->bytes() + policies_[1]->bytes() +
                     (recorder_ == nullptr ? 0 : recorder_->bytes());
  if (bytes == bytes_) return;
  heap.ChargeExternal(object_->sponsor, bytes - bytes_);
  bytes_ = bytes;
}

// ---------------------------------------------------------------------------
// Crossings

// A walk that is not over, of what was judged already.
class LocalBoundary::Walk final : public Passing {
 public:
  Walk(LocalBoundary& of, Core& core, Direction way, Crossed what, const Verdict& verdict)
      : map_(of, core, way),
        crossing_(core.heap(), core, verdict.message),
        what_(what),
        target_(verdict.target),
        is_redirected_(verdict.kind == Verdict::Kind::kRedirect),
        is_rewritten_(verdict.kind == Verdict::Kind::kRewrite),
        judgement_(of.judged_) {}

  Crossing::Step Go(Core& core, uint64_t work_max) {
    const uint64_t before = crossing_.cost().work;
    Crossing::Step step = Crossing::Step::kDone;
    const bool is_raw = (Is(planted::kRewriteRaw) && is_rewritten_) ||
                        (Is(planted::kReplyRaw) && what_ == Crossed::kReply) ||
                        (Is(planted::kReasonRaw) && what_ == Crossed::kBreak);
    if (!is_raw) step = crossing_.Go(map_, work_max);
    core.ChargeWork(static_cast<int64_t>((crossing_.cost().work - before) / kWorkPerStep));
    if (step != Crossing::Step::kDone || !is_redirected_ || is_target_mapped_) return step;
    if (!Is(planted::kRedirectRaw)) {
      const Result target = map_.MapRef(target_);
      if (!target.ok()) {
        failure_ = target.failure();
        return failure_ == Failure::kMemory ? Crossing::Step::kNoRoom : Crossing::Step::kFailed;
      }
      target_ = target.value();
    }
    is_target_mapped_ = true;
    return step;
  }
  // What the log is to hold of it, once it is mapped: `sent`, or what it became.
  void Keep(Value sent) { sent_ = sent; }
  Crossing::Step GoRecord(Core& core, Recorder& recorder, Direction way, uint64_t work_max) {
    if (!kept_) kept_.emplace(core, recorder, way == Direction::kIn ? crossing_.value() : sent_);
    const uint64_t before = kept_->work();
    const Heap::PaidBy paid(core.heap(), recorder.owner());
    const Heap::BeyondAllowance beyond(core.heap());
    const Crossing::Step step = kept_->Go(work_max);
    core.ChargeWork(static_cast<int64_t>((kept_->work() - before) / kWorkPerStep));
    if (step == Crossing::Step::kDone) {
      recorder.Offer(kept_->value(), kept_->size(), map_.stand_ins());
    }
    return step;
  }
  void Visit(Visitor& visitor) override {
    crossing_.Visit(visitor);
    if (kept_) kept_->Visit(visitor);
    visitor.Visit(&sent_, 1);
    map_.Visit(visitor);
    visitor.Visit(&target_, 1);
  }
  void Abandon() override { map_.Undo(); }

  Value value() const { return crossing_.value(); }
  uint64_t size() const { return crossing_.cost().size; }
  Failure failure() const { return failure_.value_or(crossing_.failure()); }
  bool is_redirected() const { return is_redirected_; }
  Value target() const { return target_; }
  // Which of the membrane's judgements let it by.
  int64_t judgement() const { return judgement_; }

 private:
  Map map_;
  Crossing crossing_;
  Crossed what_;
  Value target_;
  bool is_redirected_;
  bool is_rewritten_;
  int64_t judgement_;
  bool is_target_mapped_ = false;
  Value sent_;
  std::optional<RecordWalk> kept_;
  std::optional<Failure> failure_;
};

Boundary::Passage LocalBoundary::Cross(Core& core, Object* proxy, Event& event,
                                       std::unique_ptr<Passing>& passing) {
  const Direction way = ToTarget(proxy);
  const Crossed what = event.flag() == EventFlag::kMessage ? Crossed::kMessage
                       : event.flag() == EventFlag::kKept  ? Crossed::kReply
                                                           : Crossed::kBreak;
  auto* walk = static_cast<Walk*>(passing.get());
  const bool goes_on = walk != nullptr;
  if (!goes_on) {
    Verdict verdict;
    const std::optional<Passage> refused = Judge(core, proxy, event, way, what, &verdict);
    if (refused) return *refused;
    if (verdict.kind != Verdict::Kind::kRedirect) {
      Map map(*this, core, way);
      Crossing::Cost cost;
      const std::optional<Result> mapped =
          Crossing::Short(core.heap(), verdict.message, map, &cost);
      if (mapped.has_value() && mapped->ok()) {
        judgement_ = judged_;
        if (recorder_ != nullptr) recorder_->Offer(std::nullopt, 0, map.stand_ins());
        const Passage done =
            Arrive(core, proxy, event, way, what, Outcome::kPass, mapped->value(), cost.size);
        if (done != Passage::kNoRoom && done != Passage::kNoPlace) return done;
      } else if (mapped.has_value() && mapped->failure() == Failure::kType) {
        return Refuse(core, proxy, event, way, what);
      }
    }
    passing = std::make_unique<Walk>(*this, core, way, what, verdict);
    walk = static_cast<Walk*>(passing.get());
    walk->Keep(event.message);
  }
  judgement_ = walk->judgement();
  const uint64_t work_max = goes_on ? kWorkOfSlice : kWorkAtOnce;
  Crossing::Step step = walk->Go(core, work_max);
  if (step == Crossing::Step::kDone && recorder_ != nullptr && recorder_->is_on()) {
    step = walk->GoRecord(core, *recorder_, way, work_max);
  }
  switch (step) {
    case Crossing::Step::kDone:
      break;
    case Crossing::Step::kMore:
      return Passage::kMore;
    case Crossing::Step::kNoRoom:
      return Passage::kNoRoom;
    case Crossing::Step::kFailed:
      if (walk->failure() == Failure::kTooBig) return Passage::kNoPlace;
      walk->Abandon();
      return Refuse(core, proxy, event, way, what);
  }
  const Outcome outcome = walk->is_redirected() ? Outcome::kRedirect : Outcome::kPass;
  if (walk->is_redirected() && way == Direction::kIn && recorder_ != nullptr) {
    recorder_->OnChance("a rule redirected what came in");
  }
  const Passage done = Arrive(core, proxy, event, way, what, outcome, walk->value(), walk->size());
  if (done != Passage::kGoesOn || !walk->is_redirected()) return done;
  event.target = walk->target();
  return Passage::kRedirected;
}

std::optional<Boundary::Passage> LocalBoundary::Judge(Core& core, Object* proxy, Event& event,
                                                      Direction way, Crossed what,
                                                      Verdict* verdict) {
  verdict->message = event.message;
  if (PolicyOf(Opposite(way)).is_one_way()) {
    return Deny(core, proxy, event, way, what, "this membrane is one-way");
  }
  Policy& policy = PolicyOf(way);
  if (policy.is_empty()) return std::nullopt;
  Seen seen;
  seen.way = way;
  seen.what = what;
  seen.message = event.message;
  const Ends ends = EndsOf(core, proxy, event);
  seen.from = ends.from;
  seen.to = ends.to;
  if (policy.wants_time()) seen.time_ns = NowNs();
  core.heap().WillWrite(object_);  // the state of a function may be young
  ++judged_;
  *verdict = policy.Judge(core, seen);
  switch (verdict->kind) {
    case Verdict::Kind::kNoRoom:
      return Passage::kNoRoom;
    case Verdict::Kind::kDeny:
      if (Is(planted::kDeniedCrosses)) return std::nullopt;
      return Deny(core, proxy, event, way, what, verdict->text);
    default:
      return std::nullopt;
  }
}

// All is mapped but the slot.
Boundary::Passage LocalBoundary::Arrive(Core& core, Object* proxy, Event& event, Direction way,
                                        Crossed what, Outcome outcome, Value message,
                                        uint64_t size) {
  Heap& heap = core.heap();
  if (what == Crossed::kMessage) {
    const bool is_one_way = PolicyOf(way).is_one_way();
    const Result slot =
        is_one_way ? Result(Value::Nil()) : Slot(core, event.slot, way, NumberOf(proxy));
    if (!slot.ok()) {
      return slot.failure() == Failure::kMemory ? Passage::kNoRoom : Passage::kNoPlace;
    }
    if (recorder_ != nullptr) recorder_->OnMessage(way, proxy, event, message, slot.value());
    if (is_one_way) core.Keep(event.slot, Value::Nil());
    NoteRecord(core, Record(core, proxy, event, way, what, size, outcome));
    event.slot = slot.value();
  } else {
    Record(core, proxy, event, way, what, size, outcome);
    if (recorder_ != nullptr) recorder_->OnAnswer(way, proxy, what, event.message, message);
  }
  ++crossed_;
  PolicyOf(way).Count(size);
  event.message = message;
  event.target = boundary::Target(proxy);
  if (what != Crossed::kMessage) Settled(heap, proxy);
  return Passage::kGoesOn;
}

// It holds what may not cross.
Boundary::Passage LocalBoundary::Refuse(Core& core, Object* proxy, Event& event, Direction way,
                                        Crossed what) {
  return Refuse(core, proxy, event, way, what, Outcome::kDeny,
                CrossingReason(core, Failure::kType));
}

Value LocalBoundary::FullReason(Core& core) {
  ++refused_;
  if (owed_.is_full()) {
    return core.Reason("full", Words("owed_max: ", owed_.entries_max(),
                                     " asks and promises wait across this membrane already"));
  }
  return core.Reason("full", Words("proxies_max: ", proxies_[0].entries_max(),
                                   " refs that crossed this membrane are held already"));
}

Boundary::Passage LocalBoundary::Deny(Core& core, Object* proxy, Event& event, Direction way,
                                      Crossed what, std::string_view text) {
  return Refuse(core, proxy, event, way, what, Outcome::kDeny, core.Reason("denied", text));
}

Boundary::Passage LocalBoundary::Refuse(Core& core, Object* proxy, Event& event, Direction way,
                                        Crossed what, Outcome outcome, Value reason) {
  ++refused_;
  const int64_t record = Record(core, proxy, event, way, what, 0, outcome);
  if (recorder_ != nullptr) recorder_->OnRefused(way, proxy, event, what, reason);
  if (what == Crossed::kMessage) {
    NoteRecord(core, record);
    is_refusing_ = true;
    core.Refuse(event, reason);
    is_refusing_ = false;
    return Passage::kRefused;
  }
  // Whoever waits learns that, instead.
  event = {boundary::Target(proxy), reason, Value::Nil(),
           Event::Pack(event.cause(), EventFlag::kBroken)};
  Settled(core.heap(), proxy);
  return Passage::kGoesOn;
}

// It is owed no more.
void LocalBoundary::Settled(Heap& heap, Object* slot_proxy) {
  if (boundary::Target(slot_proxy).is_nil()) return;  // it was cut, or is settled
  owed_.Remove(heap, EntryOf(slot_proxy));
  SetSettled(heap, slot_proxy);
  boundary::Cut(heap, slot_proxy);
}

Boundary::Settling LocalBoundary::Settle(Core& core, Object* slot_proxy, EventFlag how,
                                         Value value) {
  if (IsSettled(slot_proxy)) return Settling::kIsLate;
  const Direction way = ToTarget(slot_proxy);
  Crossing::Cost cost;
  if (planted::kIsBuilt || !PolicyOf(way).is_empty() || PolicyOf(Opposite(way)).is_one_way() ||
      !Crossing::IsFlatData(value, &cost)) {
    SetSettled(core.heap(), slot_proxy);
    return Settling::kCrosses;
  }
  ++crossed_;
  Event event = {Value::Target(slot_proxy), value, Value::Nil(), 0};
  Record(core, slot_proxy, event, way, how == EventFlag::kKept ? Crossed::kReply : Crossed::kBreak,
         cost.size, Outcome::kPass);
  if (recorder_ != nullptr) {
    recorder_->OnFlatAnswer(way, slot_proxy,
                            how == EventFlag::kKept ? Crossed::kReply : Crossed::kBreak, value);
  }
  Settled(core.heap(), slot_proxy);
  return Settling::kAtOnce;
}

Result LocalBoundary::Pass(Core& core, Value value, Direction direction) {
  std::unique_ptr<Passing> passing;
  for (;;) {
    const Passed passed = PassSome(core, value, direction, passing);
    if (passed.passage == Passage::kGoesOn) return passed.value;
    if (passed.passage == Passage::kNoRoom) return Failure::kMemory;
    if (passed.passage == Passage::kRefused) {
      return static_cast<Walk*>(passing.get())->failure();
    }
  }
}

Result LocalBoundary::Counterpart(Core& core, Value ref, Direction direction) {
  return Map(*this, core, direction).MapRef(ref);
}

LocalBoundary::Passed LocalBoundary::PassSome(Core& core, Value value, Direction direction,
                                              std::unique_ptr<Passing>& passing) {
  const Value payer = Payer(direction);
  Sponsor* sponsor = payer.is_nil() ? &core.root_sponsor() : Core::SponsorOf(payer.target());
  VESICLE_CHECK(sponsor != nullptr);
  const Heap::PaidBy paid(core.heap(), sponsor->AccountOf(Resource::kMemory).index());
  if (passing == nullptr) {
    Verdict verdict;
    verdict.message = value;
    passing = std::make_unique<Walk>(*this, core, direction, Crossed::kMessage, verdict);
  }
  auto* walk = static_cast<Walk*>(passing.get());
  Crossing::Step step = walk->Go(core, kWorkOfSlice);
  if (step == Crossing::Step::kDone && recorder_ != nullptr && recorder_->is_on()) {
    walk->Keep(value);
    step = walk->GoRecord(core, *recorder_, direction, kWorkOfSlice);
    if (step == Crossing::Step::kDone) recorder_->OnIntroduction(direction, value, walk->value());
  }
  switch (step) {
    case Crossing::Step::kDone:
      return {Passage::kGoesOn, walk->value()};
    case Crossing::Step::kMore:
      return {Passage::kMore, {}};
    case Crossing::Step::kNoRoom:
      return {Passage::kNoRoom, {}};
    case Crossing::Step::kFailed:
      break;
  }
  return {Passage::kRefused, CrossingReason(core, walk->failure())};
}

// ---------------------------------------------------------------------------
// Records

LocalBoundary::Ends LocalBoundary::EndsOf(Core& core, const Object* proxy, const Event& event) {
  const auto number = static_cast<uint32_t>(NumberOf(proxy));
  if (IsSlot(proxy)) return {number, 0};
  // A sender that never crossed has no number here.
  Object* sender = core.SenderOf(event);
  if (sender == nullptr) return {0, number};
  const Value known = ProxiesTo(Opposite(ToTarget(proxy))).Find(core.heap(), sender);
  return {known.is_nil() ? 0 : static_cast<uint32_t>(NumberOf(known.target())), number};
}

// The number of the record.
int64_t LocalBoundary::Record(Core& core, const Object* proxy, const Event& event, Direction way,
                              Crossed what, uint64_t size, Outcome outcome) {
  const Value sink = object_->words()[kSink];
  const std::vector<Value>& logs = PolicyOf(way).logs();
  if (audit_.is_off() && sink.is_nil() && logs.empty()) return audit_.Skip();
  CrossingRecord record;
  const Ends ends = EndsOf(core, proxy, event);
  record.from = ends.from;
  record.to = ends.to;
  record.way = way;
  record.what = what;
  record.outcome = outcome;
  record.bytes = size;
  record.has_time = has_clock();
  if (record.has_time) record.time_ns = NowNs();
  record.tag = NameForRecord(event.message, &record.has_tag);
  if (!sink.is_nil() || !logs.empty()) {
    const Heap::BeyondAllowance beyond(core.heap());
    const Result value = RecordValue(core, record);
    const Value owner = object_->words()[kOwner];
    if (!sink.is_nil()) core.DeliverOn(owner, sink, value.value());
    for (const Value log : logs) core.DeliverOn(owner, log, value.value());
  }
  return audit_.Add(record);
}

void LocalBoundary::NoteRecord(Core& core, int64_t record) {
  if (judgement_ == judged_) {
    last_noted_ = record;
    noted_at_ = judged_;
  }
  core.NoteCrossed(object_, record);
}

void LocalBoundary::TakeBack(Core& core, int64_t crossing) {
  if (CrossingRecord* record = audit_.Find(crossing)) {
    record->outcome = CrossingRecord::Outcome::kParked;
    if (crossing == last_noted_ && noted_at_ == judged_) {
      core.heap().WillWrite(object_);
      PolicyOf(record->way).TakeBack();
    }
  }
}

// It was refused on its way, as whoever pays there cannot: the inside hears of it, and no record
// does.
void LocalBoundary::OnLost(const Object* proxy) {
  if (recorder_ == nullptr || is_refusing_ || ToTarget(proxy) != Direction::kOut) return;
  recorder_->OnChance("what was sent out was refused before it crossed: the budget there");
}

bool LocalBoundary::has_clock() const { return !object_->words()[kClock].is_nil(); }

int64_t LocalBoundary::NowNs() const {
  const Value clock = object_->words()[kClock];
  return clock.is_nil() ? 0 : ReadClock(clock).value_or(0);
}

// ---------------------------------------------------------------------------
// The end

void LocalBoundary::Revoke(Core& core) {
  if (is_cut()) return;
  if (recorder_ != nullptr) recorder_->Finish(Recorder::End::kRevoked);
  cut_at_ = core.turn().serial + 1;
  LetGo(core);
  core.BeginLettingGo(object_);
}

bool LocalBoundary::LetGo(Core& core) {
  Heap& heap = core.heap();
  const bool more_owed = owed_.Take(heap, kLetGoAtOnce, [&](Value slot, Value proxy) {
    if (Is(planted::kRevokeLeavesSlots)) return;
    if (proxy.is_target()) boundary::Cut(heap, proxy.target());
    if (slot.is_target()) core.Settle(slot, EventFlag::kBroken, core.Reason("revoked"));
  });
  if (more_owed) return true;
  const auto cut = [&](Object* proxy) { boundary::Cut(heap, proxy); };
  const bool more = ProxiesTo(Direction::kIn).Take(heap, kLetGoAtOnce, cut) ||
                    ProxiesTo(Direction::kOut).Take(heap, kLetGoAtOnce, cut);
  if (!more) ChargeTables(heap);
  return more;
}

void LocalBoundary::Visit(Visitor& visitor) {
  for (IdentityTable& table : proxies_) table.Visit(visitor);
  if (recorder_ != nullptr) recorder_->Visit(visitor);
  for (const auto& policy : policies_) policy->Visit(visitor);
  owed_.Visit(visitor);
}

Membrane::Counts LocalBoundary::counts() const {
  return {proxies_[static_cast<size_t>(Direction::kOut)].size(),
          proxies_[static_cast<size_t>(Direction::kIn)].size(), owed_.size(), crossed_, refused_};
}

Membrane::Counts LocalBoundary::LivingCounts(Heap& heap) {
  Membrane::Counts counts = {0, 0, owed_.CountLiving(heap), crossed_, refused_};
  ProxiesTo(Direction::kOut).ForEach(heap, [&](Object*, Object*) { ++counts.proxies_in; });
  ProxiesTo(Direction::kIn).ForEach(heap, [&](Object*, Object*) { ++counts.proxies_out; });
  return counts;
}

std::optional<int64_t> ReadClock(Value clock) {
  if (!IsTargetKind(clock, Kind::kActor)) return std::nullopt;
  return code::Body(code::Of(actor::Holder(clock.target())))->NowNs();
}

}  // namespace vesicle
