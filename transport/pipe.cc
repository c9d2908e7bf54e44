#include "transport/pipe.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "transport/socket_address.h"
#include "transport/socket_connection.h"

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

// The handle must not go before the process has, or nobody would take its exit code: so it is
// apart from its owner.
struct Process {
  uv_process_t handle = {};
  absl::AnyInvocable<void(int64_t, int)> on_exit;
  bool has_exited = false;
  bool has_owner = true;

  void Close() {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle),
             [](uv_handle_t* h) { delete static_cast<Process*>(h->data); });
  }
};

void OnExit(uv_process_t* handle, int64_t code, int signal) {
  auto* process = static_cast<Process*>(handle->data);
  process->has_exited = true;
  if (!process->has_owner) return process->Close();
  // It may destroy its owner, which closes the process.
  absl::AnyInvocable<void(int64_t, int)> on_exit = std::move(process->on_exit);
  if (on_exit) on_exit(code, signal);
}

class UvChildProcess final : public ChildProcess {
 public:
  explicit UvChildProcess(Process* process) : process_(process) {}
  ~UvChildProcess() override {
    process_->has_owner = false;
    if (process_->has_exited) {
      process_->Close();
    } else {
      uv_process_kill(&process_->handle, SIGKILL);
    }
  }
  int pid() const override { return process_->handle.pid; }

 private:
  Process* process_;
};

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

absl::StatusOr<Spawned> SpawnWithPipe(LoopEnvironment& environment, SpawnOptions options) {
  if (options.file.find('/') == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.file, ": is no path, and nothing is searched for; as /bin/", options.file));
  }
  int fds[2];
  if (absl::Status status = MakePair(fds); !status.ok()) return status;
  // A program that is not ours expects reading to wait.
  fcntl(fds[1], F_SETFL, 0);
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  };
  options.arguments.insert(options.arguments.begin(), options.file);
  std::vector<char*> arguments = pointers(options.arguments);
  std::vector<char*> variables = pointers(options.environment);
  uv_stdio_container_t stdio[kChildPipeFd + 1] = {};
  stdio[0].flags = UV_IGNORE;
  const int inherited[] = {1, 2, fds[1]};
  for (int i = 0; i < 3; ++i) {
    stdio[i + 1].flags = UV_INHERIT_FD;
    stdio[i + 1].data.fd = inherited[i];
  }
  static_assert(kChildPipeFd == 3);
  auto* process = new Process;
  process->handle.data = process;
  process->on_exit = std::move(options.on_exit);
  uv_process_options_t uv_options = {};
  uv_options.file = options.file.c_str();
  uv_options.args = arguments.data();
  uv_options.env = variables.data();
  uv_options.exit_cb = OnExit;
  uv_options.stdio = stdio;
  uv_options.stdio_count = kChildPipeFd + 1;
  const int rc = uv_spawn(environment.uv(), &process->handle, &uv_options);
  close(fds[1]);
  if (rc != 0) {
    close(fds[0]);
    process->Close();  // of a handle that did not start, too
    if (rc == UV_ENOENT || rc == UV_ENOTDIR) {
      return absl::NotFoundError(absl::StrCat(options.file, ": there is no such file"));
    }
    return SocketStatus(-rc, options.file);
  }
  auto child = std::make_unique<UvChildProcess>(process);
  auto pipe = Adopt(environment, fds[0], absl::StrCat("child ", child->pid()), options.limits);
  if (!pipe.ok()) return pipe.status();
  return Spawned{std::move(child), *std::move(pipe)};
}

}  // namespace vesicle
