#include "vm/value/map.h"

#include <algorithm>

#include "vm/value/compare.h"
#include "vm/value/map_tree.h"

namespace vesicle {

using namespace map_internal;

namespace {

// Words of a deep map. A size and a height share a word: size << 5 | height.
enum DeepWord : uint32_t {
  kDataSize,
  kDataRoot,
  kIndexSize,  // ref entries by key: key -> sequence number
  kIndexRoot,
  kOrderHeight,  // ref entries by sequence number: -> a pair; next number << 5 | height
  kOrderRoot,
  kDeepWords,
};
constexpr int kHeightBits = 5;
constexpr uint64_t kHeightMask = 31;

// Bytes an entry of a tree takes, with its share of the nodes above.
constexpr uint64_t kEntryBytes = 24;

bool IsDeep(const Object* map) { return (map->flags & kDeep) != 0; }
uint32_t FlatSize(const Object* map) { return map->count / 2; }
uint32_t FlatDataSize(const Object* map) { return map->flags >> kDataCountShift; }

struct Parts {
  Tree data;
  Tree index;
  Tree order;
  uint64_t next = 0;  // sequence number

  uint64_t size() const { return data.size + index.size; }
};

uint64_t Unsigned(Value v) { return static_cast<uint64_t>(v.small_int()); }

Parts Unpack(const Object* o) {
  const Value* w = o->words();
  Parts parts;
  parts.data = {w[kDataRoot], Unsigned(w[kDataSize]) >> kHeightBits,
                static_cast<int>(Unsigned(w[kDataSize]) & kHeightMask)};
  parts.index = {w[kIndexRoot], Unsigned(w[kIndexSize]) >> kHeightBits,
                 static_cast<int>(Unsigned(w[kIndexSize]) & kHeightMask)};
  parts.order = {w[kOrderRoot], parts.index.size,
                 static_cast<int>(Unsigned(w[kOrderHeight]) & kHeightMask)};
  parts.next = Unsigned(w[kOrderHeight]) >> kHeightBits;
  return parts;
}

Value SizeAndHeight(uint64_t size, int height) {
  return Value::SmallInt(static_cast<int64_t>(size << kHeightBits | static_cast<uint64_t>(height)));
}

Value PackDeep(Heap& heap, const Parts& parts) {
  Object* o = heap.AllocateRaw(Kind::kMap, kDeepWords);
  o->flags |= kDeep;
  Value* w = o->words();
  w[kDataSize] = SizeAndHeight(parts.data.size, parts.data.height);
  w[kDataRoot] = parts.data.root;
  w[kIndexSize] = SizeAndHeight(parts.index.size, parts.index.height);
  w[kIndexRoot] = parts.index.root;
  w[kOrderHeight] = SizeAndHeight(parts.next, parts.order.height);
  w[kOrderRoot] = parts.order.root;
  return Value::Data(o);
}

Value NewFlat(Heap& heap, const MapEntry* entries, uint32_t count, uint32_t data_count) {
  Object* o = heap.AllocateRaw(Kind::kMap, 2 * count);
  o->flags |= static_cast<uint8_t>(data_count << kDataCountShift);
  for (uint32_t i = 0; i < count; ++i) {
    o->words()[i] = entries[i].key;
    o->words()[count + i] = entries[i].value;
  }
  return Value::Data(o);
}

uint32_t TakeApart(const Object* flat, MapEntry* out) {
  const uint32_t n = FlatSize(flat);
  for (uint32_t i = 0; i < n; ++i) out[i] = {flat->words()[i], flat->words()[n + i]};
  return n;
}

bool SameKey(Value a, Value b) {
  // Keys hold nothing opaque, so one object is the same as itself.
  if (a == b) return true;
  return a.is_data() && b.is_data() && CompareNow(a, b, CompareMode::kSame) == Outcome::kSame;
}

// A comparison may walk what is inside.
bool IsLongKey(Value key) {
  return IsKind(key, Kind::kList) || IsKind(key, Kind::kTagged) || IsKind(key, Kind::kMap);
}

// The first place among the data keys of a flat map whose key is not less. Wants a data key.
uint32_t LowerBoundFlat(const Object* flat, Value key, IdentitySource& identities, bool* found) {
  uint32_t low = 0;
  uint32_t high = FlatDataSize(flat);
  *found = false;
  while (low < high && !*found) {
    const uint32_t middle = (low + high) / 2;
    const int order = CompareKeys(flat->words()[middle], key, identities);
    *found = order == 0;
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return *found ? high : low;
}

// Place of the key in a flat map, or its size.
uint32_t FindFlat(const Object* flat, Value key, KeyClass key_class, IdentitySource& identities) {
  const uint32_t n = FlatSize(flat);
  if (key_class == KeyClass::kData && IsLongKey(key)) {
    bool found;
    const uint32_t at = LowerBoundFlat(flat, key, identities, &found);
    return found ? at : n;
  }
  uint32_t i = 0;
  while (i < n && !SameKey(flat->words()[i], key)) ++i;
  return i;
}

std::optional<Failure> FailureOf(KeyClass c) {
  if (c == KeyClass::kType) return Failure::kType;
  if (c == KeyClass::kTooBig) return Failure::kTooBig;
  return std::nullopt;
}

Value NewPair(Heap& heap, Value key, Value value) {
  Object* pair = heap.AllocateRaw(Kind::kMapNode, 2);
  pair->words()[0] = key;
  pair->words()[1] = value;
  return Value::Data(pair);
}

void PutRef(Heap& heap, Parts& parts, Value key, Value value, IdentitySource& identities) {
  // MapGet knows by its serial that a ref is a key somewhere; the first one is compared with none.
  if (key.is_target()) (void)identities.SerialOf(key.target());
  const LeafEntry known = Find(parts.index, key, identities);
  Value number;
  if (known.leaf != nullptr) {
    number = known.value();
    key = known.key();
  } else {
    number = Value::SmallInt(static_cast<int64_t>(parts.next++));
    parts.index = Put(heap, parts.index, key, number, identities);
  }
  const Value pair = NewPair(heap, key, value);
  parts.order = Put(heap, parts.order, number, pair, identities);
}

// The map of these entries (data ascending, refs in order, no key twice).
Value FromEntries(Heap& heap, const std::vector<MapEntry>& data, const std::vector<MapEntry>& refs,
                  IdentitySource& identities) {
  if (data.size() + refs.size() <= kFlatEntriesMax) {
    MapEntry entries[kFlatEntriesMax];
    std::copy(data.begin(), data.end(), entries);
    std::copy(refs.begin(), refs.end(), entries + data.size());
    return NewFlat(heap, entries, static_cast<uint32_t>(data.size() + refs.size()),
                   static_cast<uint32_t>(data.size()));
  }
  Parts parts;
  TreeBuilder builder;
  for (const MapEntry& e : data) builder.Add(heap, e.key, e.value);
  parts.data = builder.Finish(heap);
  for (const MapEntry& e : refs) PutRef(heap, parts, e.key, e.value, identities);
  return PackDeep(heap, parts);
}

// Entries [from, to) of the order of iteration.
void Collect(Value map, uint64_t from, uint64_t to, std::vector<MapEntry>* out) {
  while (from < to) {
    const MapChunk chunk = MapChunkAt(map, from);
    const uint64_t end = std::min(to, chunk.first + chunk.count);
    for (; from < end; ++from) {
      out->push_back({chunk.keys[from - chunk.first], chunk.values[from - chunk.first]});
    }
  }
}

struct Located {
  MapChunk chunk;
  Object* object;
};

Located Locate(Value map, uint64_t index) {
  Object* o = map.data();
  if (!IsDeep(o)) {
    return {{o->words(), o->words() + FlatSize(o), 0, FlatSize(o)}, o};
  }
  const Parts parts = Unpack(o);
  if (index < parts.data.size) {
    const LeafEntry at = At(parts.data, index);
    const uint32_t n = at.leaf->count / 2;
    return {{at.leaf->words(), at.leaf->words() + n, index - at.place, n}, at.leaf};
  }
  Object* pair = At(parts.order, index - parts.data.size).value().data();
  return {{pair->words(), pair->words() + 1, index, 1}, pair};
}

}  // namespace

Value EmptyMap(Heap& heap) { return NewFlat(heap, nullptr, 0, 0); }

uint64_t MapSizeDeep(const Object* map) {
  return (Unsigned(map->words()[kDataSize]) >> kHeightBits) +
         (Unsigned(map->words()[kIndexSize]) >> kHeightBits);
}

uint64_t MapDataSize(Value map) {
  const Object* o = map.data();
  return IsDeep(o) ? Unsigned(o->words()[kDataSize]) >> kHeightBits : FlatDataSize(o);
}

Result MapGetSlow(Value map, Value key, IdentitySource& identities) {
  const KeyClass key_class = ClassifyKey(key);
  if (const auto failure = FailureOf(key_class)) return *failure;
  const Object* o = map.data();
  if (!IsDeep(o)) {
    const uint32_t at = FindFlat(o, key, key_class, identities);
    return at == FlatSize(o) ? Value::Absent() : o->words()[FlatSize(o) + at];
  }
  const Parts parts = Unpack(o);
  if (key_class == KeyClass::kData) {
    const LeafEntry found = Find(parts.data, key, identities);
    return found.leaf == nullptr ? Value::Absent() : found.value();
  }
  if (parts.index.size == 0) return Value::Absent();
  // A ref that never got a serial is in no map.
  if (key.is_target() && !identities.KnownSerialOf(key.target())) return Value::Absent();
  const LeafEntry found = Find(parts.index, key, identities);
  if (found.leaf == nullptr) return Value::Absent();
  return Find(parts.order, found.value(), identities).value().data()->words()[1];
}

Result MapPut(Heap& heap, Value map, Value key, Value value, IdentitySource& identities) {
  const KeyClass key_class = ClassifyKey(key);
  if (const auto failure = FailureOf(key_class)) return *failure;
  const Object* o = map.data();
  if (IsDeep(o)) {
    Parts parts = Unpack(o);
    if (key_class == KeyClass::kData) {
      parts.data = Put(heap, parts.data, key, value, identities);
    } else {
      PutRef(heap, parts, key, value, identities);
    }
    return PackDeep(heap, parts);
  }
  const uint32_t n = FlatSize(o);
  const uint32_t data_count = FlatDataSize(o);
  MapEntry entries[kFlatEntriesMax + 1];
  TakeApart(o, entries);
  const bool is_data = key_class == KeyClass::kData;
  bool found = false;
  uint32_t place = n;
  if (is_data) {
    place = LowerBoundFlat(o, key, identities, &found);
  } else {
    place = FindFlat(o, key, key_class, identities);
    found = place < n;
  }
  if (found) {
    entries[place].value = value;
    return NewFlat(heap, entries, n, data_count);
  }
  std::copy_backward(entries + place, entries + n, entries + n + 1);
  entries[place] = {key, value};
  const uint32_t new_data_count = data_count + (is_data ? 1 : 0);
  if (n < kFlatEntriesMax) return NewFlat(heap, entries, n + 1, new_data_count);
  return FromEntries(heap, {entries, entries + new_data_count},
                     {entries + new_data_count, entries + n + 1}, identities);
}

Result MapRemove(Heap& heap, Value map, Value key, IdentitySource& identities) {
  const Result there = MapGet(map, key, identities);
  if (!there.ok()) return there;
  if (there.value().is_absent()) return map;
  const Object* o = map.data();
  if (!IsDeep(o)) {
    MapEntry entries[kFlatEntriesMax];
    const uint32_t n = TakeApart(o, entries);
    const uint32_t at = FindFlat(o, key, ClassifyKey(key), identities);
    std::copy(entries + at + 1, entries + n, entries + at);
    return NewFlat(heap, entries, n - 1, FlatDataSize(o) - (at < FlatDataSize(o) ? 1 : 0));
  }
  Parts parts = Unpack(o);
  if (ClassifyKey(key) == KeyClass::kData) {
    parts.data = Remove(heap, parts.data, key, identities);
  } else {
    const Value number = Find(parts.index, key, identities).value();
    parts.index = Remove(heap, parts.index, key, identities);
    parts.order = Remove(heap, parts.order, number, identities);
  }
  const Value smaller = PackDeep(heap, parts);
  if (parts.size() > kFlatEntriesMax) return smaller;
  std::vector<MapEntry> entries;
  Collect(smaller, 0, parts.size(), &entries);
  return NewFlat(heap, entries.data(), static_cast<uint32_t>(entries.size()),
                 static_cast<uint32_t>(parts.data.size));
}

Result MapMerge(Heap& heap, Value a, Value b, IdentitySource& identities) {
  const uint64_t a_size = MapSize(a);
  const uint64_t b_size = MapSize(b);
  if (b_size == 0) return a;
  if (a_size == 0) return b;
  if (!heap.Reserve((a_size + b_size) * kEntryBytes)) return Failure::kMemory;
  MapMerger merger(heap, a, b, identities);
  merger.Run(UINT64_MAX);
  return merger.result();
}

bool MapMergeIsShort(Value a, Value b) {
  constexpr uint64_t kEntriesAtOnce = 1000;
  if (MapSize(b) <= 1) return true;
  if (MapSize(a) + MapSize(b) > kEntriesAtOnce) return false;
  // Of data keys those that may be long stand last.
  for (const Value map : {a, b}) {
    const uint64_t data = MapDataSize(map);
    if (data < MapSize(map) || (data > 0 && IsLongKey(MapAt(map, data - 1).key))) return false;
  }
  return true;
}

uint64_t LookUpWork(Value map, Value key) {
  const uint64_t work = KeyWork(key);
  if (work < kKeyWorkShort) return work / 4;
  uint64_t comparisons = 2;  // of a flat map by the middle, and where what is found is put
  for (uint64_t n = MapSize(map); n > 0; n /= 2) ++comparisons;
  return kStepsOfKeyWord * work * comparisons;
}

MapChunk MapChunkAt(Value map, uint64_t index) { return Locate(map, index).chunk; }

MapEntry MapAt(Value map, uint64_t index) {
  const MapChunk chunk = MapChunkAt(map, index);
  return {chunk.keys[index - chunk.first], chunk.values[index - chunk.first]};
}

MapEntry map_internal::RefAtByKey(Value map, uint64_t index) {
  const Parts parts = Unpack(map.data());
  const LeafEntry at = At(parts.index, index);
  // Sequence numbers are ints: their order asks for no identity.
  struct NoIdentities final : IdentitySource {
    uint64_t SerialOf(Object*) override { return 0; }
    std::optional<uint64_t> KnownSerialOf(Object*) override { return 0; }
  } none;
  const Object* pair = Find(parts.order, at.value(), none).value().data();
  return {pair->words()[0], pair->words()[1]};
}

bool map_internal::NextLeaf(Value map, Value& position, Value& leaf, MapEntry& out) {
  const uint64_t index = static_cast<uint64_t>(position.small_int()) >> 12;
  if (index >= MapSize(map)) return false;
  const Located found = Locate(map, index);
  const uint64_t place = index - found.chunk.first;
  leaf = Value::Data(found.object);
  out = {found.chunk.keys[place], found.chunk.values[place]};
  position = Value::SmallInt(
      static_cast<int64_t>((index + 1) << 12 | (place + 1) << 6 | (found.chunk.count - place - 1)));
  return true;
}

std::optional<Failure> MapBuilder::Add(Value key, Value value) {
  const KeyClass key_class = ClassifyKey(key);
  if (const auto failure = FailureOf(key_class)) return failure;
  (key_class == KeyClass::kData ? data_ : refs_).push_back({key, value});
  return std::nullopt;
}

Result MapBuilder::Finish() {
  if (!heap_.Reserve((data_.size() + refs_.size()) * kEntryBytes)) return Failure::kMemory;
  const auto less = [this](const MapEntry& a, const MapEntry& b) {
    return CompareKeys(a.key, b.key, identities_) < 0;
  };
  const auto not_ascending = [this](const MapEntry& a, const MapEntry& b) {
    return CompareKeys(a.key, b.key, identities_) >= 0;
  };
  if (std::adjacent_find(data_.begin(), data_.end(), not_ascending) != data_.end()) {
    std::stable_sort(data_.begin(), data_.end(), less);
    size_t kept = 0;
    for (size_t i = 0; i < data_.size(); ++i) {
      if (kept > 0 && CompareKeys(data_[kept - 1].key, data_[i].key, identities_) == 0) {
        data_[kept - 1].value = data_[i].value;
      } else {
        data_[kept++] = data_[i];
      }
    }
    data_.resize(kept);
  }
  if (refs_.size() > 1) {
    // Putting them one by one drops what comes twice and keeps the first places.
    Parts parts;
    for (const MapEntry& e : refs_) PutRef(heap_, parts, e.key, e.value, identities_);
    const Value sorted = PackDeep(heap_, parts);
    refs_.clear();
    Collect(sorted, 0, parts.size(), &refs_);
  }
  return FromEntries(heap_, data_, refs_, identities_);
}

// ---------------------------------------------------------------------------

MapMerger::MapMerger(Heap& heap, Value a, Value b, IdentitySource& identities)
    : heap_(heap),
      identities_(identities),
      a_(a),
      b_(b),
      data_(std::make_unique<TreeBuilder>()),
      result_(a),
      stage_(MapSize(b) < MapSize(a) / 16 ? Stage::kPut : Stage::kData) {}

MapMerger::~MapMerger() = default;

bool MapMerger::Run(uint64_t entries) {
  const uint64_t limit = entries > UINT64_MAX - work_ ? UINT64_MAX : work_ + entries;
  while (work_ < limit) {
    ++work_;
    switch (stage_) {
      case Stage::kPut: {
        MapEntry& e = b_.entry;
        if (!MapNext(b_.map, b_.position, b_.leaf, e)) {
          stage_ = Stage::kDone;
          break;
        }
        work_ += LookUpWork(result_, e.key) / MapWork(1);
        result_ = MapPut(heap_, result_, e.key, e.value, identities_).value();
        break;
      }
      case Stage::kData:
        MergeOne();
        break;
      case Stage::kRefs:
        if (PutRefOf(a_) || PutRefOf(b_)) break;
        if (MapSize(result_) <= kFlatEntriesMax) {
          std::vector<MapEntry> all;
          Collect(result_, 0, MapSize(result_), &all);
          result_ = NewFlat(heap_, all.data(), static_cast<uint32_t>(all.size()),
                            static_cast<uint32_t>(MapDataSize(result_)));
        }
        stage_ = Stage::kDone;
        break;
      case Stage::kDone:
        return true;
    }
  }
  return stage_ == Stage::kDone;
}

void MapMerger::TakeNext(Side& side) {
  if (side.is_taken || side.left == 0) return;
  MapNext(side.map, side.position, side.leaf, side.entry);
  --side.left;
  side.is_taken = true;
}

void MapMerger::MergeOne() {
  TakeNext(a_);
  TakeNext(b_);
  if (!a_.is_taken && !b_.is_taken) return BeginRefs();
  int order = a_.is_taken ? -1 : 1;
  if (a_.is_taken && b_.is_taken) {
    const Value x = a_.entry.key;
    const Value y = b_.entry.key;
    if (IsLongKey(x) && IsLongKey(y)) {
      Comparer comparer;
      comparer.Start(x, y, CompareMode::kKeyOrder, &identities_);
      const Outcome outcome = comparer.Run(UINT32_MAX);
      order = outcome == Outcome::kLess ? -1 : outcome == Outcome::kGreater ? 1 : 0;
      work_ += kStepsOfKeyWord * comparer.work() / MapWork(1);
    } else {
      order = CompareKeys(x, y, identities_);
    }
  }
  const MapEntry& e = order < 0 ? a_.entry : b_.entry;
  data_->Add(heap_, e.key, e.value);
  if (order <= 0) a_.is_taken = false;
  if (order >= 0) b_.is_taken = false;
}

// The ref entries of a deep map stay as they are; those of a flat one, and of b, are put.
void MapMerger::BeginRefs() {
  Parts parts;
  if (IsDeep(a_.map.data())) {
    parts = Unpack(a_.map.data());
    a_.map = Value::Nil();
  }
  parts.data = data_->Finish(heap_);
  result_ = PackDeep(heap_, parts);
  stage_ = Stage::kRefs;
}

bool MapMerger::PutRefOf(Side& side) {
  MapEntry e;
  if (side.map.is_nil() || !MapNext(side.map, side.position, side.leaf, e)) return false;
  work_ += LookUpWork(result_, e.key) / MapWork(1);
  Parts parts = Unpack(result_.data());
  PutRef(heap_, parts, e.key, e.value, identities_);
  result_ = PackDeep(heap_, parts);
  return true;
}

void MapMerger::Visit(Visitor& visitor) {
  for (Side* side : {&a_, &b_}) {
    visitor.Visit(&side->map, 1);
    visitor.Visit(&side->position, 1);
    visitor.Visit(&side->leaf, 1);
    visitor.Visit(&side->entry.key, 1);
    visitor.Visit(&side->entry.value, 1);
  }
  data_->Visit(visitor);
  visitor.Visit(&result_, 1);
}

}  // namespace vesicle
