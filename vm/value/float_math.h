// The elementary functions, correctly rounded (to nearest, ties to even) by MPFR
// at 53 bits, so that every processor and library gives the same bits. glibc's
// would depend on which variant the processor selects.
//
// IEEE 754 clause 9.2 decides the special cases; what has no value is NaN. The
// cost is some microseconds: kFloatMathWork steps. sqrt is the processor's, which
// IEEE 754 already requires to be correctly rounded.
//
//   double y = FloatMath(MathOp::kSin, x);
#ifndef VESICLE_VM_VALUE_FLOAT_MATH_H_
#define VESICLE_VM_VALUE_FLOAT_MATH_H_

#include <cstdint>

namespace vesicle {

enum class MathOp : uint8_t {
  kSin,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kTanh,
  kExp,
  kExpm1,
  kLog,
  kLog1p,
  kLog2,
  kLog10,
  kSqrt,
  kCbrt,
};
enum class MathOp2 : uint8_t { kAtan2, kPow, kHypot };

inline constexpr uint64_t kFloatMathWork = 200;

double FloatMath(MathOp op, double x);
// kAtan2 takes (y, x); kPow (base, exponent).
double FloatMath(MathOp2 op, double a, double b);
// IEEE remainder of truncated division (fmod): exact, so any library's will do.
double FloatRemainder(double a, double b);

}  // namespace vesicle

#endif  // VESICLE_VM_VALUE_FLOAT_MATH_H_
