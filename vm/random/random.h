// RandomSource: where the random device, and whoever else is handed one, takes bits from.
//
//   auto source = std::make_unique<SeededRandom>(42);   // the same every time
//   auto source = std::make_unique<OsRandom>();         // the system's, fit for keys
#ifndef VESICLE_VM_RANDOM_RANDOM_H_
#define VESICLE_VM_RANDOM_RANDOM_H_

#include <array>
#include <cstddef>
#include <cstdint>

#pragma GCC visibility push(default)
namespace vesicle {

class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual uint64_t Next() = 0;  // 64 even bits
};

// getrandom(2), a page's worth at a time; bytes handed out are wiped.
class OsRandom final : public RandomSource {
 public:
  uint64_t Next() override;

 private:
  std::array<uint64_t, 32> pool_{};
  size_t used_ = 32;
};

// xoshiro256** (Blackman, Vigna 2018), its state filled by splitmix64. For tests: anybody who
// sees a few numbers knows the rest.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(uint64_t seed);
  uint64_t Next() override;

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_RANDOM_RANDOM_H_
