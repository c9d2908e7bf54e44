#include <string>

#include "absl/strings/str_cat.h"
#include "vm/script/compile/resolver_internal.h"

namespace vesicle {
namespace {

// Whether a value of this kind, looked at by nobody, was made for nothing. Not
// asked for what passes its use on.
bool IsPure(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kBool:
    case ExprKind::kInt:
    case ExprKind::kFloat:
    case ExprKind::kText:
    case ExprKind::kBytes:
    case ExprKind::kSymbol:
    case ExprKind::kInterpolation:
    case ExprKind::kTagged:
    case ExprKind::kList:
    case ExprKind::kMap:
    case ExprKind::kComprehension:
    case ExprKind::kFunction:
    case ExprKind::kBehavior:
    case ExprKind::kName:
    case ExprKind::kField:
    case ExprKind::kIndex:
    case ExprKind::kUnary:
    case ExprKind::kBinary:
    case ExprKind::kSelf:
      return true;
    case ExprKind::kCall: {
      const auto* callee = If<NameExpr>(As<CallExpr>(expr).callee);
      if (callee == nullptr) return true;
      return callee->ref.kind != RefKind::kUnresolved && callee->ref.declared != Declared::kAct;
    }
    default:
      return false;
  }
}

std::string HintForUnused(const Expr& expr, UnitKind unit) {
  if (const auto* binary = If<BinaryExpr>(&expr)) {
    if (unit == UnitKind::kTest && binary->op >= BinaryOp::kEqual &&
        binary->op <= BinaryOp::kGreaterEqual) {
      return "to check it, write `expect` before it";
    }
    if (binary->op == BinaryOp::kEqual) return "`=` assigns to a `var`; `==` compares";
    if (binary->op == BinaryOp::kLess) return "to send, write `a <- m`";
  }
  if (const auto* call = If<CallExpr>(&expr)) {
    const auto* callee = If<NameExpr>(call->callee);
    if (callee != nullptr && callee->ref.declared == Declared::kBehavior) {
      return absl::StrCat("did you mean `create ", std::string(callee->name), "(..)`?");
    }
    return "functions do nothing but compute; `let _ = ..` keeps a call for its `fail`";
  }
  if (expr.kind == ExprKind::kComprehension) return "without the brackets, `for` is a statement";
  return "use it, remove it, or join it to the line that it belongs to";
}

}  // namespace

// ---------------------------------------------------------------------------
// Acting, and values nobody uses

bool NameResolver::CheckActs(Span span, std::string_view what) {
  ++acts_;
  const UnitKind kind = frame_->unit->kind;
  if (kind == UnitKind::kFunction) {
    const std::string name(frame_->unit->name);
    Error(span, absl::StrCat("a function cannot ", std::string(what)),
          name.empty()
              ? "functions compute; act in a `for`, in `[for x in xs { .. }]`, or in an `act`"
          : frame_->unit->parent != nullptr
              ? "functions compute, behaviors act; an `act` stands at the top of the file"
              : absl::StrCat("functions compute, behaviors act; to act, declare it as "
                             "`act ",
                             name, "`"));
    return false;
  }
  if (kind == UnitKind::kConstant) {
    Error(span, absl::StrCat("a constant of a module cannot ", std::string(what)),
          "loading a module does nothing but compute; act in a behavior");
    return false;
  }
  if (!pure_place_.empty()) {
    Error(span, absl::StrCat(std::string(pure_place_), " cannot ", std::string(what)),
          what == "await" ? "`await p else { why => .. }` takes the reason when it breaks"
                          : "do it before, and name the result with `let`");
    return false;
  }
  return true;
}

void NameResolver::CheckUnused(const Expr& expr, uint64_t acts_before) {
  if (!IsPure(expr)) return;
  // `ready and (c <- m)`: the operator decides whether its right side acts.
  const auto* binary = If<BinaryExpr>(&expr);
  if (binary != nullptr && binary->op <= BinaryOp::kAnd && acts_ != acts_before) return;
  Error(expr.span, "nobody uses the value of this expression",
        HintForUnused(expr, frame_->unit->kind));
}

// An operator or condition that takes no promise gets what surely is one, as in
// `ready and (c <- #go)` where somebody uses the value.
void NameResolver::CheckNotPromise(const Expr& expr, std::string_view what) {
  std::string got;
  Span span = expr.span;
  std::string hint = "`await` it in a task, or take it with `when`";
  switch (expr.kind) {
    case ExprKind::kSend:
      got = "a send is a promise";
      span = As<SendExpr>(expr).op_span;
      hint =
          "write `(await c <- m)` in a task, or take it with `when`; to send on a condition, "
          "write `if`";
      break;
    case ExprKind::kWhen:
      got = "a `when` is a promise";
      break;
    case ExprKind::kTask:
      got = "a task is a promise";
      break;
    case ExprKind::kCreate:
    case ExprKind::kActor:
      got = "a new actor is a ref";
      hint = "";
      break;
    default:
      return;
  }
  Error(span, absl::StrCat(got, ", and ", std::string(what), " does not take one"), hint);
}

