#include "vm/loop/vm_loop.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <uv.h>

#include <optional>
#include <string>
#include <thread>

#include "tests/vm/loop/fixture.h"
#include "vm/loop/devices.h"
#include "vm/loop/pause_stats.h"
#include "vm/loop/signal_watcher.h"

namespace vesicle {

TEST_CASE("loop: Run returns when nothing can happen any more") {
  World world;
  int turns = 0;
  const Root actor = world.vm.Create([&](Turn&) { ++turns; });
  world.vm.Send(actor, world.vm.Nil());
  world.vm.Send(actor, world.vm.Nil());
  world.loop->Run();
  CHECK(turns == 2);
  world.loop->Run();
  CHECK(turns == 2);
}

TEST_CASE("loop: an actor that never rests does not starve timers") {
  World world;
  int turns = 0;
  const Root busy = world.vm.Create([&](Turn& turn) {
    ++turns;
    turn.Send(turn.self(), turn.message());
  });
  world.vm.Send(busy, world.vm.Nil());
  const Root timer = MakeTimer(*world.loop);
  world.vm.Ask(timer, world.vm.Tagged("after", 20), [&](const Reply& reply) {
    CHECK(reply.ok());
    world.loop->Stop();
  });
  world.loop->Run();
  CHECK(world.loop->is_stopped());
  CHECK(turns > 1000);
}

TEST_CASE("loop: posts of other threads run in order, and Hold waits for them") {
  World world;
  std::string order;
  auto hold = std::make_unique<VmLoop::Hold>(*world.loop);
  std::thread other([poster = world.loop->poster(), &order, &hold] {
    for (char c = 'a'; c <= 'z'; ++c) {
      CHECK(poster.Post([&order, c](Vm&) { order += c; }).ok());
    }
    CHECK(poster.Post([&hold](Vm&) { hold.reset(); }).ok());
  });
  world.loop->Run();
  other.join();
  CHECK(order == "abcdefghijklmnopqrstuvwxyz");
}

TEST_CASE("loop: a post is refused when the loop is gone, or too many wait") {
  std::optional<Poster> poster;
  {
    World world({.posts_max = 2});
    poster = world.loop->poster();
    CHECK(poster->Post([](Vm&) {}).ok());
    CHECK(poster->Post([](Vm&) {}).ok());
    CHECK(absl::IsResourceExhausted(poster->Post([](Vm&) {})));
  }
  CHECK(absl::IsUnavailable(poster->Post([](Vm&) {})));
}

TEST_CASE("loop: on a host's loop, and gone before it") {
  uv_loop_t host;
  REQUIRE(uv_loop_init(&host) == 0);
  {
    Vm vm;
    int turns = 0;
    auto loop = *VmLoop::Create(vm, {.host_loop = &host});
    const Root actor = vm.Create([&](Turn&) { ++turns; });
    const Root timer = MakeTimer(*loop);
    vm.Send(actor, vm.Nil());
    bool rang = false;
    vm.Ask(timer, vm.Tagged("after", 1), [&](const Reply&) { rang = true; });
    loop->Wake();
    uv_run(&host, UV_RUN_DEFAULT);
    CHECK(turns == 1);
    CHECK(rang);
  }
  uv_run(&host, UV_RUN_DEFAULT);  // frees what was closed
  CHECK(uv_loop_close(&host) == 0);
}

TEST_CASE("loop: a device answers #disconnected when its loop is gone") {
  Vm vm;
  auto loop = *VmLoop::Create(vm);
  const Root timer = MakeTimer(*loop);
  bool answered = false;
  vm.Ask(timer, vm.Tagged("after", 100'000), [&](const Reply&) { answered = true; });
  vm.Run();
  loop.reset();
  CHECK_FALSE(answered);
  std::string reason;
  vm.Ask(timer, vm.Tagged("after", 1), [&](const Reply& reply) { reason = Print(reply.reason()); });
  vm.Run();
  CHECK(reason == "#disconnected(\"the loop of this device is gone\")");
}

TEST_CASE("loop: a signal stops it") {
  World world;
  const Root timer = MakeTimer(*world.loop);
  world.vm.Ask(timer, world.vm.Tagged("after", 100'000), [](const Reply&) {});
  const SignalWatcher watcher(*world.loop, SIGUSR1, [&] { world.loop->Stop(); });
  const Root raiser = world.vm.Create([](Turn&) { raise(SIGUSR1); });
  world.vm.Send(raiser, world.vm.Nil());
  world.loop->Run();
  CHECK(world.loop->is_stopped());
}

TEST_CASE("pauses: percentiles within a sixteenth") {
  Vm vm;
  PauseStats pauses(vm.core().heap());
  CHECK(pauses.PercentileNs(99) == 0);
  for (int64_t i = 1; i <= 1000; ++i) pauses.Add(i * 1000);
  CHECK(pauses.max_ns() == 1'000'000);
  CHECK(pauses.PercentileNs(100) == 1'000'000);
  CHECK(pauses.PercentileNs(50) >= 500'000);
  CHECK(pauses.PercentileNs(50) <= 500'000 * 17 / 16);
  CHECK(pauses.PercentileNs(99) >= 990'000);
  CHECK(pauses.count() == 1000);
}

}  // namespace vesicle
