#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vm/script/syntax/parser_internal.h"

namespace vesicle {
namespace {

struct Infix {
  Level level;
  BinaryOp op;
};

// What a token is between two operands; false when it is nothing.
bool InfixOf(TokenKind kind, Infix& infix) {
  switch (kind) {
#define VESICLE_INFIX(token, level, op)   \
  case TokenKind::token:                  \
    infix = {Level::level, BinaryOp::op}; \
    return true;
    VESICLE_INFIX(kSend, kSend, kOr)  // the ops of these two are not used
    VESICLE_INFIX(kPipe, kPipe, kOr)
    VESICLE_INFIX(kOr, kOr, kOr)
    VESICLE_INFIX(kAnd, kAnd, kAnd)
    VESICLE_INFIX(kEqual, kCompare, kEqual)
    VESICLE_INFIX(kNotEqual, kCompare, kNotEqual)
    VESICLE_INFIX(kLess, kCompare, kLess)
    VESICLE_INFIX(kLessEqual, kCompare, kLessEqual)
    VESICLE_INFIX(kGreater, kCompare, kGreater)
    VESICLE_INFIX(kGreaterEqual, kCompare, kGreaterEqual)
    VESICLE_INFIX(kRange, kRange, kRange)
    VESICLE_INFIX(kConcat, kConcat, kConcat)
    VESICLE_INFIX(kPlus, kAdd, kAdd)
    VESICLE_INFIX(kMinus, kAdd, kSubtract)
    VESICLE_INFIX(kStar, kMultiply, kMultiply)
    VESICLE_INFIX(kSlash, kMultiply, kDivide)
    VESICLE_INFIX(kPercent, kMultiply, kRemainder)
    VESICLE_INFIX(kPower, kPower, kPower)
#undef VESICLE_INFIX
    default:
      return false;
  }
}

Level Tighter(Level level) { return static_cast<Level>(static_cast<int>(level) + 1); }

bool IsComparison(BinaryOp op) { return op >= BinaryOp::kEqual && op <= BinaryOp::kGreaterEqual; }

// `await c <- m` without parentheses around it or around the send.
bool IsBareAwaitedSend(const Expr& expr) {
  const auto* await = If<AwaitExpr>(&expr);
  return await != nullptr && !await->parens && await->promise->kind == ExprKind::kSend &&
         !await->promise->parens;
}

}  // namespace

Expr* Parser::ParseHead() {
  Mode mode(*this, newlines_count_, /*is_head=*/true);
  return ParseExpr();
}

bool Parser::AtInfix(Level& level) const {
  Infix infix;
  if (AtLineEnd() || !InfixOf(token_.kind, infix)) return false;
  level = infix.level;
  return true;
}

Expr* Parser::ParseBinary(Level min) {
  Nest nest(*this);
  Expr* left = ParsePrefix(min);
  for (Level level; !failed() && AtInfix(level) && level >= min;) {
    if (IsBareAwaitedSend(*left)) {
      Complain(token_.span, "an operator after an awaited send needs parentheses",
               "write `(await c <- m)` around the send and its await");
    }
    left = ParseInfix(left, level);
    Grow();
  }
  return left;
}

Expr* Parser::ParseInfix(Expr* left, Level level) {
  if (level == Level::kSend) return ParseSend(left);
  if (level == Level::kPipe) return ParsePipe(left);
  Infix infix;
  InfixOf(token_.kind, infix);
  if (const auto* before = If<BinaryExpr>(left); before != nullptr && !left->parens) {
    if (level == Level::kCompare && IsComparison(before->op)) {
      Complain(token_.span, "comparisons do not chain", "write `a < b and b < c`");
    } else if (level == Level::kRange && before->op == BinaryOp::kRange) {
      Complain(token_.span, "ranges do not chain", "a range has two ends: `1..n`");
    }
  }
  const Span op_span = token_.span;
  Advance();
  if (At(TokenKind::kAssign) && infix.op >= BinaryOp::kConcat) {
    Error({op_span.begin, token_.span.end}, "there is no such assignment",
          "write it out: `x = x + 1`");
    return Bad();
  }
  Expr* right = ParseBinary(level == Level::kPower ? level : Tighter(level));
  auto* binary = New<BinaryExpr>(left->span.begin);
  binary->op = infix.op;
  binary->left = left;
  binary->right = right;
  binary->op_span = op_span;
  return binary;
}

void Parser::CheckSpacing(const Expr& target, const Token& send) {
  if (send.space_before && send.space_after) return;
  constexpr size_t kShownMax = 24;
  std::string left(source_.Text(target.span)), right(TextOf(PeekToken()));
  if (left.size() > kShownMax || left.find('\n') != std::string::npos) left = "x";
  if (right.size() > kShownMax || right.empty()) right = "y";
  Complain(send.span, "`<-` has a space on both sides",
           absl::StrCat("write `", left, " <- ", right, "` to send, or `", left, " < -", right,
                        "` to compare"));
}

Expr* Parser::ParseSend(Expr* target) {
  const Token send = token_;
  CheckSpacing(*target, send);
  if (!target->parens &&
      (target->kind == ExprKind::kFail || target->kind == ExprKind::kBecome ||
       target->kind == ExprKind::kBecomeWith || target->kind == ExprKind::kExpect)) {
    Complain(send.span, "there is nothing to send to on the left of this `<-`",
             "put parentheses around the send, or make it a statement of its own");
  }
  if (!target->parens && (target->kind == ExprKind::kBinary || target->kind == ExprKind::kUnary)) {
    Complain(send.span, "the value of an operator takes no message",
             "`<-` binds loosest: put parentheses around the send, as in `1 + (await c <- m)`");
  }
  Advance();
  Expr* message = ParseBinary(Level::kPipe);
  if (!failed() && At(TokenKind::kSend)) {
    Complain(token_.span, "`<-` does not chain",
             "one send to a line, or parentheses around the inner one: `a <- (b <- m)`");
  }
  auto* node = New<SendExpr>(target->span.begin);
  node->target = target;
  node->message = message;
  node->op_span = send.span;
  return node;
}

// `xs |> f == y`: the operator took what the pipe was to have.
void Parser::ComplainOfPiped(const Expr& value, const Expr& right, Span pipe) {
  const BinaryExpr* first = nullptr;
  for (const Expr* e = &right; e->kind == ExprKind::kBinary && !e->parens; e = first->left) {
    first = &As<BinaryExpr>(*e);
  }
  if (first == nullptr) {
    return Complain(pipe, "`|>` needs a function or a call on its right",
                    "write `xs |> filter(f) |> sum`; parentheses go around anything else");
  }
  constexpr size_t kShownMax = 80;
  const std::string op(Spelling(first->op));
  std::string piped(source_.Text({value.span.begin, first->left->span.end}));
  std::string rest(source_.Text({first->op_span.begin, right.span.end}));
  // Parentheses around an expression are no part of its span: what lost one is not shown.
  const auto is_whole = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '(') == std::count(text.begin(), text.end(), ')');
  };
  if (piped.size() + rest.size() > kShownMax || !is_whole(piped) || !is_whole(rest) ||
      (piped + rest).find('\n') != std::string::npos) {
    piped = "xs |> f";
    rest = op + " y";
  }
  Complain(first->op_span, absl::StrCat("`", op, "` binds tighter than `|>`"),
           absl::StrCat("write `(", piped, ") ", rest, "`"));
}

