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
// In each direction a policy (policy.h) may deny, rewrite or redirect; what crossed and what
// did not stands in a ring of records (audit.h).
//
// After a revoke nothing crosses, what waits is dropped, turns that a crossing began and
// that are not done are undone, and whoever waits for an answer learns #revoked.
//
// Ownership: a kBoundary object, which lives while a proxy or who controls it does. Holds
//            proxies weakly; a proxy keeps its target alive until the revoke.
// Threads:   its VM's only.
// Limits:    proxies_max each way, owed_max; at a limit a crossing fails with #full.
//
//   absl::StatusOr<Membrane> wall = Membrane::Create(core, {});
//   Result p = wall->Pass(bob, Direction::kOut);       // kMemory, kTooBig, kType
//   wall->Revoke();
#ifndef VESICLE_MEMBRANE_MEMBRANE_H_
#define VESICLE_MEMBRANE_MEMBRANE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "membrane/audit.h"
#include "membrane/direction.h"
#include "vm/actor/core.h"
#include "vm/heap/root.h"
#include "vm/value/result.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct MembraneOptions {
  // Control refs of the sponsors that run and pay for what crosses; nil: the root's.
  Value payer_in;
  Value payer_out;
  // Rules as in policy.h; nil: everything passes.
  Value inward;
  Value outward;
  // A clock, for rules that want one and for records; or nil.
  Value clock;
  // Gets each record as a message, paid by `owner`; or nil.
  Value sink;
  Value owner;  // a sponsor's control ref; nil: the root's
  // Records kept.
  size_t audit_records = 256;
  // Not 0: what crosses is kept whole, so much of it (recorder.h). The inside has a sponsor of its
  // own then, that has not run yet: payer_in.
  size_t record_bytes_max = 0;
  // Proxies alive at a time, each way.
  size_t proxies_max = size_t{1} << 22;
  // Asks and promises under way at a time.
  size_t owed_max = size_t{1} << 22;
};
inline constexpr size_t kTableEntriesMax = size_t{1} << 26;  // of those limits
inline constexpr size_t kAuditRecordsMax = size_t{1} << 20;

class LocalBoundary;
class Recorder;

// A handle: copies are the same membrane. Keeps it alive.
class Membrane {
 public:
  // InvalidArgument: a rule or a clock that is none, in words; ResourceExhausted: no memory for it.
  static absl::StatusOr<Membrane> Create(Core& core, const MembraneOptions& options);
  // What Create would say of the options, if it is no want of memory; empty: nothing.
  static std::string WhatIsWrong(const MembraneOptions& options);
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
  // The last crossings, oldest first.
  std::vector<CrossingRecord> Audit() const;
  // What was recorded, which ends now; null: nothing is. Good as long as the membrane is.
  const Recorder* EndRecording();

 private:
  Membrane(Core& core, Value boundary) : core_(&core), boundary_(core.heap(), boundary) {}
  LocalBoundary& boundary() const;
  Core* core_;
  Root boundary_;
};

// What a failure of a crossing is called: #quota(memory), #full(..), #denied(..).
Value CrossingReason(Core& core, Failure failure);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_MEMBRANE_H_
