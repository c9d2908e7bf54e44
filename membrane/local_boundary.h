// LocalBoundary: what stands behind the proxies of a Membrane (membrane.h).
//
// A crossing, in order: the policy of its direction judges the sender's message; the walk
// (crossing.h) maps what it left, and last the slot; the record is written. Whatever is
// long is done in pieces (Passing), and nothing is sent before all of it is done.
#ifndef VESICLE_MEMBRANE_LOCAL_BOUNDARY_H_
#define VESICLE_MEMBRANE_LOCAL_BOUNDARY_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "membrane/audit.h"
#include "membrane/crossing.h"
#include "membrane/identity_table.h"
#include "membrane/membrane.h"
#include "membrane/owed_slots.h"
#include "membrane/planted.h"
#include "membrane/policy.h"
#include "membrane/proxy_info.h"
#include "membrane/recorder.h"
#include "vm/actor/boundary.h"

namespace vesicle {

class LocalBoundary final : public Boundary {
 public:
  // Words of the kBoundary.
  enum Word : uint32_t { kRaw, kPayerIn, kPayerOut, kOwner, kClock, kSink, kWordCount };

  explicit LocalBoundary(const MembraneOptions& options);
  // With its words.
  void set_object(Object* object);
  void set_policies(std::unique_ptr<Policy> in, std::unique_ptr<Policy> out);
  // What crosses is never quick then.
  void set_recorder(std::unique_ptr<Recorder> recorder) {
    recorder_ = std::move(recorder);
    is_quiet_ = {};
  }
  Recorder* recorder() const { return recorder_.get(); }
  // Behind the kBoundary that Membrane::value() is.
  static LocalBoundary& Of(Value boundary) {
    return *static_cast<LocalBoundary*>(boundary::Of(boundary.data()));
  }

  uint64_t cut_at() const override { return cut_at_; }
  Value PayerTo(const Object* proxy) const override;
  Passage Cross(Core& core, Object* proxy, Event& event,
                std::unique_ptr<Passing>& passing) override;
  int64_t CrossAtOnce(Core& core, Object* proxy, Event& event) override;
  Settling Settle(Core& core, Object* slot_proxy, EventFlag how, Value value) override;
  Value FullReason(Core& core) override;
  void TakeBack(Core& core, int64_t crossing) override;
  void OnLost(const Object* proxy) override;
  bool LetGo(Core& core) override;
  void Visit(Visitor& visitor) override;
  int64_t bytes() const override { return bytes_; }

  // What the side that `direction` goes to has in the place of a ref: no introduction.
  Result Counterpart(Core& core, Value ref, Direction direction);
  Result Pass(Core& core, Value value, Direction direction);
  // The same in pieces; `passing` is the caller's, null at first. kMore: again; kNoRoom, kNoPlace:
  // again when what is dead was collected.
  struct Passed {
    Passage passage;  // kGoesOn, kMore, kNoRoom, kNoPlace, kRefused
    Value value;      // or the reason, of the last two
  };
  Passed PassSome(Core& core, Value value, Direction direction, std::unique_ptr<Passing>& passing);
  void Revoke(Core& core);
  // The same, and all that it held is let go of later: a step, whatever that is.
  void RevokeInPieces(Core& core);
  Membrane::Counts counts() const;
  // The same without the dead, as far as they were collected.
  Membrane::Counts LivingCounts(Heap& heap);
  const AuditRing& audit() const { return audit_; }

  // Where the target of a proxy lives: what goes to it goes in that direction.
  static Direction ToTarget(const Object* proxy) { return proxy_info::ToTarget(proxy); }
  static bool IsSlot(const Object* proxy) { return proxy_info::Has(proxy, proxy_info::kIsSlot); }
  // The number of the actor that a proxy stands for.
  static int64_t NumberOf(const Object* proxy) { return proxy_info::NumberOf(proxy); }
  // fn(Object* proxy) of all proxies alive that stand for actors.
  template <typename Fn>
  void ForEachProxy(Heap& heap, Fn fn) {
    for (IdentityTable& table : proxies_) {
      table.ForEach(heap, [&](Object*, Object* proxy) { fn(proxy); });
    }
  }

 private:
  class Map;
  class Walk;
  // Under which names a crossing goes on record.
  struct Ends {
    uint32_t from = 0;
    uint32_t to = 0;
  };

  using Outcome = CrossingRecord::Outcome;

