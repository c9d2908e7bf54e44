// Children that mean ill, or are broken: each ends alone, and its parent is as it was.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/transport/host/process_world.h"
#include "vm/heap/poison.h"
#include "vm/value/number.h"

namespace vesicle {

namespace {

// A program that does that, whatever it is called with.
struct ShellProgram {
  explicit ShellProgram(const std::string& what) {
    char name[] = "/tmp/vesicle-child-XXXXXX";
    const int fd = mkstemp(name);
    REQUIRE(fd >= 0);
    path = name;
    const std::string text = "#!/bin/sh\n" + what + "\n";
    REQUIRE(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    REQUIRE(fchmod(fd, 0700) == 0);
    close(fd);
  }
  ~ShellProgram() { unlink(path.c_str()); }
  std::string path;
};

}  // namespace

TEST_CASE("process attack: a program that is no child of ours") {
  ProcessWorld world;
  const ShellProgram silent("exec sleep 1000"), noisy("exec yes '<no syrup' >&3"),
      hangs_up("exec 3>&-; exec sleep 1000");
  const auto nothing = world.Spawn({.actor = "x", .program = silent.path, .start_ms_max = 300});
  CHECK(absl::IsDeadlineExceeded(world.Started(*nothing)));
  CHECK(world.Join(*nothing) == "ended by signal 9 (SIGKILL)");
  for (const ShellProgram* program : {&noisy, &hangs_up}) {
    const auto garbage = world.Spawn({.actor = "x", .program = program->path});
    const absl::Status refused = world.Started(*garbage);
    CHECK_MESSAGE(absl::IsUnavailable(refused), refused.ToString());
    CHECK_MESSAGE(refused.message().find("#disconnected") != std::string::npos, refused.ToString());
    CHECK(world.Join(*garbage) == "ended by signal 9 (SIGKILL)");
  }
}

TEST_CASE("process attack: garbage, a flood and a closed pipe end the child that does it") {
  ProcessWorld world;
  const auto good = world.SpawnActor("counter");
  for (const char* how : {"garbage", "flood", "hang_up"}) {
    CAPTURE(how);
    const auto child = world.SpawnActor("crash");
    CHECK(world.Answer(child->ref(), world.vm.Symbol("hello")) == "#alive");
    CHECK(world.Answer(child->ref(), world.vm.Symbol(how)).starts_with("#disconnected"));
    const std::string end = world.Join(*child);
    CHECK_MESSAGE(end == "ended by signal 9 (SIGKILL)", end);
    CHECK(world.Answer(good->ref(), world.vm.Tagged("add", 1)) != "...");
  }
  CHECK(world.Answer(good->ref(), world.vm.Symbol("get")) == "3");
}

TEST_CASE("process attack: a child that stops reading holds a bounded number of bytes of ours") {
  ProcessWorld world;
  ProcessOptions options = {.actor = "crash", .stop_ms_max = 50, .term_ms_max = 50};
  options.session.pending_bytes_max = size_t{1} << 20;
  const auto child = world.Spawn(options);
  REQUIRE(world.Started(*child).ok());
  const auto asleep = world.Ask(child->ref(), world.vm.Symbol("sleep"));
  world.RunFor(100);
  const Root large(world.vm.core().heap(), world.vm.Bytes(std::string(100'000, 'x')));
  std::string last;
  for (int i = 0; i < 100 && !last.starts_with("#full"); ++i) {
    const auto said = world.Ask(child->ref(), large.value());
    world.RunFor(5);
    last = *said;
  }
  CHECK_MESSAGE(last.starts_with("#full"), last);
  child->Stop();
  CHECK(world.Join(*child) == "ended by signal 15 (SIGTERM)");
  CHECK(world.RunUntil([&] { return *asleep == "#disconnected"; }));
}

TEST_CASE("process attack: what a child has started ends with it") {
  ProcessWorld world;
  const auto child = world.SpawnActor("forker");
  const std::string said = world.Answer(child->ref(), world.vm.Nil());
  const int grandchild = std::stoi(said);
  CHECK(IsThere(grandchild));
  child->Kill();
  CHECK(world.Join(*child) == "ended by signal 9 (SIGKILL)");
  // Whoever takes the place of its parent has to wait for it: it is gone, or a zombie of theirs.
  CHECK(world.RunUntil([&] {
    if (!IsThere(grandchild)) return true;
    std::string state;
    const std::string path = "/proc/" + std::to_string(grandchild) + "/stat";
    if (FILE* file = fopen(path.c_str(), "r")) {
      char text[256] = {};
      if (fgets(text, sizeof text, file) != nullptr) state = text;
      fclose(file);
    }
    return state.empty() || state.find(") Z ") != std::string::npos;
  }));
}

TEST_CASE("process attack: memory and processor time have an end") {
  ProcessWorld world;
#if VESICLE_ASAN == 0
  ProcessOptions eats = {.actor = "eater", .output = ProcessOptions::Output::kNone};
  eats.limits.memory_bytes_max = uint64_t{256} << 20;
  const auto eater = world.Spawn(eats);
  // An allocation that fails in a turn is a quota that is spent.
  CHECK(world.Answer(eater->ref(), world.vm.Nil()) == "#failed(#quota(#memory))");
  CHECK(eater->is_running());
#endif
  ProcessOptions spins = {.actor = "spinner"};
  spins.limits.cpu_seconds_max = 1;
  const auto spinner = world.Spawn(spins);
  CHECK(world.Answer(spinner->ref(), world.vm.Nil()) == "#disconnected");
  CHECK(world.Join(*spinner) == "ended by signal 24 (SIGXCPU)");
}

// The parent is a process, too: what becomes of its children when it is killed.
TEST_CASE("process attack: children end with their parent, whatever ends that") {
  int pipes[2];
  REQUIRE(pipe(pipes) == 0);
  const pid_t parent = fork();
  if (parent == 0) {
    close(pipes[0]);
    ProcessWorld world;
    const auto deaf = world.SpawnActor("deaf");
    (void)world.Started(*deaf);
    (void)world.Ask(deaf->ref(), world.vm.Nil());
    world.RunFor(50);
    const int pid = deaf->pid();
    if (write(pipes[1], &pid, sizeof pid) != sizeof pid) _exit(1);
    kill(getpid(), SIGKILL);
  }
  close(pipes[1]);
  int child = 0;
  REQUIRE(read(pipes[0], &child, sizeof child) == sizeof child);
  close(pipes[0]);
  CHECK(waitpid(parent, nullptr, 0) == parent);
  for (int i = 0; i < 500 && IsThere(child); ++i) {
    // In a container nobody may wait for orphans: a zombie is an end.
    FILE* file = fopen(("/proc/" + std::to_string(child) + "/stat").c_str(), "r");
    char text[256] = {};
    if (file == nullptr || fgets(text, sizeof text, file) == nullptr ||
        std::string(text).find(") Z ") != std::string::npos) {
      if (file != nullptr) fclose(file);
      child = 0;
      break;
    }
    fclose(file);
    usleep(10'000);
  }
  CHECK((child == 0 || !IsThere(child)));
}

}  // namespace vesicle
