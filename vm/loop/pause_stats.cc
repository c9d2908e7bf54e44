#include "vm/loop/pause_stats.h"

#include <time.h>

#include <algorithm>
#include <bit>

namespace vesicle {
namespace {

int64_t ThreadNs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

PauseStats::PauseStats(Heap& heap) : heap_(heap) {
  heap.SetPauseObserver([this] { began_ns_ = ThreadNs(); },
                        [this] {
                          const int64_t ns = ThreadNs() - began_ns_;
                          if (ns > max_ns_) objects_in_max_ = heap_.stats().objects_touched_last;
                          Add(ns);
                        });
}

PauseStats::~PauseStats() { heap_.SetPauseObserver({}, {}); }

size_t PauseStats::BucketOf(int64_t ns) {
  const uint64_t n = static_cast<uint64_t>(std::max<int64_t>(ns, 0));
  if (n < 16) return n;
  const int shift = std::bit_width(n) - 5;  // n >> shift is 16 to 31
  return static_cast<size_t>(shift + 1) * 16 + ((n >> shift) & 15);
}

int64_t PauseStats::UpperBoundOf(size_t bucket) {
  if (bucket < 16) return static_cast<int64_t>(bucket);
  const int shift = static_cast<int>(bucket / 16) - 1;
  return static_cast<int64_t>(((16 + bucket % 16 + 1) << shift) - 1);
}

void PauseStats::Add(int64_t ns) {
  ++count_;
  total_ns_ += ns;
  max_ns_ = std::max(max_ns_, ns);
  ++buckets_[BucketOf(ns)];
}

int64_t PauseStats::PercentileNs(double percent) const {
  const double wanted = static_cast<double>(count_) * percent / 100;
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen != 0 && static_cast<double>(seen) >= wanted) return std::min(UpperBoundOf(i), max_ns_);
  }
  return max_ns_;
}

}  // namespace vesicle
