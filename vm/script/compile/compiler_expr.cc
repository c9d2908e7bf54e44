// Expressions that compute, and calls.
#include <algorithm>
#include <vector>

#include "vm/script/compile/compiler_internal.h"
#include "vm/value/bytes.h"
#include "vm/value/number.h"
#include "vm/value/number_text.h"

namespace vesicle::compiler_internal {
namespace {

bool IsVariable(const Expr& e) {
  const auto* name = If<NameExpr>(&e);
  return name != nullptr && name->ref.kind == RefKind::kLocal && name->ref.binding->is_var;
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

}  // namespace vesicle::compiler_internal
