#include "transport/socket_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "vm/heap/check.h"

namespace vesicle {

absl::StatusOr<std::unique_ptr<SocketConnection>> SocketConnection::Adopt(
    LoopEnvironment& environment, int fd, const Limits& limits, PeerInfo peer) {
  std::unique_ptr<SocketConnection> self(
      new SocketConnection(environment, limits, std::move(peer), State::kOpen));
  self->fd_ = fd;
  if (absl::Status status = self->Watch(); !status.ok()) return status;
  return self;
}

std::unique_ptr<SocketConnection> SocketConnection::ToConnect(LoopEnvironment& environment,
                                                              const ConnectOptions& options,
                                                              const std::string& address,
                                                              MayConnect may_connect) {
  std::unique_ptr<SocketConnection> self(
      new SocketConnection(environment, options.limits, PeerInfo{address, ""}, State::kConnecting));
  self->dialling_ = std::make_unique<Dialling>();
  self->dialling_->may_connect = std::move(may_connect);
  self->StartDeadline(options.deadline_ms);
  return self;
}

SocketConnection::~SocketConnection() {
  if (state() != State::kClosed) Drop(Leave::kReset);
}

absl::Status SocketConnection::Watch() {
  SetTcpOptions();
  if (const int rc = poll_.Init(loop_.uv(), uv_poll_init, fd_); rc != 0) {
    return SocketStatus(-rc, peer().address);
  }
  poll_.set_callback([this] { OnReady(); });
  return absl::OkStatus();
}

// The system has them for TCP sockets only, and refuses them for others.
void SocketConnection::SetTcpOptions() {
  const auto set = [&](int level, int option, int value) {
    setsockopt(fd_, level, option, &value, sizeof value);
  };
  // A message is not held back for another one to come.
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  const int silence_ms = static_cast<int>(std::min<int64_t>(limits().silence_ms_max, INT_MAX));
  if (silence_ms <= 0) return;
  // An idle peer is looked for after half of the time, and then twice.
  constexpr int kMsPerSecond = 1000;
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, silence_ms);
  set(IPPROTO_TCP, TCP_KEEPIDLE, std::max(silence_ms / 2 / kMsPerSecond, 1));
  set(IPPROTO_TCP, TCP_KEEPINTVL, std::max(silence_ms / 6 / kMsPerSecond, 1));
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
}

absl::Status SocketConnection::Resolve(const HostAndPort& host) {
  auto begun =
      Resolution::Begin(loop_.uv(), host, [this](absl::StatusOr<std::vector<SocketAddress>> found) {
        if (!found.ok()) return Lost(found.status());
        Dial(*std::move(found));
      });
  if (!begun.ok()) return begun.status();
  dialling_->resolution = *std::move(begun);
  return absl::OkStatus();
}

void SocketConnection::Dial(std::vector<SocketAddress> addresses) {
  std::reverse(addresses.begin(), addresses.end());
  dialling_->addresses = std::move(addresses);
  DialNext();
}

void SocketConnection::DialNext() {
  while (!dialling_->addresses.empty()) {
    const SocketAddress address = dialling_->addresses.back();
    dialling_->addresses.pop_back();
    dialling_->failed = DialOne(address);
    if (dialling_->failed.ok()) return;
    CloseDescriptor();
  }
  Lost(dialling_->failed);
}

// OK: it is under way.
absl::Status SocketConnection::DialOne(const SocketAddress& address) {
  const std::string text = address.Text();
  if (dialling_->may_connect) {
    if (absl::Status status = dialling_->may_connect(address); !status.ok()) return status;
  }
  fd_ = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return SocketStatus(errno, text);
  if (connect(fd_, address.get(), address.size) != 0 && errno != EINPROGRESS) {
    return SocketStatus(errno, text);
  }
  if (absl::Status status = Watch(); !status.ok()) return status;
  mutable_peer().address = text;
  Arm();
  return absl::OkStatus();
}

