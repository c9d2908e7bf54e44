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

namespace vesicle {

inline constexpr uint64_t kBytesMax = uint64_t{1} << 30;

// `bytes` may point into the heap.
Result MakeBytes(Heap& heap, std::string_view bytes);
// Wants IsBytes. Valid until the next safe point.
inline std::string_view BytesView(Value bytes) {
  const Object* o = bytes.data();
  return {o->bytes(), o->count};
}

// Every function below wants bytes where it says Value.
inline uint64_t BytesLength(Value bytes) { return bytes.data()->count; }
Result ConcatBytes(Heap& heap, Value a, Value b);
// [first, first + count), cut to what is there.
Result SliceBytes(Heap& heap, Value bytes, uint64_t first, uint64_t count);
std::optional<uint64_t> FindBytes(Value bytes, Value needle, uint64_t from);

// Text to its UTF-8 and back; the way back fails with kSyntax. kType.
Result BytesOfText(Heap& heap, const Value& text);
Result TextOfBytes(Heap& heap, Value bytes);
// A list of integers 0..255 and back; kType or kRange when it is not that.
Result ListOfBytes(Heap& heap, Value bytes);
Result BytesOfList(Heap& heap, Value list);
// Lower-case hexadecimal and back; kSyntax.
Result HexOfBytes(Heap& heap, Value bytes);
Result BytesOfHex(Heap& heap, const Value& text);

}  // namespace vesicle

#endif  // VESICLE_VM_VALUE_BYTES_H_
