// Object: what a pointer word points to: a header of one word and the payload.
//
//   byte 0     kind, always odd: an even byte 0 marks a forwarding address,
//              which the collector writes over the header while it copies
//   byte 1     flags: the low three belong to the collector, the rest to the kind
//   bytes 2-3  the sponsor that pays for the object (actor/sponsor.h)
//   bytes 4-7  count: payload words of a word kind, payload bytes of a byte kind
//
// An actor with one capture is header, code and capture: 24 bytes.
//
// Every payload word of a *word kind* is a Value; raw pointers aligned to eight
// read as integers, so such a kind can hold C++ memory where its row in the
// table of kinds (kinds.h) says how it is let go.
#ifndef VESICLE_VM_HEAP_OBJECT_H_
#define VESICLE_VM_HEAP_OBJECT_H_

#include <cstddef>
#include <cstdint>

#include "vm/heap/kinds.h"
#include "vm/heap/word.h"

#pragma GCC visibility push(default)
namespace vesicle {

using SponsorIndex = uint16_t;

struct Object {
  // Collector flags.
  static constexpr uint8_t kOld = 1;             // lives in the old space: does not move
  static constexpr uint8_t kRemembered = 2;      // stands in the remembered set
  static constexpr uint8_t kLarge = 4;           // allocated on its own
  static constexpr uint8_t kKindFlagsFirst = 8;  // bits 3..7 are the kind's own

  Kind kind;
  uint8_t flags;
  SponsorIndex sponsor;
  uint32_t count;

  bool is_old() const { return (flags & kOld) != 0; }

  // Payload of a word kind, count words.
  Value* words() { return reinterpret_cast<Value*>(this + 1); }
  const Value* words() const { return reinterpret_cast<const Value*>(this + 1); }
  // Payload of a byte kind, count bytes.
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }

  size_t payload_bytes() const {
    return IsByteKind(kind) ? (size_t{count} + 7) & ~size_t{7} : size_t{count} * sizeof(Value);
  }
  size_t size_bytes() const { return sizeof(Object) + payload_bytes(); }
};

static_assert(sizeof(Object) == 8);

inline bool IsKind(Value v, Kind kind) { return v.is_data() && v.data()->kind == kind; }
inline bool IsTargetKind(Value v, Kind kind) { return v.is_target() && v.target()->kind == kind; }

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_HEAP_OBJECT_H_
