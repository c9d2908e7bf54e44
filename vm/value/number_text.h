// Numbers as text, both ways.
//
// A float always shows a point or an exponent, so it never reads as an integer:
// 1.0, 0.1, 1e+300, -0.0; the shortest digits that read back as the same float, with an
// exponent when that is below -4 or above 15.
// The three that are no number are spelled nan, inf and -inf.
//
//   std::string out;
//   AppendNumber(v, &out);
//   Result n = ParseInt(heap, "ff", 16);
#ifndef VESICLE_VM_VALUE_NUMBER_TEXT_H_
#define VESICLE_VM_VALUE_NUMBER_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vm/heap/heap.h"
#include "vm/value/result.h"

namespace vesicle {

// Wants IsNumber(v). Ints in decimal. Work: NumberOp::kToText.
void AppendNumber(Value v, std::string* out);
void AppendFloat(double d, std::string* out);
// With so many decimals (at least 0); of the exact value, a tie away from zero. What is all
// zeros has no sign.
void AppendFixed(double d, int places, std::string* out);
// Wants IsInt(v) and 2 <= base <= 36; lower-case digits, no prefix.
void AppendInt(Value v, int base, std::string* out);
// An upper bound of the decimal digits, sign included, from the size alone.
uint64_t DecimalDigitsMax(Value v);

// An optional sign and at least one digit of the base, nothing else (underscores
// and prefixes are the caller's). kSyntax; kTooBig; kMemory. kRange: a bad base.
Result ParseInt(Heap& heap, std::string_view digits, int base);
// What ParseInt takes, read: its digits as values from 0 to base - 1, without leading zeros. The
// failure of ParseInt but kMemory, or nothing.
struct IntDigits {
  std::string values;
  bool negative = false;
};
std::optional<Failure> ReadDigits(std::string_view text, int base, IntDigits* out);
// More take longer than a millisecond: ParsePieces.
inline constexpr size_t kDigitsAtOnce = 20'000;
// Decimal with an optional sign, fraction and exponent; or nan, inf, +inf, -inf.
// Correctly rounded; too large is inf, too small is zero. kSyntax.
Result ParseFloat(Heap& heap, std::string_view text);
// An integer when it looks like one, else a float. kSyntax.
Result ParseNumber(Heap& heap, std::string_view text);
// Steps that parsing `digits` characters costs.
uint64_t ParseWork(uint64_t digits);

}  // namespace vesicle

#endif  // VESICLE_VM_VALUE_NUMBER_TEXT_H_
