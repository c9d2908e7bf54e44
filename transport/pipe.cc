#include "transport/pipe.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "transport/socket_address.h"
#include "transport/socket_connection.h"
#include "vm/heap/check.h"

namespace vesicle {
namespace {

absl::StatusOr<std::unique_ptr<Connection>> Adopt(LoopEnvironment& environment, int fd,
                                                  const std::string& name, const Limits& limits) {
  auto connection = SocketConnection::Adopt(environment, fd, limits, PeerInfo{name, ""});
  if (!connection.ok()) return connection.status();
  return *std::move(connection);
}

absl::Status MakePair(int fds[2]) {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) {
    return SocketStatus(errno, "a socket pair");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> AdoptSocket(LoopEnvironment& environment, int fd,
                                                        const std::string& name,
                                                        const Limits& limits) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM ||
      RemoteAddress(fd).size == 0) {
    close(fd);
    return absl::InvalidArgumentError(
        absl::StrCat("descriptor ", fd, " (", name, ") is no connected stream socket"));
  }
  return Adopt(environment, fd, name, limits);
}

absl::StatusOr<std::pair<std::unique_ptr<Connection>, std::unique_ptr<Connection>>> SocketPair(
    LoopEnvironment& environment, const Limits& limits) {
  int fds[2];
  if (absl::Status status = MakePair(fds); !status.ok()) return status;
  auto one = Adopt(environment, fds[0], "pair", limits);
  auto other = Adopt(environment, fds[1], "pair", limits);
  if (!one.ok()) return one.status();
  if (!other.ok()) return other.status();
  return std::pair(*std::move(one), *std::move(other));
}

PipeTransport::~PipeTransport() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<std::unique_ptr<Connection>> PipeTransport::Take(const Limits& limits) {
  if (fd_ < 0) {
    return absl::UnavailableError(absl::StrCat("the pipe to ", peer_, " is in use, or was"));
  }
  return AdoptSocket(environment_, std::exchange(fd_, -1), peer_, limits);
}

absl::StatusOr<std::unique_ptr<Connection>> PipeTransport::Connect(const std::string&,
                                                                   const ConnectOptions& options) {
  if (!options.designator.empty()) {
    return absl::FailedPreconditionError("a pipe proves no designator");
  }
  return Take(options.limits);
}

absl::StatusOr<std::unique_ptr<Listener>> PipeTransport::Listen(const std::string& address,
                                                                const ListenOptions& options,
                                                                AcceptFn on_accept) {
  class Nobody final : public Listener {
   public:
    explicit Nobody(std::string address) : address_(std::move(address)) {}
    const std::string& address() const override { return address_; }

   private:
    std::string address_;
  };
  auto connection = Take(options.limits);
  if (!connection.ok()) return connection.status();
  on_accept(*std::move(connection));
  return std::make_unique<Nobody>(address);
}

absl::StatusOr<Spawned> SpawnWithPipe(LoopEnvironment& environment, ChildOptions options) {
  VESICLE_CHECK_LE(options.descriptors.size(), static_cast<size_t>(kChildPipeFd));
  int fds[2];
  if (absl::Status status = MakePair(fds); !status.ok()) return status;
  auto pipe = std::make_unique<PipeTransport>(environment, fds[0], "child");
  // A program that is not ours expects reading to wait.
  fcntl(fds[1], F_SETFL, 0);
  options.descriptors.resize(kChildPipeFd, -1);
  options.descriptors.push_back(fds[1]);
  auto process = StartChild(environment, std::move(options));
  close(fds[1]);
  if (!process.ok()) return process.status();
  return Spawned{*std::move(process), std::move(pipe)};
}

}  // namespace vesicle
