// A child process: a program with nothing of ours but what it is given. It is started without a
// shell, and without a search for its name.
//
// What the child has: the descriptors that are listed, as 0, 1, 2, ..; every other one is closed.
// The environment that is listed. A session of the system's of its own, so that what is typed at
// our terminal (Ctrl-C) comes to us alone. Default signal actions, no core dumps, and no way to
// more rights than ours (PR_SET_NO_NEW_PRIVS).
//
// How it ends: by itself; by Signal(); by SIGKILL when its ChildProcess goes, or when the *thread*
// that started it ends, however that came to pass (PR_SET_PDEATHSIG): so children are started by a
// thread that lives as long as they are wanted. With it all end that it has started and that have
// not left its group. Nothing is left to be waited for: it is waited for by its own number alone,
// so a host's other children, and its actions for SIGCHLD, are not disturbed. (A host that takes
// the ends of all its children, waitpid(-1), or ignores SIGCHLD, takes ours too: ChildEnd then says
// that nothing is known.)
//
// Ownership: belongs to who started it; borrows the environment.
// Threads:   the loop's.
// Limits:    ChildLimits, of the child alone: what it starts has as much again. Each costs a
//            descriptor.
//
//   auto child = StartChild(environment, {.file = "/bin/date", .descriptors = {-1, fd, -1},
//                                         .on_exit = [](const ChildEnd& end) { .. }});
//   (*child)->Signal(SIGTERM);
#ifndef VESICLE_TRANSPORT_CHILD_PROCESS_H_
#define VESICLE_TRANSPORT_CHILD_PROCESS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "transport/loop_environment.h"

#pragma GCC visibility push(default)
namespace vesicle {

// 0: as much as we may have ourselves. What we may not have, the child does not get either.
struct ChildLimits {
  // RLIMIT_AS: address space, the program, its libraries and its stack included; about 40 MiB of
  // it go before a VM has anything. What does not fit fails in the child, as it does for a machine
  // without memory: a VM says #quota(#memory), C++ that does not look ends by SIGABRT.
  uint64_t memory_bytes_max = 0;
  // RLIMIT_CPU: seconds of processor time, of all its threads. SIGXCPU then, SIGKILL one later.
  int64_t cpu_seconds_max = 0;
  // RLIMIT_NOFILE: descriptors are numbers below it.
  uint64_t files_max = 0;
};

// How a child ended: with a code, or by a signal.
struct ChildEnd {
  bool is_known = true;
  int code = 0;    // of its exit; 0 when a signal ended it
  int signal = 0;  // 0: it exited
  // "exited with 3", "ended by signal 9 (SIGKILL)", "ended, nobody knows how".
  std::string ToString() const;
  // "SIGKILL"; empty: no signal ended it, or one without a name.
  std::string SignalName() const;
};

struct ChildOptions {
  std::string file;                           // its path
  std::string name = {};                      // what it is called with; empty: its path
  std::vector<std::string> arguments = {};    // behind its name
  std::vector<std::string> environment = {};  // "NAME=value"; nothing else
  // Of ours, that it has as 0, 1, 2, ..; -1: an empty one, of the null device. At most 8.
  std::vector<int> descriptors = {-1, -1, -1};
  ChildLimits limits = {};
  // Called once, when the child has ended and was waited for; not if it is destroyed before. May
  // destroy the ChildProcess.
  absl::AnyInvocable<void(const ChildEnd&)> on_exit = {};
};

// Destroying one kills the process, with all of its group, and waits until it is gone: some
// milliseconds, and at most two seconds where the system does not let it go.
class ChildProcess {
 public:
  virtual ~ChildProcess() = default;
  virtual int pid() const = 0;
  virtual bool has_ended() const = 0;
  // To it and those of its group; nothing if it has ended.
  virtual void Signal(int signal) = 0;
  // Whether a loop stays until it ends. It does not, until told so.
  virtual void HoldLoop(bool holds) = 0;
};

// OK: the program runs. NotFound: there is no such file. PermissionDenied: it may not be executed.
// InvalidArgument: a name without a slash, no program, or more arguments than the system takes.
// ResourceExhausted: no descriptors, no memory, no processes. Each names the file.
absl::StatusOr<std::unique_ptr<ChildProcess>> StartChild(LoopEnvironment& environment,
                                                         ChildOptions options);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CHILD_PROCESS_H_
