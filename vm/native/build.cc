#include "vm/native/build.h"

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

}  // namespace vesicle
