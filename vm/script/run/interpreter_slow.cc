// What instructions do when a few machine instructions are not enough: arithmetic
// beyond small integers, sameness and order, maps, texts, and the faults of all.
#include <algorithm>
#include <utility>

#include "vm/script/run/interpreter.h"
#include "vm/script/run/interpreter_jobs.h"
#include "vm/script/syntax/diagnostic.h"
#include "vm/value/bytes.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/number_text.h"
#include "vm/value/print.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

using instruction::A;
using instruction::B;
using instruction::Bx;
using instruction::C;
using instruction::OpOf;
using instruction::SignedB;
using instruction::SignedC;

// Steps of sameness or order that are done at once, before it becomes a job.
constexpr uint64_t kUnitsAtOnce = 1000;

std::string_view SymbolOf(Op op) {
  switch (op) {
    case Op::kAdd:
    case Op::kAddInt:
      return "+";
    case Op::kSubtract:
    case Op::kSubtractInt:
      return "-";
    case Op::kMultiply:
      return "*";
    case Op::kDivide:
      return "/";
    case Op::kRemainder:
      return "%";
    case Op::kPower:
      return "**";
    case Op::kConcat:
      return "++";
    case Op::kMakeRange:
      return "..";
    case Op::kInterpolate:
      return "a text";
    case Op::kMapSpread:
      return "`...`";
    default:
      return "-";
  }
}

NumberOp WorkOf(Op op) {
  switch (op) {
    case Op::kMultiply:
      return NumberOp::kMultiply;
    case Op::kDivide:
    case Op::kRemainder:
      return NumberOp::kDivide;
    case Op::kPower:
      return NumberOp::kPower;
    default:
      return NumberOp::kAdd;
  }
}

// The key of a small map that a missing one was perhaps meant to be, in words; or "".
std::string LikelyKey(Value map, Value missing) {
  constexpr uint64_t kKeysMax = 64;
  const uint64_t size = MapDataSize(map);
  if (!IsText(missing) || size > kKeysMax) return "";
  Suggestion suggestion(TextView(missing));
  for (uint64_t i = 0; i < size; ++i) {
    const Value key = MapAt(map, i).key;
    if (IsText(key)) suggestion.Offer(TextView(key));
  }
  return suggestion.best().empty() ? "" : "; did you mean \"" + suggestion.best() + "\"?";
}

}  // namespace

BuiltinResult Interpreter::From(Result result, std::string_view what, std::string_view too_big) {
  BuiltinContext context(core_, core_.fuel, what);
  return context.Give(result, "something else", too_big);
}

