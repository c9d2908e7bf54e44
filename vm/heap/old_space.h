// OldSpace: where objects live that survived a young collection. Nothing moves.
//
// Small objects lie in blocks of one cell size each (block.h), bumped into fresh
// blocks or into the free runs that a sweep left; so what is promoted together
// lies together. Larger ones than kCellBytesMax have blocks of their own. The
// object's own size (Object::size_bytes) may be less than its cell.
//
// Sweeping is lazy: BeginSweep only resets cursors; a block is swept when its
// size class wants room, or by SweepSlice. Every block is swept before the next
// mark begins.
//
// Part of the heap (heap.h), which decides when to mark and sweep.
#ifndef VESICLE_VM_HEAP_OLD_SPACE_H_
#define VESICLE_VM_HEAP_OLD_SPACE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "vm/heap/block.h"
#include "vm/heap/pages.h"
#include "vm/heap/poison.h"
#include "vm/heap/size_classes.h"

namespace vesicle {

class OldSpace {
 public:
  static constexpr size_t kCellBytesMax = size_classes::kCellBytesMax;

  // `fill_freed`: overwrite what is freed (for tests).
  OldSpace(size_t reserve_blocks, bool fill_freed);
  ~OldSpace();
  OldSpace(const OldSpace&) = delete;
  OldSpace& operator=(const OldSpace&) = delete;

  // Memory for an object of so many bytes (a multiple of eight), contents
  // undefined; null when memory is out. Marked at once if allocate_black.
  void* Allocate(size_t bytes) {
    if (bytes > kCellBytesMax) [[unlikely]]
      return AllocateLarge(bytes);
    SizeClass& c = classes_[size_classes::kClassOf[bytes / 8]];
    char* p = c.free;
    if (p == c.free_end) [[unlikely]] {
      p = Refill(c);
      if (p == nullptr) return nullptr;
    }
    c.free = p + c.cell_bytes;
    Unpoison(p, bytes);
    Block* block = Block::Of(p);
    const size_t bit = Block::BitOf(p);
    Block::Set(block->begins, bit);
    if (allocate_black_) Block::Set(block->marks, bit);
    return p;
  }
  static bool IsLarge(size_t bytes) { return bytes > kCellBytesMax; }
  void set_allocate_black(bool black) { allocate_black_ = black; }

  // Everything unmarked is dead. Wants the sweep before to be finished.
  void BeginSweep();
  // Sweeps, or gives back, `blocks_max` blocks at most; false when there are no more.
  bool SweepSlice(size_t blocks_max);
  uint64_t blocks_swept() const { return blocks_swept_; }

  // Every object, but those that a sweep is still to free if `marked_only_unswept`.
  void ForEach(bool marked_only_unswept, const std::function<void(Object*)>& fn);
  // All blocks there are, for Verify.
  void ForEachBlock(const std::function<void(Block*, bool unswept)>& fn);

  BlockPool& pool() { return pool_; }

 private:
  struct SizeClass {
    char* free = nullptr;  // the current run
    char* free_end = nullptr;
    size_t cell_bytes = 0;
    Block* block = nullptr;      // where the run lies; null: none
    std::vector<Block*> blocks;  // in the order they came; null: released since
    size_t sweep_at = 0;         // blocks[sweep_at .. sweep_end) are unswept
    size_t sweep_end = 0;
    size_t use_at = 0;  // blocks[use_at .. sweep_at) may have free runs
  };

  char* Refill(SizeClass& c);
  bool NextRun(SizeClass& c, char* from);
  void SweepNext(SizeClass& c);
  // How many blocks' work it was: giving much memory back takes long.
  size_t SweepLarge();
  void* AllocateLarge(size_t bytes);
  // Drops the dead from the bitmap of what begins there; how many objects are left.
  uint32_t SweepBits(Block* block);

  BlockPool pool_;
  std::array<SizeClass, size_classes::kCount> classes_;
  size_t sweep_class_ = 0;  // SweepSlice goes on here
  std::vector<Block*> large_;
  size_t large_at_ = 0;
  size_t large_end_ = 0;
  bool allocate_black_ = false;
  bool fill_freed_;
  uint64_t blocks_swept_ = 0;
};

}  // namespace vesicle

#endif  // VESICLE_VM_HEAP_OLD_SPACE_H_
