#include "vm/value/bigint.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vesicle::bigint {
namespace {

mp_size_t Normalized(const mp_limb_t* limbs, mp_size_t size) {
  while (size > 0 && limbs[size - 1] == 0) --size;
  return size;
}

int CompareMagnitudes(const mp_limb_t* a, mp_size_t an, const mp_limb_t* b, mp_size_t bn) {
  if (an != bn) return an < bn ? -1 : 1;
  return an == 0 ? 0 : mpn_cmp(a, b, an);
}

size_t Count(mp_size_t n) { return static_cast<size_t>(n); }

// Two's complement of `size` limbs (which must hold the value and a sign bit).
void ToComplement(const View& v, mp_limb_t* out, mp_size_t size) {
  mpn_zero(out, size);
  if (v.size() > 0) mpn_copyi(out, v.limbs(), v.size());
  if (v.negative()) mpn_neg(out, out, size);
}

// The integer part of |d| as limbs; 1024 bits and one limb of room.
constexpr mp_size_t kDoubleLimbs = 17;
mp_size_t LimbsOfDouble(double d, mp_limb_t* out) {
  mpn_zero(out, kDoubleLimbs);
  int exponent;
  const double fraction = std::frexp(std::fabs(d), &exponent);  // in [0.5, 1)
  if (exponent <= 0) return 0;
  const mp_limb_t mantissa = static_cast<mp_limb_t>(std::ldexp(fraction, 53));
  if (exponent <= 53) {
    out[0] = mantissa >> (53 - exponent);
  } else {
    const int shift = exponent - 53;
    const int limb = shift / 64;
    const int bit = shift % 64;
    out[limb] = mantissa << bit;
    if (bit != 0) out[limb + 1] = mantissa >> (64 - bit);
  }
  return Normalized(out, kDoubleLimbs);
}

}  // namespace

// n * sqrt(m), which is what GMP's multiplications come to between the schoolbook
// and the transforms.
uint64_t ProductWork(uint64_t n, uint64_t m) {
  if (n < m) std::swap(n, m);
  return std::min<uint64_t>(kWorkMax, n * static_cast<uint64_t>(std::sqrt(static_cast<double>(m))));
}

Result Make(Heap& heap, const mp_limb_t* limbs, mp_size_t size, bool negative) {
  size = Normalized(limbs, size);
  if (size == 0) return Value::SmallInt(0);
  if (size == 1) {
    const mp_limb_t w = limbs[0];
    if (!negative && w <= static_cast<mp_limb_t>(kSmallIntMax)) {
      return Value::SmallInt(static_cast<int64_t>(w));
    }
    if (negative && w <= mp_limb_t{1} << 60) {
      return Value::SmallInt(static_cast<int64_t>(-w));
    }
  }
  const uint64_t bits =
      static_cast<uint64_t>(size) * 64 - static_cast<uint64_t>(__builtin_clzl(limbs[size - 1]));
  if (bits > kIntBitsMax) return Failure::kTooBig;
  Object* o = heap.TryAllocate(Kind::kBigInt, static_cast<uint32_t>(size * 8));
  if (o == nullptr) return Failure::kMemory;
  if (negative) o->flags |= kNegative;
  std::memcpy(o->bytes(), limbs, Count(size) * 8);
  return Value::Data(o);
}

Result AddSigned(Heap& heap, Value va, Value vb, Sign sign) {
  const View a(va);
  const View b(vb);
  const bool b_negative = b.negative() != (sign == Sign::kMinus);
  if (b.size() == 0) return va;
  const bool a_larger = CompareMagnitudes(a.limbs(), a.size(), b.limbs(), b.size()) >= 0;
  const View& large = a_larger ? a : b;
  const View& small = a_larger ? b : a;
  Limbs r(Count(large.size()) + 1);
  if (a.negative() == b_negative || a.size() == 0) {
    r[Count(large.size())] =
        mpn_add(r.data(), large.limbs(), large.size(), small.limbs(), small.size());
    return Make(heap, r.data(), large.size() + 1, b_negative);
  }
  mpn_sub(r.data(), large.limbs(), large.size(), small.limbs(), small.size());
  return Make(heap, r.data(), large.size(), a_larger ? a.negative() : b_negative);
}