BuiltinResult Interpreter::Slow(const Instruction* at, Value* base, const Value* constants) {
  const Instruction i = *at;
  Value* a = base + A(i);
  // Where b and c are numbers they may lie outside of the frame.
  const uint32_t registers = HeaderOf(constants).registers;
  const Value b = B(i) < registers ? base[B(i)] : Value::Nil();
  const Value c = C(i) < registers ? base[C(i)] : Value::Nil();
  const auto capture = [&](uint32_t index) { return base[-1].object()->words()[1 + index]; };
  const Op op = OpOf(i);
  // The side of a comparison with an integer that is none itself: a register, or a capture.
  const bool is_of_capture = kOpTable[static_cast<int>(op)].format[0] == 'p';
  const Value compared = is_of_capture ? capture(A(i)) : *a;
  switch (op) {
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
    case Op::kDivide:
    case Op::kRemainder:
    case Op::kPower:
      return SlowArithmetic(op, b, c);
    case Op::kAddInt:
    case Op::kSubtractInt:
      return SlowArithmetic(op, b, Value::SmallInt(SignedC(i)));
    case Op::kAddCaptureInt:
    case Op::kSubtractCaptureInt:
      return SlowArithmetic(op == Op::kAddCaptureInt ? Op::kAddInt : Op::kSubtractInt,
                            capture(B(i)), Value::SmallInt(SignedC(i)));
    case Op::kNegate:
      if (!IsNumber(b)) return TypeError("- wants a number, but got " + Describe(b));
      core_.fuel -= static_cast<int64_t>(NumberWork(NumberOp::kAdd, b, b));
      return From(Negate(heap_, b), "-", kIntTooBig);
    case Op::kNot:
      return NotBool(b, ConditionOf::kNot);
    case Op::kEqual:
      return SlowEqual(b, c, true);
    case Op::kNotEqual:
      return SlowEqual(b, c, false);
    case Op::kJumpEqual:
    case Op::kJumpNotEqual:
      return SlowEqual(*a, b, true);
    case Op::kJumpEqualInt:
    case Op::kJumpNotEqualInt:
    case Op::kJumpCaptureEqualInt:
    case Op::kJumpCaptureNotEqualInt:
      return SlowEqual(compared, Value::SmallInt(SignedB(i)), true);
    case Op::kLess:
      return SlowOrder("<", b, c);
    case Op::kLessEq:
      return SlowOrder("<=", b, c);
    case Op::kJumpLess:
    case Op::kJumpNotLess:
    case Op::kLoopLess:
      return SlowOrder("<", *a, b);
    case Op::kJumpLessEq:
    case Op::kJumpNotLessEq:
    case Op::kLoopLessEq:
      return SlowOrder("<=", *a, b);
    case Op::kJumpLessInt:
    case Op::kJumpNotLessInt:
    case Op::kJumpCaptureLessInt:
    case Op::kJumpCaptureNotLessInt:
    case Op::kLoopLessInt:
      return SlowOrder("<", compared, Value::SmallInt(SignedB(i)));
    case Op::kJumpLessEqInt:
    case Op::kJumpNotLessEqInt:
    case Op::kJumpCaptureLessEqInt:
    case Op::kJumpCaptureNotLessEqInt:
    case Op::kLoopLessEqInt:
      return SlowOrder("<=", compared, Value::SmallInt(SignedB(i)));
    case Op::kJumpMoreInt:
    case Op::kJumpNotMoreInt:
    case Op::kJumpCaptureMoreInt:
    case Op::kJumpCaptureNotMoreInt:
    case Op::kLoopMoreInt:
      return SlowOrder("<", Value::SmallInt(SignedB(i)), compared);
    case Op::kJumpMoreEqInt:
    case Op::kJumpNotMoreEqInt:
    case Op::kJumpCaptureMoreEqInt:
    case Op::kJumpCaptureNotMoreEqInt:
    case Op::kLoopMoreEqInt:
      return SlowOrder("<=", Value::SmallInt(SignedB(i)), compared);
    case Op::kJumpTrue:
    case Op::kJumpFalse:
    case Op::kLoopTrue:
      return NotBool(*a, static_cast<ConditionOf>(B(i)));
    case Op::kListBegin:
      return TypeError("`for` wants a list or a range, but got " + Describe(*a));
    case Op::kRangeBegin:
    case Op::kRangeNext:
      return SlowRangeLoop(op, a);
    case Op::kMakeRange:
      return SlowRange(b, c);
    case Op::kMakeMap:
    case Op::kMapPut:
    case Op::kMapSpread:
    case Op::kMapFind:
    case Op::kMapWithout:
      return SlowMap(at, base);
    case Op::kListPrepend:
      return TypeError("`...` in a list wants a list, but got " + Describe(c));
    case Op::kListSpread: {
      if (!IsList(b)) return TypeError("`...` in a list wants a list, but got " + Describe(b));
      return From(vesicle::Concat(heap_, *a, b), "`...`");
    }
    case Op::kConcat:
      return SlowConcat(b, c);
    case Op::kInterpolate:
      return SlowInterpolate(a, B(i));
    case Op::kIndex:
      return SlowIndex(b, c, false);
    case Op::kField:
      return SlowIndex(b, constants[at[1]], true);
    case Op::kCallBuiltin:
      return CallBuiltin(at[1], a, B(i));
    case Op::kCallBuiltinHere:
      return CallBuiltin(at[1], base, stack_->count_here);
    case Op::kCall:
    case Op::kTailCall:
      return BadCall(*a, B(i));
    case Op::kNoClause:
      return NoClause(at, *a, constants);
    case Op::kFailExpect:
      return ExpectFailed(at, base, constants);
    case Op::kSend:
    case Op::kSendLast:
    case Op::kSendSlot:
      return BadTarget(*a);
    case Op::kSendAsk:
      return BadTarget(b);
    case Op::kSendCapture:
    case Op::kSendCaptureLast:
    case Op::kForwardLast:
      return BadTarget(capture(A(i)));
    case Op::kCreate:
      return BadBehavior(b, "create");
    case Op::kBecome:
      return BadBehavior(*a, "become");
    default:
      VESICLE_CHECK(false);
      return TypeError("");
  }
}

