// The dispatch loop. One template, instantiated with and without a probe.
//
// pc points behind the opcode word of the running instruction, so its further
// words are pc[0], pc[1]. What is not done in a few machine instructions goes to
// `slow`, whose value `deliver` puts where the instruction wants it; so a long
// operation can be finished in pieces, and the run suspended between them.
#include <bit>
#include <utility>

#include "vm/actor/core_turn.h"
#include "vm/script/run/interpreter.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/tagged.h"

namespace vesicle {
namespace {

using actor::CopyWords;
using instruction::A;
using instruction::B;
using instruction::Bx;
using instruction::C;
using instruction::Jump24;
using instruction::OpOf;
using instruction::SignedB;
using instruction::SignedBx;
using instruction::SignedC;

// What becomes of the value of an instruction that `slow` did.
enum class Delivery : uint8_t { kStore, kNothing, kJumpWhenTrue, kJumpWhenFalse, kLoop, kFind };

constexpr Delivery DeliveryOf(Op op) {
  switch (op) {
    case Op::kJumpTrue:
    case Op::kJumpEqual:
    case Op::kJumpLess:
    case Op::kJumpLessEq:
    case Op::kJumpEqualInt:
    case Op::kJumpLessInt:
    case Op::kJumpLessEqInt:
    case Op::kJumpMoreInt:
    case Op::kJumpMoreEqInt:
    case Op::kJumpCaptureEqualInt:
    case Op::kJumpCaptureLessInt:
    case Op::kJumpCaptureLessEqInt:
    case Op::kJumpCaptureMoreInt:
    case Op::kJumpCaptureMoreEqInt:
      return Delivery::kJumpWhenTrue;
    case Op::kJumpFalse:
    case Op::kJumpNotEqual:
    case Op::kJumpNotLess:
    case Op::kJumpNotLessEq:
    case Op::kJumpNotEqualInt:
    case Op::kJumpNotLessInt:
    case Op::kJumpNotLessEqInt:
    case Op::kJumpNotMoreInt:
    case Op::kJumpNotMoreEqInt:
    case Op::kJumpCaptureNotEqualInt:
    case Op::kJumpCaptureNotLessInt:
    case Op::kJumpCaptureNotLessEqInt:
    case Op::kJumpCaptureNotMoreInt:
    case Op::kJumpCaptureNotMoreEqInt:
    case Op::kRangeBegin:
      return Delivery::kJumpWhenFalse;
    case Op::kLoopTrue:
    case Op::kLoopLess:
    case Op::kLoopLessEq:
    case Op::kLoopLessInt:
    case Op::kLoopLessEqInt:
    case Op::kLoopMoreInt:
    case Op::kLoopMoreEqInt:
    case Op::kRangeNext:
      return Delivery::kLoop;
    case Op::kMapFind:
      return Delivery::kFind;
    case Op::kSend:
    case Op::kSendSlot:
    case Op::kBecome:
    case Op::kWhen:
    case Op::kTask:
      return Delivery::kNothing;
    default:
      return Delivery::kStore;
  }
}

struct DeliveryRow {
  Delivery how;
  uint8_t words;  // of the whole instruction
};
struct DeliveryTable {
  DeliveryRow rows[kOpCount];
  constexpr DeliveryTable() : rows() {
    for (int i = 0; i < kOpCount; ++i) {
      const Op op = static_cast<Op>(i);
      rows[i] = {DeliveryOf(op), static_cast<uint8_t>(1 + FurtherWords(op))};
    }
  }
};
constexpr DeliveryTable kDelivery;

inline bool BothInts(Value a, Value b) { return ((a.bits() | b.bits()) & 7) == 0; }
inline int64_t Signed(Value v) { return static_cast<int64_t>(v.bits()); }

inline uint32_t CapturesOf(Value code) {
  return static_cast<const CodeHeader*>(code::Pointer(code.data()))->captures;
}

}  // namespace

TurnEnd Interpreter::Start(const Instruction* pc, Value* base, const Value* constants) {
  stack_->frames_top = stack_->frames + 1;
  return probe_ == nullptr ? Run<false>(pc, base, constants) : Run<true>(pc, base, constants);
}

inline Object* Interpreter::NewHolder(Kind kind, Value code, const Value* captures) {
  const uint32_t count = CapturesOf(code);
  Object* o = heap_.AllocateRaw(kind, count + 1);
  o->words()[0] = code;
  CopyWords(o->words() + 1, captures, count);
  return o;
}

// Nothing can fail any more: an actor takes what it becomes last at once, where it lies. Staged:
// where turns are watched, and after an earlier become of the turn, which it is to come after.
inline bool Interpreter::TakesAtOnce(const Object* holder) const {
  return (core_.turn().effects & TurnState::kBecomes) == 0 && !core_.is_watched() &&
         actor::IsPlain(holder);
}

inline TurnEnd Interpreter::Enter(Object* holder) {
  Value* base = stack_->first_base();
  base[-1] = IsTargetKind(holder->kind) ? Value::Target(holder) : Value::Data(holder);
  base[0] = core_.turn().message;
  const Object* code = code::Of(holder);
  stack_->frames_top = stack_->frames + 1;
  const Instruction* pc = ScriptCode::First(code::Pointer(code));
  if (probe_ != nullptr) [[unlikely]]
    return Run<true>(pc, base, code::Constants(code));
  // What Enter does, if that is all it will do.
  const int64_t fuel = core_.fuel - Bx(*pc);
  if (fuel >= 0 && base + A(*pc) <= stack_->soft_end()) [[likely]] {
    core_.fuel = fuel;
    ++pc;
  }
  return Run<false>(pc, base, code::Constants(code));
}

TurnEnd EnterScript(Core& core, Object* holder) {
  return static_cast<Interpreter*>(core.language())->Enter(holder);
}

#define CASE(name) L_##name:
#define NEXT()                                                      \
  do {                                                              \
    if constexpr (kProbed) {                                        \
      if (!probe_->OnInstruction(OpOf(*pc))) goto stopped_by_probe; \
    }                                                               \
    insn = *pc++;                                                   \
    goto* kLabels[insn & 255];                                      \
  } while (false)
#define RA base[A(insn)]
#define RB base[B(insn)]
#define RC base[C(insn)]
#define CAPTURE(i) base[-1].object()->words()[1 + (i)]
#define TAKE_JUMP() pc += 1 + static_cast<int32_t>(pc[0])
// Where the last loop led is known, and foretold by the processor: to read it from the instruction
// would hold up each pass for two loads. An empty loop takes 2.0 instead of 3.5 ns a pass.
#define TAKE_LOOP()            \
  do {                         \
    fuel -= C(insn);           \
    if (pc == loop_end) {      \
      pc = loop_start;         \
    } else {                   \
      loop_end = pc;           \
      TAKE_JUMP();             \
      loop_start = pc;         \
    }                          \
    if (fuel < 0) [[unlikely]] \
      goto refuel;             \
    NEXT();                    \
  } while (false)
// Jumps when `wanted` of two small integers; other pairs are slow.
#define JUMP_REGISTERS(name, relation, wanted)      \
  CASE(name) {                                      \
    const Value a = RA, b = RB;                     \
    if (!BothInts(a, b)) [[unlikely]]               \
      goto slow;                                    \
    if ((Signed(a) relation Signed(b)) == wanted) { \
      TAKE_JUMP();                                  \
    } else {                                        \
      pc += 1;                                      \
    }                                               \
    NEXT();                                         \
  }
#define JUMP_INT(name, operand, relation, wanted)                     \
  CASE(name) {                                                        \
    const Value a = operand;                                          \
    if (!a.is_int()) [[unlikely]]                                     \
      goto slow;                                                      \
    if ((Signed(a) relation(int64_t{SignedB(insn)} * 8)) == wanted) { \
      TAKE_JUMP();                                                    \
    } else {                                                          \
      pc += 1;                                                        \
    }                                                                 \
    NEXT();                                                           \
  }
#define LOOP_REGISTERS(name, relation)             \
  CASE(name) {                                     \
    const Value a = RA, b = RB;                    \
    if (!BothInts(a, b)) [[unlikely]]              \
      goto slow;                                   \
    if (Signed(a) relation Signed(b)) TAKE_LOOP(); \
    pc += 1;                                       \
    NEXT();                                        \
  }
#define LOOP_INT(name, relation)                                     \
  CASE(name) {                                                       \
    const Value a = RA;                                              \
    if (!a.is_int()) [[unlikely]]                                    \
      goto slow;                                                     \
    if (Signed(a) relation(int64_t{SignedB(insn)} * 8)) TAKE_LOOP(); \
    pc += 1;                                                         \
    NEXT();                                                          \
  }
#define ARITHMETIC(name, builtin)                                            \
  CASE(name) {                                                               \
    const Value b = RB, c = RC;                                              \
    int64_t out;                                                             \
    if (!BothInts(b, c) || builtin(Signed(b), Signed(c), &out)) [[unlikely]] \
      goto slow;                                                             \
    RA = Value::FromBits(static_cast<uint64_t>(out));                        \
    NEXT();                                                                  \
  }
#define ARITHMETIC_INT(name, builtin)                                                     \
  CASE(name) {                                                                            \
    const Value b = RB;                                                                   \
    int64_t out;                                                                          \
    if (!b.is_int() || builtin(Signed(b), int64_t{SignedC(insn)} * 8, &out)) [[unlikely]] \
      goto slow;                                                                          \
    RA = Value::FromBits(static_cast<uint64_t>(out));                                     \
    NEXT();                                                                               \
  }
#define ARITHMETIC_CAPTURE_INT(name, builtin)                                             \
  CASE(name) {                                                                            \
    const Value b = CAPTURE(B(insn));                                                     \
    int64_t out;                                                                          \
    if (!b.is_int() || builtin(Signed(b), int64_t{SignedC(insn)} * 8, &out)) [[unlikely]] \
      goto slow;                                                                          \
    RA = Value::FromBits(static_cast<uint64_t>(out));                                     \
    NEXT();                                                                               \
  }
#define ENTER_FRAME()                           \
  do {                                          \
    fuel -= Bx(insn);                           \
    if (base + A(insn) > soft_end) [[unlikely]] \
      goto grow;                                \
    if (fuel < 0) [[unlikely]]                  \
      goto refuel;                              \
    NEXT();                                     \
  } while (false)
// Begins the code that base[-1] holds or is.
#define BEGIN_CODE(object)                        \
  do {                                            \
    const Object* begun = (object);               \
    constants = code::Constants(begun);           \
    pc = ScriptCode::First(code::Pointer(begun)); \
    NEXT();                                       \
  } while (false)

template <bool kProbed>
TurnEnd Interpreter::Run(const Instruction* pc, Value* base, const Value* constants) {
  static const void* const kLabels[] = {
#define VESICLE_OP_LABEL(name, format, doc) &&L_##name,
      VESICLE_OPCODES(VESICLE_OP_LABEL)
#undef VESICLE_OP_LABEL
  };
  ScriptStack& s = *stack_;
  Core& core = core_;
  ScriptStack::Frame* top = s.frames_top;
  const Value* soft_end = s.soft_end();
  int64_t fuel = core.fuel;
  Instruction insn = 0;
  const Instruction* at = pc;
  const Instruction* loop_end = nullptr;
  const Instruction* loop_start = nullptr;
  Core::Need need = Core::Need::kSteps;
  Value value;
  // A result in two words, so that jumps cross nothing that is made or unmade.
  BuiltinResult result = BuiltinResult::Of(value);

  if (s.job != nullptr) [[unlikely]]
    goto work_on_job;
  NEXT();

  // --- frames
  CASE(Enter) { ENTER_FRAME(); }
  CASE(Charge) {
    fuel -= Bx(insn);
    if (fuel < 0) [[unlikely]]
      goto refuel;
    NEXT();
  }
  CASE(Call) {
    Value* r = base + A(insn);
    if (!IsKind(*r, Kind::kFunction)) [[unlikely]]
      goto slow;
    const Object* code = code::Of(r->data());
    const CodeHeader& header = *static_cast<const CodeHeader*>(code::Pointer(code));
    if (B(insn) != header.params_min || B(insn) != header.params_max) [[unlikely]] {
      if (header.params_max != CodeHeader::kParamsAny || B(insn) < header.params_min ||
          B(insn) > kBuiltinArgsMax) {
        goto slow;
      }
      s.count_here = B(insn);
    }
    if (top == s.frames_end) [[unlikely]]
      goto grow_frames;
    *top++ = {pc, constants};
    base = r + 1;
    BEGIN_CODE(code);
  }
  CASE(CallKnown) {
    Value* r = base + A(insn);
    if (top == s.frames_end) [[unlikely]]
      goto grow_frames;
    const Value known = constants[Bx(insn)];
    *r = known;
    *top++ = {pc, constants};
    base = r + 1;
    const Object* code = known.data();
    constants = code::Constants(code);
    pc = ScriptCode::First(code::Pointer(code));
    if constexpr (!kProbed) {
      insn = *pc++;  // Enter
      ENTER_FRAME();
    }
    NEXT();
  }
  CASE(TailCall) {
    Value* r = base + A(insn);
    if (!IsKind(*r, Kind::kFunction)) [[unlikely]]
      goto slow;
    const Object* code = code::Of(r->data());
    const CodeHeader& header = *static_cast<const CodeHeader*>(code::Pointer(code));
    if (B(insn) != header.params_min || B(insn) != header.params_max) [[unlikely]] {
      if (header.params_max != CodeHeader::kParamsAny || B(insn) < header.params_min ||
          B(insn) > kBuiltinArgsMax) {
        goto slow;
      }
      s.count_here = B(insn);
    }
    const uint32_t count = B(insn) + 1;
    for (uint32_t i = 0; i < count; ++i) base[static_cast<int64_t>(i) - 1] = r[i];
    BEGIN_CODE(code);
  }
  CASE(TailCallKnown) {
    const Value* r = base + A(insn);
    const Value known = constants[pc[0]];
    base[-1] = known;
    const uint32_t count = B(insn);
    for (uint32_t i = 0; i < count; ++i) base[i] = r[i + 1];
    BEGIN_CODE(known.data());
  }
  CASE(CallBuiltin) goto slow;
  CASE(CallBuiltinHere) goto slow;
  CASE(Return) {
    base[-1] = RA;
    --top;
    pc = top->pc;
    constants = top->constants;
    base -= A(pc[-1]) + 1;
    NEXT();
  }
  CASE(ReturnCharged) {
    fuel -= Bx(insn);
    base[-1] = RA;
    --top;
    pc = top->pc;
    constants = top->constants;
    base -= A(pc[-1]) + 1;
    // Below the outermost frame there is only the end of the turn.
    if (fuel < 0 && constants != nullptr) [[unlikely]]
      goto refuel;
    NEXT();
  }
  CASE(Finish) {
    // base[0] is what the outermost frame returned.
    if (is_pure_) [[unlikely]] {
      core.fuel = fuel;
      return TurnEnd::kDone;
    }
    if (!core.turn().slot.is_nil()) core.StageReply(base[0]);
    goto turn_done;
  }
  CASE(End) { goto turn_done; }
  CASE(EndIfLast) {
    if (RA == Value::SmallInt(static_cast<int64_t>(ActMode::kLast))) {
      goto turn_done;
    }
    NEXT();
  }

  // --- registers
  CASE(Move) {
    RA = RB;
    NEXT();
  }
  CASE(LoadConstant) {
    RA = constants[Bx(insn)];
    NEXT();
  }
  CASE(LoadWord) {
    RA = Value::FromBits(Bx(insn));
    NEXT();
  }
  CASE(LoadInt) {
    RA = Value::SmallInt(SignedBx(insn));
    NEXT();
  }
  CASE(LoadCapture) {
    RA = CAPTURE(Bx(insn));
    NEXT();
  }
  CASE(LoadItem) {
    RA = constants[Bx(insn)].data()->words()[pc[0]];
    pc += 1;
    NEXT();
  }
  CASE(LoadSelf) {
    RA = core.turn().self;
    NEXT();
  }
  CASE(LoadHolder) {
    RA = base[-1];
    NEXT();
  }

  // --- arithmetic
  ARITHMETIC(Add, __builtin_add_overflow)
  ARITHMETIC(Subtract, __builtin_sub_overflow)
  ARITHMETIC_INT(AddInt, __builtin_add_overflow)
  ARITHMETIC_INT(SubtractInt, __builtin_sub_overflow)
  ARITHMETIC_CAPTURE_INT(AddCaptureInt, __builtin_add_overflow)
  ARITHMETIC_CAPTURE_INT(SubtractCaptureInt, __builtin_sub_overflow)
  CASE(Multiply) {
    const Value b = RB, c = RC;
    int64_t out;
    if (!BothInts(b, c) || __builtin_mul_overflow(Signed(b), c.small_int(), &out)) [[unlikely]]
      goto slow;
    RA = Value::FromBits(static_cast<uint64_t>(out));
    NEXT();
  }
  CASE(Divide) {
    const Value b = RB, c = RC;
    // By -1 the smallest integer overflows its word.
    if (!BothInts(b, c) || c.bits() == 0 || Signed(c) == -8) [[unlikely]]
      goto slow;
    RA = Value::SmallInt(Signed(b) / Signed(c));
    NEXT();
  }
  CASE(Remainder) {
    const Value b = RB, c = RC;
    if (!BothInts(b, c) || c.bits() == 0 || Signed(c) == -8) [[unlikely]]
      goto slow;
    RA = Value::FromBits(static_cast<uint64_t>(Signed(b) % Signed(c)));
    NEXT();
  }
  CASE(Power) goto slow;
  CASE(Negate) goto slow;
  CASE(Not) {
    const Value b = RB;
    if (!b.is_bool()) [[unlikely]]
      goto slow;
    RA = Value::Bool(!b.is_true());
    NEXT();
  }
  CASE(Equal) {
    const Fast same = SameFast(RB, RC);
    if (same == Fast::kUnknown) goto slow;
    RA = Value::Bool(same == Fast::kYes);
    NEXT();
  }
  CASE(NotEqual) {
    const Fast same = SameFast(RB, RC);
    if (same == Fast::kUnknown) goto slow;
    RA = Value::Bool(same == Fast::kNo);
    NEXT();
  }
  CASE(Less) {
    const Value b = RB, c = RC;
    if (!BothInts(b, c)) [[unlikely]]
      goto slow;
    RA = Value::Bool(Signed(b) < Signed(c));
    NEXT();
  }
  CASE(LessEq) {
    const Value b = RB, c = RC;
    if (!BothInts(b, c)) [[unlikely]]
      goto slow;
    RA = Value::Bool(Signed(b) <= Signed(c));
    NEXT();
  }

  // --- jumps
  CASE(Jump) {
    pc += Jump24(insn);
    NEXT();
  }
  CASE(JumpTrue) {
    const Value a = RA;
    if (a.is_true()) {
      TAKE_JUMP();
    } else {
      if (!a.is_false()) [[unlikely]]
        goto slow;
      pc += 1;
    }
    NEXT();
  }
  CASE(JumpFalse) {
    const Value a = RA;
    if (a.is_false()) {
      TAKE_JUMP();
    } else {
      if (!a.is_true()) [[unlikely]]
        goto slow;
      pc += 1;
    }
    NEXT();
  }
  CASE(JumpEqual) {
    const Fast same = SameFast(RA, RB);
    if (same == Fast::kUnknown) goto slow;
    if (same == Fast::kYes) {
      TAKE_JUMP();
    } else {
      pc += 1;
    }
    NEXT();
  }
  CASE(JumpNotEqual) {
    const Fast same = SameFast(RA, RB);
    if (same == Fast::kUnknown) goto slow;
    if (same == Fast::kNo) {
      TAKE_JUMP();
    } else {
      pc += 1;
    }
    NEXT();
  }
  JUMP_INT(JumpEqualInt, RA, ==, true)
  JUMP_INT(JumpNotEqualInt, RA, ==, false)
  JUMP_REGISTERS(JumpLess, <, true)
  JUMP_REGISTERS(JumpNotLess, <, false)
  JUMP_REGISTERS(JumpLessEq, <=, true)
  JUMP_REGISTERS(JumpNotLessEq, <=, false)
  JUMP_INT(JumpLessInt, RA, <, true)
  JUMP_INT(JumpNotLessInt, RA, <, false)
  JUMP_INT(JumpLessEqInt, RA, <=, true)
  JUMP_INT(JumpNotLessEqInt, RA, <=, false)
  JUMP_INT(JumpMoreInt, RA, >, true)
  JUMP_INT(JumpNotMoreInt, RA, >, false)
  JUMP_INT(JumpMoreEqInt, RA, >=, true)
  JUMP_INT(JumpNotMoreEqInt, RA, >=, false)
  JUMP_INT(JumpCaptureEqualInt, CAPTURE(A(insn)), ==, true)
  JUMP_INT(JumpCaptureNotEqualInt, CAPTURE(A(insn)), ==, false)
  JUMP_INT(JumpCaptureLessInt, CAPTURE(A(insn)), <, true)
  JUMP_INT(JumpCaptureNotLessInt, CAPTURE(A(insn)), <, false)
  JUMP_INT(JumpCaptureLessEqInt, CAPTURE(A(insn)), <=, true)
  JUMP_INT(JumpCaptureNotLessEqInt, CAPTURE(A(insn)), <=, false)
  JUMP_INT(JumpCaptureMoreInt, CAPTURE(A(insn)), >, true)
  JUMP_INT(JumpCaptureNotMoreInt, CAPTURE(A(insn)), >, false)
  JUMP_INT(JumpCaptureMoreEqInt, CAPTURE(A(insn)), >=, true)
  JUMP_INT(JumpCaptureNotMoreEqInt, CAPTURE(A(insn)), >=, false)
  CASE(JumpBroken) {
    if (core.turn().flag() == EventFlag::kBroken) {
      TAKE_JUMP();
    } else {
      pc += 1;
    }
    NEXT();
  }
  CASE(LoopTrue) {
    const Value a = RA;
    if (a.is_true()) TAKE_LOOP();
    if (!a.is_false()) [[unlikely]]
      goto slow;
    pc += 1;
    NEXT();
  }
  LOOP_REGISTERS(LoopLess, <)
  LOOP_REGISTERS(LoopLessEq, <=)
  LOOP_INT(LoopLessInt, <)
  LOOP_INT(LoopLessEqInt, <=)
  LOOP_INT(LoopMoreInt, >)
  LOOP_INT(LoopMoreEqInt, >=)
  CASE(ListBegin) {
    Value* r = base + A(insn);
    if (!IsList(r[0])) [[unlikely]]
      goto slow;
    r[1] = kListStart;
    r[2] = Value::Nil();
    if (ListNext(r[0], r[1], r[2], r[3])) {
      pc += 1;
    } else {
      TAKE_JUMP();
    }
    NEXT();
  }
  CASE(ListNext) {
    Value* r = base + A(insn);
    if (ListNext(r[0], r[1], r[2], r[3])) TAKE_LOOP();
    pc += 1;
    NEXT();
  }
  CASE(RangeBegin) {
    Value* r = base + A(insn);
    if (!BothInts(r[0], r[1])) [[unlikely]]
      goto slow;
    if (Signed(r[0]) <= Signed(r[1])) {
      r[2] = r[0];
      pc += 1;
    } else {
      TAKE_JUMP();
    }
    NEXT();
  }
  CASE(RangeNext) {
    Value* r = base + A(insn);
    if (!BothInts(r[0], r[1])) [[unlikely]]
      goto slow;
    if (Signed(r[0]) < Signed(r[1])) {
      r[0] = r[2] = Value::FromBits(r[0].bits() + Value::SmallInt(1).bits());
      TAKE_LOOP();
    }
    pc += 1;
    NEXT();
  }

  // --- data
  CASE(MakeTagged) {
    const uint32_t count = B(insn);
    Object* o = heap_.AllocateRaw(Kind::kTagged, count + 1);
    o->words()[0] = constants[pc[0]];
    CopyWords(o->words() + 1, base + A(insn), count);
    RA = Value::Data(o);
    pc += 1;
    NEXT();
  }
  CASE(MakeList) {
    // At most a few dozen elements: never fails.
    RA = vesicle::MakeList(heap_, {base + A(insn), B(insn)}).value();
    NEXT();
  }
  CASE(MakeMap) goto slow;
  CASE(ListAppend) {
    RA = Append(heap_, RA, RB);
    NEXT();
  }
  CASE(ListPrepend) {
    const Value list = RC;
    if (!IsList(list)) [[unlikely]]
      goto slow;
    RA = Prepend(heap_, RB, list);
    NEXT();
  }
  CASE(ListSpread) goto slow;
  CASE(MapPut) goto slow;
  CASE(MapSpread) goto slow;
  CASE(Concat) goto slow;
  CASE(MakeRange) goto slow;
  CASE(Interpolate) goto slow;
  CASE(Index) {
    const Value object = RB, index = RC;
    if (!IsList(object) || !index.is_int() ||
        static_cast<uint64_t>(index.small_int()) >= ListSize(object)) {
      goto slow;
    }
    RA = ListAt(object, static_cast<uint64_t>(index.small_int()));
    NEXT();
  }
  CASE(Field) goto slow;
  CASE(MakeFunction) {
    RA = Value::Data(NewHolder(Kind::kFunction, constants[Bx(insn)], base + A(insn)));
    NEXT();
  }
  CASE(MakeBehavior) {
    RA = Value::Data(NewHolder(Kind::kBehavior, constants[Bx(insn)], base + A(insn)));
    NEXT();
  }

  // --- patterns
  CASE(TestWord) {
    if (RA == constants[Bx(insn)]) {
      pc += 1;
    } else {
      TAKE_JUMP();
    }
    NEXT();
  }
  CASE(TestInt) {
    if (RA == Value::SmallInt(SignedBx(insn))) {
      pc += 1;
    } else {
      TAKE_JUMP();
    }
    NEXT();
  }
  CASE(TestTagged) {
    const Value a = RA;
    if (IsKind(a, Kind::kTagged) && a.data()->count == B(insn) + 1 &&
        a.data()->words()[0] == constants[pc[0]]) {
      pc += 2;
    } else {
      pc += 2 + static_cast<int32_t>(pc[1]);
    }
    NEXT();
  }
  CASE(TestTag) {
    Value* r = base + A(insn);
    const Value a = *r;
    const uint32_t count = B(insn);
    if (IsKind(a, Kind::kTagged) && a.data()->count == count + 1 &&
        a.data()->words()[0] == constants[pc[0]]) {
      const Value* fields = a.data()->words() + 1;
      for (uint32_t i = 0; i < count; ++i) r[1 + i] = fields[i];
      pc += 2;
    } else {
      pc += 2 + static_cast<int32_t>(pc[1]);
    }
    NEXT();
  }
  CASE(TestList) {
    const Value a = RA;
    if (IsList(a) && ListSize(a) == Bx(insn)) {
      pc += 1;
    } else {
      TAKE_JUMP();
    }
    NEXT();
  }
  CASE(TestListMin) {
    const Value a = RA;
    if (IsList(a) && ListSize(a) >= Bx(insn)) {
      pc += 1;
    } else {
      TAKE_JUMP();
    }
    NEXT();
  }
  CASE(TestMap) {
    const Value a = RA;
    if (IsMap(a) && MapSize(a) == Bx(insn)) {
      pc += 1;
    } else {
      TAKE_JUMP();
    }
    NEXT();
  }
  CASE(TestMapMin) {
    const Value a = RA;
    if (IsMap(a) && MapSize(a) >= Bx(insn)) {
      pc += 1;
    } else {
      TAKE_JUMP();
    }
    NEXT();
  }
  CASE(TaggedField) {
    RA = RB.data()->words()[1 + C(insn)];
    NEXT();
  }
  CASE(ListItem) {
    RA = ListAt(RB, C(insn));
    NEXT();
  }
  CASE(ListItemBack) {
    RA = ListAt(RB, ListSize(RB) - C(insn));
    NEXT();
  }
  CASE(ListRest) {
    const Value list = RB;
    const uint64_t from = C(insn);
    RA = Slice(heap_, list, from, ListSize(list) - from - pc[0]);
    pc += 1;
    NEXT();
  }
  CASE(MapFind) goto slow;
  CASE(MapWithout) goto slow;
  CASE(NoClause) goto slow;

  // --- failing
  CASE(Fail) {
    reason_ = RA;
    how_ = FailHow::kGuest;
    at = pc - 1;
    goto failed;
  }
  CASE(Reraise) {
    reason_ = RA;
    how_ = FailHow::kReraise;
    at = pc - 1;
    goto failed;
  }
  CASE(Try) {
    if (s.handlers.size() >= kTryDepthMax) [[unlikely]] {
      reason_ = Reason("limit", "more than " + std::to_string(kTryDepthMax) + " `try` at once");
      how_ = FailHow::kLimit;
      at = pc - 1;
      goto failed;
    }
    s.handlers.push_back({pc + 1 + static_cast<int32_t>(pc[0]), constants, s.Offset(base),
                          static_cast<uint32_t>(top - s.frames), static_cast<uint16_t>(Bx(insn)),
                          static_cast<uint8_t>(A(insn))});
    pc += 1;
    NEXT();
  }
  CASE(EndTry) {
    s.handlers.pop_back();
    NEXT();
  }
  CASE(FailExpect) goto slow;

  // --- acting
  CASE(Send) {
    const Value target = RA;
    if (!target.is_target()) [[unlikely]]
      goto slow;
    if (!core.Send(target, RB, Value::Nil())) [[unlikely]]
      goto no_events;
    NEXT();
  }
  CASE(SendAsk) {
    const Value target = RB;
    if (!target.is_target()) [[unlikely]]
      goto slow;
    const Value promise = core.NewPromise();
    if (!core.Send(target, RC, promise)) [[unlikely]]
      goto no_events;
    RA = promise;
    NEXT();
  }
  CASE(SendLast) {
    const Value target = RA;
    if (!target.is_target()) [[unlikely]]
      goto slow;
    value = RB;
    goto send_last;
  }
  CASE(SendSlot) {
    const Value target = RA;
    if (!target.is_target()) [[unlikely]]
      goto slow;
    if (!core.Send(target, RB, RC)) [[unlikely]]
      goto no_events;
    NEXT();
  }
  CASE(SendSelf) {
    if (!core.Send(core.turn().self, RA, Value::Nil())) [[unlikely]]
      goto no_events;
    NEXT();
  }
  CASE(SendSelfLast) {
    if (!core.Send(core.turn().self, RA, core.turn().slot)) [[unlikely]]
      goto no_events;
    goto turn_done;
  }
  CASE(SendCapture) {
    const Value target = CAPTURE(A(insn));
    if (!target.is_target()) [[unlikely]]
      goto slow;
    if (!core.Send(target, RB, Value::Nil())) [[unlikely]]
      goto no_events;
    NEXT();
  }
  CASE(SendCaptureLast) {
    const Value target = CAPTURE(A(insn));
    if (!target.is_target()) [[unlikely]]
      goto slow;
    if (!core.Send(target, RB, core.turn().slot)) [[unlikely]]
      goto no_events;
    goto turn_done;
  }
  CASE(ForwardLast) {
    const Value target = CAPTURE(A(insn));
    if (!target.is_target()) [[unlikely]]
      goto slow;
    if (!core.Send(target, core.turn().message, core.turn().slot)) [[unlikely]]
      goto no_events;
    goto turn_done;
  }
  CASE(LoadSlot) {
    RA = core.turn().slot;
    NEXT();
  }
  CASE(NewPromise) {
    RA = core.NewPromise();
    NEXT();
  }
  CASE(SlotByMode) {
    switch (static_cast<ActMode>(RB.small_int())) {
      case ActMode::kUnused:
        RA = Value::Nil();
        break;
      case ActMode::kValue:
        RA = core.NewPromise();
        break;
      case ActMode::kLast:
        RA = core.turn().slot;
        break;
    }
    NEXT();
  }
  CASE(Create) {
    const Value behavior = RB;
    if (!IsBehavior(behavior)) [[unlikely]]
      goto slow;
    RA = core.CreateActor(behavior);
    NEXT();
  }
  CASE(CreateKnown) {
    const Value code = constants[Bx(insn)];
    const uint32_t count = CapturesOf(code);
    Object* o = core.NewActor(code.data(), count);
    CopyWords(o->words() + 1, base + A(insn), count);
    RA = Value::Target(o);
    NEXT();
  }
  CASE(Become) {
    const Value behavior = RA;
    if (!IsBehavior(behavior)) [[unlikely]]
      goto slow;
    core.StageBecome(behavior);
    NEXT();
  }
  CASE(BecomeLast) {
    const Value code = constants[Bx(insn)];
    Object* actor = base[-1].object();
    if (!TakesAtOnce(actor) ||
        !actor::SetInPlace(heap_, actor, code, base + A(insn), CapturesOf(code))) [[unlikely]] {
      core.StageBecome(Value::Data(NewHolder(Kind::kBehavior, code, base + A(insn))));
    }
    goto became;
  }
  CASE(BecomeWithLast) {
    // In place there is always room.
    Object* holder = base[-1].object();
    if (TakesAtOnce(holder)) [[likely]] {
      heap_.WillWrite(holder);
    } else {
      // The captures of an actor that was extended meanwhile lie where they lay; its code does not.
      holder = NewHolder(Kind::kBehavior, CodeAt(constants), holder->words() + 1);
      core.StageBecome(Value::Data(holder));
    }
    const Value* changed = base + A(insn);
    for (uint32_t set = pc[0]; set != 0; set &= set - 1) {
      holder->words()[1 + std::countr_zero(set)] = *changed++;
    }
    goto became;
  }
  CASE(When) {
    const Value continuation = core.NewContinuation(RA.data(), RC);
    if (!core.Listen(RB, continuation)) [[unlikely]]
      goto no_events;
    NEXT();
  }
  CASE(Task) {
    const Value continuation = core.NewContinuation(RA.data(), RB);
    if (!core.StartTask(continuation)) [[unlikely]]
      goto no_events;
    NEXT();
  }
  CASE(Await) {
    core.fuel = fuel;
    return Await(pc - 1, base, constants);
  }

  // --- out of the line -----------------------------------------------------------
send_last:
  if (!core.Send(RA, value, core.turn().slot)) [[unlikely]]
    goto no_events;
  goto turn_done;
became:
  if (!core.turn().slot.is_nil()) core.StageReply(Value::Nil());
turn_done:
  core.fuel = fuel;
  if (s.has_grown()) [[unlikely]] {
    EndRun();
    return TurnEnd::kDone;
  }
  if constexpr (!kProbed) {
    // Straight to the next turn, if that is one of ours.
    if (Object* actor = core.TakeNext(EnterScript)) {
      base = s.first_base();
      base[-1] = Value::Target(actor);
      base[0] = core.turn().message;
      top = s.frames + 1;
      const Object* code = code::Of(actor);
      constants = code::Constants(code);
      pc = ScriptCode::First(code::Pointer(code));
      insn = *pc++;  // Enter
      ENTER_FRAME();
    }
  }
  return TurnEnd::kDone;

slow:
  at = pc - 1;
  core.fuel = fuel;
  how_ = FailHow::kReason;
  result = Slow(at, base, constants);
  fuel = core.fuel;
take_result:
  switch (result.kind()) {
    case BuiltinResult::Kind::kValue:
      break;
    case BuiltinResult::Kind::kFailed:
      reason_ = result.value();
      goto failed;
    case BuiltinResult::Kind::kMemory:
      pc = at;
      goto no_memory;
    case BuiltinResult::Kind::kMore:
    case BuiltinResult::Kind::kNoRoom:
    case BuiltinResult::Kind::kJob:
      s.job = result.take_job();
      goto work_on_job;
  }
  // deliver: `value` is what instruction `at` yields.
  value = result.value();
  s.tries = 0;
  {
    const DeliveryRow row = kDelivery.rows[*at & 255];
    pc = at + row.words;
    const int32_t jump = static_cast<int32_t>(pc[-1]);  // where there is one, it is the last word
    switch (row.how) {
      case Delivery::kStore:
        base[A(*at)] = value;
        break;
      case Delivery::kNothing:
        break;
      case Delivery::kJumpWhenTrue:
        if (value.is_true()) pc += jump;
        break;
      case Delivery::kJumpWhenFalse:
        if (value.is_false()) pc += jump;
        break;
      case Delivery::kLoop:
        if (value.is_true()) {
          fuel -= C(*at);
          pc += jump;
        }
        break;
      case Delivery::kFind:
        if (value.is_absent()) {
          pc += jump;
        } else {
          base[A(*at)] = value;
        }
        break;
    }
    if (fuel < 0) goto refuel;
    NEXT();
  }

work_on_job:
  core.fuel = fuel;
  how_ = FailHow::kReason;
  result = RunJob(at);
  fuel = core.fuel;
  if (result.kind() == BuiltinResult::Kind::kMore) {
    s.tries = 0;  // it got further
    const bool is_over = heap_.over_allowance();
    if (fuel >= 0 && !is_over) goto work_on_job;
    pc = at;
    if (is_over && is_pure_) goto no_memory;
    goto refuel;
  }
  if (result.kind() == BuiltinResult::Kind::kNoRoom) {
    pc = at;
    goto no_memory;
  }
  s.job.reset();
  goto take_result;

grow : {
  const uint32_t offset = s.Offset(base);
  const ScriptStack::Grown grown = s.Grow(base + A(insn));
  base = s.At(offset);
  soft_end = s.soft_end();
  if (grown == ScriptStack::Grown::kNoMemory) {
    --pc;
    goto no_memory;
  }
  if (grown == ScriptStack::Grown::kTooDeep) {
    at = pc - 1;
    how_ = FailHow::kLimit;
    reason_ = Reason("limit", "the calls of one turn take more than " +
                                  std::to_string(ScriptStack::kRegistersTotalMax) + " registers");
    goto failed;
  }
  s.tries = 0;
  if (fuel < 0) goto refuel;
  NEXT();
}

grow_frames : {
  s.frames_top = top;
  const ScriptStack::Grown grown = s.GrowFrames();
  top = s.frames_top;
  --pc;  // the call again
  if (grown == ScriptStack::Grown::kNoMemory) goto no_memory;
  if (grown == ScriptStack::Grown::kTooDeep) {
    at = pc;
    how_ = FailHow::kLimit;
    reason_ = Reason("limit", "calls are nested more than " +
                                  std::to_string(core.options().call_depth_max) + " deep");
    goto failed;
  }
  s.tries = 0;
  NEXT();
}

no_memory:
  // What is dead goes, and the instruction at pc starts over, or its job goes on: twice, as the
  // first collection may have been of the young only.
  if (is_pure_ || s.tries == 2) {
    at = pc;
    how_ = FailHow::kMemory;
    goto failed;
  }
  need = s.tries++ == 0 ? Core::Need::kMemory : Core::Need::kAllMemory;

refuel:
  loop_end = nullptr;  // what runs may be other code at the same place afterwards
  s.pc = pc;
  s.constants = constants;
  s.base = s.Offset(base);
  s.frames_top = top;
  core.fuel = fuel;
  switch (is_pure_ ? (RefuelPure() ? Core::Fuel::kGo : Core::Fuel::kTurnTooLong)
                   : core.Refuel(std::exchange(need, Core::Need::kSteps))) {
    case Core::Fuel::kGo:
      s.pc = nullptr;
      fuel = core.fuel;
      soft_end = s.soft_end();
      if (s.job != nullptr) {
        at = pc;
        goto work_on_job;
      }
      NEXT();
    case Core::Fuel::kSuspend:
      s.tries = std::min<uint8_t>(s.tries, 1);  // it may have waited for room
      return Suspend();
    case Core::Fuel::kQuotaMemory:
      how_ = FailHow::kMemory;
      break;
    case Core::Fuel::kQuotaSteps:
    case Core::Fuel::kTurnTooLong:
      if (!is_pure_) how_ = FailHow::kSteps;
      break;
  }
  at = pc;
  goto failed;

no_events:
  at = pc - 1;
  how_ = FailHow::kEvents;
  goto failed;

  [[maybe_unused]] stopped_by_probe : at = pc;
  how_ = FailHow::kSteps;

failed:
  s.tries = 0;
  if (how_ <= FailHow::kReraise && !s.handlers.empty()) {
    const ScriptStack::TryHandler handler = s.handlers.back();
    s.handlers.pop_back();
    top = s.frames + handler.depth;
    base = s.At(handler.base);
    pc = handler.pc;
    constants = handler.constants;
    base[handler.reg] = how_ == FailHow::kGuest ? FailedReason(reason_) : reason_;
    // As many may come up one after the other as there are frames.
    fuel -= handler.steps;
    if (fuel < 0) [[unlikely]]
      goto refuel;
    NEXT();
  }
  core.fuel = fuel;
  s.frames_top = top;
  return Report(at, constants);
}

template TurnEnd Interpreter::Run<false>(const Instruction*, Value*, const Value*);
template TurnEnd Interpreter::Run<true>(const Instruction*, Value*, const Value*);

}  // namespace vesicle
