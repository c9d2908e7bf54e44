#include "vm/value/list.h"

#include <algorithm>

#include "vm/value/list_tree.h"

namespace vesicle {

using namespace list_internal;

namespace {

static_assert(kLeafMax == kFanMax);

// kListRoom: kLeafMax places, then the mark: how many are filled (from the front
// in a tail, from the back in a head).
constexpr uint32_t kMark = kLeafMax;
constexpr uint32_t kRoomWords = kLeafMax + 1;

constexpr int kHeadShift = 6;
constexpr int kHeightShift = 12;
constexpr uint64_t kCountMask = 63;
constexpr uint64_t kHeightMask = 31;

bool IsDeep(Value list) { return (list.data()->flags & kDeep) != 0; }

// Places for elements in a leaf object.
uint64_t CapacityOf(const Object* leaf) {
  return leaf->kind == Kind::kListRoom ? kLeafMax : leaf->count;
}

// A deep list taken apart, to be changed and packed again.
struct Parts {
  uint64_t size = 0;
  Value head;
  uint64_t head_count = 0;
  Tree tree;
  Value tail;
  uint64_t tail_count = 0;

  const Value* head_words() const {
    const Object* o = head.data();
    return o->words() + CapacityOf(o) - head_count;
  }
};

Parts Unpack(const Object* o) {
  const uint64_t packed = static_cast<uint64_t>(o->words()[0].small_int());
  Parts parts;
  parts.size = packed >> kSizeShift;
  parts.tail_count = packed & kCountMask;
  parts.head_count = packed >> kHeadShift & kCountMask;
  parts.head = o->words()[1];
  parts.tail = o->words()[3];
  parts.tree = {o->words()[2], parts.size - parts.head_count - parts.tail_count,
                static_cast<int>(packed >> kHeightShift & kHeightMask)};
  return parts;
}

inline Value PackWords(Heap& heap, uint64_t packed, Value head, Value tree, Value tail) {
  Object* o = heap.AllocateRaw(Kind::kList, kDeepWords);
  o->flags |= kDeep;
  Value* words = o->words();
  words[0] = Value::SmallInt(static_cast<int64_t>(packed));
  words[1] = head;
  words[2] = tree;
  words[3] = tail;
  return Value::Data(o);
}

Value Pack(Heap& heap, const Parts& parts) {
  const uint64_t packed = parts.size << kSizeShift |
                          static_cast<uint64_t>(parts.tree.height) << kHeightShift |
                          parts.head_count << kHeadShift | parts.tail_count;
  return PackWords(heap, packed, parts.head, parts.tree.node, parts.tail);
}

Object* NewRoom(Heap& heap, uint64_t mark) {
  Object* room = heap.Allocate(Kind::kListRoom, kRoomWords);
  room->words()[kMark] = Value::SmallInt(static_cast<int64_t>(mark));
  return room;
}

// May a list whose edge in `leaf` is `count` fill the next place?
inline bool HasRoom(Value leaf, uint64_t count) {
  if (count == 0 || count == kLeafMax) return false;
  const Object* o = leaf.data();
  return o->kind == Kind::kListRoom &&
         o->words()[kMark] == Value::SmallInt(static_cast<int64_t>(count));
}

inline void FillRoom(Heap& heap, Object* room, uint64_t place, Value element) {
  heap.WillWrite(room);
  room->words()[place] = element;
  room->words()[kMark] = Value::SmallInt(room->words()[kMark].small_int() + 1);
}

void PushBack(Heap& heap, Parts& parts, Value element) {
  if (HasRoom(parts.tail, parts.tail_count)) {
    FillRoom(heap, parts.tail.data(), parts.tail_count, element);
  } else {
    if (parts.tail_count == kLeafMax) {
      parts.tree = JoinTrees(heap, parts.tree, Tree::Leaf(parts.tail, kLeafMax));
      parts.tail_count = 0;
    }
    Object* room = NewRoom(heap, parts.tail_count + 1);
    if (parts.tail_count > 0) {
      std::copy_n(parts.tail.data()->words(), parts.tail_count, room->words());
    }
    room->words()[parts.tail_count] = element;
    parts.tail = Value::Data(room);
  }
  ++parts.tail_count;
  ++parts.size;
}

// The head as a leaf of the tree: its elements from the front of an object.
Tree HeadAsLeaf(Heap& heap, const Parts& parts) {
  if (parts.head_count == 0) return {};
  if (parts.head_count == CapacityOf(parts.head.data())) {
    return Tree::Leaf(parts.head, parts.head_count);
  }
  return Tree::Leaf(NewLeaf(heap, parts.head_words(), parts.head_count), parts.head_count);
}

void PushFront(Heap& heap, Parts& parts, Value element) {
  if (HasRoom(parts.head, parts.head_count)) {
    FillRoom(heap, parts.head.data(), kLeafMax - 1 - parts.head_count, element);
  } else {
    if (parts.head_count == kLeafMax) {
      parts.tree = JoinTrees(heap, HeadAsLeaf(heap, parts), parts.tree);
      parts.head_count = 0;
    }
    Object* room = NewRoom(heap, parts.head_count + 1);
    if (parts.head_count > 0) {
      std::copy_n(parts.head_words(), parts.head_count,
                  room->words() + kLeafMax - parts.head_count);
    }
    room->words()[kLeafMax - 1 - parts.head_count] = element;
    parts.head = Value::Data(room);
  }
  ++parts.head_count;
  ++parts.size;
}

// Any list as parts; a flat one becomes the only leaf of the tree, as it is.
Parts PartsOf(Value list) {
  if (IsDeep(list)) return Unpack(list.data());
  Parts parts;
  parts.size = list.data()->count;
  if (parts.size > 0) parts.tree = Tree::Leaf(list, parts.size);
  return parts;
}

Value NewFlat(Heap& heap, uint64_t count) {
  return Value::Data(heap.AllocateRaw(Kind::kList, static_cast<uint32_t>(count)));
}

// Elements [first, first + count) into memory.
void CopyOut(Value list, uint64_t first, uint64_t count, Value* out) {
  while (count > 0) {
    const ListLeaf leaf = LeafAt(list, first);
    const uint64_t n = std::min(count, leaf.first + leaf.count - first);
    std::copy_n(leaf.words + (first - leaf.first), n, out);
    out += n;
    first += n;
    count -= n;
  }
}

}  // namespace

Value EmptyList(Heap& heap) { return NewFlat(heap, 0); }

Result MakeList(Heap& heap, std::span<const Value> elements) {
  if (elements.size() <= kLeafMax) {
    const Value list = NewFlat(heap, elements.size());
    std::copy(elements.begin(), elements.end(), list.data()->words());
    return list;
  }
  ListBuilder builder(heap);
  for (const Value element : elements) {
    builder.Add(element);
    if (!builder.ok()) return Failure::kMemory;
  }
  return builder.Finish();
}

ListLeaf LeafAt(Value list, uint64_t index) {
  const Object* o = list.data();
  if ((o->flags & kDeep) == 0) return {o->words(), 0, o->count, o};
  const Parts parts = Unpack(o);
  if (index < parts.head_count) {
    return {parts.head_words(), 0, static_cast<uint32_t>(parts.head_count), parts.head.data()};
  }
  const uint64_t tail_first = parts.size - parts.tail_count;
  if (index >= tail_first) {
    const Object* leaf = parts.tail.data();
    return {leaf->words(), tail_first, static_cast<uint32_t>(parts.tail_count), leaf};
  }
  const LeafPlace place = FindLeaf(parts.tree, index - parts.head_count);
  return {place.leaf->words(), place.first + parts.head_count, static_cast<uint32_t>(place.count),
          place.leaf};
}

Value Append(Heap& heap, Value list, Value element) {
  const Object* o = list.data();
  if ((o->flags & kDeep) == 0) {
    if (o->count < kLeafMax) {
      const Value longer = NewFlat(heap, o->count + 1);
      std::copy_n(o->words(), o->count, longer.data()->words());
      longer.data()->words()[o->count] = element;
      return longer;
    }
  } else {
    // The common case without taking the list apart.
    const uint64_t packed = static_cast<uint64_t>(o->words()[0].small_int());
    const uint64_t count = packed & kCountMask;
    const Value tail = o->words()[3];
    if (HasRoom(tail, count)) {
      FillRoom(heap, tail.data(), count, element);
      return PackWords(heap, packed + (uint64_t{1} << kSizeShift) + 1, o->words()[1], o->words()[2],
                       tail);
    }
  }
  Parts parts = PartsOf(list);
  PushBack(heap, parts, element);
  return Pack(heap, parts);
}

Value Prepend(Heap& heap, Value element, Value list) {
  const Object* o = list.data();
  if ((o->flags & kDeep) == 0) {
    if (o->count < kLeafMax) {
      const Value longer = NewFlat(heap, o->count + 1);
      std::copy_n(o->words(), o->count, longer.data()->words() + 1);
      longer.data()->words()[0] = element;
      return longer;
    }
  } else {
    const uint64_t packed = static_cast<uint64_t>(o->words()[0].small_int());
    const uint64_t count = packed >> kHeadShift & kCountMask;
    const Value head = o->words()[1];
    if (HasRoom(head, count)) {
      FillRoom(heap, head.data(), kLeafMax - 1 - count, element);
      return PackWords(heap, packed + (uint64_t{1} << kSizeShift) + (uint64_t{1} << kHeadShift),
                       head, o->words()[2], o->words()[3]);
    }
  }
  Parts parts = PartsOf(list);
  PushFront(heap, parts, element);
  return Pack(heap, parts);
}

Value ListSet(Heap& heap, Value list, uint64_t index, Value element) {
  const Object* o = list.data();
  if ((o->flags & kDeep) == 0) {
    const Value copy = NewFlat(heap, o->count);
    std::copy_n(o->words(), o->count, copy.data()->words());
    copy.data()->words()[index] = element;
    return copy;
  }
  Parts parts = Unpack(o);
  const uint64_t tail_first = parts.size - parts.tail_count;
  if (index < parts.head_count) {
    parts.head = NewLeaf(heap, parts.head_words(), parts.head_count);
    parts.head.data()->words()[index] = element;
  } else if (index >= tail_first) {
    parts.tail = NewLeaf(heap, parts.tail.data()->words(), parts.tail_count);
    parts.tail.data()->words()[index - tail_first] = element;
  } else {
    parts.tree = SetInTree(heap, parts.tree, index - parts.head_count, element);
  }
  return Pack(heap, parts);
}

Result Concat(Heap& heap, Value a, Value b) {
  const uint64_t a_size = ListSize(a);
  const uint64_t b_size = ListSize(b);
  if (b_size == 0) return a;
  if (a_size == 0) return b;
  if (a_size + b_size > kListSizeMax) return Failure::kTooBig;
  if (a_size + b_size <= kLeafMax) {
    const Value both = NewFlat(heap, a_size + b_size);
    CopyOut(a, 0, a_size, both.data()->words());
    CopyOut(b, 0, b_size, both.data()->words() + a_size);
    return both;
  }
  Parts x = PartsOf(a);
  if (!IsDeep(b)) {
    for (uint64_t i = 0; i < b_size; ++i) PushBack(heap, x, b.data()->words()[i]);
    return Pack(heap, x);
  }
  Parts y = PartsOf(b);
  if (!IsDeep(a)) {
    for (uint64_t i = a_size; i-- > 0;) PushFront(heap, y, a.data()->words()[i]);
    return Pack(heap, y);
  }
  Tree tree = x.tree;
  if (x.tail_count > 0) tree = JoinTrees(heap, tree, Tree::Leaf(x.tail, x.tail_count));
  tree = JoinTrees(heap, tree, HeadAsLeaf(heap, y));
  x.tree = JoinTrees(heap, tree, y.tree);
  x.tail = y.tail;
  x.tail_count = y.tail_count;
  x.size += y.size;
  return Pack(heap, x);
}

Value Slice(Heap& heap, Value list, uint64_t first, uint64_t count) {
  const uint64_t size = ListSize(list);
  first = std::min(first, size);
  count = std::min(count, size - first);
  if (count == size) return list;
  if (count <= kLeafMax) {
    const Value flat = NewFlat(heap, count);
    CopyOut(list, first, count, flat.data()->words());
    return flat;
  }
  // More than a leaf remains, so the two cuts fall into different leaves. A leaf
  // that is cut becomes the new head or tail, without a copy.
  Parts parts = Unpack(list.data());
  const uint64_t end = first + count;
  const uint64_t tail_first = parts.size - parts.tail_count;
  if (end > tail_first) {
    parts.tail_count = end - tail_first;
  } else {
    parts.tail_count = 0;
    parts.tail = Value::Nil();
    if (end < tail_first) {
      const LeafPlace place = FindLeaf(parts.tree, end - 1 - parts.head_count);
      const uint64_t kept = end - parts.head_count - place.first;
      parts.tree = TakeTree(heap, parts.tree, place.first);
      parts.tail = Value::Data(place.leaf);
      parts.tail_count = kept;
    }
  }
  if (first < parts.head_count) {
    parts.head_count -= first;
  } else {
    const uint64_t dropped = first - parts.head_count;
    parts.head_count = 0;
    parts.head = Value::Nil();
    if (dropped > 0 && dropped < parts.tree.size) {
      const LeafPlace place = FindLeaf(parts.tree, dropped);
      const uint64_t after = place.first + place.count;
      parts.head_count = after - dropped;
      // A head is the end of its object.
      parts.head = place.count == CapacityOf(place.leaf)
                       ? Value::Data(place.leaf)
                       : NewLeaf(heap, place.leaf->words() + (place.count - parts.head_count),
                                 parts.head_count);
      parts.tree = DropTree(heap, parts.tree, after);
    } else if (dropped > 0) {
      parts.tree = {};
    }
  }
  parts.size = count;
  return Pack(heap, parts);
}

bool list_internal::NextLeaf(Value list, Value& position, Value& leaf, Value& out) {
  const uint64_t index = ListPosition(position);
  if (index >= ListSize(list)) return false;
  const ListLeaf found = LeafAt(list, index);
  const uint64_t skipped = index - found.first;
  const uint64_t place = static_cast<uint64_t>(found.words - found.object->words()) + skipped;
  leaf = Value::Data(found.object);
  out = found.words[skipped];
  position = Value::SmallInt(
      static_cast<int64_t>((index + 1) << 12 | (place + 1) << 6 | (found.count - skipped - 1)));
  return true;
}

void ListBuilder::Flush() {
  used_ = 0;
  if (!ok_ || !heap_.Reserve(sizeof(leaf_))) {
    ok_ = false;
    return;
  }
  leaves_.push_back(NewLeaf(heap_, leaf_, kLeafMax));
}

Result ListBuilder::Finish() {
  if (!ok_) return Failure::kMemory;
  if (leaves_.empty()) return MakeList(heap_, std::span<const Value>(leaf_, used_));
  Parts parts;
  parts.size = size();
  if (used_ > 0) {
    parts.tail = NewLeaf(heap_, leaf_, used_);
    parts.tail_count = used_;
  }
  parts.tree = BuildTree(heap_, std::move(leaves_));
  return Pack(heap_, parts);
}

// ---------------------------------------------------------------------------
// Structure

namespace list_internal {

void PartsOf(const Object* list, std::vector<Value>* out) {
  if ((list->flags & kDeep) == 0) {
    out->insert(out->end(), list->words(), list->words() + list->count);
    return;
  }
  const Parts parts = Unpack(list);
  if (parts.head_count > 0) {
    out->insert(out->end(), parts.head_words(), parts.head_words() + parts.head_count);
  }
  out->push_back(parts.tree.node);
  if (parts.tail_count > 0) {
    const Value* tail = parts.tail.data()->words();
    out->insert(out->end(), tail, tail + parts.tail_count);
  }
}

Result Rebuild(Heap& heap, const Object* list, std::span<const Value> words) {
  if ((list->flags & kDeep) == 0) return MakeList(heap, words);
  Parts parts = Unpack(list);
  if (parts.head_count > 0) parts.head = NewLeaf(heap, words.data(), parts.head_count);
  parts.tree.node = words[parts.head_count];
  if (parts.tail_count > 0) {
    parts.tail = NewLeaf(heap, words.data() + parts.head_count + 1, parts.tail_count);
  }
  return Pack(heap, parts);
}

}  // namespace list_internal
}  // namespace vesicle
