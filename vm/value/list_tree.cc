#include "vm/value/list_tree.h"

#include <algorithm>

namespace vesicle::list_internal {
namespace {

// How many entries stay on the far side when a node overflows at one end: the
// side that grows gets the fewer, so sequential pushes leave full nodes behind.
constexpr uint32_t kFarSide = 24;
static_assert(kFanMax + 1 - kFarSide >= kFanMin);

// A node with the number of elements under it. (A leaf: elements in it.)
struct Part {
  Value node;
  uint64_t size;
};

// The entries of a node while it is being put together: up to two nodes' worth.
struct Entries {
  Entries() {}  // the parts stay unset until they are added
  union {
    Part parts[2 * kFanMax];
  };
  uint32_t count = 0;

  void Add(Part part) { parts[count++] = part; }
  // Children [from, to) of an inner node.
  void AddChildren(Value inner, uint32_t from, uint32_t to) {
    const Object* o = inner.data();
    const uint32_t n = o->count / 2;
    uint64_t before = from == 0 ? 0 : static_cast<uint64_t>(o->words()[n + from - 1].small_int());
    for (uint32_t i = from; i < to; ++i) {
      const uint64_t end = static_cast<uint64_t>(o->words()[n + i].small_int());
      Add({o->words()[i], end - before});
      before = end;
    }
  }
};

uint32_t ChildCount(Value inner) { return inner.data()->count / 2; }

Part NewInner(Heap& heap, const Part* parts, uint32_t count) {
  Object* o = heap.AllocateRaw(Kind::kListNode, 2 * count);
  Value* words = o->words();
  uint64_t size = 0;
  for (uint32_t i = 0; i < count; ++i) {
    size += parts[i].size;
    words[i] = parts[i].node;
    words[count + i] = Value::SmallInt(static_cast<int64_t>(size));
  }
  return {Value::Data(o), size};
}

// One node of the entries, or two with `left` of them in the first.
uint32_t Emit(Heap& heap, const Entries& entries, uint32_t left, Part out[2]) {
  if (entries.count <= kFanMax) {
    out[0] = NewInner(heap, entries.parts, entries.count);
    return 1;
  }
  out[0] = NewInner(heap, entries.parts, left);
  out[1] = NewInner(heap, entries.parts + left, entries.count - left);
  return 2;
}

// One or two nodes of the greater height. Recurses by height, which is at most
// log of the size to the base kFanMin.
uint32_t Join(Heap& heap, Part a, int a_height, Part b, int b_height, Part out[2]) {
  if (a_height == b_height) {
    const uint64_t a_count = a_height == 0 ? a.size : ChildCount(a.node);
    const uint64_t b_count = b_height == 0 ? b.size : ChildCount(b.node);
    if (a_count >= kFanMin && b_count >= kFanMin) {
      out[0] = a;
      out[1] = b;
      return 2;
    }
    if (a_height == 0) {
      Value elements[2 * kFanMax];
      std::copy_n(a.node.data()->words(), a_count, elements);
      std::copy_n(b.node.data()->words(), b_count, elements + a_count);
      const uint64_t total = a_count + b_count;
      const uint64_t left = total <= kFanMax ? total : total / 2;
      out[0] = {NewLeaf(heap, elements, left), left};
      if (left == total) return 1;
      out[1] = {NewLeaf(heap, elements + left, total - left), total - left};
      return 2;
    }
    Entries entries;
    entries.AddChildren(a.node, 0, static_cast<uint32_t>(a_count));
    entries.AddChildren(b.node, 0, static_cast<uint32_t>(b_count));
    return Emit(heap, entries, entries.count / 2, out);
  }
  Entries entries;
  Part middle[2];
  if (a_height > b_height) {
    const uint32_t n = ChildCount(a.node);
    entries.AddChildren(a.node, 0, n);
    const Part last = entries.parts[--entries.count];
    const uint32_t made = Join(heap, last, a_height - 1, b, b_height, middle);
    for (uint32_t i = 0; i < made; ++i) entries.Add(middle[i]);
    return Emit(heap, entries, kFarSide, out);
  }
  const Object* node = b.node.data();
  const uint32_t n = ChildCount(b.node);
  const Part first = {node->words()[0], static_cast<uint64_t>(node->words()[n].small_int())};
  const uint32_t made = Join(heap, a, a_height, first, b_height - 1, middle);
  for (uint32_t i = 0; i < made; ++i) entries.Add(middle[i]);
  entries.AddChildren(b.node, 1, n);
  return Emit(heap, entries, kFanMax + 1 - kFarSide, out);
}

// A tree of some children of one node.
Tree TreeOf(Heap& heap, const Part* parts, uint32_t count, int child_height) {
  if (count == 0) return {};
  if (count == 1) return {parts[0].node, parts[0].size, child_height};
  const Part inner = NewInner(heap, parts, count);
  return {inner.node, inner.size, child_height + 1};
}

// The child that holds element `index`, which becomes relative to that child.
uint32_t FindChild(const Object* inner, uint64_t* index, uint64_t* size) {
  const uint32_t n = inner->count / 2;
  const Value* sizes = inner->words() + n;
  const int64_t wanted = static_cast<int64_t>(*index);
  // Children are mostly of one size, so the place is guessed by proportion; the
  // steps that correct it make the rounding of the guess irrelevant.
  uint32_t low = static_cast<uint32_t>(static_cast<double>(wanted) * n /
                                       static_cast<double>(sizes[n - 1].small_int()));
  if (low >= n) low = n - 1;
  while (sizes[low].small_int() <= wanted) ++low;
  while (low > 0 && sizes[low - 1].small_int() > wanted) --low;
  const uint64_t before = low == 0 ? 0 : static_cast<uint64_t>(sizes[low - 1].small_int());
  *size = static_cast<uint64_t>(sizes[low].small_int()) - before;
  *index -= before;
  return low;
}

}  // namespace

Value NewLeaf(Heap& heap, const Value* elements, uint64_t count) {
  Object* o = heap.AllocateRaw(Kind::kListNode, static_cast<uint32_t>(count));
  std::copy_n(elements, count, o->words());
  return Value::Data(o);
}

Tree JoinTrees(Heap& heap, Tree a, Tree b) {
  if (a.size == 0) return b;
  if (b.size == 0) return a;
  Part out[2];
  const int height = std::max(a.height, b.height);
  const uint32_t made = Join(heap, {a.node, a.size}, a.height, {b.node, b.size}, b.height, out);
  if (made == 1) return {out[0].node, out[0].size, height};
  return TreeOf(heap, out, 2, height);
}

Tree TakeTree(Heap& heap, Tree tree, uint64_t count) {
  // Down to the cut, gathering what stands left of it; joined smallest first.
  Tree kept[64];
  int depth = 0;
  while (count > 0 && count < tree.size) {
    uint64_t index = count;
    uint64_t size;
    const uint32_t child = FindChild(tree.node.data(), &index, &size);
    Entries entries;
    entries.AddChildren(tree.node, 0, child + 1);
    kept[depth++] = TreeOf(heap, entries.parts, child, tree.height - 1);
    tree = {entries.parts[child].node, entries.parts[child].size, tree.height - 1};
    count = index;
  }
  Tree result = count == 0 ? Tree{} : tree;
  while (depth > 0) result = JoinTrees(heap, kept[--depth], result);
  return result;
}

Tree DropTree(Heap& heap, Tree tree, uint64_t count) {
  Tree kept[64];
  int depth = 0;
  while (count > 0 && count < tree.size) {
    uint64_t index = count;
    uint64_t size;
    const uint32_t child = FindChild(tree.node.data(), &index, &size);
    const uint32_t n = ChildCount(tree.node);
    Entries entries;
    entries.AddChildren(tree.node, child, n);
    kept[depth++] = TreeOf(heap, entries.parts + 1, n - child - 1, tree.height - 1);
    tree = {entries.parts[0].node, entries.parts[0].size, tree.height - 1};
    count = index;
  }
  Tree result = count == 0 ? tree : Tree{};
  while (depth > 0) result = JoinTrees(heap, result, kept[--depth]);
  return result;
}

Tree SetInTree(Heap& heap, Tree tree, uint64_t index, Value element) {
  Tree result = tree;
  Value* place = &result.node;  // where the copy of the next node goes
  Value node = tree.node;
  uint64_t size = tree.size;
  for (int height = tree.height; height > 0; --height) {
    const Object* from = node.data();
    Object* copy = heap.AllocateRaw(Kind::kListNode, from->count);
    std::copy_n(from->words(), from->count, copy->words());
    *place = Value::Data(copy);
    const uint32_t child = FindChild(from, &index, &size);
    node = from->words()[child];
    place = copy->words() + child;
  }
  *place = NewLeaf(heap, node.data()->words(), size);
  place->data()->words()[index] = element;
  return result;
}

Tree BuildTree(Heap& heap, std::vector<Value> leaves) {
  if (leaves.empty()) return {};
  std::vector<Part> level;
  level.reserve(leaves.size());
  for (const Value leaf : leaves) level.push_back({leaf, kFanMax});
  int height = 0;
  while (level.size() > 1) {
    // Groups as even as can be, so that none is below half.
    const size_t groups = (level.size() + kFanMax - 1) / kFanMax;
    size_t from = 0;
    for (size_t g = 0; g < groups; ++g) {
      const size_t to = level.size() * (g + 1) / groups;
      level[g] = NewInner(heap, level.data() + from, static_cast<uint32_t>(to - from));
      from = to;
    }
    level.resize(groups);
    ++height;
  }
  return {level[0].node, level[0].size, height};
}

LeafPlace FindLeaf(const Tree& tree, uint64_t index) {
  Object* o = tree.node.data();
  uint64_t size = tree.size;
  uint64_t within = index;
  for (int height = tree.height; height > 0; --height) {
    const uint32_t child = FindChild(o, &within, &size);
    o = o->words()[child].data();
  }
  return {o, index - within, size};
}

}  // namespace vesicle::list_internal
