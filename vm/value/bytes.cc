#include "vm/value/bytes.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "vm/value/list.h"
#include "vm/value/number.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

Object* Allocate(Heap& heap, uint64_t size) {
  return heap.TryAllocate(Kind::kBytes, static_cast<uint32_t>(size));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result MakeBytes(Heap& heap, std::string_view bytes) {
  if (bytes.size() > kBytesMax) return Failure::kTooBig;
  Object* o = Allocate(heap, bytes.size());
  if (o == nullptr) return Failure::kMemory;
  if (!bytes.empty()) std::memcpy(o->bytes(), bytes.data(), bytes.size());
  return Value::Data(o);
}

Result ConcatBytes(Heap& heap, Value a, Value b) {
  const std::string_view x = BytesView(a);
  const std::string_view y = BytesView(b);
  if (x.empty()) return b;
  if (y.empty()) return a;
  if (x.size() + y.size() > kBytesMax) return Failure::kTooBig;
  Object* o = Allocate(heap, x.size() + y.size());
  if (o == nullptr) return Failure::kMemory;
  std::memcpy(o->bytes(), x.data(), x.size());
  std::memcpy(o->bytes() + x.size(), y.data(), y.size());
  return Value::Data(o);
}

Result SliceBytes(Heap& heap, Value bytes, uint64_t first, uint64_t count) {
  const std::string_view view = BytesView(bytes);
  const size_t from = std::min<uint64_t>(first, view.size());
  const std::string_view piece = view.substr(from, count);
  return piece.size() == view.size() ? Result(bytes) : MakeBytes(heap, piece);
}

std::optional<uint64_t> FindBytes(Value bytes, Value needle, uint64_t from) {
  const std::string_view view = BytesView(bytes);
  const std::string_view wanted = BytesView(needle);
  if (from > view.size()) return std::nullopt;
  if (wanted.empty()) return from;
  const void* found = memmem(view.data() + from, view.size() - from, wanted.data(), wanted.size());
  if (found == nullptr) return std::nullopt;
  return static_cast<uint64_t>(static_cast<const char*>(found) - view.data());
}

Result BytesOfText(Heap& heap, const Value& text) {
  if (!IsText(text)) return Failure::kType;
  return MakeBytes(heap, TextView(text));
}

Result TextOfBytes(Heap& heap, Value bytes) {
  if (!IsBytes(bytes)) return Failure::kType;
  return MakeText(heap, BytesView(bytes));
}

Result ListOfBytes(Heap& heap, Value bytes) {
  if (!IsBytes(bytes)) return Failure::kType;
  ListBuilder list(heap);
  for (const char c : BytesView(bytes)) {
    list.Add(Value::SmallInt(static_cast<uint8_t>(c)));
    if (!list.ok()) return Failure::kMemory;
  }
  return list.Finish();
}

Result BytesOfList(Heap& heap, Value list) {
  if (!IsList(list)) return Failure::kType;
  const uint64_t size = ListSize(list);
  if (size > kBytesMax) return Failure::kTooBig;
  Object* o = Allocate(heap, size);
  if (o == nullptr) return Failure::kMemory;
  Value position = kListStart;
  Value leaf;
  Value byte;
  for (char* out = o->bytes(); ListNext(list, position, leaf, byte); ++out) {
    if (!IsInt(byte)) return Failure::kType;
    if (!byte.is_int() || byte.small_int() < 0 || byte.small_int() > 255) return Failure::kRange;
    *out = static_cast<char>(byte.small_int());
  }
  return Value::Data(o);
}

Result HexOfBytes(Heap& heap, Value bytes) {
  if (!IsBytes(bytes)) return Failure::kType;
  constexpr char kHex[] = "0123456789abcdef";
  const std::string_view view = BytesView(bytes);
  if (view.size() * 2 > kTextBytesMax) return Failure::kTooBig;
  std::string hex;
  hex.reserve(view.size() * 2);
  for (const char c : view) {
    hex += kHex[static_cast<uint8_t>(c) >> 4];
    hex += kHex[c & 15];
  }
  return MakeTextUnchecked(heap, hex);
}

Result BytesOfHex(Heap& heap, const Value& text) {
  if (!IsText(text)) return Failure::kType;
  const std::string_view view = TextView(text);
  if (view.size() % 2 != 0) return Failure::kSyntax;
  std::string bytes;
  bytes.reserve(view.size() / 2);
  for (size_t i = 0; i < view.size(); i += 2) {
    const int high = HexDigit(view[i]);
    const int low = HexDigit(view[i + 1]);
    if (high < 0 || low < 0) return Failure::kSyntax;
    bytes += static_cast<char>(high << 4 | low);
  }
  return MakeBytes(heap, bytes);
}

}  // namespace vesicle
