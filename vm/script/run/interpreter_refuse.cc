// Refusals: what a run says when an operation has no meaning, in the user's words.
#include "vm/script/run/interpreter.h"
#include "vm/value/difference.h"
#include "vm/value/print.h"
#include "vm/value/text.h"
#include "vm/value/value_kind.h"

namespace vesicle {

using instruction::A;
using instruction::B;
using instruction::C;

namespace {
// The sides of an `expect` that does not hold.
constexpr PrintOptions kSideOptions = {.bytes_max = 300,
                                       .top_text = TopText::kQuoted,
                                       .chars_max = 200,
                                       .items_max = 0,
                                       .depth_max = 8};
}  // namespace

std::string Joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (std::string_view part : parts) text += part;
  return text;
}

BuiltinResult Interpreter::NotBool(Value v, ConditionOf what) {
  static constexpr const char* kNames[] = {"`if`",  "`while`", "`and`",   "`or`",
                                           "`not`", "a guard", "`expect`"};
  return TypeError(
      Joined({kNames[static_cast<int>(what)], " wants true or false, but got ", Describe(v)}));
}

BuiltinResult Interpreter::CallBuiltin(uint32_t id, const Value* args, uint32_t count) {
  const BuiltinEntry& entry = registry_.entry(id);
  BuiltinContext context(core_, core_.fuel, entry.name, pure_steps_left_);
  if (count < entry.arity.min || (entry.arity.max != Arity::kAny && count > entry.arity.max)) {
    return TypeError(Joined({entry.name, " does not take ", std::to_string(count), " arguments"}));
  }
  return entry.fn(context, args, static_cast<int>(count));
}

BuiltinResult Interpreter::BadCall(Value callee, uint32_t count) {
  if (!IsFunction(callee)) {
    return TypeError(Joined({"only a function can be called, but this is ", Describe(callee),
                             callee.is_target() ? "; a send is `ref <- message`" : ""}));
  }
  const Object* code = code::Of(callee.data());
  const CodeHeader& header = *static_cast<const CodeHeader*>(code::Pointer(code));
  const uint32_t wants = header.params_min;
  return TypeError(
      Joined({code::Body(code)->name(), " takes ", std::to_string(wants),
              wants == 1 ? " argument" : " arguments", ", but got ", std::to_string(count)}));
}

BuiltinResult Interpreter::BadTarget(Value target) {
  std::string text = "<- wants a ref or a promise on its left, but got " + Describe(target);
  if (IsBehavior(target)) text += " (`create` makes an actor of it)";
  return TypeError(text);
}

BuiltinResult Interpreter::BadBehavior(Value v, std::string_view what) {
  return TypeError(Joined({what, " wants a behavior, but got ", Describe(v)}));
}

BuiltinResult Interpreter::NoClause(const Instruction* at, Value subject, const Value* constants) {
  const std::string shown = Print(subject, kReportOptions);
  switch (static_cast<NoClauseOf>(B(*at))) {
    case NoClauseOf::kBehavior:
      return BuiltinResult::Failed(Reason(
          "no_clause", Joined({CodeOfConstants(constants).name(), " has no clause for ", shown})));
    case NoClauseOf::kMatch:
      return BuiltinResult::Failed(Reason("no_match", "no clause of this `match` takes " + shown));
    case NoClauseOf::kLet:
      return BuiltinResult::Failed(Reason("no_match", "this pattern does not match " + shown));
    case NoClauseOf::kFor:
      return BuiltinResult::Failed(
          Reason("no_match", "the pattern of this `for` does not match " + shown));
    case NoClauseOf::kHandler:
      break;
  }
  return BuiltinResult::Failed(Reason("no_match", "no clause of this `when` takes " + shown));
}

BuiltinResult Interpreter::ExpectFailed(const Instruction* at, const Value* base,
                                        const Value* constants) {
  std::string text = "expected ";
  text += TextView(constants[at[1]]);
  if (C(*at) == 1) {
    const Value a = base[A(*at)], b = base[B(*at)];
    const std::string left = Print(a, kSideOptions), right = Print(b, kSideOptions);
    constexpr size_t kOnOneLineMax = 80;
    if (left.size() + right.size() <= kOnOneLineMax) {
      text += ", but the sides are " + left + " and " + right;
    } else {
      text += ", but the sides are\n  " + left + "\n  " + right;
      const std::string difference = DifferenceText(a, b);
      if (!difference.empty()) text += "\nfirst difference: " + difference;
    }
  }
  how_ = FailHow::kGuest;
  return BuiltinResult::Failed(Text(text));
}

}  // namespace vesicle
