// Tagged values: a symbol with fields, #point(1, 2). Without fields it is the
// symbol itself: #get() is #get. Word 0 of the object is the symbol.
//
//   Value fields[] = {Value::SmallInt(3)};
//   Result add = MakeTagged(heap, add_symbol, fields);
#ifndef VESICLE_VM_VALUE_TAGGED_H_
#define VESICLE_VM_VALUE_TAGGED_H_

#include <cstdint>
#include <span>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"
#include "vm/value/result.h"
#include "vm/value/value_kind.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr uint32_t kFieldsMax = 65535;

// Wants a symbol. kTooBig over kFieldsMax; kMemory.
Result MakeTagged(Heap& heap, Value symbol, std::span<const Value> fields);

// A symbol is tagged with itself and has no fields.
inline bool HasTag(Value v) { return IsTagged(v) || IsSymbol(v); }
// Want HasTag(v).
inline Value TagOf(Value v) { return IsTagged(v) ? v.data()->words()[0] : v; }
inline std::span<const Value> FieldsOf(Value v) {
  if (!IsTagged(v)) return {};
  const Object* o = v.data();
  return {o->words() + 1, o->count - 1};
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_TAGGED_H_
