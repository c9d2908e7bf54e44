// Pages: address space from the system, and the pool of the old space's blocks.
// Part of the heap (heap.h).
#ifndef VESICLE_VM_HEAP_PAGES_H_
#define VESICLE_VM_HEAP_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vm/heap/block.h"

namespace vesicle {

// Zeroed memory, aligned to `alignment` (a power of two, at least a page); null when out of it.
void* MapAligned(size_t bytes, size_t alignment);
void Unmap(void* p, size_t bytes);

// Blocks are carved from regions of 1 MiB. Empty ones are kept: up to `reserve`,
// or as many as are in use, as they are (a first touch of a page costs more than
// what is done there); those beyond without memory behind them.
class BlockPool {
 public:
  explicit BlockPool(size_t reserve) : reserve_(reserve) {}
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // Bitmaps clear. Null when memory is out, or but what is held back.
  Block* Acquire();
  // From now on Acquire leaves so many free blocks untouched, to be had by holding back fewer.
  // False, and nothing changes, when memory is out.
  bool HoldBack(size_t blocks);
  // Bitmaps clear again.
  void Release(Block* block);
  // Gives the memory of up to `blocks_max` blocks beyond the reserve back to the
  // system; false when none is left to give.
  bool TrimSlice(size_t blocks_max);
  // A mapping of its own for one large object of more than a block.
  Block* AcquireLarge(size_t object_bytes);
  void ReleaseLarge(Block* block);

  uint64_t bytes_mapped() const { return bytes_mapped_; }
  uint64_t bytes_mapped_peak() const { return bytes_mapped_peak_; }
  // Memory that others hold for objects (the young space).
  void CountMapped(int64_t delta);

 private:
  static constexpr size_t kRegionBytes = size_t{1} << 20;
  // A small heap has many blocks of which little is used.
  static constexpr size_t kPopulatedFrom = 64;

  size_t free_blocks() const {
    return warm_.size() + cold_.size() + static_cast<size_t>(carve_end_ - carve_) / Block::kBytes;
  }
  bool MapRegion();

  size_t reserve_;
  size_t held_back_ = 0;
  size_t in_use_ = 0;
  std::vector<Block*> warm_;
  std::vector<Block*> cold_;
  std::vector<void*> regions_;
  char* carve_ = nullptr;  // the rest of the last region
  char* carve_end_ = nullptr;
  uint64_t bytes_mapped_ = 0;
  uint64_t bytes_mapped_peak_ = 0;
};

}  // namespace vesicle

#endif  // VESICLE_VM_HEAP_PAGES_H_
