#include "vm/script/run/builtin.h"

#include <utility>

#include "vm/actor/core.h"
#include "vm/actor/supervision.h"
#include "vm/heap/check.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/print.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"
#include "vm/value/value_kind.h"

namespace vesicle {

BuiltinResult BuiltinResult::Job(std::unique_ptr<BuiltinJob> job) {
  return {reinterpret_cast<uint64_t>(job.release()), Kind::kJob};
}

std::unique_ptr<BuiltinJob> BuiltinResult::take_job() const {
  VESICLE_CHECK(kind_ == Kind::kJob);
  return std::unique_ptr<BuiltinJob>(reinterpret_cast<BuiltinJob*>(bits_));
}

Heap& BuiltinContext::heap() { return core_.heap(); }
SymbolTable& BuiltinContext::symbols() { return core_.symbols(); }
IdentitySource& BuiltinContext::identities() { return core_; }

BuiltinResult BuiltinContext::Failure(std::string_view tag, std::string_view text) {
  return BuiltinResult::Failed(core_.Reason(tag, text));
}

BuiltinResult BuiltinContext::TooLong() { return Failure("limit", "this takes too many steps"); }

BuiltinResult BuiltinContext::TypeError(std::string_view text) { return Failure("type", text); }

BuiltinResult BuiltinContext::Wants(int index, std::string_view what, Value got) {
  static constexpr const char* kPlaces[] = {"first", "second", "third", "fourth", "fifth"};
  std::string text(name_);
  text += " wants ";
  text += what;
  if (index > 0) {
    text += " as its ";
    text += index < 5 ? kPlaces[index] : "next";
    text += " argument";
  }
  text += ", but got ";
  text += Describe(got);
  return TypeError(text);
}

BuiltinResult BuiltinContext::Give(Result result, std::string_view wanted,
                                   std::string_view too_big) {
  if (result.ok()) return BuiltinResult::Of(result.value());
  const std::string name(name_);
  switch (result.failure()) {
    case vesicle::Failure::kMemory:
      return BuiltinResult::OutOfMemory();
    case vesicle::Failure::kType:
      return TypeError(name + " wants " + std::string(wanted));
    case vesicle::Failure::kDivideByZero: {
      const Result symbol = symbols().Intern("divide_by_zero");
      return symbol.ok() ? BuiltinResult::Failed(symbol.value()) : BuiltinResult::OutOfMemory();
    }
    case vesicle::Failure::kTooBig:
      return Failure("limit", name + ": " + std::string(too_big));
    case vesicle::Failure::kRange:
      return Failure("bad_index", name + " wants " + std::string(wanted));
    case vesicle::Failure::kSyntax:
    case vesicle::Failure::kNotFinite:
      break;
  }
  return TypeError(name + " wants " + std::string(wanted));
}

// ---------------------------------------------------------------------------

void BuiltinRegistry::Add(BuiltinEntry entry) {
  VESICLE_CHECK(entries_.size() < kBuiltinsMax);
  VESICLE_CHECK(entry.arity.min <= kBuiltinArgsMax);
  const bool is_new = ids_.emplace(entry.name, static_cast<uint32_t>(entries_.size())).second;
  VESICLE_CHECK(is_new);
  entries_.push_back(std::move(entry));
}

std::string_view BuiltinEntry::call() const {
  const size_t end = doc.find("): ");
  return end == std::string::npos ? std::string_view(name)
                                  : std::string_view(doc).substr(0, end + 1);
}

namespace {
BuiltinEntry Entry(std::string_view name, Declared declared, Arity arity, std::string_view doc) {
  BuiltinEntry entry;
  entry.name = name;
  entry.declared = declared;
  entry.arity = arity;
  entry.doc = doc;
  return entry;
}
}  // namespace

void BuiltinRegistry::Pure(std::string_view name, uint32_t min, uint32_t max, BuiltinFn fn,
                           std::string_view doc) {
  BuiltinEntry entry = Entry(name, Declared::kFunction, {min, max}, doc);
  entry.fn = fn;
  Add(std::move(entry));
}

void BuiltinRegistry::Acting(std::string_view name, uint32_t min, uint32_t max, BuiltinFn fn,
                             std::string_view doc) {
  BuiltinEntry entry = Entry(name, Declared::kAct, {min, max}, doc);
  entry.fn = fn;
  Add(std::move(entry));
}

void BuiltinRegistry::BehaviorMaker(std::string_view name, uint32_t min, uint32_t max, BuiltinFn fn,
                                    std::string_view doc) {
  BuiltinEntry entry = Entry(name, Declared::kBehavior, {min, max}, doc);
  entry.fn = fn;
  Add(std::move(entry));
}

void BuiltinRegistry::Behavior(std::string_view name, BuiltinMaker maker, std::string_view doc) {
  BuiltinEntry entry = Entry(name, Declared::kBehavior, {0, 0}, doc);
  entry.maker = maker;
  Add(std::move(entry));
}

void BuiltinRegistry::Constant(std::string_view name, BuiltinMaker maker, std::string_view doc) {
  BuiltinEntry entry = Entry(name, Declared::kValue, {0, 0}, doc);
  entry.maker = maker;
  Add(std::move(entry));
}

std::optional<uint32_t> BuiltinRegistry::Find(std::string_view name) const {
  const auto at = ids_.find(std::string(name));
  if (at == ids_.end()) return std::nullopt;
  return at->second;
}

// ---------------------------------------------------------------------------

namespace {

// promise(): [p, resolver].
BuiltinResult MakePromise(BuiltinContext& context, const Value*, int) {
  Core& core = context.core();
  const Value promise = core.NewPromise();
  const Value resolver = core.NewResolver(promise);
  const Value pair[] = {promise, resolver};
  return context.Give(MakeList(core.heap(), pair), "");
}

// _hand_on(): a handler of a break that is not the one who learns of it.
BuiltinResult HandOn(BuiltinContext& context, const Value*, int) {
  context.core().HandOn();
  return BuiltinResult::Of(Value::Nil());
}

// sponsor(limits): the control ref of a budget split off the one that runs the turn.
BuiltinResult MakeSponsor(BuiltinContext& context, const Value* args, int) {
  Core::SponsorResult made = context.core().SplitSponsor(args[0]);
  if (!made.error.empty()) return context.TypeError("sponsor: " + made.error);
  return made.control.is_nil() ? BuiltinResult::OutOfMemory() : BuiltinResult::Of(made.control);
}

// controlled(behavior): [ref, control].
BuiltinResult MakeControlled(BuiltinContext& context, const Value* args, int) {
  if (!IsBehavior(args[0])) return context.Wants(0, "a behavior", args[0]);
  const Core::Controlled made = context.core().CreateControlled(args[0]);
  const Value pair[] = {made.ref, made.control};
  return context.Give(MakeList(context.heap(), pair), "");
}

// _supervise(behavior, note, home, sponsor): [ref, control] of a new actor, whose faults come to
// the one that calls this as #fault(note, fault), paid by `home`.
BuiltinResult Supervise(BuiltinContext& context, const Value* args, int) {
  const Core::Controlled made = context.core().Supervise(args[0], args[1], args[2], args[3]);
  if (!made.error.empty()) return context.TypeError("supervisor: " + made.error);
  const Value pair[] = {made.ref, made.control};
  return context.Give(MakeList(context.heap(), pair), "");
}

// _home(): for _supervise, of the actor that calls this.
BuiltinResult Home(BuiltinContext& context, const Value*, int) {
  return BuiltinResult::Of(context.core().HomeOfSelf());
}

// _is_supervised(): whether somebody supervises the actor that calls this.
BuiltinResult IsSupervised(BuiltinContext& context, const Value*, int) {
  return BuiltinResult::Of(Value::Bool(context.core().IsSelfSupervised()));
}

// _own_control(): of the actor that calls this.
BuiltinResult OwnControl(BuiltinContext& context, const Value*, int) {
  return BuiltinResult::Of(context.core().ControlOfSelf());
}

// _is_stopped(control)
BuiltinResult IsStopped(BuiltinContext&, const Value* args, int) {
  Object* record = supervision::RecordOf(args[0].target()->words()[0]);
  return BuiltinResult::Of(Value::Bool(record != nullptr && supervision::IsStopped(record)));
}

// _set_item(table, i, value): a `let` of a module is computed (ScriptModule::Starter).
BuiltinResult SetItem(BuiltinContext& context, const Value* args, int) {
  Object* table = args[0].data();
  context.heap().WillWrite(table);
  table->words()[args[1].small_int()] = args[2];
  return BuiltinResult::Of(Value::Nil());
}

// As any behavior whose clause yields nil: an asker is answered.
TurnEnd EnterSink(Core& core, Object*) {
  --core.fuel;
  core.StageReply(Value::Nil());
  return TurnEnd::kDone;
}

class SinkCode final : public CodeBody {
 public:
  const std::string& name() const override { return name_; }

