// A Source is one file of the language: its name, as reports print it, and its
// bytes. Places in it are offsets; line and column are computed when somebody
// looks, so that no pass carries them along.
//
// Ownership: owns its text. Tokens, trees and diagnostics borrow from it: the
//            Source outlives them and does not move.
// Limits:    kSourceBytesMax; a longer text can be held, so that a report can
//            name it, but Parse() refuses it.
//
//   Source source("counter.ves", text);
//   LineColumn place = source.PlaceOf(span.begin);   // line 3, column 7, from 1
#ifndef VESICLE_VM_SCRIPT_SYNTAX_SOURCE_H_
#define VESICLE_VM_SCRIPT_SYNTAX_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)
namespace vesicle {

// The longest text that is parsed. A tree takes up to some forty bytes a byte
// of its source, so this also bounds what a hostile file costs.
inline constexpr size_t kSourceBytesMax = size_t{16} << 20;

// Bytes [begin, end) of a Source.
struct Span {
  uint32_t begin = 0;
  uint32_t end = 0;

  friend bool operator==(const Span&, const Span&) = default;
};

// From the beginning of `first` to the end of `last`.
inline Span Join(Span first, Span last) { return {first.begin, last.end}; }

// A place as people count: both from 1, the column in code points.
struct LineColumn {
  uint32_t line = 1;
  uint32_t column = 1;
};

// One code point of UTF-8, with the bytes it takes; `length` 0 when the bytes are
// not UTF-8 (`value` is then the first of them).
struct CodePoint {
  uint32_t value;
  size_t length;
};
// The code point at `at`, which is below text.size().
CodePoint DecodeUtf8(std::string_view text, size_t at);
void AppendUtf8(uint32_t code_point, std::string& to);

class Source {
 public:
  Source(std::string name, std::string text);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const std::string& name() const { return name_; }
  std::string_view text() const { return text_; }

  // The bytes of `span`, cut to what is there.
  std::string_view Text(Span span) const;

  // Where `offset` is. Linear in the column: for reports, not for passes. Bytes
  // that are not UTF-8 count one column each.
  LineColumn PlaceOf(uint32_t offset) const;

  // The line that holds `offset`, without its line end.
  Span LineOf(uint32_t offset) const;

 private:
  static constexpr size_t kBlock = 1024;

  std::string name_;
  std::string text_;
  std::vector<uint32_t> lines_before_;  // how many end before each block of the text
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_SCRIPT_SYNTAX_SOURCE_H_
