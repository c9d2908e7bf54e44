// Host: several VMs in one process, each on a thread and a loop of its own: one for each core.
// They share nothing. References go from one to another as they do over any transport, with the
// same laws (transport/session); but messages between them are copied in memory, and behaviors
// and functions cross as well.
//
// What runs where is said by who puts it there: nothing moves by itself.
//
// Ownership: the Host owns its VMs, but for one that it was given (HostOptions::first). Destroying
//            it is Stop() and Join(); what waits for a VM that has ended breaks, #disconnected.
// Threads:   Host, Post and HostRef are for any thread; the rest of a HostVm is for its own,
//            which is where functions that were posted run (checked).
// Limits:    HostOptions.
//
//   auto host = vesicle::Host::Create({.vms = 2});
//   (*host)->vm(0).Post([&](vesicle::Vm& vm, vesicle::VmLoop&) {
//     auto counter = std::make_shared<vesicle::HostRef>((*host)->vm(0).Export(vm.Create(...)));
//     (*host)->vm(1).Post([&, counter](vesicle::Vm& other, vesicle::VmLoop&) {
//       other.Send((*host)->vm(1).Import(*counter), other.Tagged("add", 3));
//     });
//   });
//   (*host)->Join();                                  // until nothing is left to do in any of them
#ifndef VESICLE_TRANSPORT_HOST_HOST_H_
#define VESICLE_TRANSPORT_HOST_HOST_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "transport/session/session.h"
#include "vm/heap/root.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Host;
class HostVm;

struct HostOptions {
  int vms = 0;        // 1 to kHostVmsMax; 0: as many as the machine runs threads at once
  VmOptions vm = {};  // the limits of each
  // What its language has beyond the core; null: nothing. For scripts with membranes: AddMembranes.
  Vm::Builtins builtins = nullptr;
  // Of the edge between two of them.
  SessionLimits edge = {};
  int64_t slice_steps = 10'000;
  // A VM without work looks so long for a message before it sleeps: what is answered within costs
  // no system call, and a core is kept busy meanwhile.
  int64_t spin_ns = 20'000;
  // VM 0 is this one, and is run by whoever calls Join(), on the thread of that loop; null: it gets
  // a thread as the others. Those have the time of their loops (LoopTime); it has what it was
  // given.
  VmLoop* first = nullptr;
  // Called on the thread of each VM but a `first`: before anything else, and when it has ended.
  std::function<void(HostVm&)> on_start = {};
  std::function<void(HostVm&)> on_end = {};
};
inline constexpr int kHostVmsMax = 256;

// A reference that is not yet, or no longer, anybody's: made in one VM, to be taken into others.
// Copies mean the same; as long as one is there, so is what it means. Any thread may hold one.
class HostRef {
 public:
  HostRef() = default;
  bool is_empty() const { return offer_ == nullptr; }

 private:
  friend class HostVm;
  struct Offer;
  explicit HostRef(std::shared_ptr<const Offer> offer) : offer_(std::move(offer)) {}
  std::shared_ptr<const Offer> offer_;
};

class HostVm {
 public:
  using Fn = absl::AnyInvocable<void(Vm&, VmLoop&)>;

  ~HostVm();
  HostVm(const HostVm&) = delete;
  HostVm& operator=(const HostVm&) = delete;

  int index() const { return index_; }
  // Runs `fn` once on the VM's thread, between two turns, in the order of posting. Unavailable:
  // that VM has ended. ResourceExhausted: too many posts wait. `fn` is dropped then. Any thread.
  absl::Status Post(Fn fn);
  // This VM ends, soon; the others see #disconnected. Any thread.
  void Stop();

  // --- on its own thread
  Vm& vm();
  VmLoop& loop();
  // For others to import. Wants a target.
  HostRef Export(const Root& target) { return Export(target.value()); }
  HostRef Export(Value target);
  // What makes actors here: the control ref of a budget in this VM without limits of its own, which
  // answers #create(behavior) with a ref (docs/language.md, Budgets).
  HostRef ExportPlace();
  // What somebody exported, as a promise: it takes messages at once, and becomes the reference when
  // that is known. In the VM that exported it, it becomes the original. It breaks, #not_found, when
  // every HostRef was gone before it was asked for; #disconnected, when that VM has ended.
  Root Import(const HostRef& ref);
  // The same, when it is there: runs the loop meanwhile. Unavailable: it is not there within 10
  // seconds. Not from within a post, a turn or a callback: for a `first` before it is run.
  absl::StatusOr<Root> ImportNow(const HostRef& ref);
  // What the tables of all edges to others hold, for tests: nothing, when nothing is shared.
  Session::Counts counts() const;

 private:
  friend class Host;
  struct Rep;
  HostVm(Host& host, int index);
  absl::Status Start();
  void Run();
  void End();
  void CheckThread() const;

  Host& host_;
  int index_;
  std::unique_ptr<Rep> rep_;
};

class Host {
 public:
  // InvalidArgument: not so many VMs. Unavailable: the system gives no thread, or no loop.
  static absl::StatusOr<std::unique_ptr<Host>> Create(HostOptions options);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  int vms() const { return static_cast<int>(vms_.size()); }
  // Wants 0 <= i < vms().
  HostVm& vm(int i) { return *vms_[static_cast<size_t>(i)]; }

  // Waits until nothing is left to do in any VM: no turn, no message under way, no post, no timer
  // or other device that runs, no VmLoop::Hold; or until Stop(). All have ended then. Once.
  void Join();
  // All end soon, whatever they do. Also from within them.
  void Stop();

 private:
  friend class HostVm;
  struct Rep;
  explicit Host(HostOptions options);
  // That VM has nothing to do; that it has.
  void NoteIdle(int index);
  void NoteBusy(int index);
  // It has ended.
  void NoteOver(int index);
  // Whether nobody has. Wants the lock.
  bool IsQuiet() const;
  void StopIfQuiet();

  std::unique_ptr<Rep> rep_;
  std::vector<std::unique_ptr<HostVm>> vms_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_HOST_HOST_H_
