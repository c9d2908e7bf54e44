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
      : heap_(heap), entries_max_(entries_max), holds_(holds) {}
  PositionTable(const PositionTable&) = delete;
  PositionTable& operator=(const PositionTable&) = delete;

  // Null: nothing stands there. Good until it is removed.
  Entry* Find(uint64_t position) {
    if (all_ == nullptr) return nullptr;
    const uint32_t place = all_->by_position.Find(position);
    return place == 0 ? nullptr : &all_->At(place - 1);
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
    if (all_ == nullptr) return false;
    all_->free.clear();
    for (; max > 0 && all_->entries > 0; --max) {
      const Entry entry = all_->At(--all_->entries);
      if (!entry.is_used) continue;
      const Value value = Get(entry);
      all_->by_position.Erase(entry.position);
      fn(entry, value);
    }
    return all_->entries > 0;
  }
  // Of a weak table: looks at up to `max` places, from where it stopped before on, and takes out
  // those whose values have died: fn(const Entry&). True when the end of the table was met.
  template <typename Fn>
  bool TakeDead(size_t max, Fn fn) {
    if (all_ == nullptr) return true;
    for (uint32_t& hand = all_->hand; max > 0; --max, ++hand) {
      if (hand >= all_->entries) {
        hand = 0;
        return true;
      }
      Entry& entry = all_->At(hand);
      if (!entry.is_used || !(Get(entry) == Value::Absent())) continue;
      const Entry dead = entry;
      Remove(&entry);
      fn(dead);
    }
    return false;
  }

  size_t size() const { return all_ == nullptr ? 0 : all_->by_position.size(); }
  size_t entries_max() const { return entries_max_; }
  bool is_full() const { return size() >= entries_max_; }
  // One that is empty gives back its room.
  void Rest() {
    if (size() == 0) all_.reset();
  }
  // In C++ memory.
  size_t bytes() const {
    return all_ == nullptr
               ? 0
               : sizeof(All) + all_->blocks.size() * kChunkWords * sizeof(Entry) +
                     all_->free.capacity() * sizeof(uint32_t) + all_->by_position.bytes();
  }
  void Visit(Visitor& visitor) {
    if (all_ == nullptr || all_->chunks.empty()) return;
    visitor.Visit(all_->chunks.data(), all_->chunks.size());
  }

 private:
  // A session that shares little holds little: the first chunk is a small one.
  static constexpr uint32_t kFirstWords = 4;
  static constexpr uint32_t kChunkWords = 16;
  // Where a word, and the entry of it, stand.
  struct Place {
    uint32_t chunk;
    uint32_t word;
  };
  static Place PlaceOf(uint32_t index) {
    if (index < kFirstWords) return {0, index};
    const uint32_t beyond = index - kFirstWords;
    return {1 + beyond / kChunkWords, beyond % kChunkWords};
  }
  // While something stands in it.
  struct All {
    uint32_t entries = 0;  // used, and those between
    uint32_t hand = 0;
    std::vector<std::unique_ptr<Entry[]>> blocks;  // each of the entries of one chunk
    std::vector<uint32_t> free;
    PositionIndex by_position;
    std::vector<Value> chunks;

    Entry& At(uint32_t index) {
      const Place place = PlaceOf(index);
      return blocks[place.chunk][place.word];
    }
  };

  Heap& heap_;
  size_t entries_max_;
  Holds holds_;
  std::unique_ptr<All> all_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SESSION_POSITION_TABLE_H_
