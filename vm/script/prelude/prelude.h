// The prelude: the functions every module can name without an import.
//
// Two halves. *Natives* (prelude_*.cc) are pure builtins: what needs speed or the
// inside of a value. The rest is written in the language, in prelude.ves, which is
// compiled into the library as a text; whatever takes a function is there.
//
// The laws of its names and failures:
//   - the subject is the first parameter, so that `xs |> map(f) |> take(3)` reads well;
//   - a search or a reading of text that finds nothing gives nil (find, index_of,
//     parse_int, text_of); taking what should be there faults (first, reduce, m.k),
//     unless a default is given; ranges (take, slice) are cut to what is there;
//   - what is asked for in wrong kinds faults with #type and names function and argument.
//
// Names that begin with `_` are the prelude's own: natives that prelude.ves calls. An
// NamesAround must not show them to other modules.
//
// Ownership: nothing is kept; the text lives as long as the program.
// Limits:    kPatternBytesMax for texts that are searched for; builtin_job.h for the rest.
//
//   BuiltinRegistry registry;
//   RegisterCoreBuiltins(registry);
//   RegisterPrelude(registry);
//   Source source("prelude.ves", std::string(PreludeText()));
#ifndef VESICLE_VM_SCRIPT_PRELUDE_PRELUDE_H_
#define VESICLE_VM_SCRIPT_PRELUDE_PRELUDE_H_

#include <string>
#include <string_view>
#include <vector>

#include "vm/script/run/builtin.h"

namespace vesicle {

// The longest text (or bytes) to look for in another, in bytes.
inline constexpr size_t kPatternBytesMax = size_t{128} << 10;

// The natives.
void RegisterPrelude(BuiltinRegistry& registry);

// prelude.ves.
std::string_view PreludeText();

// One line of documentation.
struct PreludeEntry {
  std::string name;      // "take"
  std::string call;      // "take(x, n)"
  std::string sentence;  // "the first n elements of a list, ..."
};
// Every public name of the prelude: first those of `registry`, then those of prelude.ves,
// each in the order of registration or of the text.
std::vector<PreludeEntry> PreludeEntries(const BuiltinRegistry& registry);

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_PRELUDE_PRELUDE_H_
