#include "membrane/replay.h"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "membrane/fields.h"
#include "membrane/local_boundary.h"
#include "membrane/log_value.h"
#include "membrane/nowhere.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

using What = LogRecord::Kind;

std::string Short(Value value) {
  constexpr size_t kTextMax = 200;
  std::string text = Print(value);
  if (text.size() > kTextMax) text = text.substr(0, kTextMax) + "..";
  return text;
}

std::string Named(const LogRecord& record, Value value) {
  std::string what;
  switch (record.kind) {
    case What::kMessage:
      what = Words("message to ", record.to.number);
      break;
    case What::kReply:
      what = Words("reply for ", record.to.number);
      break;
    case What::kBreak:
      what = Words("break for ", record.to.number);
      break;
    case What::kIntroduction:
      what = "introduction";
      break;
    case What::kCut:
      return "a turn that was cut short";
  }
  if (record.is_refused) return Words("a refused ", what);
  const char* way = record.way == Direction::kIn ? "in, " : "out, ";
  return Words(way, what, value.is_absent() ? std::string() : Words(": ", Short(value)));
}

class Replayer final : public Recorder::Director {
 public:
  Replayer(const Recorder& log, Core& core, Value payer, Membrane wall, Recorder& own,
           ReplayInside& inside)
      : log_(log),
        core_(core),
        is_same_heap_(&log.core() == &core),
        payer_(core.heap(), payer),
        wall_(std::move(wall)),
        own_(own),
        inside_(inside) {}
  ~Replayer() override { own_.set_director(nullptr); }

  absl::Status Prepare() {
    own_.set_director(this);
    const Value stubs =
        core_.NewBoundary(std::make_unique<Nowhere>(Nowhere::Is::kOpen), boundary::kWordsMin);
    if (stubs.is_nil()) return absl::ResourceExhaustedError("no memory for a replay");
    stub_boundary_ = Root(core_.heap(), stubs);
    for (uint32_t n = 1; n <= log_.CountOf(LogSide::kOutside); ++n) {
      stubs_.emplace_back(core_.heap(), boundary::MakeProxy(core_.heap(), stubs.data(),
                                                            payer_.value(), int64_t{n}));
    }
    const std::vector<LogRecord>& records = log_.records();
    for (size_t i = 0; i < records.size(); ++i) {
      const LogRecord& record = records[i];
      if (record.way == Direction::kIn || record.kind == What::kIntroduction) {
        plan_.push_back(i);
      } else {
        flows_[record.to.number].push_back(i);
      }
    }
    return absl::OkStatus();
  }

  void Run() {
    while (difference_.empty() && !IsOver()) {
      const bool is_due = IsDue();
      // What was sent out has arrived before anything comes in.
      if (is_due && core_.root_sponsor().queue.empty()) {
        Bring(plan_[at_]);
        continue;
      }
      if (core_.RunSlice(1) || IsOver() || IsDue()) continue;
      if (at_ < plan_.size()) {
        Differ(plan_[at_],
               Words("the inside came to rest after ", own_.now(), " events; on record is, after ",
                     log_.records()[plan_[at_]].at, ", ", OnRecord(plan_[at_])));
      } else {
        Differ(std::nullopt, Words("the inside came to rest after ", own_.now(),
                                   " events; it had run ", log_.end_at()));
      }
    }
    if (difference_.empty()) LookAtRest();
    own_.set_director(nullptr);
    own_.Finish(Recorder::End::kAsked);
  }

  Replayed Outcome() const { return {wall_, replayed_, differs_at_, difference_}; }

  // Recorder::Director
  Schedule::Next BeforeEvent(int64_t now) override {
    constexpr Schedule::Next kStop = {true, false};
    if (!difference_.empty()) return kStop;
    if (is_coming_) return {false, IsCutAt(at_ + 1, now)};
    if (at_ == plan_.size()) return now < log_.end_at() ? Schedule::Next{} : kStop;
    const LogRecord& next = log_.records()[plan_[at_]];
    if (next.kind == What::kCut) {
      if (next.at <= now) {
        Differ(plan_[at_], Words("the inside ran ", now, " events without ", OnRecord(plan_[at_])));
        return kStop;
      }
      return {false, IsCutAt(at_, now + 1)};
    }
    return next.at > now ? Schedule::Next{} : kStop;
  }

  void OnRecord(size_t number, const std::vector<Recorder::Director::Slot>& slots) override {
    for (const Slot& slot : slots) {
      slots_.insert_or_assign(slot.number, Root(core_.heap(), slot.proxy));
    }
    const LogRecord& record = own_.records()[number];
    if (record.way == Direction::kIn || record.kind == What::kIntroduction) {
      is_coming_ = false;
      if (at_ == plan_.size()) {
        return Differ(std::nullopt, Words("not on record: ", Named(record, own_.ValueOf(record))));
      }
      if (Compare(plan_[at_], record)) ++at_;
      return;
    }
    const uint32_t outsider = Back(LogSide::kOutside, record.to.number);
    std::deque<size_t>& flow = flows_[outsider];
    if (flow.empty()) {
      if (extra_.empty()) extra_ = Named(record, own_.ValueOf(record));
      return;
    }
    const size_t next = flow.front();
    flow.pop_front();
    Compare(next, record);
  }

