// Promises: replies that are asked for, passed on, sent to before they are here, and awaited.
#include "tests/bench/per.h"
#include "tests/bench/script.h"

namespace vesicle::bench {
namespace {

constexpr int64_t kDepth = 100;
constexpr int64_t kRounds = 100;

void Chain(benchmark::State& state, const char* how) {
  Script script("chains");
  for (auto _ : state) script.Ask(script.vm().Tagged(how, kDepth, kRounds));
  Per(state, "link", kDepth * kRounds);
}
BENCHMARK_CAPTURE(Chain, ask_script, "ask")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Chain, delegate_script, "delegate")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Chain, pipeline_script, "pipeline")->Unit(benchmark::kMillisecond);

NativeBehavior Asker(Root next) {
  return [next = std::move(next)](Turn& turn) {
    const Value promise = turn.Ask(next.value(), turn.message());
    turn.When(promise,
              [slot = turn.TakeReply()](Turn& then) mutable { slot.Keep(then.message()); });
  };
}

NativeBehavior Passer(Root next) {
  return [next = std::move(next)](Turn& turn) { turn.Delegate(next.value(), turn.message()); };
}

void NativeChain(benchmark::State& state, NativeBehavior (*link)(Root)) {
  Vm vm;
  Root first = vm.Create([](Turn& turn) { turn.Reply(turn.message()); });
  for (int64_t i = 0; i < kDepth; ++i) first = vm.Create(link(first));
  for (auto _ : state) {
    for (int64_t i = 0; i < kRounds; ++i) {
      bool answered = false;
      vm.Ask(first, vm.Int(i), [&answered](const Reply& reply) { answered = reply.ok(); });
      vm.Run();
      VESICLE_CHECK(answered);
    }
  }
  Per(state, "link", kDepth * kRounds);
}
BENCHMARK_CAPTURE(NativeChain, ask_native, Asker)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(NativeChain, delegate_native, Passer)->Unit(benchmark::kMillisecond);

// Tasks of 1,000 awaits each.
void Tasks(benchmark::State& state) {
  const int64_t tasks = state.range(0);
  constexpr int64_t kAwaits = 1000;
  Script script("tasks");
  for (auto _ : state) script.Ask(script.vm().Tagged("await", tasks, kAwaits));
  Per(state, "await", tasks * kAwaits);
}
BENCHMARK(Tasks)->Arg(1)->Arg(100)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vesicle::bench
