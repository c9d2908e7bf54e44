#include "vm/script/run/interpreter.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "vm/heap/external_bytes.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle {

// A turn cut short by its slice: the stack it ran on.
class SuspendedRun final : public Suspension {
 public:
  SuspendedRun(Interpreter& interpreter, std::unique_ptr<ScriptStack> stack)
      : interpreter_(interpreter),
        stack_(std::move(stack)),
        held_(interpreter.heap_, stack_->bytes_usual()) {}

  void Visit(Visitor& visitor) override {
    if (stack_ != nullptr) stack_->Visit(visitor, stack_->top());
  }
  TurnEnd Resume(Core&) override { return interpreter_.GoOn(std::move(stack_)); }
  Place Where() const override {
    return stack_ == nullptr ? Place{} : interpreter_.PlaceOf(stack_->pc, stack_->constants);
  }

 private:
  Interpreter& interpreter_;
  std::unique_ptr<ScriptStack> stack_;
  ExternalBytes held_;
};

// The one frame of a task that waits in an `await`. Stays as it is when it resumes.
class AwaitingRun final : public Suspension {
 public:
  AwaitingRun(Interpreter& interpreter, const Instruction* at, const Value* base,
              const Value* constants)
      : interpreter_(interpreter),
        at_(at),
        constants_(constants),
        words_(base - 1, base + HeaderOf(constants).registers),
        held_(interpreter.heap_, sizeof *this + words_.size() * sizeof(Value)) {}

  void Visit(Visitor& visitor) override { visitor.Visit(words_.data(), words_.size()); }

  TurnEnd Resume(Core& core) override {
    ScriptStack& stack = *interpreter_.stack_;
    if (stack.first_base() - 1 + words_.size() > stack.soft_end()) {
      if (stack.Grow(stack.first_base() - 1 + words_.size()) != ScriptStack::Grown::kYes) {
        return core.Quota(Resource::kMemory);
      }
    }
    Value* base = stack.first_base();
    std::copy(words_.begin(), words_.end(), base - 1);
    base[instruction::A(*at_)] = core.turn().message;
    const Instruction* next = at_ + 2;
    const int32_t handler = static_cast<int32_t>(at_[1]);
    if (core.turn().flag() == EventFlag::kBroken) {
      if (handler == 0) {
        return core.Rebreak(core.turn().message, interpreter_.PlaceOf(at_, constants_));
      }
      next += handler;
    }
    return interpreter_.Start(next, base, constants_);
  }

  Place Where() const override { return interpreter_.PlaceOf(at_, constants_); }

 private:
  Interpreter& interpreter_;
  const Instruction* at_;
  const Value* constants_;
  std::vector<Value> words_;  // the holder, then the registers
  ExternalBytes held_;
};

// ---------------------------------------------------------------------------

Interpreter::Interpreter(Core& core, const BuiltinRegistry& registry)
    : core_(core),
      heap_(core.heap()),
      registry_(registry),
      comparer_(std::make_unique<Comparer>()),
      failed_symbol_(SymbolTable::Short("failed")) {
  stack_ = NewStack();
  core_.set_language(this);
}

Interpreter::~Interpreter() {
  if (core_.language() == this) core_.set_language(nullptr);
}

std::unique_ptr<ScriptStack> Interpreter::NewStack() {
  if (idle_.empty()) {
    return std::make_unique<ScriptStack>(heap_,
                                         static_cast<size_t>(core_.options().call_depth_max));
  }
  std::unique_ptr<ScriptStack> stack = std::move(idle_.back());
  idle_.pop_back();
  return stack;
}

void Interpreter::VisitRoots(Visitor& visitor) {
  if (stack_ != nullptr) {
    stack_->Visit(visitor, stack_->pc == nullptr ? nullptr : stack_->top());
  }
  // Those in the pool hold nothing.
  for (const auto& stack : idle_) stack->Visit(visitor, nullptr);
  visitor.Visit(&reason_, 1);
  if (!builtin_values_.empty()) visitor.Visit(builtin_values_.data(), builtin_values_.size());
}

Value Interpreter::BuiltinValue(uint32_t id) {
  if (builtin_values_.size() < registry_.size()) {
    builtin_values_.resize(registry_.size(), Value::Absent());
  }
  Value& value = builtin_values_[id];
  if (value.is_absent()) {
    const BuiltinEntry& entry = registry_.entry(id);
    value = entry.maker == nullptr ? Value::Nil() : entry.maker(core_);
  }
  return value;
}

// ---------------------------------------------------------------------------
// Ways in

