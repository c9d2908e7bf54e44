// Pipes: connections without addresses: the two ends of a socket pair, of which one can be in a
// child process.
//
// Ownership: of the ends and the child, who gets them.
// Threads:   the loop's.
// Limits:    an environment and a list of arguments have the system's.
//
//   auto spawned = SpawnWithPipe(environment, {.file = "/usr/bin/vesicle", .arguments =
//   {"serve"}}); spawned->pipe->Start(&session);
//   ... and in the child:
//   auto parent = AdoptSocket(environment, kChildPipeFd, "parent");
#ifndef VESICLE_TRANSPORT_PIPE_H_
#define VESICLE_TRANSPORT_PIPE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transport/loop_environment.h"
#include "transport/transport.h"

#pragma GCC visibility push(default)
namespace vesicle {

// Where a child process finds its end.
inline constexpr int kChildPipeFd = 3;

// A stream socket that is connected. Takes `fd`. InvalidArgument: it is none. `name` is what the
// peer's address shows.
absl::StatusOr<std::unique_ptr<Connection>> AdoptSocket(LoopEnvironment& environment, int fd,
                                                        const std::string& name,
                                                        const Limits& limits = {});

// Two connections to each other. ResourceExhausted: no descriptors.
absl::StatusOr<std::pair<std::unique_ptr<Connection>, std::unique_ptr<Connection>>> SocketPair(
    LoopEnvironment& environment, const Limits& limits = {});

// Destroying one kills the process if it still runs.
class ChildProcess {
 public:
  virtual ~ChildProcess() = default;
  virtual int pid() const = 0;
};

struct SpawnOptions {
  std::string file;                           // its path: no shell and no search
  std::vector<std::string> arguments = {};    // behind its name
  std::vector<std::string> environment = {};  // "NAME=value"; nothing else
  Limits limits = {};
  // Its exit code, or the signal that ended it (0: none). Not called if it is destroyed before.
  absl::AnyInvocable<void(int64_t code, int signal)> on_exit = {};
};

struct Spawned {
  std::unique_ptr<ChildProcess> process;
  std::unique_ptr<Connection> pipe;
};

// The child has an empty standard input, our standard output and error, and its end of the pipe at
// kChildPipeFd. NotFound, PermissionDenied: of the file. InvalidArgument: a name without a slash.
// ResourceExhausted: no descriptors, no memory, no processes.
absl::StatusOr<Spawned> SpawnWithPipe(LoopEnvironment& environment, SpawnOptions options);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_PIPE_H_
