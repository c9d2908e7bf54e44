#include <doctest/doctest.h>

#include <chrono>

#include "tests/vm/loop/fixture.h"
#include "vm/loop/devices.h"

namespace vesicle {
namespace {

double Ms(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since)
      .count();
}

}  // namespace

TEST_CASE("timer: never early") {
  World world;
  const Root timer = MakeTimer(*world.loop);
  for (const double ms : {0.0, 0.4, 1.0, 2.5, 10.0}) {
    const auto start = std::chrono::steady_clock::now();
    CHECK(world.Ask(timer, world.vm.Tagged("after", ms)) == "nil");
    CHECK(Ms(start) >= ms);
  }
}

TEST_CASE("timer: by time, and by order of asking where the times are the same") {
  World world;
  const Root timer = MakeTimer(*world.loop);
  std::string order;
  int number = 0;
  for (const int ms : {30, 10, 20, 10, 10}) {
    world.vm.Ask(timer, world.vm.Tagged("sleep", ms),
                 [&order, n = number++](const Reply&) { order += std::to_string(n); });
  }
  world.loop->Run();
  CHECK(order == "13420");
}

TEST_CASE("timer: #start sends once, #cancel stops it") {
  World world;
  Vm& vm = world.vm;
  const Root timer = MakeTimer(*world.loop);
  std::string got;
  const Root target = vm.Create([&](Turn& turn) { got += Print(turn.message()); });
  const Root first = world.AskValue(timer, vm.Tagged("start", 1, target.value(), "one"));
  CHECK(got == "\"one\"");
  CHECK(world.Ask(first, vm.Symbol("cancel")) == "false");
  Root second;
  vm.Ask(timer, vm.Tagged("start", 100'000, target.value(), "two"), [&](const Reply& reply) {
    second = Root(vm.core().heap(), reply.value());
    vm.Ask(second, vm.Symbol("cancel"),
           [&](const Reply& cancelled) { got += Print(cancelled.value()); });
  });
  world.loop->Run();  // returns: the timer no longer runs
  CHECK(got == "\"one\"true");
}

TEST_CASE("timer: #every sends until it is cancelled") {
  World world;
  Vm& vm = world.vm;
  const Root timer = MakeTimer(*world.loop);
  int ticks = 0;
  Root cancel;
  const Root target = vm.Create([&](Turn& turn) {
    CHECK(Print(turn.message()) == "#tick");
    if (++ticks == 3) turn.Send(cancel.value(), turn.Symbol("cancel"));
  });
  vm.Ask(timer, vm.Tagged("every", 2, target.value()),
         [&](const Reply& reply) { cancel = Root(vm.core().heap(), reply.value()); });
  world.loop->Run();
  CHECK(ticks == 3);
}

TEST_CASE("timer: the timeout of an await that is over keeps nobody up and takes no room") {
  World world;
  Vm& vm = world.vm;
  const Root timer = MakeTimer(*world.loop, {.timers_max = 100});
  const absl::StatusOr<Module> module = vm.Load("t.ves", R"(
behavior echo { m => m }
behavior main { #start(timer) => task {
  let e = create echo
  for i in 1..1000 { await e <- i within 100_000 of timer }
  await promise()[0] within 5 of timer else { why => why }
} })");
  REQUIRE(module.ok());
  const Root main = vm.Create(module->Behavior("main"));
  const auto start = std::chrono::steady_clock::now();
  CHECK(world.Ask(main, vm.Tagged("start", timer.value())) == "#timeout");
  CHECK(Ms(start) < 50'000);  // what it would wait for otherwise is twice as long
}

TEST_CASE("timer: refusals say what is wanted") {
  World world;
  Vm& vm = world.vm;
  const Root timer = MakeTimer(*world.loop, {.timers_max = 1});
  CHECK(world.Ask(timer, vm.Tagged("after", -1)) ==
        "broken: #type(\"a timer wants milliseconds, 0 to 10^12\")");
  CHECK(world.Ask(timer, vm.Tagged("after", 1e13)) ==
        "broken: #type(\"a timer wants milliseconds, 0 to 10^12\")");
  CHECK(world.Ask(timer, vm.Tagged("after", "soon")) ==
        "broken: #type(\"a timer wants milliseconds, 0 to 10^12\")");
  CHECK(world.Ask(timer, vm.Tagged("every", 0, timer.value())) ==
        "broken: #type(\"a timer wants milliseconds, 1 to 10^12\")");
  CHECK(world.Ask(timer, vm.Tagged("every", 5, 5)) ==
        "broken: #type(\"a timer wants a ref to send to as its second field\")");
  vm.Ask(timer, vm.Tagged("after", 5), [](const Reply&) {});
  CHECK(world.Ask(timer, vm.Tagged("after", 5)) == "broken: #full(\"1 timers run already\")");
}

TEST_CASE("clock: nanoseconds, and the monotonic one never goes back") {
  World world;
  const Root clock = MakeClock(world.vm);
  const int64_t now = *Int64Of(world.AskValue(clock, world.vm.Symbol("now")).value());
  CHECK(now > int64_t{1'700'000'000} * 1'000'000'000);
  int64_t before = 0;
  for (int i = 0; i < 100; ++i) {
    const int64_t t = *Int64Of(world.AskValue(clock, world.vm.Symbol("monotonic")).value());
    CHECK(t >= before);
    before = t;
  }
}

}  // namespace vesicle