Result Multiply(Heap& heap, Value va, Value vb) {
  const View a(va);
  const View b(vb);
  if (a.size() == 0 || b.size() == 0) return Value::SmallInt(0);
  if (a.bits() + b.bits() > uint64_t{kIntBitsMax} + 1) return Failure::kTooBig;
  const View& large = a.size() >= b.size() ? a : b;
  const View& small = a.size() >= b.size() ? b : a;
  Limbs r(Count(large.size() + small.size()));
  mpn_mul(r.data(), large.limbs(), large.size(), small.limbs(), small.size());
  return Make(heap, r.data(), large.size() + small.size(), a.negative() != b.negative());
}

Result Divide(Heap& heap, Value va, Value vb, Division what, Rounding rounding) {
  const View a(va);
  const View b(vb);
  const bool adjust = rounding == Rounding::kFloor && a.negative() != b.negative();
  Limbs q(Count(std::max<mp_size_t>(a.size() - b.size() + 1, 1)) + 1);
  Limbs r(Count(b.size()));
  if (a.size() >= b.size()) {
    mpn_tdiv_qr(q.data(), r.data(), 0, a.limbs(), a.size(), b.limbs(), b.size());
  } else if (a.size() > 0) {
    mpn_copyi(r.data(), a.limbs(), a.size());
  }
  const bool inexact = Normalized(r.data(), b.size()) != 0;
  if (what == Division::kQuotient) {
    if (adjust && inexact) mpn_add_1(q.data(), q.data(), static_cast<mp_size_t>(q.size()), 1);
    return Make(heap, q.data(), static_cast<mp_size_t>(q.size()), a.negative() != b.negative());
  }
  if (adjust && inexact) {  // the divisor's sign: |b| - |r|
    mpn_sub_n(r.data(), b.limbs(), r.data(), b.size());
    return Make(heap, r.data(), b.size(), b.negative());
  }
  return Make(heap, r.data(), b.size(), a.negative());
}

Result Negate(Heap& heap, Value va) {
  const View a(va);
  return Make(heap, a.limbs(), a.size(), !a.negative());
}

Result Power(Heap& heap, Value vbase, uint64_t exponent) {
  const View base(vbase);
  if (exponent == 0) return Value::SmallInt(1);
  if (base.size() == 0) return Value::SmallInt(0);
  const bool negative = base.negative() && (exponent & 1) != 0;
  if (base.bits() == 1) return Value::SmallInt(negative ? -1 : 1);
  // |base| >= 2^(bits-1): the limit holds or falls before anything is computed.
  if (exponent > kIntBitsMax || (base.bits() - 1) * exponent >= kIntBitsMax) {
    return Failure::kTooBig;
  }
  const size_t room = (base.bits() * exponent) / 64 + 4;
  Limbs power(room);
  Limbs product(room * 2);
  mp_size_t n = base.size();
  mpn_copyi(power.data(), base.limbs(), n);
  for (int bit = 62 - __builtin_clzl(exponent); bit >= 0; --bit) {
    mpn_sqr(product.data(), power.data(), n);
    n = Normalized(product.data(), 2 * n);
    if ((exponent >> bit) & 1) {
      mpn_copyi(power.data(), product.data(), n);
      mp_size_t total = n + base.size();
      if (n >= base.size()) {
        mpn_mul(product.data(), power.data(), n, base.limbs(), base.size());
      } else {
        mpn_mul(product.data(), base.limbs(), base.size(), power.data(), n);
      }
      n = Normalized(product.data(), total);
    }
    mpn_copyi(power.data(), product.data(), n);
  }
  return Make(heap, power.data(), n, negative);
}

