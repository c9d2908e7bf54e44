// Text: valid UTF-8, always. Up to seven bytes stand in the word itself; more is
// a kText object, which knows whether it is ASCII only (then a code point is a
// byte and slicing is exact arithmetic).
//
// Indices and lengths count code points. Order is that of the bytes, which is
// that of the code points. Upper and lower case are those of ASCII; other letters
// stay as they are (tables of Unicode would change with its versions, and so
// would the results of a program).
//
// Limits:  kTextBytesMax, beyond it kTooBig. kMemory for long results.
// Costs:   linear in the bytes touched: charge TextWork(bytes).
//
//   Value name = ...;
//   std::string_view s = TextView(name);       // points into `name`, or its object
#ifndef VESICLE_VM_VALUE_TEXT_H_
#define VESICLE_VM_VALUE_TEXT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"
#include "vm/value/result.h"
#include "vm/value/value_kind.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr uint64_t kTextBytesMax = uint64_t{1} << 30;

// Steps for an operation that touches so many bytes.
constexpr uint64_t TextWork(uint64_t bytes) { return bytes / 64; }

// kSyntax: not UTF-8.
Result MakeText(Heap& heap, std::string_view bytes);
// For bytes known to be UTF-8 (a literal, a piece of another text). `bytes` may
// point into the heap.
Result MakeTextUnchecked(Heap& heap, std::string_view bytes);

// For a long text that is written in pieces: `bytes` bytes to be filled, which nobody
// may see before SealText. Wants bytes > kShortBytesMax. kTooBig, kMemory.
Result AllocateText(Heap& heap, uint64_t bytes);
// It is filled, and valid UTF-8; `ascii`: with nothing but ASCII.
void SealText(Value text, bool ascii);

// Wants IsText. Valid until the next safe point, and for a short text as long as
// the Value referred to stays in place: never pass a temporary.
inline std::string_view TextView(const Value& text) {
  if (text.is_short_text()) {
    return {text.short_bytes(), static_cast<size_t>(text.short_size())};
  }
  const Object* o = text.data();
  return {o->bytes(), o->count};
}
std::string_view TextView(Value&& text) = delete;

// Every function below wants texts where it says Value.
bool IsAsciiText(const Value& text);
uint64_t TextLength(const Value& text);  // code points
Result ConcatText(Heap& heap, const Value& a, const Value& b);

enum class Side : uint8_t { kStart, kEnd, kBoth };
// Has the code point Unicode's White_Space property?
bool IsSpace(uint32_t point);
// Cuts such characters off.
Result TrimText(Heap& heap, const Value& text, Side side);
enum class Case : uint8_t { kLower, kUpper };
Result AsciiCase(Heap& heap, const Value& text, Case to);

// <0, 0, >0 by bytes. Also serves for bytes and names of symbols.
int CompareBytes(std::string_view a, std::string_view b);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_TEXT_H_