namespace {

// `n => next <- n` with `next` in capture `index`: as the loop does it, without the loop.
template <uint32_t index>
TurnEnd EnterForward(Core& core, Object* holder) {
  const Value target = holder->words()[1 + index];
  if (!target.is_target() || static_cast<Interpreter*>(core.language())->probe() != nullptr)
      [[unlikely]] {
    return EnterScript(core, holder);
  }
  --core.fuel;
  const TurnState& turn = core.turn();
  if (!core.Send(target, turn.message, turn.slot)) [[unlikely]]
    return EnterScript(core, holder);  // where the report finds its place
  return TurnEnd::kDone;
}

}  // namespace

EnterFn EnterFor(const ScriptCode& code) {
  if (code.size() >= 2 && instruction::OpOf(code.begin()[1]) == Op::kForwardLast) {
    switch (instruction::A(code.begin()[1])) {
      case 0:
        return EnterForward<0>;
      case 1:
        return EnterForward<1>;
      case 2:
        return EnterForward<2>;
      default:
        break;
    }
  }
  return EnterScript;
}

TurnEnd Interpreter::GoOn(std::unique_ptr<ScriptStack> stack) {
  if (stack_ != nullptr && idle_.size() < 8) idle_.push_back(std::move(stack_));
  stack_ = std::move(stack);
  ScriptStack& s = *stack_;
  const Instruction* pc = std::exchange(s.pc, nullptr);
  Value* base = s.At(s.base);
  return probe_ == nullptr ? Run<false>(pc, base, s.constants) : Run<true>(pc, base, s.constants);
}

TurnEnd Interpreter::Suspend() {
  std::unique_ptr<ScriptStack> stack = std::exchange(stack_, NewStack());
  return core_.Suspend(std::make_unique<SuspendedRun>(*this, std::move(stack)));
}

TurnEnd Interpreter::Await(const Instruction* at, Value* base, const Value* constants) {
  constexpr uint32_t kNoRegister = 255;
  const uint32_t timer = instruction::C(*at);
  auto frames = std::make_unique<AwaitingRun>(*this, at, base, constants);
  return core_.Await(base[instruction::B(*at)],
                     timer == kNoRegister ? Value::Absent() : base[timer], std::move(frames));
}

Interpreter::Pure Interpreter::Evaluate(Object* code, int64_t steps_max) {
  return RunPure(Value::Data(code), code, {}, steps_max, kPureBytesMax);
}

Language::Applied Interpreter::Apply(Value function, std::span<const Value> arguments,
                                     int64_t steps_max) {
  constexpr uint64_t kBytesMax = 1 << 20;
  if (!IsKind(function, Kind::kFunction)) return {};
  const Object* code = code::Of(function.data());
  const auto& header = *static_cast<const CodeHeader*>(code::Pointer(code));
  if (header.params_min != arguments.size() || header.params_max != arguments.size()) return {};
  const Pure pure = RunPure(function, code, arguments, steps_max, kBytesMax);
  if (pure.ok) return {Applied::How::kValue, pure.value, pure.steps};
  const bool wants_room =
      how_ == FailHow::kMemory && (heap_.over_allowance() || heap_.refused_bytes() > 0);
  return {wants_room ? Applied::How::kNoRoom : Applied::How::kFailed, pure.value, pure.steps};
}

Interpreter::Pure Interpreter::RunPure(Value holder, const Object* code,
                                       std::span<const Value> arguments, int64_t steps_max,
                                       uint64_t bytes_max) {
  // Not on the stack of a turn that may be running: a loader is called in one.
  std::unique_ptr<ScriptStack> outer = std::exchange(stack_, NewStack());
  const int64_t fuel = std::exchange(core_.fuel, 0);
  pure_steps_left_ = steps_max;
  pure_bytes_end_ = heap_.spent() + bytes_max;
  is_pure_ = true;
  // What stands below soft_end() stays where it is when the frame gets its registers.
  if (stack_->first_base() + arguments.size() > stack_->soft_end()) {
    stack_->Grow(stack_->first_base() + arguments.size());
  }
  Value* base = stack_->first_base();
  base[-1] = holder;
  std::copy(arguments.begin(), arguments.end(), base);
  stack_->frames_top = stack_->frames + 1;
  TurnEnd end;
  try {
    // No probe: it is nobody's turn.
    end = Run<false>(ScriptCode::First(code::Pointer(code)), base, code::Constants(code));
  } catch (const std::bad_alloc&) {
    how_ = FailHow::kMemory;
    end = Report(nullptr, nullptr);
  }
  pure_steps_left_ += core_.fuel;
  if (end == TurnEnd::kDone && pure_steps_left_ < 0) {  // its last operation was too long
    reason_ = Reason("limit", "this takes too many steps");
    end = TurnEnd::kFaulted;
  }
  is_pure_ = false;
  Pure pure{end == TurnEnd::kDone, {}, {}, steps_max - pure_steps_left_};
  pure_steps_left_ = kNoPureLimit;
  if (pure.ok) {
    pure.value = stack_->first_base()[-1];
  } else {
    pure.value = reason_;
    pure.place = std::move(pure_place_);
  }
  reason_ = Value::Nil();
  stack_->Reset();
  core_.fuel = fuel;
  idle_.push_back(std::exchange(stack_, std::move(outer)));
  return pure;
}

