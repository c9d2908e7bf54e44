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
//   if (!diagnostics.has_errors()) Resolve(ast, environment, diagnostics);
//   for (const Item* item : ast.items) ...
#ifndef VESICLE_VM_SCRIPT_AST_H_
#define VESICLE_VM_SCRIPT_AST_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "vm/script/source.h"

namespace vesicle {

// The deepest nesting of expressions and patterns, and the longest chain of
// operators, calls, fields or pipes. Small enough for a pass with frames of a
// few hundred bytes to recurse on an 8 MiB stack, also under ASan.
inline constexpr int kNestingMax = 500;

// Hands out memory that is freed all at once. Only for types without
// destructors.
class Arena {
 public:
  Arena() = default;
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  template <typename T, typename... Args>
  T* New(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
  }

  // A copy of `items` that lives as long as the arena.
  template <typename T>
  std::span<T> Copy(const std::vector<T>& items) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    if (items.empty()) return {};
    T* to = static_cast<T*>(Allocate(items.size() * sizeof(T), alignof(T)));
    for (size_t i = 0; i < items.size(); ++i) new (to + i) T(items[i]);
    return {to, items.size()};
  }
  std::string_view CopyText(std::string_view text);

  size_t bytes() const { return bytes_; }

 private:
  void* Allocate(size_t bytes, size_t alignment);

  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::byte* next_ = nullptr;
  size_t left_ = 0;
  size_t bytes_ = 0;
};

struct Expr;
struct Pattern;
struct Clause;
struct Unit;
struct Item;

// ---------------------------------------------------------------------------
// Names

// A local name: of a parameter, a `let`, a `var`, a pattern, a local `fn`. Two
// alternatives of one pattern that bind a name share one Binding.
struct Binding {
  std::string_view name;  // "_" for a parameter nobody wants
  Span span;              // where it is introduced
  bool is_var = false;    // `var`: may be assigned; never captured
  bool is_used = false;   // some expression reads it
  // A parameter of a behavior: it lives in capture `capture` of `unit`, and its
  // uses there are RefKind::kCapture.
  bool is_capture = false;
  uint32_t capture = 0;
  Unit* unit = nullptr;         // the unit whose frame (or captures) holds it
  Binding* shadowed = nullptr;  // the resolver's
  uint32_t slot = UINT32_MAX;   // the compiler's, e.g. its register
};

enum class RefKind : uint8_t {
  kUnresolved,  // an error was reported
  kLocal,       // `binding`, of the unit that the use stands in
  kCapture,     // capture `index` of the unit that the use stands in
  kSelf,        // the function (a local `fn`) that the use stands in: no capture, an instruction
  kItem,        // `item` of this module; an item's use of itself is this too
  kImported,    // `member` of the module that `item` (an ItemKind::kImport) imports
  kBuiltin,     // builtin `index`: the id that the Environment gave for the name
};

// What stands behind a kItem, kImported or kBuiltin.
enum class Declared : uint8_t {
  kValue,     // a module's `let`, a builtin constant
  kFunction,  // may be called, and is a value
  kAct,       // may only be called; never a value
  kBehavior,  // with parameters: called with them it yields a behavior; without: is itself one
};

// What a name means at one place.
struct Ref {
  RefKind kind = RefKind::kUnresolved;
  Declared declared = Declared::kValue;
  uint32_t index = 0;
  Binding* binding = nullptr;
  Item* item = nullptr;
  std::string_view member;
};

// ---------------------------------------------------------------------------
// Expressions. Statements are expressions that stand in a Block.

enum class ExprKind : uint8_t {
  kError,  // only in a tree with errors
  // Literals.
  kNil,
  kBool,
  kInt,
  kFloat,
  kText,
  kBytes,
  kSymbol,
  // Built values.
  kInterpolation,
  kTagged,
  kList,
  kMap,
  kComprehension,
  kFunction,
  kBehavior,
  // Uses.
  kName,
  kField,
  kIndex,
  kCall,
  kUnary,
  kBinary,
  // Control.
  kBlock,
  kIf,
  kMatch,
  kWhile,
  kFor,
  kTry,
  // Statements proper: only directly in a Block; value nil.
  kLet,
  kVar,
  kAssign,
  kLocalFunction,
  // Acting.
  kSelf,
  kSend,
  kCreate,
  kActor,
  kBecome,
  kBecomeWith,
  kWhen,
  kTask,
  kAwait,
  kFail,
  kExpect,
};