void NameResolver::VisitCondition(Expr*& slot, std::string_view what) {
  Visit(slot, Use::kValue);
  CheckNotPromise(*slot, what);
}

void NameResolver::VisitBinary(BinaryExpr& binary, Use use) {
  Visit(binary.left, Use::kValue);
  Visit(binary.right, Use::kValue);
  if (binary.op == BinaryOp::kEqual || binary.op == BinaryOp::kNotEqual) return;
  const std::string what = absl::StrCat("`", std::string(Spelling(binary.op)), "`");
  CheckNotPromise(*binary.left, what);
  // `ready and (c <- m)` as a statement: done for what it does.
  if (binary.op <= BinaryOp::kAnd && use == Use::kUnused) return;
  CheckNotPromise(*binary.right, what);
}

// ---------------------------------------------------------------------------
// Expressions

void NameResolver::VisitAll(std::span<Expr*> exprs) {
  for (Expr*& expr : exprs) Visit(expr, Use::kValue);
}

void NameResolver::Visit(Expr*& slot, Use use) {
  if (diagnostics_.full()) return;
  const uint64_t acts_before = acts_;
  Expr& expr = *slot;
  expr.use = use;
  switch (expr.kind) {
    case ExprKind::kError:
    case ExprKind::kNil:
    case ExprKind::kBool:
    case ExprKind::kInt:
    case ExprKind::kFloat:
    case ExprKind::kText:
    case ExprKind::kBytes:
    case ExprKind::kSymbol:
      break;
    case ExprKind::kInterpolation:
      for (Expr*& part : As<InterpolationExpr>(expr).parts) VisitCondition(part, "`${}`");
      break;
    case ExprKind::kTagged:
      VisitAll(As<TaggedExpr>(expr).args);
      break;
    case ExprKind::kList:
      for (ListElement& element : As<ListExpr>(expr).elements) Visit(element.value, Use::kValue);
      break;
    case ExprKind::kMap:
      VisitMap(As<MapExpr>(expr));
      break;
    case ExprKind::kComprehension:
      VisitComprehension(As<ComprehensionExpr>(expr));
      break;
    case ExprKind::kFunction:
      VisitUnit(*As<FunctionExpr>(expr).unit);
      break;
    case ExprKind::kBehavior:
      VisitUnit(*As<BehaviorExpr>(expr).unit);
      break;
    case ExprKind::kName:
      VisitName(As<NameExpr>(expr), kNotCalled);
      break;
    case ExprKind::kField:
      if (!VisitMember(slot, kNotCalled)) Visit(As<FieldExpr>(expr).object, Use::kValue);
      break;
    case ExprKind::kIndex:
      Visit(As<IndexExpr>(expr).object, Use::kValue);
      Visit(As<IndexExpr>(expr).index, Use::kValue);
      break;
    case ExprKind::kCall:
      VisitCall(As<CallExpr>(expr));
      break;
    case ExprKind::kUnary:
      VisitCondition(As<UnaryExpr>(expr).operand,
                     As<UnaryExpr>(expr).op == UnaryOp::kNot ? "`not`" : "`-`");
      break;
    case ExprKind::kBinary:
      VisitBinary(As<BinaryExpr>(expr), use);
      break;
    case ExprKind::kBlock:
      VisitBlock(As<BlockExpr>(expr), use);
      break;
    case ExprKind::kIf:
      VisitIf(As<IfExpr>(expr), use);
      break;
    case ExprKind::kMatch:
      Visit(As<MatchExpr>(expr).subject, Use::kValue);
      VisitClauses(As<MatchExpr>(expr).clauses, use);
      break;
    case ExprKind::kWhile:
      VisitCondition(As<WhileExpr>(expr).condition, "a condition");
      Visit(As<WhileExpr>(expr).body, Use::kUnused);
      break;
    case ExprKind::kFor:
      VisitFor(As<ForExpr>(expr));
      break;
    case ExprKind::kTry: {
      Pure pure(*this, "what `try` tries");
      Visit(As<TryExpr>(expr).body, Use::kValue);
      break;
    }
    case ExprKind::kLet:
      VisitLet(As<LetExpr>(expr));
      break;
    case ExprKind::kVar:
      Visit(As<VarExpr>(expr).value, Use::kValue);
      Declare(As<VarExpr>(expr).binding);
      break;
    case ExprKind::kAssign:
      VisitAssign(As<AssignExpr>(expr));
      break;
    case ExprKind::kLocalFunction: {
      auto& function = As<LocalFunctionExpr>(expr);
      Declare(function.binding);
      VisitUnit(*function.unit, function.binding);
      break;
    }
    case ExprKind::kSelf:
      if (CheckActs(expr.span, "name `self`")) frame_->unit->uses_self = true;
      break;
    case ExprKind::kSend:
      CheckActs(As<SendExpr>(expr).op_span, "send");
      Visit(As<SendExpr>(expr).target, Use::kValue);
      Visit(As<SendExpr>(expr).message, Use::kValue);
      break;
    case ExprKind::kCreate:
      CheckActs(expr.span, "create an actor");
      Visit(As<CreateExpr>(expr).behavior, Use::kValue);
      break;
    case ExprKind::kActor:
      CheckActs(expr.span, "create an actor");
      VisitUnit(*As<ActorExpr>(expr).unit);
      break;
    case ExprKind::kBecome:
      CheckBecome(expr.span);
      Visit(As<BecomeExpr>(expr).behavior, Use::kValue);
      break;
    case ExprKind::kBecomeWith:
      VisitBecomeWith(As<BecomeWithExpr>(expr));
      break;
    case ExprKind::kWhen:
      CheckActs(expr.span, "wait with `when`");
      Visit(As<WhenExpr>(expr).promise, Use::kValue);
      VisitUnit(*As<WhenExpr>(expr).unit);
      break;
    case ExprKind::kTask:
      CheckActs(expr.span, "start a task");
      VisitUnit(*As<TaskExpr>(expr).unit);
      break;
    case ExprKind::kAwait:
      VisitAwait(As<AwaitExpr>(expr), use);
      break;
    case ExprKind::kFail:
      ++acts_;  // `ready or fail #not_ready` is a statement
      Visit(As<FailExpr>(expr).reason, Use::kValue);
      break;
    case ExprKind::kExpect:
      if (frame_->unit->kind != UnitKind::kTest) {
        Error(expr.span, "`expect` stands in a `test` only", "elsewhere, `fail` gives up");
      }
      Visit(As<ExpectExpr>(expr).condition, Use::kValue);
      break;
  }
  if (auto* attempt = If<TryExpr>(&expr)) VisitClauses(attempt->handlers, use);
  if (use == Use::kUnused && !diagnostics_.full()) CheckUnused(*slot, acts_before);
}

