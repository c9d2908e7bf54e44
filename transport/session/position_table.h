// PositionTable: what stands at the positions of one side of a session: exports, imports, answers.
// Positions are the peer's or ours, any numbers; a table holds its values strongly, or weakly and
// tells which have died.
//
// Ownership: whoever has one shows it to the collector (Visit). Its words stand in the old space,
//            paid by the sponsor that Add runs on.
// Costs:     O(1); 8 bytes in the heap and about 50 in C++ an entry, of positions that follow one
//            another; 100 more where each stands alone.
// Limits:    entries_max, of weak tables those of the dead included, until TakeDead finds them.
//
//   PositionTable exports(heap, PositionTable::Holds::kStrongly, 100'000);
//   PositionTable::Entry* entry = exports.Add(1, ref, &failure);
//   ++entry->count;
//   exports.Get(*exports.Find(1));       // ref
#ifndef VESICLE_TRANSPORT_SESSION_POSITION_TABLE_H_
#define VESICLE_TRANSPORT_SESSION_POSITION_TABLE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "transport/session/position_index.h"
#include "vm/heap/heap.h"
#include "vm/value/result.h"

#pragma GCC visibility push(default)
namespace vesicle {

class PositionTable {
 public:
  enum class Holds : uint8_t { kStrongly, kWeakly };
  struct Entry {
    uint64_t position = 0;
    uint64_t count = 0;  // the owner's: how often it went over the wire
    uint64_t note = 0;   // the owner's
    uint32_t index : 31 = 0;
    uint32_t is_used : 1 = 0;
  };

  PositionTable(Heap& heap, Holds holds, size_t entries_max)
      : heap_(heap), holds_(holds), entries_max_(entries_max) {}
  PositionTable(const PositionTable&) = delete;
  PositionTable& operator=(const PositionTable&) = delete;

  // Null: nothing stands there. Good until it is removed.
  Entry* Find(uint64_t position) {
    const uint32_t place = by_position_.Find(position);
    return place == 0 ? nullptr : &At(place - 1);
  }
  // Wants that nothing stands there. Null, and nothing changed: *why is kTooBig (entries_max), or
  // kMemory.
  Entry* Add(uint64_t position, Value value, Failure* why);
  void Remove(Entry* entry);
  // Of a weak table Absent when it has died.
  Value Get(const Entry& entry);
  void Set(const Entry& entry, Value value);

  // Takes up to `max` out, from the last place on: fn(const Entry&, Value), Absent for the dead.
  // False when none are left.
  template <typename Fn>
  bool Take(size_t max, Fn fn) {
    free_.clear();
    for (; max > 0 && entries_ > 0; --max) {
      const Entry entry = At(--entries_);
      if (!entry.is_used) continue;
      const Value value = Get(entry);
      by_position_.Erase(entry.position);
      fn(entry, value);
    }
    return entries_ > 0;
  }
  // Of a weak table: looks at up to `max` places, from where it stopped before on, and takes out
  // those whose values have died: fn(const Entry&). True when the end of the table was met.
  template <typename Fn>
  bool TakeDead(size_t max, Fn fn) {
    for (; max > 0; --max, ++hand_) {
      if (hand_ >= entries_) {
        hand_ = 0;
        return true;
      }
      Entry& entry = At(hand_);
      if (!entry.is_used || !(Get(entry) == Value::Absent())) continue;
      const Entry dead = entry;
      Remove(&entry);
      fn(dead);
    }
    return false;
  }

  size_t size() const { return by_position_.size(); }
  size_t entries_max() const { return entries_max_; }
  bool is_full() const { return size() >= entries_max_; }
  // One that is empty gives back its room.
  void Rest();
  // In C++ memory.
  size_t bytes() const {
    return blocks_.size() * sizeof(Block) + free_.capacity() * sizeof(uint32_t) +
           by_position_.bytes();
  }
  void Visit(Visitor& visitor) {
    if (!chunks_.empty()) visitor.Visit(chunks_.data(), chunks_.size());
  }

 private:
  // A session that shares little holds little.
  static constexpr uint32_t kChunkWords = 16;
  // Of the entries whose words stand in one chunk.
  using Block = std::array<Entry, kChunkWords>;
  Entry& At(uint32_t index) { return (*blocks_[index / kChunkWords])[index % kChunkWords]; }

  Heap& heap_;
  Holds holds_;
  size_t entries_max_;
  uint32_t entries_ = 0;  // used, and those between
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<uint32_t> free_;
  PositionIndex by_position_;
  std::vector<Value> chunks_;
  uint32_t hand_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SESSION_POSITION_TABLE_H_
