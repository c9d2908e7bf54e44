// Forms: what the wire has and the VM has not, and the other way round, as values of either.
//
//   wire                                 VM
//   <4'void>                             nil
//   <4'null>                             #ocapn(#null)
//   <11'desc:tagged 't [a b]>            #t(a, b)                  1 to 65,535 values
//   <11'desc:tagged 't v>                #ocapn(#tagged, #t, v)    v is no such list, or t is ocapn
//   <10'desc:error "text" a ...>         #ocapn(#error, "text", a, ...)
//   {"k" v ...}                          a map whose keys are all texts
//   <.. 'vesicle:map [k v ...]>          any other map, in its order
//   <.. 'vesicle:value ['t a ...]>       #t(a, ..) whose plain spelling would mean another value:
//                                        t begins with vesicle:, or is ocapn with fields that are
//                                        none of the above
//
// Taken on input, and spelled as above from then on: <8'desc:tag "t" v>, a dictionary with other
// keys than texts, a vesicle:map in another order.
//
// The law: each value of the VM that is data has one spelling, and it reads as that value. So the
// tag `ocapn` is reserved in the VM as the tags `vesicle:` are on the wire.
//
// A message crosses as a list of arguments:
//   [v]            v, but for what the next lines say
//   ['s a ...]     #s(a, ...); not where s is `args` or `ocapn`
//   any other      #args(a, ...); [] is #args
// A list that holds one plain tagged value is #args(v): the message #s(a) is ['s a]. At this one
// place `args` is reserved: #args(5) is sent as [5], and that is the message 5.
#ifndef VESICLE_TRANSPORT_SYRUP_FORMS_H_
#define VESICLE_TRANSPORT_SYRUP_FORMS_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "vm/heap/heap.h"
#include "vm/value/result.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"

namespace vesicle::syrup {

inline constexpr std::string_view kVoidLabel = "void";
inline constexpr std::string_view kNullLabel = "null";
inline constexpr std::string_view kTaggedLabel = "desc:tagged";
inline constexpr std::string_view kTagLabel = "desc:tag";  // on input: with a text
inline constexpr std::string_view kErrorLabel = "desc:error";
inline constexpr std::string_view kReservedPrefix = "vesicle:";
inline constexpr std::string_view kMapTag = "vesicle:map";
inline constexpr std::string_view kValueTag = "vesicle:value";

inline Value OcapnSymbol() { return SymbolTable::Short("ocapn"); }
inline Value ArgsSymbol() { return SymbolTable::Short("args"); }

// #ocapn(#null); three words.
Value MakeNull(Heap& heap);

// How a tagged value is spelled.
enum class Spelling : uint8_t {
  kPlain,    // <desc:tagged 't [fields]>
  kNull,     // <null>
  kTagged,   // <desc:tagged field1 field2>
  kError,    // <desc:error field1 ...>
  kEscaped,  // <desc:tagged 'vesicle:value ['t fields]>
};
Spelling SpellingOf(Value tag, std::span<const Value> fields);
inline bool IsReservedTag(std::string_view name) { return name.starts_with(kReservedPrefix); }

// Wants a map. It is spelled as a dictionary: all its keys are texts.
bool IsDictionary(Value map);

// The message that arguments are. kTooBig: over kFieldsMax; kMemory.
Result MessageOf(Heap& heap, std::span<const Value> arguments);

// The arguments that a message is.
enum class ArgumentsForm : uint8_t {
  kNone,          // []
  kFields,        // the fields of the tagged value
  kTagAndFields,  // its tag, and its fields
  kItself,        // the message alone
};
ArgumentsForm ArgumentsFormOf(Value message);

}  // namespace vesicle::syrup

#endif  // VESICLE_TRANSPORT_SYRUP_FORMS_H_
