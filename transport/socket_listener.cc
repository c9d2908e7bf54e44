#include "transport/socket_listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "transport/socket_address.h"
#include "transport/socket_connection.h"

namespace vesicle {
namespace {

int OpenSpare() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

int Accept(int fd) { return accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); }

}  // namespace

SocketListener::SocketListener(LoopEnvironment& environment, int fd, std::string address,
                               const ListenOptions& options, AcceptFn on_accept,
                               absl::AnyInvocable<void()> on_gone)
    : environment_(environment),
      fd_(fd),
      spare_fd_(OpenSpare()),
      address_(std::move(address)),
      limits_(options.limits),
      on_accept_(std::move(on_accept)),
      on_gone_(std::move(on_gone)),
      newcomers_(std::make_shared<Newcomers>(
          environment, Newcomers::Bounds{options.newcomers_max, options.newcomers_per_address_max,
                                         options.newcomer_ms_max})) {}

absl::StatusOr<std::unique_ptr<SocketListener>> SocketListener::Create(
    LoopEnvironment& environment, int fd, std::string address, const ListenOptions& options,
    AcceptFn on_accept, absl::AnyInvocable<void()> on_gone) {
  std::unique_ptr<SocketListener> self(new SocketListener(
      environment, fd, std::move(address), options, std::move(on_accept), std::move(on_gone)));
  if (self->spare_fd_ < 0) return SocketStatus(errno, self->address_);
  if (const int rc = self->poll_.Init(environment.uv(), uv_poll_init, fd); rc != 0) {
    return SocketStatus(-rc, self->address_);
  }
  self->poll_.set_callback([raw = self.get()] { raw->OnReady(); });
  self->Watch();
  return self;
}

SocketListener::~SocketListener() {
  if (was_destroyed_ != nullptr) *was_destroyed_ = true;
  poll_.Close();
  close(fd_);
  if (spare_fd_ >= 0) close(spare_fd_);
  if (on_gone_) on_gone_();
}

void SocketListener::Watch() {
  uv_poll_start(poll_.get(), UV_READABLE, UvHandle<uv_poll_t>::FirePoll);
}

void SocketListener::OnReady() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    const int fd = Accept(fd_);
    if (fd >= 0) {
      if (!Take(fd)) return;
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return;
      case EMFILE:
      case ENFILE:
        if (!DropOne()) return LookAway();
        break;
      case EINTR:
      case ECONNABORTED:  // it went while it waited
      case EPROTO:
        break;
      default:  // no memory, a firewall, a network that is down: not over by trying again at once
        return LookAway();
    }
  }
}

bool SocketListener::Take(int fd) {
  const SocketAddress remote = RemoteAddress(fd);
  auto connection = SocketConnection::Adopt(environment_, fd, limits_, PeerInfo{remote.Text(), ""});
  if (!connection.ok()) {
    ++dropped_;
    return true;
  }
  SocketConnection* raw = connection->get();
  // The place is the connection's own, so it is there when it is evicted.
  raw->set_place(
      newcomers_->Arrive(remote.Group(), [raw](absl::Status why) { raw->Evict(std::move(why)); }));
  bool was_destroyed = false;
  was_destroyed_ = &was_destroyed;
  // It lives on in this frame when it destroys the listener it belongs to.
  AcceptFn accept = std::move(on_accept_);
  accept(*std::move(connection));
  if (was_destroyed) return false;
  was_destroyed_ = nullptr;
  on_accept_ = std::move(accept);
  return true;
}

bool SocketListener::DropOne() {
  if (spare_fd_ < 0) return false;
  close(spare_fd_);
  const int fd = Accept(fd_);
  if (fd >= 0) {
    close(fd);
    ++dropped_;
  }
  spare_fd_ = OpenSpare();
  return fd >= 0;
}

void SocketListener::LookAway() {
  uv_poll_stop(poll_.get());
  pause_ = environment_.After(kPauseMs * 1'000'000, [this] {
    if (spare_fd_ < 0) spare_fd_ = OpenSpare();
    Watch();
  });
}

}  // namespace vesicle
