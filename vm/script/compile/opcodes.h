// Opcodes: the instructions of the register machine, in one table that is the
// enum, the dispatch table, the formats of the disassembler and the documentation.
//
// An instruction is a word of 32 bits: the opcode in bits 0..7, then a (8..15),
// b (16..23), c (24..31); or a and a half word bx (16..31); or a jump of 24 bits.
// Some have one or two further words. A register R[n] is a Value of the running
// frame; R[-1] is the *holder*: the actor, function or code that runs. K[n] is a
// constant of the running code. A jump counts words from the end of its
// instruction.
//
// Frames overlap as in Lua 5: a call puts its arguments into R[a+1..]; these are
// R[0..] of the callee, R[a] is its holder and receives its result.
//
// Layout of code in memory (code.h, word 2): a header of two words (CodeHeader),
// then the instructions; the first is Enter.
//
//   letters of a format            further words
//   a b c   a register             J  jump, signed
//   p q r   a number in a, b, c    K  index of a constant
//   s       signed number in b     N  a number
//   t       signed number in c
//   k       constant in bx
//   i u     signed, unsigned bx
//   j       jump of 24 bits
#ifndef VESICLE_VM_SCRIPT_COMPILE_OPCODES_H_
#define VESICLE_VM_SCRIPT_COMPILE_OPCODES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vesicle {

