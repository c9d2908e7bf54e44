#include "vm/value/number.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "vm/value/bigint.h"
#include "vm/value/float_math.h"

namespace vesicle {
namespace {

// int op int exactly, else both as doubles.
template <typename Ints, typename Floats>
Result Arithmetic(Heap& heap, Value a, Value b, Ints ints, Floats floats) {
  if (IsInt(a) && IsInt(b)) return ints();
  const std::optional<double> x = DoubleOf(a);
  const std::optional<double> y = DoubleOf(b);
  if (!x || !y) return Failure::kType;
  return MakeFloat(heap, floats(*x, *y));
}

bool IsIntZero(Value v) { return v.is_int() && v.small_int() == 0; }

uint64_t LimbsOf(Value v) { return IsBigInt(v) ? v.data()->count / 8 : 1; }

template <typename Rounded>
Result RoundWith(Heap& heap, Value number, Rounded rounded) {
  if (IsInt(number)) return number;
  if (!IsFloat(number)) return Failure::kType;
  const double d = FloatOf(number);
  if (!std::isfinite(d)) return Failure::kNotFinite;
  return bigint::FromDouble(heap, rounded(d));
}

}  // namespace

Value MakeBoxedInt(Heap& heap, int64_t i) {
  const mp_limb_t limb = i < 0 ? -static_cast<mp_limb_t>(i) : static_cast<mp_limb_t>(i);
  return bigint::Make(heap, &limb, 1, i < 0).value();
}

Value MakeOtherFloat(Heap& heap, double d) {
  if (d == 0) return std::signbit(d) ? Value::MinusZero() : Value::Zero();
  if (std::isnan(d)) return Value::NaN();
  if (std::isinf(d)) return d < 0 ? Value::MinusInfinity() : Value::Infinity();
  Object* o = heap.Allocate(Kind::kFloat, sizeof d);
  std::memcpy(o->bytes(), &d, sizeof d);
  return Value::Data(o);
}

std::optional<int64_t> BoxedInt64Of(Value v) {
  if (!IsBigInt(v)) return std::nullopt;
  const bigint::View view(v);
  if (view.size() != 1) return std::nullopt;
  const mp_limb_t limb = view.limbs()[0];
  if (view.negative()) {
    if (limb > mp_limb_t{1} << 63) return std::nullopt;
    return static_cast<int64_t>(-limb);
  }
  if (limb > static_cast<mp_limb_t>(INT64_MAX)) return std::nullopt;
  return static_cast<int64_t>(limb);
}

std::optional<uint64_t> Uint64Of(Value v) {
  if (!IsInt(v) || SignOf(v) < 0) return std::nullopt;
  const bigint::View view(v);
  if (view.size() > 1) return std::nullopt;
  return view.size() == 0 ? 0 : view.limbs()[0];
}

std::optional<double> DoubleOf(Value v) {
  if (IsFloat(v)) return FloatOf(v);
  if (IsInt(v)) return bigint::ToDouble(v);
  return std::nullopt;
}

Result AddSlow(Heap& heap, Value a, Value b) {
  return Arithmetic(
      heap, a, b, [&] { return bigint::AddSigned(heap, a, b, bigint::Sign::kPlus); },
      [](double x, double y) { return x + y; });
}

Result SubtractSlow(Heap& heap, Value a, Value b) {
  return Arithmetic(
      heap, a, b, [&] { return bigint::AddSigned(heap, a, b, bigint::Sign::kMinus); },
      [](double x, double y) { return x - y; });
}

Result MultiplySlow(Heap& heap, Value a, Value b) {
  return Arithmetic(
      heap, a, b, [&] { return bigint::Multiply(heap, a, b); },
      [](double x, double y) { return x * y; });
}

Result Divide(Heap& heap, Value a, Value b) {
  if (a.is_int() && b.is_int() && b.small_int() != 0) {
    return MakeInt(heap, a.small_int() / b.small_int());
  }
  if (IsInt(a) && IsIntZero(b)) return Failure::kDivideByZero;
  return Arithmetic(
      heap, a, b,
      [&] {
        return bigint::Divide(heap, a, b, bigint::Division::kQuotient, bigint::Rounding::kTruncate);
      },
      [](double x, double y) { return x / y; });
}

Result Remainder(Heap& heap, Value a, Value b) {
  if (a.is_int() && b.is_int() && b.small_int() != 0) {
    return Value::SmallInt(a.small_int() % b.small_int());
  }
  if (IsInt(a) && IsIntZero(b)) return Failure::kDivideByZero;
  return Arithmetic(
      heap, a, b,
      [&] {
        return bigint::Divide(heap, a, b, bigint::Division::kRemainder,
                              bigint::Rounding::kTruncate);
      },
      FloatRemainder);
}

Result FloorDivide(Heap& heap, Value a, Value b) {
  if (!IsInt(a) || !IsInt(b)) return Failure::kType;
  if (IsIntZero(b)) return Failure::kDivideByZero;
  return bigint::Divide(heap, a, b, bigint::Division::kQuotient, bigint::Rounding::kFloor);
}

Result FloorRemainder(Heap& heap, Value a, Value b) {
  if (!IsInt(a) || !IsInt(b)) return Failure::kType;
  if (IsIntZero(b)) return Failure::kDivideByZero;
  return bigint::Divide(heap, a, b, bigint::Division::kRemainder, bigint::Rounding::kFloor);
}

Result Negate(Heap& heap, Value a) {
  if (a.is_int()) return MakeInt(heap, -a.small_int());
  if (IsInt(a)) return bigint::Negate(heap, a);
  if (IsFloat(a)) return MakeFloat(heap, -FloatOf(a));
  return Failure::kType;
}

Result Absolute(Heap& heap, Value a) {
  if (IsInt(a)) return SignOf(a) < 0 ? Negate(heap, a) : Result(a);
  if (IsFloat(a)) return MakeFloat(heap, std::fabs(FloatOf(a)));
  return Failure::kType;
}

Result Power(Heap& heap, Value a, Value b) {
  return Arithmetic(
      heap, a, b,
      [&]() -> Result {
        if (SignOf(b) >= 0) {
          // An exponent beyond a word leaves only 0, 1 and -1 within the limit.
          if (b.is_int()) return bigint::Power(heap, a, static_cast<uint64_t>(b.small_int()));
          const bigint::View exponent(b);
          return bigint::Power(heap, a, (uint64_t{1} << 62) | (exponent.limbs()[0] & 1));
        }
        if (IsIntZero(a)) return Failure::kDivideByZero;
        return MakeFloat(heap, FloatMath(MathOp2::kPow, bigint::ToDouble(a), bigint::ToDouble(b)));
      },
      [](double x, double y) { return FloatMath(MathOp2::kPow, x, y); });
}

Result BitAnd(Heap& heap, Value a, Value b) {
  if (a.is_int() && b.is_int()) return Value::FromBits(a.bits() & b.bits());
  if (!IsInt(a) || !IsInt(b)) return Failure::kType;
  return bigint::Combine(heap, a, b, bigint::Bitwise::kAnd);
}

Result BitOr(Heap& heap, Value a, Value b) {
  if (a.is_int() && b.is_int()) return Value::FromBits(a.bits() | b.bits());
  if (!IsInt(a) || !IsInt(b)) return Failure::kType;
  return bigint::Combine(heap, a, b, bigint::Bitwise::kOr);
}

Result BitXor(Heap& heap, Value a, Value b) {
  if (a.is_int() && b.is_int()) return Value::FromBits(a.bits() ^ b.bits());
  if (!IsInt(a) || !IsInt(b)) return Failure::kType;
  return bigint::Combine(heap, a, b, bigint::Bitwise::kXor);
}

Result BitNot(Heap& heap, Value a) {
  if (!IsInt(a)) return Failure::kType;
  return bigint::AddSigned(heap, Value::SmallInt(-1), a, bigint::Sign::kMinus);
}

Result ShiftLeft(Heap& heap, Value a, Value count) {
  if (!IsInt(a) || !IsInt(count)) return Failure::kType;
  if (SignOf(count) < 0) return Failure::kRange;
  return bigint::ShiftLeft(heap, a, Uint64Of(count).value_or(UINT64_MAX));
}

Result ShiftRight(Heap& heap, Value a, Value count) {
  if (!IsInt(a) || !IsInt(count)) return Failure::kType;
  if (SignOf(count) < 0) return Failure::kRange;
  return bigint::ShiftRight(heap, a, Uint64Of(count).value_or(UINT64_MAX));
}

Result IntegerSqrt(Heap& heap, Value a) {
  if (!IsInt(a)) return Failure::kType;
  if (SignOf(a) < 0) return Failure::kRange;
  return bigint::Sqrt(heap, a);
}

Result Gcd(Heap& heap, Value a, Value b) {
  if (!IsInt(a) || !IsInt(b)) return Failure::kType;
  return bigint::Gcd(heap, a, b);
}

uint64_t BitLength(Value a) { return bigint::View(a).bits(); }

int SignOf(Value a) {
  if (a.is_int()) return (a.small_int() > 0) - (a.small_int() < 0);
  return bigint::View(a).negative() ? -1 : 1;
}

Order CompareNumbersSlow(Value a, Value b) {
  const bool a_int = IsInt(a);
  const bool b_int = IsInt(b);
  if (a_int && b_int) return static_cast<Order>(bigint::Compare(a, b));
  if (!a_int && !b_int) {
    const double x = FloatOf(a);
    const double y = FloatOf(b);
    if (std::isnan(x) || std::isnan(y)) return Order::kUnordered;
    return static_cast<Order>((x > y) - (x < y));
  }
  const double d = FloatOf(a_int ? b : a);
  if (std::isnan(d)) return Order::kUnordered;
  const int order = std::isinf(d) ? (d > 0 ? -1 : 1) : bigint::CompareWithFloat(a_int ? a : b, d);
  return static_cast<Order>(a_int ? order : -order);
}

Result Truncate(Heap& heap, Value number) {
  return RoundWith(heap, number, [](double d) { return d; });
}
Result Floor(Heap& heap, Value number) {
  return RoundWith(heap, number, [](double d) { return std::floor(d); });
}
Result Ceiling(Heap& heap, Value number) {
  return RoundWith(heap, number, [](double d) { return std::ceil(d); });
}
Result Round(Heap& heap, Value number) {
  return RoundWith(heap, number, [](double d) { return std::round(d); });
}

Result ToFloat(Heap& heap, Value number) {
  const std::optional<double> d = DoubleOf(number);
  if (!d) return Failure::kType;
  return MakeFloat(heap, *d);
}

uint64_t NumberWorkSlow(NumberOp op, Value a, Value b) {
  const uint64_t n = LimbsOf(a);
  const uint64_t m = LimbsOf(b);
  switch (op) {
    case NumberOp::kAdd:
      return (n + m) / 8;
    case NumberOp::kMultiply:
      return bigint::ProductWork(n, m) / 4;
    case NumberOp::kDivide:
      return bigint::ProductWork(n, m);
    case NumberOp::kPower: {
      if (!IsInt(a) || !IsInt(b)) return kFloatMathWork;
      if (SignOf(b) < 0) return kFloatMathWork;
      // Over the limit nothing is computed.
      const uint64_t bits = BitLength(a);
      if (!b.is_int() || bits <= 1) return 0;
      const uint64_t exponent = static_cast<uint64_t>(b.small_int());
      if (exponent > kIntBitsMax || (bits - 1) * exponent >= kIntBitsMax) return 0;
      const uint64_t limbs = bits * exponent / 64;
      return bigint::ProductWork(limbs, limbs) / 2;
    }
    case NumberOp::kShiftLeft: {
      const std::optional<uint64_t> count = IsInt(b) ? Uint64Of(b) : std::nullopt;
      return (n + std::min<uint64_t>(count.value_or(0), kIntBitsMax) / 64) / 8;
    }
    case NumberOp::kToText:
      return n == 1 ? 1 : bigint::ProductWork(n, n);
  }
  return 0;
}

}  // namespace vesicle
