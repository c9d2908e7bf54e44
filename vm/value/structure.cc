#include "vm/value/structure.h"

#include <algorithm>

#include "vm/value/list.h"
#include "vm/value/map.h"

namespace vesicle {
namespace {

// Word 0 of a function or a behavior is its code, which holds no refs.
bool BeginsWithCode(const Object* o) {
  return o->kind == Kind::kFunction || o->kind == Kind::kBehavior;
}

void EntriesOf(const Object* map, std::vector<Value>* parts) {
  const Value m = Value::Data(const_cast<Object*>(map));
  Value position = kMapStart;
  Value leaf;
  MapEntry entry;
  while (MapNext(m, position, leaf, entry)) {
    parts->push_back(entry.key);
    parts->push_back(entry.value);
  }
}

}  // namespace

bool HasRefKeys(const Object* o) {
  return o->kind == Kind::kMap && MapHasRefKeys(Value::Data(const_cast<Object*>(o)));
}

bool PartsOf(const Object* o, std::vector<Value>* parts) {
  switch (o->kind) {
    case Kind::kTagged:
    case Kind::kListNode:
    case Kind::kMapNode:
      parts->insert(parts->end(), o->words(), o->words() + o->count);
      return true;
    case Kind::kFunction:
    case Kind::kBehavior:
      parts->insert(parts->end(), o->words() + 1, o->words() + o->count);
      return true;
    case Kind::kListRoom:
      parts->insert(parts->end(), o->words(), o->words() + kLeafMax);
      return true;
    case Kind::kList:
      list_internal::PartsOf(o, parts);
      return true;
    case Kind::kMap:
      if (HasRefKeys(o)) {
        EntriesOf(o, parts);
      } else {
        parts->insert(parts->end(), o->words(), o->words() + o->count);
      }
      return true;
    default:
      return false;
  }
}

Result Rebuild(Heap& heap, const Object* o, std::span<const Value> parts) {
  VESICLE_DCHECK(!HasRefKeys(o));
  if (o->kind == Kind::kList) return list_internal::Rebuild(heap, o, parts);
  // A room is a leaf from here on: what else it may take in is another list's.
  const Kind kind = o->kind == Kind::kListRoom ? Kind::kListNode : o->kind;
  const uint32_t code = BeginsWithCode(o) ? 1 : 0;
  Object* copy = heap.TryAllocate(kind, static_cast<uint32_t>(parts.size()) + code);
  if (copy == nullptr) return Failure::kMemory;
  copy->flags |= static_cast<uint8_t>(o->flags & ~(Object::kKindFlagsFirst - 1));
  if (code != 0) copy->words()[0] = o->words()[0];
  std::copy(parts.begin(), parts.end(), copy->words() + code);
  return Value::Data(copy);
}

}  // namespace vesicle
