// ProcessHost: actors in processes of their own. The child is this executable once more, or
// another one, that calls RunChild (child.h); it makes the actor that is asked for by name, and
// the parent has a ref to it that is used as any other. What passes is a session's, over a pipe
// (session.h), so values are data and refs, and a child has only the refs that it is handed.
//
// The ref is that of a *stand-in*, an actor of this VM that hands everything on: so it stays the
// same when the child is started again, by Process::Restart() or by a supervisor whose child the
// stand-in is (Behavior). While the child starts, what is sent to it waits.
//
// When the child ends, by itself or by Stop(), what was asked of it and every later message breaks
// with #disconnected(text). When it was not told to, and a supervisor has the stand-in, that is an
// own fault of the stand-in.
//
// A child has no descriptor of ours but its end of the pipe and, if asked for, standard output and
// error; no environment; the limits that are set; and it ends with this process, and with the
// thread of this VM, whatever happens to them (child_process.h). What C++ in it may do beyond that
// is what the system lets this user do.
//
// Errors (SpawnProcess, Restart, OnStarted), each naming the actor and the program:
//   NotFound            there is no such file
//   PermissionDenied    it may not be executed
//   InvalidArgument     no path, or no program; or the child does not make that actor: the text
//                       says why, as the child has it
//   ResourceExhausted   processes_max, descriptors, memory, or processes of the system
//   FailedPrecondition  this program was started as a child, and does not call RunChild
//   Unavailable         it ended before it had answered: with which code, or by which signal
//   DeadlineExceeded    it did not answer within start_ms_max, and was ended
//   Cancelled           Stop() came first
//
// Ownership: a ProcessHost borrows the loop and goes before it; it ends its children, at once.
//            A Process ends its child when it goes; it may outlive the host, and is over then.
// Threads:   the VM's.
// Limits:    ProcessHostOptions, ProcessOptions; those of sessions.
//
//   vesicle::ProcessHost host(*loop);
//   auto counter = host.SpawnProcess({.actor = "counter", .limits = {.memory_bytes_max = 1 <<
//   28}}); vm.Ask((*counter)->ref(), vm.Symbol("get"), ...);
//   (*counter)->Stop();
//   (*counter)->Join([](const vesicle::ChildEnd& end) { std::cout << end.ToString(); });
#ifndef VESICLE_TRANSPORT_HOST_PROCESS_H_
#define VESICLE_TRANSPORT_HOST_PROCESS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "transport/child_process.h"
#include "transport/session/network.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct ProcessOptions {
  std::string actor;                          // by its name in the child's registry
  std::vector<Root> arguments = {};           // what it is made with: data and refs
  std::string program = {};                   // a path; empty: this executable
  std::string label = {};                     // for people: see Label()
  std::vector<std::string> environment = {};  // "NAME=value"; nothing else
  ChildLimits limits = {};
  uint64_t vm_memory_bytes_max = 0;  // of its VM's actors; 0: what the child likes
  enum class Output : uint8_t { kNone, kErrors, kAll };
  Output output = Output::kErrors;  // which of our standard output and error it has
  int64_t start_ms_max = 10'000;    // until it has made the actor
  // Stop() asks; so long after it SIGTERM is sent, and so long after that SIGKILL.
  int64_t stop_ms_max = 1'000;
  int64_t term_ms_max = 1'000;
  SessionLimits session = {};
  // Who pays for what the child sends, and whether a membrane stands between; empty: the root of
  // the VM, and none. Asked at each start.
  std::function<absl::StatusOr<PeerTerms>()> terms = {};

  // What it is called in reports: its label, or the actor's name.
  const std::string& Label() const { return label.empty() ? actor : label; }
};

// One actor in a process.
class Process {
 public:
  virtual ~Process() = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The stand-in. Good from the beginning.
  virtual const Root& ref() const = 0;
  // 0: none runs.
  virtual int pid() const = 0;
  virtual bool is_running() const = 0;

  // Called once, from the loop: OK, the actor is made; or why it is not (see above). At once from
  // the loop when that is known already.
  virtual void OnStarted(absl::AnyInvocable<void(const absl::Status&)> fn) = 0;
  // Called each time that the child has ended, from the loop: whether it was told to, and how. May
  // call Restart().
  virtual void OnEnd(std::function<void(bool was_stopped, const ChildEnd& end)> fn) = 0;
  // Called once, from the loop, when no child runs any more; the loop stays for it.
  virtual void Join(absl::AnyInvocable<void(const ChildEnd&)> fn) = 0;

  // Asks the child to end: what was sent before is done first, and its OnStop functions are called.
  // Then SIGTERM, then SIGKILL, when it does not. The loop stays until it has ended. Nothing
  // happens when none runs.
  virtual void Stop() = 0;
  // SIGKILL.
  virtual void Kill() = 0;
  // Starts a child anew, behind the same ref. FailedPrecondition: one runs.
  virtual absl::Status Restart() = 0;

 protected:
  Process() = default;
};

struct ProcessHostOptions {
  size_t processes_max = 64;  // that run at once
};

class ProcessHost {
 public:
  explicit ProcessHost(VmLoop& loop, ProcessHostOptions options = {});
  // Kills its children and waits for them: some milliseconds.
  ~ProcessHost();
  ProcessHost(const ProcessHost&) = delete;
  ProcessHost& operator=(const ProcessHost&) = delete;

  // Starts a child. What is wrong with the program itself is returned; the rest comes later, to
  // OnStarted, and breaks what was sent. May be called in turns.
  absl::StatusOr<std::unique_ptr<Process>> SpawnProcess(ProcessOptions options);

  // A behavior whose actors are stand-ins: each starts a child of its own with its first message,
  // which faults if that cannot be, and again with the first message after a restart. For
  // `supervisor`. A stop and a restart end the child, as Stop() does.
  Root Behavior(ProcessOptions options);

  // Children that have not ended.
  size_t running() const;

  struct Rep;

 private:
  std::shared_ptr<Rep> rep_;
};

// What scripts get of one: #not_found(text), #denied(text), #type(text), #full(text),
// #disconnected(text) by the codes above.
Value ReasonOf(Core& core, const absl::Status& status);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_HOST_PROCESS_H_