// `x |> f(y)` is `f(x, y)`, `x |> f` is `f(x)`.
Expr* Parser::ParsePipe(Expr* value) {
  const Span op_span = token_.span;
  Advance();
  Expr* right = ParseBinary(Tighter(Level::kPipe));
  if (failed()) return right;
  auto* call = New<CallExpr>(value->span.begin);
  call->is_piped = true;
  std::vector<Expr*> args = {value};
  if (const auto* inner = If<CallExpr>(right); inner != nullptr && !right->parens) {
    call->callee = inner->callee;
    args.insert(args.end(), inner->args.begin(), inner->args.end());
  } else {
    if (!right->parens && right->kind != ExprKind::kName && right->kind != ExprKind::kField &&
        right->kind != ExprKind::kIndex && right->kind != ExprKind::kFunction) {
      ComplainOfPiped(*value, *right, op_span);
    }
    call->callee = right;
  }
  call->args = ast_.arena.Copy(args);
  return call;
}

Expr* Parser::ParsePrefix(Level min) {
  if (AtLineEnd()) {
    Expected("an expression");
    return Bad();
  }
  switch (token_.kind) {
    case TokenKind::kMinus:
      return ParseNegation(min);
    case TokenKind::kNot:
      return ParseNot(min);
    case TokenKind::kAwait:
      return ParseAwait(min);
    default: {
      Expr* primary = ParsePrimary();
      return failed() ? primary : ParsePostfix(primary);
    }
  }
}

Expr* Parser::ParseNegation(Level min) {
  const uint32_t begin = token_.span.begin;
  const Span op_span = token_.span;
  if (min > Level::kUnary) {
    Complain(op_span, "a minus here needs parentheses", "write `(-x)`");
  }
  Advance();
  const bool is_literal = token_.kind == TokenKind::kInt || token_.kind == TokenKind::kFloat;
  Expr* operand = ParseBinary(Level::kUnary);
  if (failed()) return operand;
  if (At(TokenKind::kPower)) {
    Complain({begin, token_.span.end}, "a minus before `**` needs parentheses",
             "write `(-x) ** y` or `-(x ** y)`");
  }
  // The minus of a literal belongs to it, so that it is one constant.
  if (auto* number = If<IntExpr>(operand); number != nullptr && is_literal) {
    number->is_negative = true;
    number->span.begin = begin;
    return number;
  }
  if (auto* number = If<FloatExpr>(operand); number != nullptr && is_literal) {
    number->value = -number->value;
    number->span.begin = begin;
    return number;
  }
  auto* unary = New<UnaryExpr>(begin);
  unary->op = UnaryOp::kNegate;
  unary->operand = operand;
  return unary;
}

