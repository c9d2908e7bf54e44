// NetHost: the networks of a program that was granted some: one by TLS 1.3, under the key of an
// identity, and one by plain TCP, which is for tests. Both look at the grants before they listen,
// and at each resolved address before they connect.
#ifndef VESICLE_CLI_NET_HOST_H_
#define VESICLE_CLI_NET_HOST_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "transport/loop_environment.h"
#include "transport/session/network.h"
#include "transport/tcp.h"
#include "transport/tls.h"
#include "vm/loop/vm_loop.h"

namespace vesicle::cli {

// What --allow-net=... grants: "127.0.0.1:7000", "[::1]:7000", "127.0.0.1" (every port),
// "localhost",
// "*" (everything). Addresses and no names: what a name means is decided by others.
struct NetGrant {
  std::string host;   // as text of numbers; "*": every one
  uint16_t port = 0;  // 0: every one
};
// InvalidArgument: in one line, what is wrong.
absl::StatusOr<NetGrant> ParseNetGrant(const std::string& text);

// Of plain TCP: a name that is ours in this run, and that nothing proves.
std::string MakeDesignator();

class NetHost {
 public:
  struct Options {
    std::vector<NetGrant> grants;
    std::string identity_file;  // empty: a key of this run alone
    Dialect dialect = {};
  };
  // What Identity::Load says; ResourceExhausted: OpenSSL had no memory.
  static absl::StatusOr<std::unique_ptr<NetHost>> Create(VmLoop& loop, const Options& options);

  // host.net.
  Root device();
  // The network of a transport; null: there is none.
  Network* Of(std::string_view transport);
  // Tells all peers, and sends what is left, for a moment.
  void Close(std::string_view reason);

 private:
  NetHost(VmLoop& loop, const Options& options);
  absl::Status MayConnect(const SocketAddress& address) const;
  absl::Status MayUse(const std::string& host, uint16_t port) const;

  VmLoop& loop_;
  std::vector<NetGrant> grants_;
  LoopEnvironment environment_;
  TcpTransport tcp_;
  TcpTransport below_tls_;
  std::unique_ptr<TlsTransport> tls_;
  std::unique_ptr<Network> tcp_network_;
  std::unique_ptr<Network> tls_network_;
};

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_NET_HOST_H_
