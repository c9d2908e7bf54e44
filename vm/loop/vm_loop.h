// VmLoop runs a Vm on a libuv loop: turns in slices, input and output between them.
//
// Whoever gives the VM something to do (Send, Ask, Spawn, a Tell, a reply that a callback of the
// loop keeps) need say nothing: the loop hears of it, and the VM runs soon.
//
// While the VM can run, each round of the loop runs one slice of about slice_steps and
// then looks at what came in, so neither starves the other; an idle VM sleeps in the
// system's poll. A VM with no events, no live device (a timer that runs, a reader that
// somebody waits for, output not yet written) and no Hold is finished: Run() returns.
//
// Ownership: borrows the Vm, which outlives it and has one VmLoop at a time, and the host's loop,
//            if one is given.
//            Devices (devices.h) belong to the refs that reach them, and to the VmLoop while
//            they have something to do; they are closed with the VmLoop, and answer
//            #disconnected from then on.
// Threads:   the VM's thread. Poster::Post is the one entry for others.
// Limits:    Options.
//
//   vesicle::Vm vm;
//   auto loop = vesicle::VmLoop::Create(vm);
//   vesicle::Root console = vesicle::MakeConsole(**loop);
//   vm.Start(*module, vm.Map({{"console", console.value()}}));
//   (*loop)->Run();
#ifndef VESICLE_VM_LOOP_VM_LOOP_H_
#define VESICLE_VM_LOOP_VM_LOOP_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vm/native/vm.h"

typedef struct uv_loop_s uv_loop_t;

#pragma GCC visibility push(default)
namespace vesicle {

class LoopDevice;
class LoopGuest;
class VmLoop;

// Hands work to a VM from any thread. Copies are cheap; may outlive the VmLoop.
class Poster {
 public:
  // `fn` runs once on the VM's thread, between two turns, in the order of posting. Unavailable:
  // the loop is gone. ResourceExhausted: posts_max wait already. `fn` is dropped then.
  absl::Status Post(absl::AnyInvocable<void(Vm&)> fn) const;

 private:
  friend class VmLoop;
  struct Mailbox;
  explicit Poster(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}
  std::shared_ptr<Mailbox> mailbox_;
};

// A VmLoop from afar, for what an actor keeps: knows when the loop is gone. Copies are cheap.
class LoopRef {
 public:
  LoopRef(VmLoop& loop);                  // where one is wanted a loop will do
  VmLoop* get() const { return *link_; }  // null: it is gone

 private:
  std::shared_ptr<VmLoop*> link_;
};

class VmLoop {
 public:
  struct Options {
    uv_loop_t* host_loop = nullptr;  // null: a loop of its own
    int64_t slice_steps = 10'000;
    size_t posts_max = 100'000;
  };
  // Unavailable: the system gave no loop (file descriptors, memory).
  static absl::StatusOr<std::unique_ptr<VmLoop>> Create(Vm& vm, const Options& options);
  static absl::StatusOr<std::unique_ptr<VmLoop>> Create(Vm& vm) { return Create(vm, Options()); }
  // With a host's loop the memory of handles is freed by the loop's next rounds.
  ~VmLoop();
  VmLoop(const VmLoop&) = delete;
  VmLoop& operator=(const VmLoop&) = delete;

  // Runs until the VM is finished, or Stop(). May be called again. A host that runs its loop
  // itself needs no Run().
  void Run();
  // No further slice begins; Run() returns soon. From callbacks of the loop, and from posts.
  void Stop();
  bool is_stopped() const;

  // See Poster. Never blocks.
  absl::Status Post(absl::AnyInvocable<void(Vm&)> fn) { return poster().Post(std::move(fn)); }
  Poster poster() const;

  // While one lives, Run() does not return for want of work: for hosts that will Post.
  class Hold {
   public:
    explicit Hold(VmLoop& loop) : loop_(&loop) { loop.AddHold(1); }
    ~Hold() { loop_->AddHold(-1); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    VmLoop* loop_;
  };

  Vm& vm();
  uv_loop_t* uv();

  // --- for devices (loop_device.h)
  void Add(const std::shared_ptr<LoopDevice>& device);
  // A slice soon, and after it a look at all devices, though the VM may have nothing to do.
  void Wake();
  // Shares in the device while it IsPending(), until the end of a slice that finds it idle.
  static void Keep(const std::shared_ptr<LoopDevice>& device);
  // While there are more pauses than resumes the VM does not run: output that is not taken
  // holds back those who make it.
  void PauseTurns();
  void ResumeTurns();

 private:
  friend class LoopGuest;
  friend class LoopRef;
  struct Rep;
  explicit VmLoop(std::unique_ptr<Rep> rep);
  void AddHold(int delta);
  void OnIdle();
  bool RunPosts();
  void FlushDevices();

  std::unique_ptr<Rep> rep_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_VM_LOOP_H_
