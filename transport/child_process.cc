#include "transport/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "vm/heap/check.h"
#include "vm/loop/uv_handle.h"

namespace vesicle {
namespace {

constexpr size_t kDescriptorsMax = 8;
constexpr int kEndWaitMs = 2000;

// As the C library's, whose header of them is none for C++.
int OpenPidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }
int SignalPidfd(int pidfd, int signal) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

// What failed on the way to the program.
struct StartError {
  enum class Step : int { kPrepare, kDescriptors, kLimits, kProgram };
  Step step = Step::kPrepare;
  int error = 0;
};

// All that the child looks at: between vfork and exec it may not allocate.
struct Plan {
  const char* file = nullptr;
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const int* descriptors = nullptr;
  int descriptor_count = 0;
  int error_fd = -1;
  pid_t parent = 0;
  ChildLimits limits;
};

[[noreturn]] ABSL_ATTRIBUTE_NO_SANITIZE_ADDRESS void GiveUp(int error_fd, StartError::Step step) {
  const StartError error = {step, errno};
  // Nobody is there to hear of it if this fails.
  while (write(error_fd, &error, sizeof error) < 0 && errno == EINTR) {
  }
  _exit(127);
}

ABSL_ATTRIBUTE_NO_SANITIZE_ADDRESS bool SetLimit(decltype(RLIMIT_AS) resource, uint64_t soft,
                                                 uint64_t hard) {
  rlimit limit;
  if (getrlimit(resource, &limit) != 0) return false;
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, hard);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, soft);
  return setrlimit(resource, &limit) == 0;
}

// The child, which shares our memory until it is another program.
[[noreturn]] ABSL_ATTRIBUTE_NO_SANITIZE_ADDRESS void BecomeProgram(const Plan& plan) {
  using Step = StartError::Step;
  // Of handlers that would run in it our memory would be the victim; and what is ignored would
  // stay so in the program.
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &action, nullptr);
  if (setsid() < 0) GiveUp(plan.error_fd, Step::kPrepare);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) GiveUp(plan.error_fd, Step::kPrepare);
  if (getppid() != plan.parent) _exit(127);  // it had ended before
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) GiveUp(plan.error_fd, Step::kPrepare);
  // Out of the way first: one may have the number that another is to have.
  const int error_fd = fcntl(plan.error_fd, F_DUPFD_CLOEXEC, kDescriptorsMax);
  if (error_fd < 0) GiveUp(plan.error_fd, Step::kDescriptors);
  int away[kDescriptorsMax];
  for (int i = 0; i < plan.descriptor_count; ++i) {
    const int from = plan.descriptors[i];
    const int fd = from >= 0 ? from : open("/dev/null", O_RDWR | O_CLOEXEC);
    away[i] = fcntl(fd, F_DUPFD_CLOEXEC, kDescriptorsMax);
    if (away[i] < 0) GiveUp(error_fd, Step::kDescriptors);
  }
  for (int i = 0; i < plan.descriptor_count; ++i) {
    if (dup2(away[i], i) < 0) GiveUp(error_fd, Step::kDescriptors);
  }
  if (close_range(static_cast<unsigned>(plan.descriptor_count), ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    GiveUp(error_fd, Step::kDescriptors);
  }
  const ChildLimits& limits = plan.limits;
  if (!SetLimit(RLIMIT_CORE, 0, 0)) GiveUp(error_fd, Step::kLimits);
  if (limits.files_max > 0 && !SetLimit(RLIMIT_NOFILE, limits.files_max, limits.files_max)) {
    GiveUp(error_fd, Step::kLimits);
  }
  if (limits.cpu_seconds_max > 0) {
    const auto seconds = static_cast<uint64_t>(limits.cpu_seconds_max);
    if (!SetLimit(RLIMIT_CPU, seconds, seconds + 1)) GiveUp(error_fd, Step::kLimits);
  }
  if (limits.memory_bytes_max > 0 &&
      !SetLimit(RLIMIT_AS, limits.memory_bytes_max, limits.memory_bytes_max)) {
    GiveUp(error_fd, Step::kLimits);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(plan.file, plan.arguments, plan.environment);
  GiveUp(error_fd, Step::kProgram);
}

// The child's number; below 0: errno. It does not copy our memory, however much that is.
ABSL_ATTRIBUTE_NOINLINE pid_t Fork(const Plan& plan) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = vfork();
  if (pid == 0) BecomeProgram(plan);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

absl::Status ProgramStatus(const std::string& file, int error) {
  const auto text = [&](std::string_view what) {
    return absl::StrCat(file, ": ", absl::string_view(what.data(), what.size()));
  };
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return absl::NotFoundError(text("there is no such file, or what it is to be run by is not"));
    case EACCES:
    case EPERM:
    case EISDIR:
      return absl::PermissionDeniedError(
          text("it may not be executed: see its mode, and whose "
               "its folders are"));
    case ENOEXEC:
    case EINVAL:
    case ELIBBAD:
      return absl::InvalidArgumentError(text("that is no program"));
    case E2BIG:
      return absl::InvalidArgumentError(
          text("more arguments and environment than the system takes"));
    default:
      return absl::ResourceExhaustedError(
          absl::StrCat(file, ": the system does not start it: ", strerror(error)));
  }
}

absl::Status StartStatus(const std::string& file, const StartError& error) {
  switch (error.step) {
    case StartError::Step::kProgram:
      return ProgramStatus(file, error.error);
    case StartError::Step::kLimits:
      return absl::ResourceExhaustedError(
          absl::StrCat(file, ": its limits cannot be set: ", strerror(error.error)));
    case StartError::Step::kPrepare:
    case StartError::Step::kDescriptors:
      break;
  }
  return absl::ResourceExhaustedError(
      absl::StrCat(file, ": no process for it: ", strerror(error.error)));
}

