#include "vm/value/text.h"

#include <algorithm>
#include <cstring>

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