// clang-format off
//  name             format   what it does
#define VESICLE_OPCODES(X)                                                                       \
  /* Frames. */                                                                                  \
  X(Enter,           "pu",    "begins a frame of p registers; charges u steps")                  \
  X(Charge,          "u",     "charges u steps")                                                 \
  X(Call,            "aq",    "R[a] = R[a](R[a+1], ... q arguments)")                            \
  X(CallKnown,       "ak",    "R[a] = the function K[k](R[a+1], ...)")                           \
  X(TailCall,        "aq",    "as Call, in place of the running frame")                          \
  X(TailCallKnown,   "aq" "K","as CallKnown with q arguments, in place of the running frame")    \
  X(CallBuiltin,     "aq" "N","R[a] = builtin N(R[a], ... q arguments)")                         \
  X(CallBuiltinHere, "a"  "N","R[0] = builtin N over the arguments of this frame; R[a] says how many") \
  X(Return,          "a",     "the call's result is R[a]")                                       \
  X(ReturnCharged,   "au",    "as Return; charges u steps for what ran since the first call")    \
  X(Finish,          "",      "ends the turn; R[-1], the value of its code, is the reply")       \
  X(End,             "",      "ends the turn without a reply: the slot went along")              \
  X(EndIfLast,       "a",     "End, if the act was called in last position (R[a] is its mode)")  \
  /* Registers. */                                                                               \
  X(Move,            "ab",    "R[a] = R[b]")                                                     \
  X(LoadConstant,    "ak",    "R[a] = K[k]")                                                     \
  X(LoadWord,        "au",    "R[a] = the value whose word is u: nil, true, false")              \
  X(LoadInt,         "ai",    "R[a] = i")                                                        \
  X(LoadCapture,     "au",    "R[a] = capture u of the holder")                                  \
  X(LoadItem,        "ak" "N","R[a] = item N of the module table K[k]")                          \
  X(LoadSelf,        "a",     "R[a] = the actor that runs")                                      \
  X(LoadHolder,      "a",     "R[a] = the function that runs")                                   \
  /* Arithmetic. */                                                                              \
  X(Add,             "abc",   "R[a] = R[b] + R[c]")                                              \
  X(Subtract,        "abc",   "R[a] = R[b] - R[c]")                                              \
  X(Multiply,        "abc",   "R[a] = R[b] * R[c]")                                              \
  X(AddInt,          "abt",   "R[a] = R[b] + t")                                                 \
  X(SubtractInt,     "abt",   "R[a] = R[b] - t")                                                 \
  X(AddCaptureInt,   "aqt",   "R[a] = capture q + t")                                            \
  X(SubtractCaptureInt, "aqt","R[a] = capture q - t")                                            \
  X(Divide,          "abc",   "R[a] = R[b] / R[c]")                                              \
  X(Remainder,       "abc",   "R[a] = R[b] % R[c]")                                              \
  X(Power,           "abc",   "R[a] = R[b] ** R[c]")                                             \
  X(Negate,          "ab",    "R[a] = -R[b]")                                                    \
  X(Not,             "ab",    "R[a] = not R[b]")                                                 \
  X(Equal,           "abc",   "R[a] = R[b] == R[c]")                                             \
  X(NotEqual,        "abc",   "R[a] = R[b] != R[c]")                                             \
  X(Less,            "abc",   "R[a] = R[b] < R[c]")                                              \
  X(LessEq,          "abc",   "R[a] = R[b] <= R[c]")                                             \
  /* Jumps. The forms with Not jump when the comparison is not so (also with NaN). */            \
  X(Jump,            "j",     "goes on at j")                                                    \
  X(JumpTrue,        "aq" "J","jumps if R[a]; a fault if it is no bool, in the words of q")      \
  X(JumpFalse,       "aq" "J","jumps if not R[a]; a fault if it is no bool, in the words of q")  \
  X(JumpEqual,       "ab" "J","jumps if R[a] == R[b]")                                           \
  X(JumpNotEqual,    "ab" "J","jumps if not R[a] == R[b]")                                       \
  X(JumpEqualInt,    "as" "J","jumps if R[a] == s")                                              \
  X(JumpNotEqualInt, "as" "J","jumps if not R[a] == s")                                          \
  X(JumpLess,        "ab" "J","jumps if R[a] < R[b]")                                            \
  X(JumpNotLess,     "ab" "J","jumps if not R[a] < R[b]")                                        \
  X(JumpLessEq,      "ab" "J","jumps if R[a] <= R[b]")                                           \
  X(JumpNotLessEq,   "ab" "J","jumps if not R[a] <= R[b]")                                       \
  X(JumpLessInt,     "as" "J","jumps if R[a] < s")                                               \
  X(JumpNotLessInt,  "as" "J","jumps if not R[a] < s")                                           \
  X(JumpLessEqInt,   "as" "J","jumps if R[a] <= s")                                              \
  X(JumpNotLessEqInt,"as" "J","jumps if not R[a] <= s")                                          \
  X(JumpMoreInt,     "as" "J","jumps if R[a] > s")                                               \
  X(JumpNotMoreInt,  "as" "J","jumps if not R[a] > s")                                           \
  X(JumpMoreEqInt,   "as" "J","jumps if R[a] >= s")                                              \
  X(JumpNotMoreEqInt,"as" "J","jumps if not R[a] >= s")                                          \
  /* The same of a capture and an integer. */                                                     \
  X(JumpCaptureEqualInt, "ps" "J","jumps if capture p == s")                                     \
  X(JumpCaptureNotEqualInt, "ps" "J","jumps if not capture p == s")                              \
  X(JumpCaptureLessInt, "ps" "J","jumps if capture p < s")                                       \
  X(JumpCaptureNotLessInt, "ps" "J","jumps if not capture p < s")                                \
  X(JumpCaptureLessEqInt, "ps" "J","jumps if capture p <= s")                                    \
  X(JumpCaptureNotLessEqInt, "ps" "J","jumps if not capture p <= s")                             \
  X(JumpCaptureMoreInt, "ps" "J","jumps if capture p > s")                                       \
  X(JumpCaptureNotMoreInt, "ps" "J","jumps if not capture p > s")                                \
  X(JumpCaptureMoreEqInt, "ps" "J","jumps if capture p >= s")                                    \
  X(JumpCaptureNotMoreEqInt, "ps" "J","jumps if not capture p >= s")                             \
  X(JumpBroken,      "J",     "jumps if the turn's event says that a promise was broken")        \
  /* Backward jumps at the end of a loop; they charge r steps. */                                \
  X(LoopTrue,        "aqr" "J","jumps back if R[a]; a fault if it is no bool")                   \
  X(LoopLess,        "abr" "J","jumps back if R[a] < R[b]")                                      \
  X(LoopLessEq,      "abr" "J","jumps back if R[a] <= R[b]")                                     \
  X(LoopLessInt,     "asr" "J","jumps back if R[a] < s")                                         \
  X(LoopLessEqInt,   "asr" "J","jumps back if R[a] <= s")                                        \
  X(LoopMoreInt,     "asr" "J","jumps back if R[a] > s")                                         \
  X(LoopMoreEqInt,   "asr" "J","jumps back if R[a] >= s")                                        \
  /* For: R[a] the list, R[a+1] the position, R[a+2] the leaf, R[a+3] the element. */            \
  X(ListBegin,       "a"  "J","first element of the list R[a]; jumps if there is none")          \
  X(ListNext,        "ar" "J","next element: jumps back; r steps")                               \
  /* For over a range: R[a] the next integer, R[a+1] the last, R[a+2] the element. */            \
  X(RangeBegin,      "a"  "J","first integer of R[a]..R[a+1]; jumps if there is none")           \
  X(RangeNext,       "ar" "J","next integer: jumps back; r steps")                               \
  /* Data. */                                                                                    \
  X(MakeTagged,      "aq" "K","R[a] = tag K of the fields R[a], ... q of them")                  \
  X(MakeList,        "aq",    "R[a] = [R[a], ... q of them]")                                    \
  X(MakeMap,         "aq",    "R[a] = the map of q pairs R[a]: R[a+1], ...")                     \
  X(ListAppend,      "ab",    "R[a] = [...R[a], R[b]]")                                          \
  X(ListPrepend,     "abc",   "R[a] = [R[b], ...R[c]]")                                          \
  X(ListSpread,      "ab",    "R[a] = [...R[a], ...R[b]]")                                       \
  X(MapPut,          "abc",   "R[a] = {...R[a], [R[b]]: R[c]}")                                  \
  X(MapSpread,       "ab",    "R[a] = {...R[a], ...R[b]}")                                       \
  X(Concat,          "abc",   "R[a] = R[b] ++ R[c]")                                             \
  X(MakeRange,       "abc",   "R[a] = the list R[b]..R[c]")                                      \
  X(Interpolate,     "aq",    "R[a] = the text of R[a], ... q of them")                          \
  X(Index,           "abc",   "R[a] = R[b][R[c]]")                                               \
  X(Field,           "ab" "K","R[a] = R[b][K], K a text")                                        \
  X(MakeFunction,    "ak",    "R[a] = a function of code K[k] with its captures from R[a] on")   \
  X(MakeBehavior,    "ak",    "R[a] = a behavior of code K[k] with its captures from R[a] on")   \
  /* Patterns: a test that fails jumps. */                                                       \
  X(TestWord,        "ak" "J","jumps if R[a] is not the very word K[k]")                         \
  X(TestInt,         "ai" "J","jumps if R[a] is not the integer i")                              \
  X(TestTagged,      "aq" "KJ","jumps if R[a] is not tagged K with q fields")                    \
  X(TestTag,         "aq" "KJ","as TestTagged, and the q fields go to R[a+1], ...")              \
  X(TestList,        "au" "J","jumps if R[a] is not a list of u elements")                       \
  X(TestListMin,     "au" "J","jumps if R[a] is not a list of at least u elements")              \
  X(TestMap,         "au" "J","jumps if R[a] is not a map of u entries")                         \
  X(TestMapMin,      "au" "J","jumps if R[a] is not a map of at least u entries")                \
  X(TaggedField,     "abr",   "R[a] = field r of R[b]")                                          \
  X(ListItem,        "abr",   "R[a] = element r of R[b]")                                        \
  X(ListItemBack,    "abr",   "R[a] = element r of R[b], counted from the end, from 1")          \
  X(ListRest,        "abr" "N","R[a] = R[b] without its first r and its last N elements")        \
  X(MapFind,         "abc" "J","R[a] = R[b][R[c]]; jumps if the key is not there")               \
  X(MapWithout,      "abc",   "R[a] = R[b] without the key R[c]")                                \
  X(NoClause,        "aq",    "a fault: nothing takes R[a]; q says of what (NoClauseOf)")        \
  /* Failing. */                                                                                 \
  X(Fail,            "a",     "fails with R[a]")                                                 \
  X(Reraise,         "a",     "fails with the reason R[a] as it is")                             \
  X(Try,             "au" "J","until EndTry, a failure charges u steps, puts its reason in R[a] and jumps") \
  X(EndTry,          "",      "the innermost Try is over")                                       \
  X(FailExpect,      "abr" "K","an expectation K failed; its sides R[a] and R[b] (r = 1) or none") \
  /* Acting. */                                                                                  \
  X(Send,            "ab",    "R[a] <- R[b], nobody looks at the reply")                         \
  X(SendAsk,         "abc",   "R[a] = the promise of R[b] <- R[c]")                              \
  X(SendLast,        "ab",    "R[a] <- R[b] with the turn's slot; ends the turn")                \
  X(SendSlot,        "abc",   "R[a] <- R[b] with the slot R[c]")                                 \
  X(SendSelf,        "a",     "self <- R[a], nobody looks at the reply")                         \
  X(SendSelfLast,    "a",     "self <- R[a] with the turn's slot; ends the turn")                \
  X(SendCapture,     "pb",    "as Send, to capture p")                                           \
  X(SendCaptureLast, "pb",    "as SendLast, to capture p")                                       \
  X(ForwardLast,     "p",     "as SendLast: the message of the turn to capture p")               \
  X(LoadSlot,        "a",     "R[a] = the turn's slot, or nil")                                  \
  X(NewPromise,      "a",     "R[a] = a new promise")                                            \
  X(SlotByMode,      "ab",    "R[a] = what the act's mode R[b] wants for a slot")                \
  X(Create,          "ab",    "R[a] = a new actor of the behavior R[b]")                         \
  X(CreateKnown,     "ak",    "R[a] = a new actor of code K[k], its captures from R[a] on")      \
  X(Become,          "a",     "the behavior from the next event on is R[a]")                     \
  X(BecomeLast,      "ak",    "Become of code K[k], its captures from R[a] on; ends the turn")   \
  X(BecomeWithLast,  "a"  "N","Become of the code that runs: its captures of the bit set N are R[a], ..., the others stay; ends the turn") \
  X(When,            "abc",   "the function R[a] runs when R[b] settles; its value goes to slot R[c]") \
  X(Task,            "ab",    "the function R[a] runs as a turn; its value goes to slot R[b]")   \
  X(Await,           "abc" "J","R[a] = R[b] when it is kept, on timer promise R[c]; broken: R[a] is the reason, jumps (or fails: J is 0)")
