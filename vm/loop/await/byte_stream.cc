#include "vm/loop/await/byte_stream.h"

#include <algorithm>

#include "vm/loop/loop_guest.h"
#include "vm/loop/uv_handle.h"

namespace vesicle {

namespace {
constexpr size_t kChunkBytes = size_t{64} << 10;
constexpr size_t kWriteBytesMax = size_t{1} << 30;
}  // namespace

struct ByteStream::State final : LoopGuest {
  // What libuv has, which outlives the state until it is closed.
  struct Handle {
    union {
      uv_handle_t any;
      uv_stream_t stream;
      uv_pipe_t pipe;
      uv_tcp_t tcp;
    };
    State* state = nullptr;  // null: it is closed
    std::unique_ptr<char[]> chunk;
  };
  struct WriteRequest {
    uv_write_t request;
    std::string bytes;
    Handle* handle;
  };

  State(VmLoop& loop, const Options& options_in)
      : LoopGuest(loop),
        options(options_in),
        readers(loop.vm().core()),
        writers(loop.vm().core()),
        flushers(loop.vm().core()) {
    options.read_bytes_max = std::max<size_t>(options.read_bytes_max, 1);
    options.write_bytes_max = std::max<size_t>(options.write_bytes_max, 1);
  }
  ~State() override { CloseHandle(); }

  // --- reading
  bool HasInput() const { return !received.empty() || !read_end.ok(); }
  void StartReading() {
    if (handle == nullptr || is_reading || HasInput()) return;
    const int rc = uv_read_start(
        &handle->stream,
        [](uv_handle_t* h, size_t, uv_buf_t* buffer) {
          Handle& of = *static_cast<Handle*>(h->data);
          if (of.chunk == nullptr) of.chunk = std::make_unique<char[]>(kChunkBytes);
          const size_t most =
              of.state == nullptr ? 1 : std::min(of.state->options.read_bytes_max, kChunkBytes);
          *buffer = uv_buf_init(of.chunk.get(), static_cast<unsigned>(most));
        },
        [](uv_stream_t* s, ssize_t size, const uv_buf_t*) {
          Handle& of = *static_cast<Handle*>(s->data);
          if (of.state != nullptr) of.state->OnRead(size);
        });
    if (rc == 0) {
      is_reading = true;
    } else {
      read_end = UvStatus(rc, "stream");
      readers.WakeAll();
    }
  }
  void StopReading() {
    if (!std::exchange(is_reading, false) || handle == nullptr) return;
    uv_read_stop(&handle->stream);
    handle->chunk.reset();
  }
  void OnRead(ssize_t size) {
    if (size == 0) return;
    if (size > 0) {
      received.assign(handle->chunk.get(), static_cast<size_t>(size));
      StopReading();
      readers.WakeOne();
    } else {
      read_end = size == UV_EOF ? absl::OutOfRangeError("the end of the stream")
                                : UvStatus(static_cast<int>(size), "stream");
      StopReading();
      readers.WakeAll();
    }
  }

  // --- writing
  bool HasRoom() const { return unwritten < options.write_bytes_max; }
  void Submit(std::string bytes) {
    if (bytes.empty()) return;
    auto* write = new WriteRequest{{}, std::move(bytes), handle};
    write->request.data = write;
    const uv_buf_t buffer =
        uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
    unwritten += write->bytes.size();
    const int rc =
        uv_write(&write->request, &handle->stream, &buffer, 1, [](uv_write_t* r, int status) {
          const std::unique_ptr<WriteRequest> over(static_cast<WriteRequest*>(r->data));
          if (State* state = over->handle->state) state->OnWritten(over->bytes.size(), status);
        });
    if (rc == 0) return;
    unwritten -= write->bytes.size();
    delete write;
    BreakWrites(rc);
  }
  void OnWritten(size_t size, int rc) {
    unwritten -= size;
    if (rc < 0) {
      BreakWrites(rc);
    } else {
      if (HasRoom()) writers.WakeOne();
      if (unwritten == 0) flushers.WakeAll();
    }
  }
  void BreakWrites(int rc) {
    if (write_end.ok()) write_end = UvStatus(rc, "stream");
    writers.WakeAll();
    flushers.WakeAll();
  }

  // --- the end
  void CloseHandle() {
    if (handle == nullptr) return;
    Handle* closed = std::exchange(handle, nullptr);
    closed->state = nullptr;
    is_reading = false;
    uv_close(&closed->any, [](uv_handle_t* h) { delete static_cast<Handle*>(h->data); });
  }
  void End(const absl::Status& why) {
    CloseHandle();
    if (read_end.ok()) read_end = why;
    if (write_end.ok()) write_end = why;
    readers.WakeAll();
    writers.WakeAll();
    flushers.WakeAll();
  }
  void OnLoopGone() override { End(LoopIsGone()); }

