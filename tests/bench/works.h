// Works: what an actor system does all day, done by three kernels: raw C++, the VM with
// behaviors in C++, and the VM with scripts. A figure of ours is a ratio between them.
//
// Raw is the limit: a function pointer an actor and a ring buffer of events, and nothing
// that makes it a VM (no collector, no transaction, no accounting).
//
// Ownership: a Works owns its world. Threads: one.
//
//   std::unique_ptr<Works> works = MakeWorks(Kernel::kScript);
//   works->BuildRing(100'000, Linking::kInOrder);
//   works->Laps(10);
#ifndef VESICLE_TESTS_BENCH_WORKS_H_
#define VESICLE_TESTS_BENCH_WORKS_H_

#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace vesicle::bench {

enum class Kernel : uint8_t { kRaw, kNative, kScript };
// How the actors of a ring lie in memory: as they are visited, or in no order.
enum class Linking : uint8_t { kInOrder, kShuffled };

class Works {
 public:
  virtual ~Works() = default;

  // A ring of `actors`; once in the life of a Works. In order, it builds itself: each actor makes
  // the next one and becomes a link to it.
  virtual void BuildRing(int64_t actors, Linking linking) = 0;
  virtual void Laps(int64_t laps) = 0;
  // `senders` send `messages` each to one counter: all in one turn of each, or one a turn.
  virtual void Burst(int64_t senders, int64_t messages) = 0;
  virtual void Paced(int64_t senders, int64_t messages) = 0;
  // `actors` are made, sent one message each, run and forgotten.
  virtual void Create(int64_t actors) = 0;
  // `actors` with one capture that do nothing; once in the life of a Works, which keeps them.
  virtual void Fill(int64_t actors) = 0;
  virtual void PingPong(int64_t messages) = 0;
};

std::unique_ptr<Works> MakeRawWorks();
std::unique_ptr<Works> MakeNativeWorks();
std::unique_ptr<Works> MakeScriptWorks();

inline std::unique_ptr<Works> MakeWorks(Kernel kernel) {
  switch (kernel) {
    case Kernel::kRaw:
      return MakeRawWorks();
    case Kernel::kNative:
      return MakeNativeWorks();
    case Kernel::kScript:
      break;
  }
  return MakeScriptWorks();
}

inline const char* NameOf(Kernel kernel) {
  switch (kernel) {
    case Kernel::kRaw:
      return "raw";
    case Kernel::kNative:
      return "native";
    case Kernel::kScript:
      break;
  }
  return "script";
}

// Computing in raw C++, not inlined and not computed in advance.
int64_t RawFib(int64_t n);
int64_t RawAddUp(int64_t n);
int64_t RawBuildAndReverse(int64_t n);

// Resident memory of this process, in bytes.
int64_t ResidentBytes();

// 0 .. n-1 in an order that looks random and is the same each time.
inline std::vector<int64_t> ShuffledIndices(int64_t n) {
  std::vector<int64_t> indices(static_cast<size_t>(n));
  std::iota(indices.begin(), indices.end(), int64_t{0});
  uint64_t x = 12345;
  for (size_t i = indices.size(); i > 1; --i) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    std::swap(indices[i - 1], indices[(x >> 33) % i]);
  }
  return indices;
}

}  // namespace vesicle::bench

#endif  // VESICLE_TESTS_BENCH_WORKS_H_
