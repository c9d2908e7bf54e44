// A VM on a loop, with a host of processes.
#ifndef VESICLE_TESTS_TRANSPORT_HOST_PROCESS_WORLD_H_
#define VESICLE_TESTS_TRANSPORT_HOST_PROCESS_WORLD_H_

#include <dirent.h>
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "membrane/script.h"
#include "transport/host/process.h"
#include "transport/loop_environment.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"
#include "vm/value/print.h"

namespace vesicle {

struct ProcessWorld {
  explicit ProcessWorld(ProcessHostOptions options = {}) : vm({}, AddMembranes) {
    // A loop keeps some for all that come later.
    loop = *VmLoop::Create(vm);
    loop.reset();
    descriptors = OpenDescriptors();
    loop = *VmLoop::Create(vm);
    environment = std::make_unique<LoopEnvironment>(loop->uv());
    host = std::make_unique<ProcessHost>(*loop, options);
  }
  ~ProcessWorld() {
    host.reset();
    timer.reset();
    environment.reset();
    loop.reset();
    CHECK(OpenDescriptors() == descriptors);
    // No child is left, and none waits to be waited for.
    CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
    CHECK(errno == ECHILD);
  }

  // False: 20 s passed, or so many as are given.
  bool RunUntil(const std::function<bool()>& done, int64_t ms = 20'000) {
    bool is_late = false;
    const auto late = environment->After(ms * 1'000'000, [&] { is_late = true; });
    const auto look = [&](auto& self) -> std::unique_ptr<Environment::Timer> {
      return environment->After(1'000'000, [&] {
        if (done() || is_late) return loop->Stop();
        timer = self(self);
      });
    };
    if (done()) return true;
    timer = look(look);
    loop->Run();
    timer.reset();
    return done();
  }
  void RunFor(int64_t ms) {
    RunUntil([] { return false; }, ms);
  }

  std::unique_ptr<Process> Spawn(ProcessOptions options) {
    auto process = host->SpawnProcess(std::move(options));
    REQUIRE_MESSAGE(process.ok(), process.status().ToString());
    return *std::move(process);
  }
  std::unique_ptr<Process> SpawnActor(std::string actor) {
    return Spawn({.actor = std::move(actor)});
  }
  // What an ask came to, as a text; "..." when it is still open.
  std::shared_ptr<std::string> Ask(const Root& ref, Value message) {
    auto said = std::make_shared<std::string>("...");
    vm.Ask(ref, message, [said](const Reply& reply) {
      *said = Print(reply.ok() ? reply.value() : reply.reason());
    });
    return said;
  }
  std::string Answer(const Root& ref, Value message) {
    const auto said = Ask(ref, message);
    RunUntil([&] { return *said != "..."; });
    return *said;
  }
  std::string Join(Process& process) {
    std::optional<ChildEnd> end;
    process.Join([&](const ChildEnd& e) { end = e; });
    RunUntil([&] { return end.has_value(); });
    return end ? end->ToString() : "...";
  }
  absl::Status Started(Process& process) {
    std::optional<absl::Status> started;
    process.OnStarted([&](const absl::Status& s) { started = s; });
    RunUntil([&] { return started.has_value(); });
    return started ? *started : absl::UnknownError("nothing was said");
  }

  static size_t OpenDescriptors() {
    size_t count = 0;
    DIR* folder = opendir("/proc/self/fd");
    while (readdir(folder) != nullptr) ++count;
    closedir(folder);
    return count;
  }

  size_t descriptors = 0;  // before
  Vm vm;
  std::unique_ptr<VmLoop> loop;
  std::unique_ptr<LoopEnvironment> environment;
  std::unique_ptr<ProcessHost> host;
  std::unique_ptr<Environment::Timer> timer;
};

// Since some moment.
inline int64_t Ms() {
  using std::chrono::steady_clock;
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

inline bool IsThere(int pid) { return kill(pid, 0) == 0; }

}  // namespace vesicle

#endif  // VESICLE_TESTS_TRANSPORT_HOST_PROCESS_WORLD_H_
