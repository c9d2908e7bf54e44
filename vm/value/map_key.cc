// What may be a key (map.h): the walk that decides it, bounded by kKeyWorkMax.
#include "absl/container/inlined_vector.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle {

KeyClass ClassifyKeySlow(Value key, uint64_t* work) {
  absl::InlinedVector<Value, 32> pending = {key};
  bool has_ref = false;
  while (!pending.empty()) {
    const Value v = pending.back();
    pending.pop_back();
    ++*work;
    if (v.is_target()) {
      if (IsPromise(v)) return KeyClass::kType;
      has_ref = true;
    }
    if (!v.is_data()) continue;
    const Object* o = v.data();
    uint64_t inside = 0;  // known before anything is copied to the worklist
    switch (o->kind) {
      case Kind::kFloat:
      case Kind::kSymbol:
        break;
      case Kind::kBigInt:
      case Kind::kText:
      case Kind::kBytes:
        *work += TextWork(o->count);
        break;
      case Kind::kTagged:
        inside = o->count - 1;
        break;
      case Kind::kList:
        inside = ListSize(v);
        break;
      case Kind::kMap:
        if (MapHasRefKeys(v)) return KeyClass::kType;
        inside = 2 * MapSize(v);
        break;
      default:
        return KeyClass::kType;
    }
    if (*work + inside + pending.size() > kKeyWorkMax) return KeyClass::kTooBig;
    if (inside == 0) continue;
    if (o->kind == Kind::kTagged) {
      for (const Value field : FieldsOf(v)) pending.push_back(field);
    } else if (o->kind == Kind::kList) {
      Value position = kListStart;
      Value leaf;
      Value element;
      while (ListNext(v, position, leaf, element)) pending.push_back(element);
    } else {
      Value position = kMapStart;
      Value leaf;
      MapEntry e;
      while (MapNext(v, position, leaf, e)) {
        pending.push_back(e.key);
        pending.push_back(e.value);
      }
    }
  }
  if (*work > kKeyWorkMax) return KeyClass::kTooBig;
  return has_ref ? KeyClass::kRef : KeyClass::kData;
}

}  // namespace vesicle
