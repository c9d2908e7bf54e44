// Maps: persistent, with one order of iteration: *data keys* in value order
// (compare.h), then *ref keys* (keys that hold a ref anywhere) by first insertion.
// Putting a key that is there keeps its place; taking it out and putting it back
// moves a ref key to the end. Sameness ignores the order of the ref part.
//
// Up to 8 entries stand in one object (flat), sorted. Above that, data entries
// are a B+ tree by key, and ref entries two of them: one by key, where refs
// stand in order of their serials (identity.h), and one by insertion. A map is
// flat if and only if it has at most 8 entries.
//
// Keys:    any data and refs, except (kType) what holds a promise, a function or
//          a behavior anywhere, or a map with ref keys. A key of more than
//          kKeyWorkMax words is kTooBig, so a look-up is bounded.
// Fails:   as keys do; single-entry functions allocate small objects only.
// Costs:   Get, Put, Remove, MapAt O(log n) key comparisons; charge LookUpWork.
//
//   Result m = MapPut(heap, EmptyMap(heap), key, value, identities);
//   Value position = kMapStart, leaf;
//   MapEntry e;
//   while (MapNext(m.value(), position, leaf, e)) Use(e.key, e.value);
#ifndef VESICLE_VM_VALUE_MAP_H_
#define VESICLE_VM_VALUE_MAP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"
#include "vm/value/identity.h"
#include "vm/value/result.h"
#include "vm/value/value_kind.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr uint32_t kFlatEntriesMax = 8;
inline constexpr uint64_t kKeyWorkMax = uint64_t{1} << 16;

namespace map_internal {
class TreeBuilder;
inline constexpr uint8_t kDeep = Object::kKindFlagsFirst;
inline constexpr int kDataCountShift = 4;  // flat: flags >> 4 is the number of data entries
}  // namespace map_internal

struct MapEntry {
  Value key;
  Value value;
};

Value EmptyMap(Heap& heap);

// Everything below wants IsMap where it says map.
uint64_t MapSizeDeep(const Object* map);
inline uint64_t MapSize(Value map) {
  const Object* o = map.data();
  return (o->flags & map_internal::kDeep) == 0 ? o->count / 2 : MapSizeDeep(o);
}
// The entries with data keys; they are the first in the order of iteration.
uint64_t MapDataSize(Value map);
inline bool MapHasRefKeys(Value map) { return MapDataSize(map) != MapSize(map); }

Result MapGetSlow(Value map, Value key, IdentitySource& identities);
// The value, or Absent when the key is not there. kType, kTooBig: no possible key.
inline Result MapGet(Value map, Value key, IdentitySource& identities) {
  const Object* o = map.data();
  if (!key.is_pointer() && (o->flags & map_internal::kDeep) == 0) {
    const uint32_t n = o->count / 2;
    const Value* keys = o->words();
    for (uint32_t i = 0; i < n; ++i) {
      if (keys[i] == key) return keys[n + i];
    }
    return Value::Absent();
  }
  return MapGetSlow(map, key, identities);
}
Result MapPut(Heap& heap, Value map, Value key, Value value, IdentitySource& identities);
// The same map when the key is not there.
Result MapRemove(Heap& heap, Value map, Value key, IdentitySource& identities);
// All of a, then all of b put into it (b's values win). kMemory.
Result MapMerge(Heap& heap, Value a, Value b, IdentitySource& identities);
// Steps of MapMerge, MapBuilder::Finish and their like for so many entries.
constexpr uint64_t MapWork(uint64_t entries) { return entries * 4; }

// The entry at a place of the order. Wants index < MapSize(map).
MapEntry MapAt(Value map, uint64_t index);

