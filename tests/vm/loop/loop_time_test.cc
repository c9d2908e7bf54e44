// The time of typed actors on an event loop.
#include "vm/loop/loop_time.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>

#include "vm/native/task/task.h"

namespace vesicle {
namespace {

using std::chrono_literals::operator""ms;

class Sleeper {
 public:
  Task<void> Nap() { co_await Sleep(20ms); }
  Promise<void> Never(Context& context) {
    auto [promise, resolver] = context.MakePromise<void>();
    kept_ = std::move(resolver);
    return promise;
  }
  Resolver<void> kept_;
};

TEST_CASE("loop time: Run stays for sleeps and deadlines, and no longer") {
  Vm vm;
  auto loop = *VmLoop::Create(vm);
  LoopTime time(*loop);
  const ActorRef<Sleeper> a = vm.Spawn<Sleeper>();
  std::string nap = "no", never = "no";
  const auto from = std::chrono::steady_clock::now();
  a.Ask(&Sleeper::Nap).Then([&](const absl::Status& s) { nap = s.ToString(); });
  a.Ask(&Sleeper::Never).Within(10ms).Then([&](const absl::Status& s) {
    never = absl::StatusCodeToString(s.code());
  });
  loop->Run();
  CHECK(nap == "OK");
  CHECK(never == "DEADLINE_EXCEEDED");
  CHECK(std::chrono::steady_clock::now() - from >= 20ms);
}

TEST_CASE("loop time: a VM goes with deadlines under way, whichever goes first") {
  for (const bool loop_first : {true, false}) {
    Vm vm;
    auto loop = *VmLoop::Create(vm);
    auto time = std::make_unique<LoopTime>(*loop);
    const ActorRef<Sleeper> a = vm.Spawn<Sleeper>();
    a.Tell(&Sleeper::Nap);
    vm.Run();
    CHECK(vm.actors().alarms().size() == 1);
    if (loop_first) loop.reset();
    time.reset();
    loop.reset();
  }
}

}  // namespace
}  // namespace vesicle
