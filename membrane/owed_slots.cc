#include "membrane/owed_slots.h"

#include <algorithm>

namespace vesicle {

Result OwedSlots::Reserve(Heap& heap) {
  // An entry of which both have died is nobody's: no settlement will take it out.
  for (int k = 0; k < 2 && used_ > 0; ++k) {
    hand_ = hand_ + 1 < used_ ? hand_ + 1 : 0;
    FreeIfDead(heap, hand_);
  }
  if (!free_.empty() || (used_ >= entries_max_ && FreeTheDead(heap))) {
    const uint32_t i = free_.back();
    free_.pop_back();
    return Value::SmallInt(i);
  }
  if (used_ >= entries_max_) return Failure::kTooBig;
  if (kWords * used_ == words_.size() && !words_.Grow(heap)) return Failure::kMemory;
  return Value::SmallInt(static_cast<int64_t>(used_++));
}

void OwedSlots::FreeIfDead(Heap& heap, size_t i) {
  if (words_.Read(heap, kWords * i + kSlot).is_absent() &&
      words_.Read(heap, kWords * i + kProxy).is_absent()) {
    Remove(heap, static_cast<int64_t>(i));
  }
}

// Of all entries, once after each collection.
bool OwedSlots::FreeTheDead(Heap& heap) {
  const uint64_t collections = heap.young_collections() + heap.cycles();
  if (std::exchange(freed_at_, collections) == collections) return false;
  for (size_t i = 0; i < used_; ++i) FreeIfDead(heap, i);
  return !free_.empty();
}

void OwedSlots::ListByAge(Heap& heap) {
  by_age_.reserve(used_);
  for (size_t i = 0; i < used_; ++i) {
    const Value age = words_.Read(heap, kWords * i + kAge);
    if (age.is_int()) by_age_.emplace_back(age.small_int(), i);
  }
  std::make_heap(by_age_.begin(), by_age_.end(), std::greater<>());
}

}  // namespace vesicle
