// Typed actors beside native behaviors: what a tell and an ask cost.
#include <benchmark/benchmark.h>

#include <utility>
#include <vector>

#include "tests/bench/per.h"
#include "vm/native/task/task.h"

namespace vesicle::bench {
namespace {

constexpr int64_t kActors = 100;
constexpr int64_t kLaps = 1000;

class Link {
 public:
  void Join(ActorRef<Link> next) { next_ = std::move(next); }
  void Pass(int64_t left) {
    if (left > 0) next_.Tell(&Link::Pass, left - 1);
  }
  int64_t Get() { return 1; }
  // So many questions, one after the other.
  Task<int64_t> AskAll(int64_t times) {
    int64_t sum = 0;
    for (int64_t i = 0; i < times; ++i) {
      const absl::StatusOr<int64_t> one = co_await next_.Ask(&Link::Get);
      sum += *one;
    }
    co_return sum;
  }

 private:
  ActorRef<Link> next_;
};

void TypedTell(benchmark::State& state) {
  Vm vm;
  std::vector<ActorRef<Link>> all;
  for (int64_t i = 0; i < kActors; ++i) all.push_back(vm.Spawn<Link>());
  for (size_t i = 0; i < all.size(); ++i) all[i].Tell(&Link::Join, all[(i + 1) % all.size()]);
  vm.Run();
  for (auto _ : state) {
    all[0].Tell(&Link::Pass, kActors * kLaps);
    vm.Run();
  }
  Per(state, "hop", kActors * kLaps);
}
BENCHMARK(TypedTell)->Unit(benchmark::kMillisecond);

// The same with native behaviors, which each have a ref and pass a number on.
void NativeTell(benchmark::State& state) {
  Vm vm;
  const Definition link = vm.Define("link", 1, [&](Turn& turn) {
    if (turn.capture(0).is_nil()) return;
    const int64_t left = *Int64Of(turn.message());
    if (left > 0) turn.Send(turn.capture(0), turn.Int(left - 1));
  });
  const Definition blank =
      vm.Define("blank", 0, [&](Turn& turn) { turn.Become(link, {turn.message()}); });
  std::vector<Root> all;
  for (int64_t i = 0; i < kActors; ++i) all.push_back(vm.Create(blank, {}));
  for (size_t i = 0; i < all.size(); ++i) vm.Send(all[i], all[(i + 1) % all.size()].value());
  vm.Run();
  for (auto _ : state) {
    vm.Send(all[0], vm.Int(kActors * kLaps));
    vm.Run();
  }
  Per(state, "hop", kActors * kLaps);
}
BENCHMARK(NativeTell)->Unit(benchmark::kMillisecond);

void TypedAsk(benchmark::State& state) {
  constexpr int64_t kAsks = 100'000;
  Vm vm;
  const ActorRef<Link> a = vm.Spawn<Link>(), b = vm.Spawn<Link>();
  a.Tell(&Link::Join, b);
  int64_t sum = 0;
  for (auto _ : state) {
    a.Ask(&Link::AskAll, kAsks).Then([&](absl::StatusOr<int64_t> n) { sum += *n; });
    vm.Run();
  }
  VESICLE_CHECK(sum > 0 && sum % kAsks == 0);
  Per(state, "ask", kAsks);
}
BENCHMARK(TypedAsk)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vesicle::bench
