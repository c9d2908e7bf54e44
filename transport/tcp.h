// TcpTransport: plain TCP, "tcp-testing-only": nothing is encrypted and nobody is who he says.
// For tests, conformance and, below TLS, as what carries it (tls.h).
//
// Addresses are HOST:PORT, with port 0 for one that the system chooses. To listen, the host is
// an address in numbers; to connect it may be a name, whose addresses are tried in turn.
//
// Ownership: as Transport; borrows the environment.
// Threads:   the loop's; names are looked up on libuv's pool.
//
//   TcpTransport tcp(environment, {.on_warning = [](const std::string& w) { Log(w); }});
//   auto listener = tcp.Listen("127.0.0.1:0", {}, accept);
//   auto connection = tcp.Connect((*listener)->address(), {});
#ifndef VESICLE_TRANSPORT_TCP_H_
#define VESICLE_TRANSPORT_TCP_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "transport/loop_environment.h"
#include "transport/socket_address.h"
#include "transport/transport.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct TcpOptions {
  // Called with a text for people when plain TCP is about to leave this machine. Absent below TLS.
  std::function<void(const std::string&)> on_warning = {};
  // Looks at each address, resolved, before it is dialled: a grant of the net is judged here, not
  // on a name. What it returns is the connection's end.
  std::function<absl::Status(const SocketAddress&)> may_connect = {};
};

class TcpTransport final : public Transport {
 public:
  explicit TcpTransport(LoopEnvironment& environment, TcpOptions options = {})
      : environment_(environment), options_(std::move(options)) {}

  std::string_view name() const override { return "tcp-testing-only"; }
  // A SocketListener.
  absl::StatusOr<std::unique_ptr<Listener>> Listen(const std::string& address,
                                                   const ListenOptions& options,
                                                   AcceptFn on_accept) override;
  absl::StatusOr<std::unique_ptr<Connection>> Connect(const std::string& address,
                                                      const ConnectOptions& options) override;

 private:
  LoopEnvironment& environment_;
  TcpOptions options_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_TCP_H_