 private:
  struct Names {
    std::vector<uint32_t> forth;  // from numbers of the log to our own
    std::vector<uint32_t> back;
  };

  bool IsOver() {
    return at_ == plan_.size() && !is_coming_ && own_.now() >= log_.end_at() &&
           core_.root_sponsor().queue.empty();
  }
  bool IsDue() const {
    if (is_coming_ || at_ == plan_.size()) return false;
    const LogRecord& next = log_.records()[plan_[at_]];
    return next.kind != What::kCut && next.at <= own_.now();
  }
  bool IsCutAt(size_t at, int64_t time) const {
    if (at >= plan_.size()) return false;
    const LogRecord& next = log_.records()[plan_[at]];
    return next.kind == What::kCut && next.at == time;
  }

  std::string OnRecord(size_t number) const {
    const LogRecord& record = log_.records()[number];
    return Named(record, log_.ValueOf(record));
  }

  void Differ(std::optional<size_t> record, std::string text) {
    if (!difference_.empty()) return;
    differs_at_ = record;
    difference_ = record ? Words("record ", *record, ": ", text) : std::move(text);
  }

  // --- who is who

  Names& NamesOf(LogSide side) { return names_[static_cast<size_t>(side)]; }
  uint32_t Forth(LogRef ref) {
    const std::vector<uint32_t>& forth = NamesOf(ref.side).forth;
    return ref.number < forth.size() ? forth[ref.number] : 0;
  }
  uint32_t Back(LogSide side, uint32_t number) {
    const std::vector<uint32_t>& back = NamesOf(side).back;
    return number < back.size() ? back[number] : 0;
  }
  // They are the same one from now on, if they can be.
  bool Match(LogRef logged, LogRef own) {
    if (logged.number == 0 || own.number == 0) return logged.number == own.number;
    if (logged.side != own.side) return false;
    Names& names = NamesOf(own.side);
    if (names.forth.size() <= logged.number) names.forth.resize(logged.number + 1);
    if (names.back.size() <= own.number) names.back.resize(own.number + 1);
    uint32_t& forth = names.forth[logged.number];
    uint32_t& back = names.back[own.number];
    if (forth == 0 && back == 0) {
      forth = own.number;
      back = logged.number;
    }
    return forth == own.number && back == logged.number;
  }

  bool Compare(size_t number, const LogRecord& own) {
    const LogRecord& logged = log_.records()[number];
    const Value value = own_.ValueOf(own);
    bool is_same = logged.kind == own.kind && logged.way == own.way && Match(logged.to, own.to) &&
                   Match(logged.slot, own.slot);
    // How a rule decided is the outside's affair; what was refused is compared by address.
    if (is_same && !logged.is_refused && !own.is_refused && logged.kind != What::kCut) {
      is_same = IsSameLogValue(log_.ValueOf(logged), value, [&](Value a, Value b) {
        return Recorder::IsPromise(a) == Recorder::IsPromise(b) &&
               Match(Recorder::RefOf(a), Recorder::RefOf(b));
      });
      is_same &= logged.stand_in_count == own.stand_in_count;
      for (uint32_t i = 0; is_same && i < own.stand_in_count; ++i) {
        is_same = Match(log_.StandIn(logged, i), own_.StandIn(own, i));
      }
    }
    const bool is_inward = own.way == Direction::kIn || own.kind == What::kIntroduction;
    is_same &= !is_inward || logged.at == own.at;
    if (is_same) {
      ++replayed_;
    } else {
      Differ(number, Words("the inside has, after ", own.at, " events, ", Named(own, value),
                           "; on record is, after ", logged.at, ", ", OnRecord(number)));
    }
    return is_same;
  }

  // --- what comes in

  LocalBoundary& boundary() const { return LocalBoundary::Of(wall_.value()); }
  // Of an insider by our number, as the outside has it.
  Result Proxy(uint32_t insider) {
    return boundary().Counterpart(core_, own_.Held({LogSide::kInside, insider}), Direction::kOut);
  }

  // What stood outside in the place of a ref.
  Result Outside(Value placeholder) {
    const LogRef ref = Recorder::RefOf(placeholder);
    if (ref.side == LogSide::kOutside) return stubs_[ref.number - 1].value();
    const uint32_t own = Forth(ref);
    if (own != 0) return Proxy(own);
    // One that the crossing made to stand for a promise of the outside.
    if (Recorder::IsPromise(placeholder)) return core_.NewPromise();
    return Failure::kRange;
  }

