// IdentityTable: the proxy that stands for a target, as long as that proxy lives. Both are
// held weakly: a proxy that nobody holds goes, and the next crossing of its target makes
// another.
//
// A target is known by its address, and a young one moves: entries of young targets are
// entered anew after each collection, until they are old. So a look-up takes one probe,
// and a target pays nothing for having crossed.
//
// Costs:   Find O(1), besides one step for each entry that was young at the last
//          collection. Places of the dead are used again, two looked at for each Add.
// Limits:  entries_max, those of dead proxies included.
#ifndef VESICLE_MEMBRANE_IDENTITY_TABLE_H_
#define VESICLE_MEMBRANE_IDENTITY_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "membrane/address_map.h"
#include "membrane/planted.h"
#include "membrane/weak_chunks.h"
#include "vm/heap/heap.h"
#include "vm/value/result.h"

#pragma GCC visibility push(default)
namespace vesicle {

class IdentityTable {
 public:
  explicit IdentityTable(size_t entries_max) : entries_max_(entries_max) {}

  // The proxy of `target`; nil: there is none alive.
  Value Find(Heap& heap, Object* target) {
    const uint32_t i = recent_[RecentPlace(target)];
    if (heap.young_collections() == collections_ && i < used_ && keys_[i] == target) {
      return ProxyAt(heap, i, target);
    }
    return FindByAddress(heap, target);
  }
  // Wants Find() to be nil. kTooBig: entries_max; kMemory. Nothing changed then.
  Result Add(Heap& heap, Object* target, Value proxy);
  // Takes up to `count` entries out, from the last one on: fn(Object* proxy) for those alive. False
  // when none are left.
  template <typename Fn>
  bool Take(Heap& heap, size_t count, Fn fn) {
    free_.clear();
    for (; count > 0 && used_ > 0; --count) {
      const Value proxy = words_.Read(heap, 2 * --used_ + 1);
      if (proxy.is_target()) fn(proxy.target());
    }
    if (used_ > 0) return true;
    by_address_.Clear();
    keys_.clear();
    young_.clear();
    return false;
  }

  // fn(Object* target, Object* proxy) of those alive.
  template <typename Fn>
  void ForEach(Heap& heap, Fn fn) {
    for (size_t i = 0; i < used_; ++i) {
      const Value target = words_.Read(heap, 2 * i), proxy = words_.Read(heap, 2 * i + 1);
      if (target.is_target() && proxy.is_target()) fn(target.target(), proxy.target());
    }
  }
  // Those of the dead included.
  size_t size() const { return used_ - free_.size(); }
  size_t entries_max() const { return entries_max_; }
  bool is_full() const { return used_ >= entries_max_ && free_.empty(); }
  // In C++ memory.
  size_t bytes() const {
    return by_address_.bytes() + keys_.capacity() * sizeof(keys_[0]) +
           (young_.capacity() + free_.capacity()) * sizeof(uint32_t);
  }
  void Visit(Visitor& visitor) { words_.Visit(visitor); }

 private:
  static size_t RecentPlace(const Object* target) {
    return (reinterpret_cast<uintptr_t>(target) >> 4) % kRecent;
  }
  Value FindByAddress(Heap& heap, Object* target);
  // Of entry i. What stood at this address may have died, and another object come there.
  Value ProxyAt(Heap& heap, size_t i, const Object* target) {
    const Value known = words_.Read(heap, 2 * i);
    const bool is_it = known.is_target() && known.target() == target;
    if (!is_it && !planted::Is(planted::kTableTrustsAddress)) return Value::Nil();
    const Value proxy = words_.Read(heap, 2 * i + 1);
    return proxy.is_target() ? proxy : Value::Nil();
  }
  void Refresh(Heap& heap);
  void Enter(size_t i, Object* target);
  void Forget(size_t i);
  // Its place is free when its proxy has died.
  void FreeIfDead(Heap& heap, size_t i);
  bool FreeTheDead(Heap& heap);

  size_t entries_max_;
  WeakChunks words_;  // of entry i: 2i the target, 2i + 1 the proxy
  AddressMap by_address_;
  std::vector<const Object*> keys_;  // under which entry i stands there; null: it is free
  std::vector<uint32_t> young_;      // whose target was young when it was entered
  std::vector<uint32_t> free_;
  // Where what was found last may stand, by address; a hint, which keys_ and words_ say is right.
  static constexpr size_t kRecent = 64;
  std::array<uint32_t, kRecent> recent_ = {};
  size_t used_ = 0;
  size_t hand_ = 0;  // the next one to be looked at for its death
  uint64_t collections_ = 0;
  uint64_t freed_at_ = UINT64_MAX;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_IDENTITY_TABLE_H_
