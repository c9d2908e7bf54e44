// Query: op:get, op:index and op:untag: a part of what a promise will be kept with, asked before
// it is.
//
//   op:get    a map with text keys, or #struct-like data: the value of that key
//   op:index  a list: the element of that number
//   op:untag  a tagged value of that tag: its payload
//
//   Ask(core, payer, promise, {.kind = Query::Kind::kIndex, .index = 2}, slot);
#ifndef VESICLE_TRANSPORT_SESSION_QUERY_H_
#define VESICLE_TRANSPORT_SESSION_QUERY_H_

#include <cstdint>

#include "vm/actor/core.h"

namespace vesicle {

struct Query {
  enum class Kind : uint8_t { kGet, kIndex, kUntag };
  Kind kind = Kind::kIndex;
  uint64_t index = 0;
  Value name = {};  // get: a text; untag: a symbol
};

// Settles `slot` with the part of what `target` is or will be: at once when that is known. Breaks
// it, #type or #missing_key or #bad_index, when there is no such part. Outside of slices.
void Ask(Core& core, Value payer, Value target, const Query& query, Value slot);

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_SESSION_QUERY_H_
