// Recorder: what crossed a membrane, whole, in a log from which the inside can be run again
// (replay.h). Off unless asked for: MembraneOptions::record_bytes_max.
//
// The law it keeps: the log holds no target of either side, and gives away none. Values
// stand in it as the inside sees them, and in the place of each ref a dead proxy with a
// number: the same for the same actor, of that side, at this membrane.
//
// The time of a record is a count: of the events that the sponsor of the inside had
// dispatched when it came, those not counted that came through the membrane. Together with the
// turns that slices cut short, that is all that decides what the inside does (vm/actor/
// schedule.h), so the inside has a sponsor of its own: payer_in, which pays for nothing else.
//
// What else may decide it, such as a budget that ran dry, is named (chance()): then the log
// tells what crossed and cannot be replayed.
//
// Ownership: its membrane's; shown to the collector by it. Copies are paid by the membrane's owner.
// Threads:   its VM's.
// Limits:    record_bytes_max; where a record does not fit, the log ends (kFull), and what
//            crosses goes on crossing.
//
//   options.record_bytes_max = 64 << 20;
//   ...
//   const Recorder* log = wall->EndRecording();
#ifndef VESICLE_MEMBRANE_RECORDER_H_
#define VESICLE_MEMBRANE_RECORDER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "membrane/crossing.h"
#include "membrane/direction.h"
#include "membrane/heap_words.h"
#include "membrane/identity_table.h"
#include "vm/actor/boundary.h"
#include "vm/actor/core.h"
#include "vm/actor/schedule.h"

#pragma GCC visibility push(default)
namespace vesicle {

// Who stands in a log. Numbers count from 1 on each side; 0: nobody.
enum class LogSide : uint8_t { kInside, kOutside };
struct LogRef {
  LogSide side = LogSide::kInside;
  uint32_t number = 0;
};

struct LogRecord {
  enum class Kind : uint8_t {
    kMessage,
    kReply,         // the promise `to` is kept
    kBreak,         // it is broken
    kIntroduction,  // Membrane::Pass
    kCut,           // a turn of the inside was cut short by its slice
  };
  Kind kind = Kind::kMessage;
  Direction way = Direction::kIn;
  bool is_refused = false;  // a message outward, or an answer: it did not cross; no value then
  int64_t at = 0;           // events of the inside before it
  LogRef to;                // the actor, or the promise that an answer settles
  LogRef slot;              // of a message: the promise of the answer
  size_t value = 0;         // Recorder::ValueOf
  // Outward: the promises of the outside that stand for promises in it.
  size_t stand_ins = 0;
  uint32_t stand_in_count = 0;
};

class Recorder final : public Schedule {
 public:
  // Of the membrane whose object `boundary` is. `inside`: who pays inward. Wants a sponsor that has
  // no schedule.
  Recorder(Core& core, Object* boundary, Sponsor& inside, SponsorIndex owner, size_t bytes_max);
  ~Recorder() override;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // --- the log
  enum class End : uint8_t { kNone, kAsked, kFull, kRevoked };
  End end() const { return end_; }
  bool is_on() const { return end_ == End::kNone; }
  int64_t end_at() const { return end_at_; }
  // When it ended nothing was under way to either side.
  bool ended_at_rest() const { return ended_at_rest_; }
  // Empty, or what happened that a replay cannot bring about.
  const std::string& chance() const { return chance_; }
  const std::vector<LogRecord>& records() const { return records_; }
  // Absent: it did not cross. Refs in it are numbers: RefOf.
  Value ValueOf(const LogRecord& record) const { return values_[record.value]; }
  LogRef StandIn(const LogRecord& record, uint32_t i) const {
    return {LogSide::kOutside, stand_ins_[record.stand_ins + i]};
  }
  // Nobody: it is no ref of a log.
  static LogRef RefOf(Value placeholder);
  static bool IsPromise(Value placeholder);
  // How many there are on a side.
  uint32_t CountOf(LogSide side) const { return static_cast<uint32_t>(Known(side).size()); }
  Core& core() const { return core_; }

