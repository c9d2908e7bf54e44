// Shadow: a note for each object, found by its address without a hash: beside each block
// of 64 KiB of the heap in which an object was asked for stands a block of notes. A note stays
// with the address: what moves, or comes to the place of another, finds an old one there, so
// whatever is in it says when it was written.
//
//   Shadow<Note> shadow;
//   shadow.Of(object).seen = now;
#ifndef VESICLE_TESTS_SIM_LEAKS_SHADOW_H_
#define VESICLE_TESTS_SIM_LEAKS_SHADOW_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "vm/heap/object.h"

namespace vesicle::leaks {

template <typename Note>
class Shadow {
 public:
  Note& Of(const Object* o) {
    const auto address = reinterpret_cast<uintptr_t>(o);
    const uintptr_t number = address / kBlockBytes;
    Near& near = near_[number % kNear];
    if (near.number != number) [[unlikely]] {
      std::unique_ptr<Block>& block = blocks_[number];
      if (block == nullptr) block = std::make_unique<Block>();
      near = {number, block.get()};
    }
    return (*near.block)[address % kBlockBytes / sizeof(Object)];
  }

 private:
  static constexpr uintptr_t kBlockBytes = uintptr_t{64} << 10;
  static constexpr size_t kNear = 256;
  using Block = std::array<Note, kBlockBytes / sizeof(Object)>;
  struct Near {
    uintptr_t number = 0;
    Block* block = nullptr;
  };

  std::array<Near, kNear> near_;
  absl::flat_hash_map<uintptr_t, std::unique_ptr<Block>> blocks_;
};

}  // namespace vesicle::leaks

#endif  // VESICLE_TESTS_SIM_LEAKS_SHADOW_H_
