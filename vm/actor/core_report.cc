// Core: reasons, fault reports, and the list of what is left when nothing can run.
#include <cstring>

#include "vm/actor/actor.h"
#include "vm/actor/core.h"
#include "vm/actor/promise.h"
#include "vm/actor/supervision.h"
#include "vm/value/print.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"
#include "vm/value/utf8.h"
#include "vm/value/value_kind.h"

namespace vesicle {
namespace {
constexpr int kCausesMax = 8;
// Words of a report link (fault.h). The number is -1 when the report is only counted.
constexpr uint32_t kLinkNumber = 0;
constexpr uint32_t kLinkLearned = 1;  // true, or nil
constexpr size_t kReasonTextMax = 1000;
// A reason says what to do; it is cut later than a message.
constexpr PrintOptions kReasonOptions = {.bytes_max = 1000,
                                         .top_text = TopText::kQuoted,
                                         .chars_max = 400,
                                         .items_max = 8,
                                         .depth_max = 4};
// What a turn failed on says which clause ran; one line is enough.
constexpr PrintOptions kMessageOptions = {.bytes_max = 120,
                                          .top_text = TopText::kQuoted,
                                          .chars_max = 60,
                                          .items_max = 4,
                                          .depth_max = 3};
}  // namespace

Value Core::Reason(std::string_view tag, std::string_view text) {
  const Heap::BeyondAllowance beyond(heap_);
  const Value symbol = symbols_.Intern(tag).value();
  if (text.empty()) return symbol;
  text = text.substr(0, kReasonTextMax);
  while (!IsValidUtf8(text)) text.remove_suffix(1);
  const Value fields[] = {MakeTextUnchecked(heap_, text).value()};
  return MakeTagged(heap_, symbol, fields).value();
}

Value Core::QuotaReason(Resource which) {
  const Heap::BeyondAllowance beyond(heap_);
  const Value fields[] = {symbols_.Intern(ResourceName(which)).value()};
  return MakeTagged(heap_, symbols_.Intern("quota").value(), fields).value();
}

Value Core::Failed(Value e) {
  const Heap::BeyondAllowance beyond(heap_);
  if (IsFailed(e)) return e;
  return MakeTagged(heap_, SymbolTable::Short("failed"), std::span<const Value>(&e, 1)).value();
}

bool Core::IsFailed(Value reason) const {
  return IsTagged(reason) && TagOf(reason) == SymbolTable::Short("failed") &&
         FieldsOf(reason).size() == 1;
}

bool Core::WantsPlace(bool is_answer) const {
  if (is_watched() || on_fault_) return true;
  if (is_answer && !turn_.slot.is_nil()) return false;
  return reports_.size() < static_cast<size_t>(options_.fault_reports_max) ||
         RecordOfSelf() != nullptr;
}

TurnEnd Core::Fault(Value reason, Place where, std::vector<FaultReport::Frame> calls) {
  why_ = Why::kFault;
  fault_reason_ = reason;
  fault_place_ = std::move(where);
  fault_calls_ = std::move(calls);
  return TurnEnd::kFaulted;
}

TurnEnd Core::Fail(Value e, Place where, std::vector<FaultReport::Frame> calls) {
  Fault(Failed(e), std::move(where), std::move(calls));
  why_ = Why::kFail;
  return TurnEnd::kFaulted;
}

TurnEnd Core::Rebreak(Value reason, Place where, std::vector<FaultReport::Frame> calls) {
  Fault(reason, std::move(where), std::move(calls));
  why_ = Why::kRebreak;
  return TurnEnd::kFaulted;
}

TurnEnd Core::Quota(Resource which, Place where, std::vector<FaultReport::Frame> calls) {
  quota_ = which;
  fault_place_ = std::move(where);
  fault_calls_ = std::move(calls);
  return TurnEnd::kQuota;
}

std::vector<std::string> Core::CausesOf(uint64_t cause) const {
  std::vector<std::string> causes;
  while (cause != 0 && serial_ - cause < kRecords && causes.size() < kCausesMax) {
    const TurnRecord& record = records_[cause % kRecords];
    std::string name =
        record.code == nullptr ? "(code that is gone)" : code::Body(record.code)->name();
    // A loop through one behavior, or a task's segments: once is enough.
    if (causes.empty() || causes.back() != name) causes.push_back(std::move(name));
    if (record.cause >= cause) break;
    cause = record.cause;
  }
  return causes;
}

std::string Core::BehaviorName(Value target) {
  Object* o = target.target();
  switch (o->kind) {
    case Kind::kActor:
      return code::Body(code::Of(actor::Holder(o)))->name();
    case Kind::kContinuation: {
      Object* code = actor::CodeOf(o);
      return code == nullptr ? "a task" : code::Body(code)->name();
    }
    case Kind::kPromise:
      return "a promise";
    case Kind::kPayer:
      return BehaviorName(o->words()[0]);
    case Kind::kProxy:
      return "a proxy";
    case Kind::kResolver:
      return "a resolver";
    case Kind::kControl:
      return "the control of " + BehaviorName(o->words()[0]);
    case Kind::kSponsorControl:
      return "a sponsor";
    default:
      return "";
  }
}

// Yields the link to go with the break of `slot`; nil when nobody asked, and so nobody can learn.
Value Core::Report(Value reason, Value slot, Object* record) {
  if (record != nullptr) supervision::Count(record, supervision::Of::kFaults);
  const bool is_told = record != nullptr && PayForFault(record);
  // A slot of another kind is somebody's who learns of it elsewhere; so is a supervisor.
  const bool is_elsewhere = is_told || (!slot.is_nil() && !IsPromise(slot));
  Object* root = IsPromise(slot) ? promise::Root(heap_, slot.target()) : nullptr;
  const bool is_pending = root != nullptr && promise::StateOf(root) == promise::State::kPending;
  const bool keep =
      !is_elsewhere && reports_.size() < static_cast<size_t>(options_.fault_reports_max);
  if (!is_elsewhere && !keep) ++reports_beyond_;
  Value link;
  if (is_pending) {
    Object* tuple = heap_.Allocate(Kind::kTuple, 2);
    tuple->words()[kLinkNumber] = Value::SmallInt(keep ? reports_noted_ : -1);
    if (is_told) tuple->words()[kLinkLearned] = Value::Bool(true);
    link = Value::Data(tuple);
  }
  if (!keep && !on_fault_ && !is_told) {
    fault_place_ = {};
    fault_calls_.clear();
    return link;
  }
  FaultReport report;
  report.turn = turn_.serial;
  report.reason = Print(reason, kReasonOptions);
  report.behavior = BehaviorName(turn_.receiver);
  report.message = Print(turn_.message, kMessageOptions);
  report.place = std::move(fault_place_);
  report.calls = std::move(fault_calls_);
  report.causes = CausesOf(turn_.cause());
  report.observed = is_elsewhere || (is_pending && promise::HasWaiters(root));
  fault_place_ = {};
  fault_calls_.clear();
  if (is_told) TellSupervisor(record, reason, report);
  if (on_fault_) on_fault_(report);
  if (keep) reports_.emplace_back(reports_noted_++, std::move(report));
  return link;
}

void Core::Learn(Value report) {
  if (report.is_nil()) return;
  Value* const link = report.data()->words();
  if (link[kLinkLearned].is_true()) return;
  link[kLinkLearned] = Value::Bool(true);  // holds no object: no barrier
  const int64_t number = link[kLinkNumber].small_int();
  if (number < 0) {
    --reports_beyond_;
    return;
  }
  std::erase_if(reports_, [number](const auto& noted) { return noted.first == number; });
}

void Core::RefuseMessage(const Event& event, std::string_view text, Value reason) {
  if (reason.is_absent()) reason = Reason("no_clause", text);
  TellLost(event);
  turn_.receiver = event.target;
  turn_.message = event.message;
  turn_.cause_and_flag = event.cause_and_flag;
  turn_.serial = serial_;
  const Value report = Report(reason, event.slot);
  if (!event.slot.is_nil()) SettleSlot(event.slot, EventFlag::kBroken, reason, report);
}

std::vector<FaultReport> Core::UnobservedFaults() const {
  std::vector<FaultReport> unobserved;
  for (const auto& noted : reports_) unobserved.push_back(noted.second);
  return unobserved;
}

int64_t Core::unobserved_fault_count() const {
  return reports_beyond_ + static_cast<int64_t>(reports_.size());
}

std::vector<Place> Core::WaitingPlaces() {
  std::vector<Place> places;
  heap_.ForEachObject([&](Object* o) {
    if (o->kind != Kind::kContinuation || actor::StateOf(o) != actor::ContState::kWaiting) return;
    const Value frames = actor::ContWord(o, actor::Cont::kFrames);
    if (!frames.is_nil()) places.push_back(StoppedOf(frames)->frames->Where());
  });
  return places;
}

std::vector<Core::Parked> Core::ParkedEvents() {
  std::vector<Parked> parked;
  sponsors_.ForEach([&](Sponsor& s) {
    if (s.queue.empty() || !s.dry) return;
    int64_t events = 0;
    std::string first;
    s.queue.ForEach([&](const Event& event) {
      if (event.flag() == EventFlag::kVoid || events++ > 0) return;
      first = BehaviorName(event.target) + " with " + Print(event.message, kReportOptions);
    });
    if (events > 0) parked.push_back({s.index(), s.dry_of, events, first});
  });
  return parked;
}

}  // namespace vesicle
