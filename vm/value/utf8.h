// UTF-8, strictly (Unicode 15, table 3-7): no overlong form, no surrogate,
// nothing above U+10FFFF. Runs of ASCII go eight bytes at a step.
//
// Everything but Validate and DecodeUtf8 wants valid UTF-8.
#ifndef VESICLE_VM_VALUE_UTF8_H_
#define VESICLE_VM_VALUE_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr uint32_t kCodePointMax = 0x10FFFF;

enum class Utf8Class : uint8_t { kAscii, kUnicode, kInvalid };

// What `bytes` is; kAscii also for the empty string.
Utf8Class ClassifyUtf8(std::string_view bytes);
inline bool IsValidUtf8(std::string_view bytes) {
  return ClassifyUtf8(bytes) != Utf8Class::kInvalid;
}

struct DecodedPoint {
  uint32_t point;  // U+FFFD when size is 1 and the byte begins nothing valid
  int size;        // bytes used, 1..4; 0 at the end
  bool valid;
};

// The code point at the front of `bytes`, which may be anything.
DecodedPoint DecodeUtf8(std::string_view bytes);

// A scalar value: up to kCodePointMax and no surrogate.
constexpr bool IsScalarValue(uint32_t point) {
  return point <= kCodePointMax && (point < 0xD800 || point > 0xDFFF);
}
// Wants IsScalarValue(point). Appends 1..4 bytes.
void AppendUtf8(uint32_t point, std::string* out);

size_t CountCodePoints(std::string_view text);
// Byte offset of code point `index`; text.size() when there are fewer.
size_t OffsetOfCodePoint(std::string_view text, size_t index);

constexpr bool IsContinuationByte(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_UTF8_H_
