#include "vm/value/bytes.h"

#include <cstring>

namespace vesicle {
Result AllocateBytes(Heap& heap, uint64_t bytes) {
  if (bytes > kBytesMax) return Failure::kTooBig;
  Object* o = heap.TryAllocate(Kind::kBytes, static_cast<uint32_t>(bytes));
  if (o == nullptr) return Failure::kMemory;
  return Value::Data(o);
}

Result MakeBytes(Heap& heap, std::string_view bytes) {
  const Result made = AllocateBytes(heap, bytes.size());
  if (!made.ok()) return made;
  if (!bytes.empty()) std::memcpy(made.value().data()->bytes(), bytes.data(), bytes.size());
  return made;
}

Result ConcatBytes(Heap& heap, Value a, Value b) {
  const std::string_view x = BytesView(a);
  const std::string_view y = BytesView(b);
  if (x.empty()) return b;
  if (y.empty()) return a;
  const Result made = AllocateBytes(heap, x.size() + y.size());
  if (!made.ok()) return made;
  char* const out = made.value().data()->bytes();
  std::memcpy(out, x.data(), x.size());
  std::memcpy(out + x.size(), y.data(), y.size());
  return made;
}

}  // namespace vesicle
