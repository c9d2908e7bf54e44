#include <algorithm>
#include <functional>

#include "tests/bench/works.h"
#include "vm/native/vm.h"

namespace vesicle::bench {
namespace {

int64_t IntOf(Turn& turn) { return Int64Of(turn.message()).value(); }

class NativeWorks final : public Works {
 public:
  void BuildRing(int64_t actors, Linking linking) override {
    if (linking == Linking::kInOrder) {
      first_ = vm_.Create(builder_, {vm_.Int(actors)});
      vm_.Send(first_, first_.value());
      return vm_.Run();
    }
    // Made in order; each becomes a link when it is told the next one.
    const Definition blank =
        vm_.Define("blank", 0, [this](Turn& turn) { turn.Become(link_, {turn.message()}); });
    std::vector<Root> all;
    for (int64_t i = 0; i < actors; ++i) all.push_back(vm_.Create(blank, {}));
    const std::vector<int64_t> order = ShuffledIndices(actors);
    const auto at = [&](size_t i) -> Root& { return all[static_cast<size_t>(order[i])]; };
    first_ = at(0);
    // The one before the gate learns of it like the others, so the gate comes on top.
    const Root gate = vm_.Create(gate_, {first_.value()});
    for (size_t i = 0; i + 1 < order.size(); ++i) vm_.Send(at(i), at(i + 1).value());
    vm_.Send(at(order.size() - 1), gate.value());
    vm_.Run();
  }

  void Laps(int64_t laps) override {
    vm_.Send(first_, vm_.Int(laps));
    vm_.Run();
  }

  void Burst(int64_t senders, int64_t messages) override { FanIn(burst_, senders, messages); }
  void Paced(int64_t senders, int64_t messages) override { FanIn(paced_, senders, messages); }

  void Create(int64_t actors) override {
    // In portions, as a native turn cannot be cut short, nor collected in.
    const Root maker = vm_.Create([&](Turn& turn) {
      const int64_t left = IntOf(turn);
      const int64_t n = std::min<int64_t>(left, 1000);
      for (int64_t i = 0; i < n; ++i) turn.Send(turn.Create(once_, {}), turn.Int(i));
      if (left > n) turn.Send(turn.self(), turn.Int(left - n));
    });
    vm_.Send(maker, vm_.Int(actors));
    vm_.Run();
  }

  void Fill(int64_t actors) override {
    const Definition idle = vm_.Define("idle", 1, [](Turn&) {});
    for (int64_t i = 0; i < actors; ++i) {
      first_ = vm_.Create(idle, {first_.value()});
      if (i % 1000 == 0) vm_.Run();  // a safe point
    }
    vm_.Run();
  }

  void PingPong(int64_t messages) override {
    Root a, b;
    const auto player = [](Root& other) {
      return [&other](Turn& turn) {
        const int64_t n = IntOf(turn);
        if (n > 0) turn.Send(other.value(), turn.Int(n - 1));
      };
    };
    a = vm_.Create(player(b));
    b = vm_.Create(player(a));
    vm_.Send(a, vm_.Int(messages));
    vm_.Run();
  }

 private:
  void FanIn(const Definition& sender, int64_t senders, int64_t messages) {
    int64_t left = senders * messages;
    const Root counter = vm_.Create([&left](Turn&) { --left; });
    for (int64_t i = 0; i < senders; ++i) {
      vm_.Send(vm_.Create(sender, {counter.value()}), vm_.Int(messages));
    }
    vm_.Run();
    VESICLE_CHECK(left == 0);
  }

  Vm vm_{{.memory_bytes_max = uint64_t{16} << 30}};
  const Definition link_ =
      vm_.Define("link", 1, [](Turn& turn) { turn.Send(turn.capture(0), turn.message()); });
  const Definition gate_ = vm_.Define("gate", 1, [](Turn& turn) {
    const int64_t laps = IntOf(turn);
    if (laps > 1) turn.Send(turn.capture(0), turn.Int(laps - 1));
  });
  const Definition builder_ = vm_.Define("builder", 1, [this](Turn& turn) {
    const Value first = turn.message();
    const int64_t left = Int64Of(turn.capture(0)).value();
    if (left == 1) return turn.Become(gate_, {first});
    const Value next = turn.Create(builder_, {turn.Int(left - 1)});
    turn.Send(next, first);
    turn.Become(link_, {next});
  });
  const Definition burst_ = vm_.Define("burst", 1, [](Turn& turn) {
    const int64_t n = IntOf(turn);
    for (int64_t i = 0; i < n; ++i) turn.Send(turn.capture(0), turn.Int(i));
  });
  const Definition paced_ = vm_.Define("paced", 1, [](Turn& turn) {
    const int64_t n = IntOf(turn);
    if (n == 0) return;
    turn.Send(turn.capture(0), turn.message());
    turn.Send(turn.self(), turn.Int(n - 1));
  });
  const Definition once_ = vm_.Define("once", 0, [](Turn&) { /* and that was it */ });
  Root first_;
};

}  // namespace

std::unique_ptr<Works> MakeNativeWorks() { return std::make_unique<NativeWorks>(); }

}  // namespace vesicle::bench
