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
#include "vm/loop/uv_handle.h"
#include "vm/native/typed/actor.h"

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
    uv_run(&host, UV_RUN_DEFAULT);
    CHECK(turns == 1);
    CHECK(rang);
  }
  uv_run(&host, UV_RUN_DEFAULT);  // frees what was closed
  CHECK(uv_loop_close(&host) == 0);
}

TEST_CASE("loop: what a callback of the host's own loop tells an actor arrives") {
  struct Counter {
    void Add(int64_t n) { sum += n; }
    int64_t Get() const { return sum; }
    int64_t sum = 0;
  };
  uv_loop_t host;
  REQUIRE(uv_loop_init(&host) == 0);
  Vm vm;
  const ActorRef<Counter> before = vm.Spawn<Counter>();
  before.Tell(&Counter::Add, 1);
  auto loop = *VmLoop::Create(vm, {.host_loop = &host});
  uv_run(&host, UV_RUN_DEFAULT);
  int64_t sum = 0;
  const auto note = [&](const absl::StatusOr<int64_t>& n) { sum = *n; };
  before.Ask(&Counter::Get).Then(note);
  uv_run(&host, UV_RUN_DEFAULT);
  CHECK(sum == 1);

  // Twice, with a VM that rests in between; and the loop has nothing else that keeps it.
  std::optional<ActorRef<Counter>> counter;
  UvHandle<uv_timer_t> timer;
  REQUIRE(timer.Init(&host, uv_timer_init) == 0);
  for (const int64_t n : {3, 4}) {
    timer.set_callback([&, n] {
      if (!counter) counter = vm.Spawn<Counter>();
      counter->Tell(&Counter::Add, n);
    });
    uv_timer_start(timer.get(), UvHandle<uv_timer_t>::Fire, 1, 0);
    uv_run(&host, UV_RUN_DEFAULT);
  }
  CHECK_FALSE(vm.core().has_work());
  counter->Ask(&Counter::Get).Then(note);
  uv_run(&host, UV_RUN_DEFAULT);
  CHECK(sum == 7);
  timer.Close();
  loop.reset();
  uv_run(&host, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&host) == 0);
}

TEST_CASE("loop: who waits is told once that there is work, and again when all of it was done") {
  Vm vm;
  int told = 0;
  vm.core().set_on_work([&] { ++told; });
  const Root actor = vm.Create([](Turn& turn) { turn.Reply(turn.message()); });
  vm.Send(actor, vm.Nil());
  vm.Send(actor, vm.Nil());
  CHECK(told == 1);
  // From within turns nobody needs to be told.
  vm.Ask(actor, vm.Nil(), [&](const Reply&) { vm.Send(actor, vm.Nil()); });
  vm.Run();
  CHECK(told == 1);
  // A promise that is kept from outside: who waits for it has something to do.
  ReplySlot slot;
  const Root asked = vm.Create([&](Turn& turn) { slot = turn.TakeReply(); });
  bool is_kept = false;
  vm.Ask(asked, vm.Nil(), [&](const Reply&) { is_kept = true; });
  vm.Run();
  CHECK(told == 2);
  slot.Keep(vm.Nil());
  CHECK(told == 3);
  vm.Run();
  CHECK(is_kept);
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
