// The compiler turns a resolved tree into drafts of code, one for each unit: the
// register code of opcodes.h, and constants that linking (module.h) fills in.
//
// It looks no name up and checks nothing that the resolver has checked; the only
// errors it reports are the limits of opcodes.h.
//
//   Diagnostics diagnostics;
//   std::vector<CodeDraft> drafts = Compile(ast, source, heap, symbols, diagnostics);
#ifndef VESICLE_VM_SCRIPT_COMPILE_COMPILER_H_
#define VESICLE_VM_SCRIPT_COMPILE_COMPILER_H_

#include <cstdint>
#include <vector>

#include "vm/heap/heap.h"
#include "vm/script/compile/script_code.h"
#include "vm/script/syntax/ast.h"
#include "vm/script/syntax/diagnostic.h"
#include "vm/value/symbol.h"

namespace vesicle {

// Ids of builtins below are natives of a BuiltinRegistry; from here on they are
// items of the prelude.
inline constexpr uint32_t kPreludeIdFirst = 1u << 20;

// One draft for each of ast.units, in that order. The values in them are good until
// the next safe point of `heap`. With errors reported the drafts are useless.
std::vector<CodeDraft> Compile(const Ast& ast, const Source& source, Heap& heap,
                               SymbolTable& symbols, Diagnostics& diagnostics);

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_COMPILE_COMPILER_H_
