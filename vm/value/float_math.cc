#include "vm/value/float_math.h"

#include <mpfr.h>

#include <cmath>

namespace vesicle {
namespace {

constexpr mpfr_prec_t kDoubleBits = 53;
// Exponents of doubles as MPFR counts them (mantissa in [0.5, 1)).
constexpr mpfr_exp_t kExponentMin = -1073;
constexpr mpfr_exp_t kExponentMax = 1024;

// A number of 53 bits whose limbs stand on the stack.
class Number {
 public:
  Number() {
    mpfr_custom_init(limbs_, kDoubleBits);
    mpfr_custom_init_set(number_, MPFR_ZERO_KIND, 0, kDoubleBits, limbs_);
  }
  explicit Number(double d) : Number() { mpfr_set_d(number_, d, MPFR_RNDN); }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;
  mpfr_ptr get() { return number_; }

 private:
  mp_limb_t limbs_[(kDoubleBits + 63) / 64];
  mpfr_t number_;
};

// Runs `f` with the exponents of a double, so that overflow and subnormal results
// round as IEEE 754 says. MPFR keeps them per thread: they are put back, and the
// operands are set before (a subnormal double has an exponent below the range's
// normal ones but within kExponentMin).
template <typename F>
double Rounded(F f) {
  const mpfr_exp_t min = mpfr_get_emin();
  const mpfr_exp_t max = mpfr_get_emax();
  mpfr_set_emin(kExponentMin);
  mpfr_set_emax(kExponentMax);
  Number result;
  const int inexact = f(result.get());
  mpfr_subnormalize(result.get(), inexact, MPFR_RNDN);
  const double d = mpfr_get_d(result.get(), MPFR_RNDN);
  mpfr_set_emin(min);
  mpfr_set_emax(max);
  return d;
}

using Function = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

Function FunctionOf(MathOp op) {
  switch (op) {
    case MathOp::kSin:
      return mpfr_sin;
    case MathOp::kCos:
      return mpfr_cos;
    case MathOp::kTan:
      return mpfr_tan;
    case MathOp::kAsin:
      return mpfr_asin;
    case MathOp::kAcos:
      return mpfr_acos;
    case MathOp::kAtan:
      return mpfr_atan;
    case MathOp::kSinh:
      return mpfr_sinh;
    case MathOp::kCosh:
      return mpfr_cosh;
    case MathOp::kTanh:
      return mpfr_tanh;
    case MathOp::kExp:
      return mpfr_exp;
    case MathOp::kExpm1:
      return mpfr_expm1;
    case MathOp::kLog:
      return mpfr_log;
    case MathOp::kLog1p:
      return mpfr_log1p;
    case MathOp::kLog2:
      return mpfr_log2;
    case MathOp::kLog10:
      return mpfr_log10;
    case MathOp::kSqrt:
      return mpfr_sqrt;
    case MathOp::kCbrt:
      return mpfr_cbrt;
  }
  return mpfr_sin;
}

}  // namespace

double FloatMath(MathOp op, double x) {
  if (op == MathOp::kSqrt) return std::sqrt(x);
  const Function function = FunctionOf(op);
  Number operand(x);
  return Rounded([&](mpfr_ptr result) { return function(result, operand.get(), MPFR_RNDN); });
}

double FloatMath(MathOp2 op, double a, double b) {
  Number x(a);
  Number y(b);
  return Rounded([&](mpfr_ptr result) {
    switch (op) {
      case MathOp2::kAtan2:
        return mpfr_atan2(result, x.get(), y.get(), MPFR_RNDN);
      case MathOp2::kPow:
        return mpfr_pow(result, x.get(), y.get(), MPFR_RNDN);
      case MathOp2::kHypot:
        return mpfr_hypot(result, x.get(), y.get(), MPFR_RNDN);
    }
    return 0;
  });
}

double FloatRemainder(double a, double b) { return std::fmod(a, b); }

}  // namespace vesicle