ChildEnd EndOf(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.code = info.si_status};
  return {.signal = info.si_status};
}

class PidfdChild final : public ChildProcess {
 public:
  PidfdChild(pid_t pid, int pidfd, absl::AnyInvocable<void(const ChildEnd&)> on_exit)
      : pid_(pid), pidfd_(pidfd), on_exit_(std::move(on_exit)) {}

  ~PidfdChild() override {
    poll_.Close();
    if (!has_ended_) {
      Signal(SIGKILL);
      pollfd ended = {pidfd_, POLLIN, 0};
      while (poll(&ended, 1, kEndWaitMs) < 0 && errno == EINTR) {
      }
      Reap();
    }
    close(pidfd_);
  }

  absl::Status Watch(LoopEnvironment& environment) {
    if (const int rc = poll_.Init(environment.uv(), uv_poll_init, pidfd_); rc != 0) {
      return absl::ResourceExhaustedError(absl::StrCat("a child: ", uv_strerror(rc)));
    }
    poll_.set_callback([this] { OnReady(); });
    uv_poll_start(poll_.get(), UV_READABLE, UvHandle<uv_poll_t>::FirePoll);
    poll_.Unref();
    return absl::OkStatus();
  }

  int pid() const override { return pid_; }
  bool has_ended() const override { return has_ended_; }

  // While it is not waited for its number is no other's, nor is that of its group.
  void Signal(int signal) override {
    if (has_ended_ || SignalPidfd(pidfd_, signal) != 0) return;
    kill(-pid_, signal);
  }

  void HoldLoop(bool holds) override {
    if (!poll_.is_open()) return;
    holds ? poll_.Ref() : poll_.Unref();
  }

 private:
  void OnReady() {
    const std::optional<ChildEnd> end = Reap();
    if (!end) return;
    poll_.Close();
    // It may destroy us.
    absl::AnyInvocable<void(const ChildEnd&)> on_exit = std::move(on_exit_);
    if (on_exit) on_exit(*end);
  }

  // Nothing: it still runs.
  std::optional<ChildEnd> Reap() {
    siginfo_t info = {};
    if (waitid(static_cast<idtype_t>(P_PIDFD), pidfd_, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
      if (info.si_pid == 0) return std::nullopt;
      // Its number is still its own: those whom it left behind end with it.
      kill(-pid_, SIGKILL);
      info = {};
      if (waitid(static_cast<idtype_t>(P_PIDFD), pidfd_, &info, WEXITED | WNOHANG) == 0) {
        return Ended(EndOf(info));
      }
    }
    return Ended({.is_known = false});
  }

  ChildEnd Ended(ChildEnd end) {
    has_ended_ = true;
    return end;
  }

  pid_t pid_;
  int pidfd_;
  bool has_ended_ = false;
  UvHandle<uv_poll_t> poll_;
  absl::AnyInvocable<void(const ChildEnd&)> on_exit_;
};

}  // namespace

std::string ChildEnd::ToString() const {
  if (!is_known) return "ended, nobody knows how";
  if (signal == 0) return absl::StrCat("exited with ", code);
  const std::string name = SignalName();
  return absl::StrCat("ended by signal ", signal, name.empty() ? "" : " (", name,
                      name.empty() ? "" : ")");
}

std::string ChildEnd::SignalName() const {
  const char* name = signal == 0 ? nullptr : sigabbrev_np(signal);
  return name == nullptr ? "" : absl::StrCat("SIG", name);
}

absl::StatusOr<std::unique_ptr<ChildProcess>> StartChild(LoopEnvironment& environment,
                                                         ChildOptions options) {
  VESICLE_CHECK_LE(options.descriptors.size(), kDescriptorsMax);
  if (options.file.find('/') == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.file, ": is no path, and nothing is searched for; as /bin/", options.file));
  }
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  };
  options.arguments.insert(options.arguments.begin(),
                           options.name.empty() ? options.file : options.name);
  const std::vector<char*> arguments = pointers(options.arguments);
  const std::vector<char*> variables = pointers(options.environment);
  int errors[2];
  if (pipe2(errors, O_CLOEXEC) != 0) {
    return StartStatus(options.file, {StartError::Step::kPrepare, errno});
  }
  Plan plan;
  plan.file = options.file.c_str();
  plan.arguments = arguments.data();
  plan.environment = variables.data();
  plan.descriptors = options.descriptors.data();
  plan.descriptor_count = static_cast<int>(options.descriptors.size());
  plan.error_fd = errors[1];
  plan.parent = getpid();
  plan.limits = options.limits;
  const pid_t pid = Fork(plan);
  const int fork_error = errno;
  close(errors[1]);
  const absl::Cleanup close_errors = [&] { close(errors[0]); };
  if (pid < 0) return StartStatus(options.file, {StartError::Step::kPrepare, fork_error});
  const int pidfd = OpenPidfd(pid);
  const int pidfd_error = errno;
  // The pipe ends when the program has begun.
  StartError error;
  ssize_t got;
  while ((got = read(errors[0], &error, sizeof error)) < 0 && errno == EINTR) {
  }
  if (got != 0 || pidfd < 0) {
    if (pidfd < 0) {
      kill(pid, SIGKILL);
    } else {
      close(pidfd);
    }
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (got == sizeof error) return StartStatus(options.file, error);
    return StartStatus(options.file, {StartError::Step::kPrepare, got == 0 ? pidfd_error : EIO});
  }
  auto child = std::make_unique<PidfdChild>(pid, pidfd, std::move(options.on_exit));
  if (absl::Status status = child->Watch(environment); !status.ok()) return status;
  return child;
}

}  // namespace vesicle