Result Combine(Heap& heap, Value va, Value vb, Bitwise op) {
  const View a(va);
  const View b(vb);
  const mp_size_t n = std::max(a.size(), b.size()) + 1;
  Limbs x(Count(n));
  Limbs y(Count(n));
  ToComplement(a, x.data(), n);
  ToComplement(b, y.data(), n);
  switch (op) {
    case Bitwise::kAnd:
      mpn_and_n(x.data(), x.data(), y.data(), n);
      break;
    case Bitwise::kOr:
      mpn_ior_n(x.data(), x.data(), y.data(), n);
      break;
    case Bitwise::kXor:
      mpn_xor_n(x.data(), x.data(), y.data(), n);
      break;
  }
  const bool negative = (x[Count(n - 1)] >> 63) != 0;
  if (negative) mpn_neg(x.data(), x.data(), n);
  return Make(heap, x.data(), n, negative);
}

Result ShiftLeft(Heap& heap, Value va, uint64_t count) {
  const View a(va);
  if (a.size() == 0) return Value::SmallInt(0);
  if (count > kIntBitsMax || a.bits() + count > kIntBitsMax) return Failure::kTooBig;
  const mp_size_t limbs = static_cast<mp_size_t>(count / 64);
  const unsigned bits = static_cast<unsigned>(count % 64);
  Limbs r(Count(a.size() + limbs) + 1);
  mp_limb_t* top = r.data() + limbs;
  if (bits == 0) {
    mpn_copyi(top, a.limbs(), a.size());
  } else {
    top[a.size()] = mpn_lshift(top, a.limbs(), a.size(), bits);
  }
  return Make(heap, r.data(), static_cast<mp_size_t>(r.size()), a.negative());
}

Result ShiftRight(Heap& heap, Value va, uint64_t count) {
  const View a(va);
  if (count >= a.bits()) return Value::SmallInt(a.negative() ? -1 : 0);
  const mp_size_t limbs = static_cast<mp_size_t>(count / 64);
  const unsigned bits = static_cast<unsigned>(count % 64);
  const mp_size_t n = a.size() - limbs;
  Limbs r(Count(n) + 1);
  mp_limb_t lost = 0;
  if (bits == 0) {
    mpn_copyi(r.data(), a.limbs() + limbs, n);
  } else {
    lost = mpn_rshift(r.data(), a.limbs() + limbs, n, bits);
  }
  if (a.negative()) {  // towards minus infinity
    const bool inexact = lost != 0 || Normalized(a.limbs(), limbs) != 0;
    if (inexact) mpn_add_1(r.data(), r.data(), n + 1, 1);
  }
  return Make(heap, r.data(), n + 1, a.negative());
}

Result Sqrt(Heap& heap, Value va) {
  const View a(va);
  if (a.size() == 0) return Value::SmallInt(0);
  Limbs r(Count((a.size() + 1) / 2));
  mpn_sqrtrem(r.data(), nullptr, a.limbs(), a.size());
  return Make(heap, r.data(), static_cast<mp_size_t>(r.size()), false);
}

Result Gcd(Heap& heap, Value va, Value vb) {
  const View a(va);
  const View b(vb);
  if (a.size() == 0) return Make(heap, b.limbs(), b.size(), false);
  if (b.size() == 0) return Make(heap, a.limbs(), a.size(), false);
  // mpn_gcd wants odd operands: powers of two are set aside.
  const auto odd_part = [](const View& v, Limbs* out) {
    const mp_bitcnt_t zeros = mpn_scan1(v.limbs(), 0);
    const mp_size_t limbs = static_cast<mp_size_t>(zeros / 64);
    const mp_size_t n = v.size() - limbs;
    out->resize(Count(n));
    if (zeros % 64 == 0) {
      mpn_copyi(out->data(), v.limbs() + limbs, n);
    } else {
      mpn_rshift(out->data(), v.limbs() + limbs, n, static_cast<unsigned>(zeros % 64));
    }
    out->resize(Count(Normalized(out->data(), n)));
    return zeros;
  };
  Limbs x;
  Limbs y;
  const mp_bitcnt_t zeros = std::min(odd_part(a, &x), odd_part(b, &y));
  if (CompareMagnitudes(x.data(), static_cast<mp_size_t>(x.size()), y.data(),
                        static_cast<mp_size_t>(y.size())) < 0) {
    std::swap(x, y);
  }
  Limbs g(y.size());
  const mp_size_t n = mpn_gcd(g.data(), x.data(), static_cast<mp_size_t>(x.size()), y.data(),
                              static_cast<mp_size_t>(y.size()));
  Limbs r(Count(n) + zeros / 64 + 1);
  mp_limb_t* top = r.data() + zeros / 64;
  if (zeros % 64 == 0) {
    mpn_copyi(top, g.data(), n);
  } else {
    top[n] = mpn_lshift(top, g.data(), n, static_cast<unsigned>(zeros % 64));
  }
  return Make(heap, r.data(), static_cast<mp_size_t>(r.size()), false);
}

