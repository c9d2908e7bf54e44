#include "vm/script/syntax/source.h"

#include <algorithm>

namespace vesicle {

CodePoint DecodeUtf8(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const size_t left = text.size() - at;
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  // The second byte's range keeps out overlong forms, surrogates and what is
  // beyond U+10FFFF (RFC 3629, section 4).
  unsigned char low = 0x80, high = 0xBF;
  size_t length;
  uint32_t value;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    value = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    value = lead & 0x0F;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    value = lead & 0x07;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {lead, 0};
  }
  for (size_t i = 1; i < length; ++i) {
    if (i >= left || byte(i) < low || byte(i) > high) return {lead, 0};
    value = value << 6 | (byte(i) & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {value, length};
}

void AppendUtf8(uint32_t code_point, std::string& to) {
  auto put = [&](uint32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

Source::Source(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)), lines_before_(text_.size() / kBlock + 1) {
  for (size_t block = 1; block < lines_before_.size(); ++block) {
    const auto begin = text_.begin() + static_cast<ptrdiff_t>((block - 1) * kBlock);
    lines_before_[block] =
        lines_before_[block - 1] +
        static_cast<uint32_t>(std::count(begin, begin + static_cast<ptrdiff_t>(kBlock), '\n'));
  }
}

std::string_view Source::Text(Span span) const {
  const size_t begin = std::min<size_t>(span.begin, text_.size());
  const size_t end = std::min<size_t>(std::max(span.begin, span.end), text_.size());
  return std::string_view(text_).substr(begin, end - begin);
}

Span Source::LineOf(uint32_t offset) const {
  const size_t at = std::min<size_t>(offset, text_.size());
  const size_t before = at == 0 ? std::string::npos : text_.rfind('\n', at - 1);
  const size_t begin = before == std::string::npos ? 0 : before + 1;
  size_t end = std::min(text_.find('\n', at), text_.size());
  if (end > begin && text_[end - 1] == '\r') --end;
  return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
}

LineColumn Source::PlaceOf(uint32_t offset) const {
  const size_t at = std::min<size_t>(offset, text_.size());
  const size_t begin = std::min<size_t>(LineOf(offset).begin, at);
  const size_t block = begin / kBlock;
  const auto lines = std::count(text_.begin() + static_cast<ptrdiff_t>(block * kBlock),
                                text_.begin() + static_cast<ptrdiff_t>(begin), '\n');
  LineColumn place{lines_before_[block] + static_cast<uint32_t>(lines) + 1, 1};
  for (size_t i = begin; i < at; ++place.column) {
    i += std::max<size_t>(1, DecodeUtf8(text_, i).length);
  }
  return place;
}

}  // namespace vesicle
