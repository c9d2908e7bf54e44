// Conditions, loops, blocks, `match`, `try`, `let`.
#include "vm/script/compile/compiler_internal.h"

namespace vesicle::compiler_internal {
namespace {

bool IsComparison(const Expr& e) {
  const auto* binary = If<BinaryExpr>(&e);
  return binary != nullptr && binary->op >= BinaryOp::kEqual &&
         binary->op <= BinaryOp::kGreaterEqual;
}

// The comparison with its sides exchanged.
BinaryOp Mirror(BinaryOp op) {
  switch (op) {
    case BinaryOp::kLess:
      return BinaryOp::kGreater;
    case BinaryOp::kLessEqual:
      return BinaryOp::kGreaterEqual;
    case BinaryOp::kGreater:
      return BinaryOp::kLess;
    case BinaryOp::kGreaterEqual:
      return BinaryOp::kLessEqual;
    default:
      return op;
  }
}

std::optional<int64_t> ByteLiteral(const Expr& e) {
  const std::optional<int64_t> small = SmallLiteral(e);
  if (small && *small >= INT8_MIN && *small <= INT8_MAX) return small;
  return std::nullopt;
}

// Of a register or a capture and an integer: jumps when it is not so, and when it is.
struct IntJumps {
  Op of_register[2];
  Op of_capture[2];
};
constexpr IntJumps kIntJumps[] = {
    {{Op::kJumpNotEqualInt, Op::kJumpEqualInt},
     {Op::kJumpCaptureNotEqualInt, Op::kJumpCaptureEqualInt}},
    {{Op::kJumpEqualInt, Op::kJumpNotEqualInt},
     {Op::kJumpCaptureEqualInt, Op::kJumpCaptureNotEqualInt}},
    {{Op::kJumpNotLessInt, Op::kJumpLessInt},
     {Op::kJumpCaptureNotLessInt, Op::kJumpCaptureLessInt}},
    {{Op::kJumpNotLessEqInt, Op::kJumpLessEqInt},
     {Op::kJumpCaptureNotLessEqInt, Op::kJumpCaptureLessEqInt}},
    {{Op::kJumpNotMoreInt, Op::kJumpMoreInt},
     {Op::kJumpCaptureNotMoreInt, Op::kJumpCaptureMoreInt}},
    {{Op::kJumpNotMoreEqInt, Op::kJumpMoreEqInt},
     {Op::kJumpCaptureNotMoreEqInt, Op::kJumpCaptureMoreEqInt}},
};
static_assert(static_cast<int>(BinaryOp::kGreaterEqual) - static_cast<int>(BinaryOp::kEqual) == 5);

const IntJumps& IntJumpsOf(BinaryOp comparison) {
  return kIntJumps[static_cast<int>(comparison) - static_cast<int>(BinaryOp::kEqual)];
}

Op RegisterJump(BinaryOp op, bool wanted) {
  switch (op) {
    case BinaryOp::kEqual:
      return wanted ? Op::kJumpEqual : Op::kJumpNotEqual;
    case BinaryOp::kNotEqual:
      return wanted ? Op::kJumpNotEqual : Op::kJumpEqual;
    case BinaryOp::kLess:
    case BinaryOp::kGreater:
      return wanted ? Op::kJumpLess : Op::kJumpNotLess;
    default:
      return wanted ? Op::kJumpLessEq : Op::kJumpNotLessEq;
  }
}

}  // namespace

void UnitCompiler::JumpCompare(const BinaryExpr& e, bool wanted, Label& to) {
  At at(*this, e.span);
  const auto jump_int = [&](const Expr& side, BinaryOp op, int64_t n) {
    if (const auto capture = CaptureOf(side)) {
      Emit(IntJumpsOf(op).of_capture[wanted], *capture, static_cast<uint8_t>(n));
    } else {
      const uint32_t reg = Any(side);
      Emit(IntJumpsOf(op).of_register[wanted], reg, static_cast<uint8_t>(n));
    }
  };
  if (auto n = ByteLiteral(*e.right)) {
    jump_int(*e.left, e.op, *n);
  } else if (auto m = ByteLiteral(*e.left)) {
    jump_int(*e.right, Mirror(e.op), *m);
  } else {
    auto [left, right] = AnyTwo(*e.left, *e.right);
    if (e.op == BinaryOp::kGreater || e.op == BinaryOp::kGreaterEqual) std::swap(left, right);
    Emit(RegisterJump(e.op, wanted), left, right);
  }
  EmitTarget(to);
}

void UnitCompiler::JumpIf(const Expr& e, bool wanted, Label& to, ConditionOf what) {
  if (failed_) return;
  const uint32_t mark = next_;
  const auto* binary = If<BinaryExpr>(&e);
  const auto* unary = If<UnaryExpr>(&e);
  if (IsComparison(e)) {
    JumpCompare(*binary, wanted, to);
  } else if (unary != nullptr && unary->op == UnaryOp::kNot) {
    JumpIf(*unary->operand, !wanted, to, ConditionOf::kNot);
  } else if (binary != nullptr && (binary->op == BinaryOp::kAnd || binary->op == BinaryOp::kOr)) {
    const bool is_and = binary->op == BinaryOp::kAnd;
    const ConditionOf side = is_and ? ConditionOf::kAnd : ConditionOf::kOr;
    // The left side alone decides: `and` when false, `or` when true.
    if (wanted == is_and) {
      Label skip;
      JumpIf(*binary->left, !is_and, skip, side);
      JumpIf(*binary->right, wanted, to, side);
      Bind(skip);
    } else {
      JumpIf(*binary->left, wanted, to, side);
      JumpIf(*binary->right, wanted, to, side);
    }
  } else {
    const uint32_t reg = Any(e);
    At at(*this, e.span);
    Emit(wanted ? Op::kJumpTrue : Op::kJumpFalse, reg, static_cast<uint32_t>(what));
    EmitTarget(to);
  }
  next_ = mark;
}

void UnitCompiler::EmitLoop(Op op, uint32_t a, uint32_t b, uint32_t body) {
  const uint32_t charge = LoopCharge(body);
  Emit(op, a, b, charge);
  Label back{.jumps = {}, .at = body};
  EmitTarget(back);
}

void UnitCompiler::LoopIf(const Expr& e, uint32_t body, Label& exit) {
  if (failed_) return;
  const auto* binary = If<BinaryExpr>(&e);
  if (binary != nullptr && binary->op == BinaryOp::kAnd) {
    JumpIf(*binary->left, false, exit, ConditionOf::kAnd);
    return LoopIf(*binary->right, body, exit);
  }
  const uint32_t mark = next_;
  At at(*this, e.span);
  const bool is_order = IsComparison(e) && binary->op >= BinaryOp::kLess;
  if (is_order) {
    const auto int_op = [](BinaryOp op) {
      return op == BinaryOp::kLess        ? Op::kLoopLessInt
             : op == BinaryOp::kLessEqual ? Op::kLoopLessEqInt
             : op == BinaryOp::kGreater   ? Op::kLoopMoreInt
                                          : Op::kLoopMoreEqInt;
    };
    if (auto n = ByteLiteral(*binary->right)) {
      const uint32_t reg = Any(*binary->left);
      EmitLoop(int_op(binary->op), reg, static_cast<uint8_t>(*n), body);
    } else if (auto m = ByteLiteral(*binary->left)) {
      const uint32_t reg = Any(*binary->right);
      EmitLoop(int_op(Mirror(binary->op)), reg, static_cast<uint8_t>(*m), body);
    } else {
      auto [left, right] = AnyTwo(*binary->left, *binary->right);
      const bool swaps = binary->op == BinaryOp::kGreater || binary->op == BinaryOp::kGreaterEqual;
      if (swaps) std::swap(left, right);
      const bool strict = binary->op == BinaryOp::kLess || binary->op == BinaryOp::kGreater;
      EmitLoop(strict ? Op::kLoopLess : Op::kLoopLessEq, left, right, body);
    }
  } else {
    const uint32_t reg = Any(e);
    EmitLoop(Op::kLoopTrue, reg, static_cast<uint32_t>(ConditionOf::kWhile), body);
  }
  next_ = mark;
}

// ---------------------------------------------------------------------------

void UnitCompiler::GenBlock(const BlockExpr& e, Dest d) {
  if (e.statements.empty()) return SettleNil(d);
  const uint32_t mark = next_;
  for (size_t i = 0; i + 1 < e.statements.size(); ++i) Gen(*e.statements[i], Dest::None());
  Gen(*e.statements.back(), d);
  next_ = mark;
}

void UnitCompiler::GenIf(const IfExpr& e, Dest d) {
  Label end;
  const bool wants_else = e.else_body != nullptr || d.kind != Dest::Kind::kNone;
  for (size_t i = 0; i < e.branches.size(); ++i) {
    Label next;
    JumpIf(*e.branches[i].condition, false, next, ConditionOf::kIf);
    Gen(*e.branches[i].body, d);
    const bool falls_to_end = i + 1 == e.branches.size() && !wants_else;
    if (!d.is_last() && !falls_to_end) EmitJump(end);
    Bind(next);
  }
  if (e.else_body != nullptr) {
    Gen(*e.else_body, d);
  } else {
    SettleNil(d);
  }
  Bind(end);
}

void UnitCompiler::GenMatch(const MatchExpr& e, Dest d) {
  const uint32_t subject = AnyStable(*e.subject);
  Label none;
  GenClauses(e.clauses, subject, d, none);
  Defer(std::move(none), subject, NoClauseOf::kMatch);
}

void UnitCompiler::GenWhile(const WhileExpr& e) {
  Label condition, exit;
  EmitJump(condition);
  const uint32_t body = pc();
  Gen(*e.body, Dest::None());
  Bind(condition);
  LoopIf(*e.condition, body, exit);
  Bind(exit);
}

void UnitCompiler::GenForLoop(const Pattern& pattern, const Expr& list,
                              absl::FunctionRef<void()> body) {
  const uint32_t mark = next_;
  const auto* range = If<BinaryExpr>(&list);
  const bool is_range = range != nullptr && range->op == BinaryOp::kRange;
  const uint32_t base = Reg();
  if (is_range) {
    Gen(*range->left, Dest::To(base));
    Gen(*range->right, Dest::To(Reg()));
  } else {
    Gen(list, Dest::To(base));
    Reg();  // the position
    Reg();  // the leaf
  }
  const uint32_t element = Reg();
  Label exit;
  {
    At at(*this, list.span);
    Emit(is_range ? Op::kRangeBegin : Op::kListBegin, base);
    EmitTarget(exit);
  }
  const uint32_t start = pc();
  {
    Label none;
    Match(pattern, element, none);
    At at(*this, pattern.span);
    Defer(std::move(none), element, NoClauseOf::kFor);
  }
  body();
  const uint32_t charge = LoopCharge(start);
  Emit(is_range ? Op::kRangeNext : Op::kListNext, base, 0, charge);
  Label back{.jumps = {}, .at = start};
  EmitTarget(back);
  Bind(exit);
  next_ = mark;
}

void UnitCompiler::GenComprehension(const ComprehensionExpr& e, Dest d) {
  const uint32_t list = BlockAt(d);
  Emit(Op::kMakeList, list, 0);
  GenForLoop(*e.pattern, *e.list, [&] {
    Label skip;
    if (e.condition != nullptr) JumpIf(*e.condition, false, skip, ConditionOf::kIf);
    const uint32_t element = Any(*e.body);
    Emit(Op::kListAppend, list, element);
    Bind(skip);
  });
  Settle(list, d);
}

void UnitCompiler::GenTry(const TryExpr& e, Dest d) {
  const uint32_t reason = Reg();
  const uint32_t value = TargetOf(d);
  Label handler, done, none;
  tries_.push_back(pc());
  Emit(Op::kTry, reason);
  EmitTarget(handler);
  Gen(*e.body, Dest::To(value));
  Emit(Op::kEndTry);
  Settle(value, d);
  if (!d.is_last()) EmitJump(done);
  Bind(handler);
  GenClauses(e.handlers, reason, d, none);
  if (!none.jumps.empty()) {
    if (!d.is_last()) EmitJump(done);
    Bind(none);
    Emit(Op::kReraise, reason);
  }
  Bind(done);
}

void UnitCompiler::GenLet(const LetExpr& e) {
  const Pattern* pattern = e.pattern;
  if (pattern->kind == PatternKind::kBind) {
    const uint32_t reg = Reg();
    Gen(*e.value, Dest::To(reg));
    As<BindPattern>(*pattern).binding->slot = reg;
    return;
  }
  const uint32_t subject = Reg();
  Gen(*e.value, Dest::To(subject));
  Label none;
  Match(*pattern, subject, none);
  At at(*this, pattern->span);
  Defer(std::move(none), subject, NoClauseOf::kLet);
}

}  // namespace vesicle::compiler_internal
