// Replay: runs the inside of a recorded membrane again (recorder.h), alone. Whoever wants it
// makes the same inside anew; the log plays the outside. What came in comes again, each at
// its time, turns are cut short where they were, and what goes out is held against the log.
//
// Exactly: the inside runs the same turns in the same order and comes to the same state, or the
// outcome says with which record it parted ways. What goes out is compared for each actor and
// each promise of the outside by itself: their order among one another is up to the outside.
//
// May run in another VM than the log was written in; a log in which a function or a behavior
// crossed is replayed in its own one.
//
// Ownership: the membrane of the outcome is the new one; the log is the caller's, and stays.
// Threads:   its VM's. Wants to be called outside of turns; runs the VM meanwhile.
//
//   struct Again final : ReplayInside {
//     Value Introduce(size_t) override { return counter.value(); }   // as when it was recorded
//     ...
//   } again;
//   absl::StatusOr<Replayed> replayed = Replay(*log, vm.core(), budget.value(), again);
//   if (replayed.ok() && !replayed->is_whole()) Show(replayed->difference);
#ifndef VESICLE_MEMBRANE_REPLAY_H_
#define VESICLE_MEMBRANE_REPLAY_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "membrane/membrane.h"
#include "membrane/recorder.h"

#pragma GCC visibility push(default)
namespace vesicle {

// The inside, as far as its membrane's maker makes it.
class ReplayInside {
 public:
  virtual ~ReplayInside() = default;
  // The value of outward introduction number `n` (Membrane::Pass), counted from 0.
  virtual Value Introduce(size_t n) = 0;
  // That of inward introduction number `n`, as the inside has it.
  virtual void Receive(size_t n, Value value) { static_cast<void>(n), static_cast<void>(value); }
};

struct Replayed {
  Membrane wall;
  size_t records = 0;  // of the log, replayed and found the same
  // Where the inside parted ways: a number of the log, and what was not the same, in words.
  std::optional<size_t> differs_at;
  std::string difference;
  bool is_whole() const { return difference.empty(); }
};

// `payer_in`: a new sponsor for the inside, on which nothing ran. FailedPrecondition: the log
// cannot be replayed, in words; InvalidArgument: payer_in.
absl::StatusOr<Replayed> Replay(const Recorder& log, Core& core, Value payer_in,
                                ReplayInside& inside);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_REPLAY_H_
