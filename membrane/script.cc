#include "membrane/script.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "membrane/fields.h"
#include "membrane/local_boundary.h"
#include "membrane/membrane.h"
#include "vm/script/run/interpreter.h"
#include "vm/value/form.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

constexpr std::string_view kForm =
    "membrane({inward: rules, outward: rules, payer: sponsor, clock: host.clock, audit: n, "
    "sink: ref, proxies_max: n, owed_max: n})";
constexpr size_t kScriptTableMax = 1'000'000;  // unless it says otherwise

// Captures of a control ref.
enum Capture : uint32_t { kOptions = 1, kOwner, kMembrane, kCaptureEnd };

// Of a ref that a membrane is revoked by, which stands in one of its captures.
struct ControlCode final : CodeBody {
  ControlCode(std::string name_in, uint32_t membrane_in)
      : label(std::move(name_in)), membrane(membrane_in) {}
  const std::string& name() const override { return label; }
  // Nobody could revoke it any more.
  void OnLifeEnd(Core& core, Object* holder) const override {
    if (holder->count <= membrane || holder->words()[membrane].is_nil()) return;
    LocalBoundary::Of(holder->words()[membrane]).RevokeInPieces(core);
  }
  std::string label;
  uint32_t membrane;
};

std::string SponsorIn(Value v, Value* control) {
  if (!IsTargetKind(v, Kind::kSponsorControl) || Core::SponsorOf(v.target()) == nullptr) {
    return "is a sponsor's control ref, as sponsor({..}) gives it";
  }
  *control = v;
  return {};
}

std::string SizeIn(Value v, size_t most, size_t* size) {
  int64_t n = 0;
  const std::string error = Amount(v, &n);
  if (!error.empty()) return error;
  if (static_cast<uint64_t>(n) > most) return Words("is at most ", most);
  *size = static_cast<size_t>(n);
  return {};
}

}  // namespace

std::string ReadMembraneOptions(Value map, Value owner, MembraneOptions* options) {
  options->payer_in = options->payer_out = options->owner = owner;
  options->proxies_max = options->owed_max = kScriptTableMax;
  const auto payer = [&](Value v) -> std::string {
    if (IsMap(v)) {
      return ReadFields(v, "payer: {inward: sponsor, outward: sponsor}",
                        {{"inward", [&](Value s) { return SponsorIn(s, &options->payer_in); }},
                         {"outward", [&](Value s) { return SponsorIn(s, &options->payer_out); }}});
    }
    const std::string error = SponsorIn(v, &options->payer_in);
    options->payer_out = options->payer_in;
    return error;
  };
  const auto rules = [](Value* to) {
    return [to](Value v) {
      *to = v;
      return std::string();
    };
  };
  return ReadFields(
      map, kForm,
      {{"inward", rules(&options->inward)},
       {"outward", rules(&options->outward)},
       {"payer", payer},
       {"clock", [&](Value v) { return RefIn(v, &options->clock); }},
       {"sink", [&](Value v) { return RefIn(v, &options->sink); }},
       {"audit", [&](Value v) { return SizeIn(v, kAuditRecordsMax, &options->audit_records); }},
       {"proxies_max", [&](Value v) { return SizeIn(v, kTableEntriesMax, &options->proxies_max); }},
       {"owed_max", [&](Value v) { return SizeIn(v, kTableEntriesMax, &options->owed_max); }}});
}

namespace {

// What options make, or what is wrong with them.
absl::StatusOr<Membrane> MakeMembrane(Core& core, Value map, Value owner) {
  MembraneOptions options;
  const std::string error = ReadMembraneOptions(map, owner, &options);
  if (!error.empty()) return absl::InvalidArgumentError(error);
  return Membrane::Create(core, options);
}

TurnEnd FaultWith(Core& core, Value reason) { return core.Fault(reason, {}); }

// The turn goes on when what is dead was collected, of the young or all of it.
TurnEnd GoOnAfter(Core& core, Core::Need need, std::unique_ptr<Suspension> rest) {
  const TurnEnd suspended = core.Suspend(std::move(rest));  // where a collection finds it
  core.fuel = std::min<int64_t>(core.fuel, -1);
  switch (core.Refuel(need)) {
    case Core::Fuel::kGo:
    case Core::Fuel::kSuspend:
      return suspended;
    case Core::Fuel::kQuotaMemory:
      core.ForgetSuspension();
      return core.Quota(Resource::kMemory);
    case Core::Fuel::kQuotaSteps:
    case Core::Fuel::kTurnTooLong:
      break;
  }
  core.ForgetSuspension();
  return core.Quota(Resource::kSteps);
}

// What is dead goes, twice: the first collection may have been of the young only.
constexpr int kTriesMax = 2;
Core::Need NeedOfTry(int tries) {
  return tries == 0 ? Core::Need::kMemory : Core::Need::kAllMemory;
}

// ---------------------------------------------------------------------------
// #outward and #inward: an introduction, in pieces when it is long

class Introduction final : public Suspension {
 public:
  Introduction(Value membrane, Value value, Direction way)
      : membrane_(membrane), value_(value), way_(way) {}

