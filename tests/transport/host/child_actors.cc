#include "tests/transport/host/child_actors.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "transport/pipe.h"
#include "vm/value/form.h"
#include "vm/value/number.h"

namespace vesicle {
namespace {

using Arguments = std::span<const Value>;

ChildActor Always(void (*behavior)(Turn&)) {
  return [behavior](ChildWorld& world, Arguments) -> absl::StatusOr<Root> {
    return world.vm().Create(NativeBehavior(behavior));
  };
}

absl::StatusOr<Root> MakeCounter(ChildWorld& world, Arguments arguments) {
  const int64_t first = arguments.empty() ? 0 : Int64Of(arguments[0]).value_or(0);
  return world.vm().Create([sum = first](Turn& turn) mutable {
    if (Is(turn.message(), "add", 1)) sum += Int64Of(FieldsOf(turn.message())[0]).value_or(0);
    turn.Reply(turn.Int(sum));
  });
}

absl::StatusOr<Root> MakeTeller(ChildWorld& world, Arguments arguments) {
  if (arguments.empty()) return absl::InvalidArgumentError("a teller wants a ref");
  Vm& vm = world.vm();
  const Root ref(vm.core().heap(), arguments[0]);
  vm.Send(ref, vm.Symbol("hello"));
  world.OnStop([ref, &vm] { vm.Send(ref, vm.Symbol("bye")); });
  return vm.Create([](Turn& turn) { turn.Reply(turn.message()); });
}

void ListFiles(Turn& turn) {
  std::vector<Value> numbers;
  DIR* folder = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != dirfd(folder)) numbers.push_back(turn.Int(fd));
  }
  closedir(folder);
  turn.Reply(turn.List(numbers));
}

void CountVariables(Turn& turn) {
  int64_t count = 0;
  while (environ[count] != nullptr) ++count;
  turn.Reply(turn.Int(count));
}

void ShowLimits(Turn& turn) {
  const auto soft = [&](auto resource) {
    rlimit limit;
    getrlimit(resource, &limit);
    return limit.rlim_cur == RLIM_INFINITY ? Value::Nil()
                                           : turn.Int(static_cast<int64_t>(limit.rlim_cur));
  };
  turn.Reply(turn.List({soft(RLIMIT_AS), soft(RLIMIT_CPU), soft(RLIMIT_NOFILE)}));
}

void ShowGroup(Turn& turn) {
  turn.Reply(turn.List({turn.Int(getpid()), turn.Int(getsid(0)), turn.Int(getppid())}));
}

void Eat(Turn&) {
  for (;;) {
    auto* bytes = new char[size_t{64} << 20];
    for (size_t i = 0; i < size_t{64} << 20; i += 4096) const_cast<volatile char*>(bytes)[i] = 1;
  }
}

void Spin(Turn&) {
  for (volatile bool is_done = false; !is_done;) {
  }
}

void SpinDeaf(Turn& turn) {
  signal(SIGTERM, SIG_IGN);
  Spin(turn);
}

