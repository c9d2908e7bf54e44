// PauseStats times each piece of a VM's collection on the processor clock of its
// thread, so that what the machine does beside it does not count.
//
// Ownership: borrows the heap; takes its pause observer, and gives it back when it goes.
// Limits:    percentiles to 1/16; memory is constant.
//
//   PauseStats pauses(vm.core().heap());
//   loop.Run();
//   pauses.PercentileNs(99);
#ifndef VESICLE_VM_LOOP_PAUSE_STATS_H_
#define VESICLE_VM_LOOP_PAUSE_STATS_H_

#include <array>
#include <cstdint>

#include "vm/heap/heap.h"

#pragma GCC visibility push(default)
namespace vesicle {

class PauseStats {
 public:
  explicit PauseStats(Heap& heap);
  ~PauseStats();
  PauseStats(const PauseStats&) = delete;
  PauseStats& operator=(const PauseStats&) = delete;

  uint64_t count() const { return count_; }
  int64_t max_ns() const { return max_ns_; }
  // Objects that the longest one moved, marked or finalized.
  uint64_t objects_in_max() const { return objects_in_max_; }
  int64_t total_ns() const { return total_ns_; }
  // At least `percent` of the pauses were no longer than this. 0 when there was none.
  int64_t PercentileNs(double percent) const;

  // For tests.
  void Add(int64_t ns);

 private:
  // Sixteen buckets for each power of two.
  static size_t BucketOf(int64_t ns);
  static int64_t UpperBoundOf(size_t bucket);

  Heap& heap_;
  int64_t began_ns_ = 0;
  uint64_t count_ = 0;
  int64_t max_ns_ = 0;
  uint64_t objects_in_max_ = 0;
  int64_t total_ns_ = 0;
  std::array<uint64_t, 64 * 16> buckets_{};
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_PAUSE_STATS_H_