  void Visit(Visitor& visitor) override {
    visitor.Visit(&membrane_, 1);
    visitor.Visit(&value_, 1);
    if (passing_ != nullptr) passing_->Visit(visitor);
  }
  Place Where() const override { return {}; }
  TurnEnd Resume(Core& core) override {
    const LocalBoundary::Passed passed =
        LocalBoundary::Of(membrane_).PassSome(core, value_, way_, passing_);
    switch (passed.passage) {
      case Boundary::Passage::kGoesOn:
        core.StageReply(passed.value);
        return TurnEnd::kDone;
      case Boundary::Passage::kRefused:
      case Boundary::Passage::kRedirected:
      case Boundary::Passage::kNoPlace:
        passing_->Abandon();
        return FaultWith(core, passed.value);
      case Boundary::Passage::kMore:
        tries_ = 0;
        return core.Suspend(Moved());
      case Boundary::Passage::kNoRoom:
        break;
    }
    if (tries_ == kTriesMax) {
      passing_->Abandon();
      return core.Quota(Resource::kMemory);
    }
    const Core::Need need = NeedOfTry(tries_++);
    return GoOnAfter(core, need, Moved());
  }

 private:
  // Frames of a turn are used up when it goes on.
  std::unique_ptr<Introduction> Moved() {
    auto rest = std::make_unique<Introduction>(membrane_, value_, way_);
    rest->passing_ = std::move(passing_);
    rest->tries_ = tries_;
    return rest;
  }

  Value membrane_;
  Value value_;
  Direction way_;
  std::unique_ptr<Passing> passing_;
  int tries_ = 0;
};

// ---------------------------------------------------------------------------
// The control ref

TurnEnd NoClause(Core& core, std::string_view text) {
  return FaultWith(core, core.Reason("no_clause", text));
}

// The records that are there when it is asked, in pieces. Those that leave the ring before it has
// come to them are not among them.
class AuditAnswer final : public Suspension {
 public:
  AuditAnswer(Core& core, Value membrane) : membrane_(membrane), list_(EmptyList(core.heap())) {
    const AuditRing& ring = LocalBoundary::Of(membrane).audit();
    end_ = ring.count();
    next_ = end_ - static_cast<int64_t>(ring.kept());
  }

  void Visit(Visitor& visitor) override {
    visitor.Visit(&membrane_, 1);
    visitor.Visit(&list_, 1);
  }
  Place Where() const override { return {}; }
  TurnEnd Resume(Core& core) override {
    constexpr int kRecordsAtOnce = 200;
    constexpr int64_t kStepsPerRecord = 100;
    Heap& heap = core.heap();
    for (int i = 0; i < kRecordsAtOnce && next_ < end_; ++i, ++next_) {
      const CrossingRecord* record = LocalBoundary::Of(membrane_).audit().Find(next_);
      if (record == nullptr) continue;
      core.fuel -= kStepsPerRecord;
      const Result value = RecordValue(core, *record);
      if (!value.ok() || heap.over_allowance()) return WaitForRoom(core);
      list_ = Append(heap, list_, value.value());
    }
    tries_ = 0;
    if (next_ < end_) return core.Suspend(std::make_unique<AuditAnswer>(*this));
    core.StageReply(list_);
    return TurnEnd::kDone;
  }

 private:
  TurnEnd WaitForRoom(Core& core) {
    if (tries_ == kTriesMax) return core.Quota(Resource::kMemory);
    const Core::Need need = NeedOfTry(tries_++);
    return GoOnAfter(core, need, std::make_unique<AuditAnswer>(*this));
  }

