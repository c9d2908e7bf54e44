// Standard input, line by line: pipes and terminals through the loop's poll, files,
// sockets and other devices on the pool of threads. It reads only while somebody waits
// for a line. A read on the pool waits for its input and for the device to be closed, so
// that a loop can go while nothing comes.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "vm/loop/byte_writer.h"
#include "vm/loop/devices.h"
#include "vm/loop/loop_device.h"
#include "vm/loop/uv_handle.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;

// Ends the waits of reads on the pool.
class Stopper {
 public:
  Stopper() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Stopper() {
    if (fd_ >= 0) close(fd_);
  }
  Stopper(const Stopper&) = delete;
  Stopper& operator=(const Stopper&) = delete;
  void Stop() { std::ignore = eventfd_write(fd_, 1); }
  int fd() const { return fd_; }  // readable once stopped; -1 when the system had none

 private:
  int fd_;
};

// As read(2), with EINTR when it was stopped before anything came.
ssize_t ReadUnlessStopped(int fd, const Stopper& stopper, char* to, size_t size) {
  for (;;) {
    pollfd ready[] = {{fd, POLLIN, 0}, {stopper.fd(), POLLIN, 0}};
    if (poll(ready, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    if (ready[1].revents != 0) {
      errno = EINTR;
      return -1;
    }
    // What was there may be gone to somebody else who reads: a socket can be asked not to wait.
    ssize_t n = recv(fd, to, size, MSG_DONTWAIT);
    if (n < 0 && errno == ENOTSOCK) n = read(fd, to, size);
    if (n >= 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)) return n;
  }
}

class Stdin final : public LoopDevice, public std::enable_shared_from_this<Stdin> {
 public:
  Stdin(VmLoop& loop, StdinOptions options) : LoopDevice(loop), options_(options) {}

  void Handle(Turn& turn) override {
    if (!Is(turn.message(), "line", 0)) return Refuse(turn, "stdin takes #line");
    if (!turn.is_asked()) return;
    if (askers_.size() >= options_.waiting_max) {
      return turn.Fault("full", absl::StrCat(options_.waiting_max, " askers wait already"));
    }
    askers_.push_back(turn.TakeReply());
  }

  // At the end of the slice, when the turns that asked are committed.
  void Flush() override {
    if (!askers_.empty() && !is_reading_) Answer();
  }

  bool IsPending() const override { return !askers_.empty(); }

  void Close() override {
    askers_.clear();
    if (stopper_ != nullptr) stopper_->Stop();
    poll_.Close();
    if (own_fd_ >= 0) close(own_fd_);
    own_fd_ = -1;
  }

 private:
  // Gives out the lines that are there; reads on if somebody still waits.
  void Answer() {
    bool any = false;
    for (; !askers_.empty() && AnswerOne(askers_.front()); any = true) askers_.pop_front();
    if (any) loop().Wake();
    if (from_ > kReadBytes) {
      buffer_.erase(0, from_);
      searched_ -= from_;
      from_ = 0;
    }
    if (askers_.empty()) {
      StopPolling();
    } else {
      Read();
    }
  }

  // False: more bytes are needed.
  bool AnswerOne(ReplySlot& asker) {
    const size_t end = buffer_.find('\n', searched_);
    if (end == std::string::npos) {
      searched_ = buffer_.size();
      if (buffer_.size() - from_ > options_.line_bytes_max) {
        // Kept no longer; the rest of it is passed over.
        is_too_long_ = true;
        from_ = buffer_.size();
      }
      if (!at_end_) return false;
    }
    if (end == std::string::npos && from_ == buffer_.size() && !is_too_long_) {
      asker.Keep(Value::Nil());
      return true;
    }
    const size_t stop = end == std::string::npos ? buffer_.size() : end;
    std::string_view line = std::string_view(buffer_).substr(from_, stop - from_);
    from_ = searched_ = end == std::string::npos ? stop : stop + 1;
    if (std::exchange(is_too_long_, false) || line.size() > options_.line_bytes_max) {
      asker.Break(vm().Tagged(
          "limit", absl::StrCat("a line of more than ", options_.line_bytes_max, " bytes")));
      return true;
    }
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const auto paying = asker.payer().Pay(line.size() + kObjectBytes);
    const Result text = MakeText(vm().core().heap(), line);
    if (text.ok()) {
      asker.Keep(text.value());
    } else if (text.failure() == Failure::kMemory) {
      asker.Break(vm().core().QuotaReason(Resource::kMemory));
    } else {
      asker.Break(vm().Tagged("type", "a line of input that is no UTF-8"));
    }
    return true;
  }

  void Read() {
    if (source_ == Source::kUnknown) Open();
    if (source_ == Source::kPolled) {
      if (poll_.is_active()) return;
      uv_poll_start(poll_.get(), UV_READABLE | UV_DISCONNECT, UvHandle<uv_poll_t>::FirePoll);
      return;
    }
    is_reading_ = true;
    struct Chunk {
      std::string bytes;
      ssize_t size = 0;
    };
    auto chunk = std::make_shared<Chunk>();
    RunOnPool(
        loop().uv(),
        [chunk, fd = options_.fd, stopper = stopper_] {
          chunk->bytes.resize(kReadBytes);
          chunk->size = ReadUnlessStopped(fd, *stopper, chunk->bytes.data(), chunk->bytes.size());
        },
        [chunk, self = shared_from_this()] {
          self->is_reading_ = false;
          if (self->askers_.empty()) return;  // closed meanwhile
          self->Take(chunk->bytes.data(), chunk->size);
        });
  }

  void Open() {
    own_fd_ = ReopenNonBlocking(options_.fd, O_RDONLY);
    if (own_fd_ < 0 || poll_.Init(loop().uv(), uv_poll_init, own_fd_) != 0) {
      source_ = Source::kPool;
      stopper_ = std::make_shared<Stopper>();
      return;
    }
    source_ = Source::kPolled;
    poll_.set_callback([this] {
      char bytes[kReadBytes];
      const ssize_t n = read(own_fd_, bytes, sizeof bytes);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
      Take(bytes, n);
    });
  }

  void Take(const char* bytes, ssize_t size) {
    if (size > 0) {
      buffer_.append(bytes, static_cast<size_t>(size));
    } else {
      at_end_ = true;  // an error ends the input too
    }
    Answer();
  }

  void StopPolling() {
    if (poll_.is_open()) uv_poll_stop(poll_.get());
  }

  enum class Source : uint8_t { kUnknown, kPolled, kPool };

  StdinOptions options_;
  std::deque<ReplySlot> askers_;
  std::string buffer_;
  size_t from_ = 0;      // of the line that comes next
  size_t searched_ = 0;  // no line end between from_ and here
  bool is_too_long_ = false;
  bool at_end_ = false;
  bool is_reading_ = false;
  std::shared_ptr<Stopper> stopper_;  // of kPool
  Source source_ = Source::kUnknown;
  int own_fd_ = -1;
  UvHandle<uv_poll_t> poll_;
};

}  // namespace

Root MakeStdin(VmLoop& loop, StdinOptions options) {
  return MakeDevice<Stdin>(loop, "stdin", options);
}

}  // namespace vesicle
