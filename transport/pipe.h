// Pipes: connections without addresses: the two ends of a socket pair, of which one can be in a
// child process.
//
// Ownership: of the ends and the child, who gets them.
// Threads:   the loop's.
// Limits:    those of child_process.h.
//
//   auto spawned = SpawnWithPipe(environment, {.file = "/usr/bin/vesicle", .arguments =
//   {"serve"}}); auto connection = spawned->pipe->Connect("child", {});
//   ... and in the child:
//   auto parent = AdoptSocket(environment, kChildPipeFd, "parent");
#ifndef VESICLE_TRANSPORT_PIPE_H_
#define VESICLE_TRANSPORT_PIPE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "transport/child_process.h"
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

// A transport of one connection, which is there already: who connects or listens first has it. So
// what speaks over transports, as a network of sessions, speaks over a pipe.
class PipeTransport final : public Transport {
 public:
  static constexpr std::string_view kName = "vesicle-pipe";

  // Takes `fd`, as AdoptSocket. `peer`: what the peer's address shows.
  PipeTransport(LoopEnvironment& environment, int fd, std::string peer)
      : environment_(environment), fd_(fd), peer_(std::move(peer)) {}
  ~PipeTransport() override;

  std::string_view name() const override { return kName; }
  // Accepts the one connection, before it returns. The address is for people. Unavailable: somebody
  // has it.
  absl::StatusOr<std::unique_ptr<Listener>> Listen(const std::string& address,
                                                   const ListenOptions& options,
                                                   AcceptFn on_accept) override;
  absl::StatusOr<std::unique_ptr<Connection>> Connect(const std::string& address,
                                                      const ConnectOptions& options) override;

 private:
  absl::StatusOr<std::unique_ptr<Connection>> Take(const Limits& limits);

  LoopEnvironment& environment_;
  int fd_;  // -1: somebody has it
  std::string peer_;
};

struct Spawned {
  std::unique_ptr<ChildProcess> process;
  std::unique_ptr<PipeTransport> pipe;
};

// StartChild, with one more descriptor: the child has its end of a pipe at kChildPipeFd. Wants at
// most that many others; where there are fewer, the null device stands for them.
absl::StatusOr<Spawned> SpawnWithPipe(LoopEnvironment& environment, ChildOptions options);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_PIPE_H_
