// The natives by subject, and how they read their arguments. Of this folder only.
#ifndef VESICLE_VM_SCRIPT_PRELUDE_PRELUDE_INTERNAL_H_
#define VESICLE_VM_SCRIPT_PRELUDE_PRELUDE_INTERNAL_H_

#include <cstdint>
#include <string_view>

#include "vm/script/prelude/prelude.h"
#include "vm/script/run/builtin.h"
#include "vm/script/run/builtin_job.h"

namespace vesicle::prelude {

void RegisterAny(BuiltinRegistry& registry);     // what works on several kinds, kinds, tags
void RegisterRanges(BuiltinRegistry& registry);  // take, drop, slice, ... of lists, texts, bytes
void RegisterSearch(BuiltinRegistry& registry);  // contains, index_of, starts_with, replace, split
void RegisterLists(BuiltinRegistry& registry);   // elements of lists
void RegisterOrder(BuiltinRegistry& registry);   // sort, min, max, compare
void RegisterMaps(BuiltinRegistry& registry);
void RegisterTexts(BuiltinRegistry& registry);
void RegisterBytes(BuiltinRegistry& registry);  // and texts as bytes and code points
void RegisterNumbers(BuiltinRegistry& registry);

// A count: an integer from 0 on. One that fits nothing reads as kCountHuge.
inline constexpr uint64_t kCountHuge = uint64_t{1} << 60;
bool ReadCount(Value v, uint64_t* count);

// The bytes of a text or of bytes. The Value stays in place as long as the view is used.
std::string_view ViewOf(const Value& v);
std::string_view ViewOf(Value&& v) = delete;

}  // namespace vesicle::prelude

#endif  // VESICLE_VM_SCRIPT_PRELUDE_PRELUDE_INTERNAL_H_
