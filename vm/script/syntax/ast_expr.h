// The expressions of a tree; statements are expressions that stand in a Block.
// Part of ast.h, which says the law.
#ifndef VESICLE_VM_SCRIPT_SYNTAX_AST_EXPR_H_
#define VESICLE_VM_SCRIPT_SYNTAX_AST_EXPR_H_

#include <cassert>
#include <cstdint>
#include <span>
#include <string_view>

#include "vm/script/syntax/ast_name.h"

#pragma GCC visibility push(default)
namespace vesicle {

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
// As it is written: "<=".
std::string_view Spelling(BinaryOp op);
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

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_SCRIPT_SYNTAX_AST_EXPR_H_
