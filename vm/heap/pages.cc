#include "vm/heap/pages.h"

#include <sys/mman.h>

#include <algorithm>

#include "vm/heap/check.h"
#include "vm/heap/poison.h"

namespace vesicle {

void* MapAligned(size_t bytes, size_t alignment) {
  const size_t asked = bytes + alignment;
  if (asked < bytes) return nullptr;
  void* p = mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  const uintptr_t got = reinterpret_cast<uintptr_t>(p);
  const uintptr_t begin = (got + alignment - 1) & ~(alignment - 1);
  if (begin != got) munmap(p, begin - got);
  const uintptr_t end = begin + bytes;
  if (end != got + asked) munmap(reinterpret_cast<void*>(end), got + asked - end);
  return reinterpret_cast<void*>(begin);
}

void Unmap(void* p, size_t bytes) {
  Unpoison(p, bytes);
  VESICLE_CHECK_EQ(munmap(p, bytes), 0);
}

BlockPool::~BlockPool() {
  for (void* region : regions_) Unmap(region, kRegionBytes);
}

void BlockPool::CountMapped(int64_t delta) {
  bytes_mapped_ += static_cast<uint64_t>(delta);
  bytes_mapped_peak_ = std::max(bytes_mapped_peak_, bytes_mapped_);
}

bool BlockPool::MapRegion() {
  void* region = MapAligned(kRegionBytes, Block::kBytes);
  if (region == nullptr) return false;
  regions_.push_back(region);
  // What is left of the one before is as good as a cold block: zero, and nothing behind it.
  for (; carve_ != carve_end_; carve_ += Block::kBytes) {
    cold_.push_back(reinterpret_cast<Block*>(carve_));
  }
  carve_ = static_cast<char*>(region);
  carve_end_ = carve_ + kRegionBytes;
  return true;
}

bool BlockPool::HoldBack(size_t blocks) {
  while (free_blocks() < blocks) {
    if (!MapRegion()) return false;
  }
  held_back_ = blocks;
  return true;
}

Block* BlockPool::Acquire() {
  if (free_blocks() <= held_back_ && !MapRegion()) return nullptr;
  Block* block = nullptr;
  if (!warm_.empty()) {
    block = warm_.back();
    warm_.pop_back();
    ++in_use_;
    return block;
  }
  if (!cold_.empty()) {
    block = cold_.back();
    cold_.pop_back();
  } else {
    block = reinterpret_cast<Block*>(carve_);
    carve_ += Block::kBytes;
  }
  ++in_use_;
  CountMapped(Block::kBytes);
  // All of its pages at once take two thirds of the time that they take one by one. It may fail:
  // then each comes when it is touched.
  if (in_use_ > kPopulatedFrom) (void)madvise(block, Block::kBytes, MADV_POPULATE_WRITE);
  return block;
}

void BlockPool::Release(Block* block) {
  Unpoison(block, Block::kBytes);
  --in_use_;
  warm_.push_back(block);
}

bool BlockPool::TrimSlice(size_t blocks_max) {
  const size_t keep = std::max(reserve_, in_use_);
  for (; warm_.size() > keep; --blocks_max) {
    if (blocks_max == 0) return true;
    Block* block = warm_.back();
    warm_.pop_back();
    // Anonymous memory reads as zero afterwards, so the bitmaps stay clear.
    VESICLE_CHECK_EQ(madvise(block, Block::kBytes, MADV_DONTNEED), 0);
    CountMapped(-static_cast<int64_t>(Block::kBytes));
    cold_.push_back(block);
  }
  return false;
}

Block* BlockPool::AcquireLarge(size_t object_bytes) {
  const size_t bytes = (object_bytes + Block::kHeaderBytes + 4095) & ~size_t{4095};
  Block* block = static_cast<Block*>(MapAligned(bytes, Block::kBytes));
  if (block == nullptr) return nullptr;
  block->mapped_bytes = bytes;
  CountMapped(static_cast<int64_t>(bytes));
  return block;
}

void BlockPool::ReleaseLarge(Block* block) {
  const size_t bytes = block->mapped_bytes;
  CountMapped(-static_cast<int64_t>(bytes));
  Unmap(block, bytes);
}

}  // namespace vesicle
