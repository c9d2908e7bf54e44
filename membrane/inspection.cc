#include "membrane/inspection.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "membrane/audit.h"
#include "membrane/collecting.h"
#include "membrane/local_boundary.h"
#include "membrane/membrane.h"
#include "vm/value/list.h"

namespace vesicle {
namespace {

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

// Begins an answer about the tables of a membrane, after a collection of everything.
template <typename Answer>
TurnEnd BeginAnswer(Core& core, Value membrane) {
  return GoOnAfter(core, Core::Need::kAllMemory, std::make_unique<Answer>(membrane));
}

TurnEnd StageAnswer(Core& core, Result value) {
  if (!value.ok()) return core.Quota(Resource::kMemory);
  core.StageReply(value.value());
  return TurnEnd::kDone;
}

// Of a look at all that they hold.
int64_t StepsOfTables(const LocalBoundary& boundary) {
  constexpr int64_t kStepsPerEntry = 10;
  const Membrane::Counts counts = boundary.counts();
  return static_cast<int64_t>(counts.proxies_in + counts.proxies_out + counts.owed) *
         kStepsPerEntry;
}

class CountsAnswer final : public Suspension {
 public:
  explicit CountsAnswer(Value membrane) : membrane_(membrane) {}

  void Visit(Visitor& visitor) override { visitor.Visit(&membrane_, 1); }
  Place Where() const override { return {}; }
  TurnEnd Resume(Core& core) override {
    LocalBoundary& boundary = LocalBoundary::Of(membrane_);
    core.fuel -= StepsOfTables(boundary);
    return StageAnswer(core, CountsValue(core, boundary));
  }

 private:
  Value membrane_;
};

// {inward: n, outward: n, owed: n, proxies: [{number, way, last}, ..]}: what a revoke would cut,
// when it was asked. The records are looked through in pieces; what leaves the ring meanwhile is
// nobody's last.
class PreviewAnswer final : public Suspension {
 public:
  explicit PreviewAnswer(Value membrane) : membrane_(membrane) {}

  void Visit(Visitor& visitor) override { visitor.Visit(&membrane_, 1); }
  Place Where() const override { return {}; }
  TurnEnd Resume(Core& core) override {
    constexpr int64_t kRecordsAtOnce = 10'000;
    constexpr int64_t kRecordsPerStep = 2;
    LocalBoundary& boundary = LocalBoundary::Of(membrane_);
    if (found_ == nullptr) LookAtTables(core, boundary);
    const AuditRing& ring = boundary.audit();
    const int64_t to = std::min(found_->end, found_->next + kRecordsAtOnce);
    core.fuel -= (to - found_->next) / kRecordsPerStep;
    for (; found_->next < to; ++found_->next) {
      const CrossingRecord* record = ring.Find(found_->next);
      if (record == nullptr) continue;
      for (const uint32_t number : {record->to, record->from}) {
        if (const auto at = found_->last.find(number); at != found_->last.end()) {
          at->second = found_->next;
        }
      }
    }
    if (found_->next < found_->end) return core.Suspend(Moved());
    return StageAnswer(core, Answer(core, ring));
  }

 private:
  struct Found {
    std::map<int64_t, Direction> proxies;  // the first by number: in the order of first crossing
    Membrane::Counts counts;
    absl::flat_hash_map<int64_t, int64_t> last;  // record by proxy; kNone: there was none yet
    int64_t next;                                // record that is looked at
    int64_t end;
  };
  static constexpr int64_t kNone = -1;

  // Frames of a turn are used up when it goes on.
  std::unique_ptr<PreviewAnswer> Moved() {
    auto rest = std::make_unique<PreviewAnswer>(membrane_);
    rest->found_ = std::move(found_);
    return rest;
  }

  void LookAtTables(Core& core, LocalBoundary& boundary) {
    constexpr size_t kProxiesMax = 1000;
    core.fuel -= StepsOfTables(boundary);
    const AuditRing& ring = boundary.audit();
    found_ = std::make_unique<Found>();
    found_->counts = boundary.LivingCounts(core.heap());
    found_->end = ring.count();
    found_->next = found_->end - static_cast<int64_t>(ring.kept());
    if (boundary.is_cut()) return;
    std::map<int64_t, Direction>& proxies = found_->proxies;
    boundary.ForEachProxy(core.heap(), [&](Object* proxy) {
      const int64_t number = LocalBoundary::NumberOf(proxy);
      if (proxies.size() == kProxiesMax && number > proxies.rbegin()->first) return;
      proxies.emplace(number, LocalBoundary::ToTarget(proxy));
      if (proxies.size() > kProxiesMax) proxies.erase(std::prev(proxies.end()));
    });
    for (const auto& [number, way] : proxies) found_->last[number] = kNone;
  }

  Result Answer(Core& core, const AuditRing& ring) {
    ListBuilder list(core.heap());
    for (const auto& [number, way] : found_->proxies) {
      MapOfNames entry(core);
      entry.PutNumber("number", static_cast<uint64_t>(number));
      entry.PutSymbol("way", way == Direction::kIn ? "in" : "out");
      const int64_t at = found_->last.at(number);
      const CrossingRecord* record = at == kNone ? nullptr : ring.Find(at);
      Result crossed = Value::Nil();
      if (record != nullptr) crossed = RecordValue(core, *record);
      if (!crossed.ok()) return crossed;
      entry.Put("last", crossed.value());
      const Result made = entry.Finish();
      if (!made.ok()) return made;
      list.Add(made.value());
    }
    const Result made = list.Finish();
    if (!made.ok()) return made;
    MapOfNames map(core);
    map.PutCount("inward", found_->counts.proxies_in);
    map.PutCount("outward", found_->counts.proxies_out);
    map.PutCount("owed", found_->counts.owed);
    map.Put("proxies", made.value());
    return map.Finish();
  }

  Value membrane_;
  std::unique_ptr<Found> found_;
};

}  // namespace

TurnEnd AnswerAudit(Core& core, Value membrane) { return AuditAnswer(core, membrane).Resume(core); }
TurnEnd AnswerCounts(Core& core, Value membrane) {
  return BeginAnswer<CountsAnswer>(core, membrane);
}
TurnEnd AnswerPreview(Core& core, Value membrane) {
  return BeginAnswer<PreviewAnswer>(core, membrane);
}

}  // namespace vesicle
