#include "transport/syrup/forms.h"

#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/value_kind.h"

namespace vesicle::syrup {
namespace {

// What `desc:tagged` gives as #t(...), when t is not reserved.
bool IsFieldsList(Value v) { return IsList(v) && ListSize(v) >= 1 && ListSize(v) <= kFieldsMax; }

Spelling SpellingOfOcapn(std::span<const Value> fields) {
  if (!fields[0].is_short_symbol()) return Spelling::kEscaped;
  const std::string_view what = SymbolView(fields[0]);
  if (what == "null" && fields.size() == 1) return Spelling::kNull;
  if (what == "error" && fields.size() >= 2 && IsText(fields[1])) return Spelling::kError;
  if (what == "tagged" && fields.size() == 3 && IsSymbol(fields[1])) {
    if (IsReservedTag(SymbolView(fields[1]))) return Spelling::kEscaped;
    const bool is_other = fields[1] == OcapnSymbol() || !IsFieldsList(fields[2]);
    if (is_other) return Spelling::kTagged;
  }
  return Spelling::kEscaped;
}

}  // namespace

Value MakeNull(Heap& heap) {
  Object* o = heap.AllocateRaw(Kind::kTagged, 2);
  o->words()[0] = OcapnSymbol();
  o->words()[1] = SymbolTable::Short("null");
  return Value::Data(o);
}

Spelling SpellingOf(Value tag, std::span<const Value> fields) {
  if (tag == OcapnSymbol()) return SpellingOfOcapn(fields);
  if (tag.is_short_symbol()) return Spelling::kPlain;  // shorter than the prefix
  return IsReservedTag(SymbolView(tag)) ? Spelling::kEscaped : Spelling::kPlain;
}

// Keys stand in value order, so those of one kind are together.
bool IsDictionary(Value map) {
  const uint64_t n = MapSize(map);
  if (n == 0) return true;
  return MapDataSize(map) == n && IsText(MapAt(map, 0).key) && IsText(MapAt(map, n - 1).key);
}

Result MessageOf(Heap& heap, std::span<const Value> arguments) {
  if (!arguments.empty()) {
    const Value first = arguments[0];
    const bool is_reserved = first == ArgsSymbol() || first == OcapnSymbol();
    if (IsSymbol(first) && !is_reserved) return MakeTagged(heap, first, arguments.subspan(1));
    if (arguments.size() == 1 && !(first == ArgsSymbol())) {
      if (!IsTagged(first) || TagOf(first) == OcapnSymbol()) return first;
    }
  }
  return MakeTagged(heap, ArgsSymbol(), arguments);
}

ArgumentsForm ArgumentsFormOf(Value message) {
  if (message == ArgsSymbol()) return ArgumentsForm::kNone;
  if (!IsTagged(message) || TagOf(message) == OcapnSymbol()) return ArgumentsForm::kItself;
  return TagOf(message) == ArgsSymbol() ? ArgumentsForm::kFields : ArgumentsForm::kTagAndFields;
}

}  // namespace vesicle::syrup