BuiltinResult Interpreter::RunJob(const Instruction* at) {
  BuiltinContext context(core_, core_.fuel, NameOf(at));
  return stack_->job->Run(context);
}

std::string_view Interpreter::NameOf(const Instruction* at) const {
  const Op op = OpOf(*at);
  if (op == Op::kCallBuiltin || op == Op::kCallBuiltinHere) return registry_.entry(at[1]).name;
  return SymbolOf(op);
}

// ---------------------------------------------------------------------------
// Numbers, sameness, order

BuiltinResult Interpreter::SlowArithmetic(Op op, Value a, Value b) {
  const std::string_view symbol = SymbolOf(op);
  if (!IsNumber(a) || !IsNumber(b)) {
    const bool is_joining = (op == Op::kAdd || op == Op::kAddInt) &&
                            ((IsText(a) && IsText(b)) || (IsList(a) && IsList(b)));
    return TypeError(Joined(
        {symbol, " wants two numbers, but got ", Describe(a), " and ", Describe(b),
         is_joining                                   ? " (`++` joins texts and lists)"
         : op == Op::kAdd && (IsText(a) || IsText(b)) ? " (`\"${x}\"` puts a value into a text)"
         : IsPromise(a) || IsPromise(b) ? " (`await` it in a task, or take it with `when`)"
                                        : ""}));
  }
  const auto work = static_cast<int64_t>(NumberWork(WorkOf(op), a, b));
  core_.fuel -= work;
  if (work > 0 && pure_steps_left_ + core_.fuel < 0) {
    return BuiltinResult::Failed(Reason("limit", "this takes too many steps"));
  }
  switch (op) {
    case Op::kAdd:
    case Op::kAddInt:
      return From(Add(heap_, a, b), symbol, kIntTooBig);
    case Op::kSubtract:
    case Op::kSubtractInt:
      return From(Subtract(heap_, a, b), symbol, kIntTooBig);
    case Op::kMultiply:
      return From(Multiply(heap_, a, b), symbol, kIntTooBig);
    case Op::kDivide:
      return From(Divide(heap_, a, b), symbol, kIntTooBig);
    case Op::kRemainder:
      return From(Remainder(heap_, a, b), symbol, kIntTooBig);
    default:
      return From(Power(heap_, a, b), symbol, kIntTooBig);
  }
}

// Yields whether they are the same (or are not, when not `wanted`).
BuiltinResult Interpreter::SlowEqual(Value a, Value b, bool wanted) {
  switch (SameFast(a, b)) {
    case Fast::kYes:
      return BuiltinResult::Of(Value::Bool(wanted));
    case Fast::kNo:
      return BuiltinResult::Of(Value::Bool(!wanted));
    case Fast::kUnknown:
      break;
  }
  comparer_->Start(a, b, CompareMode::kSame);
  const Outcome outcome = comparer_->Run(kUnitsAtOnce);
  core_.fuel -= static_cast<int64_t>(comparer_->work() / 4);
  if (outcome != Outcome::kMore)
    return AnswerOfComparison(core_, outcome, CompareFor::kSame, wanted, a, b);
  auto job =
      std::make_unique<CompareJob>(heap_, std::exchange(comparer_, std::make_unique<Comparer>()),
                                   CompareFor::kSame, wanted, a, b);
  return BuiltinResult::Job(std::move(job));
}

BuiltinResult Interpreter::SlowOrder(std::string_view op, Value a, Value b) {
  const CompareFor wanted = op == "<" ? CompareFor::kLess : CompareFor::kLessEq;
  if (IsNumber(a) && IsNumber(b)) {
    core_.fuel -= static_cast<int64_t>(NumberWork(NumberOp::kAdd, a, b));
    const Order order = CompareNumbers(a, b);
    return BuiltinResult::Of(Value::Bool(
        order == Order::kLess || (order == Order::kEqual && wanted == CompareFor::kLessEq)));
  }
  comparer_->Start(a, b, CompareMode::kScriptOrder);
  const Outcome outcome = comparer_->Run(kUnitsAtOnce);
  core_.fuel -= static_cast<int64_t>(comparer_->work() / 4);
  if (outcome != Outcome::kMore) return AnswerOfComparison(core_, outcome, wanted, true, a, b);
  auto job = std::make_unique<CompareJob>(
      heap_, std::exchange(comparer_, std::make_unique<Comparer>()), wanted, true, a, b);
  return BuiltinResult::Job(std::move(job));
}

