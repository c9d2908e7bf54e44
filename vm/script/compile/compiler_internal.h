// Inside the compiler: one UnitCompiler makes the code of one unit.
//
// Registers are a stack. Names live where they were introduced until their scope
// ends; temporaries stand above them. A *fresh* register is one whose content
// nobody reads any more: a destination is, as a rule, so that code may build up a
// value in it step by step.
#ifndef VESICLE_VM_SCRIPT_COMPILE_COMPILER_INTERNAL_H_
#define VESICLE_VM_SCRIPT_COMPILE_COMPILER_INTERNAL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "vm/script/compile/compiler.h"

namespace vesicle::compiler_internal {

// Where the value of an expression goes.
struct Dest {
  enum class Kind : uint8_t {
    kRegister,  // `reg`
    kNone,      // nobody looks: a send is a tell
    kLast,      // it is the unit's result; control does not come back
  };
  Kind kind;
  uint32_t reg = 0;
  bool is_fresh = true;

  static Dest To(uint32_t reg) { return {Kind::kRegister, reg, true}; }
  // A variable: only the last instruction may write it.
  static Dest ToVariable(uint32_t reg) { return {Kind::kRegister, reg, false}; }
  static Dest None() { return {Kind::kNone, 0, false}; }
  static Dest Last() { return {Kind::kLast, 0, false}; }
  bool is_last() const { return kind == Kind::kLast; }
};

// A place in the code that jumps lead to, known or not yet.
struct Label {
  std::vector<uint32_t> jumps;  // words to patch
  std::optional<uint32_t> at;
};

class UnitCompiler {
 public:
  UnitCompiler(const Unit& unit, const Source& source, Heap& heap, SymbolTable& symbols,
               Diagnostics& diagnostics);
  CodeDraft Run();

 private:
  class At;  // while it lives, code comes from this span

  // --- emission (compiler.cc)
  uint32_t pc() const { return static_cast<uint32_t>(draft_.instructions.size()); }
  void Put(Instruction word);
  void Emit(Op op, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0) {
    Put(instruction::Abc(op, a, b, c));
  }
  void EmitX(Op op, uint32_t a, uint32_t bx) { Put(instruction::Abx(op, a, bx)); }
  void EmitJump(Label& label);    // Op::kJump
  void EmitTarget(Label& label);  // the word J
  void Bind(Label& label);
  // The steps of one pass from `from` to here; what does not fit r is charged at once.
  uint32_t LoopCharge(uint32_t from);
  void EmitReturn(uint32_t reg);
  void NoteCall();

  uint32_t Reg();
  uint32_t TargetOf(Dest d) { return d.kind == Dest::Kind::kRegister ? d.reg : Reg(); }
  // The first of some consecutive registers: the destination itself if it is the topmost.
  uint32_t BlockAt(Dest d) { return d.is_fresh && d.reg + 1 == next_ ? d.reg : Reg(); }
  // R[reg] is the value that was wanted.
  void Settle(uint32_t reg, Dest d);
  void SettleNil(Dest d);
  void LimitError(std::string message, std::string hint);

  uint32_t Constant(const ConstantDraft& constant);
  uint32_t ConstantValue(Value value);
  uint32_t CodeOf(const Unit& unit);
  uint32_t CodeOf(const Ref& ref);
  Value TextValue(std::string_view text);
  Value SymbolValue(std::string_view name);
  std::optional<Value> LiteralValue(const Expr& e);

  // --- expressions (compiler_expr.cc)
  void Gen(const Expr& e, Dest d);
  void GenKind(const Expr& e, Dest d);
  uint32_t Any(const Expr& e);
  // As Any; what needs a register is put into `scratch`, which is fresh.
  uint32_t AnyIn(const Expr& e, uint32_t scratch);
  // A fresh register: the destination, or a new one.
  uint32_t ScratchOf(Dest d) { return d.is_fresh ? d.reg : Reg(); }
  // Two operands; the first is not disturbed by what the second does.
  std::pair<uint32_t, uint32_t> AnyTwo(const Expr& first, const Expr& second) {
    return AnyTwo(first, second, Reg());
  }
  std::pair<uint32_t, uint32_t> AnyTwo(const Expr& first, const Expr& second, uint32_t scratch);
  // As Any, for what a pattern will name: not a `var`.
  uint32_t AnyStable(const Expr& e);
  void LoadLiteral(Value value, uint32_t reg);
  void GenName(const NameExpr& e, Dest d);
  void GenInterpolation(const InterpolationExpr& e, Dest d);
  void GenTagged(const TaggedExpr& e, Dest d);
  void GenList(const ListExpr& e, Dest d);
  void GenMap(const MapExpr& e, Dest d);
  void GenUnary(const UnaryExpr& e, Dest d);
  void GenBinary(const BinaryExpr& e, Dest d);
  void GenCall(const CallExpr& e, Dest d);
  void GenAssign(const AssignExpr& e);
  // Captures of `unit` into consecutive registers; `args` are a behavior's parameters.
  void GenHolder(Op op, const Unit& unit, std::span<Expr* const> args, Dest d);
  // The same for a declared behavior named by `ref`.
  void GenKnownBehavior(Op op, const Ref& ref, std::span<Expr* const> args, Dest d);

