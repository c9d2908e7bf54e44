#include "vm/value/value_kind.h"

#include "vm/value/number.h"

namespace vesicle {

ValueKind ValueKindOf(Value v) {
  switch (v.tag()) {
    case Tag::kInt:
      return ValueKind::kInt;
    case Tag::kConstant:
      if (v.is_nil()) return ValueKind::kNil;
      if (v.is_bool()) return ValueKind::kBool;
      return v.is_immediate_float() ? ValueKind::kFloat : ValueKind::kInternal;
    case Tag::kFloatLow:
    case Tag::kFloatHigh:
      return ValueKind::kFloat;
    case Tag::kShortText:
      return ValueKind::kText;
    case Tag::kShortSymbol:
      return ValueKind::kSymbol;
    case Tag::kTarget:
      return v.target()->kind == Kind::kPromise ? ValueKind::kPromise : ValueKind::kRef;
    case Tag::kObject:
      break;
  }
  switch (v.data()->kind) {
    case Kind::kBigInt:
      return ValueKind::kInt;
    case Kind::kFloat:
      return ValueKind::kFloat;
    case Kind::kText:
      return ValueKind::kText;
    case Kind::kBytes:
      return ValueKind::kBytes;
    case Kind::kSymbol:
      return ValueKind::kSymbol;
    case Kind::kTagged:
      return ValueKind::kTagged;
    case Kind::kList:
      return ValueKind::kList;
    case Kind::kMap:
      return ValueKind::kMap;
    case Kind::kFunction:
      return ValueKind::kFunction;
    case Kind::kBehavior:
      return ValueKind::kBehavior;
    default:
      return ValueKind::kInternal;
  }
}

}  // namespace vesicle
