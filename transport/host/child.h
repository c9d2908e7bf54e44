// RunChild: the other side of a process (process.h). A program that is to be run as a child calls
// it first of all in its main, with the actors that it can make, each under a name. As a child it
// has a VM and a loop of its own, and a session with its parent over a pipe; it makes the one actor
// that the parent asks for, and ends when the parent says so, or is gone.
//
// What such an actor has: what the parent hands it as arguments and in messages; and, as it is C++
// in a process, whatever the system lets this user do. What the child hands to a script of its own
// is the child's to decide.
//
// Ownership: the registry is borrowed until RunChild returns.
// Threads:   RunChild runs the VM on the thread that calls it.
// Limits:    ChildRunOptions::vm; and the memory that the parent set.
//
//   int main(int argc, char** argv) {
//     vesicle::ChildRegistry actors;
//     actors.Add("counter", [](vesicle::ChildWorld& world, std::span<const vesicle::Value>) {
//       return world.vm().Create([n = 0](vesicle::Turn& turn) mutable { turn.Reply(turn.Int(++n));
//       });
//     });
//     if (std::optional<int> code = vesicle::RunChild(argc, argv, actors)) return *code;
//     ...                                    // the host itself
//   }
#ifndef VESICLE_TRANSPORT_HOST_CHILD_H_
#define VESICLE_TRANSPORT_HOST_CHILD_H_

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"

#pragma GCC visibility push(default)
namespace vesicle {

// Stands behind the name of a program that is started as a child, with a number of bytes for its VM
// (0: as it likes) behind it; and what it becomes in its list of processes when RunChild has seen
// it.
inline constexpr std::string_view kChildArgument = "--vesicle-start";
inline constexpr std::string_view kChildRunning = "--vesicle-child";
static_assert(kChildArgument.size() == kChildRunning.size());
// What a child offers to its parent.
inline constexpr std::string_view kChildSwiss = "vesicle child";

// What the maker of a child's actor has. Good as long as the child runs.
class ChildWorld {
 public:
  Vm& vm() { return loop_.vm(); }
  VmLoop& loop() { return loop_; }
  // `fn` is called when the parent asks the child to end, in reverse order of these calls, outside
  // of turns and after all that was sent before. What it sends still goes; the child ends soon.
  void OnStop(absl::AnyInvocable<void()> fn) { on_stop_.push_back(std::move(fn)); }

 private:
  friend class Child;
  explicit ChildWorld(VmLoop& loop) : loop_(loop) {}
  VmLoop& loop_;
  std::vector<absl::AnyInvocable<void()>> on_stop_;
};

// Makes the actor, outside of turns. The arguments are good until the VM runs. A status goes to the
// parent, as its text.
using ChildActor =
    std::function<absl::StatusOr<Root>(ChildWorld& world, std::span<const Value> arguments)>;

class ChildRegistry {
 public:
  // A name that is there already is replaced.
  void Add(std::string name, ChildActor make) { actors_[std::move(name)] = std::move(make); }
  // Null: there is none of that name.
  const ChildActor* Find(std::string_view name) const;
  // "a, b, c".
  std::string Names() const;

 private:
  std::map<std::string, ChildActor, std::less<>> actors_;
};

struct ChildRunOptions {
  VmOptions vm = {};
  Vm::Builtins builtins = nullptr;  // such as AddMembranes
  // Before the VM goes: to say what was left, for example.
  std::function<void(Vm&)> on_end = {};
};

// Nothing: this process is no child, and goes on. Else its exit code: 0 it has ended as it was
// told, or its parent has; 2 it was started as a child by nobody who could be its parent.
std::optional<int> RunChild(int argc, char** argv, const ChildRegistry& registry,
                            const ChildRunOptions& options = {});

// Whether this process was started as a child and has not come to RunChild: it would start children
// of itself without end.
bool IsChildThatDoesNotKnow();

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_HOST_CHILD_H_
