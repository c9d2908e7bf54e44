// Parse() makes the tree of one module: `language.md`, by hand and with
// operator precedence. It reports several errors in one go, each with what was
// expected in the user's words, and goes on at the next statement, clause or
// item.
//
// Limits: kSourceBytesMax; kNestingMax (ast.h); the token limits of lexer.h.
//         Memory and time are linear in the source; the C++ stack is bounded.
#ifndef VESICLE_VM_SCRIPT_SYNTAX_PARSER_H_
#define VESICLE_VM_SCRIPT_SYNTAX_PARSER_H_

#include "vm/script/syntax/ast.h"
#include "vm/script/syntax/diagnostic.h"
#include "vm/script/syntax/source.h"

namespace vesicle {

// The tree of `source`, which outlives it. When `diagnostics` has errors
// afterwards, the tree is only what could be read: do not resolve it.
Ast Parse(const Source& source, Diagnostics& diagnostics);

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_SYNTAX_PARSER_H_
