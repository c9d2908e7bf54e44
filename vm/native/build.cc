#include "vm/native/build.h"

#include <limits>
#include <string>

#include "vm/value/utf8.h"

namespace vesicle {

Value Build::Text(std::string_view utf8) {
  if (IsValidUtf8(utf8)) return Take(MakeTextUnchecked(heap(), utf8));
  std::string mended;
  while (!utf8.empty()) {
    const DecodedPoint decoded = DecodeUtf8(utf8);  // U+FFFD for a byte that begins nothing
    AppendUtf8(decoded.point, &mended);
    utf8.remove_prefix(static_cast<size_t>(decoded.size));
  }
  return Take(MakeTextUnchecked(heap(), mended));
}

Value Build::List(std::span<const Value> items) { return Take(MakeList(heap(), items)); }

Value Build::Map(std::initializer_list<std::pair<std::string_view, Value>> entries) {
  Value map = EmptyMap(heap());
  for (const auto& [key, value] : entries) map = Put(map, key, value);
  return map;
}

Value Build::Put(Value map, std::string_view key, Value value) {
  return Take(MapPut(heap(), map, Text(key), value, *build_core_));
}

Value Build::PutAt(Value map, Value key, Value value) {
  if (map.is_nil()) return map;  // it failed before
  return Take(MapPut(heap(), map, key, value, *build_core_));
}

Value Build::Unsigned(uint64_t i) {
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (i <= kMax) return Int(static_cast<int64_t>(i));
  // Up to twice kMax and one.
  const Value half = Int(static_cast<int64_t>(i / 2));
  const Value most = Take(Add(heap(), half, half));
  return i % 2 == 0 ? most : Take(Add(heap(), most, Int(1)));
}

Value Build::TaggedWith(std::string_view tag, std::span<const Value> fields) {
  const Value symbol = Symbol(tag);
  return fields.empty() ? symbol : Take(MakeTagged(heap(), symbol, fields));
}

}  // namespace vesicle