// clang-format on

enum class Op : uint8_t {
#define VESICLE_OP_ENUM(name, format, doc) k##name,
  VESICLE_OPCODES(VESICLE_OP_ENUM)
#undef VESICLE_OP_ENUM
};

struct OpInfo {
  std::string_view name;
  std::string_view format;
  std::string_view doc;
};

inline constexpr OpInfo kOpTable[] = {
#define VESICLE_OP_ROW(name, format, doc) {#name, format, doc},
    VESICLE_OPCODES(VESICLE_OP_ROW)
#undef VESICLE_OP_ROW
};
inline constexpr int kOpCount = static_cast<int>(sizeof kOpTable / sizeof kOpTable[0]);
static_assert(kOpCount <= 256);

using Instruction = uint32_t;

namespace instruction {
constexpr Instruction Abc(Op op, uint32_t a, uint32_t b = 0, uint32_t c = 0) {
  return static_cast<uint32_t>(op) | (a << 8) | (b << 16) | (c << 24);
}
constexpr Instruction Abx(Op op, uint32_t a, uint32_t bx) {
  return static_cast<uint32_t>(op) | (a << 8) | (bx << 16);
}
constexpr Op OpOf(Instruction i) { return static_cast<Op>(i & 255); }
constexpr uint32_t A(Instruction i) { return (i >> 8) & 255; }
constexpr uint32_t B(Instruction i) { return (i >> 16) & 255; }
constexpr uint32_t C(Instruction i) { return i >> 24; }
constexpr uint32_t Bx(Instruction i) { return i >> 16; }
constexpr int32_t SignedB(Instruction i) { return static_cast<int8_t>(i >> 16); }
constexpr int32_t SignedC(Instruction i) { return static_cast<int8_t>(i >> 24); }
constexpr int32_t SignedBx(Instruction i) { return static_cast<int32_t>(i) >> 16; }
constexpr int32_t Jump24(Instruction i) { return static_cast<int32_t>(i) >> 8; }
}  // namespace instruction

