// A Membrane stands between two groups of actors, the *inside* and the *outside*. Each
// ref that crosses it becomes a proxy of this same membrane, in either direction and
// wherever it stands in a message, so that one revoke cuts every path that grew from
// the first introduction. What comes home is the original again.
//
//   Bob is inside, Alice outside, and Alice is given `wall.Pass(bob, Direction::kOut)`, a
//   proxy p of Bob. Alice sends p a ref of Carol, an outsider: Bob gets a proxy of Carol.
//   Bob sends that proxy his own ref: Carol gets p, the very same. Carol sends p to Bob: he
//   gets himself.
//
// A message crosses when its target's turn begins, in the same dispatch, paid by who pays
// in that direction. Slots cross as refs do, so a reply crosses back; a promise becomes
// a promise of the other side, which is settled when the first one is. Data that hold no
// ref are not copied.
//
// After a revoke nothing crosses, what waits is dropped, turns that a crossing began and
// that are not done are undone, and whoever waits for an answer learns #revoked.
//
// Ownership: a kBoundary object, which lives while a proxy or who controls it does. Holds
//            proxies weakly; a proxy keeps its target alive until the revoke.
// Threads:   its VM's only.
// Limits:    proxies_max each way, owed_max; at a limit a crossing fails with #full.
//
//   std::optional<Membrane> wall = Membrane::Create(core, {});
//   Result p = wall->Pass(bob, Direction::kOut);       // kMemory, kTooBig, kType
//   wall->Revoke();
#ifndef VESICLE_MEMBRANE_MEMBRANE_H_
#define VESICLE_MEMBRANE_MEMBRANE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "vm/actor/core.h"
#include "vm/heap/root.h"
#include "vm/value/result.h"

namespace vesicle {

// Into the inside, or out of it.
enum class Direction : uint8_t { kIn, kOut };
inline Direction Opposite(Direction d) { return d == Direction::kIn ? Direction::kOut : Direction::kIn; }

struct MembraneOptions {
  // Control refs of the sponsors that run and pay for what crosses; nil: the root's.
  Value payer_in;
  Value payer_out;
  // Proxies alive at a time, each way.
  size_t proxies_max = size_t{1} << 22;
  // Asks and promises under way at a time.
  size_t owed_max = size_t{1} << 22;
};

class LocalBoundary;

// A handle: copies are the same membrane. Keeps it alive.
class Membrane {
 public:
  // Nothing: no memory for it.
  static std::optional<Membrane> Create(Core& core, const MembraneOptions& options);
  // Of the kBoundary object that value() was.
  static Membrane Of(Core& core, Value boundary);
  Value value() const { return boundary_.value(); }

  // The value for the other side: an introduction. Paid by who pays in that direction. kMemory;
  // kTooBig: a limit; kType: it holds what may not cross, a native closure. After the revoke each
  // proxy in it is dead from birth.
  Result Pass(Value value, Direction direction);
  // Cuts it, at once and for good.
  void Revoke();
  bool is_revoked() const;

  struct Counts {
    size_t proxies_in = 0;   // of outsiders, held inside; those of the dead may be counted
    size_t proxies_out = 0;  // of insiders, held outside
    size_t owed = 0;
    uint64_t crossed = 0;  // messages and answers
    uint64_t refused = 0;
  };
  Counts counts() const;

 private:
  Membrane(Core& core, Value boundary) : core_(&core), boundary_(core.heap(), boundary) {}
  LocalBoundary& boundary() const;
  Core* core_;
  Root boundary_;
};

// What a failure of a crossing is called: #quota(memory), #full(..), #denied(..).
Value CrossingReason(Core& core, Failure failure);

}  // namespace vesicle

#endif  // VESICLE_MEMBRANE_MEMBRANE_H_
