// Numbers: integers without limit and IEEE doubles, in one arithmetic.
//
// The laws. One representation per value: an integer that fits 61 bits is
// immediate, any other a kBigInt of exactly the limbs it needs; there is one NaN.
// int op int is an int and exact; an int with a float is the float operation on
// the int rounded to nearest. `/` and `%` of integers truncate towards zero, of
// floats are IEEE division and fmod. Comparison is exact between all of them.
//
// Limits:  |int| < 2^kIntBitsMax, beyond it Failure::kTooBig (never a wrap).
// Fails:   kType when an operand is no number; kMemory for big results; and as
//          each function says.
// Costs:   constant but for big integers: ask NumberWork before, charge it.
//
//   Result r = Add(heap, a, b);          // inline when both fit a word
#ifndef VESICLE_VM_VALUE_NUMBER_H_
#define VESICLE_VM_VALUE_NUMBER_H_

#include <cstdint>
#include <optional>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"
#include "vm/value/result.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr uint32_t kIntBitsMax = 1u << 20;

// --- what is what
inline bool IsBigInt(Value v) { return IsKind(v, Kind::kBigInt); }
inline bool IsInt(Value v) { return v.is_int() || IsBigInt(v); }
inline bool IsFloat(Value v) { return v.is_immediate_float() || IsKind(v, Kind::kFloat); }
inline bool IsNumber(Value v) {
  return v.is_int() || v.is_immediate_float() ||
         (v.is_data() && (v.data()->kind == Kind::kBigInt || v.data()->kind == Kind::kFloat));
}

// --- between C++ and values
Value MakeBoxedInt(Heap& heap, int64_t i);  // cold half of MakeInt
inline Value MakeInt(Heap& heap, int64_t i) {
  return Value::FitsSmallInt(i) ? Value::SmallInt(i) : MakeBoxedInt(heap, i);
}
Value MakeOtherFloat(Heap& heap, double d);  // cold half of MakeFloat
inline Value MakeFloat(Heap& heap, double d) {
  return Value::FloatFits(d) ? Value::ImmediateFloat(d) : MakeOtherFloat(heap, d);
}
// Wants IsFloat(v).
inline double FloatOf(Value v) {
  if (!v.is_data()) return v.immediate_float();
  double d;
  __builtin_memcpy(&d, v.data()->bytes(), sizeof d);
  return d;
}
// nullopt when v is no integer, or does not fit.
std::optional<int64_t> BoxedInt64Of(Value v);  // cold half of Int64Of
inline std::optional<int64_t> Int64Of(Value v) {
  return v.is_int() ? v.small_int() : BoxedInt64Of(v);
}
std::optional<uint64_t> Uint64Of(Value v);
// Any number as a double: ints rounded to nearest even, +-inf beyond the range.
// nullopt when v is no number.
std::optional<double> DoubleOf(Value v);

// --- arithmetic. The *Slow halves take every pair; use the inline ones.
Result AddSlow(Heap& heap, Value a, Value b);
Result SubtractSlow(Heap& heap, Value a, Value b);
Result MultiplySlow(Heap& heap, Value a, Value b);