  void Unknown(size_t number) {
    Differ(number, Words("it names an insider that has not come out: ", OnRecord(number)));
  }

  void Bring(size_t number) {
    const LogRecord& record = log_.records()[number];
    if (record.at < own_.now()) {
      return Differ(number, Words("the inside ran ", own_.now(), " events; on record is, after ",
                                  record.at, ", ", OnRecord(number)));
    }
    if (record.kind == What::kIntroduction && record.way == Direction::kOut) {
      return Introduce(number);
    }
    const Result made = CopyLogValue(core_, is_same_heap_, log_.ValueOf(record),
                                     [this](Value v) { return Outside(v); });
    if (!made.ok()) {
      if (made.failure() == Failure::kRange) return Unknown(number);
      return Differ(number, made.failure() == Failure::kType
                                ? "a function or a behavior crossed: replay it in its own VM"
                                : "there is no memory for it");
    }
    const Root value(core_.heap(), made.value());
    if (record.kind == What::kIntroduction) {
      const Result passed = wall_.Pass(value.value(), Direction::kIn);
      if (!passed.ok()) return Differ(number, "it cannot be passed in");
      return inside_.Receive(received_++, passed.value());
    }
    const uint32_t to = Forth(record.to);
    if (to == 0) return Unknown(number);
    Event event = {Value::Nil(), value.value(), Value::Nil(), 0};
    if (record.kind == What::kMessage) {
      const Result proxy = Proxy(to);
      if (!proxy.ok()) return Differ(number, "there is no proxy for its target");
      event.target = proxy.value();
      event.cause_and_flag = Event::Pack(0, EventFlag::kMessage);
      if (record.slot.number != 0 && record.slot.side == LogSide::kOutside) {
        event.slot = core_.NewPromise();
      } else if (record.slot.number != 0) {
        const auto slot = slots_.find(Forth(record.slot));
        if (slot == slots_.end()) return Unknown(number);
        event.slot = slot->second.value();
      }
    } else {
      const auto slot = slots_.find(to);
      if (slot == slots_.end()) return Unknown(number);
      event.target = slot->second.value();
      event.cause_and_flag =
          Event::Pack(0, record.kind == What::kReply ? EventFlag::kKept : EventFlag::kBroken);
    }
    is_coming_ = true;
    core_.DeliverFirst(payer_.value(), event);
  }

  void Introduce(size_t number) {
    const Value value = inside_.Introduce(introduced_++);
    if (!wall_.Pass(value, Direction::kOut).ok()) Differ(number, "it cannot be passed out");
  }

  // All on the plan has come; what went out is here.
  void LookAtRest() {
    for (const auto& [outsider, flow] : flows_) {
      if (flow.empty()) continue;
      Differ(flow.front(), Words("it did not go out: ", OnRecord(flow.front())));
    }
    // Of a log that ended in the midst of things there may be more under way.
    if (log_.ended_at_rest() && !extra_.empty()) {
      Differ(std::nullopt, Words("not on record: ", extra_));
    }
  }

  const Recorder& log_;
  Core& core_;
  bool is_same_heap_;
  Root payer_;
  Membrane wall_;
  Recorder& own_;
  ReplayInside& inside_;
  Root stub_boundary_;
  std::vector<Root> stubs_;
  std::map<uint32_t, Root> slots_;  // by our numbers of promises of the inside
  Names names_[2];
  std::vector<size_t> plan_;  // what came in, and cuts
  size_t at_ = 0;
  bool is_coming_ = false;                        // plan_[at_] is in the queue
  std::map<uint32_t, std::deque<size_t>> flows_;  // what went out, by whom it went to
  std::string extra_;
  size_t introduced_ = 0;
  size_t received_ = 0;
  size_t replayed_ = 0;
  std::optional<size_t> differs_at_;
  std::string difference_;
};

}  // namespace

absl::StatusOr<Replayed> Replay(const Recorder& log, Core& core, Value payer_in,
                                ReplayInside& inside) {
  if (log.is_on()) {
    return absl::FailedPreconditionError("the log has not ended; call Membrane::EndRecording()");
  }
  if (!log.chance().empty()) {
    return absl::FailedPreconditionError(
        Words("the log cannot be replayed exactly: ", log.chance()));
  }
  MembraneOptions options;
  options.payer_in = payer_in;
  options.audit_records = 0;
  options.record_bytes_max = SIZE_MAX / 2;
  absl::StatusOr<Membrane> wall = Membrane::Create(core, options);
  if (!wall.ok()) return wall.status();
  LocalBoundary& boundary = LocalBoundary::Of(wall->value());
  Replayer replayer(log, core, payer_in, *wall, *boundary.recorder(), inside);
  if (absl::Status status = replayer.Prepare(); !status.ok()) return status;
  replayer.Run();
  return replayer.Outcome();
}

}  // namespace vesicle
