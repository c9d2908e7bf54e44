// The cell sizes of the old space's blocks: each multiple of 8 from 16 to 256,
// then four to a doubling, up to a quarter of a block.
#ifndef VESICLE_VM_HEAP_SIZE_CLASSES_H_
#define VESICLE_VM_HEAP_SIZE_CLASSES_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "vm/heap/block.h"

namespace vesicle::size_classes {

inline constexpr size_t kCellBytesMin = 16;
inline constexpr size_t kDenseMax = 256;
inline constexpr size_t kCellBytesMax = (Block::kCellsBytes / 4) & ~size_t{15};

// Sizes that would fit a block no more often than the largest are left out.
constexpr size_t NextCellBytes(size_t bytes) {
  if (bytes < kDenseMax) return bytes + 8;
  size_t power = kDenseMax;
  while (power * 2 <= bytes) power *= 2;
  const size_t next = bytes + power / 4;
  return Block::kCellsBytes / next <= 4 ? kCellBytesMax : next;
}

// By size in words of eight bytes.
inline constexpr std::array<uint8_t, kCellBytesMax / 8 + 1> kClassOf = [] {
  std::array<uint8_t, kCellBytesMax / 8 + 1> table{};
  size_t cell = kCellBytesMin;
  uint8_t index = 0;
  for (size_t i = 0; i < table.size(); ++i) {
    if (i * 8 > cell) {
      cell = NextCellBytes(cell);
      ++index;
    }
    table[i] = index;
  }
  return table;
}();
inline constexpr size_t kCount = size_t{kClassOf.back()} + 1;

}  // namespace vesicle::size_classes

#endif  // VESICLE_VM_HEAP_SIZE_CLASSES_H_
