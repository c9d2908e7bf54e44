#include "vm/value/number.h"

#include <cmath>
#include <limits>
#include <string>

#include "tests/vm/value/judge.h"
#include "tests/vm/value/testing.h"
#include "vm/value/float_math.h"
#include "vm/value/number_text.h"

namespace vesicle {
namespace {

using testing::Int;
using testing::Judge;
using testing::Rng;

std::string TextOf(Value v) {
  std::string s;
  AppendNumber(v, &s);
  return s;
}

// Sizes near the borders of words and limbs, and larger ones.
std::string RandomInt(Rng& rng) {
  Judge j;
  mpz_set_ui(j.z, 1);
  const uint64_t borders[] = {1, 8, 31, 32, 59, 60, 61, 62, 63, 64, 65, 127, 128, 129, 400, 3000};
  mpz_mul_2exp(j.z, j.z, borders[rng.Below(16)]);
  if (rng.OneIn(2)) {
    mpz_t low;
    mpz_init_set_ui(low, rng.Next());
    mpz_mul_ui(low, low, rng.Next());
    mpz_mod(low, low, j.z);
    mpz_sub(j.z, j.z, low);
    mpz_clear(low);
  } else {
    mpz_add_ui(j.z, j.z, rng.Below(5));
    mpz_sub_ui(j.z, j.z, 2);
  }
  if (rng.OneIn(20)) mpz_set_ui(j.z, 0);
  if (rng.OneIn(2)) mpz_neg(j.z, j.z);
  return j.Text();
}

void CheckCanonical(Value v) {
  if (v.is_int()) return;
  REQUIRE(IsBigInt(v));
  const std::optional<int64_t> i = Int64Of(v);
  CHECK((!i || !Value::FitsSmallInt(*i)));
}

TEST_CASE("integers: every operation agrees with GMP's mpz, at every border") {
  VESICLE_RANDOM_TEST(rng);
  Heap heap({}, nullptr);
  for (int step = 0; step < 20000; ++step) {
    const std::string a_text = RandomInt(rng);
    const std::string b_text = rng.OneIn(10) ? a_text : RandomInt(rng);
    CAPTURE(a_text);
    CAPTURE(b_text);
    const Judge a(a_text);
    const Judge b(b_text);
    Judge c;
    const Value x = ParseInt(heap, a_text, 10).value();
    const Value y = ParseInt(heap, b_text, 10).value();
    CheckCanonical(x);
    REQUIRE(TextOf(x) == a_text);
    const auto agrees = [&](Result r) {
      REQUIRE(r.ok());
      CheckCanonical(r.value());
      CHECK(TextOf(r.value()) == c.Text());
    };
    mpz_add(c.z, a.z, b.z);
    agrees(Add(heap, x, y));
    mpz_sub(c.z, a.z, b.z);
    agrees(Subtract(heap, x, y));
    mpz_mul(c.z, a.z, b.z);
    agrees(Multiply(heap, x, y));
    mpz_neg(c.z, a.z);
    agrees(Negate(heap, x));
    mpz_and(c.z, a.z, b.z);
    agrees(BitAnd(heap, x, y));
    mpz_ior(c.z, a.z, b.z);
    agrees(BitOr(heap, x, y));
    mpz_xor(c.z, a.z, b.z);
    agrees(BitXor(heap, x, y));
    mpz_com(c.z, a.z);
    agrees(BitNot(heap, x));
    mpz_gcd(c.z, a.z, b.z);
    agrees(Gcd(heap, x, y));
    const uint64_t shift = rng.Below(200);
    mpz_mul_2exp(c.z, a.z, shift);
    agrees(ShiftLeft(heap, x, Int(static_cast<int64_t>(shift))));
    mpz_fdiv_q_2exp(c.z, a.z, shift);
    agrees(ShiftRight(heap, x, Int(static_cast<int64_t>(shift))));
    if (mpz_sgn(b.z) != 0) {
      mpz_tdiv_q(c.z, a.z, b.z);
      agrees(Divide(heap, x, y));
      mpz_tdiv_r(c.z, a.z, b.z);
      agrees(Remainder(heap, x, y));
      mpz_fdiv_q(c.z, a.z, b.z);
      agrees(FloorDivide(heap, x, y));
      mpz_fdiv_r(c.z, a.z, b.z);
      agrees(FloorRemainder(heap, x, y));
    } else {
      CHECK(Divide(heap, x, y).failure() == Failure::kDivideByZero);
      CHECK(Remainder(heap, x, y).failure() == Failure::kDivideByZero);
    }
    if (mpz_sgn(a.z) >= 0) {
      mpz_sqrt(c.z, a.z);
      agrees(IntegerSqrt(heap, x));
    }
    const uint64_t exponent = rng.Below(12);
    mpz_pow_ui(c.z, a.z, exponent);
    agrees(Power(heap, x, Int(static_cast<int64_t>(exponent))));
    const int order = mpz_cmp(a.z, b.z);
    CHECK(static_cast<int>(CompareNumbers(x, y)) == (order > 0) - (order < 0));
    CHECK(BitLength(x) == (mpz_sgn(a.z) == 0 ? 0 : mpz_sizeinbase(a.z, 2)));
    const int base = 2 + static_cast<int>(rng.Below(35));
    std::string digits;
    AppendInt(x, base, &digits);
    char* expected = mpz_get_str(nullptr, base, a.z);
    CHECK(digits == expected);
    std::free(expected);
    const Value back = ParseInt(heap, digits, base).value();
    CHECK(CompareNumbers(back, x) == Order::kEqual);
    if (step % 200 == 0) heap.Collect(Heap::Scope::kYoung);
  }
}

TEST_CASE("integers: between a word and a double nothing is lost or rounded twice") {
  VESICLE_RANDOM_TEST(rng);
  Heap heap({}, nullptr);
  for (int step = 0; step < 20000; ++step) {
    const std::string text = RandomInt(rng);
    CAPTURE(text);
    const Value v = ParseInt(heap, text, 10).value();
    // strtod rounds to nearest even.
    const double d = std::strtod(text.c_str(), nullptr);
    CHECK(*DoubleOf(v) == d);
    if (std::isinf(d)) continue;
    const Value back = Truncate(heap, MakeFloat(heap, d)).value();
    Judge j;
    mpz_set_d(j.z, d);
    CHECK(TextOf(back) == j.Text());
    const Judge exact(text);
    const int order = mpz_cmp(exact.z, j.z);
    CHECK(static_cast<int>(CompareNumbers(v, MakeFloat(heap, d))) == (order > 0) - (order < 0));
    CHECK(static_cast<int>(CompareNumbers(MakeFloat(heap, d), v)) == (order < 0) - (order > 0));
    if (step % 200 == 0) heap.Collect(Heap::Scope::kYoung);
  }
  CHECK(CompareNumbers(Int(1), MakeFloat(heap, 1.5)) == Order::kLess);
  CHECK(CompareNumbers(Int(-1), MakeFloat(heap, -1.5)) == Order::kGreater);
  CHECK(CompareNumbers(Int(1), Value::NaN()) == Order::kUnordered);
  CHECK(CompareNumbers(Int(1), Value::Infinity()) == Order::kLess);
  CHECK(Truncate(heap, Value::Infinity()).failure() == Failure::kNotFinite);
  CHECK(Round(heap, MakeFloat(heap, -2.5)).value() == Int(-3));
  CHECK(Floor(heap, MakeFloat(heap, -2.5)).value() == Int(-3));
  CHECK(Ceiling(heap, MakeFloat(heap, -2.5)).value() == Int(-2));
}

TEST_CASE("integers: the limit of bits fails, before any work is done") {
  Heap heap({}, nullptr);
  const Value top = ShiftLeft(heap, Int(1), Int(kIntBitsMax - 1)).value();
  CHECK(BitLength(top) == kIntBitsMax);
  CHECK(Add(heap, top, top).failure() == Failure::kTooBig);
  CHECK(Multiply(heap, top, top).failure() == Failure::kTooBig);
  CHECK(ShiftLeft(heap, Int(1), Int(kIntBitsMax)).failure() == Failure::kTooBig);
  CHECK(Power(heap, Int(2), Int(kIntBitsMax)).failure() == Failure::kTooBig);
  CHECK(BitLength(Power(heap, Int(2), Int(kIntBitsMax - 1)).value()) == kIntBitsMax);
  CHECK(Power(heap, Int(10), top).failure() == Failure::kTooBig);
  CHECK(Power(heap, Int(-1), top).value() == Int(1));
  CHECK(Power(heap, Int(-1), Subtract(heap, top, Int(1)).value()).value() == Int(-1));
  CHECK(ParseInt(heap, std::string(400000, '9'), 10).failure() == Failure::kTooBig);
  CHECK(ShiftRight(heap, Int(-5), top).value() == Int(-1));
  CHECK(ShiftRight(heap, Int(1), Int(-1)).failure() == Failure::kRange);
  CHECK(NumberWork(NumberOp::kPower, Int(2), top) == 0);
  CHECK(NumberWork(NumberOp::kToText, top, top) > 100000);
  heap.SetSponsor(1, 1000);
  CHECK(Negate(heap, top).failure() == Failure::kMemory);
}

TEST_CASE("floats: one NaN, one word per common value, the rest boxed and found again") {
  VESICLE_RANDOM_TEST(rng);
  Heap heap({}, nullptr);
  CHECK(MakeFloat(heap, -std::nan("7")) == Value::NaN());
  CHECK(MakeFloat(heap, 0.0) == Value::Zero());
  CHECK(MakeFloat(heap, -0.0) == Value::MinusZero());
  for (int i = 0; i < 100000; ++i) {
    const double d = std::bit_cast<double>(rng.Next());
    const Value v = MakeFloat(heap, d);
    REQUIRE(IsFloat(v));
    if (std::isnan(d)) {
      CHECK(v == Value::NaN());
      continue;
    }
    CHECK(std::bit_cast<uint64_t>(FloatOf(v)) == std::bit_cast<uint64_t>(d));
    const std::string text = TextOf(v);
    CHECK(text.find_first_of(".en") != std::string::npos);
    const double back = FloatOf(ParseFloat(heap, text).value());
    CHECK(std::bit_cast<uint64_t>(back) == std::bit_cast<uint64_t>(d));
  }
}

TEST_CASE("floats: so many decimals, of the exact value, ties away from zero") {
  VESICLE_RANDOM_TEST(rng);
  const auto fixed = [](double d, int places) {
    std::string text;
    AppendFixed(d, places, &text);
    return text;
  };
  for (int i = 0; i < 100000; ++i) {
    const int places = static_cast<int>(rng.Below(6));
    // Halves, quarters and so on: exact in long double, and so are their products.
    const double d = std::ldexp(static_cast<double>(rng.Below(1 << 20)) - (1 << 19),
                                -static_cast<int>(rng.Below(12)));
    const long double scale = std::pow(10.0L, static_cast<long double>(places));
    const long double rounded = std::round(static_cast<long double>(d) * scale);
    char wanted[80];
    std::snprintf(wanted, sizeof wanted, "%.*Lf", places, (rounded == 0 ? 0.0L : rounded) / scale);
    CAPTURE(d);
    REQUIRE(fixed(d, places) == wanted);
  }
  CHECK(fixed(5e-324, 1073).size() == 1075);
  CHECK(fixed(5e-324, 1074).back() == '5');
  CHECK(fixed(5e-324, 1073).back() == '3');
}

TEST_CASE("floats: how they are spelled") {
  Heap heap({}, nullptr);
  const auto text = [&](double d) { return TextOf(MakeFloat(heap, d)); };
  CHECK(text(1) == "1.0");
  CHECK(text(-0.0) == "-0.0");
  CHECK(text(0.1) == "0.1");
  CHECK(text(1e300) == "1e+300");
  CHECK(text(100000.0) == "100000.0");
  CHECK(text(-0.0001) == "-0.0001");
  CHECK(text(0.00001) == "1e-05");
  CHECK(text(9007199254740993.0) == "9007199254740992.0");
  CHECK(text(1e16) == "1e+16");
  CHECK(text(123456789012345680.0) == "1.2345678901234568e+17");
  CHECK(text(123456789012.0) == "123456789012.0");
  CHECK(text(HUGE_VAL) == "inf");
  CHECK(text(-HUGE_VAL) == "-inf");
  CHECK(text(std::nan("")) == "nan");
  const auto parsed = [&](const char* s) { return FloatOf(ParseFloat(heap, s).value()); };
  CHECK(parsed("1e999") == HUGE_VAL);
  CHECK(parsed("-1e999") == -HUGE_VAL);
  CHECK(parsed("1e-999") == 0);
  CHECK(parsed("0.0000001e-400") == 0);
  CHECK(parsed("+inf") == HUGE_VAL);
  for (const char* bad : {"", "-", "infinity", "1.0x", "nan(1)", "--1", "0x1p3", " 1", "e5", "."}) {
    CAPTURE(bad);
    CHECK(ParseFloat(heap, bad).failure() == Failure::kSyntax);
  }
  CHECK(ParseInt(heap, "12a", 10).failure() == Failure::kSyntax);
  CHECK(ParseInt(heap, "-", 10).failure() == Failure::kSyntax);
  CHECK(ParseInt(heap, "FF", 16).value() == Int(255));
  CHECK(ParseNumber(heap, "-0012").value() == Int(-12));
  CHECK(ParseNumber(heap, "1.5").value() == MakeFloat(heap, 1.5));
}

TEST_CASE("floats: mixed arithmetic, and what the language says of zero") {
  Heap heap({}, nullptr);
  CHECK(Add(heap, Int(1), MakeFloat(heap, 0.5)).value() == MakeFloat(heap, 1.5));
  CHECK(Divide(heap, Int(1), Value::Zero()).value() == Value::Infinity());
  CHECK(Divide(heap, Int(-7), Int(2)).value() == Int(-3));
  CHECK(Remainder(heap, Int(-7), Int(2)).value() == Int(-1));
  CHECK(Remainder(heap, MakeFloat(heap, -7.5), Int(2)).value() == MakeFloat(heap, -1.5));
  CHECK(Power(heap, Int(2), Int(-2)).value() == MakeFloat(heap, 0.25));
  CHECK(Power(heap, Int(0), Int(-2)).failure() == Failure::kDivideByZero);
  CHECK(Add(heap, Int(1), Value::Nil()).failure() == Failure::kType);
  CHECK(Add(heap, Value::True(), Int(1)).failure() == Failure::kType);
  CHECK(Divide(heap, Value::Nil(), Int(0)).failure() == Failure::kType);
}

TEST_CASE("floats: elementary functions are within half a unit of long double's") {
  VESICLE_RANDOM_TEST(rng);
  const auto close = [](double got, long double want) {
    if (std::isnan(got)) return static_cast<bool>(std::isnan(want));
    const double nearest = static_cast<double>(want);
    // The long double itself may be off by one of its last places.
    return got == nearest || std::fabs(static_cast<long double>(got) - want) <=
                                 std::fabs(static_cast<long double>(nearest) - want) * 1.01L;
  };
  for (int i = 0; i < 20000; ++i) {
    const double x = std::ldexp(static_cast<double>(rng.Next() >> 11) * 0x1p-53,
                                static_cast<int>(rng.Below(20)) - 10);
    CAPTURE(x);
    CHECK(close(FloatMath(MathOp::kSin, x), std::sin(static_cast<long double>(x))));
    CHECK(close(FloatMath(MathOp::kExp, x), std::exp(static_cast<long double>(x))));
    CHECK(close(FloatMath(MathOp::kLog, x), std::log(static_cast<long double>(x))));
    CHECK(close(FloatMath(MathOp::kAtan, x), std::atan(static_cast<long double>(x))));
    CHECK(close(FloatMath(MathOp2::kPow, x, 1.25), std::pow(static_cast<long double>(x), 1.25L)));
  }
  CHECK(FloatMath(MathOp::kExp, 1000) == HUGE_VAL);
  CHECK(FloatMath(MathOp::kExp, -745) == 5e-324);
  CHECK(FloatMath(MathOp::kExp, -746) == 0);
  CHECK(FloatMath(MathOp::kSin, 5e-324) == 5e-324);
  CHECK(FloatMath(MathOp::kCbrt, 27) == 3);
  CHECK(std::isnan(FloatMath(MathOp::kLog, -1)));
  CHECK(FloatMath(MathOp::kLog, 0) == -HUGE_VAL);
  CHECK(std::signbit(FloatMath(MathOp::kSin, -0.0)));
  CHECK(FloatMath(MathOp::kSqrt, 2) == std::sqrt(2.0));
}

}  // namespace
}  // namespace vesicle
