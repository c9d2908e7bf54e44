// The long works on integers of many words, cut so that others run between two pieces: the
// greatest common divisor, the digits of an integer, and an integer from digits. In one go each
// would take from 10 to 200 ms at kIntBitsMax; a piece takes a few.
//
//   GcdPieces gcd(a, b);
//   while (!gcd.Run(5000)) Suspend();
//   const Result r = gcd.Finish(heap);
//
// Operands are copied when one is made, so a collection between two pieces changes nothing.
// Works are in steps as NumberWork() counts them.
#ifndef VESICLE_VM_VALUE_BIGINT_PIECES_H_
#define VESICLE_VM_VALUE_BIGINT_PIECES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/heap/heap.h"
#include "vm/value/bigint.h"
#include "vm/value/result.h"

namespace vesicle::bigint {

// Euclid's algorithm by leading digits (Lehmer), as Knuth has it in "The Art of Computer
// Programming", volume 2, 4.5.2, algorithm L; on the 126 first bits, with cofactors of a word.
class GcdPieces {
 public:
  // Wants ints.
  GcdPieces(Value a, Value b);
  // Goes on for about `steps`; true when only Finish() is left, which is one short piece more.
  bool Run(uint64_t steps);
  // Never negative. kMemory: call it again when there is room.
  Result Finish(Heap& heap) const;
  uint64_t work() const { return work_; }
  size_t bytes_held() const { return 8 * (x_.capacity() + y_.capacity() + 2 * spare_.capacity()); }

 private:
  using Number = std::vector<mp_limb_t>;  // no leading zero
  uint64_t Reduce();
  uint64_t Divide();

  Number x_;  // x_ >= y_
  Number y_;
  Number spare_;
  uint64_t work_ = 0;
};

// The power of a base by which long integers and their digits are cut.
struct DigitBlock {
  explicit DigitBlock(int base);
  std::vector<mp_limb_t> power;  // base ** digits, of at most kLimbs limbs
  size_t digits;
  static constexpr int kLimbsLog2 = 9;
  static constexpr size_t kLimbs = size_t{1} << kLimbsLog2;
};

// An integer's digits, lower case, with its sign.
class DigitPieces {
 public:
  // Wants an int, and 2 <= base <= 36.
  DigitPieces(Value v, int base);
  // Goes on for about `steps`, by blocks, the last one first; true when text() is whole.
  bool Run(uint64_t steps);
  std::string_view text() const { return std::string_view(text_).substr(at_); }
  uint64_t work() const { return work_; }
  size_t bytes_held() const { return text_.capacity() + 8 * limbs_.capacity(); }

 private:
  bool DoBlock();

  int base_;
  bool negative_;
  DigitBlock block_;
  std::vector<mp_limb_t> limbs_;  // what is left
  std::string text_;              // from at_ on
  size_t at_;
  uint64_t work_ = 0;
};

// The integer of digits.
class ParsePieces {
 public:
  // Wants 2 <= base <= 36 and digits of it, each as its value from 0 to 35; at least one.
  ParsePieces(std::string digits, int base, bool negative);
  // Goes on for about `steps`, by blocks, the first one first; true when only Finish() is left.
  bool Run(uint64_t steps);
  // kTooBig; kMemory: call it again when there is room.
  Result Finish(Heap& heap) const;
  uint64_t work() const { return work_; }
  size_t bytes_held() const { return digits_.capacity() + 16 * limbs_.capacity(); }

 private:
  void DoBlock();

  int base_;
  bool negative_;
  DigitBlock block_;
  std::string digits_;
  size_t at_ = 0;
  std::vector<mp_limb_t> limbs_;
  uint64_t work_ = 0;
};

}  // namespace vesicle::bigint

#endif  // VESICLE_VM_VALUE_BIGINT_PIECES_H_
