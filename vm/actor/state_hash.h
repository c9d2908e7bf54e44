// Two fingerprints of a VM, for tests and for comparing runs.
//
// StateHash: all that can be observed from now on: every event that waits, in a queue, an
// inbox or a turn cut short; every actor that can be reached from one; promises with
// what waits on them; tasks; sponsors, their balances and keepers. A turn that was rolled
// back leaves it as it was. Left out is what legitimately differs then: steps and memory
// used, serials of turns and identities, reports, addresses, and whatever the collector
// has not found yet. It walks everything; for tests.
//
// TraceHash: all turns of a run, in order: who, with what message, how it ended, how
// many events it sent. The same program with the same inputs gives the same trace, on
// every machine, with every compiler, wherever the collector ran.
//
//   TraceHash trace;
//   core.set_observer(&trace);
//   ... run ...
//   trace.value();
#ifndef VESICLE_VM_ACTOR_STATE_HASH_H_
#define VESICLE_VM_ACTOR_STATE_HASH_H_

#include <cstdint>

#include "vm/actor/core.h"

#pragma GCC visibility push(default)
namespace vesicle {

uint64_t StateHash(Core& core);

class TraceHash final : public TurnObserver {
 public:
  void OnTurn(Core& core, const TurnState& turn, TurnEnd end) override;
  uint64_t value() const { return hash_; }
  uint64_t turns() const { return turns_; }

 private:
  uint64_t hash_ = 0;
  uint64_t turns_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_STATE_HASH_H_
