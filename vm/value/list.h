// Lists: persistent sequences. Up to 32 elements stand in one object (flat); a
// longer list (deep) is a head, a tree of leaves and a tail.
//
//   head   the first elements, the last `head_count` of a leaf
//   tree   a B-tree by position: leaves of 8 to 32 elements, inner nodes of 8 to
//          32 children with their cumulative sizes; any two trees join in
//          O(difference of height), as in Blelloch, Ferizovic, Sun (SPAA 2016)
//   tail   the last elements, the first `tail_count` of a leaf
//
// Room. A head or tail under construction is a kListRoom of 32 places and a fill
// mark. Append stores in place when this list's edge is the mark, else it copies
// the elements it sees to a fresh room. No list ever sees a place change: all
// that see a room see only what was filled when they were made. So an append or
// a prepend costs one small object, a full room becomes a leaf of the tree as it
// is, and 10^6 of them are linear.
//
// Costs:   Get, Set, Slice, Concat O(log n); Append, Prepend O(1) amortized, and
//          O(log n) with copies of at most 32 words in the worst case.
// Fails:   single-element functions allocate small objects only: never.
// Limits:  kListSizeMax elements (Concat shares, so doubling is cheap): kTooBig.
//
//   Value xs = EmptyList(heap);
//   xs = Append(heap, xs, Value::SmallInt(1));
//   Value position = kListStart, leaf, x;                   // survive safe points
//   while (ListNext(xs, position, leaf, x)) Use(x);
#ifndef VESICLE_VM_VALUE_LIST_H_
#define VESICLE_VM_VALUE_LIST_H_

#include <cstdint>
#include <span>
#include <vector>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"
#include "vm/value/result.h"
#include "vm/value/value_kind.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr uint32_t kLeafMax = 32;
inline constexpr uint64_t kListSizeMax = uint64_t{1} << 40;

namespace list_internal {
// Layout of a deep list: the packed counts, head, tree, tail.
inline constexpr uint8_t kDeep = Object::kKindFlagsFirst;
inline constexpr uint32_t kDeepWords = 4;
inline constexpr int kSizeShift = 17;
}  // namespace list_internal

namespace list_internal {
// As those of structure.h, of a kList: of a deep one the elements of its head, the tree, and those
// of its tail. Rooms are not among them: a list sees a part of a room.
void PartsOf(const Object* list, std::vector<Value>* parts);
Result Rebuild(Heap& heap, const Object* list, std::span<const Value> parts);
}  // namespace list_internal

// There may be several empty lists; they are the same value (sameness is structural).
Value EmptyList(Heap& heap);
// kMemory when `elements` are many.
Result MakeList(Heap& heap, std::span<const Value> elements);

// Everything below wants IsList where it says list.
inline uint64_t ListSize(Value list) {
  const Object* o = list.data();
  if ((o->flags & list_internal::kDeep) == 0) return o->count;
  return static_cast<uint64_t>(o->words()[0].small_int()) >> list_internal::kSizeShift;
}

// A run of elements as they stand in memory: words[0] is element `first` of the
// list. Valid until the next safe point.
struct ListLeaf {
  const Value* words;
  uint64_t first;
  uint32_t count;
  const Object* object;  // that holds them
};
// The leaf that holds element `index`. Wants index < ListSize(list).
ListLeaf LeafAt(Value list, uint64_t index);

// Wants index < ListSize(list).
inline Value ListAt(Value list, uint64_t index) {
  const Object* o = list.data();
  if ((o->flags & list_internal::kDeep) == 0) return o->words()[index];
  const ListLeaf leaf = LeafAt(list, index);
  return leaf.words[index - leaf.first];
}

Value Append(Heap& heap, Value list, Value element);
Value Prepend(Heap& heap, Value element, Value list);
// Wants index < ListSize(list).
Value ListSet(Heap& heap, Value list, uint64_t index, Value element);
// kTooBig.
Result Concat(Heap& heap, Value a, Value b);
// Elements [first, first + count), cut to what is there.
Value Slice(Heap& heap, Value list, uint64_t first, uint64_t count);
inline Value Drop(Heap& heap, Value list, uint64_t count) {
  return Slice(heap, list, count, kListSizeMax);
}
inline Value Take(Heap& heap, Value list, uint64_t count) { return Slice(heap, list, 0, count); }

// --- iteration in three registers: the list, a position and a leaf. Both are
// plain Values (an integer, and nil or a pointer), so they survive safe points.
inline constexpr Value kListStart = Value::SmallInt(0);
namespace list_internal {
// position: index << 12 | place in the leaf << 6 | elements left in the leaf
bool NextLeaf(Value list, Value& position, Value& leaf, Value& out);
}  // namespace list_internal
// The next element into `out`; false at the end, with `out` untouched.
inline bool ListNext(Value list, Value& position, Value& leaf, Value& out) {
  const int64_t p = position.small_int();
  if ((p & 63) == 0) {
    // Through copies, so that the caller's may live in registers.
    Value next_position = position;
    Value next_leaf;
    Value next;
    if (!list_internal::NextLeaf(list, next_position, next_leaf, next)) return false;
    position = next_position;
    leaf = next_leaf;
    out = next;
    return true;
  }
  out = leaf.object()->words()[(p >> 6) & 63];
  position = Value::SmallInt(p + (1 << 12) + (1 << 6) - 1);
  return true;
}
// Elements already taken.
inline uint64_t ListPosition(Value position) {
  return static_cast<uint64_t>(position.small_int()) >> 12;
}

// Builds a list from front to back. Lives between two safe points.
//
//   ListBuilder builder(heap);
//   builder.Add(x);
//   Result list = builder.Finish();                         // kMemory
class ListBuilder {
 public:
  explicit ListBuilder(Heap& heap) : heap_(heap) {}
  void Add(Value element) {
    if (used_ == kLeafMax) Flush();
    leaf_[used_++] = element;
  }
  uint64_t size() const { return leaves_.size() * kLeafMax + used_; }
  // False as soon as the allowance is spent: Finish() will be kMemory.
  bool ok() const { return ok_; }
  Result Finish();

 private:
  void Flush();

  Heap& heap_;
  std::vector<Value> leaves_;
  Value leaf_[kLeafMax];
  uint32_t used_ = 0;
  bool ok_ = true;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_LIST_H_