  Value membrane_;
  Value list_;
  int64_t next_;  // numbers of records
  int64_t end_;
  int tries_ = 0;
};

// What is dead is in no answer: no collection shows in it.
Result CountsValue(Core& core, LocalBoundary& boundary) {
  const Membrane::Counts counts = boundary.LivingCounts(core.heap());
  MapOfNames map(core);
  map.PutCount("crossed", counts.crossed);
  map.PutCount("inward", counts.proxies_in);
  map.PutCount("outward", counts.proxies_out);
  map.PutCount("owed", counts.owed);
  map.PutCount("refused", counts.refused);
  return map.Finish();
}

// {inward: n, outward: n, owed: n, proxies: [{number, way, last}, ..]}: what a revoke would cut.
Result PreviewValue(Core& core, LocalBoundary& boundary) {
  constexpr size_t kProxiesMax = 1000;
  std::map<int64_t, Direction> proxies;  // the first by number: in the order of first crossing
  if (!boundary.is_cut()) {
    boundary.ForEachProxy(core.heap(), [&](Object* proxy) {
      const int64_t number = LocalBoundary::NumberOf(proxy);
      if (proxies.size() == kProxiesMax && number > proxies.rbegin()->first) return;
      proxies.emplace(number, LocalBoundary::ToTarget(proxy));
      if (proxies.size() > kProxiesMax) proxies.erase(std::prev(proxies.end()));
    });
  }
  std::map<int64_t, const CrossingRecord*> last;
  boundary.audit().ForEach([&](const CrossingRecord& record) {
    for (const int64_t number : {int64_t{record.to}, int64_t{record.from}}) {
      if (proxies.count(number) > 0) last[number] = &record;
    }
  });
  ListBuilder list(core.heap());
  for (const auto& [number, way] : proxies) {
    MapOfNames entry(core);
    entry.PutNumber("number", static_cast<uint64_t>(number));
    entry.PutSymbol("way", way == Direction::kIn ? "in" : "out");
    const auto record = last.find(number);
    Result crossed = Value::Nil();
    if (record != last.end()) crossed = RecordValue(core, *record->second);
    if (!crossed.ok()) return crossed;
    entry.Put("last", crossed.value());
    const Result made = entry.Finish();
    if (!made.ok()) return made;
    list.Add(made.value());
  }
  const Result made = list.Finish();
  if (!made.ok()) return made;
  const Membrane::Counts counts = boundary.LivingCounts(core.heap());
  MapOfNames map(core);
  map.PutCount("inward", counts.proxies_in);
  map.PutCount("outward", counts.proxies_out);
  map.PutCount("owed", counts.owed);
  map.Put("proxies", made.value());
  return map.Finish();
}

// An answer about the tables of a membrane, after a collection of everything.
class Inspection final : public Suspension {
 public:
  using Answer = Result (*)(Core& core, LocalBoundary& boundary);
  Inspection(Value membrane, Answer answer) : membrane_(membrane), answer_(answer) {}

  void Visit(Visitor& visitor) override { visitor.Visit(&membrane_, 1); }
  Place Where() const override { return {}; }
  TurnEnd Begin(Core& core) {
    return GoOnAfter(core, Core::Need::kAllMemory,
                     std::make_unique<Inspection>(membrane_, answer_));
  }
  TurnEnd Resume(Core& core) override {
    LocalBoundary& boundary = LocalBoundary::Of(membrane_);
    const Membrane::Counts counts = boundary.counts();
    constexpr int64_t kStepsPerEntry = 10;
    core.fuel -= static_cast<int64_t>(counts.proxies_in + counts.proxies_out + counts.owed +
                                      boundary.audit().kept()) *
                 kStepsPerEntry;
    const Result value = answer_(core, boundary);
    if (!value.ok()) return core.Quota(Resource::kMemory);
    core.StageReply(value.value());
    return TurnEnd::kDone;
  }

