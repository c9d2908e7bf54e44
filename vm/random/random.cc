#include "vm/random/random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>
#include <utility>

#include "vm/heap/check.h"

namespace vesicle {

uint64_t OsRandom::Next() {
  if (used_ == pool_.size()) {
    char* to = reinterpret_cast<char*>(pool_.data());
    size_t left = sizeof pool_;
    while (left > 0) {
      const ssize_t n = getrandom(to, left, 0);
      // Fails only on a kernel without the call, and then nothing random can be had.
      VESICLE_CHECK(n > 0 || errno == EINTR);
      if (n > 0) {
        to += n;
        left -= static_cast<size_t>(n);
      }
    }
    used_ = 0;
  }
  return std::exchange(pool_[used_++], 0);
}

SeededRandom::SeededRandom(uint64_t seed) {
  for (uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

uint64_t SeededRandom::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

}  // namespace vesicle
