// Operators, calls and assignment.
#include <algorithm>
#include <vector>

#include "vm/script/compile/compiler_internal.h"

namespace vesicle::compiler_internal {
namespace {

bool IsArithmetic(BinaryOp op) { return op >= BinaryOp::kConcat; }

Op OpOf(BinaryOp op) {
  switch (op) {
    case BinaryOp::kEqual:
      return Op::kEqual;
    case BinaryOp::kNotEqual:
      return Op::kNotEqual;
    case BinaryOp::kLess:
    case BinaryOp::kGreater:
      return Op::kLess;
    case BinaryOp::kLessEqual:
    case BinaryOp::kGreaterEqual:
      return Op::kLessEq;
    case BinaryOp::kRange:
      return Op::kMakeRange;
    case BinaryOp::kConcat:
      return Op::kConcat;
    case BinaryOp::kAdd:
      return Op::kAdd;
    case BinaryOp::kSubtract:
      return Op::kSubtract;
    case BinaryOp::kMultiply:
      return Op::kMultiply;
    case BinaryOp::kDivide:
      return Op::kDivide;
    case BinaryOp::kRemainder:
      return Op::kRemainder;
    default:
      return Op::kPower;
  }
}

}  // namespace

void UnitCompiler::GenUnary(const UnaryExpr& e, Dest d) {
  const uint32_t scratch = ScratchOf(d);
  const uint32_t operand = AnyIn(*e.operand, scratch);
  const uint32_t reg = d.kind == Dest::Kind::kRegister ? d.reg : scratch;
  Emit(e.op == UnaryOp::kNot ? Op::kNot : Op::kNegate, reg, operand);
  Settle(reg, d);
}

void UnitCompiler::GenBinary(const BinaryExpr& e, Dest d) {
  if ((e.op == BinaryOp::kAnd || e.op == BinaryOp::kOr) && d.kind == Dest::Kind::kNone) {
    // A statement, `ready and (c <- m)`: the right side is done for what it does.
    Label end;
    const bool is_and = e.op == BinaryOp::kAnd;
    JumpIf(*e.left, !is_and, end, is_and ? ConditionOf::kAnd : ConditionOf::kOr);
    Gen(*e.right, Dest::None());
    Bind(end);
    return;
  }
  if (e.op == BinaryOp::kAnd || e.op == BinaryOp::kOr) {
    const uint32_t reg = TargetOf(d);
    Label no, end;
    JumpIf(e, false, no, ConditionOf::kIf);
    LoadLiteral(Value::True(), reg);
    EmitJump(end);
    Bind(no);
    LoadLiteral(Value::False(), reg);
    Bind(end);
    return Settle(reg, d);
  }
  const std::optional<int64_t> small = SmallLiteral(*e.right);
  if (small && *small >= INT8_MIN && *small <= INT8_MAX &&
      (e.op == BinaryOp::kAdd || e.op == BinaryOp::kSubtract)) {
    const bool adds = e.op == BinaryOp::kAdd;
    if (const auto capture = CaptureOf(*e.left)) {
      const uint32_t reg = TargetOf(d);
      Emit(adds ? Op::kAddCaptureInt : Op::kSubtractCaptureInt, reg, *capture,
           static_cast<uint8_t>(*small));
      return Settle(reg, d);
    }
    const uint32_t scratch = ScratchOf(d);
    const uint32_t left = AnyIn(*e.left, scratch);
    const uint32_t reg = d.kind == Dest::Kind::kRegister ? d.reg : scratch;
    Emit(adds ? Op::kAddInt : Op::kSubtractInt, reg, left, static_cast<uint8_t>(*small));
    return Settle(reg, d);
  }
  const uint32_t scratch = ScratchOf(d);
  auto [left, right] = AnyTwo(*e.left, *e.right, scratch);
  if (e.op == BinaryOp::kGreater || e.op == BinaryOp::kGreaterEqual) std::swap(left, right);
  const uint32_t reg = d.kind == Dest::Kind::kRegister ? d.reg : scratch;
  Emit(OpOf(e.op), reg, left, right);
  Settle(reg, d);
}

void UnitCompiler::GenCall(const CallExpr& e, Dest d) {
  const auto* name = If<NameExpr>(e.callee);
  const bool is_declared =
      name != nullptr &&
      (name->ref.kind == RefKind::kItem || name->ref.kind == RefKind::kImported ||
       name->ref.kind == RefKind::kBuiltin) &&
      name->ref.declared != Declared::kValue;
  if (is_declared && name->ref.kind == RefKind::kBuiltin && name->ref.index < kPreludeIdFirst) {
    const uint32_t base = BlockAt(d);
    for (size_t i = 0; i < e.args.size(); ++i) Gen(*e.args[i], Dest::To(i == 0 ? base : Reg()));
    Emit(Op::kCallBuiltin, base, static_cast<uint32_t>(e.args.size()));
    Put(name->ref.index);
    return Settle(base, d);
  }
  if (is_declared && name->ref.declared == Declared::kBehavior) {
    return GenKnownBehavior(Op::kMakeBehavior, name->ref, e.args, d);
  }
  if (e.args.size() > kParamsMax) {
    return LimitError("a call has at most " + std::to_string(kParamsMax) + " arguments", "");
  }
  const uint32_t base = BlockAt(d);
  if (!is_declared) Gen(*e.callee, Dest::To(base));
  for (const Expr* arg : e.args) Gen(*arg, Dest::To(Reg()));
  uint32_t count = static_cast<uint32_t>(e.args.size());
  if (!is_declared) {
    Emit(d.is_last() ? Op::kTailCall : Op::kCall, base, count);
  } else {
    if (name->ref.declared == Declared::kAct) {
      const uint32_t mode = Reg();
      ++count;
      if (d.is_last() && in_act()) {
        Emit(Op::kMove, mode, mode_);
      } else {
        const ActMode how = d.is_last()                       ? ActMode::kLast
                            : d.kind == Dest::Kind::kRegister ? ActMode::kValue
                                                              : ActMode::kUnused;
        LoadLiteral(Value::SmallInt(static_cast<int64_t>(how)), mode);
      }
    }
    const uint32_t code = CodeOf(name->ref);
    if (d.is_last()) {
      Emit(Op::kTailCallKnown, base, count);
      Put(code);
    } else {
      EmitX(Op::kCallKnown, base, code);
    }
  }
  if (d.is_last()) return;
  NoteCall();
  Settle(base, d);
}

void UnitCompiler::GenAssign(const AssignExpr& e) {
  const uint32_t to = e.target->ref.binding->slot;
  // Straight into the variable where its old value is read before the last instruction.
  const auto* binary = If<BinaryExpr>(e.value);
  const auto* list = If<ListExpr>(e.value);
  const bool is_one_instruction = (binary != nullptr && IsArithmetic(binary->op)) ||
                                  If<NameExpr>(e.value) != nullptr ||
                                  (list != nullptr && list->elements.size() == 2 &&
                                   !list->elements[0].is_spread && list->elements[1].is_spread) ||
                                  LiteralValue(*e.value).has_value();
  if (is_one_instruction) return Gen(*e.value, Dest::ToVariable(to));
  const uint32_t reg = Reg();
  Gen(*e.value, Dest::To(reg));
  Emit(Op::kMove, to, reg);
}

}  // namespace vesicle::compiler_internal
