#include "tests/transport/host/child_actors.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
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

absl::StatusOr<Root> MakeLate(ChildWorld& world, Arguments) {
  sleep(1);
  return world.vm().Create([](Turn& turn) { turn.Reply(turn.Symbol("here")); });
}

absl::StatusOr<Root> MakeRefused(ChildWorld&, Arguments) {
  return absl::InvalidArgumentError("not today");
}

}  // namespace

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
  actors.Add("late", MakeLate);
  actors.Add("refused", MakeRefused);
  return actors;
}

}  // namespace vesicle
