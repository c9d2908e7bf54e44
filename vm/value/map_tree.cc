#include "vm/value/map_tree.h"

#include <algorithm>
#include <vector>

#include "vm/value/compare.h"

namespace vesicle::map_internal {
namespace {

// Entries that stay on the far side when a node overflows at one end.
constexpr uint32_t kFarSide = 12;
static_assert(kMapFanMax + 1 - kFarSide >= kMapFanMin);
// More than any height: kMapFanMin^32 entries.
constexpr int kHeightMax = 32;

struct Part {
  Value node;
  Value first_key;
  uint64_t size;
};

uint32_t InnerCount(const Object* inner) { return inner->count / 3; }
uint32_t LeafCount(const Object* leaf) { return leaf->count / 2; }

Part NewLeaf(Heap& heap, const MapEntry* entries, uint32_t count) {
  Object* o = heap.AllocateRaw(Kind::kMapNode, 2 * count);
  for (uint32_t i = 0; i < count; ++i) {
    o->words()[i] = entries[i].key;
    o->words()[count + i] = entries[i].value;
  }
  return {Value::Data(o), count == 0 ? Value::Nil() : entries[0].key, count};
}

Part NewInner(Heap& heap, const Part* parts, uint32_t count) {
  Object* o = heap.AllocateRaw(Kind::kMapNode, 3 * count);
  uint64_t size = 0;
  for (uint32_t i = 0; i < count; ++i) {
    size += parts[i].size;
    o->words()[i] = parts[i].node;
    o->words()[count + i] = parts[i].first_key;
    o->words()[2 * count + i] = Value::SmallInt(static_cast<int64_t>(size));
  }
  return {Value::Data(o), parts[0].first_key, size};
}

uint32_t TakeApart(const Object* leaf, MapEntry* out) {
  const uint32_t n = LeafCount(leaf);
  for (uint32_t i = 0; i < n; ++i) out[i] = {leaf->words()[i], leaf->words()[n + i]};
  return n;
}

uint32_t TakeApart(const Object* inner, Part* out) {
  const uint32_t n = InnerCount(inner);
  uint64_t before = 0;
  for (uint32_t i = 0; i < n; ++i) {
    const uint64_t end = static_cast<uint64_t>(inner->words()[2 * n + i].small_int());
    out[i] = {inner->words()[i], inner->words()[n + i], end - before};
    before = end;
  }
  return n;
}

Part NewNode(Heap& heap, const MapEntry* entries, uint32_t count) {
  return NewLeaf(heap, entries, count);
}
Part NewNode(Heap& heap, const Part* parts, uint32_t count) { return NewInner(heap, parts, count); }

// One node of the entries, or two. `grew_at` is where one was added: growth at an
// end leaves a fuller node on the other side.
template <typename Entry>
uint32_t Emit(Heap& heap, const Entry* entries, uint32_t count, uint32_t grew_at, Part out[2]) {
  if (count <= kMapFanMax) {
    out[0] = NewNode(heap, entries, count);
    return 1;
  }
  uint32_t left = count / 2;
  if (count == kMapFanMax + 1) {
    if (grew_at + 1 == count) left = kFarSide;
    if (grew_at == 0) left = count - kFarSide;
  }
  out[0] = NewNode(heap, entries, left);
  out[1] = NewNode(heap, entries + left, count - left);
  return 2;
}

// An inner node with one child replaced by another of `delta` more entries.
Part ReplaceChild(Heap& heap, const Object* inner, uint32_t child, const Part& part,
                  int64_t delta) {
  const uint32_t n = InnerCount(inner);
  Object* copy = heap.AllocateRaw(Kind::kMapNode, inner->count);
  Value* words = copy->words();
  std::copy_n(inner->words(), inner->count, words);
  words[child] = part.node;
  words[n + child] = part.first_key;
  for (uint32_t i = 2 * n + child; i < 3 * n; ++i) {
    words[i] = Value::SmallInt(words[i].small_int() + delta);
  }
  return {Value::Data(copy), words[n], static_cast<uint64_t>(words[3 * n - 1].small_int())};
}

// A leaf with an entry put in at `place`. Wants room.
Part InsertInLeaf(Heap& heap, const Object* leaf, uint32_t place, Value key, Value value) {
  const uint32_t n = LeafCount(leaf);
  Object* copy = heap.AllocateRaw(Kind::kMapNode, 2 * (n + 1));
  const Value* from = leaf->words();
  Value* to = copy->words();
  to = std::copy_n(from, place, to);
  *to++ = key;
  to = std::copy_n(from + place, n, to);  // the other keys, and the values before it
  *to++ = value;
  std::copy_n(from + n + place, n - place, to);
  return {Value::Data(copy), copy->words()[0], n + 1};
}

Part ReplaceInLeaf(Heap& heap, const Object* leaf, uint32_t place, Value value) {
  const uint32_t n = LeafCount(leaf);
  Object* copy = heap.AllocateRaw(Kind::kMapNode, leaf->count);
  std::copy_n(leaf->words(), leaf->count, copy->words());
  copy->words()[n + place] = value;  // the key that was there stays
  return {Value::Data(copy), copy->words()[0], n};
}

// The first place among ascending keys whose key is not less; *found if it is the same.
uint32_t LowerBound(const Value* keys, uint32_t count, Value key, IdentitySource& identities,
                    bool* found) {
  uint32_t low = 0;
  uint32_t high = count;
  *found = false;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    const int order = CompareKeys(keys[middle], key, identities);
    if (order == 0) {
      *found = true;
      return middle;
    }
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// The child under which `key` stands or would stand.
uint32_t ChildFor(const Object* inner, Value key, IdentitySource& identities) {
  const uint32_t n = InnerCount(inner);
  bool found;
  // The first key of child 0 decides nothing.
  const uint32_t at = LowerBound(inner->words() + n + 1, n - 1, key, identities, &found);
  return found ? at + 1 : at;
}

struct Path {
  Object* nodes[kHeightMax];
  uint32_t children[kHeightMax];
  Object* leaf;
};

Path Descend(const Tree& tree, Value key, IdentitySource& identities) {
  Path path;
  Object* o = tree.root.data();
  for (int level = 0; level < tree.height; ++level) {
    path.nodes[level] = o;
    path.children[level] = ChildFor(o, key, identities);
    o = o->words()[path.children[level]].data();
  }
  path.leaf = o;
  return path;
}

uint32_t CountOf(Value node, int height) {
  return height == 0 ? LeafCount(node.data()) : InnerCount(node.data());
}

// Two neighbours, one of them too small, as one node or two of fair size.
uint32_t Rebalance(Heap& heap, Value a, Value b, int height, Part out[2]) {
  if (height == 0) {
    MapEntry entries[2 * kMapFanMax];
    const uint32_t n = TakeApart(a.data(), entries);
    const uint32_t total = n + TakeApart(b.data(), entries + n);
    return Emit(heap, entries, total, total / 2, out);
  }
  Part parts[2 * kMapFanMax];
  const uint32_t n = TakeApart(a.data(), parts);
  const uint32_t total = n + TakeApart(b.data(), parts + n);
  return Emit(heap, parts, total, total / 2, out);
}

}  // namespace

LeafEntry Find(const Tree& tree, Value key, IdentitySource& identities) {
  if (tree.size == 0) return {};
  Object* o = tree.root.data();
  for (int level = 0; level < tree.height; ++level) {
    o = o->words()[ChildFor(o, key, identities)].data();
  }
  bool found;
  const uint32_t place = LowerBound(o->words(), LeafCount(o), key, identities, &found);
  return found ? LeafEntry{o, place} : LeafEntry{};
}

LeafEntry At(const Tree& tree, uint64_t index) {
  Object* o = tree.root.data();
  for (int level = 0; level < tree.height; ++level) {
    const uint32_t n = InnerCount(o);
    const Value* sizes = o->words() + 2 * n;
    uint32_t child = 0;
    while (static_cast<uint64_t>(sizes[child].small_int()) <= index) ++child;
    if (child > 0) index -= static_cast<uint64_t>(sizes[child - 1].small_int());
    o = o->words()[child].data();
  }
  return {o, static_cast<uint32_t>(index)};
}

Tree Put(Heap& heap, const Tree& tree, Value key, Value value, IdentitySource& identities) {
  if (tree.size == 0) {
    const MapEntry entry = {key, value};
    return {NewLeaf(heap, &entry, 1).node, 1, 0};
  }
  const Path path = Descend(tree, key, identities);
  const uint32_t n = LeafCount(path.leaf);
  bool found;
  const uint32_t place = LowerBound(path.leaf->words(), n, key, identities, &found);
  Part out[2];
  uint32_t made = 1;
  if (found) {
    out[0] = ReplaceInLeaf(heap, path.leaf, place, value);
  } else if (n < kMapFanMax) {
    out[0] = InsertInLeaf(heap, path.leaf, place, key, value);
  } else {
    MapEntry entries[kMapFanMax + 1];
    TakeApart(path.leaf, entries);
    std::copy_backward(entries + place, entries + n, entries + n + 1);
    entries[place] = {key, value};
    made = Emit(heap, entries, n + 1, place, out);
  }
  for (int level = tree.height - 1; level >= 0; --level) {
    const uint32_t child = path.children[level];
    if (made == 1) {
      out[0] = ReplaceChild(heap, path.nodes[level], child, out[0], found ? 0 : 1);
      continue;
    }
    Part parts[kMapFanMax + 1];
    const uint32_t count = TakeApart(path.nodes[level], parts);
    parts[child] = out[0];
    std::copy_backward(parts + child + 1, parts + count, parts + count + 1);
    parts[child + 1] = out[1];
    made = Emit(heap, parts, count + 1, child + 1, out);
  }
  const uint64_t size = tree.size + (found ? 0 : 1);
  if (made == 1) return {out[0].node, size, tree.height};
  return {NewInner(heap, out, 2).node, size, tree.height + 1};
}

Tree Remove(Heap& heap, const Tree& tree, Value key, IdentitySource& identities) {
  const Path path = Descend(tree, key, identities);
  const uint32_t n = LeafCount(path.leaf);
  bool found;
  const uint32_t place = LowerBound(path.leaf->words(), n, key, identities, &found);
  MapEntry entries[kMapFanMax];
  TakeApart(path.leaf, entries);
  std::copy(entries + place + 1, entries + n, entries + place);
  Part part = NewLeaf(heap, entries, n - 1);
  for (int level = tree.height - 1; level >= 0; --level) {
    const int height = tree.height - 1 - level;  // of the children
    const uint32_t child = path.children[level];
    if (CountOf(part.node, height) >= kMapFanMin) {
      part = ReplaceChild(heap, path.nodes[level], child, part, -1);
      continue;
    }
    Part parts[kMapFanMax];
    uint32_t count = TakeApart(path.nodes[level], parts);
    parts[child] = part;
    const uint32_t left = child > 0 ? child - 1 : 0;
    Part out[2];
    const uint32_t made = Rebalance(heap, parts[left].node, parts[left + 1].node, height, out);
    parts[left] = out[0];
    if (made == 2) {
      parts[left + 1] = out[1];
    } else {
      std::copy(parts + left + 2, parts + count, parts + left + 1);
      --count;
    }
    if (level == 0 && count == 1) return {parts[0].node, tree.size - 1, tree.height - 1};
    part = NewInner(heap, parts, count);
  }
  return {tree.size == 1 ? Value::Nil() : part.node, tree.size - 1, tree.height};
}

void TreeBuilder::Add(Heap& heap, Value key, Value value) {
  ++size_;
  Add(heap, 0, value, key, 1);
}

void TreeBuilder::Add(Heap& heap, size_t level, Value node, Value key, uint64_t size) {
  if (level == levels_.size()) levels_.emplace_back();
  Level& l = levels_[level];
  l.nodes[l.count] = node;
  l.keys[l.count] = key;
  l.sizes[l.count] = size;
  if (++l.count == kWaitingMax) MakeNode(heap, level, kMapFanMax);
}

// Of the first `count` that wait at `level`; it goes to the level above.
void TreeBuilder::MakeNode(Heap& heap, size_t level, uint32_t count) {
  Level& l = levels_[level];
  Object* o = heap.AllocateRaw(Kind::kMapNode, (level == 0 ? 2 : 3) * count);
  Value* const w = o->words();
  uint64_t size = 0;
  for (uint32_t i = 0; i < count; ++i) {
    size += l.sizes[i];
    w[i] = level == 0 ? l.keys[i] : l.nodes[i];
    w[count + i] = level == 0 ? l.nodes[i] : l.keys[i];
    if (level != 0) w[2 * count + i] = Value::SmallInt(static_cast<int64_t>(size));
  }
  const Value key = l.keys[0];
  l.count -= count;
  std::copy_n(l.nodes + count, l.count, l.nodes);
  std::copy_n(l.keys + count, l.count, l.keys);
  std::copy_n(l.sizes + count, l.count, l.sizes);
  Add(heap, level + 1, Value::Data(o), key, size);
}

Tree TreeBuilder::Finish(Heap& heap) {
  if (size_ == 0) return {};
  for (size_t level = 0;; ++level) {
    if (level > 0 && level + 1 == levels_.size() && levels_[level].count == 1) {
      return {levels_[level].nodes[0], size_, static_cast<int>(level) - 1};
    }
    const uint32_t count = levels_[level].count;
    if (count > kMapFanMax) MakeNode(heap, level, count / 2);
    MakeNode(heap, level, levels_[level].count);
  }
}

void TreeBuilder::Visit(Visitor& visitor) {
  for (Level& l : levels_) {
    visitor.Visit(l.nodes, l.count);
    visitor.Visit(l.keys, l.count);
  }
}

}  // namespace vesicle::map_internal
