// Crossing: a value becomes the same value for the other side of a boundary. The one
// place where values are walked and refs are mapped: a membrane, a copy to another heap
// and a codec differ in what they map a ref to, not in how they find it.
//
// The law: no ref gets by unmapped, wherever it stands: nested, in a key or a value of a
// map, tagged, captured by a function or a behavior. What holds no ref is not copied; what
// is shared stays shared; nothing recurses on the value's depth; each node is walked once.
//
// Fails:  closed: with the first ref that cannot be mapped, with a native closure (its C++
//         state may hold anything), with what is no data. Nothing is half mapped then.
// Costs:  cost().work; charge a step for each two. A walk that is longer than asked for
//         stops (kMore) and goes on; collections may come between, if Visit is called by them.
// Memory: some 50 bytes a node while it lasts, paid by the sponsor that it ran on first.
//
//   class Wrap final : public RefMap { Result MapRef(Value ref) override { ... } };
//   Crossing crossing(heap, identities, value);
//   while (crossing.Go(wrap, 5'000) == Crossing::Step::kMore) { ... }
//   Use(crossing.value());
#ifndef VESICLE_MEMBRANE_CROSSING_H_
#define VESICLE_MEMBRANE_CROSSING_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "membrane/address_map.h"
#include "membrane/heap_words.h"
#include "vm/heap/external_bytes.h"
#include "vm/heap/heap.h"
#include "vm/value/identity.h"
#include "vm/value/result.h"

#pragma GCC visibility push(default)
namespace vesicle {

// What a ref becomes.
class RefMap {
 public:
  // `ref`: any target word. Never collects. kType: it may not cross; kTooBig: a table is full;
  // kMemory: it may be asked for again.
  virtual Result MapRef(Value ref) = 0;

 protected:
  ~RefMap() = default;
};

class Crossing {
 public:
  Crossing(Heap& heap, IdentitySource& identities, Value value)
      : heap_(heap),
        identities_(identities),
        value_(value),
        results_(heap),
        objects_(heap),
        parts_(heap),
        bytes_(heap) {}
  Crossing(const Crossing&) = delete;
  Crossing& operator=(const Crossing&) = delete;

  struct Cost {
    uint64_t work = 0;  // words looked at, and what a node takes
    uint64_t size = 0;  // bytes of the value; what is shared counts once
  };
  // What most messages are is seen at one look, without a Crossing.
  enum class Shape : uint8_t {
    kFlat,  // a few atoms, and no ref: it crosses as it is
    kRefs,  // a ref, or a tagged value of refs and atoms: MapShort
    kDeep,  // it wants a walk
  };
  static Shape ShapeOf(Value value, Cost* cost);
  // Wants kRefs. Fails as MapRef does; kMemory.
  template <typename Refs>
  static Result MapShort(Heap& heap, Value value, Refs& refs, Cost* cost);
  // Both; nothing, when it wants a walk.
  static std::optional<Result> Short(Heap& heap, Value value, RefMap& refs, Cost* cost);

  enum class Step : uint8_t {
    kDone,    // value() is the value for the other side
    kMore,    // so much work is done; call it again
    kNoRoom,  // an allocation did not fit; call it again when it may
    kFailed,  // failure() says why; never kMemory
  };
  Step Go(RefMap& refs, uint64_t work_max);
  Value value() const { return value_; }
  Failure failure() const { return failure_; }
  const Cost& cost() const { return cost_; }
  void Visit(Visitor& visitor);

 private:
  // What it takes to come to a node and to leave it, in words.
  static constexpr uint64_t kNodeWork = 8;

  // Of a node on the path: its parts stand in parts_, mapped up to `next`. Data have no cycles, so
  // what is met again is done.
  struct Node {
    size_t parts;  // where they begin
    size_t next;
  };
  struct Young {
    const Object* address;  // under which it stands in known_
    Value source;
    uint32_t result;
  };

  Step Enter(Value object);
  // kDone: *mapped is what a part becomes. kMore: it is a node that was not walked yet.
  Step Map(RefMap& refs, Value part, Value* mapped);
  Step Leave(uint64_t work_end, Value* mapped);
  Step LeaveMap(uint64_t work_end, Value* mapped);
  bool Learn(Value source, Value mapped);
  Step FailWith(Failure failure);
  // Young sources moved: they are entered anew.
  void Refresh();
  void Finish(Value mapped);
  void ChargeMemory();

  Heap& heap_;
  IdentitySource& identities_;
  Value value_;
  Failure failure_ = Failure::kType;
  enum class Stage : uint8_t { kNew, kWalking, kDone } stage_ = Stage::kNew;
  AddressMap known_;  // what a source became: where in results_
  HeapWords results_;
  std::vector<Young> young_;
  uint64_t collections_ = 0;
  std::deque<Node> path_;      // no copy of a million when it grows
  HeapWords objects_;          // of the nodes on the path
  HeapWords parts_;            // theirs
  std::vector<Value> before_;  // the parts of one node, for a moment
  Value map_;                  // of a map with ref keys that is left: so far; or nil
  size_t map_next_ = 0;        // its next entry, in parts_
  Cost cost_;
  ExternalBytes bytes_;
};

template <typename Refs>
Result Crossing::MapShort(Heap& heap, Value value, Refs& refs, Cost* cost) {
  if (value.is_target()) return refs.MapRef(value);
  const Object* o = value.object();
  Object* copy = heap.TryAllocate(Kind::kTagged, o->count);
  if (copy == nullptr) return Failure::kMemory;
  for (uint32_t i = 0; i < o->count; ++i) {
    Value part = o->words()[i];
    if (part.is_target()) {
      const Result ref = refs.MapRef(part);
      if (!ref.ok()) return ref;
      part = ref.value();
    }
    copy->words()[i] = part;
  }
  cost->work += kNodeWork;
  return Value::Data(copy);
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_CROSSING_H_
