// The form of a message: its tag, and how many fields it has. Devices, controls and rules
// ask for it.
//
//   if (Is(message, "every", 3)) ...      // #every(ms, ref, message)
#ifndef VESICLE_VM_VALUE_FORM_H_
#define VESICLE_VM_VALUE_FORM_H_

#include <cstddef>
#include <string_view>

#include "vm/value/symbol.h"
#include "vm/value/tagged.h"

#pragma GCC visibility push(default)
namespace vesicle {

// A symbol has the form of itself, with no fields.
inline bool Is(Value v, std::string_view tag, size_t fields) {
  if (!HasTag(v) || FieldsOf(v).size() != fields) return false;
  const Value symbol = TagOf(v);
  return SymbolView(symbol) == tag;
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_FORM_H_
