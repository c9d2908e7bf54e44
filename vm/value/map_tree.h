// The trees of a deep map (map.h): persistent B+ trees from keys to values, with
// sizes, so that they are also indexed by position.
//
//   leaf    kMapNode of 2n words: n keys, n values
//   inner   kMapNode of 3n words: n children, the first key under each, n
//           cumulative sizes
//
// The law: nodes but the root have kMapFanMin to kMapFanMax entries; keys ascend
// by CompareKeys. Height is not in the node: it stands beside the root.
#ifndef VESICLE_VM_VALUE_MAP_TREE_H_
#define VESICLE_VM_VALUE_MAP_TREE_H_

#include <cstdint>
#include <span>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"
#include "vm/value/identity.h"
#include "vm/value/map.h"

namespace vesicle::map_internal {

inline constexpr uint32_t kMapFanMax = 16;
inline constexpr uint32_t kMapFanMin = 4;

struct Tree {
  Value root;  // nil when empty
  uint64_t size = 0;
  int height = 0;  // 0: the root is a leaf
};

struct LeafEntry {
  Object* leaf = nullptr;  // nullptr: not there
  uint32_t place = 0;

  Value key() const { return leaf->words()[place]; }
  Value value() const { return leaf->words()[leaf->count / 2 + place]; }
};

LeafEntry Find(const Tree& tree, Value key, IdentitySource& identities);
// Wants index < tree.size.
LeafEntry At(const Tree& tree, uint64_t index);
// Puts or replaces.
Tree Put(Heap& heap, const Tree& tree, Value key, Value value, IdentitySource& identities);
// Wants the key to be there.
Tree Remove(Heap& heap, const Tree& tree, Value key, IdentitySource& identities);
// Of entries in ascending order, without equal keys.
Tree Build(Heap& heap, std::span<const MapEntry> entries);

}  // namespace vesicle::map_internal

#endif  // VESICLE_VM_VALUE_MAP_TREE_H_
