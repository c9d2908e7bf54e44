// Long works on integers in pieces, against GMP in one go.
#include "vm/value/bigint_pieces.h"

#include <string>

#include "tests/vm/value/judge.h"
#include "tests/vm/value/testing.h"
#include "vm/value/number.h"
#include "vm/value/number_text.h"

namespace vesicle {
namespace {

using testing::Judge;
using testing::Rng;

Value ValueOf(Heap& heap, const Judge& j) {
  const size_t size = mpz_size(j.z);
  return bigint::Make(heap, mpz_limbs_read(j.z), static_cast<mp_size_t>(size), mpz_sgn(j.z) < 0)
      .value();
}

// Bits of one sort: random, long runs of ones and zeros, a power of two and its neighbours.
void SetRandom(Rng& rng, gmp_randstate_t state, uint64_t bits, Judge* j) {
  switch (rng.Below(4)) {
    case 0:
      mpz_rrandomb(j->z, state, bits);
      break;
    case 1:
      mpz_set_ui(j->z, 1);
      mpz_mul_2exp(j->z, j->z, bits - 1);
      mpz_sub_ui(j->z, j->z, rng.Below(3));
      break;
    default:
      mpz_urandomb(j->z, state, bits);
      mpz_setbit(j->z, bits - 1);
  }
  if (rng.OneIn(2)) mpz_neg(j->z, j->z);
}

struct Random {
  gmp_randstate_t state;
  explicit Random(uint64_t seed) {
    gmp_randinit_default(state);
    gmp_randseed_ui(state, seed);
  }
  ~Random() { gmp_randclear(state); }
};

// Around the sizes at which something else begins, and up to four blocks.
uint64_t RandomBits(Rng& rng) {
  const uint64_t borders[] = {64, 512 * 64, 513 * 64, 1024 * 64, 1025 * 64, 2048 * 64, 4096 * 64};
  return borders[rng.Below(7)] - 3 + rng.Below(200);
}

TEST_CASE("the greatest common divisor in pieces is GMP's") {
  VESICLE_RANDOM_TEST(rng);
  Random random(rng.Next());
  Heap heap({}, nullptr);
  for (int i = 0; i < 60; ++i) {
    CAPTURE(i);
    Judge a, b, common, expected;
    SetRandom(rng, random.state, RandomBits(rng), &a);
    SetRandom(rng, random.state, RandomBits(rng), &b);
    if (rng.OneIn(2)) {
      SetRandom(rng, random.state, RandomBits(rng), &common);
      mpz_mul(a.z, a.z, common.z);
      mpz_mul(b.z, b.z, common.z);
    }
    if (rng.OneIn(8)) mpz_mul(b.z, a.z, common.z);  // one divides the other; or zero
    if (rng.OneIn(20)) mpz_set(b.z, a.z);
    mpz_gcd(expected.z, a.z, b.z);
    bigint::GcdPieces gcd(ValueOf(heap, a), ValueOf(heap, b));
    const uint64_t steps = 1 + rng.Below(20'000);
    while (!gcd.Run(steps)) {
    }
    CHECK(CompareNumbers(gcd.Finish(heap).value(), ValueOf(heap, expected)) == Order::kEqual);
  }
}

// Where quotients are all 1, and where they are long.
TEST_CASE("the divisor of neighbours in Fibonacci's row, and of what lies far apart") {
  Heap heap({}, nullptr);
  Judge a, b, expected;
  mpz_fib2_ui(a.z, b.z, 200'000);
  bigint::GcdPieces neighbours(ValueOf(heap, a), ValueOf(heap, b));
  while (!neighbours.Run(100)) {
  }
  CHECK(neighbours.Finish(heap).value() == Value::SmallInt(1));
  mpz_set_ui(a.z, 3);
  mpz_mul_2exp(a.z, a.z, 900'000);
  mpz_ui_pow_ui(b.z, 6, 40'000);
  mpz_gcd(expected.z, a.z, b.z);
  bigint::GcdPieces apart(ValueOf(heap, a), ValueOf(heap, b));
  while (!apart.Run(100)) {
  }
  CHECK(CompareNumbers(apart.Finish(heap).value(), ValueOf(heap, expected)) == Order::kEqual);
}

TEST_CASE("digits in pieces are GMP's, in every base, and are read in pieces again") {
  VESICLE_RANDOM_TEST(rng);
  Random random(rng.Next());
  Heap heap({}, nullptr);
  for (int i = 0; i < 80; ++i) {
    const int base = i < 35 ? 2 + i : 10;
    CAPTURE(i);
    CAPTURE(base);
    Judge a;
    SetRandom(rng, random.state, RandomBits(rng), &a);
    if (rng.OneIn(4))
      mpz_ui_pow_ui(a.z, static_cast<unsigned>(base), 12 * 1024 + rng.Below(12'000));
    const Value v = ValueOf(heap, a);
    const std::string expected = a.Text(base);
    const uint64_t steps = 1 + rng.Below(200'000);
    bigint::DigitPieces digits(v, base);
    while (!digits.Run(steps)) {
    }
    REQUIRE(digits.text() == expected);
    IntDigits read;
    REQUIRE(!ReadDigits(expected, base, &read).has_value());
    bigint::ParsePieces parsed(read.values, base, read.negative);
    while (!parsed.Run(steps)) {
    }
    REQUIRE(CompareNumbers(parsed.Finish(heap).value(), v) == Order::kEqual);
  }
}

TEST_CASE("the digits of zero, and of what has one") {
  Heap heap({}, nullptr);
  for (const int64_t n : {0, 1, -7, 9}) {
    bigint::DigitPieces digits(Value::SmallInt(n), 10);
    while (!digits.Run(1)) {
    }
    CHECK(digits.text() == std::to_string(n));
  }
  bigint::ParsePieces zeros(std::string(30'000, '\0'), 10, true);
  while (!zeros.Run(1)) {
  }
  CHECK(zeros.Finish(heap).value() == Value::SmallInt(0));
}

}  // namespace
}  // namespace vesicle