  // --- control (compiler_control.cc)
  void JumpIf(const Expr& e, bool wanted, Label& to, ConditionOf what);
  void JumpCompare(const BinaryExpr& e, bool wanted, Label& to);
  void LoopIf(const Expr& e, uint32_t body, Label& exit);
  void EmitLoop(Op op, uint32_t a, uint32_t b, uint32_t body);
  void GenBlock(const BlockExpr& e, Dest d);
  void GenIf(const IfExpr& e, Dest d);
  void GenMatch(const MatchExpr& e, Dest d);
  void GenWhile(const WhileExpr& e);
  void GenForLoop(const Pattern& pattern, const Expr& list, absl::FunctionRef<void()> body);
  void GenComprehension(const ComprehensionExpr& e, Dest d);
  void GenTry(const TryExpr& e, Dest d);
  void GenLet(const LetExpr& e);

  // --- patterns (compiler_pattern.cc)
  void Match(const Pattern& p, uint32_t subject, Label& fail);
  void MatchTagged(const TaggedPattern& p, uint32_t subject, Label& fail);
  void MatchList(const ListPattern& p, uint32_t subject, Label& fail);
  void MatchMap(const MapPattern& p, uint32_t subject, Label& fail);
  void MatchEither(const EitherPattern& p, uint32_t subject, Label& fail);
  void MatchWord(Value value, uint32_t subject, Label& fail);
  void BindName(const BindPattern& p, uint32_t subject);
  void Reserve(const Pattern& p);  // a register for every name in it
  // Clauses in order; what none takes goes on at `none` (or there is none such).
  void GenClauses(std::span<const Clause> clauses, uint32_t subject, Dest d, Label& none);
  // A NoClause at the end of the unit; `label` is bound there.
  void Defer(Label label, uint32_t subject, NoClauseOf of);

  // --- acting (compiler_acting.cc)
  void GenSend(const SendExpr& e, Dest d);
  // `become` of the behavior that runs, with other captures; false: it is not.
  bool GenIfSame(const Expr& behavior);
  // Ends the turn with that: the captures of the bit set `changed` stand in registers from `base`.
  void EmitBecomeWith(uint32_t base, uint32_t changed);
  // `op` with the code and the captures of a behavior that the compiler sees; false: it does not.
  bool GenIfKnown(Op op, const Expr& behavior, Dest d);
  void GenCreate(const CreateExpr& e, Dest d);
  void GenBecome(const BecomeExpr& e, Dest d);
  void GenBecomeWith(const BecomeWithExpr& e, Dest d);
  void GenWhen(const WhenExpr& e, Dest d);
  void GenTask(const TaskExpr& e, Dest d);
  void GenAwait(const AwaitExpr& e, Dest d);
  void GenExpect(const ExpectExpr& e);
  // A register with the slot for something whose value goes to `d`.
  uint32_t SlotOf(Dest d);
  // The effect is under way with that slot: settle d.
  void SettleSlot(uint32_t slot, Dest d);

  bool in_act() const { return unit_.kind == UnitKind::kAct; }
  // What an actor does last.
  bool ends_turn(Dest d) const { return d.is_last() && unit_.kind == UnitKind::kBehavior; }

  struct Deferred {
    Label label;
    uint32_t subject;
    NoClauseOf of;
    Span span;
  };

  const Unit& unit_;
  const Source& source_;
  Heap& heap_;
  SymbolTable& symbols_;
  Diagnostics& diagnostics_;
  CodeDraft draft_;
  // Constants that are words or names; by content, for sharing.
  std::map<uint64_t, uint32_t> word_constants_;
  std::vector<Deferred> deferred_;
  std::optional<uint32_t> first_call_;  // behind the first call that comes back
  std::vector<uint32_t> tries_;
  Span span_;
  uint32_t next_ = 0;  // registers below are taken
  uint32_t mode_ = 0;  // of an act: the register of its mode
  bool failed_ = false;
};

class UnitCompiler::At {
 public:
  At(UnitCompiler& compiler, Span span) : compiler_(compiler), before_(compiler.span_) {
    compiler.span_ = span;
  }
  ~At() { compiler_.span_ = before_; }
  At(const At&) = delete;
  At& operator=(const At&) = delete;

 private:
  UnitCompiler& compiler_;
  Span before_;
};

// The index of a capture, if `e` is nothing but the use of one.
std::optional<uint32_t> CaptureOf(const Expr& e);
// No assignment can happen while it is evaluated.
bool IsSimple(const Expr& e);
// The value of a small integer literal.
std::optional<int64_t> SmallLiteral(const Expr& e);

}  // namespace vesicle::compiler_internal

#endif  // VESICLE_VM_SCRIPT_COMPILE_COMPILER_INTERNAL_H_
