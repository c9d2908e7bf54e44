#include "vm/value/text.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "vm/value/list.h"
#include "vm/value/utf8.h"

namespace vesicle {
namespace {

// Flag of a kText object: every byte is ASCII.
constexpr uint8_t kAscii = Object::kKindFlagsFirst;

// Room for a long text, filled by the caller; nullptr with *failure set.
Object* Allocate(Heap& heap, uint64_t bytes, Failure* failure) {
  if (bytes > kTextBytesMax) {
    *failure = Failure::kTooBig;
    return nullptr;
  }
  Object* o = heap.TryAllocate(Kind::kText, static_cast<uint32_t>(bytes));
  if (o == nullptr) *failure = Failure::kMemory;
  return o;
}

// Makes a text of pieces handed to `fill`, which writes `bytes` bytes.
template <typename Fill>
Result Build(Heap& heap, uint64_t bytes, bool ascii, Fill fill) {
  if (bytes <= static_cast<uint64_t>(kShortBytesMax)) {
    char small[kShortBytesMax];
    fill(small);
    return Value::ShortText(small, static_cast<int>(bytes));
  }
  Failure failure;
  Object* o = Allocate(heap, bytes, &failure);
  if (o == nullptr) return failure;
  fill(o->bytes());
  if (ascii) o->flags |= kAscii;
  return Value::Data(o);
}

Result Copy(Heap& heap, std::string_view bytes, bool ascii) {
  return Build(heap, bytes.size(), ascii, [bytes](char* out) {
    if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  });
}

char* Put(char* out, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

// A piece of `text`: ASCII if the whole is (or if it is found to be).
Result Piece(Heap& heap, const Value& text, size_t offset, size_t size) {
  const std::string_view whole = TextView(text);
  if (offset == 0 && size == whole.size()) return text;
  const std::string_view piece = whole.substr(offset, size);
  return IsAsciiText(text) ? Copy(heap, piece, true) : MakeTextUnchecked(heap, piece);
}

}  // namespace

Result MakeText(Heap& heap, std::string_view bytes) {
  const Utf8Class what = ClassifyUtf8(bytes);
  if (what == Utf8Class::kInvalid) return Failure::kSyntax;
  return Copy(heap, bytes, what == Utf8Class::kAscii);
}

Result MakeTextUnchecked(Heap& heap, std::string_view bytes) {
  return Copy(heap, bytes, CountCodePoints(bytes) == bytes.size());
}

Result AllocateText(Heap& heap, uint64_t bytes) {
  Failure failure;
  Object* o = Allocate(heap, bytes, &failure);
  if (o == nullptr) return failure;
  return Value::Data(o);
}

void SealText(Value text, bool ascii) {
  if (ascii) text.data()->flags |= kAscii;
}

bool IsAsciiText(const Value& text) {
  if (!text.is_short_text()) return (text.data()->flags & kAscii) != 0;
  return (text.bits() & 0x8080808080808000) == 0;
}

uint64_t TextLength(const Value& text) {
  const std::string_view view = TextView(text);
  return IsAsciiText(text) ? view.size() : CountCodePoints(view);
}

Result ConcatText(Heap& heap, const Value& a, const Value& b) {
  const std::string_view x = TextView(a);
  const std::string_view y = TextView(b);
  if (x.empty()) return b;
  if (y.empty()) return a;
  return Build(heap, x.size() + y.size(), IsAsciiText(a) && IsAsciiText(b),
               [&](char* out) { Put(Put(out, x), y); });
}

Result JoinText(Heap& heap, std::span<const Value> parts, std::string_view separator) {
  uint64_t bytes = 0;
  bool ascii = CountCodePoints(separator) == separator.size();
  for (const Value& part : parts) {
    if (!IsText(part)) return Failure::kType;
    bytes += TextView(part).size();
    ascii = ascii && IsAsciiText(part);
  }
  if (parts.size() > 1) bytes += separator.size() * (parts.size() - 1);
  return Build(heap, bytes, ascii, [&](char* out) {
    for (size_t i = 0; i < parts.size(); ++i) {
      if (i > 0) out = Put(out, separator);
      out = Put(out, TextView(parts[i]));
    }
  });
}

Result RepeatText(Heap& heap, const Value& text, uint64_t times) {
  const std::string_view view = TextView(text);
  if (times == 0 || view.empty()) return Value::ShortText("", 0);
  if (times > kTextBytesMax) return Failure::kTooBig;
  return Build(heap, view.size() * times, IsAsciiText(text), [&](char* out) {
    for (uint64_t i = 0; i < times; ++i) out = Put(out, view);
  });
}

Result SliceText(Heap& heap, const Value& text, uint64_t first, uint64_t count) {
  const std::string_view view = TextView(text);
  if (IsAsciiText(text)) {
    const size_t from = std::min<uint64_t>(first, view.size());
    return Piece(heap, text, from, std::min<uint64_t>(count, view.size() - from));
  }
  const size_t from = OffsetOfCodePoint(view, first);
  return Piece(heap, text, from, OffsetOfCodePoint(view.substr(from), count));
}

std::optional<uint32_t> CodePointAt(const Value& text, uint64_t index) {
  const std::string_view view = TextView(text);
  const size_t at = IsAsciiText(text) ? index : OffsetOfCodePoint(view, index);
  if (at >= view.size()) return std::nullopt;
  return DecodeUtf8(view.substr(at)).point;
}

bool StartsWith(const Value& text, const Value& prefix) {
  return TextView(text).starts_with(TextView(prefix));
}

bool EndsWith(const Value& text, const Value& suffix) {
  return TextView(text).ends_with(TextView(suffix));
}

std::optional<uint64_t> FindText(const Value& text, const Value& needle, uint64_t from) {
  const std::string_view view = TextView(text);
  const bool ascii = IsAsciiText(text);
  if (ascii ? from > view.size() : from > TextLength(text)) return std::nullopt;
  const size_t offset = ascii ? from : OffsetOfCodePoint(view, from);
  const std::string_view wanted = TextView(needle);
  size_t at = offset;
  if (!wanted.empty()) {
    // memmem is linear; string_view::find is not.
    const void* found =
        memmem(view.data() + offset, view.size() - offset, wanted.data(), wanted.size());
    if (found == nullptr) return std::nullopt;
    at = static_cast<size_t>(static_cast<const char*>(found) - view.data());
  }
  return ascii ? at : CountCodePoints(view.substr(0, at));
}

Result ReplaceText(Heap& heap, const Value& text, const Value& needle, const Value& by) {
  std::string_view rest = TextView(text);
  const std::string_view wanted = TextView(needle);
  const std::string_view put = TextView(by);
  if (wanted.empty()) return text;
  std::string out;
  bool found_any = false;
  for (;;) {
    const void* found = memmem(rest.data(), rest.size(), wanted.data(), wanted.size());
    if (found == nullptr) break;
    found_any = true;
    const size_t at = static_cast<size_t>(static_cast<const char*>(found) - rest.data());
    if (out.size() + at + put.size() > kTextBytesMax) return Failure::kTooBig;
    out.append(rest.substr(0, at)).append(put);
    rest.remove_prefix(at + wanted.size());
  }
  if (!found_any) return text;
  out.append(rest);
  return MakeTextUnchecked(heap, out);
}

Result SplitText(Heap& heap, const Value& text, const Value& separator) {
  std::string_view rest = TextView(text);
  const std::string_view wanted = TextView(separator);
  ListBuilder parts(heap);
  const auto add = [&](std::string_view part) {
    const Result piece = MakeTextUnchecked(heap, part);
    if (piece.ok()) parts.Add(piece.value());
    return piece.ok();
  };
  if (wanted.empty()) {
    while (!rest.empty()) {
      const size_t size = static_cast<size_t>(DecodeUtf8(rest).size);
      parts.Add(Value::ShortText(rest.data(), static_cast<int>(size)));
      rest.remove_prefix(size);
      if (!parts.ok()) return Failure::kMemory;
    }
    return parts.Finish();
  }
  // The pieces together are as long as the text: what they cost is known before.
  if (!heap.Reserve(rest.size())) return Failure::kMemory;
  for (;;) {
    const void* found = memmem(rest.data(), rest.size(), wanted.data(), wanted.size());
    if (found == nullptr) break;
    const size_t at = static_cast<size_t>(static_cast<const char*>(found) - rest.data());
    if (!add(rest.substr(0, at)) || !parts.ok()) return Failure::kMemory;
    rest.remove_prefix(at + wanted.size());
  }
  if (!add(rest)) return Failure::kMemory;
  return parts.Finish();
}

bool IsSpace(uint32_t p) {
  return (p >= 9 && p <= 13) || p == 0x20 || p == 0x85 || p == 0xA0 || p == 0x1680 ||
         (p >= 0x2000 && p <= 0x200A) || p == 0x2028 || p == 0x2029 || p == 0x202F || p == 0x205F ||
         p == 0x3000;
}

Result TrimText(Heap& heap, const Value& text, Side side) {
  const std::string_view view = TextView(text);
  size_t first = 0;
  size_t last = view.size();
  if (side != Side::kEnd) {
    while (first < last) {
      const DecodedPoint decoded = DecodeUtf8(view.substr(first, last - first));
      if (!IsSpace(decoded.point)) break;
      first += static_cast<size_t>(decoded.size);
    }
  }
  if (side != Side::kStart) {
    while (last > first) {
      size_t before = last - 1;
      while (before > first && IsContinuationByte(view[before])) --before;
      if (!IsSpace(DecodeUtf8(view.substr(before, last - before)).point)) break;
      last = before;
    }
  }
  return Piece(heap, text, first, last - first);
}

Result AsciiCase(Heap& heap, const Value& text, Case to) {
  const std::string_view view = TextView(text);
  const char from = to == Case::kLower ? 'A' : 'a';
  return Build(heap, view.size(), IsAsciiText(text), [&](char* out) {
    for (const char c : view) {
      *out++ = c >= from && c < from + 26 ? static_cast<char>(c ^ 0x20) : c;
    }
  });
}

int CompareBytes(std::string_view a, std::string_view b) {
  const size_t n = std::min(a.size(), b.size());
  const int order = n == 0 ? 0 : std::memcmp(a.data(), b.data(), n);
  if (order != 0) return order < 0 ? -1 : 1;
  return (a.size() > b.size()) - (a.size() < b.size());
}

}  // namespace vesicle
