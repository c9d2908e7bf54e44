// Vm: one capability-secure actor VM in a C++ host. Actors made here, from scripts or
// from C++ functions, have what they are handed and nothing else.
//
// A VM is one heap, one set of queues, one thread. It runs only when it is told to
// (Run, RunSlice), or on a libuv loop (loop/vm_loop.h), which also brings devices.
//
// Ownership: Roots, Modules and ReplySlots may outlive the Vm and are empty then.
// Threads:   the thread that made it, always. loop/ has the one thread-safe entry.
// Limits:    VmOptions (CoreOptions): the root sponsor's memory, events and steps; a
//            turn's steps; what is over a limit faults with #quota(which).
//
//   vesicle::Vm vm({.memory_bytes_max = 64 << 20, .steps_per_turn_max = 1'000'000});
//   absl::StatusOr<vesicle::Module> module = vm.Load("counter.ves", text);
//   vesicle::Root counter = vm.Create(module->Behavior("counter", {vm.Int(0)}));
//   vm.Send(counter, vm.Tagged("add", 3));
//   vm.Ask(counter, vm.Symbol("get"), [](const vesicle::Reply& n) { use(n.value()); });
//   vm.Run();                                                    // until quiescent
#ifndef VESICLE_VM_NATIVE_VM_H_
#define VESICLE_VM_NATIVE_VM_H_

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "vm/actor/core.h"
#include "vm/native/build.h"
#include "vm/native/turn.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Actors;  // typed/actors.h
template <typename T>
class ActorRef;         // typed/actor_ref.h
struct ActorOptions;    // typed/context.h
class BuiltinRegistry;  // script/run/builtin.h
class Probe;            // script/interpreter.h
struct LoadResult;      // script/module.h
class Modules;          // script/module.h

using VmOptions = CoreOptions;

// VmOptions::memory_bytes_max of a Vm is at least this (checked): the prelude lives on it, too.
inline constexpr uint64_t kVmMemoryBytesMin = 64 << 10;

// How an ask ended. Good for the length of the callback.
class Reply {
 public:
  Reply(bool kept, Value outcome) : kept_(kept), outcome_(outcome) {}
  bool ok() const { return kept_; }
  // Wants ok().
  Value value() const { return outcome_; }
  // Wants !ok(): #failed(e), #no_clause(text), #quota(steps), ... (actor/fault.h).
  Value reason() const { return outcome_; }

 private:
  bool kept_;
  Value outcome_;
};

// The text of an import, by the path that the importing file wrote, resolved against that file
// ("lib/queue.ves"). A status says why not. Called while Load runs.
using ImportFn = std::function<absl::StatusOr<std::string>(std::string_view path)>;

struct TestCase {
  std::string name;
  Place place;
};

// A loaded module: its public behaviors and functions, and its tests.
class Module {
 public:
  Module();
  Module(Module&&) noexcept;
  Module& operator=(Module&&) noexcept;
  ~Module();

  // Public names, in the order of the text.
  std::vector<std::string> Names() const;
  bool HasBehavior(std::string_view name) const;
  // A behavior value: `name` with its captures. For names the host wrote itself: checked.
  Value Behavior(std::string_view name, std::span<const Value> captures = {}) const;
  Value Behavior(std::string_view name, std::initializer_list<Value> captures) const {
    return Behavior(name, std::span(captures.begin(), captures.size()));
  }
  // The same for names of strangers. NotFound: no such behavior, or another number of captures.
  absl::StatusOr<Root> MakeBehavior(std::string_view name,
                                    std::span<const Value> captures = {}) const;
  // How many captures a public behavior wants; nothing when there is none of that name.
  std::optional<uint32_t> ParametersOf(std::string_view behavior) const;
  // The value of a public function, `let`, or behavior without captures.
  std::optional<Value> Get(std::string_view name) const;
  // A function for scripts that makes `behavior` of its captures. Wants ParametersOf(behavior).
  Value Maker(std::string_view behavior) const;
  // Of a module from Compile: a behavior that computes its `let`s at its first message (nothing:
  // there is no memory for it), and what to say when that turn fails with `reason`.
  std::optional<Value> Starter() const;
  std::string ConstantError(Value reason) const;
  std::vector<TestCase> Tests() const;
  // The bytecode of everything in it, for people.
  std::string Disassemble() const;

