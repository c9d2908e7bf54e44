#include "transport/tcp.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "transport/socket_connection.h"
#include "transport/socket_listener.h"

namespace vesicle {
namespace {

constexpr int kBacklog = 1024;

void WarnIfOutside(const std::function<void(const std::string&)>& warn,
                   const SocketAddress& address) {
  if (!warn || address.IsLoopback()) return;
  warn(absl::StrCat(address.Text(),
                    ": plain TCP (tcp-testing-only) outside of this machine: anybody on the way "
                    "can read and change it; use vesicle-tls"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> TcpTransport::Listen(const std::string& address,
                                                               const ListenOptions& options,
                                                               AcceptFn on_accept) {
  const auto parts = ParseHostAndPort(address);
  if (!parts.ok()) return parts.status();
  const auto local = NumericAddress(*parts);
  if (!local.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        parts->host, ": to listen wants an address in numbers, as 127.0.0.1 or 0.0.0.0"));
  }
  WarnIfOutside(options_.on_warning, *local);
  const int fd = socket(local->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return SocketStatus(errno, address);
  // A server that starts again is not kept out by its old connections' ends.
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, local->get(), local->size) != 0 || listen(fd, kBacklog) != 0) {
    const absl::Status status = SocketStatus(errno, address);
    close(fd);
    return status;
  }
  auto listener = SocketListener::Create(environment_, fd, LocalAddress(fd).Text(), options,
                                         std::move(on_accept));
  if (!listener.ok()) return listener.status();
  return *std::move(listener);
}

absl::StatusOr<std::unique_ptr<Connection>> TcpTransport::Connect(const std::string& address,
                                                                  const ConnectOptions& options) {
  if (!options.designator.empty()) {
    return absl::FailedPreconditionError("tcp-testing-only proves no designator; use vesicle-tls");
  }
  const auto parts = ParseHostAndPort(address);
  if (!parts.ok()) return parts.status();
  if (parts->port == 0) {
    return absl::InvalidArgumentError(absl::StrCat(address, ": nobody listens at port 0"));
  }
  auto connection = SocketConnection::ToConnect(
      environment_, options, address, [this](const SocketAddress& remote) {
        if (options_.may_connect) {
          if (absl::Status status = options_.may_connect(remote); !status.ok()) return status;
        }
        WarnIfOutside(options_.on_warning, remote);
        return absl::OkStatus();
      });
  if (const auto numeric = NumericAddress(*parts); numeric.ok()) {
    connection->Dial({*numeric});
  } else if (absl::Status status = connection->Resolve(*parts); !status.ok()) {
    return status;
  }
  return connection;
}

}  // namespace vesicle
