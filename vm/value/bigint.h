// Integers as limbs: what number.h stands on for every int that needs more than
// a word. Magnitude and sign, on GMP's mpn functions; no mpz, no allocation hooks.
//
// A kBigInt object holds the limbs, least significant first, and its sign in a
// kind flag. Functions take any ints (IsInt) and give canonical Results: kTooBig
// over kIntBitsMax, kMemory.
#ifndef VESICLE_VM_VALUE_BIGINT_H_
#define VESICLE_VM_VALUE_BIGINT_H_

#include <gmp.h>

#include <cstdint>
#include <string>

#include "absl/container/inlined_vector.h"
#include "vm/heap/heap.h"
#include "vm/heap/object.h"
#include "vm/value/number.h"
#include "vm/value/result.h"

namespace vesicle::bigint {

static_assert(sizeof(mp_limb_t) == 8 && GMP_NAIL_BITS == 0);

inline constexpr uint8_t kNegative = Object::kKindFlagsFirst;

// Scratch of a computation; small ones stay on the stack.
using Limbs = absl::InlinedVector<mp_limb_t, 24>;

// An int's magnitude and sign without a copy. Points into itself for small ints:
// do not copy it, and keep no pointer beyond the next safe point.
class View {
 public:
  explicit View(Value v) {
    if (v.is_int()) {
      const int64_t i = v.small_int();
      negative_ = i < 0;
      word_ = negative_ ? -static_cast<mp_limb_t>(i) : static_cast<mp_limb_t>(i);
      size_ = word_ != 0;
      limbs_ = &word_;
    } else {
      const Object* o = v.data();
      negative_ = (o->flags & kNegative) != 0;
      size_ = o->count / 8;
      limbs_ = reinterpret_cast<const mp_limb_t*>(o->bytes());
    }
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  const mp_limb_t* limbs() const { return limbs_; }
  mp_size_t size() const { return size_; }  // no leading zero limb; 0 for zero
  bool negative() const { return negative_; }
  uint64_t bits() const {
    return size_ == 0 ? 0
                      : static_cast<uint64_t>(size_) * 64 -
                            static_cast<uint64_t>(__builtin_clzl(limbs_[size_ - 1]));
  }

 private:
  mp_limb_t word_ = 0;
  const mp_limb_t* limbs_;
  mp_size_t size_;
  bool negative_;
};

// Steps of a product of so many limbs by so many; of a quotient's and a divisor's, too.
uint64_t ProductWork(uint64_t n, uint64_t m);

// The canonical int of these limbs; leading zeros allowed.
Result Make(Heap& heap, const mp_limb_t* limbs, mp_size_t size, bool negative);

enum class Sign : uint8_t { kPlus, kMinus };
// a + b or a - b.
Result AddSigned(Heap& heap, Value a, Value b, Sign sign);
Result Multiply(Heap& heap, Value a, Value b);
enum class Division : uint8_t { kQuotient, kRemainder };
enum class Rounding : uint8_t { kTruncate, kFloor };
// Wants b != 0.
Result Divide(Heap& heap, Value a, Value b, Division what, Rounding rounding);
Result Negate(Heap& heap, Value a);
Result Power(Heap& heap, Value base, uint64_t exponent);
enum class Bitwise : uint8_t { kAnd, kOr, kXor };
Result Combine(Heap& heap, Value a, Value b, Bitwise op);
Result ShiftLeft(Heap& heap, Value a, uint64_t count);
Result ShiftRight(Heap& heap, Value a, uint64_t count);
// Wants a >= 0.
Result Sqrt(Heap& heap, Value a);
Result Gcd(Heap& heap, Value a, Value b);

// The digits of a magnitude, lower case, the first one first; "0" of none. Wants 2 <= base <= 36.
// Takes what is not linear in its length: long ones by DigitPieces.
std::string DigitsOf(const mp_limb_t* limbs, mp_size_t size, int base);

int Compare(Value a, Value b);
// Wants a finite, non-NaN double.
int CompareWithFloat(Value a, double d);
double ToDouble(Value a);
// The integer part. Wants a finite double.
Result FromDouble(Heap& heap, double d);

}  // namespace vesicle::bigint

#endif  // VESICLE_VM_VALUE_BIGINT_H_
