#include "vm/script/compile/compiler.h"

#include <algorithm>
#include <utility>

#include "vm/script/compile/compiler_internal.h"
#include "vm/value/text.h"

namespace vesicle {
namespace compiler_internal {
namespace {

// Straight-line instructions in one step.
constexpr uint32_t kWordsPerStep = 16;

// Of so many words of code.
uint32_t Steps(uint32_t words) { return std::min<uint32_t>(UINT16_MAX, 1 + words / kWordsPerStep); }

std::string NameOf(const Unit& unit) {
  if (!unit.name.empty()) return std::string(unit.name);
  const char* what = "fn";
  switch (unit.kind) {
    case UnitKind::kFunction:
      break;
    case UnitKind::kAct:
      what = "act";
      break;
    case UnitKind::kBehavior:
      what = "actor";
      break;
    case UnitKind::kWhen:
      what = "when";
      break;
    case UnitKind::kTask:
      what = "task";
      break;
    case UnitKind::kTest:
      what = "test";
      break;
    case UnitKind::kConstant:
      what = "let";
      break;
  }
  // The nearest name around it: "teller.task", however deep it stands.
  for (const Unit* u = unit.parent; u != nullptr; u = u->parent) {
    if (!u->name.empty()) return std::string(u->name) + "." + what;
  }
  return what;
}

}  // namespace

UnitCompiler::UnitCompiler(const Unit& unit, const Source& source, Heap& heap, SymbolTable& symbols,
                           Diagnostics& diagnostics)
    : unit_(unit),
      source_(source),
      heap_(heap),
      symbols_(symbols),
      diagnostics_(diagnostics),
      span_(unit.span) {
  draft_.unit = &unit;
  draft_.kind = unit.kind;
  draft_.name = NameOf(unit);
}

CodeDraft UnitCompiler::Run() {
  Emit(Op::kEnter);
  if (unit_.captures.size() > kCapturesMax) {
    LimitError("this captures more than " + std::to_string(kCapturesMax) + " values",
               "put some of them into a map or a tagged value");
  }
  if (unit_.params.size() > kParamsMax) {
    LimitError("this has more than " + std::to_string(kParamsMax) + " parameters",
               "put some of them into a map or a tagged value");
  }
  draft_.header.captures = static_cast<uint16_t>(unit_.captures.size());
  if (failed_) return std::move(draft_);
  switch (unit_.kind) {
    case UnitKind::kFunction:
    case UnitKind::kAct: {
      for (Binding* param : unit_.params) param->slot = Reg();
      if (in_act()) mode_ = Reg();
      draft_.header.params_min = draft_.header.params_max = static_cast<uint8_t>(next_);
      Gen(*unit_.body, Dest::Last());
      break;
    }
    case UnitKind::kBehavior: {
      const uint32_t message = Reg();
      Label none;
      GenClauses(unit_.clauses, message, Dest::Last(), none);
      Defer(std::move(none), message, NoClauseOf::kBehavior);
      break;
    }
    case UnitKind::kWhen: {
      const uint32_t message = Reg();
      Label broken, none, reraise;
      Emit(Op::kJumpBroken);
      EmitTarget(broken);
      GenClauses(unit_.clauses, message, Dest::Last(), none);
      Defer(std::move(none), message, NoClauseOf::kHandler);
      Bind(broken);
      next_ = message + 1;
      GenClauses(unit_.else_clauses, message, Dest::Last(), reraise);
      if (!reraise.jumps.empty() || unit_.else_clauses.empty()) {
        Bind(reraise);
        Emit(Op::kReraise, message);
      }
      break;
    }
    case UnitKind::kTask:
    case UnitKind::kTest:
      Reg();
      Gen(*unit_.body, Dest::Last());
      break;
    case UnitKind::kConstant:
      Gen(*unit_.body, Dest::Last());
      break;
  }
  for (Deferred& d : deferred_) {
    At at(*this, d.span);
    Bind(d.label);
    Emit(Op::kNoClause, d.subject, static_cast<uint32_t>(d.of));
  }
  if (pc() > kCodeWordsMax) {
    LimitError("this is too long: over " + std::to_string(kCodeWordsMax) + " words of code",
               "split it into functions");
    return std::move(draft_);
  }
  const uint32_t steps = Steps(pc());
  draft_.instructions[0] = instruction::Abx(Op::kEnter, draft_.header.registers, steps);
  for (const uint32_t at : tries_) {
    draft_.instructions[at] =
        instruction::Abx(Op::kTry, instruction::A(draft_.instructions[at]), steps);
  }
  return std::move(draft_);
}

// ---------------------------------------------------------------------------
// Emission

void UnitCompiler::Put(Instruction word) {
  if (draft_.places.empty() || !(draft_.places.back().span == span_)) {
    draft_.places.push_back({pc(), span_});
  }
  // A hostile source cannot make this grow without end; Run() reports it.
  if (draft_.instructions.size() <= kCodeWordsMax + size_t{8}) draft_.instructions.push_back(word);
}

void UnitCompiler::EmitJump(Label& label) {
  if (label.at) {
    const int32_t offset = static_cast<int32_t>(*label.at) - static_cast<int32_t>(pc() + 1);
    Put(static_cast<uint32_t>(Op::kJump) | (static_cast<uint32_t>(offset) << 8));
  } else {
    label.jumps.push_back(pc());
    Put(static_cast<uint32_t>(Op::kJump) | 0xffffff00u);  // marks a jump of 24 bits
  }
}

void UnitCompiler::EmitTarget(Label& label) {
  if (label.at) {
    Put(static_cast<uint32_t>(static_cast<int32_t>(*label.at) - static_cast<int32_t>(pc() + 1)));
  } else {
    label.jumps.push_back(pc());
    Put(0);
  }
}

void UnitCompiler::Bind(Label& label) {
  label.at = pc();
  for (uint32_t at : label.jumps) {
    if (at >= draft_.instructions.size()) continue;
    const uint32_t offset = pc() - (at + 1);
    Instruction& word = draft_.instructions[at];
    word = word == 0 ? offset : (static_cast<uint32_t>(Op::kJump) | (offset << 8));
  }
  label.jumps.clear();
}

// Enter charges a frame on the way down. On the way back up thousands of frames do what stands
// behind their calls, where nothing else would look at the slice, the budget, or at the memory.
void UnitCompiler::EmitReturn(uint32_t reg) {
  if (!first_call_) return Emit(Op::kReturn, reg);
  EmitX(Op::kReturnCharged, reg, Steps(pc() - *first_call_));
}

// One was emitted that comes back.
void UnitCompiler::NoteCall() {
  if (!first_call_) first_call_ = pc();
}

uint32_t UnitCompiler::LoopCharge(uint32_t from) {
  constexpr uint32_t kInline = 255;
  const uint32_t steps = Steps(pc() - from);
  if (steps <= kInline) return steps;
  EmitX(Op::kCharge, 0, steps - kInline);
  return kInline;
}

uint32_t UnitCompiler::Reg() {
  if (next_ >= kRegistersMax) {
    LimitError("this needs more than " + std::to_string(kRegistersMax) +
                   " registers: too many names and intermediate values at once",
               "split it into functions");
    return 0;
  }
  const uint32_t reg = next_++;
  draft_.header.registers = std::max(draft_.header.registers, next_);
  return reg;
}

void UnitCompiler::Settle(uint32_t reg, Dest d) {
  switch (d.kind) {
    case Dest::Kind::kRegister:
      if (reg != d.reg) Emit(Op::kMove, d.reg, reg);
      break;
    case Dest::Kind::kNone:
      break;
    case Dest::Kind::kLast:
      EmitReturn(reg);
      break;
  }
}

void UnitCompiler::SettleNil(Dest d) {
  if (d.kind == Dest::Kind::kNone) return;
  const uint32_t reg = TargetOf(d);
  LoadLiteral(Value::Nil(), reg);
  Settle(reg, d);
}

void UnitCompiler::LimitError(std::string message, std::string hint) {
  if (failed_) return;
  failed_ = true;
  diagnostics_.Error(span_, std::move(message), std::move(hint));
}

// ---------------------------------------------------------------------------
// Constants

uint32_t UnitCompiler::Constant(const ConstantDraft& constant) {
  if (constant.kind != ConstantDraft::Kind::kValue) {
    // Names: few, so a look through them is cheap enough; the newest first.
    const size_t n = draft_.constants.size();
    const size_t last = n > 64 ? n - 64 : 0;
    for (size_t i = n; i > last; --i) {
      if (draft_.constants[i - 1] == constant) return static_cast<uint32_t>(i - 1);
    }
  }
  if (draft_.constants.size() >= kConstantsMax) {
    LimitError("this has more than " + std::to_string(kConstantsMax) + " constants",
               "split it into functions");
    return 0;
  }
  draft_.constants.push_back(constant);
  return static_cast<uint32_t>(draft_.constants.size() - 1);
}

uint32_t UnitCompiler::ConstantValue(Value value) {
  auto [at, is_new] = word_constants_.try_emplace(value.bits(), 0);
  if (is_new) at->second = Constant({.value = value});
  return at->second;
}

uint32_t UnitCompiler::CodeOf(const Unit& unit) {
  return Constant({.kind = ConstantDraft::Kind::kCode, .unit = &unit});
}

uint32_t UnitCompiler::CodeOf(const Ref& ref) {
  switch (ref.kind) {
    case RefKind::kItem:
      return CodeOf(*ref.item->unit);
    case RefKind::kImported:
      return Constant(
          {.kind = ConstantDraft::Kind::kImportedCode, .item = ref.item, .member = ref.member});
    default:
      return Constant({.kind = ConstantDraft::Kind::kBuiltinCode, .id = ref.index});
  }
}

Value UnitCompiler::TextValue(std::string_view text) {
  const Result result = MakeTextUnchecked(heap_, text);
  if (result.ok()) return result.value();
  LimitError("there is no memory for this text", "");
  return Value::Nil();
}

Value UnitCompiler::SymbolValue(std::string_view name) {
  const Result result = symbols_.Intern(name);
  if (result.ok()) return result.value();
  LimitError("a symbol has at most " + std::to_string(kSymbolBytesMax) + " bytes", "");
  return Value::Nil();
}

}  // namespace compiler_internal

std::vector<CodeDraft> Compile(const Ast& ast, const Source& source, Heap& heap,
                               SymbolTable& symbols, Diagnostics& diagnostics) {
  std::vector<CodeDraft> drafts;
  drafts.reserve(ast.units.size());
  // An enclosing unit comes first: its names have their registers when an inner one
  // is compiled, which reads none of them (captures are loaded where they are made).
  for (const Unit* unit : ast.units) {
    drafts.push_back(
        compiler_internal::UnitCompiler(*unit, source, heap, symbols, diagnostics).Run());
    if (diagnostics.full()) break;
  }
  return drafts;
}

}  // namespace vesicle