 private:
  friend class Vm;
  struct Rep;
  static absl::StatusOr<Module> Of(LoadResult loaded);
  std::unique_ptr<Rep> rep_;
};

// Adds the making of values (Int, Text, Symbol, Tagged, List, Map: build.h).
class Vm : public Build {
 public:
  // `builtins`: what layers above add to what scripts can name, such as AddMembranes.
  using Builtins = void (*)(BuiltinRegistry& registry);
  explicit Vm(const VmOptions& options = {}, Builtins builtins = nullptr);
  ~Vm();
  Vm(const Vm&) = delete;
  Vm& operator=(const Vm&) = delete;

  // Compiles a module. InvalidArgument: the message is every diagnostic, with places and carets.
  // Imports are refused without `import`. Loading has no effects.
  absl::StatusOr<Module> Load(std::string_view name, std::string_view text,
                              const ImportFn& import = {});

  // For a module that a guest wants loaded, in a turn of the guest's sponsor. As Load without
  // imports, but it computes no `let`: ask an actor of Module::Starter() to, and use nothing of the
  // module before it has replied. So that work is a turn like any other: paid for, suspended,
  // ended by a budget.
  absl::StatusOr<Module> Compile(std::string_view name, std::string_view text);

  // An actor on the root sponsor. `behavior`: a behavior value, or a C++ function.
  Root Create(Value behavior);
  Root Create(NativeBehavior behavior);
  Root Create(const Definition& definition, std::initializer_list<Value> captures) {
    return Create(definition.Behavior(captures));
  }
  // A native behavior whose actors hold `captures` values each (Definition).
  Definition Define(std::string name, uint32_t captures, NativeBehavior behavior) {
    return vesicle::Define(core_, std::move(name), captures, std::move(behavior));
  }

  // A typed actor: an object of class T, made of these arguments in its first turn
  // (typed/actor.h, to be included by who uses it). Outside of turns; in one, Context::Spawn.
  template <typename T, typename... As>
  ActorRef<T> Spawn(As&&... as);
  template <typename T, typename... As>
  ActorRef<T> SpawnWith(ActorOptions options, As&&... as);
  // What is kept of them: their time, their crashes, their end.
  Actors& actors() { return *actors_; }
  // Stops all typed actors, the newest first, and runs until that is done. A task that waits is
  // cancelled.
  void Shutdown();

  // Want target.is_target(). The message is delivered when the VM runs.
  void Send(Value target, Value message);
  void Send(const Root& target, Value message) { Send(target.value(), message); }
  // `callback` is called once, from within Run, if and when the reply comes.
  void Ask(Value target, Value message, absl::AnyInvocable<void(const Reply&)> callback);
  void Ask(const Root& target, Value message, absl::AnyInvocable<void(const Reply&)> callback) {
    Ask(target.value(), message, std::move(callback));
  }

  // Sends #start(host) to a new actor of the module's `main`. NotFound: it has none. Nobody gets
  // the reply: a failure is an unobserved fault.
  absl::Status Start(const Module& module, Value host);
  // Runs test number `index` of the module (as listed by Tests()) as a task.
  void StartTest(const Module& module, size_t index,
                 absl::AnyInvocable<void(const Reply&)> callback);

  // Runs about `steps` steps, or until nothing can run; true when there is more to run.
  bool RunSlice(int64_t steps) { return core_.RunSlice(steps); }
  // Runs until nothing can run.
  void Run() {
    while (RunSlice(1'000'000)) {
    }
  }

  // Called for each fault, observed by an asker or not, as it happens.
  void OnFault(std::function<void(const FaultReport&)> fn) { core_.set_on_fault(std::move(fn)); }
  std::vector<FaultReport> UnobservedFaults() const { return core_.UnobservedFaults(); }

  Core& core() { return core_; }
  // What was loaded, for who names code to other VMs.
  Modules& modules();
  // Sees every instruction of scripts, which run slower meanwhile; null: none. For tests.
  void SetProbe(Probe* probe);

 private:
  struct Script;
  Core core_;
  std::unique_ptr<Script> script_;
  std::unique_ptr<Actors> actors_;  // goes first
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_VM_H_
