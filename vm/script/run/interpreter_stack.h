// ScriptStack: everything one run of script code has: registers, frames, the open
// `try`s and the long operation it is in the middle of. A run that is suspended is
// its stack, moved.
//
// The law of words: every register below soft_end() holds a word that was valid at
// the last safe point or came since. A frame may thus be entered without clearing
// it; what a collection does not see (the registers above the running frame) it
// sets to nil, and soft_end() comes down.
//
// Ownership: owns its memory, charged to the sponsor that it grew on.
// Limits:    kRegistersTotalMax registers; frames: CoreOptions::call_depth_max.
#ifndef VESICLE_VM_SCRIPT_RUN_INTERPRETER_STACK_H_
#define VESICLE_VM_SCRIPT_RUN_INTERPRETER_STACK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "vm/heap/heap.h"
#include "vm/heap/page_buffer.h"
#include "vm/script/compile/opcodes.h"
#include "vm/script/run/builtin.h"

namespace vesicle {

class ScriptStack {
 public:
  // 16 MiB: a collection looks at all of them.
  static constexpr size_t kRegistersTotalMax = size_t{1} << 21;

  // Where a caller goes on.
  struct Frame {
    const Instruction* pc;
    const Value* constants;
  };
  struct TryHandler {
    const Instruction* pc;
    const Value* constants;
    uint32_t base;   // of the frame it stands in
    uint32_t depth;  // frames below it
    uint16_t steps;  // of the code that goes on
    uint8_t reg;     // receives the reason
  };

  // At most `depth_max` frames.
  ScriptStack(Heap& heap, size_t depth_max);
  ~ScriptStack();
  ScriptStack(const ScriptStack&) = delete;
  ScriptStack& operator=(const ScriptStack&) = delete;

  // R[0] of the outermost frame; its holder is one below.
  Value* first_base() { return values() + 1; }
  uint32_t Offset(const Value* at) const { return static_cast<uint32_t>(at - values()); }
  Value* At(uint32_t offset) { return values() + offset; }
  Value* soft_end() const { return soft_end_; }

  // Makes registers up to `top` usable; may move them all (take base anew from its
  // offset). False: no memory for it.
  enum class Grown : uint8_t { kYes, kNoMemory, kTooDeep };
  Grown Grow(const Value* top);
  Grown GrowFrames();
  // The registers below `top` (null: none) are visited and the others let go.
  void Visit(Visitor& visitor, const Value* top);
  // Nobody runs: nothing of it is needed any more. Gives back what is more than usual.
  void Reset();
  bool has_grown() const { return charged_ > 0; }
  // What it takes before it grows; nobody pays for that while it is the interpreter's.
  static constexpr size_t bytes_usual() {
    return kRegistersUsual * sizeof(Value) + kFramesUsual * sizeof(Frame);
  }

  // --- the state of a run that stands still
  const Instruction* pc = nullptr;  // null: nothing stands still here
  const Value* constants = nullptr;
  uint32_t base = 1;
  std::unique_ptr<BuiltinJob> job;  // what instruction `pc` is busy with, or null
  uint32_t count_here = 0;          // arguments of a CallBuiltinHere that comes next
  uint8_t tries = 0;                // how often `pc` has started over for want of memory

  Frame* frames = nullptr;      // frames[0] leads to the end of the turn
  Frame* frames_top = nullptr;  // the next free one
  Frame* frames_end = nullptr;
  std::vector<TryHandler> handlers;

  // Room for the frame that stands still.
  const Value* top() const;

 private:
  static constexpr size_t kRegistersUsual = 1024;
  static constexpr size_t kFramesUsual = 128;
  static constexpr size_t kEntryWords = 2;  // holder and message: written before Enter
  static constexpr size_t kStride = 256;    // by which soft_end_ goes up

  void Charge(int64_t bytes);
  Value* values() const { return static_cast<Value*>(value_memory_.data()); }
  void Allocate(size_t registers, size_t frame_count);

  Heap& heap_;
  size_t depth_max_;
  SponsorIndex payer_ = 0;
  int64_t charged_ = 0;
  PageBuffer value_memory_;
  Value* hard_end_ = nullptr;
  Value* soft_end_ = nullptr;
  PageBuffer frame_memory_;
};

// The code whose constants begin at `constants`, and its header.
Value CodeAt(const Value* constants);
const CodeHeader& HeaderOf(const Value* constants);
class ScriptCode;
const ScriptCode& CodeOfConstants(const Value* constants);

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_RUN_INTERPRETER_STACK_H_
