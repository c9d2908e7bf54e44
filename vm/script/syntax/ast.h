// The tree of one module: what the parser builds, the resolver annotates and
// the compiler reads. Plain structs in an arena, a kind in each, a span on each.
//
// The law: after a Parse() and a Resolve() without errors, every name use says
// what it is (a Ref), every unit lists what it captures, and every expression
// says what becomes of its value (a Use). The compiler looks nothing up and
// needs no check of its own; what is not in the tree any more (`|>`, field
// access on a module's alias, `#get()`) it never meets.
//
// Ownership: Ast owns every node through its arena; nodes have no destructors
//            and go in one step. Names point into the Source, which outlives
//            the Ast; decoded text points into the arena.
// Limits:    no path from the root is longer than kNestingMax nodes, counted
//            over expressions and patterns together, chains of operators and
//            calls included: a pass may recurse.
//
//   Diagnostics diagnostics;
//   Ast ast = Parse(source, diagnostics);
//   if (!diagnostics.has_errors()) Resolve(ast, around, diagnostics);
//   for (const Item* item : ast.items) ...
#ifndef VESICLE_VM_SCRIPT_SYNTAX_AST_H_
#define VESICLE_VM_SCRIPT_SYNTAX_AST_H_

#include <cassert>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vm/script/syntax/ast_expr.h"
#include "vm/script/syntax/ast_name.h"

#pragma GCC visibility push(default)
namespace vesicle {

// ---------------------------------------------------------------------------
// Patterns and clauses

enum class PatternKind : uint8_t {
  kError,
  kAny,      // `_`
  kBind,     // a name
  kLiteral,  // a literal expression (nil, bool, integer, float, text, bytes, symbol)
  kPinned,   // `^name`
  kTagged,   // `#tag(p, ...)`
  kList,
  kMap,
  kEither,  // `p | q`
  kAs,      // `p as name`
};

struct Pattern {
  PatternKind kind;
  Span span;
};

template <PatternKind kind_>
struct PatternNode : Pattern {
  static constexpr PatternKind kKind = kind_;
  PatternNode() : Pattern{kind_, {}} {}
};
template <typename T>
T& As(Pattern& pattern) {
  assert(pattern.kind == T::kKind);
  return static_cast<T&>(pattern);
}
template <typename T>
const T& As(const Pattern& pattern) {
  assert(pattern.kind == T::kKind);
  return static_cast<const T&>(pattern);
}

struct ErrorPattern : PatternNode<PatternKind::kError> {};
struct AnyPattern : PatternNode<PatternKind::kAny> {};
struct BindPattern : PatternNode<PatternKind::kBind> {
  std::string_view name;
  Binding* binding = nullptr;  // set by the resolver
};
struct LiteralPattern : PatternNode<PatternKind::kLiteral> {
  Expr* value = nullptr;
};
struct PinnedPattern : PatternNode<PatternKind::kPinned> {
  NameExpr* name = nullptr;
};
struct TaggedPattern : PatternNode<PatternKind::kTagged> {
  std::string_view tag;
  std::span<Pattern*> args;  // at least one
};
// The rest of a list or a map: where `...`, `..._` or `...name` stands.
struct RestPattern {
  bool is_present = false;
  BindPattern* name = nullptr;  // null for `...` and `..._`
};
// `[before, ...rest, after]`; without a rest all patterns are in `before`.
struct ListPattern : PatternNode<PatternKind::kList> {
  std::span<Pattern*> before;
  RestPattern rest;
  std::span<Pattern*> after;
};
struct MapPatternEntry {
  Expr* key;  // as in MapElement, never null; `[k]` sees the names around the pattern, not in it
  Pattern* value;
};
struct MapPattern : PatternNode<PatternKind::kMap> {
  std::span<MapPatternEntry> entries;
  RestPattern rest;
};
// All alternatives bind the same names, to the same Bindings.
struct EitherPattern : PatternNode<PatternKind::kEither> {
  std::span<Pattern*> alternatives;
};
struct AsPattern : PatternNode<PatternKind::kAs> {
  Pattern* pattern = nullptr;
  BindPattern* name = nullptr;
};

// `pattern if guard => body`. A scope of its own. Guards do not act.
struct Clause {
  Pattern* pattern = nullptr;
  Expr* guard = nullptr;  // or null
  Expr* body = nullptr;
  Span span;
};

// ---------------------------------------------------------------------------
// Units: what is compiled as one piece of code with a frame and captures.

enum class UnitKind : uint8_t {
  kFunction,  // a `fn`, at the top, in a block or anonymous: `params`, `body`
  kAct,       // `params`, `body`
  kBehavior,  // declared, `behavior { }` or `actor { }`: `params`, `clauses`
  kWhen,      // `clauses`, `else_clauses`
  kTask,      // `body`; may await
  kTest,      // `body`; may await and expect
  kConstant,  // a module's `let`: `body`
};

// Where a capture comes from when its unit is made into a value.
enum class CaptureFrom : uint8_t {
  kParameter,  // the caller's argument of that position (behaviors)
  kLocal,      // `binding` of the enclosing unit
  kCapture,    // capture `index` of the enclosing unit
  kSelf,       // the enclosing unit itself (RefKind::kSelf there)
};
struct Capture {
  std::string_view name;
  CaptureFrom from = CaptureFrom::kLocal;
  uint32_t index = 0;
  Binding* binding = nullptr;  // what it is a copy of, in whatever unit that lives
};

struct Unit {
  UnitKind kind = UnitKind::kFunction;
  std::string_view name;   // as declared; empty when anonymous
  Span span;               // for reports: the head of the declaration, or the whole literal
  Unit* parent = nullptr;  // the unit it is written in; null at the top. Set by the resolver
  std::span<Binding*> params;
  // Behaviors: first their parameters, in order, then what they name.
  std::span<Capture> captures;
  std::span<Clause> clauses;
  std::span<Clause> else_clauses;
  Expr* body = nullptr;
  bool uses_self = false;  // a SelfExpr stands in it, or in a `when` or task in it
  bool awaits = false;
};

// ---------------------------------------------------------------------------
// Modules

enum class ItemKind : uint8_t { kImport, kFunction, kAct, kBehavior, kConstant, kTest };

struct Item {
  ItemKind kind;
  std::string_view name;  // an import's alias; the decoded title of a test
  Span name_span;
  Span span;
  bool is_private = false;  // its name starts with `_`
  Unit* unit = nullptr;     // null for an import
  // Imports: the decoded path, as written.
  std::string_view path;
  Span path_span;
  uint32_t index = 0;  // its place in Ast::items
};

// One module. Constants are evaluated in the order of their items; the resolver
// has checked that none needs a later one, directly or through functions.
struct Ast {
  Arena arena;
  std::span<Item*> items;
  // Every unit, an enclosing one before those in it. Set by the resolver.
  std::span<Unit*> units;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_SCRIPT_SYNTAX_AST_H_