void WriteWithoutEnd(const std::string& bytes) {
  fcntl(kChildPipeFd, F_SETFL, 0);
  while (send(kChildPipeFd, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
  }
}

void Crash(Turn& turn) {
  const Value m = turn.message();
  if (Is(m, "abort", 0)) std::abort();
  if (Is(m, "exit", 1)) _exit(static_cast<int>(*Int64Of(FieldsOf(m)[0])));
  if (Is(m, "hang_up", 0)) {
    shutdown(kChildPipeFd, SHUT_RDWR);
    for (;;) pause();
  }
  if (Is(m, "garbage", 0)) {
    WriteWithoutEnd("this is no syrup at all");
    for (;;) pause();
  }
  // Good messages, as many as the other end takes: to an object that it never gave.
  if (Is(m, "flood", 0)) WriteWithoutEnd("<10'op:deliver<11'desc:export0+>[]fF>");
  if (Is(m, "sleep", 0)) {
    for (;;) pause();
  }
  turn.Reply(turn.Symbol("alive"));
}

void Fork(Turn& turn) {
  const pid_t pid = fork();
  if (pid == 0) {
    signal(SIGTERM, SIG_IGN);
    for (;;) pause();
  }
  turn.Reply(turn.Int(pid));
}

// A process that is in no group of its parent, holds the pipe, and writes to it.
void Escape(Turn& turn) {
  const Value m = turn.message();
  const bool writes = Is(m, "writing", 0);
  int is_away[2];
  if (pipe(is_away) != 0) _exit(1);
  if (fork() > 0) {
    close(is_away[1]);
    char byte;
    _exit(read(is_away[0], &byte, 1) == 1 ? 0 : 1);
  }
  setsid();
  if (write(is_away[1], "x", 1) != 1) _exit(1);
  if (writes) WriteWithoutEnd("<10'op:deliver<11'desc:export0+>[]fF>");
  sleep(5);
  _exit(0);
}

absl::StatusOr<Root> MakeChatter(ChildWorld& world, Arguments arguments) {
  if (arguments.empty()) return absl::InvalidArgumentError("a chatter wants a ref");
  const Root ref(world.vm().core().heap(), arguments[0]);
  return world.vm().Create([ref](Turn& turn) {
    turn.Send(ref.value(), turn.Int(1));
    turn.Send(turn.self(), turn.message());
  });
}

absl::StatusOr<Root> MakeDoomed(ChildWorld&, Arguments) { _exit(9); }

absl::StatusOr<Root> MakeLate(ChildWorld& world, Arguments) {
  sleep(1);
  return world.vm().Create([](Turn& turn) { turn.Reply(turn.Symbol("here")); });
}

absl::StatusOr<Root> MakeRefused(ChildWorld&, Arguments) {
  return absl::InvalidArgumentError("not today");
}

// Gives to `to` what comes from `from`: until an end, or `max` bytes in all. False: it is over.
bool Relay(int from, int to, int64_t* max) {
  char bytes[4096];
  const ssize_t n = read(from, bytes, static_cast<size_t>(std::min<int64_t>(sizeof bytes, *max)));
  if (n <= 0) return false;
  *max -= n;
  return write(to, bytes, static_cast<size_t>(n)) == n;
}

}  // namespace

void CutIfAsked() {
  const char* cut = std::getenv("VESICLE_CUT");
  const char* how = std::getenv("VESICLE_CUT_HOW");
  if (cut == nullptr || how == nullptr) return;
  int64_t left = std::atoll(cut), any = INT64_MAX;
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) _exit(1);
  if (fork() == 0) {  // the child that would be; it ends with us, as one of our group
    dup2(fds[1], kChildPipeFd);
    close(fds[0]);
    close(fds[1]);
    return;
  }
  close(fds[1]);
  pollfd both[] = {{kChildPipeFd, POLLIN, 0}, {fds[0], POLLIN, 0}};
  while (left > 0 && poll(both, 2, -1) > 0) {
    if (both[0].revents != 0 && !Relay(kChildPipeFd, fds[0], &any)) _exit(0);
    if (both[1].revents != 0 && !Relay(fds[0], kChildPipeFd, &left)) _exit(0);
  }
  const std::string_view end = how;
  if (end == "abort") std::abort();
  if (end == "stop") raise(SIGSTOP);
  if (end == "deaf") {
    for (;;) pause();
  }
  _exit(7);
}

ChildRegistry TestActors() {
  ChildRegistry actors;
  actors.Add("counter", MakeCounter);
  actors.Add("echo", Always([](Turn& turn) { turn.Reply(turn.message()); }));
  actors.Add("teller", MakeTeller);
  actors.Add("files", Always(ListFiles));
  actors.Add("variables", Always(CountVariables));
  actors.Add("limits", Always(ShowLimits));
  actors.Add("group", Always(ShowGroup));
  actors.Add("eater", Always(Eat));
  actors.Add("spinner", Always(Spin));
  actors.Add("deaf", Always(SpinDeaf));
  actors.Add("crash", Always(Crash));
  actors.Add("forker", Always(Fork));
  actors.Add("escaper", Always(Escape));
  actors.Add("chatter", MakeChatter);
  actors.Add("doomed", MakeDoomed);
  actors.Add("late", MakeLate);
  actors.Add("refused", MakeRefused);
  return actors;
}

}  // namespace vesicle