inline Result Add(Heap& heap, Value a, Value b) {
  int64_t sum;
  if (a.is_int() && b.is_int() &&
      !__builtin_add_overflow(static_cast<int64_t>(a.bits()), static_cast<int64_t>(b.bits()),
                              &sum)) {
    return Value::FromBits(static_cast<uint64_t>(sum));
  }
  return AddSlow(heap, a, b);
}
inline Result Subtract(Heap& heap, Value a, Value b) {
  int64_t difference;
  if (a.is_int() && b.is_int() &&
      !__builtin_sub_overflow(static_cast<int64_t>(a.bits()), static_cast<int64_t>(b.bits()),
                              &difference)) {
    return Value::FromBits(static_cast<uint64_t>(difference));
  }
  return SubtractSlow(heap, a, b);
}
inline Result Multiply(Heap& heap, Value a, Value b) {
  int64_t product;
  if (a.is_int() && b.is_int() &&
      !__builtin_mul_overflow(static_cast<int64_t>(a.bits()), b.small_int(), &product)) {
    return Value::FromBits(static_cast<uint64_t>(product));
  }
  return MultiplySlow(heap, a, b);
}
// kDivideByZero: integer by integer zero. x / 0.0 is IEEE's.
Result Divide(Heap& heap, Value a, Value b);
// Sign of the dividend. kDivideByZero as above.
Result Remainder(Heap& heap, Value a, Value b);
// The pair for callers who count from the floor: b's sign. kType on floats.
Result FloorDivide(Heap& heap, Value a, Value b);
Result FloorRemainder(Heap& heap, Value a, Value b);
Result Negate(Heap& heap, Value a);
Result Absolute(Heap& heap, Value a);
// int ** int >= 0 is exact; int ** negative int is the float 1 / a ** -b
// (kDivideByZero for zero); with a float it is the correctly rounded power.
Result Power(Heap& heap, Value a, Value b);

// --- integers only (kType else), as if in two's complement without end
Result BitAnd(Heap& heap, Value a, Value b);
Result BitOr(Heap& heap, Value a, Value b);
Result BitXor(Heap& heap, Value a, Value b);
Result BitNot(Heap& heap, Value a);
// kRange: count negative. A right shift rounds down.
Result ShiftLeft(Heap& heap, Value a, Value count);
Result ShiftRight(Heap& heap, Value a, Value count);
// Floor of the square root. kRange: a negative.
Result IntegerSqrt(Heap& heap, Value a);
// Never negative; gcd(0, 0) is 0.
Result Gcd(Heap& heap, Value a, Value b);
// Bits of |a|; 0 for 0. Wants IsInt(a).
uint64_t BitLength(Value a);
// -1, 0 or 1; wants IsInt(a).
int SignOf(Value a);

// --- order
enum class Order : int8_t { kLess = -1, kEqual = 0, kGreater = 1, kUnordered = 2 };
// Exact, also between big ints and floats. kUnordered: one is NaN. Wants numbers.
Order CompareNumbersSlow(Value a, Value b);
inline Order CompareNumbers(Value a, Value b) {
  if (a.is_int() && b.is_int()) {
    const int64_t x = static_cast<int64_t>(a.bits());
    const int64_t y = static_cast<int64_t>(b.bits());
    return static_cast<Order>((x > y) - (x < y));
  }
  return CompareNumbersSlow(a, b);
}

// --- between floats and ints. An int is itself. kNotFinite: nan, inf. kType.
Result Truncate(Heap& heap, Value number);  // towards zero, exact
Result Floor(Heap& heap, Value number);
Result Ceiling(Heap& heap, Value number);
Result Round(Heap& heap, Value number);  // halves away from zero
// kType when it is no number.
Result ToFloat(Heap& heap, Value number);

// --- work. Steps (of about ten nanoseconds) that an operation costs beyond the
// instruction itself: 0 for words and floats, else by the sizes. For kPower and
// kShiftLeft it counts the result's size. Saturates at kWorkMax.
enum class NumberOp : uint8_t {
  kAdd,  // also subtract, negate, compare, bit operations, right shift
  kMultiply,
  kDivide,  // also remainder, gcd, square root
  kPower,
  kShiftLeft,
  kToText,  // b is ignored
};
inline constexpr uint64_t kWorkMax = uint64_t{1} << 40;
uint64_t NumberWorkSlow(NumberOp op, Value a, Value b);
inline uint64_t NumberWork(NumberOp op, Value a, Value b) {
  if (op <= NumberOp::kDivide && !IsBigInt(a) && !IsBigInt(b)) return 0;
  return NumberWorkSlow(op, a, b);
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_NUMBER_H_
