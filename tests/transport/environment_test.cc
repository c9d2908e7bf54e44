// Environments: timers and the ends of turns, in simulated and in real time.
#include <doctest/doctest.h>

#include <vector>

#include "transport/loop_environment.h"
#include "transport/virtual_environment.h"

namespace vesicle {
namespace {

struct Recorder final : TurnEndTask {
  Recorder(std::vector<int>& log_in, int name_in) : log(log_in), name(name_in) {}
  void OnTurnEnd() override {
    log.push_back(name);
    if (next != nullptr) environment->AtTurnEnd(*next);
  }
  std::vector<int>& log;
  int name;
  Environment* environment = nullptr;
  Recorder* next = nullptr;
};

}  // namespace

TEST_CASE("environment: virtual time moves to the next timer, in the order of making") {
  VirtualEnvironment world(1);
  std::vector<int> log;
  std::unique_ptr<Environment::Timer> cancelled = world.After(15, [&] { log.push_back(99); });
  const auto b = world.After(20, [&] { log.push_back(2); });
  const auto a = world.After(10, [&] {
    log.push_back(1);
    cancelled.reset();
  });
  const auto c = world.After(20, [&] { log.push_back(3); });
  CHECK(world.Step());
  CHECK(world.NowNs() == 10);
  while (world.Step()) {
  }
  CHECK(log == std::vector<int>{1, 2, 3});
  CHECK(world.NowNs() == 20);
  world.RunFor(5);
  CHECK(world.NowNs() == 25);
}

TEST_CASE("environment: a timer may be destroyed by its own function") {
  VirtualEnvironment world(1);
  std::unique_ptr<Environment::Timer> timer;
  int fired = 0;
  timer = world.After(1, [&] {
    timer.reset();
    ++fired;
  });
  while (world.Step()) {
  }
  CHECK(fired == 1);
}

TEST_CASE("environment: tasks run once at the end of the turn, in order; what is gone does not") {
  VirtualEnvironment world(1);
  std::vector<int> log;
  Recorder one(log, 1), two(log, 2);
  auto gone = std::make_unique<Recorder>(log, 99);
  Recorder three(log, 3);
  two.environment = &world;
  two.next = &three;
  world.AtTurnEnd(*gone);
  world.AtTurnEnd(one);
  world.AtTurnEnd(two);
  world.AtTurnEnd(one);
  gone.reset();
  CHECK(log.empty());
  CHECK(world.Step());
  CHECK(log == std::vector<int>{1, 2, 3});
  CHECK_FALSE(world.Step());
}

TEST_CASE(
    "environment: a loop's turn ends before it waits, and whoever goes on forever lets it turn") {
  uv_loop_t loop;
  REQUIRE(uv_loop_init(&loop) == 0);
  {
    LoopEnvironment environment(&loop);
    std::vector<int> log;
    Recorder restless(log, 1);
    restless.environment = &environment;
    restless.next = &restless;
    environment.AtTurnEnd(restless);
    bool rang = false;
    const auto timer = environment.After(2'000'000, [&] {
      rang = true;
      restless.next = nullptr;
    });
    const int64_t from = environment.NowNs();
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(rang);
    CHECK(environment.NowNs() - from >= 2'000'000);
    CHECK(log.size() > 4);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&loop) == 0);
}

}  // namespace vesicle
