// Supervisor: an actor that starts others, and decides what their faults do: the supervisor of
// scripts (docs/language.md, Supervision), for hosts. Its children are behaviors: of typed actors,
// which begin each life with a new object, or of scripts.
//
//   absl::StatusOr<Supervisor> family = Supervisor::Create(
//       vm, {.on_fault = Supervisor::OnFault::kRestart, .restarts = 5},
//       {{"db", BehaviorOf<Database>(vm, "path")}, {"web", BehaviorOf<Web>(vm)}});
//   family->Child<Database>("db").Then([](absl::StatusOr<ActorRef<Database>> db) { .. });
//
// A fault is what the class's OnFault hears, too, which is told first; what it answers with is no
// verdict on one that is supervised but kStop, which ends its object early. When there are too many
// restarts the supervisor stops, with all its children.
//
// Ownership: keeps the supervisor alive, and so its children.
#ifndef VESICLE_VM_NATIVE_TYPED_SUPERVISE_H_
#define VESICLE_VM_NATIVE_TYPED_SUPERVISE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "vm/native/typed/actor.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Supervisor {
 public:
  // Who is restarted with a child: it alone, all, those started after it.
  enum class Strategy : uint8_t { kOneForOne, kOneForAll, kRestForOne };
  enum class OnFault : uint8_t { kResume, kRestart, kStop, kEscalate };
  struct Options {
    Strategy strategy = Strategy::kOneForOne;
    OnFault on_fault = OnFault::kRestart;
    int64_t restarts = 3;  // in all
  };
  struct ChildSpec {
    std::string name;
    Root behavior;
  };

  // Starts the children, in order, when the VM runs. InvalidArgument: two of the same name, or
  // something that is no behavior.
  static absl::StatusOr<Supervisor> Create(Vm& vm, const Options& options,
                                           const std::vector<ChildSpec>& children);

  // Aborted: there is no such child. InvalidArgument: it is of another class.
  template <typename T>
  Asked<ActorRef<T>> Child(const std::string& name) const {
    return Asked<ActorRef<T>>(*actors_, AskChild(name), {nullptr, nullptr, 0, "Child"});
  }
  // All of them, and itself.
  void Stop() const;
  Value value() const { return root_.value(); }

 private:
  Supervisor(Actors& actors, Root root) : actors_(&actors), root_(std::move(root)) {}
  Value AskChild(const std::string& name) const;

  Actors* actors_;
  Root root_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_SUPERVISE_H_
