// Numbers: rounding, integers and their bits, elementary functions.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "vm/script/prelude/number_job.h"
#include "vm/script/prelude/prelude_internal.h"
#include "vm/value/bigint_pieces.h"
#include "vm/value/float_math.h"
#include "vm/value/number.h"
#include "vm/value/number_text.h"

namespace vesicle::prelude {
namespace {

constexpr std::string_view kNumber = "a number";
constexpr std::string_view kInteger = "an integer";
// Of longer ones it takes longer than a millisecond.
constexpr uint64_t kGcdBitsAtOnce = 32'768;

// A function of one number, or of two, of vm/value.
template <Result (*fn)(Heap&, Value)>
BuiltinResult OfNumber(BuiltinContext& context, const Value* args, int) {
  if (!IsNumber(args[0])) return context.Wants(0, kNumber, args[0]);
  context.Charge(static_cast<int64_t>(NumberWork(NumberOp::kAdd, args[0], args[0])));
  return context.Give(fn(context.heap(), args[0]), "a number that is finite", kIntTooBig);
}

template <Result (*fn)(Heap&, Value, Value), NumberOp op>
BuiltinResult OfIntegers(BuiltinContext& context, const Value* args, int) {
  for (int i = 0; i < 2; ++i) {
    if (!IsInt(args[i])) return context.Wants(i, kInteger, args[i]);
  }
  if (!context.ChargeAhead(static_cast<int64_t>(NumberWork(op, args[0], args[1])))) {
    return context.TooLong();
  }
  return context.Give(fn(context.heap(), args[0], args[1]), "", kIntTooBig);
}

BuiltinResult GcdOf(BuiltinContext& context, const Value* args, int count) {
  if (!IsInt(args[0]) || !IsInt(args[1]) ||
      std::min(BitLength(args[0]), BitLength(args[1])) < kGcdBitsAtOnce) {
    return OfIntegers<Gcd, NumberOp::kDivide>(context, args, count);
  }
  return MakeNumberJob(context, bigint::GcdPieces(args[0], args[1]),
                       [](Heap& heap, const bigint::GcdPieces& gcd) { return gcd.Finish(heap); });
}

template <Result (*fn)(Heap&, Value, Value), NumberOp op>
BuiltinResult Shift(BuiltinContext& context, const Value* args, int) {
  if (!IsInt(args[0])) return context.Wants(0, kInteger, args[0]);
  if (!IsInt(args[1]) || SignOf(args[1]) < 0) {
    return context.Wants(1, "a count of bits from 0 on", args[1]);
  }
  if (!context.ChargeAhead(static_cast<int64_t>(NumberWork(op, args[0], args[1])))) {
    return context.TooLong();
  }
  return context.Give(fn(context.heap(), args[0], args[1]), "", kIntTooBig);
}

template <MathOp op>
BuiltinResult Math(BuiltinContext& context, const Value* args, int) {
  const std::optional<double> x = DoubleOf(args[0]);
  if (!x.has_value()) return context.Wants(0, kNumber, args[0]);
  context.Charge(op == MathOp::kSqrt ? 1 : static_cast<int64_t>(kFloatMathWork));
  return BuiltinResult::Of(MakeFloat(context.heap(), FloatMath(op, *x)));
}

template <MathOp2 op>
BuiltinResult Math2(BuiltinContext& context, const Value* args, int) {
  double x[2];
  for (int i = 0; i < 2; ++i) {
    const std::optional<double> arg = DoubleOf(args[i]);
    if (!arg.has_value()) return context.Wants(i, kNumber, args[i]);
    x[i] = *arg;
  }
  context.Charge(static_cast<int64_t>(kFloatMathWork));
  return BuiltinResult::Of(MakeFloat(context.heap(), FloatMath(op, x[0], x[1])));
}

BuiltinResult Sign(BuiltinContext& context, const Value* args, int) {
  const Value x = args[0];
  int sign = 0;
  if (IsInt(x)) {
    sign = SignOf(x);
  } else if (IsFloat(x) && !std::isnan(FloatOf(x))) {
    const double d = FloatOf(x);
    sign = (d > 0) - (d < 0);
  } else {
    return context.Wants(0, "a number that is not nan", x);
  }
  return BuiltinResult::Of(Value::SmallInt(sign));
}

// The float nearest to `d` as `fixed` spells it; a zero keeps its sign.
double RoundedTo(double d, int places) {
  std::string text;
  AppendFixed(std::abs(d), places, &text);
  double rounded = 0;
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  return std::copysign(rounded, d);
}

// A half goes away from zero, also behind the point: 0.125 is 0.13 with two decimals.
BuiltinResult RoundTo(BuiltinContext& context, const Value* args, int count) {
  if (count == 1) return OfNumber<Round>(context, args, count);
  if (!IsNumber(args[0])) return context.Wants(0, kNumber, args[0]);
  if (!args[1].is_int() || args[1].small_int() < 0 || args[1].small_int() > 1000) {
    return context.Wants(1, "a number of decimals from 0 to 1000", args[1]);
  }
  const int places = static_cast<int>(args[1].small_int());
  if (IsInt(args[0]) || !std::isfinite(FloatOf(args[0]))) return BuiltinResult::Of(args[0]);
  context.Charge(64);
  return BuiltinResult::Of(MakeFloat(context.heap(), RoundedTo(FloatOf(args[0]), places)));
}

BuiltinResult IsNan(BuiltinContext& context, const Value* args, int) {
  if (!IsNumber(args[0])) return context.Wants(0, kNumber, args[0]);
  return BuiltinResult::Of(Value::Bool(IsFloat(args[0]) && std::isnan(FloatOf(args[0]))));
}

BuiltinResult IsFinite(BuiltinContext& context, const Value* args, int) {
  if (!IsNumber(args[0])) return context.Wants(0, kNumber, args[0]);
  return BuiltinResult::Of(Value::Bool(!IsFloat(args[0]) || std::isfinite(FloatOf(args[0]))));
}

BuiltinResult IntegerRoot(BuiltinContext& context, const Value* args, int) {
  if (!IsInt(args[0]) || SignOf(args[0]) < 0) {
    return context.Wants(0, "an integer from 0 on", args[0]);
  }
  if (!context.ChargeAhead(static_cast<int64_t>(NumberWork(NumberOp::kDivide, args[0], args[0])))) {
    return context.TooLong();
  }
  return context.Give(IntegerSqrt(context.heap(), args[0]), "");
}

BuiltinResult Complement(BuiltinContext& context, const Value* args, int) {
  if (!IsInt(args[0])) return context.Wants(0, kInteger, args[0]);
  context.Charge(static_cast<int64_t>(NumberWork(NumberOp::kAdd, args[0], args[0])));
  return context.Give(BitNot(context.heap(), args[0]), "");
}

BuiltinResult BitLengthOf(BuiltinContext& context, const Value* args, int) {
  if (!IsInt(args[0])) return context.Wants(0, kInteger, args[0]);
  return BuiltinResult::Of(Value::SmallInt(static_cast<int64_t>(BitLength(args[0]))));
}

Value Pi(Core&) { return Value::ImmediateFloat(3.141592653589793); }
Value Inf(Core&) { return Value::Infinity(); }
Value Nan(Core&) { return Value::NaN(); }

void RegisterRounding(BuiltinRegistry& registry) {
  registry.Pure("abs", 1, 1, OfNumber<Absolute>, "abs(x): without its sign");
  registry.Pure("sign", 1, 1, Sign, "sign(x): -1, 0 or 1");
  registry.Pure("floor", 1, 1, OfNumber<Floor>, "floor(x): the next integer below, or x itself");
  registry.Pure("ceil", 1, 1, OfNumber<Ceiling>, "ceil(x): the next integer above, or x itself");
  registry.Pure("round", 1, 2, RoundTo,
                "round(x, places): the nearest integer, or number with so many decimals; a half "
                "goes away from zero");
  registry.Pure("truncate", 1, 1, OfNumber<Truncate>,
                "truncate(x): the integer without what is behind the point");
  registry.Pure("to_float", 1, 1, OfNumber<ToFloat>, "to_float(x): the nearest float");
  registry.Pure("is_nan", 1, 1, IsNan, "is_nan(x): is it the float that is no number?");
  registry.Pure("is_finite", 1, 1, IsFinite, "is_finite(x): is it neither infinite nor nan?");
}

void RegisterIntegers(BuiltinRegistry& registry) {
  registry.Pure("div_floor", 2, 2, OfIntegers<FloorDivide, NumberOp::kDivide>,
                "div_floor(a, b): the quotient of integers, rounded down");
  registry.Pure("mod", 2, 2, OfIntegers<FloorRemainder, NumberOp::kDivide>,
                "mod(a, b): the remainder of div_floor, with the sign of b");
  registry.Pure("gcd", 2, 2, GcdOf, "gcd(a, b): the greatest common divisor");
  registry.Pure("isqrt", 1, 1, IntegerRoot, "isqrt(n): the square root, rounded down");
  registry.Pure("bit_and", 2, 2, OfIntegers<BitAnd, NumberOp::kAdd>,
                "bit_and(a, b): the bits that both integers have");
  registry.Pure("bit_or", 2, 2, OfIntegers<BitOr, NumberOp::kAdd>,
                "bit_or(a, b): the bits that one of them has, or both");
  registry.Pure("bit_xor", 2, 2, OfIntegers<BitXor, NumberOp::kAdd>,
                "bit_xor(a, b): the bits that just one of them has");
  registry.Pure("bit_not", 1, 1, Complement, "bit_not(n): every bit turned over; -n - 1");
  registry.Pure("shift_left", 2, 2, Shift<ShiftLeft, NumberOp::kShiftLeft>,
                "shift_left(n, count): n * 2 ** count");
  registry.Pure("shift_right", 2, 2, Shift<ShiftRight, NumberOp::kAdd>,
                "shift_right(n, count): n / 2 ** count, rounded down");
  registry.Pure("bit_length", 1, 1, BitLengthOf,
                "bit_length(n): how many bits the integer without its sign takes");
}

void RegisterMath(BuiltinRegistry& registry) {
  registry.Constant("pi", Pi, "pi: the float nearest to 3.14159...");
  registry.Constant("inf", Inf, "inf: the float above all others; -inf is below them");
  registry.Constant("nan", Nan, "nan: the float that is no number; it equals itself");
  registry.Pure("sqrt", 1, 1, Math<MathOp::kSqrt>, "sqrt(x): the square root, a float");
  registry.Pure("cbrt", 1, 1, Math<MathOp::kCbrt>, "cbrt(x): the cube root, a float");
  registry.Pure("hypot", 2, 2, Math2<MathOp2::kHypot>, "hypot(x, y): sqrt(x * x + y * y)");
  registry.Pure("exp", 1, 1, Math<MathOp::kExp>, "exp(x): e to the power of x");
  registry.Pure("log", 1, 1, Math<MathOp::kLog>, "log(x): the natural logarithm");
  registry.Pure("log2", 1, 1, Math<MathOp::kLog2>, "log2(x): the logarithm to base 2");
  registry.Pure("log10", 1, 1, Math<MathOp::kLog10>, "log10(x): the logarithm to base 10");
  registry.Pure("sin", 1, 1, Math<MathOp::kSin>, "sin(x): the sine of x radians");
  registry.Pure("cos", 1, 1, Math<MathOp::kCos>, "cos(x): the cosine of x radians");
  registry.Pure("tan", 1, 1, Math<MathOp::kTan>, "tan(x): the tangent of x radians");
  registry.Pure("asin", 1, 1, Math<MathOp::kAsin>, "asin(x): the angle whose sine is x");
  registry.Pure("acos", 1, 1, Math<MathOp::kAcos>, "acos(x): the angle whose cosine is x");
  registry.Pure("atan", 1, 1, Math<MathOp::kAtan>, "atan(x): the angle whose tangent is x");
  registry.Pure("atan2", 2, 2, Math2<MathOp2::kAtan2>,
                "atan2(y, x): the angle of the point (x, y)");
}

}  // namespace

void RegisterNumbers(BuiltinRegistry& registry) {
  RegisterRounding(registry);
  RegisterIntegers(registry);
  RegisterMath(registry);
}

}  // namespace vesicle::prelude
