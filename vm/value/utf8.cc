#include "vm/value/utf8.h"

#include <algorithm>
#include <cstring>

namespace vesicle {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080;

uint64_t EightAt(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// The run of ASCII at the front, 32 bytes at a step, or eight.
size_t AsciiPrefix(std::string_view bytes) {
  const char* const p = bytes.data();
  size_t i = 0;
  for (; i + 32 <= bytes.size(); i += 32) {
    const uint64_t any =
        (EightAt(p + i) | EightAt(p + i + 8)) | (EightAt(p + i + 16) | EightAt(p + i + 24));
    if ((any & kHighBits) != 0) break;
  }
  for (; i + 8 <= bytes.size(); i += 8) {
    const uint64_t word = EightAt(p + i);
    if ((word & kHighBits) != 0)
      return i + static_cast<size_t>(__builtin_ctzll(word & kHighBits)) / 8;
  }
  while (i < bytes.size() && static_cast<uint8_t>(bytes[i]) < 0x80) ++i;
  return i;
}

}  // namespace

DecodedPoint DecodeUtf8(std::string_view bytes) {
  if (bytes.empty()) return {0, 0, false};
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const auto follows = [&](size_t i, uint8_t low, uint8_t high) {
    return i < bytes.size() && at(i) >= low && at(i) <= high;
  };
  constexpr DecodedPoint kBad = {0xFFFD, 1, false};
  const uint32_t b0 = at(0);
  if (b0 < 0x80) return {b0, 1, true};
  if (b0 < 0xC2) return kBad;
  if (b0 < 0xE0) {
    if (!follows(1, 0x80, 0xBF)) return kBad;
    return {(b0 & 0x1F) << 6 | (at(1) & 0x3Fu), 2, true};
  }
  if (b0 < 0xF0) {
    const uint8_t low = b0 == 0xE0 ? 0xA0 : 0x80;
    const uint8_t high = b0 == 0xED ? 0x9F : 0xBF;
    if (!follows(1, low, high) || !follows(2, 0x80, 0xBF)) return kBad;
    return {(b0 & 0x0F) << 12 | (at(1) & 0x3Fu) << 6 | (at(2) & 0x3Fu), 3, true};
  }
  if (b0 < 0xF5) {
    const uint8_t low = b0 == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = b0 == 0xF4 ? 0x8F : 0xBF;
    if (!follows(1, low, high) || !follows(2, 0x80, 0xBF) || !follows(3, 0x80, 0xBF)) return kBad;
    return {(b0 & 0x07) << 18 | (at(1) & 0x3Fu) << 12 | (at(2) & 0x3Fu) << 6 | (at(3) & 0x3Fu), 4,
            true};
  }
  return kBad;
}

Utf8Class ClassifyUtf8(std::string_view bytes) {
  bytes.remove_prefix(AsciiPrefix(bytes));
  if (bytes.empty()) return Utf8Class::kAscii;
  while (!bytes.empty()) {
    const DecodedPoint decoded = DecodeUtf8(bytes);
    if (!decoded.valid) return Utf8Class::kInvalid;
    bytes.remove_prefix(static_cast<size_t>(decoded.size));
    if (!bytes.empty() && static_cast<uint8_t>(bytes[0]) < 0x80) {
      bytes.remove_prefix(AsciiPrefix(bytes));
    }
  }
  return Utf8Class::kUnicode;
}

void AppendUtf8(uint32_t point, std::string* out) {
  const auto put = [&](uint32_t byte) { *out += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

size_t CountCodePoints(std::string_view text) {
  size_t continuations = 0;
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    // A continuation byte has bit 7 set and bit 6 clear.
    continuations += static_cast<size_t>(__builtin_popcountll(word & ~(word << 1) & kHighBits));
  }
  for (; i < text.size(); ++i) continuations += IsContinuationByte(text[i]);
  return text.size() - continuations;
}

size_t OffsetOfCodePoint(std::string_view text, size_t index) {
  size_t i = 0;
  while (i + 8 <= text.size() && index >= 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    const int continuations = __builtin_popcountll(word & ~(word << 1) & kHighBits);
    index -= static_cast<size_t>(8 - continuations);
    i += 8;
  }
  // The eight bytes may have ended inside a code point, which was counted.
  while (i < text.size() && IsContinuationByte(text[i])) ++i;
  while (i < text.size() && index > 0) {
    ++i;
    while (i < text.size() && IsContinuationByte(text[i])) ++i;
    --index;
  }
  return i;
}

}  // namespace vesicle