// What becomes of the value. Set by the resolver on every expression.
enum class Use : uint8_t {
  kValue,   // somebody looks at it
  kUnused,  // a statement: a send here is a tell
  // Last position of the unit's body or clause: the value is the unit's result.
  // A send here passes the reply slot on, a call is a tail call. Passes through
  // blocks, `if`, `match`, and the handlers of `try` and `await`; not through
  // the body of a `try`. In an act it is the caller who knows whether there is
  // a slot to pass on.
  kLast,
};

struct Expr {
  ExprKind kind;
  Use use = Use::kValue;
  bool parens = false;  // written in parentheses
  Span span;
};

// The node as its own type; checked in debug builds by its kind.
template <typename T>
T& As(Expr& expr) {
  assert(expr.kind == T::kKind);
  return static_cast<T&>(expr);
}
template <typename T>
const T& As(const Expr& expr) {
  assert(expr.kind == T::kKind);
  return static_cast<const T&>(expr);
}
// The node as a T, or null when it is something else.
template <typename T>
T* If(Expr* expr) {
  return expr != nullptr && expr->kind == T::kKind ? static_cast<T*>(expr) : nullptr;
}
template <typename T>
const T* If(const Expr* expr) {
  return expr != nullptr && expr->kind == T::kKind ? static_cast<const T*>(expr) : nullptr;
}

// Each node type below derives from Node<its kind>.
template <ExprKind kind_>
struct Node : Expr {
  static constexpr ExprKind kKind = kind_;
  Node() : Expr{kind_, Use::kValue, false, {}} {}
};

struct ErrorExpr : Node<ExprKind::kError> {};
struct NilExpr : Node<ExprKind::kNil> {};
struct BoolExpr : Node<ExprKind::kBool> {
  bool value = false;
};

// An integer of any size: `digits` in `base` (2, 8, 10, 16), without prefix and
// underscores, at least one, at most kNumberDigitsMax. A minus that stands
// before a literal is folded into it.
struct IntExpr : Node<ExprKind::kInt> {
  std::string_view digits;
  uint8_t base = 10;
  bool is_negative = false;
};
struct FloatExpr : Node<ExprKind::kFloat> {
  double value = 0;  // finite; sign folded in
};
struct TextExpr : Node<ExprKind::kText> {
  std::string_view value;  // decoded, valid UTF-8
};
struct BytesExpr : Node<ExprKind::kBytes> {
  std::string_view value;  // decoded
};
struct SymbolExpr : Node<ExprKind::kSymbol> {
  std::string_view name;  // decoded, without `#`
};

// `"a${b}c"`: TextExpr parts (never empty) and other expressions, in order.
struct InterpolationExpr : Node<ExprKind::kInterpolation> {
  std::span<Expr*> parts;
};
// `#tag(a, b)`: at least one argument; `#tag()` is a SymbolExpr.
struct TaggedExpr : Node<ExprKind::kTagged> {
  std::string_view tag;
  std::span<Expr*> args;
};
struct ListElement {
  Expr* value;
  bool is_spread;  // `...value`
};
struct ListExpr : Node<ExprKind::kList> {
  std::span<ListElement> elements;
};
struct MapElement {
  Expr* key;  // a TextExpr for `name:` and `"text":`, any expression for `[k]:`; null: `...value`
  Expr* value;
};
// Later entries win over earlier ones.
struct MapExpr : Node<ExprKind::kMap> {
  std::span<MapElement> entries;
};
// `[for pattern in list if condition { body }]`. An element that the pattern
// does not match is a fault, as in `for`.
struct ComprehensionExpr : Node<ExprKind::kComprehension> {
  Pattern* pattern = nullptr;
  Expr* list = nullptr;
  Expr* condition = nullptr;  // or null
  Expr* body = nullptr;
};
// `fn(a, b) = e`, `fn(a) { ... }`.
struct FunctionExpr : Node<ExprKind::kFunction> {
  Unit* unit = nullptr;
};
// `behavior { clauses }`: a behavior value that captures what it names.
struct BehaviorExpr : Node<ExprKind::kBehavior> {
  Unit* unit = nullptr;
};

// A name, or `alias.name` of an imported module.
struct NameExpr : Node<ExprKind::kName> {
  std::string_view name;
  Ref ref;
};
// `object.name`: the same as `object["name"]`.
struct FieldExpr : Node<ExprKind::kField> {
  Expr* object = nullptr;
  std::string_view name;
  Span name_span;
};
struct IndexExpr : Node<ExprKind::kIndex> {
  Expr* object = nullptr;
  Expr* index = nullptr;
};
// A call of a function, an act or a behavior's name (which yields a behavior
// value), told apart by the callee: a NameExpr with `ref.declared`, or any
// expression, which must yield a function. The number of arguments is right
// when the callee is declared. `x |> f(y)` is `f(x, y)`, `is_piped`.
struct CallExpr : Node<ExprKind::kCall> {
  Expr* callee = nullptr;
  std::span<Expr*> args;
  bool is_piped = false;
};

