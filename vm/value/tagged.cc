#include "vm/value/tagged.h"

#include <algorithm>

namespace vesicle {

Result MakeTagged(Heap& heap, Value symbol, std::span<const Value> fields) {
  if (fields.empty()) return symbol;
  if (fields.size() > kFieldsMax) return Failure::kTooBig;
  Object* o = heap.TryAllocate(Kind::kTagged, static_cast<uint32_t>(fields.size()) + 1);
  if (o == nullptr) return Failure::kMemory;
  o->words()[0] = symbol;
  std::copy(fields.begin(), fields.end(), o->words() + 1);
  return Value::Data(o);
}

}  // namespace vesicle
