// Values of a log, across heaps: made anew with other refs, and compared.
#ifndef VESICLE_MEMBRANE_LOG_VALUE_H_
#define VESICLE_MEMBRANE_LOG_VALUE_H_

#include "absl/functional/function_ref.h"
#include "vm/actor/core.h"
#include "vm/value/result.h"

namespace vesicle {

// A copy in the heap of `to`, with ref(v) for each ref. kType: a function or a behavior, from
// another heap; also what `ref` fails with. Nothing recurses; what is shared stays shared.
Result CopyLogValue(Core& to, bool is_same_heap, Value value, absl::FunctionRef<Result(Value)> ref);

// Whether two values are the same but for their refs, and is_same(a, b) of each pair of these. Of
// functions and behaviors the name of the code counts, and what they captured.
bool IsSameLogValue(Value a, Value b, absl::FunctionRef<bool(Value, Value)> is_same);

}  // namespace vesicle

#endif  // VESICLE_MEMBRANE_LOG_VALUE_H_
