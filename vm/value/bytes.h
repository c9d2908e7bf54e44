// Bytes: any octets, always an object of kind kBytes, also when empty.
//
// Limits:  kBytesMax, beyond it kTooBig; kMemory for long results.
// Costs:   linear: charge TextWork (text.h).
//
//   Result b = MakeBytes(heap, "\x00abc");
#ifndef VESICLE_VM_VALUE_BYTES_H_
#define VESICLE_VM_VALUE_BYTES_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"
#include "vm/value/result.h"
#include "vm/value/value_kind.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr uint64_t kBytesMax = uint64_t{1} << 30;

// `bytes` may point into the heap.
Result MakeBytes(Heap& heap, std::string_view bytes);
// For long bytes that are written in pieces: room to be filled, which nobody may see
// before it is. kTooBig, kMemory.
Result AllocateBytes(Heap& heap, uint64_t bytes);
// Wants IsBytes. Valid until the next safe point.
inline std::string_view BytesView(Value bytes) {
  const Object* o = bytes.data();
  return {o->bytes(), o->count};
}

// Every function below wants bytes where it says Value.
inline uint64_t BytesLength(Value bytes) { return bytes.data()->count; }
Result ConcatBytes(Heap& heap, Value a, Value b);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_BYTES_H_