// A run of entries as they stand in memory. Valid until the next safe point.
struct MapChunk {
  const Value* keys;
  const Value* values;
  uint64_t first;  // place of the first in the order of iteration
  uint32_t count;
};
// The run that holds the entry at `index`. Wants index < MapSize(map).
MapChunk MapChunkAt(Value map, uint64_t index);
// --- iteration in three registers, as ListNext (list.h)
inline constexpr Value kMapStart = Value::SmallInt(0);
namespace map_internal {
bool NextLeaf(Value map, Value& position, Value& leaf, MapEntry& out);
// Deep maps: the ref entry number `index` in order of keys, the same in maps that are
// the same.
MapEntry RefAtByKey(Value map, uint64_t index);
}  // namespace map_internal
inline bool MapNext(Value map, Value& position, Value& leaf, MapEntry& out) {
  const int64_t p = position.small_int();
  if ((p & 63) == 0) {
    Value next_position = position;
    Value next_leaf;
    MapEntry next;
    if (!map_internal::NextLeaf(map, next_position, next_leaf, next)) return false;
    position = next_position;
    leaf = next_leaf;
    out = next;
    return true;
  }
  const Object* o = leaf.object();
  const Value* key = o->words() + ((p >> 6) & 63);
  out = {key[0], key[o->count / 2]};
  position = Value::SmallInt(p + (1 << 12) + (1 << 6) - 1);
  return true;
}

// What a value is as a key.
enum class KeyClass : uint8_t { kData, kRef, kType, kTooBig };
KeyClass ClassifyKeySlow(Value key, uint64_t* work);
inline KeyClass ClassifyKey(Value key) {
  uint64_t work = 0;
  return key.is_pointer() ? ClassifyKeySlow(key, &work) : KeyClass::kData;
}
// Steps of one look-up by this key beyond a constant.
inline uint64_t KeyWork(Value key) {
  uint64_t work = 0;
  if (key.is_data()) ClassifyKeySlow(key, &work);
  return work;
}

// Steps of one look-up or put in this map. A comparison of long keys may walk all of the key, at
// some 30 ns a word; of short ones it takes what any step does.
inline constexpr uint64_t kKeyWorkShort = 64;
inline constexpr uint64_t kStepsOfKeyWord = 3;
uint64_t LookUpWork(Value map, Value key);
// The same for functions of the prelude, to which a word of a short key is a step.
inline uint64_t MapCallWork(Value map, Value key) {
  const uint64_t work = KeyWork(key);
  return work < kKeyWorkShort ? work : LookUpWork(map, key);
}
// Whether MapMerge of them takes no longer than a thousand steps do; otherwise MapMerger has
// pieces. b of at most one entry is: charge its LookUpWork.
bool MapMergeIsShort(Value a, Value b);

// Builds a map from entries in any order; of entries with the same key the last
// value stays, at the place of the first. Lives between two safe points. In
// order (as from another map) it is linear.
//
//   MapBuilder builder(heap, identities);
//   if (auto failure = builder.Add(key, value)) return *failure;   // kType, kTooBig
//   Result map = builder.Finish();                                 // kMemory
class MapBuilder {
 public:
  MapBuilder(Heap& heap, IdentitySource& identities) : heap_(heap), identities_(identities) {}
  std::optional<Failure> Add(Value key, Value value);
  Result Finish();

 private:
  Heap& heap_;
  IdentitySource& identities_;
  std::vector<MapEntry> data_;
  std::vector<MapEntry> refs_;
};

// MapMerge in pieces: in order where both have many entries, and entry by entry where
// b has few.
//
//   MapMerger merger(heap, a, b, identities);
//   while (!merger.Run(1000)) Suspend();       // visited at every safe point between
//   Use(merger.result());
class MapMerger {
 public:
  MapMerger(Heap& heap, Value a, Value b, IdentitySource& identities);
  ~MapMerger();
  MapMerger(const MapMerger&) = delete;
  MapMerger& operator=(const MapMerger&) = delete;

  // Goes on for about `entries`; true when finished.
  bool Run(uint64_t entries);
  // Entries done so far.
  uint64_t work() const { return work_; }
  Value result() const { return result_; }
  void Visit(Visitor& visitor);

 private:
  struct Side {
    explicit Side(Value m) : map(m), left(MapDataSize(m)) {}

    Value map;
    uint64_t left;  // data entries not yet taken
    Value position = kMapStart;
    Value leaf;
    bool is_taken = false;
    MapEntry entry;
  };
  enum class Stage : uint8_t { kPut, kData, kRefs, kDone };

  void TakeNext(Side& side);
  void MergeOne();
  void BeginRefs();
  bool PutRefOf(Side& side);

  Heap& heap_;
  IdentitySource& identities_;
  Side a_;
  Side b_;
  std::unique_ptr<map_internal::TreeBuilder> data_;
  Value result_;
  Stage stage_;
  uint64_t work_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_MAP_H_
