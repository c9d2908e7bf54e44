#include "vm/value/number_text.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <utility>

#include "vm/value/bigint.h"
#include "vm/value/bigint_pieces.h"
#include "vm/value/number.h"

namespace vesicle {
namespace {

// Floats between these powers of ten are spelled without one.
constexpr int kPlainExponentOver = -5;
constexpr int kPlainExponentUnder = 16;
// Beyond any length of text, so that an exponent can be cut to it.
constexpr int64_t kExponentMax = int64_t{1} << 40;

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 255;
}

}  // namespace

void AppendFloat(double d, std::string* out) {
  if (std::isnan(d)) {
    *out += "nan";
    return;
  }
  if (std::isinf(d)) {
    *out += d < 0 ? "-inf" : "inf";
    return;
  }
  char buffer[40];
  char* const last = buffer + sizeof buffer;
  const char* end = std::to_chars(buffer, last, d, std::chars_format::scientific).ptr;
  const char* mark = std::find(static_cast<const char*>(buffer), end, 'e') + 1;
  int exponent = 0;
  std::from_chars(mark + (*mark == '+' ? 1 : 0), end, exponent);
  const bool is_plain = exponent > kPlainExponentOver && exponent < kPlainExponentUnder;
  if (is_plain) end = std::to_chars(buffer, last, d, std::chars_format::fixed).ptr;
  out->append(buffer, static_cast<size_t>(end - buffer));
  if (is_plain && std::find(static_cast<const char*>(buffer), end, '.') == end) *out += ".0";
}

void AppendFixed(double d, int places, std::string* out) {
  const size_t begin = out->size();
  if (!std::isfinite(d)) return AppendFloat(d, out);
  // |d| is odd / 2^k: a tie at this place if and only if it has one decimal more, which is a 5.
  int exponent = 0;
  double odd = std::frexp(d, &exponent);
  const int64_t bits = static_cast<int64_t>(std::ldexp(odd, 53));
  const int k = bits == 0 ? 0 : 53 - exponent - std::countr_zero(static_cast<uint64_t>(bits));
  const bool is_tie = k == places + 1;
  // A double has up to 309 digits before the point.
  out->resize(begin + 330 + static_cast<size_t>(places));
  char* const first = out->data() + begin;
  char* end = std::to_chars(first, out->data() + out->size(), d, std::chars_format::fixed,
                            places + (is_tie ? 1 : 0))
                  .ptr;
  if (is_tie) {
    --end;  // the 5
    if (end[-1] == '.') --end;
  }
  out->resize(static_cast<size_t>(end - out->data()));
  if (is_tie) {
    size_t at = out->size();
    while (at-- > begin && (*out)[at] != '-') {
      if ((*out)[at] == '.') continue;
      if ((*out)[at] != '9') break;
      (*out)[at] = '0';
    }
    const bool carries_out = at + 1 == begin || (*out)[at] == '-';
    if (carries_out) {
      out->insert(at + 1, 1, '1');
    } else {
      ++(*out)[at];
    }
  }
  if ((*out)[begin] == '-' && out->find_first_not_of("-0.", begin) == std::string::npos) {
    out->erase(begin, 1);
  }
}

void AppendInt(Value v, int base, std::string* out) {
  if (v.is_int()) {
    char buffer[72];
    const char* end = std::to_chars(buffer, buffer + sizeof buffer, v.small_int(), base).ptr;
    out->append(buffer, static_cast<size_t>(end - buffer));
    return;
  }
  const bigint::View view(v);
  if (static_cast<size_t>(view.size()) > bigint::DigitBlock::kLimbs) {
    bigint::DigitPieces pieces(v, base);
    while (!pieces.Run(kWorkMax)) {
    }
    out->append(pieces.text());
    return;
  }
  if (view.negative()) *out += '-';
  out->append(bigint::DigitsOf(view.limbs(), view.size(), base));
}

void AppendNumber(Value v, std::string* out) {
  if (IsFloat(v)) {
    AppendFloat(FloatOf(v), out);
  } else {
    AppendInt(v, 10, out);
  }
}

