// The wire between behaviors in C++: what wire.ves does, over plain TCP.
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include "tests/bench/wire.h"
#include "vm/loop/vm_loop.h"
#include "vm/value/tagged.h"

namespace vesicle::bench {
namespace {

constexpr std::string_view kText =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
// Told before somebody asks whether it has come; two of these are under way.
constexpr int64_t kWindow = 10'000;

// A VM on a loop and a network of its own.
struct Place {
  Place()
      : loop(Checked(VmLoop::Create(vm))),
        environment(loop->uv()),
        peer(vm, environment, /*is_tls=*/false) {}
  template <typename T>
  static T Checked(absl::StatusOr<T> made) {
    VESICLE_CHECK(made.ok());
    return *std::move(made);
  }
  Vm vm;
  std::unique_ptr<VmLoop> loop;
  LoopEnvironment environment;
  WirePeer peer;
};

[[noreturn]] void ServeDesk(int locator_to) {
  Place place;
  VESICLE_CHECK(place.peer.network->Listen("127.0.0.1:0").ok());
  const Root echo(place.vm.core().heap(), place.vm.Symbol("echo"));
  const Root itself(place.vm.core().heap(), place.vm.Symbol("itself"));
  const Root desk = place.vm.Create([&](Turn& turn) {
    const Value m = turn.message();
    if (m == itself.value()) return turn.Reply(turn.self());
    if (IsTagged(m) && TagOf(m) == echo.value()) turn.Reply(FieldsOf(m)[0]);
  });
  const std::string text = PrintLocator(place.peer.network->Offer(desk.value()));
  VESICLE_CHECK(write(locator_to, text.c_str(), text.size() + 1) > 0);
  const VmLoop::Hold hold(*place.loop);
  place.loop->Run();
  std::_Exit(0);
}

// Exchanges with the desk, each begun in a turn; `go_on` runs when one was answered.
class Client {
 public:
  Client(Place& place, Value desk) : place_(place), desk_(place.vm.core().heap(), desk) {}

  // Nanoseconds each of `count`, with so many under way.
  double NsOfEach(int64_t count, int64_t under_way, std::function<Value(Turn&)> ask) {
    ask_ = std::move(ask);
    left_ = count;
    answers_due_ = count;
    const Root starter = place_.vm.Create([&](Turn& turn) {
      for (int64_t i = 0; i < under_way; ++i) Next(turn);
    });
    const uint64_t from = uv_hrtime();
    place_.vm.Send(starter, Value::Nil());
    place_.loop->Run();
    VESICLE_CHECK(answers_due_ == 0);
    return static_cast<double>(uv_hrtime() - from) / static_cast<double>(count);
  }

  Value Echo(Turn& turn) { return turn.Ask(desk_.value(), turn.Tagged("echo", kText)); }
  Value EchoOfItself(Turn& turn) {
    const Value itself = turn.Ask(desk_.value(), turn.Symbol("itself"));
    return turn.Ask(itself, turn.Tagged("echo", kText));
  }
  // A window of messages, and an ask behind them.
  Value Notes(Turn& turn) {
    for (int64_t i = 0; i < kWindow; ++i) turn.Send(desk_.value(), turn.Tagged("note", kText));
    return turn.Ask(desk_.value(), turn.Tagged("echo", Value::Nil()));
  }

 private:
  void Next(Turn& turn) {
    if (left_ == 0) return;
    --left_;
    turn.When(ask_(turn), [this](Turn& then) {
      VESICLE_CHECK(!then.is_broken());
      if (--answers_due_ == 0) return place_.loop->Stop();
      Next(then);
    });
  }

  Place& place_;
  Root desk_;
  std::function<Value(Turn&)> ask_;
  int64_t left_ = 0;
  int64_t answers_due_ = 0;
};

}  // namespace

void NativeWire(int64_t n) {
  int pipe_ends[2];
  Must(pipe(pipe_ends));
  const pid_t child = fork();
  VESICLE_CHECK(child >= 0);
  if (child == 0) ServeDesk(pipe_ends[1]);
  char text[1024] = {};
  VESICLE_CHECK(read(pipe_ends[0], text, sizeof text) > 0);
  const Locator locator = Place::Checked(ParseLocator(text));
  {
    Place place;
    const VmLoop::Hold hold(*place.loop);
    const Root promise(place.vm.core().heap(), place.vm.core().NewPromise());
    VESICLE_CHECK(place.peer.network->Fetch(locator, promise.value()).ok());
    Root desk;
    const Root waiter = place.vm.Create([&](Turn& turn) {
      turn.When(promise.value(), [&](Turn& then) {
        VESICLE_CHECK(!then.is_broken());
        desk = Root(place.vm.core().heap(), then.message());
        place.loop->Stop();
      });
    });
    place.vm.Send(waiter, Value::Nil());
    place.loop->Run();
    Client client(place, desk.value());
    const auto echo = [&](Turn& turn) { return client.Echo(turn); };
    Result("wire_one_ns", client.NsOfEach(n / 10, 1, echo));
    Result("wire_many_ns", client.NsOfEach(n, kUnderWay, echo));
    const int64_t windows = n * 10 / kWindow;
    Result("wire_tell_ns",
           client.NsOfEach(windows, 2, [&](Turn& turn) { return client.Notes(turn); }) / kWindow);
    Result("wire_chain_ns",
           client.NsOfEach(n, kUnderWay, [&](Turn& turn) { return client.EchoOfItself(turn); }));
  }
  kill(child, SIGTERM);
  waitpid(child, nullptr, 0);
}

}  // namespace vesicle::bench
