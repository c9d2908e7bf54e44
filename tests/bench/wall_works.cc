#include "tests/bench/wall_works.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <span>
#include <utility>

#include "membrane/membrane.h"
#include "tests/bench/collector.h"
#include "tests/bench/script.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"

namespace vesicle::bench {
namespace {

constexpr int64_t kInOneTurn = 1000;

int64_t IntOf(Turn& turn) { return Int64Of(turn.message()).value(); }

MembraneOptions OptionsOf(Vm& vm, Wall wall) {
  MembraneOptions options;
  if (wall == Wall::kUnrecorded) options.audit_records = 0;
  if (wall == Wall::kRules) {
    options.inward = vm.Tagged("allow_tags", vm.List({vm.Symbol("get"), vm.Symbol("note")}));
  }
  return options;
}

Membrane MakeWall(Vm& vm, const MembraneOptions& options) {
  absl::StatusOr<Membrane> wall = Membrane::Create(vm.core(), options);
  VESICLE_CHECK(wall.ok());
  return *std::move(wall);
}

// The revoke, and slices such as VmLoop's until nothing is left to do.
RevokeFigures TimeRevoke(Vm& vm, const std::function<void()>& revoke) {
  vm.core().heap().Collect(Heap::Scope::kFull);  // the mark that making them began is not its cost
  RevokeFigures figures;
  const auto timed = [&](const std::function<void()>& piece) {
    const int64_t from = ThreadNs();
    piece();
    const double ms = static_cast<double>(ThreadNs() - from) / 1e6;
    figures.total_ms += ms;
    figures.longest_ms = std::max(figures.longest_ms, ms);
  };
  timed(revoke);
  for (bool more = true; more;) {
    timed([&] { more = vm.RunSlice(VmLoop::Options().slice_steps); });
  }
  return figures;
}

class NativeWallWorks final : public WallWorks {
 public:
  explicit NativeWallWorks(Wall wall) {
    const Root desk = vm_.Create([](Turn& turn) {
      if (turn.is_asked()) turn.Reply(turn.Int(1));
    });
    seen_ = desk;
    if (wall == Wall::kNone) return;
    MembraneOptions options = OptionsOf(vm_, wall);
    const Root sink = vm_.Create([](Turn&) { /* the record is dropped */ });
    if (wall == Wall::kSink) options.sink = sink.value();
    seen_ =
        Root(vm_.core().heap(), MakeWall(vm_, options).Pass(desk.value(), Direction::kOut).value());
  }

  void Tell(int64_t messages) override {
    Portions(messages, [this](Turn& turn, int64_t n) {
      for (int64_t i = 0; i < n; ++i) turn.Send(seen_.value(), Tagged(note_, {turn.Int(i)}));
    });
  }
  void TellRefs(int64_t messages) override {
    Portions(messages, [this](Turn& turn, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        turn.Send(seen_.value(), Tagged(meet_, {a_.value(), b_.value()}));
      }
    });
  }
  void Ask(int64_t messages) override { Asks(messages, false); }
  void AskRefs(int64_t messages) override { Asks(messages, true); }
  void Cross(int64_t refs) override {
    Portions(refs, [this](Turn& turn, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        turn.Send(seen_.value(), Tagged(take_, {turn.Create(guest_, {turn.Int(i)})}));
      }
    });
  }
  RevokeFigures Revoke(int64_t proxies) override {
    Membrane wall = MakeWall(vm_, OptionsOf(vm_, Wall::kPlain));
    std::vector<Root> held;
    for (int64_t i = 0; i < proxies; ++i) {
      const Root guest = vm_.Create(guest_, {vm_.Int(i)});
      held.emplace_back(vm_.core().heap(), wall.Pass(guest.value(), Direction::kOut).value());
      if (i % kInOneTurn == 0) vm_.Run();  // a safe point
    }
    vm_.Run();
    return TimeRevoke(vm_, [&] { wall.Revoke(); });
  }