// ---------------------------------------------------------------------------
// Ranges

BuiltinResult Interpreter::SlowRangeLoop(Op op, Value* r) {
  if (!IsInt(r[0]) || !IsInt(r[1])) {
    return TypeError(
        Joined({"a range wants two integers, but got ", Describe(r[0]), " and ", Describe(r[1])}));
  }
  const Order order = CompareNumbers(r[0], r[1]);
  if (op == Op::kRangeBegin) {
    if (order == Order::kGreater) return BuiltinResult::Of(Value::False());
  } else {
    if (order != Order::kLess) return BuiltinResult::Of(Value::False());
    const Result next = Add(heap_, r[0], Value::SmallInt(1));
    if (!next.ok()) return From(next, "..", kIntTooBig);
    r[0] = next.value();
  }
  r[2] = r[0];
  return BuiltinResult::Of(Value::True());
}

BuiltinResult Interpreter::SlowRange(Value from, Value to) {
  if (!IsInt(from) || !IsInt(to)) {
    return TypeError(
        Joined({"a range wants two integers, but got ", Describe(from), " and ", Describe(to)}));
  }
  // What is too long for a list is refused before anything is made.
  if (CompareNumbers(from, to) != Order::kGreater) {
    const Result length = Subtract(heap_, to, from);
    if (!length.ok()) return From(length, "..", kIntTooBig);
    if (!length.value().is_int() ||
        static_cast<uint64_t>(length.value().small_int()) >= kListSizeMax) {
      return From(Failure::kTooBig, "..", "a list has at most 2^40 elements");
    }
  }
  return BuiltinResult::Job(std::make_unique<RangeJob>(EmptyList(heap_), from, to));
}

// ---------------------------------------------------------------------------
// Maps and indexing

BuiltinResult Interpreter::SlowMap(const Instruction* at, Value* base) {
  const Instruction i = *at;
  Value* a = base + A(i);
  const auto bad_key = [this](Value key) {
    return TypeError(Joined({"a key is data or a ref, but got ", Describe(key)}));
  };
  const auto from = [&](Result result, Value key) {
    if (!result.ok() && result.failure() == Failure::kType) return bad_key(key);
    return From(result, "a map", kKeyTooBig);
  };
  switch (OpOf(i)) {
    case Op::kMakeMap: {
      const uint32_t pairs = B(i);
      MapBuilder builder(heap_, core_);
      for (uint32_t n = 0; n < pairs; ++n) {
        // The sort compares each with some, as putting it would.
        const uint64_t work = KeyWork(a[2 * n]);
        core_.fuel -= static_cast<int64_t>(work < kKeyWorkShort ? work / 4 : work * 12);
        if (auto failure = builder.Add(a[2 * n], a[2 * n + 1])) return from(*failure, a[2 * n]);
      }
      return From(builder.Finish(), "a map");
    }
    case Op::kMapPut:
      core_.fuel -= static_cast<int64_t>(LookUpWork(*a, base[B(i)]));
      return from(MapPut(heap_, *a, base[B(i)], base[C(i)], core_), base[B(i)]);
    case Op::kMapSpread: {
      const Value more = base[B(i)];
      if (!IsMap(more)) {
        return TypeError("`...` in a map wants a map, but got " + Describe(more));
      }
      if (!MapMergeIsShort(*a, more)) {
        return BuiltinResult::Job(std::make_unique<MergeJob>(heap_, *a, more, core_));
      }
      core_.fuel -= static_cast<int64_t>(MapWork(MapSize(more)));
      if (MapSize(more) == 1) {
        core_.fuel -= static_cast<int64_t>(LookUpWork(*a, MapAt(more, 0).key));
      }
      return From(MapMerge(heap_, *a, more, core_), "`...`");
    }
    case Op::kMapFind: {
      const Value key = base[C(i)];
      core_.fuel -= static_cast<int64_t>(IsMap(base[B(i)]) ? LookUpWork(base[B(i)], key) : 0);
      return from(MapGet(base[B(i)], key, core_), key);
    }
    default:  // kMapWithout
      return from(MapRemove(heap_, base[B(i)], base[C(i)], core_), base[C(i)]);
  }
}