  using LoopGuest::loop;
  Options options;
  Handle* handle = nullptr;  // null: it is closed
  bool is_reading = false;
  std::string received;
  absl::Status read_end;   // OK: more may come
  absl::Status write_end;  // OK: it takes more
  size_t unwritten = 0;
  WaitList readers;
  WaitList writers;
  WaitList flushers;
};

absl::StatusOr<ByteStream> ByteStream::Open(const LoopRef& loop, int fd, const Options& options) {
  if (loop.get() == nullptr) return LoopIsGone();
  const uv_handle_type type = uv_guess_handle(fd);
  if (type != UV_NAMED_PIPE && type != UV_TCP) {
    return absl::InvalidArgumentError(
        absl::StrCat("descriptor ", fd, " is neither a pipe nor a stream socket"));
  }
  uv_loop_t* uv = loop.get()->uv();
  auto* handle = new State::Handle;
  int rc = type == UV_TCP ? uv_tcp_init(uv, &handle->tcp) : uv_pipe_init(uv, &handle->pipe, 0);
  if (rc < 0) {
    delete handle;
    return UvStatus(rc, "stream");
  }
  handle->any.data = handle;
  auto state = std::make_shared<State>(*loop.get(), options);
  state->handle = handle;
  handle->state = state.get();
  rc = type == UV_TCP ? uv_tcp_open(&handle->tcp, fd) : uv_pipe_open(&handle->pipe, fd);
  if (rc < 0) return UvStatus(rc, "stream");
  return ByteStream(std::move(state));
}

ByteStream::ReadSource ByteStream::Read() const { return ReadSource(state_); }
ByteStream::WriteSource ByteStream::Write(std::string bytes) const {
  return WriteSource(state_, std::move(bytes));
}
ByteStream::FlushSource ByteStream::Flush() const { return FlushSource(state_); }
size_t ByteStream::pending() const { return state_->handle == nullptr ? 0 : state_->unwritten; }
bool ByteStream::is_open() const { return state_->handle != nullptr; }

void ByteStream::EndWrites() const {
  if (state_->handle == nullptr || !state_->write_end.ok()) return;
  state_->write_end = absl::CancelledError("its writes were ended here");
  auto* request = new uv_shutdown_t;
  const int rc =
      uv_shutdown(request, &state_->handle->stream, [](uv_shutdown_t* over, int) { delete over; });
  if (rc < 0) delete request;
  state_->writers.WakeAll();
}

void ByteStream::Close() const {
  if (state_->handle == nullptr) return;
  state_->received.clear();
  state_->End(absl::CancelledError("the stream was closed here"));
}

// ---------------------------------------------------------------------------

ByteStream::ReadSource::~ReadSource() {
  if (state_ == nullptr) return;
  place_.Leave();
  if (state_->readers.empty()) state_->StopReading();
}

void ByteStream::ReadSource::Arm(Actors& actors, Claim&) {
  actors.WaitFor(place_.Stand(state_->readers));
  state_->StartReading();
}

bool ByteStream::ReadSource::IsReady() const { return state_->HasInput(); }

absl::StatusOr<std::string> ByteStream::ReadSource::Take() {
  place_.Done();
  if (state_->received.empty()) return state_->read_end;
  std::string bytes = std::exchange(state_->received, {});
  // Others wait: they are to have what comes next.
  if (!state_->readers.empty()) state_->StartReading();
  return bytes;
}

bool ByteStream::WriteSource::IsReadyNow() const {
  // Nobody is overtaken.
  return !state_->write_end.ok() || (state_->HasRoom() && state_->writers.empty());
}

void ByteStream::WriteSource::Arm(Actors& actors, Claim&) {
  actors.WaitFor(place_.Stand(state_->writers));
}

bool ByteStream::WriteSource::IsReady() const {
  return !state_->write_end.ok() || state_->HasRoom();
}

absl::Status ByteStream::WriteSource::Take() {
  place_.Done();
  if (!state_->write_end.ok()) return state_->write_end;
  if (bytes_.size() > kWriteBytesMax) {
    return absl::InvalidArgumentError("more than 1 GiB in one Write");
  }
  state_->Submit(std::move(bytes_));
  if (state_->HasRoom()) state_->writers.WakeOne();
  return state_->write_end;
}

void ByteStream::FlushSource::Arm(Actors& actors, Claim&) {
  actors.WaitFor(place_.Stand(state_->flushers));
}

// What was taken before the writes were ended is on its way still.
bool ByteStream::FlushSource::IsReady() const {
  return state_->handle == nullptr || state_->unwritten == 0 ||
         absl::IsUnavailable(state_->write_end);
}

absl::Status ByteStream::FlushSource::Take() {
  place_.Done();
  const bool is_lost = state_->unwritten > 0 || absl::IsUnavailable(state_->write_end);
  return is_lost ? state_->write_end : absl::OkStatus();
}

}  // namespace vesicle
