// Escaping: how text that guests or peers wrote is shown. Control characters,
// escape, line and paragraph separators, and the characters that turn the
// direction of writing around come out as \u{...}, so that no text can move a
// cursor, clear a screen or display other than it reads.
//
//   std::string out;
//   AppendQuoted("a\"b\x1b", &out);      // "a\"b\u{1b}"
#ifndef VESICLE_VM_VALUE_ESCAPE_H_
#define VESICLE_VM_VALUE_ESCAPE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace vesicle {

enum class Escape : uint8_t {
  kQuoted,  // as inside quotes: also " and \ and the $ of ${, newline as \n, tab as \t
  kPlain,   // for a terminal: newline and tab stay, quotes and backslash stay
};

// C0, DEL and C1 controls, bidirectional controls (U+061C, 200E, 200F, 202A-202E,
// 2066-2069), U+2028, U+2029, what nobody sees (U+200B, 2060-206F, FEFF, FFF9-FFFB, tags
// U+E0000-E007F). Not the joiners U+200C and 200D, which scripts and emoji need.
bool IsUnsafeToShow(uint32_t point);

// Appends one code point's or the whole text's escaped form. Bytes that are not
// UTF-8 come out as \x.. each.
void AppendEscapedPoint(uint32_t point, Escape escape, std::string* out);
void AppendEscaped(std::string_view text, Escape escape, std::string* out);
// With the quotes around it.
void AppendQuoted(std::string_view text, std::string* out);
// The inside of b"...": printable ASCII as it is, the rest as \x..
void AppendEscapedBytes(std::string_view bytes, std::string* out);
// Can `name` stand after # without quotes, and as a bare key: [A-Za-z_][A-Za-z0-9_]*
bool IsBareName(std::string_view name);

}  // namespace vesicle

#endif  // VESICLE_VM_VALUE_ESCAPE_H_
