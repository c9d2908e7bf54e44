// Result: a Value or the reason why there is none, in one register.
//
// A Failure stands in the constants of the word (word.h) where no Value stands,
// so a Result costs what a Value costs and ok() is an `and` and a compare.
//
//   Result sum = Add(heap, a, b);
//   if (!sum.ok()) return FaultFor(sum.failure());
//   Use(sum.value());
#ifndef VESICLE_VM_VALUE_RESULT_H_
#define VESICLE_VM_VALUE_RESULT_H_

#include <cstdint>

#include "vm/heap/word.h"

#pragma GCC visibility push(default)
namespace vesicle {

// At most sixteen.
enum class Failure : uint8_t {
  kMemory,        // the paying sponsor's memory allowance; becomes #quota(memory), never caught
  kType,          // an operand is of a kind the operation has no meaning for
  kDivideByZero,  // an integer divided by the integer zero, or zero to a negative power
  kTooBig,        // over a named limit of this folder: int_bits_max, text_bytes_max, ...
  kRange,         // an index outside the value; a negative shift or count
  kSyntax,        // text that is no number; bytes that are no UTF-8
  kNotFinite,     // nan or an infinity where an integer is wanted
};

class [[nodiscard]] Result {
 public:
  constexpr Result(Value value) : bits_(value.bits()) {}
  constexpr Result(Failure failure) : bits_(kFirst | (static_cast<uint64_t>(failure) << 3)) {}

  constexpr bool ok() const { return (bits_ & ~uint64_t{0x78}) != kFirst; }
  // Wants ok().
  constexpr Value value() const { return Value::FromBits(bits_); }
  // Wants !ok().
  constexpr Failure failure() const { return static_cast<Failure>((bits_ >> 3) & 15); }

 private:
  // Constant number 16; the failures are the constants 16 to 31.
  static constexpr uint64_t kFirst = (16u << 3) | static_cast<uint64_t>(Tag::kConstant);
  uint64_t bits_;
};

static_assert(sizeof(Result) == 8);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_RESULT_H_
