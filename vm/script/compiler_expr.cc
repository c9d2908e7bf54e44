// Expressions that compute, and calls.
#include <algorithm>
#include <vector>

#include "vm/script/compiler_internal.h"
#include "vm/value/bytes.h"
#include "vm/value/number.h"
#include "vm/value/number_text.h"

namespace vesicle::compiler_internal {
namespace {

bool IsVariable(const Expr& e) {
  const auto* name = If<NameExpr>(&e);
  return name != nullptr && name->ref.kind == RefKind::kLocal && name->ref.binding->is_var;
}

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

bool IsSimple(const Expr& e) {
  switch (e.kind) {
    case ExprKind::kNil:
    case ExprKind::kBool:
    case ExprKind::kInt:
    case ExprKind::kFloat:
    case ExprKind::kText:
    case ExprKind::kBytes:
    case ExprKind::kSymbol:
    case ExprKind::kName:
    case ExprKind::kSelf:
    case ExprKind::kFunction:
    case ExprKind::kBehavior:
      return true;
    case ExprKind::kField:
      return IsSimple(*As<FieldExpr>(e).object);
    case ExprKind::kUnary:
      return IsSimple(*As<UnaryExpr>(e).operand);
    case ExprKind::kBinary:
      return IsSimple(*As<BinaryExpr>(e).left) && IsSimple(*As<BinaryExpr>(e).right);
    case ExprKind::kCall: {
      const auto& call = As<CallExpr>(e);
      return IsSimple(*call.callee) && std::all_of(call.args.begin(), call.args.end(),
                                                   [](const Expr* arg) { return IsSimple(*arg); });
    }
    case ExprKind::kTagged: {
      const auto& tagged = As<TaggedExpr>(e);
      return std::all_of(tagged.args.begin(), tagged.args.end(),
                         [](const Expr* arg) { return IsSimple(*arg); });
    }
    default:
      return false;
  }
}

std::optional<int64_t> SmallLiteral(const Expr& e) {
  const auto* literal = If<IntExpr>(&e);
  if (literal == nullptr || literal->base != 10 || literal->digits.size() > 5) return std::nullopt;
  int64_t n = 0;
  for (char c : literal->digits) n = n * 10 + (c - '0');
  return literal->is_negative ? -n : n;
}

std::optional<Value> UnitCompiler::LiteralValue(const Expr& e) {
  switch (e.kind) {
    case ExprKind::kNil:
      return Value::Nil();
    case ExprKind::kBool:
      return Value::Bool(As<BoolExpr>(e).value);
    case ExprKind::kInt: {
      const auto& literal = As<IntExpr>(e);
      if (auto small = SmallLiteral(e)) return Value::SmallInt(*small);
      std::string digits(literal.is_negative ? "-" : "");
      digits += literal.digits;
      const Result n = ParseInt(heap_, digits, literal.base);
      if (n.ok()) return n.value();
      LimitError("this integer is too big: at most " + std::to_string(kIntBitsMax) + " bits", "");
      return Value::Nil();
    }
    case ExprKind::kFloat:
      return MakeFloat(heap_, As<FloatExpr>(e).value);
    case ExprKind::kText:
      return TextValue(As<TextExpr>(e).value);
    case ExprKind::kBytes: {
      const Result bytes = MakeBytes(heap_, As<BytesExpr>(e).value);
      if (bytes.ok()) return bytes.value();
      LimitError("there is no memory for these bytes", "");
      return Value::Nil();
    }
    case ExprKind::kSymbol:
      return SymbolValue(As<SymbolExpr>(e).name);
    default:
      return std::nullopt;
  }
}

void UnitCompiler::LoadLiteral(Value value, uint32_t reg) {
  if (value.is_int() && value.small_int() >= INT16_MIN && value.small_int() <= INT16_MAX) {
    EmitX(Op::kLoadInt, reg, static_cast<uint16_t>(value.small_int()));
  } else if (value.tag() == Tag::kConstant && value.bits() <= UINT16_MAX) {
    EmitX(Op::kLoadWord, reg, static_cast<uint32_t>(value.bits()));
  } else {
    EmitX(Op::kLoadConstant, reg, ConstantValue(value));
  }
}

// ---------------------------------------------------------------------------

void UnitCompiler::Gen(const Expr& e, Dest d) {
  if (failed_) return;
  At at(*this, e.span);
  const uint32_t mark = next_;
  GenKind(e, d);
  const bool declares =
      e.kind == ExprKind::kLet || e.kind == ExprKind::kVar || e.kind == ExprKind::kLocalFunction;
  if (!declares) next_ = mark;
}

void UnitCompiler::GenKind(const Expr& e, Dest d) {
  if (auto literal = LiteralValue(e)) {
    if (d.kind == Dest::Kind::kNone) return;
    const uint32_t reg = TargetOf(d);
    LoadLiteral(*literal, reg);
    return Settle(reg, d);
  }
  switch (e.kind) {
    case ExprKind::kInterpolation:
      return GenInterpolation(As<InterpolationExpr>(e), d);
    case ExprKind::kTagged:
      return GenTagged(As<TaggedExpr>(e), d);
    case ExprKind::kList:
      return GenList(As<ListExpr>(e), d);
    case ExprKind::kMap:
      return GenMap(As<MapExpr>(e), d);
    case ExprKind::kComprehension:
      return GenComprehension(As<ComprehensionExpr>(e), d);
    case ExprKind::kFunction:
      return GenHolder(Op::kMakeFunction, *As<FunctionExpr>(e).unit, {}, d);
    case ExprKind::kBehavior:
      return GenHolder(Op::kMakeBehavior, *As<BehaviorExpr>(e).unit, {}, d);
    case ExprKind::kName:
      return GenName(As<NameExpr>(e), d);
    case ExprKind::kField: {
      const auto& field = As<FieldExpr>(e);
      const uint32_t scratch = ScratchOf(d);
      const uint32_t object = AnyIn(*field.object, scratch);
      const uint32_t reg = d.kind == Dest::Kind::kRegister ? d.reg : scratch;
      Emit(Op::kField, reg, object);
      Put(ConstantValue(TextValue(field.name)));
      return Settle(reg, d);
    }
    case ExprKind::kIndex: {
      const auto& index = As<IndexExpr>(e);
      const uint32_t scratch = ScratchOf(d);
      const auto [object, at] = AnyTwo(*index.object, *index.index, scratch);
      const uint32_t reg = d.kind == Dest::Kind::kRegister ? d.reg : scratch;
      Emit(Op::kIndex, reg, object, at);
      return Settle(reg, d);
    }
    case ExprKind::kCall:
      return GenCall(As<CallExpr>(e), d);
    case ExprKind::kUnary:
      return GenUnary(As<UnaryExpr>(e), d);
    case ExprKind::kBinary:
      return GenBinary(As<BinaryExpr>(e), d);
    case ExprKind::kBlock:
      return GenBlock(As<BlockExpr>(e), d);
    case ExprKind::kIf:
      return GenIf(As<IfExpr>(e), d);
    case ExprKind::kMatch:
      return GenMatch(As<MatchExpr>(e), d);
    case ExprKind::kWhile:
      GenWhile(As<WhileExpr>(e));
      return SettleNil(d);
    case ExprKind::kFor: {
      const auto& loop = As<ForExpr>(e);
      GenForLoop(*loop.pattern, *loop.list, [&] { Gen(*loop.body, Dest::None()); });
      return SettleNil(d);
    }
    case ExprKind::kTry:
      return GenTry(As<TryExpr>(e), d);
    case ExprKind::kLet:
      GenLet(As<LetExpr>(e));
      return SettleNil(d);
    case ExprKind::kVar: {
      const auto& var = As<VarExpr>(e);
      const uint32_t reg = Reg();
      Gen(*var.value, Dest::To(reg));
      var.binding->slot = reg;
      return SettleNil(d);
    }
    case ExprKind::kAssign:
      GenAssign(As<AssignExpr>(e));
      return SettleNil(d);
    case ExprKind::kLocalFunction: {
      const auto& function = As<LocalFunctionExpr>(e);
      const uint32_t reg = Reg();
      GenHolder(Op::kMakeFunction, *function.unit, {}, Dest::To(reg));
      next_ = reg + 1;
      function.binding->slot = reg;
      return SettleNil(d);
    }
    case ExprKind::kSelf: {
      if (d.kind == Dest::Kind::kNone) return;
      const uint32_t reg = TargetOf(d);
      Emit(Op::kLoadSelf, reg);
      return Settle(reg, d);
    }
    case ExprKind::kSend:
      return GenSend(As<SendExpr>(e), d);
    case ExprKind::kCreate:
      return GenCreate(As<CreateExpr>(e), d);
    case ExprKind::kActor:
      return GenHolder(Op::kCreateKnown, *As<ActorExpr>(e).unit, {}, d);
    case ExprKind::kBecome:
      return GenBecome(As<BecomeExpr>(e), d);
    case ExprKind::kBecomeWith:
      return GenBecomeWith(As<BecomeWithExpr>(e), d);
    case ExprKind::kWhen:
      return GenWhen(As<WhenExpr>(e), d);
    case ExprKind::kTask:
      return GenTask(As<TaskExpr>(e), d);
    case ExprKind::kAwait:
      return GenAwait(As<AwaitExpr>(e), d);
    case ExprKind::kFail: {
      const uint32_t reason = Any(*As<FailExpr>(e).reason);
      return Emit(Op::kFail, reason);
    }
    case ExprKind::kExpect:
      GenExpect(As<ExpectExpr>(e));
      return SettleNil(d);
    default:
      return SettleNil(d);  // kError: not in a tree without errors
  }
}

uint32_t UnitCompiler::Any(const Expr& e) {
  if (const auto* name = If<NameExpr>(&e)) {
    if (name->ref.kind == RefKind::kLocal) return name->ref.binding->slot;
  }
  const uint32_t reg = Reg();
  Gen(e, Dest::To(reg));
  return reg;
}

uint32_t UnitCompiler::AnyIn(const Expr& e, uint32_t scratch) {
  if (const auto* name = If<NameExpr>(&e)) {
    if (name->ref.kind == RefKind::kLocal) return name->ref.binding->slot;
  }
  Gen(e, Dest::To(scratch));
  return scratch;
}

std::pair<uint32_t, uint32_t> UnitCompiler::AnyTwo(const Expr& first, const Expr& second,
                                                   uint32_t scratch) {
  uint32_t a = AnyIn(first, scratch);
  if (IsVariable(first) && !IsSimple(second)) {
    Emit(Op::kMove, scratch, a);
    a = scratch;
  }
  const uint32_t b = Any(second);
  return {a, b};
}

uint32_t UnitCompiler::AnyStable(const Expr& e) {
  if (!IsVariable(e)) return Any(e);
  const uint32_t reg = Reg();
  Gen(e, Dest::To(reg));
  return reg;
}

void UnitCompiler::GenName(const NameExpr& e, Dest d) {
  if (d.kind == Dest::Kind::kNone) return;
  if (e.ref.kind == RefKind::kLocal) return Settle(e.ref.binding->slot, d);
  const uint32_t reg = TargetOf(d);
  const Ref& ref = e.ref;
  using Kind = ConstantDraft::Kind;
  const auto load = [&](Kind kind) {
    EmitX(Op::kLoadConstant, reg,
          Constant({.kind = kind,
                    .unit = ref.kind == RefKind::kItem ? ref.item->unit : nullptr,
                    .item = ref.kind == RefKind::kImported ? ref.item : nullptr,
                    .member = ref.kind == RefKind::kImported ? ref.member : std::string_view(),
                    .id = ref.kind == RefKind::kBuiltin ? ref.index : 0}));
  };
  switch (ref.kind) {
    case RefKind::kCapture:
      EmitX(Op::kLoadCapture, reg, ref.index);
      break;
    case RefKind::kSelf:
      Emit(Op::kLoadHolder, reg);
      break;
    case RefKind::kItem:
      if (ref.declared == Declared::kFunction) {
        load(Kind::kFunction);
      } else if (ref.declared == Declared::kBehavior) {
        load(Kind::kBehavior);
      } else {
        EmitX(Op::kLoadItem, reg, Constant({.kind = Kind::kTable}));
        Put(ref.item->index);
      }
      break;
    case RefKind::kImported:
      if (ref.declared == Declared::kFunction) {
        load(Kind::kImportedFunction);
      } else if (ref.declared == Declared::kBehavior) {
        load(Kind::kImportedBehavior);
      } else {
        load(Kind::kImportedValue);
      }
      break;
    case RefKind::kBuiltin:
      load(ref.declared == Declared::kFunction ? Kind::kBuiltinFunction : Kind::kBuiltinValue);
      break;
    default:
      break;
  }
  Settle(reg, d);
}

// ---------------------------------------------------------------------------
// Operators, calls, assignment

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
    const uint32_t scratch = ScratchOf(d);
    const uint32_t left = AnyIn(*e.left, scratch);
    const uint32_t reg = d.kind == Dest::Kind::kRegister ? d.reg : scratch;
    Emit(e.op == BinaryOp::kAdd ? Op::kAddInt : Op::kSubtractInt, reg, left,
         static_cast<uint8_t>(*small));
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
  if (!d.is_last()) Settle(base, d);
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
