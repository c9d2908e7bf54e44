#include "membrane/recorder.h"

#include <memory>
#include <utility>

#include "membrane/local_boundary.h"
#include "membrane/nowhere.h"

namespace vesicle {
namespace {

// The integer of a placeholder.
constexpr int64_t kIsOutside = 1;
constexpr int64_t kIsPromise = 2;
constexpr int kNumberShift = 2;
constexpr size_t kRefsMax = size_t{1} << 26;

LogSide SideOf(Direction to) { return to == Direction::kIn ? LogSide::kInside : LogSide::kOutside; }

}  // namespace

Recorder::Recorder(Core& core, Object* boundary, Sponsor& inside, SponsorIndex owner,
                   size_t bytes_max)
    : core_(core),
      boundary_(boundary),
      inside_(&inside),
      owner_(owner),
      bytes_max_(bytes_max),
      map_(*this),
      values_(core.heap()),
      placeholders_{HeapWords(core.heap()), HeapWords(core.heap())},
      numbers_{IdentityTable(kRefsMax), IdentityTable(kRefsMax)},
      held_{HeapWords(core.heap()), HeapWords(core.heap())} {
  VESICLE_CHECK(inside.schedule == nullptr);
  inside.schedule = this;
  core.heap().WillWrite(boundary_);
  dead_ = core.NewBoundary(std::make_unique<Nowhere>(Nowhere::Is::kCut), boundary::kWordsMin);
  if (dead_.is_nil()) Finish(End::kFull);
}

Recorder::~Recorder() {
  if (inside_ != nullptr) inside_->schedule = nullptr;
}

LogRef Recorder::RefOf(Value v) {
  if (!IsTargetKind(v, Kind::kProxy)) return {};
  const int64_t info = boundary::Info(v.target());
  return {(info & kIsOutside) != 0 ? LogSide::kOutside : LogSide::kInside,
          static_cast<uint32_t>(info >> kNumberShift)};
}

bool Recorder::IsPromise(Value v) { return (boundary::Info(v.target()) & kIsPromise) != 0; }

void Recorder::Visit(Visitor& visitor) {
  visitor.Visit(&dead_, 1);
  values_.Visit(visitor);
  for (size_t side = 0; side < 2; ++side) {
    placeholders_[side].Visit(visitor);
    numbers_[side].Visit(visitor);
    held_[side].Visit(visitor);
  }
  if (offered_) visitor.Visit(&*offered_, 1);
  if (!offered_stand_ins_.empty()) {
    visitor.Visit(offered_stand_ins_.data(), offered_stand_ins_.size());
  }
}

int64_t Recorder::bytes() const {
  return static_cast<int64_t>(sizeof *this + records_.capacity() * sizeof(LogRecord) +
                              stand_ins_.capacity() * sizeof(uint32_t) + values_.bytes() +
                              numbers_[0].bytes() + numbers_[1].bytes() + placeholders_[0].bytes() +
                              placeholders_[1].bytes());
}

void Recorder::Finish(End end, bool at_rest) {
  if (!is_on()) return;
  end_ = end;
  end_at_ = now();
  ended_at_rest_ = at_rest;
  TakeOfferBack();
  if (inside_ != nullptr) std::exchange(inside_, nullptr)->schedule = nullptr;
}

// ---------------------------------------------------------------------------
// Who is who

bool Recorder::IsOwn(Value ref) const {
  return IsTargetKind(ref, Kind::kProxy) && ref.target()->words()[0].data() == boundary_;
}

LogRef Recorder::Number(LogSide side, Value target) {
  Heap& heap = core_.heap();
  const auto i = static_cast<size_t>(side);
  const Value known = numbers_[i].Find(heap, target.target());
  if (!known.is_nil()) return RefOf(known);
  const auto number = static_cast<uint32_t>(placeholders_[i].size() + 1);
  const int64_t info = (int64_t{number} << kNumberShift) |
                       (side == LogSide::kOutside ? kIsOutside : 0) |
                       (target.target()->kind == Kind::kPromise ? kIsPromise : 0);
  heap.WillWrite(boundary_);
  const Value made = boundary::MakeProxy(heap, dead_.data(), Value::Nil(), info);
  bytes_ += kRefBytes;
  if (!numbers_[i].Add(heap, target.target(), made).ok() || !placeholders_[i].Push(made) ||
      (director_ != nullptr && !held_[i].Push(target))) {
    failed_ = true;
    return {};
  }
  return {side, number};
}

LogRef Recorder::NumberOfSlot(Direction way, Value slot) {
  if (!slot.is_target()) return {};
  const bool is_home = IsOwn(slot) && LocalBoundary::ToTarget(slot.target()) == way;
  if (!is_home) return Number(SideOf(Opposite(way)), slot);
  const Value behind = boundary::Target(slot.target());
  return behind.is_nil() ? LogRef() : Number(SideOf(way), behind);
}

// As the inside has it: proxies of this membrane are outsiders, all else are insiders.
Result Recorder::Map::MapRef(Value ref) {
  LogSide side = LogSide::kInside;
  if (of_.IsOwn(ref)) {
    ref = boundary::Target(ref.target());
    if (ref.is_nil()) return Failure::kType;  // it was cut
    side = LogSide::kOutside;
  }
  const LogRef known = of_.Number(side, ref);
  if (known.number == 0) return Failure::kMemory;
  return of_.Known(side)[known.number - 1];
}

// ---------------------------------------------------------------------------
// Records

void Recorder::Offer(std::optional<Value> value, uint64_t size,
                     const std::vector<Value>& stand_ins) {
  if (!is_on()) return;
  core_.heap().WillWrite(boundary_);
  offered_ = value;
  offered_size_ = size;
  offered_stand_ins_ = stand_ins;
}

void Recorder::TakeOfferBack() {
  offered_.reset();
  offered_size_ = 0;
  offered_stand_ins_.clear();
}

std::optional<Value> Recorder::Walked(Value value) {
  if (offered_) return std::exchange(offered_, std::nullopt);
  Crossing::Cost cost;
  const std::optional<Result> walked = Crossing::Short(core_.heap(), value, map_, &cost);
  if (!walked || !walked->ok()) return std::nullopt;
  offered_size_ = cost.size;
  return walked->value();
}

std::vector<Recorder::Director::Slot> Recorder::TakeStandIns(Direction way, LogRecord* record) {
  std::vector<Director::Slot> slots;
  record->stand_ins = stand_ins_.size();
  for (const Value slot_proxy : offered_stand_ins_) {
    const Value promise = boundary::Target(slot_proxy.target());
    if (promise.is_nil()) continue;  // it was settled at once
    const LogRef ref = Number(SideOf(way), promise);
    if (way == Direction::kIn) {
      slots.push_back({ref.number, slot_proxy});
    } else {
      stand_ins_.push_back(ref.number);
      ++record->stand_in_count;
    }
  }
  offered_stand_ins_.clear();
  return slots;
}

void Recorder::Add(LogRecord record, std::optional<Value> value,
                   const std::vector<Director::Slot>& slots) {
  core_.heap().WillWrite(boundary_);
  record.at = now();
  record.value = values_.size();
  uint64_t size = sizeof record + sizeof(Value) + record.stand_in_count * sizeof(uint32_t);
  bytes_ += size + std::exchange(offered_size_, 0);
  if (failed_ || bytes_ > bytes_max_ || !values_.Push(value ? *value : Value::Absent())) {
    return Finish(End::kFull);
  }
  records_.push_back(record);
  if (director_ != nullptr) director_->OnRecord(records_.size() - 1, slots);
}

void Recorder::OnMessage(Direction way, const Object* proxy, const Event& event, Value mapped,
                         Value answer) {
  if (!is_on()) return;
  const Heap::PaidBy paid(core_.heap(), owner_);
  const Heap::BeyondAllowance beyond(core_.heap());
  LogRecord record;
  record.kind = LogRecord::Kind::kMessage;
  record.way = way;
  record.to = Number(SideOf(way), boundary::Target(proxy));
  if (!answer.is_nil()) record.slot = NumberOfSlot(way, event.slot);
  if (answer.is_nil() && !event.slot.is_nil() && way == Direction::kOut) {
    OnChance("a rule answered in the place of the outside: #one_way");
  }
  const std::optional<Value> value = Walked(way == Direction::kIn ? mapped : event.message);
  if (!value) return Finish(End::kFull);
  std::vector<Director::Slot> slots = TakeStandIns(way, &record);
  if (record.slot.number != 0 && record.slot.side == LogSide::kInside && way == Direction::kOut) {
    slots.push_back({record.slot.number, answer});
  }
  Add(record, value, slots);
}

void Recorder::OnAnswer(Direction way, const Object* proxy, Crossed what, Value sent,
                        Value mapped) {
  if (!is_on()) return;
  const Value promise = boundary::Target(proxy);
  if (promise.is_nil()) return;
  const Heap::PaidBy paid(core_.heap(), owner_);
  const Heap::BeyondAllowance beyond(core_.heap());
  LogRecord record;
  record.kind = what == Crossed::kReply ? LogRecord::Kind::kReply : LogRecord::Kind::kBreak;
  record.way = way;
  record.to = Number(SideOf(way), promise);
  const std::optional<Value> value = Walked(way == Direction::kIn ? mapped : sent);
  if (!value) return Finish(End::kFull);
  const std::vector<Director::Slot> slots = TakeStandIns(way, &record);
  Add(record, value, slots);
}

void Recorder::OnRefused(Direction way, const Object* proxy, const Event& event, Crossed what,
                         Value reason) {
  if (!is_on()) return;
  TakeOfferBack();
  const Heap::PaidBy paid(core_.heap(), owner_);
  const Heap::BeyondAllowance beyond(core_.heap());
  LogRecord record;
  record.way = way;
  if (what != Crossed::kMessage) {
    if (way == Direction::kIn) return OnAnswer(way, proxy, Crossed::kBreak, reason, reason);
    record.kind = what == Crossed::kReply ? LogRecord::Kind::kReply : LogRecord::Kind::kBreak;
    record.is_refused = true;
    const Value promise = boundary::Target(proxy);
    if (promise.is_nil()) return;
    record.to = Number(LogSide::kOutside, promise);
    return Add(record, std::nullopt, {});
  }
  // What does not come in is nothing to the inside.
  if (way == Direction::kIn) return;
  record.is_refused = true;
  record.to = Number(LogSide::kOutside, boundary::Target(proxy));
  record.slot = NumberOfSlot(way, event.slot);
  Add(record, std::nullopt, {});
  if (record.slot.number == 0 || record.slot.side != LogSide::kInside || !is_on()) return;
  LogRecord answer;
  answer.kind = LogRecord::Kind::kBreak;
  answer.way = Direction::kIn;
  answer.to = record.slot;
  Add(answer, reason, {});  // the VM's own: it holds no ref
}

void Recorder::OnIntroduction(Direction way, Value sent, Value mapped) {
  if (!is_on()) return;
  const Heap::PaidBy paid(core_.heap(), owner_);
  const Heap::BeyondAllowance beyond(core_.heap());
  LogRecord record;
  record.kind = LogRecord::Kind::kIntroduction;
  record.way = way;
  const std::optional<Value> value = Walked(way == Direction::kIn ? mapped : sent);
  if (!value) return Finish(End::kFull);
  const std::vector<Director::Slot> slots = TakeStandIns(way, &record);
  Add(record, value, slots);
}

// ---------------------------------------------------------------------------
// The order of the inside

// Comes it through this membrane, into it? Others may stand before and behind.
void Recorder::OnProxyEvent(Core&, const Event& event) {
  constexpr int kWayMax = 1'000;
  Value at = event.target;
  for (int steps = 0; steps < kWayMax; ++steps) {
    if (IsTargetKind(at, Kind::kPayer)) {
      at = at.target()->words()[0];
    } else if (IsTargetKind(at, Kind::kProxy)) {
      if (IsOwn(at) && LocalBoundary::ToTarget(at.target()) == Direction::kIn) return NotOwn();
      at = boundary::Target(at.target());
    } else {
      return;
    }
  }
}

void Recorder::OnCut(Core&) {
  LogRecord record;
  record.kind = LogRecord::Kind::kCut;
  const Heap::PaidBy paid(core_.heap(), owner_);
  Add(record, std::nullopt, {});
}

void Recorder::OnChance(std::string_view what) {
  if (!chance_.empty() || !is_on()) return;
  chance_ = "at event " + std::to_string(now()) + " of the inside: " + std::string(what);
}

Schedule::Next Recorder::BeforeEvent(Core&) { return director_->BeforeEvent(now()); }

}  // namespace vesicle