  IdentityTable& ProxiesTo(Direction d) { return proxies_[static_cast<size_t>(d)]; }
  Policy& PolicyOf(Direction d) { return *policies_[static_cast<size_t>(d)]; }
  Value Payer(Direction d) const;

  // Nothing: it may cross, as the verdict says.
  std::optional<Passage> Judge(Core& core, Object* proxy, Event& event, Direction way, Crossed what,
                               Verdict* verdict);
  Passage Arrive(Core& core, Object* proxy, Event& event, Direction way, Crossed what,
                 Outcome outcome, Value message, uint64_t size);
  Passage Deny(Core& core, Object* proxy, Event& event, Direction way, Crossed what,
               std::string_view text);
  Passage Refuse(Core& core, Object* proxy, Event& event, Direction way, Crossed what);
  Passage Refuse(Core& core, Object* proxy, Event& event, Direction way, Crossed what,
                 Outcome outcome, Value reason);

  Result Proxy(Core& core, Value ref, Direction direction);
  Result NewProxy(Core& core, Value ref, Direction to_target);
  // Adds what will settle it to *slot_proxies.
  Result StandIn(Core& core, Value promise, Direction direction, std::vector<Value>* slot_proxies);
  Result Slot(Core& core, Value slot, Direction direction, int64_t asked);
  // A slot proxy that will settle `slot`, which lives on the side that `to_slot` goes to.
  Result Owe(Core& core, Value slot, Direction to_slot, int64_t asked);
  void Settled(Heap& heap, Object* slot_proxy);
  bool IsRecording() const { return recorder_ != nullptr && recorder_->is_on(); }
  bool Cut(Core& core);
  bool IsOwn(Value ref) const;

  bool IsPaidBy(Core& core, Direction way) const;
  // What a message with refs is on the other side; nothing: that takes a walk.
  std::optional<Value> MapAtOnce(Core& core, Value message, Direction way, Crossing::Cost* cost);
  uint32_t NumberOfSender(Core& core, const Object* proxy, const Event& event);
  uint32_t FindNumberOfSender(Core& core, Direction way, Object* sender);
  Ends EndsOf(Core& core, const Object* proxy, const Event& event);
  void Describe(Core& core, const Object* proxy, const Event& event, Direction way, Crossed what,
                uint64_t size, Outcome outcome, CrossingRecord* record);
  int64_t Record(Core& core, const Object* proxy, const Event& event, Direction way, Crossed what,
                 uint64_t size, Outcome outcome);
  CrossingRecord& NextRecord(Heap& heap);
  void NoteRecord(Core& core, Direction way, int64_t record);
  int64_t NowJudged(Direction way);
  void TakeBackJudgement(Core& core, Direction way, int64_t judgement);
  int64_t NowNs() const;
  void ChargeTables(Heap& heap);

  Object* object_ = nullptr;
  uint64_t cut_at_ = 0;
  // By the direction towards their targets: kIn, of insiders, held outside.
  std::array<IdentityTable, 2> proxies_;
  std::array<std::unique_ptr<Policy>, 2> policies_;
  OwedSlots owed_;
  AuditRing audit_;
  struct Judged {
    int64_t count = 0;  // how often the policy was asked
    // The record of the message that it let by last, and how much had been judged by then.
    int64_t last_noted = -1;
    int64_t noted_at = -1;
  };
  std::array<Judged, 2> judged_;  // by the direction
  int64_t judgement_ = -1;        // which of those let by what crosses now
  int64_t numbers_ = 0;           // given to actors so far
  // Who sent last, by the direction, and when that was looked up: messages come in rows. Its
  // address is good until objects move.
  struct Sender {
    const Object* sender = nullptr;
    uint64_t collections = 0;
    int64_t numbers = 0;
    uint32_t number = 0;
  };
  std::array<Sender, 2> senders_;
  bool has_clock_ = false;
  // By the direction: nobody wants to be told what crosses, and an answer may cross back.
  std::array<bool, 2> is_quiet_ = {};
  std::unique_ptr<Recorder> recorder_;  // null: nothing is kept whole
  bool is_refusing_ = false;
  uint64_t crossed_ = 0;
  uint64_t refused_ = 0;
  int64_t bytes_;
};

// The time of a clock (CodeBody::NowNs); nothing: the ref is none.
std::optional<int64_t> ReadClock(Value clock);

}  // namespace vesicle

#endif  // VESICLE_MEMBRANE_LOCAL_BOUNDARY_H_
