#include "transport/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/socket_address.h"
#include "transport/socket_connection.h"
#include "transport/socket_listener.h"

namespace vesicle {
namespace {

constexpr int kBacklog = 1024;

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> UnixTransport::Listen(const std::string& address,
                                                                const ListenOptions& options,
                                                                AcceptFn on_accept) {
  const auto local = UnixAddress(address);
  if (!local.ok()) return local.status();
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return SocketStatus(errno, address);
  if (bind(fd, local->get(), local->size) != 0) {
    const int error = errno;
    close(fd);
    if (error == EADDRINUSE) {
      return absl::AlreadyExistsError(
          absl::StrCat(address, ": is there already; if nobody listens there any more, remove it"));
    }
    return SocketStatus(error, address);
  }
  // Before listen() nobody gets through, whatever the mode that the umask left.
  if (chmod(address.c_str(), S_IRUSR | S_IWUSR) != 0 || listen(fd, kBacklog) != 0) {
    const absl::Status status = SocketStatus(errno, address);
    close(fd);
    unlink(address.c_str());
    return status;
  }
  auto listener = SocketListener::Create(environment_, fd, address, options, std::move(on_accept),
                                         [address] { unlink(address.c_str()); });
  if (!listener.ok()) return listener.status();
  return *std::move(listener);
}

absl::StatusOr<std::unique_ptr<Connection>> UnixTransport::Connect(const std::string& address,
                                                                   const ConnectOptions& options) {
  if (!options.designator.empty()) {
    return absl::FailedPreconditionError("a Unix-domain socket proves no designator");
  }
  const auto remote = UnixAddress(address);
  if (!remote.ok()) return remote.status();
  auto connection =
      SocketConnection::ToConnect(environment_, options, absl::StrCat("unix:", address), {});
  connection->Dial({*remote});
  return connection;
}

}  // namespace vesicle