// Further words that follow an instruction.
constexpr int FurtherWords(Op op) {
  int n = 0;
  for (char letter : kOpTable[static_cast<int>(op)].format) {
    n += letter == 'J' || letter == 'K' || letter == 'N';
  }
  return n;
}

// Stands before the first instruction.
struct CodeHeader {
  uint8_t params_min;
  uint8_t params_max;  // kParamsAny: any number, see CallBuiltinHere
  uint16_t captures;   // how many the holder has
  uint32_t registers;

  static constexpr uint8_t kParamsAny = 255;
};
static_assert(sizeof(CodeHeader) == 2 * sizeof(Instruction));

// How an act was called: a hidden argument after its parameters.
enum class ActMode : uint8_t { kUnused = 0, kValue = 1, kLast = 2 };

// Operand q of NoClause.
enum class NoClauseOf : uint8_t { kBehavior, kMatch, kLet, kFor, kHandler };

// Operand q of JumpTrue and its like: in whose name the fault speaks.
enum class ConditionOf : uint8_t { kIf, kWhile, kAnd, kOr, kNot, kGuard, kExpect };

// Limits of one unit. Each has a diagnostic that names it.
inline constexpr int kRegistersMax = 250;       // of a frame: parameters, names and temporaries
inline constexpr int kParamsMax = 100;          // of a function, act or behavior
inline constexpr int kCapturesMax = 250;        // of a behavior, function, `when` or task
inline constexpr int kCapturesInSet = 32;       // of BecomeWithLast; of more, all are written
inline constexpr int kFieldsWrittenMax = 100;   // in one `#tag(...)`
inline constexpr size_t kListPatternMax = 200;  // elements on one side of its rest
inline constexpr int kConstantsMax = 65'535;
inline constexpr int kCodeWordsMax = 1'000'000;  // jumps have 24 bits, Enter charges 16
inline constexpr int kTryDepthMax = 10'000;      // `try` in `try`, over all calls of a turn

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_COMPILE_OPCODES_H_
