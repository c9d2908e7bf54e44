#include "transport/host/child_command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace vesicle {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;
// Of a program that has ended somebody may be left who holds what it wrote to.
constexpr int64_t kLastWordsNs = 200'000'000;

absl::Status NoRoom(const std::string& file, int error) {
  return absl::ResourceExhaustedError(
      absl::StrCat(file, ": nothing for it to read from or write to: ", strerror(error)));
}

// All of the input, in memory: whoever reads it can be slow, or never do. -1: errno.
int FileOf(const std::string& input) {
  const int fd = memfd_create("input", MFD_CLOEXEC);
  if (fd < 0) return -1;
  for (size_t from = 0; from < input.size();) {
    const ssize_t n = write(fd, input.data() + from, input.size() - from);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = errno;
      close(fd);
      errno = error;
      return -1;
    }
    from += static_cast<size_t>(n);
  }
  lseek(fd, 0, SEEK_SET);
  return fd;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildCommand>> ChildCommand::Start(
    LoopEnvironment& environment, CommandOptions options,
    absl::AnyInvocable<void(CommandResult)> done) {
  std::unique_ptr<ChildCommand> command(
      new ChildCommand(environment, options.output_bytes_max, std::move(done)));
  int theirs[3] = {-1, -1, -1};
  const absl::Cleanup close_theirs = [&] {
    for (const int fd : theirs) {
      if (fd >= 0) close(fd);
    }
  };
  theirs[0] = FileOf(options.input);
  if (theirs[0] < 0) return NoRoom(options.file, errno);
  const std::pair<Reader*, std::string*> readers[] = {
      {&command->output_, &command->result_.output}, {&command->errors_, &command->result_.errors}};
  for (int i = 0; i < 2; ++i) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return NoRoom(options.file, errno);
    theirs[i + 1] = fds[1];
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    if (absl::Status s = command->Watch(*readers[i].first, fds[0], readers[i].second); !s.ok()) {
      return s;
    }
  }
  ChildOptions child;
  child.file = std::move(options.file);
  child.name = std::move(options.name);
  child.arguments = std::move(options.arguments);
  child.environment = std::move(options.environment);
  child.descriptors = {theirs[0], theirs[1], theirs[2]};
  child.limits = options.limits;
  child.on_exit = [c = command.get()](const ChildEnd& end) {
    c->result_.end = end;
    c->has_ended_ = true;
    c->last_words_ = c->environment_.After(kLastWordsNs, [c] {
      CloseReader(c->output_);
      CloseReader(c->errors_);
      c->FinishIfDone();
    });
    c->FinishIfDone();
  };
  auto process = StartChild(environment, std::move(child));
  if (!process.ok()) return process.status();
  command->process_ = *std::move(process);
  command->process_->HoldLoop(true);
  return command;
}

ChildCommand::~ChildCommand() {
  CloseReader(output_);
  CloseReader(errors_);
}

absl::Status ChildCommand::Watch(Reader& reader, int fd, std::string* to) {
  reader.fd = fd;
  reader.to = to;
  if (reader.poll.Init(environment_.uv(), uv_poll_init, fd) != 0) {
    return NoRoom("a command", errno);
  }
  reader.poll.set_callback([this, &reader] { OnReadable(reader); });
  uv_poll_start(reader.poll.get(), UV_READABLE | UV_DISCONNECT, UvHandle<uv_poll_t>::FirePoll);
  return absl::OkStatus();
}

void ChildCommand::OnReadable(Reader& reader) {
  char bytes[kReadBytes];
  const ssize_t n = read(reader.fd, bytes, sizeof bytes);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    CloseReader(reader);
    return FinishIfDone();
  }
  if (result_.output.size() + result_.errors.size() + static_cast<size_t>(n) > output_bytes_max_) {
    result_.is_too_long = true;
    CloseReader(output_);
    CloseReader(errors_);
    process_->Signal(SIGKILL);
    return FinishIfDone();
  }
  reader.to->append(bytes, static_cast<size_t>(n));
}

void ChildCommand::CloseReader(Reader& reader) {
  reader.poll.Close();
  if (reader.fd >= 0) close(std::exchange(reader.fd, -1));
}

void ChildCommand::FinishIfDone() {
  if (!has_ended_ || output_.fd >= 0 || errors_.fd >= 0) return;
  last_words_.reset();
  // It may destroy us.
  absl::AnyInvocable<void(CommandResult)> done = std::move(done_);
  if (done) done(std::move(result_));
}

}  // namespace vesicle
