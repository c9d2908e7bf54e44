// The tree of a deep list (list.h): a B-tree by position with all leaves at one
// depth. A leaf is any object whose first words are elements; how many of them
// count stands beside the pointer, never in the leaf, so a prefix of a leaf is a
// leaf. An inner node is a kListNode of n children and n cumulative sizes.
//
// The law: every leaf and node but the root has at least kFanMin entries; an
// inner root has two. So heights stay logarithmic whatever is joined and cut.
//
//   Tree all = JoinTrees(heap, JoinTrees(heap, a, Tree::Leaf(leaf, 32)), b);
#ifndef VESICLE_VM_VALUE_LIST_TREE_H_
#define VESICLE_VM_VALUE_LIST_TREE_H_

#include <cstdint>
#include <vector>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"

namespace vesicle::list_internal {

inline constexpr uint32_t kFanMax = 32;
inline constexpr uint32_t kFanMin = 8;

struct Tree {
  Value node;  // nil when empty
  uint64_t size = 0;
  int height = 0;  // 0: the node is a leaf

  static Tree Leaf(Value leaf, uint64_t size) { return {leaf, size, 0}; }
};

// A leaf of exactly these elements, at most kFanMax.
Value NewLeaf(Heap& heap, const Value* elements, uint64_t count);

// a's elements, then b's. O(difference of heights), all nodes small.
Tree JoinTrees(Heap& heap, Tree a, Tree b);
// The first / all but the first `count` elements. Cuts at leaf bounds only.
Tree TakeTree(Heap& heap, Tree tree, uint64_t count);
Tree DropTree(Heap& heap, Tree tree, uint64_t count);
// The same tree with one element changed.
Tree SetInTree(Heap& heap, Tree tree, uint64_t index, Value element);
// Of leaves with kFanMax elements each.
Tree BuildTree(Heap& heap, std::vector<Value> leaves);

struct LeafPlace {
  Object* leaf;
  uint64_t first;  // index of its first element in the tree
  uint64_t count;
};
LeafPlace FindLeaf(const Tree& tree, uint64_t index);

}  // namespace vesicle::list_internal

#endif  // VESICLE_VM_VALUE_LIST_TREE_H_
