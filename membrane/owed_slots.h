// OwedSlots: what a membrane owes a settlement: the slots of asks that crossed it, and the
// promises that it made to stand for others. Held weakly: what nobody waits for is owed no
// more. When the membrane is cut, each breaks.
//
// An entry is the slot and the slot proxy that will settle it; the proxy knows the entry's
// number, so that settling takes it out.
//
// Limits: entries_max, those of the dead included.
#ifndef VESICLE_MEMBRANE_OWED_SLOTS_H_
#define VESICLE_MEMBRANE_OWED_SLOTS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "membrane/weak_chunks.h"
#include "vm/heap/heap.h"
#include "vm/value/result.h"

namespace vesicle {

class OwedSlots {
 public:
  explicit OwedSlots(size_t entries_max) : entries_max_(entries_max) {}

  // The number of a new entry, as an integer word, still empty. kTooBig: entries_max; kMemory.
  Result Reserve(Heap& heap);
  void Fill(Heap& heap, int64_t entry, Value slot, Value proxy) {
    const auto i = static_cast<size_t>(entry);
    words_.Write(heap, kWords * i + kSlot, slot);
    words_.Write(heap, kWords * i + kProxy, proxy);
    words_.Write(heap, kWords * i + kAge, Value::SmallInt(filled_++));
  }
  void Remove(Heap& heap, int64_t entry) {
    Fill(heap, entry, Value::Nil(), Value::Nil());
    free_.push_back(static_cast<uint32_t>(entry));
  }
  // Takes entries out, oldest first: fn(Value slot, Value proxy), where what has died is nil, says
  // whether that is enough for now. False when none are left. After the first call nothing is added
  // any more.
  template <typename Fn>
  bool Take(Heap& heap, Fn fn) {
    const auto alive = [](Value v) { return v.is_target() ? v : Value::Nil(); };
    if (!std::exchange(is_taken_, true)) ListByAge(heap);
    for (bool is_enough = false; !is_enough && !by_age_.empty();) {
      std::pop_heap(by_age_.begin(), by_age_.end(), std::greater<>());
      const size_t i = by_age_.back().second;
      by_age_.pop_back();
      is_enough = fn(alive(words_.Read(heap, kWords * i + kSlot)),
                     alive(words_.Read(heap, kWords * i + kProxy)));
    }
    if (!by_age_.empty()) return true;
    used_ = 0;
    free_ = {};
    by_age_ = {};
    words_ = {};
    return false;
  }

  size_t size() const { return used_ - free_.size(); }
  size_t entries_max() const { return entries_max_; }
  bool is_full() const { return used_ >= entries_max_ && free_.empty(); }
  // In C++ memory.
  size_t bytes() const {
    return free_.capacity() * sizeof(uint32_t) + by_age_.capacity() * sizeof(by_age_[0]);
  }
  // Those whose slot somebody may wait for.
  size_t CountLiving(Heap& heap) {
    size_t count = 0;
    for (size_t i = 0; i < used_; ++i) {
      if (words_.Read(heap, kWords * i + kSlot).is_target()) ++count;
    }
    return count;
  }
  void Visit(Visitor& visitor) { words_.Visit(visitor); }

 private:
  // Of an entry. Its place in the table says nothing of when it came: places are used again when
  // the collector has found somebody dead, and that may decide nothing.
  enum Word : size_t { kSlot, kProxy, kAge, kUnused, kWords };
  void ListByAge(Heap& heap);
  void FreeIfDead(Heap& heap, size_t i);
  bool FreeTheDead(Heap& heap);

  size_t entries_max_;
  WeakChunks words_;
  std::vector<uint32_t> free_;
  size_t used_ = 0;
  int64_t filled_ = 0;
  bool is_taken_ = false;
  std::vector<std::pair<int64_t, size_t>> by_age_;  // a heap, the oldest on top
  size_t hand_ = 0;                                 // the next one to be looked at for its death
  uint64_t freed_at_ = UINT64_MAX;
};

}  // namespace vesicle

#endif  // VESICLE_MEMBRANE_OWED_SLOTS_H_
