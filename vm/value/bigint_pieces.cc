#include "vm/value/bigint_pieces.h"

#include <algorithm>
#include <utility>

namespace vesicle::bigint {
namespace {

__extension__ using Wide = __int128;
using Numbers = std::vector<mp_limb_t>;

// What GMP does in less than a millisecond.
constexpr size_t kGcdAtOnceLimbs = 512;
// Cofactors stay below it, so that the sums of two products fit.
constexpr Wide kCofactorMax = Wide{1} << 62;
// The divisions of 128 bits by which cofactors of a word are found.
constexpr uint64_t kCofactorsWork = 512;

mp_size_t Size(const Numbers& number) { return static_cast<mp_size_t>(number.size()); }

void Normalize(Numbers* number) {
  while (!number->empty() && number->back() == 0) number->pop_back();
}

Numbers Copy(const View& v) { return Numbers(v.limbs(), v.limbs() + v.size()); }

bool IsLess(const Numbers& a, const Numbers& b) {
  if (a.size() != b.size()) return a.size() < b.size();
  return !a.empty() && mpn_cmp(a.data(), b.data(), Size(a)) < 0;
}

// The 126 bits of `number` that stand where the first 126 of one of `size` limbs with `zeros`
// leading zeros in its first stand.
Wide Top(const Numbers& number, size_t size, int zeros) {
  const auto limb = [&](size_t from_top) {
    const size_t i = size - from_top;
    return from_top <= size && i < number.size() ? number[i] : 0;
  };
  const auto joined = [&](size_t from_top) {
    const mp_limb_t high = limb(from_top);
    return zeros == 0 ? high : high << zeros | limb(from_top + 1) >> (64 - zeros);
  };
  __extension__ using Unsigned = unsigned __int128;
  return static_cast<Wide>((Unsigned{joined(1)} << 64 | joined(2)) >> 2);
}

struct Cofactors {
  int64_t a = 1, b = 0;
  int64_t c = 0, d = 1;
};

// As many of Euclid's divisions as the leading bits decide.
Cofactors CofactorsOf(Wide x, Wide y) {
  Cofactors m;
  for (;;) {
    if (y + m.c == 0 || y + m.d == 0) return m;
    const Wide q = (x + m.a) / (y + m.c);
    if (q >= kCofactorMax || q != (x + m.b) / (y + m.d)) return m;
    const Wide next_c = m.a - q * m.c, next_d = m.b - q * m.d;
    const auto fits = [](Wide w) { return w < kCofactorMax && w > -kCofactorMax; };
    if (!fits(next_c) || !fits(next_d)) return m;
    m = {m.c, m.d, static_cast<int64_t>(next_c), static_cast<int64_t>(next_d)};
    x = std::exchange(y, x - q * y);
  }
}

// out = p * x + q * y, where one of p and q is not positive and the sum is not negative and fits
// x's size; y has that size, too.
void Combine(const Numbers& x, int64_t p, const Numbers& y, int64_t q, Numbers* out) {
  const bool swapped = p < 0 || (p == 0 && q > 0);
  const Numbers& plus = swapped ? y : x;
  const Numbers& minus = swapped ? x : y;
  if (swapped) std::swap(p, q);
  out->resize(x.size());
  mpn_mul_1(out->data(), plus.data(), Size(x), static_cast<mp_limb_t>(p));
  mpn_submul_1(out->data(), minus.data(), Size(x), static_cast<mp_limb_t>(-q));
}

// The multiplication of so many limbs by a block.
uint64_t BlockWork(size_t limbs) { return ProductWork(limbs, DigitBlock::kLimbs); }

}  // namespace

// ---------------------------------------------------------------------------
// Greatest common divisor

GcdPieces::GcdPieces(Value a, Value b) : x_(Copy(View(a))), y_(Copy(View(b))) {
  if (IsLess(x_, y_)) std::swap(x_, y_);
}

bool GcdPieces::Run(uint64_t steps) {
  for (const uint64_t limit = work_ + steps; work_ < limit;) {
    if (y_.size() <= kGcdAtOnceLimbs) {
      if (y_.empty() || x_.size() <= kGcdAtOnceLimbs + 1) return true;
      work_ += Divide();
    } else {
      work_ += Reduce();
    }
  }
  return false;
}

uint64_t GcdPieces::Divide() {
  const uint64_t quotient = x_.size() - y_.size() + 1;
  Numbers q(quotient);
  spare_.resize(y_.size());
  mpn_tdiv_qr(q.data(), spare_.data(), 0, x_.data(), Size(x_), y_.data(), Size(y_));
  Normalize(&spare_);
  const uint64_t work = ProductWork(y_.size(), quotient) + x_.size() / 8;
  std::swap(x_, y_);
  std::swap(y_, spare_);
  return work;
}

uint64_t GcdPieces::Reduce() {
  if (y_.size() + 1 < x_.size()) return Divide();
  const int zeros = __builtin_clzl(x_.back());
  const Cofactors m = CofactorsOf(Top(x_, x_.size(), zeros), Top(y_, x_.size(), zeros));
  if (m.b == 0) return kCofactorsWork + Divide();
  const uint64_t work = kCofactorsWork + x_.size() / 4;
  y_.resize(x_.size());
  Numbers next_x = std::move(spare_), next_y;
  Combine(x_, m.a, y_, m.b, &next_x);
  Combine(x_, m.c, y_, m.d, &next_y);
  spare_ = std::move(x_);
  x_ = std::move(next_x);
  y_ = std::move(next_y);
  Normalize(&x_);
  Normalize(&y_);
  return work;
}

Result GcdPieces::Finish(Heap& heap) const {
  const Result x = Make(heap, x_.data(), Size(x_), false);
  if (!x.ok()) return x;
  const Result y = Make(heap, y_.data(), Size(y_), false);
  if (!y.ok()) return y;
  return bigint::Gcd(heap, x.value(), y.value());
}

// ---------------------------------------------------------------------------
// Digits

DigitBlock::DigitBlock(int base) : digits(0) {
  const auto factor = static_cast<mp_limb_t>(base);
  mp_limb_t limb = 1;
  for (; limb <= ~mp_limb_t{0} / factor; limb *= factor) ++digits;
  digits <<= kLimbsLog2;
  power = {limb};
  for (int i = 0; i < kLimbsLog2; ++i) {
    Numbers square(2 * power.size());
    mpn_sqr(square.data(), power.data(), Size(power));
    Normalize(&square);
    power = std::move(square);
  }
}

DigitPieces::DigitPieces(Value v, int base)
    : base_(base), negative_(View(v).negative()), block_(base), limbs_(Copy(View(v))) {
  text_.resize(1 + (limbs_.empty() ? 1 : mpn_sizeinbase(limbs_.data(), Size(limbs_), base)));
  at_ = text_.size();
}

bool DigitPieces::Run(uint64_t steps) {
  for (const uint64_t limit = work_ + steps; work_ < limit;) {
    if (DoBlock()) return true;
  }
  return false;
}

// True: it was the first one, and nothing is left.
bool DigitPieces::DoBlock() {
  work_ += BlockWork(limbs_.size()) + BlockWork(block_.power.size());
  Numbers rest = std::exchange(limbs_, {});
  if (rest.size() >= block_.power.size()) {
    const Numbers all = std::move(rest);
    rest.resize(block_.power.size());
    limbs_.resize(all.size() - rest.size() + 1);
    mpn_tdiv_qr(limbs_.data(), rest.data(), 0, all.data(), Size(all), block_.power.data(),
                Size(block_.power));
    Normalize(&limbs_);
  }
  const bool is_first = limbs_.empty();
  const std::string digits = DigitsOf(rest.data(), Size(rest), base_);
  at_ -= digits.size();
  text_.replace(at_, digits.size(), digits);
  for (size_t n = digits.size(); !is_first && n < block_.digits; ++n) text_[--at_] = '0';
  if (is_first && negative_) text_[--at_] = '-';
  return is_first;
}

ParsePieces::ParsePieces(std::string digits, int base, bool negative)
    : base_(base), negative_(negative), block_(base), digits_(std::move(digits)) {}

bool ParsePieces::Run(uint64_t steps) {
  for (const uint64_t limit = work_ + steps; at_ < digits_.size() && work_ < limit;) DoBlock();
  return at_ == digits_.size();
}

void ParsePieces::DoBlock() {
  const size_t left = digits_.size() - at_;
  // What is over comes first, so that all that follow are whole.
  const size_t taken = at_ == 0 ? (left - 1) % block_.digits + 1 : block_.digits;
  Numbers block(block_.power.size() + 2);
  const mp_size_t size = mpn_set_str(
      block.data(), reinterpret_cast<const unsigned char*>(digits_.data() + at_), taken, base_);
  block.resize(static_cast<size_t>(size));
  at_ += taken;
  work_ += BlockWork(limbs_.size()) + BlockWork(block.size());
  if (limbs_.empty()) {
    limbs_ = std::move(block);
  } else {
    Numbers product(limbs_.size() + block_.power.size() + 1);
    const bool longer = limbs_.size() >= block_.power.size();
    const Numbers& a = longer ? limbs_ : block_.power;
    const Numbers& b = longer ? block_.power : limbs_;
    mpn_mul(product.data(), a.data(), Size(a), b.data(), Size(b));
    if (!block.empty()) {
      mpn_add(product.data(), product.data(), Size(product), block.data(), Size(block));
    }
    limbs_ = std::move(product);
  }
  Normalize(&limbs_);
}

Result ParsePieces::Finish(Heap& heap) const {
  return Make(heap, limbs_.data(), Size(limbs_), negative_);
}

}  // namespace vesicle::bigint