bool Interpreter::RefuelPure() {
  constexpr int64_t kPiece = 2000;
  pure_steps_left_ += std::exchange(core_.fuel, 0);
  if (pure_steps_left_ <= 0) {
    how_ = FailHow::kSteps;
    return false;
  }
  if (heap_.spent() > pure_bytes_end_) {
    how_ = FailHow::kMemory;
    return false;
  }
  core_.fuel = std::min(kPiece, pure_steps_left_);
  pure_steps_left_ -= core_.fuel;
  return true;
}

// ---------------------------------------------------------------------------
// Ways out

void Interpreter::EndRun() { stack_->Reset(); }

Place Interpreter::PlaceOf(const Instruction* pc, const Value* constants) const {
  if (constants == nullptr) return {};
  const ScriptCode& code = CodeOfConstants(constants);
  return code.PlaceAt(static_cast<uint32_t>(pc - code.begin()));
}

std::vector<FaultReport::Frame> Interpreter::Calls() const {
  // The innermost ones and the outermost: between them a recursion repeats itself.
  constexpr size_t kFramesShownMax = 20;
  std::vector<FaultReport::Frame> calls;
  for (const ScriptStack::Frame* f = stack_->frames_top; f-- > stack_->frames + 1;) {
    if (calls.size() >= kFramesShownMax) break;
    if (!IsUsersCode(f->constants)) continue;
    // pc is behind the call.
    calls.push_back({CodeOfConstants(f->constants).name(), PlaceOf(f->pc - 1, f->constants)});
  }
  return calls;
}

bool Interpreter::IsUsersCode(const Value* constants) const {
  const Source* source = CodeOfConstants(constants).source();
  return source != nullptr && source != prelude_;
}

TurnEnd Interpreter::Report(const Instruction* pc, const Value* constants) {
  // Where it was takes microseconds, and more in a long line: only for who will read it, and paid
  // for.
  constexpr int64_t kStepsOfFault = 500;
  Place place;
  std::vector<FaultReport::Frame> calls;
  if (is_pure_ || core_.WantsPlace(how_ == FailHow::kGuest)) {
    place = PlaceOf(pc, constants);
    calls = Calls();
    if (constants != nullptr && !IsUsersCode(constants) && !calls.empty()) {
      place = std::move(calls.front().place);
      calls.erase(calls.begin());
    }
    int64_t columns = place.column;
    for (const FaultReport::Frame& call : calls) columns += call.place.column;
    if (!is_pure_) core_.fuel -= kStepsOfFault + columns;
  }
  if (is_pure_) {
    if (how_ == FailHow::kSteps) reason_ = Reason("limit", "this takes too many steps");
    if (how_ == FailHow::kMemory) reason_ = Reason("limit", "this takes too much memory");
    if (how_ == FailHow::kGuest) reason_ = FailedReason(reason_);
    pure_place_ = std::move(place);
    return TurnEnd::kFaulted;
  }
  const Value reason = std::exchange(reason_, Value::Nil());
  EndRun();
  switch (how_) {
    case FailHow::kReason:
    case FailHow::kLimit:
      return core_.Fault(reason, std::move(place), std::move(calls));
    case FailHow::kGuest:
      return core_.Fail(reason, std::move(place), std::move(calls));
    case FailHow::kReraise:
      return core_.Rebreak(reason, std::move(place), std::move(calls));
    case FailHow::kMemory:
      return core_.Quota(Resource::kMemory, std::move(place), std::move(calls));
    case FailHow::kSteps:
      return core_.Quota(Resource::kSteps, std::move(place), std::move(calls));
    case FailHow::kEvents:
      break;
  }
  return core_.Quota(Resource::kEvents, std::move(place), std::move(calls));
}

Value Interpreter::Text(std::string_view text) {
  const Result result = MakeText(heap_, text);
  return result.ok() ? result.value() : Value::Nil();
}

Value Interpreter::Reason(std::string_view tag, std::string_view text) {
  return core_.Reason(tag, text);
}

Value Interpreter::FailedReason(Value e) { return core_.Failed(e); }

}  // namespace vesicle
