// Sides: to which side each target of a VM belongs: actors, promises, resolvers, what
// runs later, refs of sponsors. A target belongs where it was made, for ever.
//
// It is held weakly, by a table in the heap; what stands in it is noted beside its address,
// anew whenever a collection may have moved or freed something.
//
//   Sides sides(heap);
//   sides.Set(actor, 2);
//   sides.Refresh();                      // before a walk
//   sides.Of(object);                     // 2, or kNone
#ifndef VESICLE_TESTS_SIM_LEAKS_SIDES_H_
#define VESICLE_TESTS_SIM_LEAKS_SIDES_H_

#include <cstdint>
#include <vector>

#include "tests/sim/leaks/shadow.h"
#include "vm/heap/heap.h"
#include "vm/heap/root.h"

namespace vesicle::leaks {

using Side = uint8_t;
inline constexpr Side kNone = 0xff;
inline constexpr int kSidesMax = 8;

class Sides {
 public:
  static constexpr size_t kTargetsMax = size_t{1} << 15;

  explicit Sides(Heap& heap) : heap_(heap) {}
  Side Of(const Object* target) {
    const Note note = notes_.Of(target);
    return note.time == time_ ? static_cast<Side>(note.side) : kNone;
  }
  // Beyond kTargetsMax nothing is noted any more (is_full): the world is to end.
  void Set(Object* target, Side side);
  void Refresh();
  size_t size() const { return sides_.size(); }
  bool is_full() const { return sides_.size() >= kTargetsMax; }

 private:
  static constexpr uint32_t kChunkWords = 512;
  struct Note {
    uint32_t time : 24 = 0;
    uint32_t side : 8 = kNone;
  };
  Object* Chunk(size_t i) const { return chunks_[i / kChunkWords].value().data(); }

  Heap& heap_;
  std::vector<Root> chunks_;  // kWeakTable
  std::vector<Side> sides_;   // of what stands there
  Shadow<Note> notes_;
  uint32_t time_ = 1;
  uint64_t young_collections_ = 0;
  uint64_t cycles_ = 0;
};

}  // namespace vesicle::leaks

#endif  // VESICLE_TESTS_SIM_LEAKS_SIDES_H_
