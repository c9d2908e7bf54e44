#include "membrane/identity_table.h"

#include <utility>

#include "membrane/planted.h"

namespace vesicle {

void IdentityTable::Enter(size_t i, Object* target) {
  const auto index = static_cast<uint32_t>(i);
  by_address_.Set(target, index);
  keys_[i] = target;
  if (!target->is_old()) young_.push_back(index);
}

void IdentityTable::Forget(size_t i) {
  const uint32_t* const at = by_address_.Find(keys_[i]);
  if (at != nullptr && *at == i) by_address_.Erase(keys_[i]);
}

void IdentityTable::Refresh(Heap& heap) {
  const uint64_t collections = heap.young_collections();
  if (collections == collections_ || planted::Is(planted::kTableTrustsAddress)) return;
  collections_ = collections;
  // All old addresses first: another target may have moved to where one stood.
  std::vector<uint32_t> moved = std::exchange(young_, {});
  for (const uint32_t i : moved) {
    Forget(i);
  }
  for (const uint32_t i : moved) {
    if (keys_[i] == nullptr) continue;
    const Value target = words_.Read(heap, 2 * size_t{i});
    if (target.is_target()) {
      Enter(i, target.target());
    } else {
      keys_[i] = nullptr;
      free_.push_back(i);
    }
  }
}

void IdentityTable::FreeIfDead(Heap& heap, size_t i) {
  if (keys_[i] == nullptr || words_.Read(heap, 2 * i + 1).is_target()) return;
  Forget(i);
  keys_[i] = nullptr;
  free_.push_back(static_cast<uint32_t>(i));
}

// Of all entries, once after each collection.
bool IdentityTable::FreeTheDead(Heap& heap) {
  const uint64_t collections = heap.young_collections() + heap.cycles();
  if (std::exchange(freed_at_, collections) == collections) return false;
  for (size_t i = 0; i < used_; ++i) FreeIfDead(heap, i);
  return !free_.empty();
}

Value IdentityTable::FindByAddress(Heap& heap, Object* target) {
  Refresh(heap);
  const uint32_t* const at = by_address_.Find(target);
  if (at == nullptr) return Value::Nil();
  recent_[RecentPlace(target)] = *at;
  return ProxyAt(heap, *at, target);
}

Result IdentityTable::Add(Heap& heap, Object* target, Value proxy) {
  Refresh(heap);
  for (int k = 0; k < 2 && used_ > 0; ++k) {
    hand_ = hand_ + 1 < used_ ? hand_ + 1 : 0;
    FreeIfDead(heap, hand_);
  }
  size_t i;
  const uint32_t* const at = by_address_.Find(target);
  if (at != nullptr) {
    i = *at;  // of a dead proxy, or of who stood here before
  } else if (!free_.empty() || (used_ >= entries_max_ && FreeTheDead(heap))) {
    i = free_.back();
    free_.pop_back();
  } else {
    if (used_ >= entries_max_) return Failure::kTooBig;
    if (2 * used_ == words_.size() && !words_.Grow(heap)) return Failure::kMemory;
    i = used_++;
    keys_.push_back(nullptr);
  }
  words_.Write(heap, 2 * i, Value::Target(target));
  words_.Write(heap, 2 * i + 1, proxy);
  Enter(i, target);
  return proxy;
}

}  // namespace vesicle