 private:
  Value membrane_;
  Answer answer_;
};

TurnEnd Serve(Core& core, Value membrane) {
  const Value m = core.turn().message;
  if (Is(m, "outward", 1)) {
    return Introduction(membrane, FieldsOf(m)[0], Direction::kOut).Resume(core);
  }
  if (Is(m, "inward", 1)) {
    return Introduction(membrane, FieldsOf(m)[0], Direction::kIn).Resume(core);
  }
  Membrane of = Membrane::Of(core, membrane);
  if (Is(m, "revoke", 0)) {
    of.Revoke();
    core.StageReply(Value::Nil());
    return TurnEnd::kDone;
  }
  if (Is(m, "audit", 0)) return AuditAnswer(core, membrane).Resume(core);
  if (Is(m, "counts", 0)) return Inspection(membrane, CountsValue).Begin(core);
  if (Is(m, "preview", 0)) return Inspection(membrane, PreviewValue).Begin(core);
  return NoClause(
      core, "a membrane takes #outward(v), #inward(v), #revoke, #preview, #audit and #counts");
}

// The membrane itself is made in the first turn, on the budget of who wrote `membrane(..)`.
TurnEnd EnterMembrane(Core& core, Object* holder) {
  --core.fuel;
  const Value* captures = holder->words();
  if (!captures[kMembrane].is_nil()) return Serve(core, captures[kMembrane]);
  const Value owner = IsTargetKind(captures[kOwner], Kind::kSponsorControl)
                          ? captures[kOwner]
                          : core.sponsor().control;
  const absl::StatusOr<Membrane> made = MakeMembrane(core, captures[kOptions], owner);
  if (!made.ok()) {
    if (absl::IsResourceExhausted(made.status())) return core.Quota(Resource::kMemory);
    return FaultWith(core, core.Reason("type", std::string(made.status().message())));
  }
  const Value membrane = made->value();
  Object* next = core.NewHolder(Kind::kBehavior, code::Of(holder), kCaptureEnd - 1);
  next->words()[kMembrane] = membrane;
  core.StageBecome(Value::Data(next));
  return Serve(core, membrane);
}

TurnEnd EnterRevoker(Core& core, Object* holder) {
  --core.fuel;
  if (!Is(core.turn().message, "revoke", 0)) {
    return NoClause(core, "a revoker takes #revoke");
  }
  Membrane::Of(core, holder->words()[1]).Revoke();
  core.StageReply(Value::Nil());
  return TurnEnd::kDone;
}

template <EnterFn enter>
Value MakeControl(Core& core, std::string name, uint32_t captures, uint32_t membrane) {
  Object* code =
      code::Make(core.heap(), new ControlCode(std::move(name), membrane), enter, nullptr, 0);
  return Value::Data(core.NewHolder(Kind::kBehavior, code, captures));
}

constexpr std::string_view kMembraneCode = "_membrane";
constexpr std::string_view kRevokerCode = "_revoker";

// One for each VM.
Object* SharedCode(Core& core, std::string_view name) {
  auto& interpreter = *static_cast<Interpreter*>(core.language());
  const Value behavior = interpreter.BuiltinValue(*interpreter.registry().Find(name));
  return behavior.data()->words()[0].data();
}

// membrane(options): a behavior.
BuiltinResult MembraneBehavior(BuiltinContext& context, const Value* args, int) {
  Core& core = context.core();
  const Value owner = core.sponsor().control;
  MembraneOptions options;
  std::string error = ReadMembraneOptions(args[0], owner, &options);
  if (error.empty()) error = Membrane::WhatIsWrong(options);
  if (!error.empty()) return context.TypeError("membrane: " + error);
  Object* holder =
      core.NewHolder(Kind::kBehavior, SharedCode(core, kMembraneCode), kCaptureEnd - 1);
  holder->words()[kOptions] = args[0];
  holder->words()[kOwner] = owner;
  return BuiltinResult::Of(Value::Data(holder));
}

// revocable(ref) or (ref, payer): [proxy, revoker].
BuiltinResult Revocable(BuiltinContext& context, const Value* args, int count) {
  if (!args[0].is_target()) return context.Wants(0, "a ref", args[0]);
  Core& core = context.core();
  MembraneOptions options;
  options.payer_in = options.payer_out = options.owner = core.sponsor().control;
  if (count > 1) {
    const std::string error = SponsorIn(args[1], &options.payer_in);
    if (!error.empty()) return context.Wants(1, "a sponsor's control ref", args[1]);
    options.payer_out = options.payer_in;
  }
  options.audit_records = 0;
  options.proxies_max = options.owed_max = kScriptTableMax;
  absl::StatusOr<Membrane> made = Membrane::Create(core, options);
  if (!made.ok()) return BuiltinResult::OutOfMemory();
  const Result proxy = made->Pass(args[0], Direction::kOut);
  if (!proxy.ok() && proxy.failure() == Failure::kType) {
    return context.TypeError(
        "revocable: a sponsor that this turn made pays for a promise only in a later turn; await "
        "the promise, and make what it holds revocable");
  }
  if (!proxy.ok()) return BuiltinResult::OutOfMemory();
  Object* revoker = core.NewActor(SharedCode(core, kRevokerCode), 1);
  revoker->words()[1] = made->value();
  const Value pair[] = {proxy.value(), Value::Target(revoker)};
  return context.Give(MakeList(core.heap(), pair), "");
}

}  // namespace

Value MembraneControl(Core& core, const Membrane& membrane) {
  const Value behavior = MakeControl<EnterMembrane>(core, "membrane", kCaptureEnd - 1, kMembrane);
  behavior.data()->words()[kMembrane] = membrane.value();
  return behavior;
}

void AddMembranes(BuiltinRegistry& registry) {
  registry.Behavior(
      kMembraneCode,
      [](Core& core) {
        return MakeControl<EnterMembrane>(core, "membrane", kCaptureEnd - 1, kMembrane);
      },
      "");
  registry.Behavior(
      kRevokerCode, [](Core& core) { return MakeControl<EnterRevoker>(core, "revoker", 1, 1); },
      "");
  registry.BehaviorMaker(
      "membrane", 1, 1, MembraneBehavior,
      "membrane({inward: rules, outward: rules, payer: sponsor, clock: ref, audit: n, sink: ref}): "
      "a behavior; its ref takes #outward(v), #inward(v), #revoke, #preview, #audit and #counts");
  registry.Acting("revocable", 1, 2, Revocable,
                  "revocable(ref, sponsor): [proxy, revoker]; the proxy is good until revoker <- "
                  "#revoke; the sponsor pays for what crosses, without one the caller");
}

}  // namespace vesicle
