#include "vm/script/syntax/diagnostic.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "vm/value/escape.h"

namespace vesicle {
namespace {

constexpr size_t kLineCharsMax = 100;
// How much of a shortened line stands before the place.
constexpr size_t kLineCharsBefore = 40;

// Whether a terminal, or the reader of a program, could be deceived by it: also the soft
// hyphen and the joiners, which nobody sees.
bool IsDangerous(uint32_t c) {
  return IsUnsafeToShow(c) || c == 0xAD || c == 0x200C || c == 0x200D;
}

// One code point as it is printed, and the bytes it took.
size_t AppendShown(std::string_view text, size_t at, std::string& to) {
  const CodePoint c = DecodeUtf8(text, at);
  if (c.length == 0) {
    absl::StrAppend(&to, "\\x", absl::Hex(c.value, absl::kZeroPad2));
    return 1;
  }
  if (c.value == '\t') {
    to += ' ';
  } else if (IsDangerous(c.value)) {
    absl::StrAppend(&to, "\\u{", absl::Hex(c.value), "}");
  } else {
    to.append(text.substr(at, c.length));
  }
  return c.length;
}

size_t CharsOf(std::string_view printed) {
  return static_cast<size_t>(std::count_if(printed.begin(), printed.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// Steps over up to `chars` code points backwards.
size_t Back(std::string_view text, size_t at, size_t chars) {
  while (at > 0 && chars-- > 0) {
    --at;
    for (int i = 0; i < 3 && at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; ++i) {
      --at;
    }
  }
  return at;
}

// Edits (insert, delete, replace, swap neighbours) from `a` to `b`.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    std::swap(before, row);
    std::swap(row, next);
  }
  return row[b.size()];
}

}  // namespace

void Diagnostics::Error(Span span, std::string message, std::string hint) {
  Error({span, std::move(message), std::move(hint), {}, ""});
}

void Diagnostics::Error(Diagnostic error) {
  const Span span = error.span;
  const auto at = std::upper_bound(
      errors_.begin(), errors_.end(), span.begin,
      [](uint32_t begin, const Diagnostic& other) { return begin < other.span.begin; });
  if (at != errors_.begin() && std::prev(at)->span.begin == span.begin) return;
  if (full()) {
    ++dropped_;
    return;
  }
  errors_.insert(at, std::move(error));
}

std::string Diagnostics::Print(const Source& source) const {
  std::string out;
  for (const Diagnostic& error : errors_) out += Render(source, error);
  if (dropped_ > 0) {
    absl::StrAppend(&out, Printable(source.name(), 1000), ": and ", dropped_, " more errors\n");
  } else if (full()) {
    absl::StrAppend(&out, Printable(source.name(), 1000), ": stopped after ", kErrorsMax,
                    " errors\n");
  }
  return out;
}

std::string Render(const Source& source, const Diagnostic& diagnostic) {
  const LineColumn place = source.PlaceOf(diagnostic.span.begin);
  std::string out = absl::StrCat(Printable(source.name(), 1000), ":", place.line, ":", place.column,
                                 ": error: ", diagnostic.message, "\n");
  const std::string_view text = source.text();
  const Span line = source.LineOf(diagnostic.span.begin);
  const size_t place_at = std::clamp<size_t>(diagnostic.span.begin, line.begin, line.end);
  const size_t place_end = std::clamp<size_t>(diagnostic.span.end, place_at, line.end);

  size_t begin = line.begin;
  if (line.end - line.begin > kLineCharsMax) {
    begin = std::max<size_t>(begin, Back(text, place_at, kLineCharsBefore));
  }
  std::string shown(begin > line.begin ? "  ..." : "  ");
  size_t caret = CharsOf(shown), caret_end = caret;
  size_t chars = 0;
  size_t at = begin;
  for (; at < line.end && chars < kLineCharsMax; ++chars) {
    if (at == place_at) caret = CharsOf(shown);
    at += AppendShown(text.substr(0, line.end), at, shown);
    if (at <= place_end) caret_end = CharsOf(shown);
  }
  if (place_at >= at) caret = CharsOf(shown);
  if (at < line.end) shown += "...";
  absl::StrAppend(&out, shown, "\n", std::string(caret, ' '), "^",
                  std::string(caret_end > caret + 1 ? caret_end - caret - 1 : 0, '~'), "\n");
  if (!diagnostic.hint.empty()) absl::StrAppend(&out, "  hint: ", diagnostic.hint, "\n");
  if (!diagnostic.note.empty()) {
    const LineColumn other = source.PlaceOf(diagnostic.note_span.begin);
    absl::StrAppend(&out, Printable(source.name(), 1000), ":", other.line, ":", other.column,
                    ": note: ", diagnostic.note, "\n");
  }
  return out;
}

std::string Printable(std::string_view text, size_t chars_max) {
  std::string out;
  size_t at = 0;
  for (size_t chars = 0; at < text.size(); ++chars) {
    if (chars == chars_max) return out + "...";
    at += AppendShown(text, at, out);
  }
  return out;
}

void Suggestion::Offer(std::string_view name) {
  constexpr size_t kNameMax = 64;  // longer ones are not worth the square
  if (name.size() > kNameMax || wanted_.size() > kNameMax || name == wanted_) return;
  const size_t edits_max = wanted_.size() <= 4 ? 1 : wanted_.size() <= 8 ? 2 : 3;
  const size_t apart =
      name.size() > wanted_.size() ? name.size() - wanted_.size() : wanted_.size() - name.size();
  if (apart > edits_max) return;
  const size_t distance = EditDistance(wanted_, name);
  // A name that shares nothing with the wanted one is no suggestion.
  if (distance > edits_max || distance >= std::max(name.size(), wanted_.size())) return;
  if (distance < distance_ || (distance == distance_ && name < best_)) {
    distance_ = distance;
    best_ = std::string(name);
  }
}

std::string Suggestion::Hint() const {
  return best_.empty() ? "" : absl::StrCat("did you mean `", best_, "`?");
}

}  // namespace vesicle