void NameResolver::VisitCall(CallExpr& call) {
  const size_t args = call.args.size();
  if (auto* name = If<NameExpr>(call.callee)) {
    VisitName(*name, args);
  } else if (call.callee->kind != ExprKind::kField || !VisitMember(call.callee, args)) {
    Visit(call.callee, Use::kValue);
  }
  VisitAll(call.args);
}

void NameResolver::VisitBlock(BlockExpr& block, Use use) {
  Scope scope(*this);
  for (size_t i = 0; i < block.statements.size(); ++i) {
    const bool is_last = i + 1 == block.statements.size();
    Visit(block.statements[i], is_last ? use : Use::kUnused);
    if (!is_last && block.statements[i]->kind == ExprKind::kNil) {
      Error(block.statements[i]->span, "nobody uses the value of this expression",
            "`nil` stands at the end of a block");
    }
  }
}

void NameResolver::VisitIf(IfExpr& node, Use use) {
  for (IfBranch& branch : node.branches) {
    VisitCondition(branch.condition, "a condition");
    Visit(branch.body, use);
  }
  if (node.else_body != nullptr) Visit(node.else_body, use);
}

void NameResolver::VisitFor(ForExpr& loop) {
  Visit(loop.list, Use::kValue);
  Scope scope(*this);
  VisitPattern(*loop.pattern);
  Visit(loop.body, Use::kUnused);
}

void NameResolver::VisitComprehension(ComprehensionExpr& node) {
  Visit(node.list, Use::kValue);
  Scope scope(*this);
  VisitPattern(*node.pattern);
  if (node.condition != nullptr) VisitCondition(node.condition, "a condition");
  Visit(node.body, Use::kValue);
}

void NameResolver::VisitMap(MapExpr& map) {
  for (MapElement& entry : map.entries) {
    if (entry.key != nullptr) Visit(entry.key, Use::kValue);
    Visit(entry.value, Use::kValue);
  }
}

void NameResolver::VisitLet(LetExpr& let) {
  const bool names_function =
      let.pattern->kind == PatternKind::kBind && let.value->kind == ExprKind::kFunction;
  if (names_function) let_functions_.push_back(As<BindPattern>(*let.pattern).name);
  Visit(let.value, Use::kValue);
  if (names_function) let_functions_.pop_back();
  VisitPattern(*let.pattern);
}

