#include "vm/loop/byte_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace vesicle {

int ReopenNonBlocking(int fd, int flags) {
  struct stat info;
  if (fstat(fd, &info) != 0) return -1;
  if (!S_ISFIFO(info.st_mode) && isatty(fd) == 0) return -1;
  const std::string path = absl::StrCat("/proc/self/fd/", fd);
  return open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

ByteWriter::ByteWriter(uv_loop_t* loop, int fd, absl::AnyInvocable<void()> on_progress)
    : loop_(loop), fd_(fd), on_progress_(std::move(on_progress)) {
  const int own = ReopenNonBlocking(fd, O_WRONLY);
  if (own >= 0) {
    fd_ = own;
    owns_fd_ = true;
  }
}

void ByteWriter::Close() {
  poll_.Close();
  if (owns_fd_) close(fd_);
  owns_fd_ = false;
  fd_ = -1;
  broken_ = true;
}

void ByteWriter::Flush() {
  constexpr size_t kWriteMax = size_t{1} << 20;
  while (pending() > 0 && !broken_) {
    const ssize_t n = write(fd_, buffer_.data() + written_of_buffer_,
                            pending() < kWriteMax ? pending() : kWriteMax);
    if (n > 0) {
      written_of_buffer_ += static_cast<size_t>(n);
      written_ += static_cast<uint64_t>(n);
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      WaitUntilWritable();
      break;
    } else if (n < 0 && errno != EINTR) {
      broken_ = true;
    }
  }
  if (broken_ || pending() == 0) {
    buffer_.clear();
    if (buffer_.capacity() > size_t{1} << 20) buffer_.shrink_to_fit();
    written_of_buffer_ = 0;
    if (waiting_) uv_poll_stop(poll_.get());
    waiting_ = false;
  } else if (written_of_buffer_ > size_t{1} << 20) {
    buffer_.erase(0, written_of_buffer_);
    written_of_buffer_ = 0;
  }
}

void ByteWriter::WaitUntilWritable() {
  if (waiting_) return;
  if (!poll_.is_open() && poll_.Init(loop_, uv_poll_init, fd_) != 0) {
    // Somebody else's non-blocking descriptor that the loop cannot watch: wait here.
    pollfd ready = {fd_, POLLOUT, 0};
    poll(&ready, 1, -1);
    return Flush();
  }
  poll_.set_callback([this] {
    Flush();
    on_progress_();
  });
  uv_poll_start(poll_.get(), UV_WRITABLE | UV_DISCONNECT, UvHandle<uv_poll_t>::FirePoll);
  waiting_ = true;
}

}  // namespace vesicle