  // --- for the membrane
  RefMap& map() { return map_; }
  SponsorIndex owner() const { return owner_; }
  // What the next record is to hold, from a walk of its own, and the slot proxies that will settle
  // the promises made for it.
  void Offer(std::optional<Value> value, uint64_t size, const std::vector<Value>& stand_ins);
  void TakeOfferBack();
  // It crosses now: `event` is the sender's, `mapped` the receiver's message, `answer` its slot.
  void OnMessage(Direction way, const Object* proxy, const Event& event, Value mapped,
                 Value answer);
  void OnAnswer(Direction way, const Object* proxy, Crossed what, Value sent, Value mapped);
  void OnFlatAnswer(Direction way, const Object* proxy, Crossed what, Value value) {
    OnAnswer(way, proxy, what, value, value);
  }
  // It is refused, and its slot, if it has one, breaks with `reason`.
  void OnRefused(Direction way, const Object* proxy, const Event& event, Crossed what,
                 Value reason);
  void OnIntroduction(Direction way, Value sent, Value mapped);
  void Finish(End end, bool at_rest = false);
  void Visit(Visitor& visitor);
  int64_t bytes() const;

  // --- for a replay: it records what the inside does now, and imposes what it did.
  class Director {
   public:
    virtual ~Director() = default;
    virtual Schedule::Next BeforeEvent(int64_t at) = 0;
    // A record was written. `slots`: slot proxies that settle promises of the inside; with the
    // number of each.
    struct Slot {
      uint32_t number;
      Value proxy;
    };
    virtual void OnRecord(size_t record, const std::vector<Slot>& slots) = 0;
  };
  void set_director(Director* director) { director_ = director; }
  // Of the side's own; held as long as there is a director.
  Value Held(LogRef ref) const { return held_[static_cast<size_t>(ref.side)][ref.number - 1]; }
  int64_t now() const { return OwnEvents(core_.events_dispatched()); }

  // Schedule
  void OnProxyEvent(Core& core, const Event& event) override;
  void OnCut(Core& core) override;
  void OnChance(std::string_view what) override;
  void OnGone() override { inside_ = nullptr; }
  bool is_imposed() const override { return director_ != nullptr; }
  Next BeforeEvent(Core& core) override;

 private:
  class Map final : public RefMap {
   public:
    explicit Map(Recorder& of) : of_(of) {}
    Result MapRef(Value ref) override;

   private:
    Recorder& of_;
  };
  // A table, a place in it, a placeholder: what a ref takes.
  static constexpr size_t kRefBytes = 160;

  const HeapWords& Known(LogSide side) const { return placeholders_[static_cast<size_t>(side)]; }
  bool IsOwn(Value ref) const;
  LogRef Number(LogSide side, Value target);
  // The promise that settles when this slot does.
  LogRef NumberOfSlot(Direction way, Value slot);
  // Of a value that no walk has offered.
  std::optional<Value> Walked(Value value);
  void Add(LogRecord record, std::optional<Value> value, const std::vector<Director::Slot>& slots);
  std::vector<Director::Slot> TakeStandIns(Direction way, LogRecord* record);

  Core& core_;
  Object* boundary_;
  Sponsor* inside_;
  SponsorIndex owner_;
  size_t bytes_max_;
  size_t bytes_ = 0;
  End end_ = End::kNone;
  int64_t end_at_ = 0;
  bool ended_at_rest_ = false;
  bool failed_ = false;
  std::string chance_;
  Map map_;
  Director* director_ = nullptr;
  std::vector<LogRecord> records_;
  std::vector<uint32_t> stand_ins_;
  Value dead_;  // the boundary of the placeholders
  HeapWords values_;
  std::array<HeapWords, 2> placeholders_;
  std::array<IdentityTable, 2> numbers_;
  std::array<HeapWords, 2> held_;
  // Of what crosses now.
  std::optional<Value> offered_;
  uint64_t offered_size_ = 0;
  std::vector<Value> offered_stand_ins_;
};

// The walk of a recorder beside the membrane's own, of a value that is long.
class RecordWalk {
 public:
  RecordWalk(Core& core, Recorder& recorder, Value value)
      : recorder_(recorder), crossing_(core.heap(), core, value) {}
  // kDone also when it failed: value() is nothing then.
  Crossing::Step Go(uint64_t work_max) {
    const Crossing::Step step = crossing_.Go(recorder_.map(), work_max);
    if (step == Crossing::Step::kMore) return step;
    if (step == Crossing::Step::kDone) value_ = crossing_.value();
    return Crossing::Step::kDone;
  }
  std::optional<Value> value() const { return value_; }
  uint64_t work() const { return crossing_.cost().work; }
  uint64_t size() const { return crossing_.cost().size; }
  void Visit(Visitor& visitor) {
    crossing_.Visit(visitor);
    if (value_) visitor.Visit(&*value_, 1);
  }

 private:
  Recorder& recorder_;
  Crossing crossing_;
  std::optional<Value> value_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_RECORDER_H_
