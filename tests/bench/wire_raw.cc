// What the wire costs at least: libuv, and no parsing.
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "tests/bench/wire.h"

namespace vesicle::bench {
namespace {

constexpr size_t kFrame = 64;

// One end of a socket: what comes, and frames to write, all that are due in one write.
class RawEnd {
 public:
  virtual ~RawEnd() = default;
  void Start(uv_stream_t* stream) {
    stream_ = stream;
    stream->data = this;
    Must(uv_read_start(
        stream,
        [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
          auto* end = static_cast<RawEnd*>(handle->data);
          *buffer = uv_buf_init(end->in_.data(), static_cast<unsigned>(end->in_.size()));
        },
        [](uv_stream_t* from, ssize_t size, const uv_buf_t*) {
          auto* end = static_cast<RawEnd*>(from->data);
          if (size > 0) end->OnBytes(static_cast<size_t>(size));
          if (size < 0) uv_stop(from->loop);
        }));
  }
  void Write(size_t bytes) {
    while (bytes > 0) {
      const size_t piece = std::min(bytes, out_.size());
      uv_buf_t buffer = uv_buf_init(out_.data(), static_cast<unsigned>(piece));
      auto* request = new uv_write_t;
      Must(uv_write(request, stream_, &buffer, 1, [](uv_write_t* done, int) { delete done; }));
      bytes -= piece;
    }
  }

 protected:
  virtual void OnBytes(size_t bytes) = 0;
  uv_stream_t* stream_ = nullptr;

 private:
  std::vector<char> in_ = std::vector<char>(size_t{1} << 16);
  std::vector<char> out_ = std::vector<char>(size_t{1} << 16, 'x');
};

class RawEcho final : public RawEnd {
  void OnBytes(size_t bytes) override { Write(bytes); }
};

// Swallows so many bytes, and says so with one frame.
class RawSink final : public RawEnd {
 public:
  explicit RawSink(size_t wanted) : left_(wanted) {}

 private:
  void OnBytes(size_t bytes) override {
    left_ -= std::min(bytes, left_);
    if (left_ == 0) Write(kFrame);
  }
  size_t left_;
};

class RawAsker final : public RawEnd {
 public:
  // `under_way` at a time, until `asks` are answered; each by `frames` that came back.
  RawAsker(int64_t asks, int64_t under_way) : to_ask_(asks - under_way), to_come_(asks * kFrame) {
    first_ = static_cast<size_t>(under_way) * kFrame;
  }
  void Go() { Write(first_); }

 private:
  void OnBytes(size_t bytes) override {
    to_come_ -= static_cast<int64_t>(bytes);
    if (to_come_ <= 0) return uv_stop(stream_->loop);
    rest_ += bytes;
    const int64_t due = std::min(to_ask_, static_cast<int64_t>(rest_ / kFrame));
    rest_ %= kFrame;
    to_ask_ -= due;
    Write(static_cast<size_t>(due) * kFrame);
  }
  int64_t to_ask_;
  int64_t to_come_;
  size_t first_;
  size_t rest_ = 0;
};

sockaddr_in Loopback(int port) {
  sockaddr_in address;
  Must(uv_ip4_addr("127.0.0.1", port, &address));
  return address;
}

// A server in a process of its own, for one connection; where it listens.
int Serve(RawEnd& end, pid_t* child) {
  int pipe_ends[2];
  Must(pipe(pipe_ends));
  *child = fork();
  VESICLE_CHECK(*child >= 0);
  if (*child == 0) {
    uv_loop_t loop;
    Must(uv_loop_init(&loop));
    uv_tcp_t listener, connection;
    Must(uv_tcp_init(&loop, &listener));
    Must(uv_tcp_init(&loop, &connection));
    sockaddr_in address = Loopback(0);
    Must(uv_tcp_bind(&listener, reinterpret_cast<sockaddr*>(&address), 0));
    struct Server {
      RawEnd* end;
      uv_tcp_t* connection;
    } server{&end, &connection};
    listener.data = &server;
    Must(uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 1, [](uv_stream_t* from, int) {
      auto* to = static_cast<Server*>(from->data);
      Must(uv_accept(from, reinterpret_cast<uv_stream_t*>(to->connection)));
      Must(uv_tcp_nodelay(to->connection, 1));
      to->end->Start(reinterpret_cast<uv_stream_t*>(to->connection));
    }));
    int size = sizeof address;
    Must(uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &size));
    const int port = ntohs(address.sin_port);
    VESICLE_CHECK(write(pipe_ends[1], &port, sizeof port) == sizeof port);
    uv_run(&loop, UV_RUN_DEFAULT);
    std::_Exit(0);
  }
  int port = 0;
  VESICLE_CHECK(read(pipe_ends[0], &port, sizeof port) == sizeof port);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  return port;
}

// Nanoseconds from the first byte to the last.
double RawNs(RawEnd&& server, RawAsker&& asker) {
  pid_t child = 0;
  const int port = Serve(server, &child);
  uv_loop_t loop;
  Must(uv_loop_init(&loop));
  uv_tcp_t connection;
  Must(uv_tcp_init(&loop, &connection));
  Must(uv_tcp_nodelay(&connection, 1));
  struct Client {
    RawAsker* asker;
    uint64_t from;
  } client{&asker, 0};
  uv_connect_t connect;
  connect.data = &client;
  const sockaddr_in address = Loopback(port);
  Must(uv_tcp_connect(&connect, &connection, reinterpret_cast<const sockaddr*>(&address),
                      [](uv_connect_t* done, int error) {
                        Must(error);
                        auto* it = static_cast<Client*>(done->data);
                        it->asker->Start(done->handle);
                        it->from = uv_hrtime();
                        it->asker->Go();
                      }));
  uv_run(&loop, UV_RUN_DEFAULT);
  const double ns = static_cast<double>(uv_hrtime() - client.from);
  uv_close(reinterpret_cast<uv_handle_t*>(&connection), nullptr);
  uv_run(&loop, UV_RUN_DEFAULT);
  Must(uv_loop_close(&loop));
  kill(child, SIGTERM);
  waitpid(child, nullptr, 0);
  return ns;
}

}  // namespace

void RawWire(int64_t n) {
  const auto per = [](double ns, int64_t count) { return ns / static_cast<double>(count); };
  Result("wire_one_ns", per(RawNs(RawEcho(), RawAsker(n / 10, 1)), n / 10));
  Result("wire_many_ns", per(RawNs(RawEcho(), RawAsker(n, kUnderWay)), n));
  // All of it is written before the one answer.
  const size_t bytes = static_cast<size_t>(n) * 10 * kFrame;
  Result("wire_tell_ns", per(RawNs(RawSink(bytes), RawAsker(1, n * 10)), n * 10));
}

}  // namespace vesicle::bench
