// The interpreter of one VM: runs script code for the turns that Core dispatches.
//
// A turn enters through EnterScript, the EnterFn of all script code, with its
// holder; it runs on the interpreter's stack until it ends, faults, runs out of
// something, or out of its slice: then the stack itself becomes the Suspension.
// Nothing here recurses by what a script does, and a turn allocates nothing in C++.
//
// Ownership: borrows Core and the registry, which outlive it; owns stacks and the
//            values of builtins. Installs itself as the Core's Language.
// Threads:   its VM's thread only.
// Limits:    CoreOptions (steps, depth), ScriptStack, opcodes.h.
//
//   BuiltinRegistry registry;
//   RegisterCoreBuiltins(registry);
//   Interpreter interpreter(core, registry);
//   Modules modules(interpreter);              // module.h
#ifndef VESICLE_VM_SCRIPT_RUN_INTERPRETER_H_
#define VESICLE_VM_SCRIPT_RUN_INTERPRETER_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/actor/core.h"
#include "vm/script/compile/script_code.h"
#include "vm/script/run/builtin.h"
#include "vm/script/run/interpreter_stack.h"
#include "vm/value/compare.h"

namespace vesicle {

// Sees every instruction; for tests. With one installed a slower loop runs.
class Probe {
 public:
  virtual ~Probe() = default;
  // False: the turn ends here as if its steps were spent, before the instruction.
  virtual bool OnInstruction(Op op) = 0;
};

// The parts of a sentence, joined.
std::string Joined(std::initializer_list<std::string_view> parts);

// The EnterFn of script code.
TurnEnd EnterScript(Core& core, Object* holder);
// The best EnterFn for that code: some need no loop at all.
EnterFn EnterFor(const ScriptCode& code);

class Interpreter final : public Language {
 public:
  Interpreter(Core& core, const BuiltinRegistry& registry);
  ~Interpreter() override;

  Core& core() { return core_; }
  const BuiltinRegistry& registry() const { return registry_; }
  // The value of a builtin that is one; made at first asking, the same from then on.
  Value BuiltinValue(uint32_t id);

  // Evaluates code without parameters outside of turns: pure, never collects, within
  // `steps_max` steps and kPureBytesMax bytes. On failure `error` says what and where.
  static constexpr uint64_t kPureBytesMax = uint64_t{64} << 20;
  struct Pure {
    bool ok;
    Value value;  // or the reason
    Place place;
    int64_t steps;  // that it took
  };
  Pure Evaluate(Object* code, int64_t steps_max);

  // The prelude's source: what fails in it is shown where the user called it.
  void set_prelude(const Source* source) { prelude_ = source; }

  void set_probe(Probe* probe) { probe_ = probe; }
  Probe* probe() const { return probe_; }

  // Language
  void VisitRoots(Visitor& visitor) override;
  void Abandon() override { EndRun(); }
  Applied Apply(Value function, std::span<const Value> arguments, int64_t steps_max) override;

 private:
  friend TurnEnd EnterScript(Core& core, Object* holder);
  friend class SuspendedRun;
  friend class AwaitingRun;

  // How a run fails; what Slow() and the loop agree on.
  enum class FailHow : uint8_t {
    kReason,   // reason_, as fault.h has it: `try` catches it
    kGuest,    // reason_ is what `fail` was given
    kReraise,  // reason_ broke a promise or was caught before: goes on as it is
    kLimit,    // reason_, and no `try` catches it
    kMemory,   // quotas
    kSteps,
    kEvents,
  };

  TurnEnd Enter(Object* holder);
  template <bool kProbed>
  TurnEnd Run(const Instruction* pc, Value* base, const Value* constants);
  TurnEnd Start(const Instruction* pc, Value* base, const Value* constants);
  // A turn that was cut short goes on.
  TurnEnd GoOn(std::unique_ptr<ScriptStack> stack);
  TurnEnd Suspend();
  Pure RunPure(Value holder, const Object* code, std::span<const Value> arguments,
               int64_t steps_max, uint64_t bytes_max);
  bool RefuelPure();
  TurnEnd Await(const Instruction* at, Value* base, const Value* constants);
  std::unique_ptr<ScriptStack> NewStack();
  BuiltinResult RunJob(const Instruction* at);
  Object* NewHolder(Kind kind, Value code, const Value* captures);
  bool TakesAtOnce(const Object* holder) const;

  // Everything that an instruction cannot do in a few machine instructions. The
  // value it yields goes where instruction `at` wants it.
  BuiltinResult Slow(const Instruction* at, Value* base, const Value* constants);
  BuiltinResult SlowArithmetic(Op op, Value a, Value b);
  BuiltinResult SlowEqual(Value a, Value b, bool wanted);
  BuiltinResult SlowOrder(std::string_view op, Value a, Value b);
  BuiltinResult SlowConcat(Value a, Value b);
  BuiltinResult SlowRange(Value from, Value to);
  BuiltinResult SlowRangeLoop(Op op, Value* registers);
  BuiltinResult SlowIndex(Value object, Value index, bool is_field);
  BuiltinResult SlowMap(const Instruction* at, Value* base);
  BuiltinResult SlowInterpolate(const Value* parts, uint32_t count);
  BuiltinResult CallBuiltin(uint32_t id, const Value* args, uint32_t count);
  BuiltinResult NotBool(Value v, ConditionOf what);
  BuiltinResult NoClause(const Instruction* at, Value subject, const Value* constants);
  BuiltinResult ExpectFailed(const Instruction* at, const Value* base, const Value* constants);
  BuiltinResult BadCall(Value callee, uint32_t count);
  BuiltinResult BadTarget(Value target);
  BuiltinResult BadBehavior(Value v, std::string_view what);

  Value Text(std::string_view text);
  // #tag(text).
  Value Reason(std::string_view tag, std::string_view text);
  BuiltinResult TypeError(std::string_view text) {
    return BuiltinResult::Failed(Reason("type", text));
  }
  BuiltinResult From(Result result, std::string_view what,
                     std::string_view too_big = "the result would be too big");
  // #failed(e), once.
  Value FailedReason(Value e);

  // Says to Core how the run failed; `pc` is in the instruction that did.
  TurnEnd Report(const Instruction* pc, const Value* constants);
  Place PlaceOf(const Instruction* pc, const Value* constants) const;
  std::vector<FaultReport::Frame> Calls() const;
  bool IsUsersCode(const Value* constants) const;
  std::string_view NameOf(const Instruction* at) const;
  // The turn is over, well or not: the stack is as good as new.
  void EndRun();

  Core& core_;
  Heap& heap_;
  const BuiltinRegistry& registry_;
  std::unique_ptr<ScriptStack> stack_;
  std::vector<std::unique_ptr<ScriptStack>> idle_;
  Value reason_;
  FailHow how_ = FailHow::kReason;
  bool is_pure_ = false;
  static constexpr int64_t kNoPureLimit = int64_t{1} << 60;
  int64_t pure_steps_left_ = kNoPureLimit;  // beyond its fuel
  uint64_t pure_bytes_end_ = 0;
  Place pure_place_;
  const Source* prelude_ = nullptr;
  Probe* probe_ = nullptr;
  std::vector<Value> builtin_values_;
  std::unique_ptr<Comparer> comparer_;
  Value failed_symbol_;
  std::string buffer_;  // of interpolations
};

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_RUN_INTERPRETER_H_
