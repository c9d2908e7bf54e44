#include "vm/value/escape.h"

#include "vm/value/utf8.h"

namespace vesicle {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void AppendHexByte(char c, std::string* out) {
  const uint8_t byte = static_cast<uint8_t>(c);
  *out += "\\x";
  *out += kHex[byte >> 4];
  *out += kHex[byte & 15];
}

void AppendPointEscape(uint32_t point, std::string* out) {
  char text[10] = {'\\', 'u', '{'};  // as one: a text may be all of these
  size_t size = 3;
  int shift = 20;
  while (shift > 0 && (point >> shift) == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) text[size++] = kHex[(point >> shift) & 15];
  text[size++] = '}';
  out->append(text, size);
}

// Printable ASCII that stands for itself in either form.
bool IsOrdinary(char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '$'; }

}  // namespace

bool IsUnsafeToShow(uint32_t p) {
  if (p < 0x20 || (p >= 0x7F && p < 0xA0)) return true;
  if (p < 0x061C) return false;
  return p == 0x061C || p == 0x200B || p == 0x200E || p == 0x200F || (p >= 0x2028 && p <= 0x202E) ||
         (p >= 0x2060 && p <= 0x206F) || p == 0xFEFF || (p >= 0xFFF9 && p <= 0xFFFB) ||
         (p >= 0xE0000 && p <= 0xE007F);
}

void AppendEscapedPoint(uint32_t point, Escape escape, std::string* out) {
  if (escape == Escape::kQuoted) {
    switch (point) {
      case '"':
        *out += "\\\"";
        return;
      case '\\':
        *out += "\\\\";
        return;
      case '\n':
        *out += "\\n";
        return;
      case '\t':
        *out += "\\t";
        return;
      case '\r':
        *out += "\\r";
        return;
      default:
        break;
    }
  } else if (point == '\n' || point == '\t') {
    *out += static_cast<char>(point);
    return;
  }
  if (IsUnsafeToShow(point)) {
    AppendPointEscape(point, out);
  } else {
    AppendUtf8(point, out);
  }
}

void AppendEscaped(std::string_view text, Escape escape, std::string* out) {
  while (!text.empty()) {
    size_t run = 0;
    while (run < text.size() && IsOrdinary(text[run])) ++run;
    if (run > 0) out->append(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) return;
    if (escape == Escape::kPlain && static_cast<uint8_t>(text[0]) < 0x20) {
      AppendEscapedPoint(static_cast<uint8_t>(text[0]), escape, out);
      text.remove_prefix(1);
      continue;
    }
    const DecodedPoint decoded = DecodeUtf8(text);
    if (!decoded.valid) {
      AppendHexByte(text[0], out);
    } else if (decoded.point == '$' && escape == Escape::kQuoted && text.size() > 1 &&
               text[1] == '{') {
      *out += "\\$";
    } else {
      AppendEscapedPoint(decoded.point, escape, out);
    }
    text.remove_prefix(static_cast<size_t>(decoded.size));
  }
}

void AppendQuoted(std::string_view text, std::string* out) {
  *out += '"';
  AppendEscaped(text, Escape::kQuoted, out);
  *out += '"';
}

void AppendEscapedBytes(std::string_view bytes, std::string* out) {
  for (const char c : bytes) {
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (c >= 0x20 && c < 0x7F) {
      *out += c;
    } else {
      AppendHexByte(c, out);
    }
  }
}

bool IsBareName(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

}  // namespace vesicle