BuiltinResult Interpreter::SlowIndex(Value object, Value index, bool is_field) {
  if (IsMap(object)) {
    core_.fuel -= static_cast<int64_t>(LookUpWork(object, index));
    const Result found = MapGet(object, index, core_);
    if (!found.ok()) {
      return TypeError("a key is data or a ref, but got " + Describe(index));
    }
    if (!found.value().is_absent()) return BuiltinResult::Of(found.value());
    return BuiltinResult::Failed(Reason(
        "missing_key",
        Joined({"the map has no key ", Print(index, kReportOptions), LikelyKey(object, index)})));
  }
  if (is_field) {
    return TypeError(
        Joined({".", TextView(index), " wants a map on its left, but got ", Describe(object),
                object.is_target()                 ? "; a send is `ref <- #message`"
                : IsList(object) || IsText(object) ? "; a function is called as `x |> name(..)`"
                                                   : ""}));
  }
  if (!IsList(object)) {
    return TypeError("[...] wants a list or a map on its left, but got " + Describe(object));
  }
  if (!IsInt(index)) {
    return TypeError("the index of a list is an integer, but this is " + Describe(index));
  }
  if (!index.is_int() || index.small_int() < 0 ||
      static_cast<uint64_t>(index.small_int()) >= ListSize(object)) {
    const uint64_t size = ListSize(object);
    return BuiltinResult::Failed(Reason(
        "bad_index", size == 0 ? "there is no element " + Describe(index) + " in an empty list"
                               : "there is no element " + Describe(index) + " in a list of " +
                                     std::to_string(size) + ": the indices are 0 to " +
                                     std::to_string(size - 1)));
  }
  return BuiltinResult::Of(ListAt(object, static_cast<uint64_t>(index.small_int())));
}

// ---------------------------------------------------------------------------
// Texts

BuiltinResult Interpreter::SlowConcat(Value a, Value b) {
  if (IsText(a) && IsText(b)) {
    if (TextView(a).size() + TextView(b).size() > ConcatJob::kBytesAtOnce) {
      if (TextView(a).empty()) return BuiltinResult::Of(b);
      if (TextView(b).empty()) return BuiltinResult::Of(a);
      return BuiltinResult::Job(std::make_unique<ConcatJob>(a, b));
    }
    core_.fuel -= static_cast<int64_t>(TextWork(TextView(a).size() + TextView(b).size()));
    return From(ConcatText(heap_, a, b), "++");
  }
  if (IsList(a) && IsList(b)) return From(vesicle::Concat(heap_, a, b), "++");
  if (IsBytes(a) && IsBytes(b)) {
    if (BytesLength(a) + BytesLength(b) > ConcatJob::kBytesAtOnce) {
      return BuiltinResult::Job(std::make_unique<ConcatJob>(a, b));
    }
    core_.fuel -= static_cast<int64_t>(TextWork(BytesLength(a) + BytesLength(b)));
    return From(ConcatBytes(heap_, a, b), "++");
  }
  return TypeError(Joined(
      {"++ wants two texts, two lists or two bytes, but got ", Describe(a), " and ", Describe(b)}));
}

BuiltinResult Interpreter::SlowInterpolate(const Value* parts, uint32_t count) {
  // Most parts are short: they are printed here and now.
  buffer_.clear();
  for (uint32_t n = 0; n < count; ++n) {
    const Value& part = parts[n];
    constexpr size_t kBytesAtOnce = size_t{64} << 10;
    if (IsText(part)) {
      if (TextView(part).size() > kBytesAtOnce - std::min(buffer_.size(), kBytesAtOnce)) {
        return BuiltinResult::Job(std::make_unique<InterpolateJob>(heap_, parts, count));
      }
      buffer_ += TextView(part);
    } else if (part.is_int()) {
      AppendNumber(part, &buffer_);
    } else {
      Printer printer(part, InterpolateJob::Options());
      const bool is_done = printer.Run(kUnitsAtOnce);
      core_.fuel -= static_cast<int64_t>(printer.work() / 4);
      if (!is_done) {
        return BuiltinResult::Job(std::make_unique<InterpolateJob>(heap_, parts, count));
      }
      buffer_ += printer.output();
    }
  }
  core_.fuel -= static_cast<int64_t>(TextWork(buffer_.size()));
  return From(MakeTextUnchecked(heap_, buffer_), "a text");
}

}  // namespace vesicle
