// WallWorks: a desk inside, a visitor outside, and a membrane between or none: what each
// message, ask and ref takes to cross. By native behaviors and by scripts.
//
// Ownership: owns its VM. Threads: one.
//
//   std::unique_ptr<WallWorks> works = MakeWallWorks(Kernel::kNative, Wall::kPlain);
//   works->Tell(1'000'000);
#ifndef VESICLE_TESTS_BENCH_WALL_WORKS_H_
#define VESICLE_TESTS_BENCH_WALL_WORKS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/bench/works.h"

namespace vesicle::bench {

// What stands between the two.
enum class Wall : uint8_t {
  kNone,        // nothing
  kUnrecorded,  // a membrane that keeps no records
  kPlain,       // one with the options that nobody set
  kRules,       // one with #allow_tags inward
  kSink,        // one that sends its records to an actor
};

struct RevokeFigures {
  double total_ms = 0;    // until all is let go of
  double longest_ms = 0;  // of the revoke itself, and of the slices after it
};

class WallWorks {
 public:
  virtual ~WallWorks() = default;

  // #note(i), 1,000 of them a turn.
  virtual void Tell(int64_t messages) = 0;
  // #meet(a, b), with the same two refs of outsiders.
  virtual void TellRefs(int64_t messages) = 0;
  // #get, which is answered with an integer; one after the other.
  virtual void Ask(int64_t messages) = 0;
  // #meet(a, b), answered with nil.
  virtual void AskRefs(int64_t messages) = 0;
  // New actors that are told to the desk, which drops them.
  virtual void Cross(int64_t refs) = 0;
  // So many proxies that are held, of a membrane of their own; its revoke.
  virtual RevokeFigures Revoke(int64_t proxies) = 0;
};

std::unique_ptr<WallWorks> MakeNativeWallWorks(Wall wall);
std::unique_ptr<WallWorks> MakeScriptWallWorks(Wall wall);

// Wants kNative or kScript.
inline std::unique_ptr<WallWorks> MakeWallWorks(Kernel kernel, Wall wall) {
  return kernel == Kernel::kNative ? MakeNativeWallWorks(wall) : MakeScriptWallWorks(wall);
}

// A pair is timed in turns, so that what the machine does beside it is done to both.
struct Pair {
  double first_ns = 0;  // medians
  double second_ns = 0;
  double times = 0;    // the second to the first, the median of all rounds
  double more_ns = 0;  // the second less the first
};
inline constexpr int kPairRounds = 9;

struct PairOf {
  Wall first;
  Wall second;
  void (WallWorks::*work)(int64_t);
};
// A message's part of `messages` at a time, on the processor clock of the thread.
Pair MeasurePair(Kernel kernel, const PairOf& of, int64_t messages);

}  // namespace vesicle::bench

#endif  // VESICLE_TESTS_BENCH_WALL_WORKS_H_