 private:
  Value Tagged(const Root& tag, std::initializer_list<Value> fields) {
    return MakeTagged(vm_.core().heap(), tag.value(), std::span(fields.begin(), fields.size()))
        .value();
  }
  // A visitor does so much of it a turn, as a native turn cannot be cut short.
  template <typename Fn>
  void Portions(int64_t all, Fn portion) {
    const Root visitor = vm_.Create([&](Turn& turn) {
      const int64_t left = IntOf(turn);
      const int64_t n = std::min(left, kInOneTurn);
      portion(turn, n);
      if (left > n) turn.Send(turn.self(), turn.Int(left - n));
    });
    vm_.Send(visitor, vm_.Int(all));
    vm_.Run();
  }
  void Asks(int64_t messages, bool with_refs) {
    int64_t left = messages;
    std::function<void(Turn&)> next = [&](Turn& turn) {
      if (left-- == 0) return;
      const Value message = with_refs ? Tagged(meet_, {a_.value(), b_.value()}) : get_.value();
      turn.When(turn.Ask(seen_.value(), message), [&next](Turn& then) { next(then); });
    };
    const Root visitor = vm_.Create([&next](Turn& turn) { next(turn); });
    vm_.Send(visitor, vm_.Nil());
    vm_.Run();
    VESICLE_CHECK(left == -1);
  }

  Vm vm_{{.memory_bytes_max = uint64_t{16} << 30}};
  const Definition guest_ = vm_.Define("guest", 1, [](Turn&) { /* it is only there */ });
  Root Kept(Value value) { return Root(vm_.core().heap(), value); }
  const Root note_ = Kept(vm_.Symbol("note")), meet_ = Kept(vm_.Symbol("meet"));
  const Root take_ = Kept(vm_.Symbol("take")), get_ = Kept(vm_.Symbol("get"));
  const Root a_ = vm_.Create(guest_, {vm_.Int(1)}), b_ = vm_.Create(guest_, {vm_.Int(2)});
  Root seen_;
};

// programs/walls.ves
class ScriptWallWorks final : public WallWorks {
 public:
  explicit ScriptWallWorks(Wall wall) : visitor_(script_.Ask(Message(wall))) {}

  void Tell(int64_t messages) override { Do("tell", messages); }
  void TellRefs(int64_t messages) override { Do("refs", messages); }
  void Ask(int64_t messages) override { Do("ask", messages); }
  void AskRefs(int64_t messages) override { Do("ask_refs", messages); }
  void Cross(int64_t refs) override { Do("cross", refs); }
  RevokeFigures Revoke(int64_t proxies) override {
    const Root holder = script_.Ask(vm().Tagged("held", proxies));
    vm().Run();
    return TimeRevoke(vm(), [&] { vm().Send(holder, vm().Symbol("revoke")); });
  }

 private:
  Vm& vm() { return script_.vm(); }
  void Do(const char* what, int64_t size) { script_.Ask(visitor_, vm().Tagged(what, size)); }
  Value Message(Wall wall) {
    const MembraneOptions options = OptionsOf(vm(), wall);
    switch (wall) {
      case Wall::kNone:
        return vm().Tagged("visitor", vm().Nil());
      case Wall::kUnrecorded:
        return vm().Tagged("visitor", vm().Map({{"audit", vm().Int(0)}}));
      case Wall::kPlain:
        return vm().Tagged("visitor", vm().Map({}));
      case Wall::kRules:
        return vm().Tagged("visitor", vm().Map({{"inward", options.inward}}));
      case Wall::kSink:
        break;
    }
    return vm().Tagged("visitor",
                       vm().Map({{"sink", vm().Create([](Turn&) { /* dropped */ }).value()}}));
  }

  Script script_{"walls"};
  Root visitor_;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

std::unique_ptr<WallWorks> MakeNativeWallWorks(Wall wall) {
  return std::make_unique<NativeWallWorks>(wall);
}
std::unique_ptr<WallWorks> MakeScriptWallWorks(Wall wall) {
  return std::make_unique<ScriptWallWorks>(wall);
}

Pair MeasurePair(Kernel kernel, const PairOf& of, int64_t messages) {
  const std::unique_ptr<WallWorks> first = MakeWallWorks(kernel, of.first);
  const std::unique_ptr<WallWorks> second = MakeWallWorks(kernel, of.second);
  std::vector<double> firsts, seconds, times, more;
  const auto timed = [&](WallWorks& works) {
    const int64_t from = ThreadNs();
    (works.*of.work)(messages);
    return static_cast<double>(ThreadNs() - from) / static_cast<double>(messages);
  };
  timed(*first);
  timed(*second);
  for (int i = 0; i < kPairRounds; ++i) {
    firsts.push_back(timed(*first));
    seconds.push_back(timed(*second));
    times.push_back(seconds.back() / firsts.back());
    more.push_back(seconds.back() - firsts.back());
  }
  return {Median(firsts), Median(seconds), Median(times), Median(more)};
}

}  // namespace vesicle::bench
