// Crossing: a value becomes the same value for the other side of a boundary. The one
// place where values are walked and refs are mapped: a membrane, a copy to another heap
// and a codec differ in what they map a ref to, not in how they find it.
//
// The law: no ref gets by unmapped, wherever it stands: nested, in a key or a value of a
// map, tagged, captured by a function or a behavior. What holds no ref is not copied; what
// is shared stays shared; nothing recurses on the value's depth; each node is walked once.
//
// Fails:   closed: with the first ref that cannot be mapped, with a native closure (its C++
//          state may hold anything), with what is no data. Nothing is half mapped then.
// Costs:   work() words; charge a step for each sixteen.
// Threads: its VM's. Never collects, so it lives between two safe points.
//
//   class Wrap final : public RefMap { Result MapRef(Value ref) override { ... } };
//   Wrap wrap;
//   Crossing crossing(heap, identities, wrap);
//   Result inside = crossing.Run(message);        // kMemory, or what MapRef failed with
#ifndef VESICLE_MEMBRANE_CROSSING_H_
#define VESICLE_MEMBRANE_CROSSING_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "vm/heap/heap.h"
#include "vm/value/identity.h"
#include "vm/value/result.h"

namespace vesicle {

// What a ref becomes.
class RefMap {
 public:
  // `ref`: any target word. The same ref is asked for once in a crossing. kType: it may not cross;
  // kTooBig: a table is full.
  virtual Result MapRef(Value ref) = 0;

 protected:
  ~RefMap() = default;
};

class Crossing {
 public:
  Crossing(Heap& heap, IdentitySource& identities, RefMap& refs)
      : heap_(heap), identities_(identities), refs_(refs) {}
  Crossing(const Crossing&) = delete;
  Crossing& operator=(const Crossing&) = delete;

  // The value for the other side; the same one when it holds no ref.
  Result Run(Value value) {
    if (!value.is_pointer()) return value;
    if (value.is_target()) return MapTarget(value);
    return IsFlatData(value.object()) ? Result(value) : Walk(value);
  }
  uint64_t work() const { return work_; }

 private:
  struct Node {
    const Object* object;
    size_t parts;  // where its parts begin in parts_
    size_t next;   // the part to look at next
  };

  // A short tagged value, list or map of atoms: what most messages are.
  bool IsFlatData(const Object* o);
  Result Walk(Value value);
  Result MapTarget(Value ref);
  // What a part is known to become; false: it is a node that was not walked yet.
  bool Known(Value part, Value* mapped, Result* failed);
  Result Leave(const Node& node);

  Heap& heap_;
  IdentitySource& identities_;
  RefMap& refs_;
  absl::flat_hash_map<const Object*, Value> mapped_;
  std::vector<Node> path_;
  std::vector<Value> parts_;         // of the nodes on the path
  std::vector<Value> parts_before_;  // of the node that is left
  uint64_t work_ = 0;
};

}  // namespace vesicle

#endif  // VESICLE_MEMBRANE_CROSSING_H_
