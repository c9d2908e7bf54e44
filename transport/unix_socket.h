// UnixTransport: Unix-domain sockets, between processes of one machine. An address is a path;
// who may reach the path may connect, and a new socket is its user's alone (mode 0600).
//
// Ownership: as Transport. A listener removes its path when it goes.
// Threads:   the loop's.
// Limits:    a path has at most 107 bytes. A listener's full queue is ResourceExhausted at the
//            one who connects.
//
//   UnixTransport local(environment);
//   auto listener = local.Listen("/run/user/1000/vesicle", {}, accept);
#ifndef VESICLE_TRANSPORT_UNIX_SOCKET_H_
#define VESICLE_TRANSPORT_UNIX_SOCKET_H_

#include <memory>
#include <string>
#include <string_view>

#include "transport/loop_environment.h"
#include "transport/transport.h"

#pragma GCC visibility push(default)
namespace vesicle {

class UnixTransport final : public Transport {
 public:
  explicit UnixTransport(LoopEnvironment& environment) : environment_(environment) {}

  std::string_view name() const override { return "unix"; }
  // AlreadyExists: something has that path, be it the socket of a listener that crashed: it is
  // left alone, and the text says what to do. A SocketListener.
  absl::StatusOr<std::unique_ptr<Listener>> Listen(const std::string& address,
                                                   const ListenOptions& options,
                                                   AcceptFn on_accept) override;
  absl::StatusOr<std::unique_ptr<Connection>> Connect(const std::string& address,
                                                      const ConnectOptions& options) override;

 private:
  LoopEnvironment& environment_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_UNIX_SOCKET_H_
