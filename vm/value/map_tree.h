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
#include <vector>

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
// A tree of entries that come in ascending order, without equal keys. Linear, and may stop
// between any two: what it holds then is visited.
class TreeBuilder {
 public:
  void Add(Heap& heap, Value key, Value value);
  // Once.
  Tree Finish(Heap& heap);
  void Visit(Visitor& visitor);

 private:
  // A node is made when enough stand behind it that the rest make one, too.
  static constexpr uint32_t kWaitingMax = kMapFanMax + kMapFanMin;
  struct Level {
    Value nodes[kWaitingMax];  // of the lowest level: values
    Value keys[kWaitingMax];
    uint64_t sizes[kWaitingMax];
    uint32_t count = 0;
  };

  void Add(Heap& heap, size_t level, Value node, Value key, uint64_t size);
  void MakeNode(Heap& heap, size_t level, uint32_t count);

  std::vector<Level> levels_;
  uint64_t size_ = 0;
};

}  // namespace vesicle::map_internal

#endif  // VESICLE_VM_VALUE_MAP_TREE_H_
