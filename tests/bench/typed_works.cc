#include "tests/bench/typed_works.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "vm/native/task/task.h"

namespace vesicle::bench {
namespace {

constexpr int64_t kActors = 100;
constexpr int kRounds = 5;

class Link {
 public:
  void Join(ActorRef<Link> next) { next_ = std::move(next); }
  void Pass(int64_t left) {
    if (left > 0) next_.Tell(&Link::Pass, left - 1);
  }
  int64_t Get() { return 1; }
  Task<int64_t> AskAll(int64_t times) {
    int64_t sum = 0;
    for (int64_t i = 0; i < times; ++i) sum += *co_await next_.Ask(&Link::Get);
    co_return sum;
  }

 private:
  ActorRef<Link> next_;
};

// Asks all of them, and waits until each has answered.
class Boss {
 public:
  explicit Boss(std::vector<ActorRef<Link>> all) : all_(std::move(all)) {}
  Task<int64_t> AskAll(int64_t rounds) {
    int64_t sum = 0;
    for (; rounds > 0; --rounds) {
      std::vector<Asked<int64_t>> asked;
      for (const ActorRef<Link>& one : all_) asked.push_back(one.Ask(&Link::Get));
      for (Asked<int64_t>& one : asked) sum += *co_await std::move(one);
    }
    co_return sum;
  }

 private:
  std::vector<ActorRef<Link>> all_;
};

class Maker {
 public:
  void Make(Context& context, int64_t left) {
    // In portions: nothing is collected within a turn.
    const int64_t n = std::min<int64_t>(left, 1000);
    for (int64_t i = 0; i < n; ++i) context.Spawn<Link>().Tell(&Link::Pass, 0);
    if (left > n) context.self<Maker>().Tell(&Maker::Make, left - n);
  }
};

template <typename Fn>
double PerNs(int64_t count, Fn fn) {
  const auto from = std::chrono::steady_clock::now();
  fn();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - from;
  return took.count() / static_cast<double>(count);
}

double NativeSends(int64_t messages) {
  Vm vm;
  const Definition link = vm.Define("link", 1, [](Turn& turn) {
    const int64_t left = *Int64Of(turn.message());
    if (left > 0) turn.Send(turn.capture(0), turn.Int(left - 1));
  });
  const Definition blank =
      vm.Define("blank", 0, [&](Turn& turn) { turn.Become(link, {turn.message()}); });
  std::vector<Root> all;
  for (int64_t i = 0; i < kActors; ++i) all.push_back(vm.Create(blank, {}));
  for (size_t i = 0; i < all.size(); ++i) vm.Send(all[i], all[(i + 1) % all.size()].value());
  vm.Run();
  return PerNs(messages, [&] {
    vm.Send(all[0], vm.Int(messages));
    vm.Run();
  });
}

struct Ring {
  Ring() {
    for (int64_t i = 0; i < kActors; ++i) all.push_back(vm.Spawn<Link>());
    for (size_t i = 0; i < all.size(); ++i) all[i].Tell(&Link::Join, all[(i + 1) % all.size()]);
    vm.Run();
  }
  double Tells(int64_t messages) {
    return PerNs(messages, [&] {
      all[0].Tell(&Link::Pass, messages);
      vm.Run();
    });
  }
  template <typename T>
  double Asks(const ActorRef<T>& asker, int64_t times, int64_t questions) {
    int64_t sum = 0;
    const double per = PerNs(questions, [&] {
      asker.Ask(&T::AskAll, times).Then([&](absl::StatusOr<int64_t> n) { sum = *n; });
      vm.Run();
    });
    VESICLE_CHECK(sum == questions);
    return per;
  }
  Vm vm;
  std::vector<ActorRef<Link>> all;
};

double Spawns(int64_t actors) {
  Vm vm;
  const ActorRef<Maker> maker = vm.Spawn<Maker>();
  vm.Run();
  return PerNs(actors, [&] {
    maker.Tell(&Maker::Make, actors);
    vm.Run();
  });
}

double Median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

}  // namespace

TypedFigures MeasureTyped(int64_t messages) {
  const int64_t asks = messages / 10;
  std::vector<double> send, tell, ask, fan, spawn, tell_x, ask_x;
  for (int round = 0; round < kRounds; ++round) {
    Ring ring;
    send.push_back(NativeSends(messages));
    tell.push_back(ring.Tells(messages));
    ask.push_back(ring.Asks(ring.all[0], asks, asks));
    const ActorRef<Boss> boss = ring.vm.Spawn<Boss>(ring.all);
    fan.push_back(ring.Asks(boss, asks / kActors, asks / kActors * kActors));
    spawn.push_back(Spawns(asks));
    tell_x.push_back(tell.back() / send.back());
    ask_x.push_back(ask.back() / send.back());
  }
  return {Median(send),  Median(tell),   Median(ask),  Median(fan),
          Median(spawn), Median(tell_x), Median(ask_x)};
}

}  // namespace vesicle::bench
