// Children that end, stop or go silent at the worst of moments: who waits hears why, soon.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/transport/host/process_world.h"
#include "vm/heap/poison.h"

namespace vesicle {
namespace {

ProcessOptions CutAfter(int64_t bytes, std::string how, int64_t start_ms_max) {
  return {.actor = "counter",
          .environment = {"VESICLE_CUT=" + std::to_string(bytes), "VESICLE_CUT_HOW=" + how},
          .output = ProcessOptions::Output::kNone,
          .start_ms_max = start_ms_max};
}

TEST_CASE("process end: at every stage of its start, by an exit and by a crash, and it says how") {
  // What a child says until its actor is there is some hundred bytes.
  const std::pair<std::string, std::string> kinds[] = {{"exit", "exited with 7"},
                                                       {"abort", "ended by signal 6 (SIGABRT)"}};
  for (const auto& kind : kinds) {
    CAPTURE(kind.first);
    bool has_started = false;
    int64_t bytes = 1;
    for (; !has_started && bytes < 5'000; bytes += 43) {
      CAPTURE(bytes);
      ProcessWorld world;
      const auto child = world.Spawn(CutAfter(bytes, kind.first, 10'000));
      const auto said = world.Ask(child->ref(), world.vm.Symbol("get"));
      const absl::Status started = world.Started(*child);
      has_started = started.ok();
      if (!has_started) {
        CHECK_MESSAGE(absl::IsUnavailable(started), started.ToString());
        CHECK_MESSAGE(std::string(started.message()).find(kind.second) != std::string::npos,
                      started.ToString());
        CHECK(world.RunUntil([&] { return said->starts_with("#disconnected"); }));
        CHECK_MESSAGE(said->find(kind.second) != std::string::npos, *said);
        CHECK(world.Join(*child) == kind.second);
      }
    }
    CHECK(has_started);
    CHECK(bytes > 200);
  }
}

TEST_CASE(
    "process end: one that goes silent or is stopped while it starts has its time, not more") {
  for (const char* how : {"stop", "deaf"}) {
    for (const int64_t bytes : {1, 100, 250}) {
      CAPTURE(how);
      CAPTURE(bytes);
      ProcessWorld world;
      const int64_t before = Ms();
      const auto child = world.Spawn(CutAfter(bytes, how, 400));
      const auto said = world.Ask(child->ref(), world.vm.Symbol("get"));
      const absl::Status started = world.Started(*child);
      CHECK_MESSAGE(absl::IsDeadlineExceeded(started), started.ToString());
      CHECK(world.Join(*child) == "ended by signal 9 (SIGKILL)");
      CHECK(world.RunUntil([&] { return said->starts_with("#disconnected"); }));
      CHECK(Ms() - before < 5'000);
    }
  }
}

TEST_CASE("process end: while its actor is made, it says so") {
  ProcessWorld world;
  const auto child = world.SpawnActor("doomed");
  const absl::Status started = world.Started(*child);
  CHECK(absl::IsUnavailable(started));
  CHECK_MESSAGE(started.message().find("exited with 9") != std::string::npos, started.ToString());
}

TEST_CASE("process end: a stopped one keeps nobody but who asked it, and can be ended") {
  ProcessWorld world;
  const auto good = world.SpawnActor("counter");
  auto child = world.Spawn({.actor = "counter", .stop_ms_max = 50, .term_ms_max = 50});
  REQUIRE(world.Started(*child).ok());
  kill(child->pid(), SIGSTOP);
  const auto asked = world.Ask(child->ref(), world.vm.Tagged("add", 1));
  CHECK(world.Answer(good->ref(), world.vm.Tagged("add", 1)) == "1");
  CHECK(*asked == "...");
  // It goes on as if nothing had been.
  kill(child->pid(), SIGCONT);
  CHECK(world.RunUntil([&] { return *asked == "1"; }));
  kill(child->pid(), SIGSTOP);
  const auto lost = world.Ask(child->ref(), world.vm.Tagged("add", 1));
  child->Stop();
  CHECK(world.Join(*child) == "ended by signal 9 (SIGKILL)");
  CHECK(world.RunUntil([&] { return *lost == "#disconnected"; }));
  // Without being asked: with its handle, and with the host.
  for (const bool with_host : {false, true}) {
    child = world.SpawnActor("counter");
    REQUIRE(world.Started(*child).ok());
    const int pid = child->pid();
    kill(pid, SIGSTOP);
    const int64_t before = Ms();
    if (with_host) {
      world.host.reset();
    } else {
      child.reset();
      CHECK(world.RunUntil([&] { return !IsThere(pid); }));
    }
    CHECK_FALSE(IsThere(pid));
    CHECK(Ms() - before < 2'000);
  }
}

TEST_CASE(
    "process end: somebody who has left its group keeps the pipe, and nobody waits for that") {
  for (const char* how : {"silent", "writing"}) {
    CAPTURE(how);
    ProcessWorld world;
    const auto good = world.SpawnActor("counter");
    const auto child = world.SpawnActor("escaper");
    REQUIRE(world.Started(*child).ok());
    const int64_t before = Ms();
    const std::string said = world.Answer(child->ref(), world.vm.Symbol(how));
    CHECK_MESSAGE(said.starts_with("#disconnected"), said);
    CHECK(world.Join(*child) == "exited with 0");
    CHECK(Ms() - before < 3'000);
    CHECK(world.Answer(good->ref(), world.vm.Tagged("add", 1)) == "1");
  }
}

TEST_CASE("process end: one that never stops talking leaves others their turns, and can be ended") {
  ProcessWorld world;
  int64_t heard = 0;
  const Root ear = world.vm.Create([&](Turn&) { ++heard; });
  const auto good = world.SpawnActor("counter");
  const auto child =
      world.Spawn({.actor = "chatter", .arguments = {ear}, .stop_ms_max = 200, .term_ms_max = 200});
  REQUIRE(world.Started(*child).ok());
  world.vm.Send(child->ref(), world.vm.Nil());
  REQUIRE(world.RunUntil([&] { return heard > 10'000; }));
  for (int i = 1; i <= 5; ++i) {
    const int64_t before = Ms();
    CHECK(world.Answer(good->ref(), world.vm.Tagged("add", 1)) == std::to_string(i));
    CHECK(Ms() - before < 2'000);
  }
  child->Stop();
  CHECK(world.Join(*child) != "...");
  // What had come before is still heard; then it is over.
  int64_t then = -1;
  for (int i = 0; i < 200 && heard != then; ++i) {
    then = heard;
    world.RunFor(20);
  }
  CHECK(heard == then);
}

TEST_CASE("process end: too little memory for a program, or for a VM, is said at its start") {
#if VESICLE_ASAN == 0
  int refused = 0, started = 0;
  for (const uint64_t mib : {4, 8, 16, 24, 32, 40, 48, 64, 256}) {
    CAPTURE(mib);
    ProcessWorld world;
    ProcessOptions options = {.actor = "counter", .output = ProcessOptions::Output::kNone};
    options.limits.memory_bytes_max = mib << 20;
    auto child = world.host->SpawnProcess(options);
    if (!child.ok()) {  // the system does not begin it
      CHECK_MESSAGE(absl::IsResourceExhausted(child.status()), child.status().ToString());
      ++refused;
      continue;
    }
    const absl::Status status = world.Started(**child);
    status.ok() ? ++started : ++refused;
    if (status.ok()) {
      CHECK(world.Answer((*child)->ref(), world.vm.Tagged("add", 2)) == "2");
    } else {
      CHECK_MESSAGE(absl::IsUnavailable(status), status.ToString());
      CHECK(world.Join(**child) != "...");
    }
  }
  CHECK(refused > 0);
  CHECK(started > 0);
#endif
}

TEST_CASE("process end: arguments beyond what may wait for it are refused, and nothing stays") {
  ProcessWorld world;
  ProcessOptions options = CutAfter(0, "deaf", 1'000);
  options.arguments = {
      Root(world.vm.core().heap(), world.vm.Bytes(std::string(size_t{4} << 20, 'x')))};
  options.session.pending_bytes_max = size_t{1} << 20;
  const auto child = world.Spawn(options);
  const absl::Status started = world.Started(*child);
  CHECK_FALSE(started.ok());
  CHECK(world.Join(*child) == "ended by signal 9 (SIGKILL)");
}

TEST_CASE("process end: of one that somebody else has waited for nobody knows how") {
  ProcessWorld world;
  const auto child = world.SpawnActor("counter");
  REQUIRE(world.Started(*child).ok());
  const int pid = child->pid();
  const auto asked = world.Ask(child->ref(), world.vm.Symbol("get"));
  kill(pid, SIGKILL);
  REQUIRE(waitpid(pid, nullptr, 0) == pid);
  CHECK(world.Join(*child) == "ended, nobody knows how");
  CHECK(world.RunUntil([&] { return asked->starts_with("#disconnected"); }));
}

}  // namespace
}  // namespace vesicle
