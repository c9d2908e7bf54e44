#include "vm/heap/old_space.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "vm/heap/check.h"

namespace vesicle {

namespace {

// Blocks that one allocation sweeps before it takes a fresh one.
constexpr int kSweepsForRoomMax = 16;
// A block with fewer free cells than this share of it is left alone.
constexpr uint32_t kFreeShareMin = 16;

}  // namespace

OldSpace::OldSpace(size_t reserve_blocks, bool fill_freed)
    : pool_(reserve_blocks), fill_freed_(fill_freed) {
  size_t cell = size_classes::kCellBytesMin;
  for (SizeClass& c : classes_) {
    c.cell_bytes = cell;
    cell = size_classes::NextCellBytes(cell);
  }
}

OldSpace::~OldSpace() {
  for (Block* block : large_) {
    if (block != nullptr && block->mapped_bytes != 0) pool_.ReleaseLarge(block);
  }
}

// The first free run at or after `from` in the current block.
bool OldSpace::NextRun(SizeClass& c, char* from) {
  Block* block = c.block;
  char* const end = block->end();
  while (from < end && Block::Test(block->begins, Block::BitOf(from))) from += c.cell_bytes;
  if (from >= end) return false;
  const size_t bit = Block::BitOf(from);
  size_t word = bit / 64;
  uint64_t bits = block->begins[word] & (~uint64_t{0} << (bit % 64));
  while (bits == 0 && ++word < Block::kBitWords) bits = block->begins[word];
  char* run_end = end;
  if (bits != 0) {
    run_end =
        reinterpret_cast<char*>(block->at(word * 64 + static_cast<size_t>(std::countr_zero(bits))));
  }
  c.free = from;
  c.free_end = run_end;
  return true;
}

char* OldSpace::Refill(SizeClass& c) {
  if (c.block != nullptr && NextRun(c, c.free_end)) return c.free;
  int sweeps = kSweepsForRoomMax;
  while (true) {
    if (c.use_at < c.sweep_at) {
      Block* block = c.blocks[c.use_at++];
      if (block == nullptr || (block->cells - block->live) * kFreeShareMin < block->cells) continue;
      c.block = block;
      if (NextRun(c, block->start())) return c.free;
    } else if (c.sweep_at < c.sweep_end && sweeps-- > 0) {
      SweepNext(c);
    } else {
      break;
    }
  }
  Block* block = pool_.Acquire();
  if (block == nullptr) return nullptr;
  block->cell_bytes = static_cast<uint32_t>(c.cell_bytes);
  block->cells = static_cast<uint32_t>(Block::kCellsBytes / c.cell_bytes);
  block->live = block->cells;  // as far as anybody asks before the next sweep
  block->mapped_bytes = 0;
  Poison(block->start(), Block::kCellsBytes);
  c.blocks.push_back(block);
  c.block = block;
  c.free = block->start();
  c.free_end = block->end();
  return c.free;
}

void* OldSpace::AllocateLarge(size_t bytes) {
  Block* block = nullptr;
  if (bytes <= Block::kCellsBytes) {
    block = pool_.Acquire();
    if (block != nullptr) block->mapped_bytes = 0;
  } else {
    block = pool_.AcquireLarge(bytes);
  }
  if (block == nullptr) return nullptr;
  block->cell_bytes = 0;
  block->cells = 1;
  block->live = 1;
  large_.push_back(block);
  char* p = block->start();
  Block::Set(block->begins, Block::BitOf(p));
  if (allocate_black_) Block::Set(block->marks, Block::BitOf(p));
  return p;
}

uint32_t OldSpace::SweepBits(Block* block) {
  uint32_t live = 0;
  for (size_t i = 0; i < Block::kBitWords; ++i) {
    const uint64_t begins = block->begins[i];
    const uint64_t kept = begins & block->marks[i];
    if ((VESICLE_ASAN || fill_freed_) && kept != begins && block->mapped_bytes == 0) {
      for (uint64_t dead = begins ^ kept; dead != 0; dead &= dead - 1) {
        Object* o = block->at(i * 64 + static_cast<size_t>(std::countr_zero(dead)));
        const size_t bytes = block->cell_bytes != 0 ? block->cell_bytes : o->size_bytes();
        Unpoison(o, bytes);
        std::memset(static_cast<void*>(o), kFreedByte, bytes);
        Poison(o, bytes);
      }
    }
    block->begins[i] = kept;
    block->marks[i] = 0;
    live += static_cast<uint32_t>(std::popcount(kept));
  }
  block->live = live;
  ++blocks_swept_;
  return live;
}

void OldSpace::SweepNext(SizeClass& c) {
  Block*& block = c.blocks[c.sweep_at++];
  if (SweepBits(block) != 0) return;
  pool_.Release(block);
  block = nullptr;
}

size_t OldSpace::SweepLarge() {
  Block*& block = large_[large_at_++];
  if (SweepBits(block) != 0) return 1;
  const size_t blocks = 1 + block->mapped_bytes / Block::kBytes;
  if (block->mapped_bytes != 0) {
    pool_.ReleaseLarge(block);
  } else {
    pool_.Release(block);
  }
  block = nullptr;
  return blocks;
}

void OldSpace::BeginSweep() {
  for (SizeClass& c : classes_) {
    VESICLE_CHECK_EQ(c.sweep_at, c.sweep_end);
    std::erase(c.blocks, nullptr);
    c.free = c.free_end = nullptr;
    c.block = nullptr;
    c.sweep_at = c.use_at = 0;
    c.sweep_end = c.blocks.size();
  }
  VESICLE_CHECK_EQ(large_at_, large_end_);
  std::erase(large_, nullptr);
  large_at_ = 0;
  large_end_ = large_.size();
  sweep_class_ = 0;
}

bool OldSpace::SweepSlice(size_t blocks_max) {
  while (large_at_ < large_end_) {
    if (blocks_max == 0) return true;
    blocks_max -= std::min(blocks_max, SweepLarge());
  }
  for (; sweep_class_ < classes_.size(); ++sweep_class_) {
    SizeClass& c = classes_[sweep_class_];
    while (c.sweep_at < c.sweep_end) {
      if (blocks_max == 0) return true;
      --blocks_max;
      SweepNext(c);
    }
  }
  return pool_.TrimSlice(blocks_max);
}

void OldSpace::ForEachBlock(const std::function<void(Block*, bool)>& fn) {
  for (const SizeClass& c : classes_) {
    for (size_t k = 0; k < c.blocks.size(); ++k) {
      if (c.blocks[k] != nullptr) fn(c.blocks[k], k >= c.sweep_at && k < c.sweep_end);
    }
  }
  for (size_t k = 0; k < large_.size(); ++k) {
    if (large_[k] != nullptr) fn(large_[k], k >= large_at_ && k < large_end_);
  }
}

void OldSpace::ForEach(bool marked_only_unswept, const std::function<void(Object*)>& fn) {
  ForEachBlock([&](Block* block, bool unswept) {
    for (size_t i = 0; i < Block::kBitWords; ++i) {
      uint64_t bits = block->begins[i];
      if (unswept && marked_only_unswept) bits &= block->marks[i];
      for (; bits != 0; bits &= bits - 1) {
        fn(block->at(i * 64 + static_cast<size_t>(std::countr_zero(bits))));
      }
    }
  });
}

}  // namespace vesicle
