#include "membrane/script.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "membrane/collecting.h"
#include "membrane/fields.h"
#include "membrane/inspection.h"
#include "membrane/local_boundary.h"
#include "membrane/membrane.h"
#include "membrane/policy.h"
#include "vm/script/run/interpreter.h"
#include "vm/value/form.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/tagged.h"

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

// Of a look at all rules.
int64_t StepsToMake(const MembraneOptions& options) {
  return Policy::StepsToMake(options.inward) + Policy::StepsToMake(options.outward);
}

// What options make, or what is wrong with them.
absl::StatusOr<Membrane> MakeMembrane(Core& core, Value map, Value owner) {
  MembraneOptions options;
  const std::string error = ReadMembraneOptions(map, owner, &options);
  if (!error.empty()) return absl::InvalidArgumentError(error);
  core.fuel -= StepsToMake(options);
  return Membrane::Create(core, options);
}

TurnEnd FaultWith(Core& core, Value reason) { return core.Fault(reason, {}); }

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
      case Boundary::Passage::kNoPlace:
        // As a crossing: what it holds of the dead goes first.
        if (tries_ < kTriesMax) {
          tries_ = kTriesMax;
          return GoOnAfter(core, Core::Need::kAllMemory, Moved());
        }
        [[fallthrough]];
      case Boundary::Passage::kRefused:
      case Boundary::Passage::kRedirected:
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
  if (Is(m, "audit", 0)) return AnswerAudit(core, membrane);
  if (Is(m, "counts", 0)) return AnswerCounts(core, membrane);
  if (Is(m, "preview", 0)) return AnswerPreview(core, membrane);
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
  if (error.empty()) {
    context.Charge(StepsToMake(options));
    error = Membrane::WhatIsWrong(options);
  }
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