void SocketConnection::OnDialled() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) {
    dialling_->failed = SocketStatus(error, peer().address);
    CloseDescriptor();
    return DialNext();
  }
  dialling_.reset();
  Opened();
  Arm();
}

void SocketConnection::OnReady() {
  if (state() == State::kConnecting) return OnDialled();
  // On an error of the socket libuv stops watching it; reading says which.
  const bool failed = !poll_.is_active();
  if (failed) armed_ = 0;
  if (waits_to_write_) {
    waits_to_write_ = false;
    if (!Writable()) return;
  }
  if (is_reading() && !Read(failed ? Reads::kAll : Reads::kOne)) return;
  if (state() == State::kClosed) return;
  if (failed) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0) error = ECONNRESET;  // seen and taken by a write
    return Lost(!write_failed_.ok() ? write_failed_ : SocketStatus(error, peer().address));
  }
  Arm();
}

bool SocketConnection::Read(Reads reads) {
  const std::span<char> buffer = loop_.read_buffer();
  do {
    const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
    if (n > 0) {
      const auto size = static_cast<size_t>(n);
      const Next next = Received({buffer.data(), size});
      if (next == Next::kGone) return false;
      // Less than was asked for: there was no more.
      if (next == Next::kStop || size < buffer.size()) return true;
    } else if (n == 0) {
      if (!write_failed_.ok()) {
        Lost(write_failed_);
      } else {
        ReceivedEnd();
      }
      return true;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return true;
    } else if (errno != EINTR) {
      Lost(!write_failed_.ok() ? write_failed_ : SocketStatus(errno, peer().address));
      return true;
    }
  } while (reads == Reads::kAll);
  return true;
}

size_t SocketConnection::Write(std::string_view bytes) {
  // What cannot be delivered any more is dropped until that is told.
  if (!write_failed_.ok()) return bytes.size();
  for (;;) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n == static_cast<ssize_t>(bytes.size())) return bytes.size();
    if (n >= 0 || errno == EAGAIN || errno == EWOULDBLOCK) {
      waits_to_write_ = true;
      Arm();
      return n >= 0 ? static_cast<size_t>(n) : 0;
    }
    if (errno == EINTR) continue;
    write_failed_ = SocketStatus(errno == EPIPE ? ECONNRESET : errno, peer().address);
    // The peer may have said why before it went: that is read first, and then its end is found.
    if (is_reading()) return bytes.size();
    Lost(write_failed_);
    return 0;
  }
}

void SocketConnection::EndWriting() {
  if (!write_failed_.ok()) return Lost(write_failed_);
  if (shutdown(fd_, SHUT_WR) != 0) return Lost(SocketStatus(errno, peer().address));
  EndWritten();
}

void SocketConnection::SetReading(bool) {
  if (poll_.is_open()) Arm();
}

void SocketConnection::HoldLoop(bool holds) {
  holds_loop_ = holds;
  if (poll_.is_open()) Arm();
}

void SocketConnection::Arm() {
  if (holds_loop_ || state() != State::kOpen || waits_to_write_) {
    poll_.Ref();
  } else {
    poll_.Unref();
  }
  int wanted = 0;
  if (state() == State::kConnecting) {
    wanted = UV_WRITABLE;
  } else {
    wanted = (is_reading() ? UV_READABLE : 0) | (waits_to_write_ ? UV_WRITABLE : 0);
  }
  if (wanted == armed_) return;
  armed_ = wanted;
  if (wanted == 0) {
    uv_poll_stop(poll_.get());
  } else {
    uv_poll_start(poll_.get(), wanted, UvHandle<uv_poll_t>::FirePoll);
  }
}

void SocketConnection::CloseDescriptor() {
  poll_.Close();
  armed_ = 0;
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void SocketConnection::Drop(Leave leave) {
  dialling_.reset();
  place_.reset();
  if (leave == Leave::kReset && fd_ >= 0) {
    const linger at_once = {1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  CloseDescriptor();
}

}  // namespace vesicle