uint64_t DecimalDigitsMax(Value v) {
  if (IsFloat(v)) return 26;
  // 1234/4096 is a little above log10(2).
  return BitLength(v) * 1234 / 4096 + 2;
}

uint64_t ParseWork(uint64_t digits) {
  const uint64_t limbs = digits / 16;
  return limbs * static_cast<uint64_t>(std::sqrt(static_cast<double>(limbs)));
}

std::optional<Failure> ReadDigits(std::string_view text, int base, IntDigits* out) {
  if (base < 2 || base > 36) return Failure::kRange;
  out->negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    out->negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return Failure::kSyntax;
  for (const char c : text) {
    if (DigitOf(c) >= base) return Failure::kSyntax;
  }
  while (text.size() > 1 && text[0] == '0') text.remove_prefix(1);
  // At least log2(base) bits a digit.
  if (static_cast<double>(text.size() - 1) * std::log2(base) > kIntBitsMax + 1) {
    return Failure::kTooBig;
  }
  out->values.assign(text);
  for (char& c : out->values) c = static_cast<char>(DigitOf(c));
  return std::nullopt;
}

Result ParseInt(Heap& heap, std::string_view text, int base) {
  IntDigits digits;
  if (const std::optional<Failure> failure = ReadDigits(text, base, &digits)) return *failure;
  const std::string& values = digits.values;
  int64_t small = 0;
  size_t i = 0;
  for (; i < values.size(); ++i) {
    const int64_t next = small * base + values[i];
    if (next > (int64_t{1} << 56)) break;
    small = next;
  }
  if (i == values.size()) return Value::SmallInt(digits.negative ? -small : small);
  if (values.size() > kDigitsAtOnce) {
    bigint::ParsePieces pieces(std::move(digits.values), base, digits.negative);
    while (!pieces.Run(kWorkMax)) {
    }
    return pieces.Finish(heap);
  }
  bigint::Limbs limbs(values.size() * 6 / 64 + 3);
  const mp_size_t n = mpn_set_str(
      limbs.data(), reinterpret_cast<const unsigned char*>(values.data()), values.size(), base);
  return bigint::Make(heap, limbs.data(), n, digits.negative);
}

Result ParseFloat(Heap& heap, std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "inf") return negative ? Value::MinusInfinity() : Value::Infinity();
  if (text == "nan") return Value::NaN();
  if (text.empty() || !((text[0] >= '0' && text[0] <= '9') || text[0] == '.')) {
    return Failure::kSyntax;  // from_chars would take "infinity", "nan(...)" and a second sign
  }
  double d = 0;
  const char* end = text.data() + text.size();
  const std::from_chars_result r = std::from_chars(text.data(), end, d);
  if (r.ptr != end || r.ec == std::errc::invalid_argument) return Failure::kSyntax;
  if (r.ec == std::errc::result_out_of_range) {
    // Too large or too small: the number of digits before the point and the
    // exponent decide which; only the magnitude's side of 1 matters.
    const size_t e = text.find_first_of("eE");
    const std::string_view mantissa = text.substr(0, e);
    int64_t exponent = 0;
    if (e != std::string_view::npos) {
      std::string_view digits = text.substr(e + 1);
      const bool minus = !digits.empty() && digits[0] == '-';
      if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
      for (const char c : digits)
        exponent = std::min<int64_t>(exponent * 10 + (c - '0'), kExponentMax);
      if (minus) exponent = -exponent;
    }
    const size_t point = std::min(mantissa.find('.'), mantissa.size());
    int64_t magnitude = 0;  // decimal exponent of the first digit that is not zero
    for (size_t i = 0; i < mantissa.size(); ++i) {
      if (mantissa[i] == '.' || mantissa[i] == '0') continue;
      magnitude = static_cast<int64_t>(point) - static_cast<int64_t>(i);
      break;
    }
    d = magnitude + exponent > 0 ? HUGE_VAL : 0.0;
  }
  return MakeFloat(heap, negative ? -d : d);
}

Result ParseNumber(Heap& heap, std::string_view text) {
  const Result i = ParseInt(heap, text, 10);
  if (i.ok() || i.failure() != Failure::kSyntax) return i;
  return ParseFloat(heap, text);
}

}  // namespace vesicle
