// ValueKind: what a value is to a script, whatever word or object holds it.
//
// The order of the enumerators is the order of kinds in the value order
// (compare.h), where integers and floats are one group.
#ifndef VESICLE_VM_VALUE_VALUE_KIND_H_
#define VESICLE_VM_VALUE_VALUE_KIND_H_

#include <cstdint>

#include "vm/heap/object.h"

#pragma GCC visibility push(default)
namespace vesicle {

enum class ValueKind : uint8_t {
  kNil,
  kBool,
  kInt,
  kFloat,
  kText,
  kBytes,
  kSymbol,
  kTagged,
  kList,
  kMap,
  kRef,
  kPromise,
  kFunction,
  kBehavior,
  kInternal,  // no script sees one: Absent, tuples, nodes, code, ...
};

ValueKind ValueKindOf(Value v);

inline bool IsSymbol(Value v) { return v.is_short_symbol() || IsKind(v, Kind::kSymbol); }
inline bool IsText(Value v) { return v.is_short_text() || IsKind(v, Kind::kText); }
inline bool IsBytes(Value v) { return IsKind(v, Kind::kBytes); }
inline bool IsTagged(Value v) { return IsKind(v, Kind::kTagged); }
inline bool IsList(Value v) { return IsKind(v, Kind::kList); }
inline bool IsMap(Value v) { return IsKind(v, Kind::kMap); }
inline bool IsFunction(Value v) { return IsKind(v, Kind::kFunction); }
inline bool IsBehavior(Value v) { return IsKind(v, Kind::kBehavior); }
inline bool IsPromise(Value v) { return IsTargetKind(v, Kind::kPromise); }

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_VALUE_KIND_H_
