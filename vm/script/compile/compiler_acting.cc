// Acting: the law of sending, in all places where a value can be wanted, not
// wanted, or be the reply.
#include <algorithm>
#include <vector>

#include "vm/script/compile/compiler_internal.h"

namespace vesicle::compiler_internal {
namespace {

constexpr uint32_t kNoRegister = 255;

}  // namespace

// Capture index of a use of a capture.
std::optional<uint32_t> CaptureOf(const Expr& e) {
  const auto* name = If<NameExpr>(&e);
  if (name != nullptr && name->ref.kind == RefKind::kCapture && name->ref.index < 256) {
    return name->ref.index;
  }
  return std::nullopt;
}

uint32_t UnitCompiler::SlotOf(Dest d) {
  const uint32_t slot = Reg();
  if (d.kind == Dest::Kind::kNone) {
    LoadLiteral(Value::Nil(), slot);
  } else if (!d.is_last()) {
    Emit(Op::kNewPromise, slot);
  } else if (in_act()) {
    Emit(Op::kSlotByMode, slot, mode_);
  } else {
    Emit(Op::kLoadSlot, slot);
  }
  return slot;
}

void UnitCompiler::SettleSlot(uint32_t slot, Dest d) {
  if (!d.is_last()) return Settle(slot, d);
  if (in_act()) {
    Emit(Op::kEndIfLast, mode_);
    EmitReturn(slot);
  } else {
    Emit(Op::kEnd);
  }
}

void UnitCompiler::GenSend(const SendExpr& e, Dest d) {
  const bool is_last_here = d.is_last() && !in_act();
  if (auto capture = CaptureOf(*e.target);
      capture && d.kind != Dest::Kind::kRegister && (is_last_here || !d.is_last())) {
    const auto* name = If<NameExpr>(e.message);
    const bool is_message = unit_.kind == UnitKind::kBehavior && name != nullptr &&
                            name->ref.kind == RefKind::kLocal && name->ref.binding->slot == 0;
    if (is_last_here && is_message) return Emit(Op::kForwardLast, *capture);
    const uint32_t message = Any(*e.message);
    return Emit(is_last_here ? Op::kSendCaptureLast : Op::kSendCapture, *capture, message);
  }
  if (e.target->kind == ExprKind::kSelf && d.kind != Dest::Kind::kRegister &&
      (is_last_here || !d.is_last())) {
    return Emit(is_last_here ? Op::kSendSelfLast : Op::kSendSelf, Any(*e.message));
  }
  const auto [target, message] = AnyTwo(*e.target, *e.message);
  if (d.kind == Dest::Kind::kNone) return Emit(Op::kSend, target, message);
  if (d.kind == Dest::Kind::kRegister) return Emit(Op::kSendAsk, d.reg, target, message);
  if (!in_act()) return Emit(Op::kSendLast, target, message);
  const uint32_t slot = SlotOf(d);
  Emit(Op::kSendSlot, target, message, slot);
  SettleSlot(slot, d);
}

// `become` of the behavior that runs, at the end of its turn: only what changes is written.
bool UnitCompiler::GenIfSame(const Expr& behavior) {
  const auto* call = If<CallExpr>(&behavior);
  const auto* name = call != nullptr ? If<NameExpr>(call->callee) : nullptr;
  if (name == nullptr || name->ref.kind != RefKind::kItem || name->ref.item->unit != &unit_ ||
      call->args.size() > kCapturesInSet) {
    return false;
  }
  const uint32_t base = next_;
  uint32_t changed = 0;
  for (uint32_t i = 0; i < call->args.size(); ++i) {
    if (CaptureOf(*call->args[i]) == i) continue;
    Gen(*call->args[i], Dest::To(Reg()));
    changed |= uint32_t{1} << i;
    if (failed_) return true;
  }
  EmitBecomeWith(base, changed);
  return true;
}

void UnitCompiler::EmitBecomeWith(uint32_t base, uint32_t changed) {
  Emit(Op::kBecomeWithLast, base);
  Put(changed);
}

bool UnitCompiler::GenIfKnown(Op op, const Expr& behavior, Dest d) {
  if (const auto* literal = If<BehaviorExpr>(&behavior)) {
    GenHolder(op, *literal->unit, {}, d);
    return true;
  }
  const Expr* callee = &behavior;
  std::span<Expr* const> args;
  if (const auto* call = If<CallExpr>(callee)) {
    callee = call->callee;
    args = call->args;
  }
  const auto* name = If<NameExpr>(callee);
  const bool is_known =
      name != nullptr && name->ref.declared == Declared::kBehavior &&
      (name->ref.kind == RefKind::kItem || name->ref.kind == RefKind::kImported ||
       (name->ref.kind == RefKind::kBuiltin && name->ref.index >= kPreludeIdFirst));
  if (is_known) GenKnownBehavior(op, name->ref, args, d);
  return is_known;
}

void UnitCompiler::GenCreate(const CreateExpr& e, Dest d) {
  if (GenIfKnown(Op::kCreateKnown, *e.behavior, d)) return;
  const uint32_t from = Any(*e.behavior);
  const uint32_t reg = TargetOf(d);
  Emit(Op::kCreate, reg, from);
  Settle(reg, d);
}

void UnitCompiler::GenBecome(const BecomeExpr& e, Dest d) {
  if (ends_turn(d) && GenIfSame(*e.behavior)) return;
  if (ends_turn(d) && GenIfKnown(Op::kBecomeLast, *e.behavior, Dest::None())) return;
  const uint32_t behavior = Any(*e.behavior);
  Emit(Op::kBecome, behavior);
  SettleNil(d);
}

void UnitCompiler::GenBecomeWith(const BecomeWithExpr& e, Dest d) {
  // Values in the order in which they are written, then the captures in theirs: all of them, or
  // where that does, what changes.
  const bool writes_changes = ends_turn(d) && unit_.captures.size() <= kCapturesInSet;
  std::vector<uint32_t> values;
  for (const BecomeField& field : e.fields) values.push_back(AnyStable(*field.value));
  const uint32_t base = next_;
  uint32_t changed = 0;
  for (uint32_t i = 0; i < unit_.captures.size(); ++i) {
    const auto field = std::find_if(e.fields.begin(), e.fields.end(),
                                    [i](const BecomeField& f) { return f.capture == i; });
    if (field != e.fields.end()) {
      Emit(Op::kMove, Reg(), values[static_cast<size_t>(field - e.fields.begin())]);
      if (writes_changes) changed |= uint32_t{1} << i;
    } else if (!writes_changes) {
      EmitX(Op::kLoadCapture, Reg(), i);
    }
    if (failed_) return;
  }
  if (writes_changes) return EmitBecomeWith(base, changed);
  if (ends_turn(d)) return EmitX(Op::kBecomeLast, base, CodeOf(unit_));
  EmitX(Op::kMakeBehavior, base, CodeOf(unit_));
  Emit(Op::kBecome, base);
  SettleNil(d);
}

void UnitCompiler::GenWhen(const WhenExpr& e, Dest d) {
  const uint32_t promise = Any(*e.promise);
  const uint32_t closure = Reg();
  GenHolder(Op::kMakeFunction, *e.unit, {}, Dest::To(closure));
  next_ = closure + 1;
  const uint32_t slot = SlotOf(d);
  Emit(Op::kWhen, closure, promise, slot);
  SettleSlot(slot, d);
}

void UnitCompiler::GenTask(const TaskExpr& e, Dest d) {
  const uint32_t closure = Reg();
  GenHolder(Op::kMakeFunction, *e.unit, {}, Dest::To(closure));
  next_ = closure + 1;
  const uint32_t slot = SlotOf(d);
  Emit(Op::kTask, closure, slot);
  SettleSlot(slot, d);
}

void UnitCompiler::GenAwait(const AwaitExpr& e, Dest d) {
  const uint32_t promise = Any(*e.promise);
  uint32_t timer = kNoRegister;
  if (e.timer != nullptr) {
    // #after(ms), asked of the timer.
    const auto [ms, device] = AnyTwo(*e.within_ms, *e.timer);
    const uint32_t message = Reg();
    Emit(Op::kMove, message, ms);
    Emit(Op::kMakeTagged, message, 1);
    Put(ConstantValue(SymbolValue("after")));
    timer = Reg();
    Emit(Op::kSendAsk, timer, device, message);
  }
  const uint32_t result = Reg();
  Emit(Op::kAwait, result, promise, timer);
  if (e.handlers.empty()) {
    Put(0);
    return Settle(result, d);
  }
  Label handler, done, none;
  EmitTarget(handler);
  Settle(result, d);
  if (!d.is_last()) EmitJump(done);
  Bind(handler);
  GenClauses(e.handlers, result, d, none);
  if (!none.jumps.empty()) {
    if (!d.is_last()) EmitJump(done);
    Bind(none);
    Emit(Op::kReraise, result);
  }
  Bind(done);
}

void UnitCompiler::GenExpect(const ExpectExpr& e) {
  const auto* binary = If<BinaryExpr>(e.condition);
  // The span leaves out parentheses that open before it.
  Span span = e.condition->span;
  std::string_view text = source_.Text(span);
  ptrdiff_t open =
      std::count(text.begin(), text.end(), ')') - std::count(text.begin(), text.end(), '(');
  for (const uint32_t end = span.end; open > 0 && span.begin > 0; --open) {
    while (span.begin > 0 && source_.text()[span.begin - 1] != '(') --span.begin;
    if (span.begin > 0) --span.begin;
    text = source_.Text({span.begin, end});
  }
  constexpr size_t kTextBytesMaxShown = 200;
  std::string shown(text.substr(0, kTextBytesMaxShown));
  if (text.size() > kTextBytesMaxShown) shown = Printable(shown) + "...";
  Label good;
  if (binary != nullptr && binary->op >= BinaryOp::kEqual &&
      binary->op <= BinaryOp::kGreaterEqual) {
    auto [left, right] = AnyTwo(*binary->left, *binary->right);
    uint32_t a = left;
    uint32_t b = right;
    if (binary->op == BinaryOp::kGreater || binary->op == BinaryOp::kGreaterEqual) std::swap(a, b);
    Op op = Op::kJumpLessEq;
    if (binary->op == BinaryOp::kEqual) op = Op::kJumpEqual;
    if (binary->op == BinaryOp::kNotEqual) op = Op::kJumpNotEqual;
    if (binary->op == BinaryOp::kLess || binary->op == BinaryOp::kGreater) op = Op::kJumpLess;
    Emit(op, a, b);
    EmitTarget(good);
    Emit(Op::kFailExpect, left, right, 1);
  } else {
    const uint32_t condition = Any(*e.condition);
    Emit(Op::kJumpTrue, condition, static_cast<uint32_t>(ConditionOf::kExpect));
    EmitTarget(good);
    Emit(Op::kFailExpect, condition, condition, 0);
  }
  Put(ConstantValue(TextValue(shown)));
  Bind(good);
}

}  // namespace vesicle::compiler_internal