 private:
  std::string name_ = "sink";
};

Value MakeSink(Core& core) {
  Object* code = code::Make(core.heap(), new SinkCode, EnterSink, nullptr, 0);
  return Value::Data(core.NewHolder(Kind::kBehavior, code, 0));
}

}  // namespace

void RegisterCoreBuiltins(BuiltinRegistry& registry) {
  registry.Acting("promise", 0, 0, MakePromise,
                  "promise(): [p, resolver]; the resolver takes #fulfill(v) or #break(e)");
  registry.Acting("_hand_on", 0, 0, HandOn, "");
  registry.Acting(
      "sponsor", 1, 1, MakeSponsor,
      "sponsor({events: n, memory: bytes, steps: n, keeper: ref}): the control ref of a "
      "budget split off this one");
  registry.Acting("controlled", 1, 1, MakeControlled,
                  "controlled(behavior): [ref, control] of a new actor; the control takes #stop, "
                  "#restart, #watch(ref), #watch(ref, message), #unwatch(ref) and #info");
  registry.Acting("_supervise", 4, 4, Supervise, "");
  registry.Acting("_home", 0, 0, Home, "");
  registry.Acting("_is_supervised", 0, 0, IsSupervised, "");
  registry.Acting("_own_control", 0, 0, OwnControl, "");
  registry.Acting("_is_stopped", 1, 1, IsStopped, "");
  registry.Acting("_set_item", 3, 3, SetItem, "_set_item(table, i, value): of the VM itself");
  registry.Behavior("sink", MakeSink,
                    "sink: a behavior that takes every message, does nothing and replies nil");
}

std::string Describe(Value value) {
  switch (ValueKindOf(value)) {
    case ValueKind::kNil:
    case ValueKind::kBool:
    case ValueKind::kFloat:
    case ValueKind::kSymbol:
      return Print(value, kReportOptions);
    case ValueKind::kInt: {
      std::string text = Print(value, kReportOptions);
      return text.size() <= 30 ? text : "a big integer";
    }
    case ValueKind::kText:
      return "a text";
    case ValueKind::kBytes:
      return "bytes";
    case ValueKind::kTagged: {
      const Value tag = TagOf(value);
      return "a tagged value " + Print(tag, kReportOptions) + "(...)";
    }
    case ValueKind::kList:
      return "a list of " + std::to_string(ListSize(value));
    case ValueKind::kMap:
      return "a map of " + std::to_string(MapSize(value));
    case ValueKind::kRef:
      return "a ref";
    case ValueKind::kPromise:
      return "a promise";
    case ValueKind::kFunction:
      return "a function";
    case ValueKind::kBehavior:
      return "a behavior";
    case ValueKind::kInternal:
      break;
  }
  return "something else";
}

}  // namespace vesicle