std::string DigitsOf(const mp_limb_t* limbs, mp_size_t size, int base) {
  size = Normalized(limbs, size);
  if (size == 0) return "0";
  // mpn_get_str destroys its operand unless the base is a power of two, and wants one limb more.
  Limbs operand(limbs, limbs + size);
  operand.push_back(0);
  std::string digits(mpn_sizeinbase(limbs, size, base) + 1, '\0');
  digits.resize(
      mpn_get_str(reinterpret_cast<unsigned char*>(digits.data()), base, operand.data(), size));
  digits.erase(0, digits.find_first_not_of('\0'));
  for (char& c : digits) c = "0123456789abcdefghijklmnopqrstuvwxyz"[static_cast<size_t>(c)];
  return digits;
}

int Compare(Value va, Value vb) {
  const View a(va);
  const View b(vb);
  if (a.negative() != b.negative()) return a.negative() ? -1 : 1;
  const int magnitudes = CompareMagnitudes(a.limbs(), a.size(), b.limbs(), b.size());
  const int sign = (magnitudes > 0) - (magnitudes < 0);
  return a.negative() ? -sign : sign;
}

int CompareWithFloat(Value va, double d) {
  const View a(va);
  const int a_sign = a.size() == 0 ? 0 : (a.negative() ? -1 : 1);
  const int d_sign = (d > 0) - (d < 0);
  if (a_sign != d_sign) return a_sign < d_sign ? -1 : 1;
  if (a_sign == 0) return 0;
  mp_limb_t limbs[kDoubleLimbs];
  const mp_size_t n = LimbsOfDouble(d, limbs);
  const int magnitudes = CompareMagnitudes(a.limbs(), a.size(), limbs, n);
  if (magnitudes != 0) return magnitudes > 0 ? a_sign : -a_sign;
  return std::trunc(d) == d ? 0 : -a_sign;  // the fraction is beyond the int, away from zero
}

double ToDouble(Value va) {
  if (va.is_int()) return static_cast<double>(va.small_int());
  const View a(va);
  const uint64_t bits = a.bits();
  if (bits > 1024) return a.negative() ? -HUGE_VAL : HUGE_VAL;
  // The top 64 bits, and whether anything stands below them.
  const mp_size_t n = a.size();
  const int shift = __builtin_clzl(a.limbs()[n - 1]);
  mp_limb_t top = a.limbs()[n - 1] << shift;
  bool below = false;
  if (n > 1) {
    if (shift != 0) {
      top |= a.limbs()[n - 2] >> (64 - shift);
      below = (a.limbs()[n - 2] << shift) != 0;
    } else {
      below = a.limbs()[n - 2] != 0;
    }
    below = below || Normalized(a.limbs(), n - 2) != 0;
  }
  uint64_t mantissa = top >> 11;
  const uint64_t rest = top & 0x7ff;
  if (rest > 0x400 || (rest == 0x400 && (below || (mantissa & 1) != 0))) ++mantissa;
  const double d = std::ldexp(static_cast<double>(mantissa), static_cast<int>(bits) - 53);
  return a.negative() ? -d : d;
}

Result FromDouble(Heap& heap, double d) {
  mp_limb_t limbs[kDoubleLimbs];
  const mp_size_t n = LimbsOfDouble(d, limbs);
  return Make(heap, limbs, n, d < 0);
}

}  // namespace vesicle::bigint