enum class UnaryOp : uint8_t { kNegate, kNot };
struct UnaryExpr : Node<ExprKind::kUnary> {
  UnaryOp op = UnaryOp::kNegate;
  Expr* operand = nullptr;
};

enum class BinaryOp : uint8_t {
  kOr,   // does not evaluate its right side when the left decides
  kAnd,  // the same
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kRange,   // `a..b`: the list of integers, both ends included
  kConcat,  // `++`
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kRemainder,
  kPower,
};
struct BinaryExpr : Node<ExprKind::kBinary> {
  BinaryOp op = BinaryOp::kOr;
  Expr* left = nullptr;
  Expr* right = nullptr;
  Span op_span;
};

// A scope of its own. Its value is that of the last statement; nil when empty.
struct BlockExpr : Node<ExprKind::kBlock> {
  std::span<Expr*> statements;
};
struct IfBranch {
  Expr* condition;
  Expr* body;
};
// `if`, each `else if`, and `else` (null when there is none: nil).
struct IfExpr : Node<ExprKind::kIf> {
  std::span<IfBranch> branches;
  Expr* else_body = nullptr;
};
struct MatchExpr : Node<ExprKind::kMatch> {
  Expr* subject = nullptr;
  std::span<Clause> clauses;
};
struct WhileExpr : Node<ExprKind::kWhile> {
  Expr* condition = nullptr;
  Expr* body = nullptr;
};
struct ForExpr : Node<ExprKind::kFor> {
  Pattern* pattern = nullptr;
  Expr* list = nullptr;
  Expr* body = nullptr;
};
// The handlers get what was failed with; when none matches, it goes on.
struct TryExpr : Node<ExprKind::kTry> {
  Expr* body = nullptr;
  std::span<Clause> handlers;
};

struct LetExpr : Node<ExprKind::kLet> {
  Pattern* pattern = nullptr;
  Expr* value = nullptr;
};
struct VarExpr : Node<ExprKind::kVar> {
  Binding* binding = nullptr;
  Expr* value = nullptr;
};
// `name = value`: `target.ref` is a kLocal of a `var`.
struct AssignExpr : Node<ExprKind::kAssign> {
  NameExpr* target = nullptr;
  Expr* value = nullptr;
};
// `fn name(a) ...` in a block: a `let` of a function that may name itself.
struct LocalFunctionExpr : Node<ExprKind::kLocalFunction> {
  Binding* binding = nullptr;
  Unit* unit = nullptr;
};

struct SelfExpr : Node<ExprKind::kSelf> {};
struct SendExpr : Node<ExprKind::kSend> {
  Expr* target = nullptr;
  Expr* message = nullptr;
  Span op_span;
};
struct CreateExpr : Node<ExprKind::kCreate> {
  Expr* behavior = nullptr;
};
// `actor { clauses }`: `create` of a BehaviorExpr.
struct ActorExpr : Node<ExprKind::kActor> {
  Unit* unit = nullptr;
};
struct BecomeExpr : Node<ExprKind::kBecome> {
  Expr* behavior = nullptr;
};
struct BecomeField {
  std::string_view name;
  Span span;
  Expr* value;
  uint32_t capture;  // of the unit it stands in, which is a behavior
};
struct BecomeWithExpr : Node<ExprKind::kBecomeWith> {
  std::span<BecomeField> fields;
};
// The unit is a UnitKind::kWhen with `clauses` (kept) and `else_clauses`
// (broken; empty: the break goes on).
struct WhenExpr : Node<ExprKind::kWhen> {
  Expr* promise = nullptr;
  Unit* unit = nullptr;
};
struct TaskExpr : Node<ExprKind::kTask> {
  Unit* unit = nullptr;
};
// `await promise within ms of timer else { handlers }`.
struct AwaitExpr : Node<ExprKind::kAwait> {
  Expr* promise = nullptr;    // often a SendExpr
  Expr* within_ms = nullptr;  // or null
  Expr* timer = nullptr;      // null when `within_ms` is
  std::span<Clause> handlers;
};
struct FailExpr : Node<ExprKind::kFail> {
  Expr* reason = nullptr;
};
// `condition` is a BinaryExpr with a comparison when there are two sides to show.
struct ExpectExpr : Node<ExprKind::kExpect> {
  Expr* condition = nullptr;
};

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

#endif  // VESICLE_VM_SCRIPT_AST_H_
