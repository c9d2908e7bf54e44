// Block: 64 KiB of old space, aligned to its size, holding cells of one size (or
// the first part of one large object). Part of the old space (old_space.h).
//
// Two bitmaps, a bit for each eight bytes: where an object begins (`begins`), and
// which of them a mark has reached (`marks`). Sweeping a block is `begins &= marks`,
// so it touches no dead object, and free space is read off `begins`. Outside of a
// cycle all marks are clear. 2,112 bytes of header are 3 % of a block.
#ifndef VESICLE_VM_HEAP_BLOCK_H_
#define VESICLE_VM_HEAP_BLOCK_H_

#include <cstddef>
#include <cstdint>

#include "vm/heap/object.h"

namespace vesicle {

struct Block {
  static constexpr size_t kBytes = size_t{64} << 10;
  static constexpr size_t kBitWords = kBytes / 8 / 64;
  static constexpr size_t kHeaderBytes = 64 + 2 * kBitWords * 8;
  static constexpr size_t kCellsBytes = kBytes - kHeaderBytes;

  uint32_t cell_bytes;  // 0: a large object
  uint32_t cells;       // how many fit
  uint32_t live;        // cells in use after the last sweep
  uint32_t unused;
  size_t mapped_bytes;  // of a large object's own mapping; 0: one block of a region
  uint64_t padding[5];
  uint64_t begins[kBitWords];
  uint64_t marks[kBitWords];

  static Block* Of(const void* p) {
    return reinterpret_cast<Block*>(reinterpret_cast<uintptr_t>(p) & ~(kBytes - 1));
  }
  static size_t BitOf(const void* p) { return (reinterpret_cast<uintptr_t>(p) & (kBytes - 1)) / 8; }

  char* start() { return reinterpret_cast<char*>(this) + kHeaderBytes; }
  char* end() { return start() + size_t{cell_bytes} * cells; }
  Object* at(size_t bit) {
    return reinterpret_cast<Object*>(reinterpret_cast<char*>(this) + bit * 8);
  }
  static bool Test(const uint64_t* bits, size_t i) { return ((bits[i / 64] >> (i % 64)) & 1) != 0; }
  static void Set(uint64_t* bits, size_t i) { bits[i / 64] |= uint64_t{1} << (i % 64); }
};

static_assert(sizeof(Block) == Block::kHeaderBytes);
static_assert(Block::kHeaderBytes % 16 == 0);

// Marks of objects in the old space.
inline bool IsMarked(const Object* o) { return Block::Test(Block::Of(o)->marks, Block::BitOf(o)); }
inline void SetMarked(const Object* o) { Block::Set(Block::Of(o)->marks, Block::BitOf(o)); }

}  // namespace vesicle

#endif  // VESICLE_VM_HEAP_BLOCK_H_
