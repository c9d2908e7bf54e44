#include "membrane/local_boundary.h"

#include <algorithm>
#include <utility>

#include "membrane/fields.h"
#include "membrane/local_boundary_refs.h"
#include "membrane/proxy_info.h"
#include "vm/actor/actor.h"
#include "vm/actor/code.h"
#include "vm/value/value_kind.h"

namespace vesicle {

using planted::Is;

namespace {

// A walk is some 10 ns for each word; a step is about as much.
constexpr uint64_t kWorkPerStep = 2;
// What a dispatch may walk before the rest waits for a slice of its own.
constexpr uint64_t kWorkAtOnce = 2'000;
constexpr uint64_t kWorkOfSlice = 20'000;
// Entries let go of between two slices after a revoke; and of those owed, each of which may have
// 256 to tell at once, or may be told through many boundaries: so many of these in all.
constexpr size_t kLetGoAtOnce = 1'000;
constexpr int kBreaksAtOnce = 100;
constexpr int64_t kHopsAtOnce = 1'000;

// For a harness that shall notice: a crossing without a walk.
bool IsLeftRaw(const Object* proxy, Crossed what, const Verdict& verdict) {
  const bool settles_stand_in = LocalBoundary::IsSlot(proxy) && LocalBoundary::NumberOf(proxy) == 0;
  return (Is(planted::kRewriteRaw) && verdict.kind == Verdict::Kind::kRewrite) ||
         (Is(planted::kReplyRaw) && what == Crossed::kReply) ||
         (Is(planted::kReasonRaw) && what == Crossed::kBreak) ||
         (Is(planted::kSettledPromiseRaw) && settles_stand_in);
}

}  // namespace

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

void LocalBoundary::set_object(Object* object) {
  object_ = object;
  const Value* words = object->words();
  has_clock_ = !words[kClock].is_nil();
  const bool is_one_way = policies_[0]->is_one_way() || policies_[1]->is_one_way();
  for (const Direction d : {Direction::kIn, Direction::kOut}) {
    is_quiet_[static_cast<size_t>(d)] =
        words[kSink].is_nil() && PolicyOf(d).logs().empty() && !is_one_way;
  }
}

Value LocalBoundary::Payer(Direction d) const {
  return object_->words()[d == Direction::kIn ? kPayerIn : kPayerOut];
}

Value LocalBoundary::PayerTo(const Object* proxy) const { return Payer(ToTarget(proxy)); }

bool LocalBoundary::IsOwn(Value ref) const {
  return IsTargetKind(ref, Kind::kProxy) && boundary::OfProxy(ref.target()) == this;
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
// What a record says; inline, for most crossings have one and little else

// 0: a sender that never crossed has no number here.
[[gnu::always_inline]] inline uint32_t LocalBoundary::NumberOfSender(Core& core,
                                                                     const Object* proxy,
                                                                     const Event& event) {
  Object* sender = core.SenderOf(event);
  if (sender == nullptr) return 0;
  const Heap& heap = core.heap();
  const Sender& last = senders_[static_cast<size_t>(ToTarget(proxy))];
  // In a cycle another one may come to stand where a dead one stood.
  if (last.sender == sender && last.collections == heap.young_collections() + heap.cycles() &&
      last.numbers == numbers_ && !heap.is_in_cycle()) {
    return last.number;
  }
  return FindNumberOfSender(core, ToTarget(proxy), sender);
}

uint32_t LocalBoundary::FindNumberOfSender(Core& core, Direction way, Object* sender) {
  Heap& heap = core.heap();
  Sender& last = senders_[static_cast<size_t>(way)];
  last = {sender, heap.young_collections() + heap.cycles(), numbers_, 0};
  const Value found = ProxiesTo(Opposite(way)).Find(heap, sender);
  if (!found.is_nil()) last.number = static_cast<uint32_t>(NumberOf(found.target()));
  return last.number;
}

[[gnu::always_inline]] inline LocalBoundary::Ends LocalBoundary::EndsOf(Core& core,
                                                                        const Object* proxy,
                                                                        const Event& event) {
  const auto number = static_cast<uint32_t>(NumberOf(proxy));
  if (IsSlot(proxy)) return {number, 0};
  return {NumberOfSender(core, proxy, event), number};
}

inline CrossingRecord& LocalBoundary::NextRecord(Heap& heap) {
  if (!audit_.is_at_end_of_piece()) return audit_.Next();
  const int64_t before = audit_.bytes();
  CrossingRecord& next = audit_.Next();
  if (audit_.bytes() != before) ChargeTables(heap);
  return next;
}

inline void LocalBoundary::Describe(Core& core, const Object* proxy, const Event& event,
                                    Direction way, Crossed what, uint64_t size, Outcome outcome,
                                    CrossingRecord* record) {
  const Ends ends = EndsOf(core, proxy, event);
  record->from = ends.from;
  record->to = ends.to;
  record->way = way;
  record->what = what;
  record->outcome = outcome;
  record->bytes = size;
  record->has_time = has_clock_;
  record->time_ns = has_clock_ ? NowNs() : 0;
  NameRecord(event.message, record);
}

// ---------------------------------------------------------------------------
// Crossings

// A walk that is not over, of what was judged already.
class LocalBoundary::Walk final : public Passing {
 public:
  // Of what `sent` became by the verdict. `is_raw`: a planted bug.
  Walk(LocalBoundary& of, Core& core, Direction way, Value sent, const Verdict& verdict,
       bool is_raw)
      : of_(of),
        way_(way),
        map_(of, core, way),
        crossing_(core.heap(), core, verdict.message),
        target_(verdict.target),
        is_redirected_(verdict.kind == Verdict::Kind::kRedirect),
        is_raw_(is_raw),
        judgement_(of.NowJudged(way)),
        sent_(sent) {}

  // kDone: it is mapped, and what a log is to hold of it was offered to the recorder.
  Crossing::Step Go(Core& core, uint64_t work_max) {
    const Crossing::Step step = GoMap(core, work_max);
    return step == Crossing::Step::kDone && of_.IsRecording() ? GoRecord(core, work_max) : step;
  }
  void Visit(Visitor& visitor) override {
    crossing_.Visit(visitor);
    if (kept_) kept_->Visit(visitor);
    visitor.Visit(&sent_, 1);
    map_.Visit(visitor);
    visitor.Visit(&target_, 1);
  }
  void Abandon() override { map_.Undo(); }
  void TakeBack(Core& core) override { of_.TakeBackJudgement(core, way_, judgement_); }

  Value value() const { return crossing_.value(); }
  uint64_t size() const { return crossing_.cost().size; }
  Failure failure() const { return failure_.value_or(crossing_.failure()); }
  bool is_redirected() const { return is_redirected_; }
  Value target() const { return target_; }
  // Which of the membrane's judgements let it by.
  int64_t judgement() const { return judgement_; }

 private:
  Crossing::Step GoMap(Core& core, uint64_t work_max) {
    const uint64_t before = crossing_.cost().work;
    Crossing::Step step = Crossing::Step::kDone;
    if (!is_raw_) step = crossing_.Go(map_, work_max);
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
  Crossing::Step GoRecord(Core& core, uint64_t work_max) {
    Recorder& recorder = *of_.recorder_;
    if (!kept_) kept_.emplace(core, recorder, way_ == Direction::kIn ? crossing_.value() : sent_);
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

  LocalBoundary& of_;
  Direction way_;
  Map map_;
  Crossing crossing_;
  Value target_;
  bool is_redirected_;
  bool is_raw_;
  int64_t judgement_;
  bool is_target_mapped_ = false;
  Value sent_;
  std::optional<RecordWalk> kept_;  // once it is mapped
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
        judgement_ = NowJudged(way);
        if (recorder_ != nullptr) recorder_->Offer(std::nullopt, 0, map.stand_ins());
        const Passage done =
            Arrive(core, proxy, event, way, what, Outcome::kPass, mapped->value(), cost.size);
        if (done != Passage::kNoRoom && done != Passage::kNoPlace) return done;
      } else if (mapped.has_value() && mapped->failure() == Failure::kType) {
        return Refuse(core, proxy, event, way, what);
      }
      map.Undo();
      if (recorder_ != nullptr) recorder_->TakeOfferBack();
    }
    passing = std::make_unique<Walk>(*this, core, way, event.message, verdict,
                                     IsLeftRaw(proxy, what, verdict));
    walk = static_cast<Walk*>(passing.get());
  }
  judgement_ = walk->judgement();
  switch (walk->Go(core, goes_on ? kWorkOfSlice : kWorkAtOnce)) {
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

// The payer runs already.
bool LocalBoundary::IsPaidBy(Core& core, Direction way) const {
  const Value payer = Payer(way);
  return payer.is_nil() ? &core.sponsor() == &core.root_sponsor() : payer == core.sponsor().control;
}

std::optional<Value> LocalBoundary::MapAtOnce(Core& core, Value message, Direction way,
                                              Crossing::Cost* cost) {
  // A promise wants more: its stand-in is listened for.
  Map map(*this, core, way, Map::Promises::kNot);
  const Result mapped = Crossing::MapShort(core.heap(), message, map, cost);
  if (mapped.ok()) return mapped.value();
  return std::nullopt;
}

// As Cross, Judge and Arrive, without what is not needed then.
int64_t LocalBoundary::CrossAtOnce(Core& core, Object* proxy, Event& event) {
  const Direction way = ToTarget(proxy);
  if (planted::IsOfWalks() || is_cut() || !is_quiet_[static_cast<size_t>(way)]) return kNotAtOnce;
  const Policy& policy = PolicyOf(way);
  if (!IsPaidBy(core, way) || !policy.LetsByAtOnce(event.message)) return kNotAtOnce;
  if (policy.steps_of_tags() > 0) core.ChargeWork(policy.steps_of_tags());
  Value message = event.message;
  Crossing::Cost cost;
  const Crossing::Shape shape = Crossing::ShapeOf(message, &cost);
  if (shape == Crossing::Shape::kDeep) return kNotAtOnce;
  if (shape == Crossing::Shape::kRefs) {
    const std::optional<Value> mapped = MapAtOnce(core, message, way, &cost);
    if (!mapped.has_value()) return kNotAtOnce;
    message = *mapped;
  }
  if (!event.slot.is_nil()) {
    const Result slot = Slot(core, event.slot, way, NumberOf(proxy));
    if (!slot.ok()) return kNotAtOnce;
    event.slot = slot.value();
  }
  const int64_t record = audit_.count();
  if (audit_.is_off()) {
    audit_.Skip();
  } else {
    Describe(core, proxy, event, way, Crossed::kMessage, cost.size, Outcome::kPass,
             &NextRecord(core.heap()));
  }
  ++crossed_;
  event.message = message;
  event.target = boundary::Target(proxy);
  return record;
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
  ++judged_[static_cast<size_t>(way)].count;
  if (policy.steps_of_tags() > 0) core.ChargeWork(policy.steps_of_tags());
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
    NoteRecord(core, way, Record(core, proxy, event, way, what, size, outcome));
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
  Record(core, proxy, event, way, what, 0, outcome);
  if (recorder_ != nullptr) recorder_->OnRefused(way, proxy, event, what, reason);
  if (what == Crossed::kMessage) {
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
  owed_.Remove(heap, proxy_info::EntryOf(slot_proxy));
  proxy_info::Set(heap, slot_proxy, proxy_info::kIsSettled);
  boundary::Cut(heap, slot_proxy);
}

Boundary::Settling LocalBoundary::Settle(Core& core, Object* slot_proxy, EventFlag how,
                                         Value value) {
  if (proxy_info::Has(slot_proxy, proxy_info::kIsSettled)) return Settling::kIsLate;
  // Its event fell before it came home for good, and that is what there is to say.
  if (proxy_info::Has(slot_proxy, proxy_info::kIsHome)) return Settling::kAtOnce;
  const Direction way = ToTarget(slot_proxy);
  Crossing::Cost cost;
  if (planted::IsOfWalks() || !PolicyOf(way).is_empty() || PolicyOf(Opposite(way)).is_one_way() ||
      Crossing::ShapeOf(value, &cost) != Crossing::Shape::kFlat) {
    proxy_info::Set(core.heap(), slot_proxy, proxy_info::kIsSettled);
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
    if (passed.passage == Passage::kMore) continue;
    passing->Abandon();
    if (passed.passage == Passage::kNoRoom) return Failure::kMemory;
    return static_cast<Walk*>(passing.get())->failure();
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
    passing = std::make_unique<Walk>(*this, core, direction, value, verdict, false);
  }
  auto* walk = static_cast<Walk*>(passing.get());
  switch (walk->Go(core, kWorkOfSlice)) {
    case Crossing::Step::kDone:
      if (IsRecording()) recorder_->OnIntroduction(direction, value, walk->value());
      return {Passage::kGoesOn, walk->value()};
    case Crossing::Step::kMore:
      return {Passage::kMore, {}};
    case Crossing::Step::kNoRoom:
      return {Passage::kNoRoom, {}};
    case Crossing::Step::kFailed:
      break;
  }
  const bool is_full = walk->failure() == Failure::kTooBig;
  return {is_full ? Passage::kNoPlace : Passage::kRefused, CrossingReason(core, walk->failure())};
}

// ---------------------------------------------------------------------------
// Records

// The number of the record.
int64_t LocalBoundary::Record(Core& core, const Object* proxy, const Event& event, Direction way,
                              Crossed what, uint64_t size, Outcome outcome) {
  const Value sink = object_->words()[kSink];
  const std::vector<Value>& logs = PolicyOf(way).logs();
  if (sink.is_nil() && logs.empty()) {
    if (audit_.is_off()) return audit_.Skip();
    Describe(core, proxy, event, way, what, size, outcome, &NextRecord(core.heap()));
    return audit_.count() - 1;
  }
  CrossingRecord record;
  Describe(core, proxy, event, way, what, size, outcome, &record);
  const Heap::BeyondAllowance beyond(core.heap());
  const Result value = RecordValue(core, record);
  const Value owner = object_->words()[kOwner];
  const Value told = Is(planted::kRecordRaw) ? event.message : value.value();
  if (!sink.is_nil()) core.DeliverOn(owner, sink, told);
  for (const Value log : logs) core.DeliverOn(owner, log, value.value());
  if (audit_.is_off()) return audit_.Skip();
  NextRecord(core.heap()) = record;
  return audit_.count() - 1;
}

void LocalBoundary::NoteRecord(Core& core, Direction way, int64_t record) {
  Judged& judged = judged_[static_cast<size_t>(way)];
  if (judgement_ == judged.count) {
    judged.last_noted = record;
    judged.noted_at = judgement_;
  }
  core.NoteCrossed(object_, record);
}

void LocalBoundary::TakeBack(Core& core, int64_t crossing) {
  if (CrossingRecord* record = audit_.Find(crossing)) {
    record->outcome = CrossingRecord::Outcome::kParked;
  }
  for (const Direction way : {Direction::kIn, Direction::kOut}) {
    const Judged& judged = judged_[static_cast<size_t>(way)];
    if (crossing == judged.last_noted) TakeBackJudgement(core, way, judged.noted_at);
  }
}

// Of what crosses that way now; -1: none is asked.
int64_t LocalBoundary::NowJudged(Direction way) {
  return PolicyOf(way).is_empty() ? -1 : judged_[static_cast<size_t>(way)].count;
}

// Unless another one was judged since.
void LocalBoundary::TakeBackJudgement(Core& core, Direction way, int64_t judgement) {
  if (judgement != judged_[static_cast<size_t>(way)].count) return;
  core.heap().WillWrite(object_);
  PolicyOf(way).TakeBack();
}

// It was refused on its way, as whoever pays there cannot: the inside hears of it, and no record
// does.
void LocalBoundary::OnLost(const Object* proxy) {
  if (recorder_ == nullptr || is_refusing_ || ToTarget(proxy) != Direction::kOut) return;
  recorder_->OnChance("what was sent out was refused before it crossed: the budget there");
}

int64_t LocalBoundary::NowNs() const {
  const Value clock = object_->words()[kClock];
  return clock.is_nil() ? 0 : ReadClock(clock).value_or(0);
}

// ---------------------------------------------------------------------------
// The end

void LocalBoundary::Revoke(Core& core) {
  if (!Cut(core)) return;
  const bool has_more = LetGo(core);
  if (has_more && core.sponsor().schedule != nullptr) {
    core.sponsor().schedule->OnChance("it revoked a membrane that lets go in pieces");
  }
  core.BeginLettingGo(object_, has_more);
}

void LocalBoundary::RevokeInPieces(Core& core) {
  if (Cut(core)) core.BeginLettingGo(object_, true);
}

// False: it was cut, or a bug is planted.
bool LocalBoundary::Cut(Core& core) {
  if (is_cut()) return false;
  if (Is(planted::kRevokeIsLate)) {
    core.BeginLettingGo(object_, true);
    return false;
  }
  if (recorder_ != nullptr) recorder_->Finish(Recorder::End::kRevoked);
  cut_at_ = core.serial() + 1;
  return true;
}

bool LocalBoundary::LetGo(Core& core) {
  if (Is(planted::kRevokeIsLate) && !is_cut()) {
    if (!planted::IsLateEnough()) return true;
    cut_at_ = core.serial() + 1;
  }
  Heap& heap = core.heap();
  int breaks = 0;
  const int64_t fuel = core.fuel;
  const bool more_owed = owed_.Take(heap, [&](Value slot, Value proxy) {
    const bool is_enough = ++breaks == kBreaksAtOnce;
    if (Is(planted::kRevokeLeavesSlots)) return is_enough;
    if (proxy.is_target()) boundary::Cut(heap, proxy.target());
    if (slot.is_target()) core.Settle(slot, EventFlag::kBroken, core.Reason("revoked"));
    return is_enough || fuel - core.fuel >= kHopsAtOnce;
  });
  if (more_owed) return true;
  const auto cut = [&](Object* proxy) {
    if (Is(planted::kRevokeLeavesIn) && ToTarget(proxy) == Direction::kIn) return;
    boundary::Cut(heap, proxy);
  };
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