void NameResolver::VisitAssign(AssignExpr& assign) {
  Visit(assign.value, Use::kValue);
  NameExpr& target = *assign.target;
  const std::string name(target.name);
  Binding* binding = FindLocal(target.name);
  if (binding == nullptr) {
    if (FindItem(target.name) != nullptr) {
      return Error(target.span, absl::StrCat("`", name, "` belongs to the module and is fixed"),
                   "what changes lives in an actor, or in a local `var`");
    }
    Suggestion suggestion(target.name);
    for (const auto& [other, its] : names_) {
      if (its->is_var) suggestion.Offer({other.data(), other.size()});
    }
    std::string hint = suggestion.Hint();
    if (hint.empty()) hint = absl::StrCat("to introduce it, write `let ", name, " = ..`");
    return Error(target.span, absl::StrCat("there is no variable `", name, "` here"),
                 std::move(hint));
  }
  if (!binding->is_var) {
    return ErrorWithNote(target.span, absl::StrCat("`", name, "` is not a `var` and is fixed"),
                         absl::StrCat("declare it with `var ", name,
                                      "`, or give the new value a name: `let ", name, " = ..`"),
                         binding->span, absl::StrCat("`", name, "` is declared here"));
  }
  if (CheckCapture(*binding, target.span)) target.ref = RefTo(*frame_, *binding);
}

bool NameResolver::CheckBecome(Span span) {
  if (!CheckActs(span, "become")) return false;
  const UnitKind kind = frame_->unit->kind;
  if (kind == UnitKind::kBehavior) return true;
  const bool is_later = kind == UnitKind::kWhen || kind == UnitKind::kTask;
  Error(span, "`become` stands in a clause of the actor itself only",
        is_later ? "this runs later: send `self` a message, and become in its clause"
        : kind == UnitKind::kAct ? "return the behavior, and write `become act_name(..)` there"
                                 : "a test has no behavior of its own");
  return false;
}

// The capture that `become with` changes: a parameter of the behavior, or what
// an anonymous one takes from around it; never a name of the clause.
bool NameResolver::FindChanged(BecomeField& field) {
  Frame& frame = *frame_;
  if (frame.params.empty()) {
    for (const Binding* param : frame.unit->params) {
      frame.params.emplace(Key(param->name), param->capture);
    }
  }
  if (const auto at = frame.params.find(Key(field.name)); at != frame.params.end()) {
    field.capture = at->second;
    return true;
  }
  const auto hidden = frame.outer.find(Key(field.name));
  Binding* binding = hidden != frame.outer.end() ? hidden->second : FindLocal(field.name);
  if (binding == nullptr || binding->unit == frame.unit) return false;
  if (CheckCapture(*binding, field.span)) field.capture = RefTo(frame, *binding).index;
  return true;
}

void NameResolver::VisitBecomeWith(BecomeWithExpr& become) {
  const bool is_allowed = CheckBecome(become.span);
  NameMap<Span> seen;
  for (BecomeField& field : become.fields) {
    Visit(field.value, Use::kValue);
    if (!is_allowed || diagnostics_.full()) continue;
    const std::string name(field.name);
    if (const auto [at, is_new] = seen.try_emplace(Key(field.name), field.span); !is_new) {
      ErrorWithNote(field.span, absl::StrCat("`", name, "` is changed twice"), "", at->second,
                    "the first time");
    }
    if (FindChanged(field)) continue;
    Suggestion suggestion(field.name);
    for (const Capture& capture : frame_->captures) suggestion.Offer(capture.name);
    std::string hint = suggestion.Hint();
    if (hint.empty())
      hint = "these are the behavior's parameters, and what it names from around it";
    Error(field.span, absl::StrCat("this behavior has no `", name, "` to change"), std::move(hint));
  }
}

void NameResolver::VisitAwait(AwaitExpr& await, Use use) {
  if (CheckActs(await.span, "await")) {
    const UnitKind kind = frame_->unit->kind;
    if (kind != UnitKind::kTask && kind != UnitKind::kTest) {
      Error(await.span, "`await` stands in a task or a test only",
            kind == UnitKind::kAct ? "an act cannot wait; take the value as an argument, or "
                                     "return a promise"
                                   : "write `task { .. }` around it, or `when p { v => .. }`");
    }
  }
  frame_->unit->awaits = true;
  Visit(await.promise, Use::kValue);
  if (await.within_ms != nullptr) Visit(await.within_ms, Use::kValue);
  if (await.timer != nullptr) Visit(await.timer, Use::kValue);
  VisitClauses(await.handlers, use);
}

}  // namespace vesicle
