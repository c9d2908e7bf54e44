// ExportTable: what this side has let the peer have: references, each under one position as long
// as the peer has it, and *asks*, which wait for the peer to settle something of ours.
//
// The law: positions never repeat. A position goes when the peer has returned it as often as
// it was sent; what is returned more often, or was never sent, is the peer's fault.
//
// A target is known by its address, and a young one moves: those are entered anew after each
// collection, until they are old.
//
// Ownership, costs: as PositionTable.
//
//   std::optional<uint64_t> position = exports.Send(ref, &failure);    // counted once more
//   exports.Unsend(*position);                                         // the message was given up
//   exports.Release(*position, 1);                                     // by the peer
#ifndef VESICLE_TRANSPORT_SESSION_EXPORT_TABLE_H_
#define VESICLE_TRANSPORT_SESSION_EXPORT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "transport/session/position_table.h"

#pragma GCC visibility push(default)
namespace vesicle {

class ExportTable {
 public:
  using Entry = PositionTable::Entry;

  ExportTable(Heap& heap, size_t entries_max)
      : heap_(heap), table_(heap, PositionTable::Holds::kStrongly, entries_max) {}

  // A reference goes out. Nothing: *why, as PositionTable::Add.
  std::optional<uint64_t> Send(Value target, Failure* why);
  // Something of ours that the peer is to settle: a slot. `answer`: the position that was asked
  // for it, or kNoAnswer.
  std::optional<uint64_t> SendAsk(Value slot, uint64_t answer, Failure* why);
  static constexpr uint64_t kNoAnswer = UINT64_MAX;
  // The last sending never was.
  void Unsend(uint64_t position) { Release(position, 1); }

  struct Found {
    Value value;  // the reference, or the slot; nil: a slot that was settled
    bool is_ask = false;
    uint64_t answer = kNoAnswer;
  };
  std::optional<Found> Find(uint64_t position);
  // It was settled: it only waits to be returned.
  void EndAsk(uint64_t position);
  // The peer returns it. False: it does not have it that often.
  bool Release(uint64_t position, uint64_t delta);

  // The session is over. Takes up to `max` out: fn(Value slot) of asks that wait. False when none
  // are left.
  template <typename Fn>
  bool Take(size_t max, Fn fn) {
    by_address_.clear();
    young_.clear();
    return table_.Take(max, [&](const Entry& entry, Value value) {
      if (IsAsk(entry) && !value.is_nil()) fn(value);
    });
  }
  // As PositionTable::Rest.
  void Rest() {
    table_.Rest();
    young_.shrink_to_fit();
  }
  size_t size() const { return table_.size(); }
  size_t references() const { return references_; }
  size_t asks() const { return asks_; }
  size_t bytes() const {
    return table_.bytes() + young_.capacity() * sizeof(Young) +
           by_address_.capacity() * (sizeof(std::pair<const Object*, uint64_t>) + 1);
  }
  void Visit(Visitor& visitor) { table_.Visit(visitor); }

 private:
  // A note: 0 a reference, 1 an ask that asked for no answer, else the answer and two.
  static bool IsAsk(const Entry& entry) { return entry.note != 0; }
  static uint64_t AnswerOf(const Entry& entry) {
    return entry.note <= 1 ? kNoAnswer : entry.note - 2;
  }
  struct Young {
    const Object* address;  // under which it was entered
    uint64_t position;
  };
  void Refresh();
  void Enter(const Object* target, uint64_t position);

  Heap& heap_;
  PositionTable table_;
  absl::flat_hash_map<const Object*, uint64_t> by_address_;  // positions of references
  std::vector<Young> young_;  // whose target was young when it was entered
  uint64_t collections_ = 0;
  uint64_t next_ = 1;
  size_t references_ = 0;
  size_t asks_ = 0;  // that wait
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SESSION_EXPORT_TABLE_H_
