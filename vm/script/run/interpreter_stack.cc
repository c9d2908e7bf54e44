#include "vm/script/run/interpreter_stack.h"

#include <algorithm>
#include <new>
#include <utility>

#include "vm/actor/code.h"
#include "vm/script/compile/script_code.h"

namespace vesicle {
namespace {

// What the outermost Return comes back to.
constexpr Instruction kBottom[] = {instruction::Abc(Op::kMove, 0),
                                   instruction::Abc(Op::kFinish, 0)};

const Object* CodeObject(const Value* constants) {
  return reinterpret_cast<const Object*>(constants - code::kFixedWords) - 1;
}

}  // namespace

Value CodeAt(const Value* constants) {
  return Value::Data(const_cast<Object*>(CodeObject(constants)));
}

const CodeHeader& HeaderOf(const Value* constants) {
  return *static_cast<const CodeHeader*>(code::Pointer(CodeObject(constants)));
}

const ScriptCode& CodeOfConstants(const Value* constants) {
  return *static_cast<const ScriptCode*>(code::Body(CodeObject(constants)));
}

ScriptStack::ScriptStack(Heap& heap, size_t depth_max)
    : heap_(heap), depth_max_(std::max<size_t>(depth_max, 1)) {
  Allocate(kRegistersUsual, std::min(kFramesUsual, depth_max_));
}

ScriptStack::~ScriptStack() { Charge(-charged_); }

void ScriptStack::Charge(int64_t bytes) {
  if (bytes == 0) return;
  heap_.ChargeExternal(payer_, bytes);
  charged_ += bytes;
}

void ScriptStack::Allocate(size_t registers, size_t frame_count) {
  PageBuffer value_memory, frame_memory;
  if (!value_memory.Grow(registers * sizeof(Value), 0) ||
      !frame_memory.Grow(frame_count * sizeof(Frame), 0)) {
    throw std::bad_alloc();
  }
  value_memory_ = std::move(value_memory);
  frame_memory_ = std::move(frame_memory);
  std::fill_n(values(), kEntryWords, Value::Nil());
  hard_end_ = values() + registers;
  soft_end_ = values() + kEntryWords;
  frames = frames_top = static_cast<Frame*>(frame_memory_.data());
  frames_end = frames + frame_count;
  frames[0] = {kBottom + 1, nullptr};
  base = 1;
}

// A caller may have registers beyond those of what it called.
const Value* ScriptStack::top() const {
  uint32_t at = base;
  uint32_t end = at + HeaderOf(constants).registers;
  for (const Frame* f = frames_top; f-- > frames + 1;) {
    at -= instruction::A(f->pc[-1]) + 1;  // the call
    end = std::max(end, at + HeaderOf(f->constants).registers);
  }
  return values() + end;
}

ScriptStack::Grown ScriptStack::Grow(const Value* top) {
  const size_t wanted = static_cast<size_t>(top - values());
  const size_t used = static_cast<size_t>(soft_end_ - values());
  size_t capacity = static_cast<size_t>(hard_end_ - values());
  if (wanted > capacity) {
    if (wanted > kRegistersTotalMax) return Grown::kTooDeep;
    const size_t larger = std::max(wanted, capacity * 2);
    const int64_t more = static_cast<int64_t>((larger - capacity) * sizeof(Value));
    if (!heap_.Reserve(static_cast<uint64_t>(more))) return Grown::kNoMemory;
    if (!value_memory_.Grow(larger * sizeof(Value), used * sizeof(Value))) return Grown::kNoMemory;
    if (charged_ == 0) payer_ = heap_.sponsor();
    Charge(more);
    hard_end_ = values() + larger;
    soft_end_ = values() + used;
    capacity = larger;
  }
  const size_t until = std::min(capacity, wanted + kStride);
  std::fill(values() + used, values() + until, Value::Nil());
  soft_end_ = values() + until;
  return Grown::kYes;
}

ScriptStack::Grown ScriptStack::GrowFrames() {
  const size_t used = static_cast<size_t>(frames_top - frames);
  const size_t capacity = static_cast<size_t>(frames_end - frames);
  if (used >= depth_max_) return Grown::kTooDeep;
  const size_t larger = std::min(capacity * 2, depth_max_);
  const int64_t more = static_cast<int64_t>((larger - capacity) * sizeof(Frame));
  if (!heap_.Reserve(static_cast<uint64_t>(more))) return Grown::kNoMemory;
  if (!frame_memory_.Grow(larger * sizeof(Frame), used * sizeof(Frame))) return Grown::kNoMemory;
  if (charged_ == 0) payer_ = heap_.sponsor();
  Charge(more);
  frames = static_cast<Frame*>(frame_memory_.data());
  frames_top = frames + used;
  frames_end = frames + larger;
  return Grown::kYes;
}

void ScriptStack::Visit(Visitor& visitor, const Value* top) {
  const size_t live = top == nullptr ? 0
                                     : std::min(static_cast<size_t>(top - values()),
                                                static_cast<size_t>(soft_end_ - values()));
  if (live > 0) visitor.Visit(values(), live);
  for (size_t i = live; i < kEntryWords; ++i) values()[i] = Value::Nil();
  soft_end_ = values() + std::max(live, kEntryWords);
  if (job != nullptr) job->Visit(visitor);
}

void ScriptStack::Reset() {
  job.reset();
  handlers.clear();
  frames_top = frames;
  tries = 0;
  pc = nullptr;
  constants = nullptr;
  base = 1;
  if (charged_ > 0) {
    Charge(-charged_);
    Allocate(kRegistersUsual, std::min(kFramesUsual, depth_max_));
  }
}

}  // namespace vesicle