Expr* Parser::ParseNot(Level min) {
  const uint32_t begin = token_.span.begin;
  if (min > Level::kNot) {
    Complain(token_.span, "`not` here needs parentheses", "write `(not x)`");
  }
  Advance();
  Expr* operand = ParseBinary(Level::kNot);
  auto* unary = New<UnaryExpr>(begin);
  unary->op = UnaryOp::kNot;
  unary->operand = operand;
  return unary;
}

void Parser::CheckAwaited(const Expr& message) {
  const auto* binary = If<BinaryExpr>(&message);
  if (binary == nullptr || binary->parens || binary->op > BinaryOp::kGreaterEqual) return;
  const std::string op(source_.Text(binary->op_span));
  Complain(binary->op_span, absl::StrCat("`", op, "` in an awaited message needs parentheses"),
           absl::StrCat("write `(await c <- m) ", op,
                        " x` to look at the reply, or `await c <- (m ", op, " x)` to send"));
}

Expr* Parser::ParseAwait(Level min) {
  const uint32_t begin = token_.span.begin;
  Advance();
  Expr* promise = ParseBinary(Level::kCall);
  if (failed()) return promise;
  if (At(TokenKind::kSend)) {
    if (min > Level::kSend) {
      Complain(token_.span, "an awaited send beside an operator needs parentheses",
               "write `(await c <- m)` around the send and its await");
    }
    promise = ParseSend(promise);
    Grow();
    if (failed()) return promise;
    CheckAwaited(*As<SendExpr>(*promise).message);
  }
  auto* await = New<AwaitExpr>(begin);
  await->promise = promise;
  if (AtWord("within")) {
    Advance();
    await->within_ms = ParseBinary(Level::kOr);
    if (!failed() && !AtWord("of")) {
      Expected("`of` and a timer", "write `await p within 500 of timer`");
    }
    if (failed()) return await;
    Advance();
    await->timer = ParseBinary(Level::kCall);
    if (failed()) return await;
  }
  if (At(TokenKind::kElse)) await->handlers = ParseHandlers("await");
  Grow();
  await->span = From(begin);
  return await;
}

// ---------------------------------------------------------------------------
// Call, index, field

Expr* Parser::ParsePostfix(Expr* left) {
  while (!failed() && !AtLineEnd()) {
    Expr* next = nullptr;
    // Even where newlines do not count, a bracket on a new line begins anew:
    // it would turn two elements of a list into a call.
    if (token_.kind == TokenKind::kParenOpen && !token_.newline_before) {
      next = ParseCall(left);
    } else if (token_.kind == TokenKind::kBracketOpen && !token_.newline_before) {
      next = ParseIndex(left);
    } else if (token_.kind == TokenKind::kDot) {
      next = ParseField(left);
    } else {
      break;
    }
    left = next;
    Grow();
  }
  return left;
}

std::span<Expr*> Parser::ParseArguments() {
  std::vector<Expr*> args;
  const Span open = token_.span;
  Mode mode(*this, /*newlines_count=*/false, /*is_head=*/false);
  Advance();
  while (!AtEndOf(TokenKind::kParenClose)) {
    if (At(TokenKind::kSpread)) {
      Error(token_.span, "arguments cannot be spread", "pass the list itself");
      break;
    }
    args.push_back(ParseExpr());
    if (failed() || !Take(TokenKind::kComma)) break;
  }
  if (!failed()) Close(TokenKind::kParenClose, open);
  return ast_.arena.Copy(args);
}

Expr* Parser::ParseCall(Expr* callee) {
  if (callee->kind == ExprKind::kSymbol && !callee->parens) {
    const std::string symbol(source_.Text(callee->span));
    Complain(token_.span, "a tag and its `(` stand together",
             absl::StrCat("write `", symbol, "(..)`"));
  }
  const std::span<Expr*> args = ParseArguments();
  auto* call = New<CallExpr>(callee->span.begin);
  call->callee = callee;
  call->args = args;
  return call;
}

Expr* Parser::ParseIndex(Expr* object) {
  const Span open = token_.span;
  Mode mode(*this, /*newlines_count=*/false, /*is_head=*/false);
  Advance();
  Expr* index = ParseExpr();
  if (!failed()) Close(TokenKind::kBracketClose, open);
  auto* node = New<IndexExpr>(object->span.begin);
  node->object = object;
  node->index = index;
  return node;
}

Expr* Parser::ParseField(Expr* object) {
  Advance();
  if (!AtAnyName()) {
    Expected("a name after `.`", At(TokenKind::kInt) ? "an element of a list is `xs[0]`" : "");
    return object;
  }
  auto* field = ast_.arena.New<FieldExpr>();
  field->object = object;
  field->name = TextOf(token_);
  field->name_span = token_.span;
  Advance();
  field->span = From(object->span.begin);
  return field;
}

}  // namespace vesicle
