#include <functional>

#include "tests/bench/works.h"
#include "vm/native/vm.h"

namespace vesicle::bench {
namespace {

int64_t IntOf(Turn& turn) { return Int64Of(turn.message()).value(); }
Root Keep(Turn& turn, Value value) { return Root(turn.core().heap(), value); }

NativeBehavior Link(Root next) {
  return [next = std::move(next)](Turn& turn) { turn.Send(next.value(), turn.message()); };
}

NativeBehavior Gate(Root first) {
  return [first = std::move(first)](Turn& turn) {
    const int64_t laps = IntOf(turn);
    if (laps > 1) turn.Send(first.value(), turn.Int(laps - 1));
  };
}

NativeBehavior Builder(int64_t left) {
  return [left](Turn& turn) {
    const Value first = turn.message();
    if (left == 1) return turn.Become(Gate(Keep(turn, first)));
    const Value next = turn.Create(Builder(left - 1));
    turn.Send(next, first);
    turn.Become(Link(Keep(turn, next)));
  };
}

NativeBehavior BurstSender(Root counter) {
  return [counter = std::move(counter)](Turn& turn) {
    const int64_t n = IntOf(turn);
    for (int64_t i = 0; i < n; ++i) turn.Send(counter.value(), turn.Int(i));
  };
}

NativeBehavior PacedSender(Root counter) {
  return [counter = std::move(counter)](Turn& turn) {
    const int64_t n = IntOf(turn);
    if (n == 0) return;
    turn.Send(counter.value(), turn.message());
    turn.Send(turn.self(), turn.Int(n - 1));
  };
}

class NativeWorks final : public Works {
 public:
  void BuildRing(int64_t actors, Linking linking) override {
    if (linking == Linking::kInOrder) {
      first_ = vm_.Create(Builder(actors));
      vm_.Send(first_, first_.value());
      return vm_.Run();
    }
    // Made in order; each becomes a link when it is told the next one.
    std::vector<Root> all;
    for (int64_t i = 0; i < actors; ++i) {
      all.push_back(vm_.Create([](Turn& turn) { turn.Become(Link(Keep(turn, turn.message()))); }));
    }
    const std::vector<int64_t> order = ShuffledIndices(actors);
    const auto at = [&](size_t i) -> Root& { return all[static_cast<size_t>(order[i])]; };
    first_ = at(0);
    // The one before the gate learns of it like the others, so the gate comes on top.
    const Root gate = vm_.Create(Gate(first_));
    for (size_t i = 0; i + 1 < order.size(); ++i) vm_.Send(at(i), at(i + 1).value());
    vm_.Send(at(order.size() - 1), gate.value());
    vm_.Run();
  }

  void Laps(int64_t laps) override {
    vm_.Send(first_, vm_.Int(laps));
    vm_.Run();
  }

  void Burst(int64_t senders, int64_t messages) override { FanIn(BurstSender, senders, messages); }
  void Paced(int64_t senders, int64_t messages) override { FanIn(PacedSender, senders, messages); }

  void Create(int64_t actors) override {
    // All share one function: what differs between actors of C++ is what their functions capture.
    const Root once(vm_.core().heap(),
                    MakeNativeBehavior(vm_.core(), "once", [](Turn&) { /* and that was it */ }));
    const Root maker = vm_.Create([&](Turn& turn) {
      for (int64_t i = 0; i < actors; ++i) turn.Send(turn.Create(once.value()), turn.Int(i));
    });
    vm_.Send(maker, Value::Nil());
    vm_.Run();
  }

  void Fill(int64_t actors) override {
    for (int64_t i = 0; i < actors; ++i) {
      first_ = vm_.Create([before = std::move(first_)](Turn&) {});
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
  void FanIn(NativeBehavior (*sender)(Root), int64_t senders, int64_t messages) {
    int64_t left = senders * messages;
    const Root counter = vm_.Create([&left](Turn&) { --left; });
    for (int64_t i = 0; i < senders; ++i) vm_.Send(vm_.Create(sender(counter)), vm_.Int(messages));
    vm_.Run();
    VESICLE_CHECK(left == 0);
  }

  Vm vm_{{.memory_bytes_max = uint64_t{16} << 30}};
  Root first_;
};

}  // namespace

std::unique_ptr<Works> MakeNativeWorks() { return std::make_unique<NativeWorks>(); }

}  // namespace vesicle::bench
