// Sources beside the inbox: each item a turn, their order against messages, faults, and how they
// end.
#include "vm/native/task/attach.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "vm/native/task/channel.h"
#include "vm/native/task/select.h"
#include "vm/native/typed/supervise.h"

namespace vesicle {
namespace {

using std::chrono_literals::operator""ms;
using Log = std::vector<std::string>;
using Priority = AttachOptions::Priority;

// No conversion to a value, cannot be copied, and counted.
struct Parcel {
  Parcel(int n_in, int* alive_in) : n(n_in), alive(alive_in) { ++*alive; }
  Parcel(Parcel&& other) noexcept : n(other.n), alive(other.alive) { ++*alive; }
  Parcel& operator=(Parcel&&) = delete;
  ~Parcel() { --*alive; }
  int n;
  int* alive;
};

class Sink {
 public:
  void Note(int64_t n) { notes_.push_back(n); }
  std::vector<int64_t> Notes() { return notes_; }

 private:
  std::vector<int64_t> notes_;
};

struct Setting {
  ActorRef<Sink> sink;
  Log* log;
  AttachOptions options;
};

class Server {
 public:
  Server(Setting setting, Channel<int64_t> numbers)
      : setting_(std::move(setting)), numbers_(std::move(numbers)) {}

  void OnStart(Context& context) {
    attachment_ = context.Attach(numbers_, &Server::OnNumber, setting_.options);
  }
  void OnNumber(Context& context, int64_t n) {
    log().push_back(absl::StrCat("item ", n));
    setting_.sink.Tell(&Sink::Note, n);
    if (n == 100) throw std::runtime_error("hundred");
    if (n == 200) context.Fail(absl::AbortedError("two hundred"));
    if (n == 300) attachment_.Detach();
    if (n == 400) context.Stop();
    if (n == 500) context.Kill();
    if (n == 600) throw std::runtime_error("and detach");
  }
  void Hello(int64_t n) { log().push_back(absl::StrCat("message ", n)); }
  FaultVerdict OnFault(const Crash& crash) {
    log().push_back(absl::StrCat(crash.method, " ", crash.reason));
    if (crash.reason.find("and detach") != std::string::npos) attachment_.Detach();
    return FaultVerdict::kContinue;
  }
  bool IsAttached() { return attachment_.is_attached(); }

 private:
  Log& log() { return *setting_.log; }
  Setting setting_;
  Channel<int64_t> numbers_;
  Attachment attachment_;
};

struct World {
  explicit World(AttachOptions options = {}, VmOptions vm_options = {}, size_t room = 1000)
      : vm(vm_options), numbers(vm.actors(), room) {
    vm.actors().SetTime(&time);
    sink = vm.Spawn<Sink>();
    server = vm.Spawn<Server>(Setting{sink, &log, std::move(options)}, numbers);
    vm.Run();
  }
  ~World() { vm.actors().SetTime(nullptr); }
  std::string Take() {
    vm.Run();
    const std::string all = absl::StrJoin(log, ", ");
    log.clear();
    return all;
  }
  std::string Notes() {
    std::string notes;
    sink.Ask(&Sink::Notes).Then([&](absl::StatusOr<std::vector<int64_t>> n) {
      notes = absl::StrJoin(*n, " ");
    });
    vm.Run();
    return notes;
  }
  bool IsAttached() {
    bool is = false;
    server.Ask(&Server::IsAttached).Then([&](absl::StatusOr<bool> b) { is = b.ok() && *b; });
    vm.Run();
    return is;
  }
  ManualTime time;
  Log log;
  Vm vm;
  Channel<int64_t> numbers;
  ActorRef<Sink> sink;
  ActorRef<Server> server;
};

TEST_CASE("attach: each item is a turn, whose effects take place") {
  for (const bool always : {false, true}) {
    VmOptions options;
    options.heap.collect_at_every_safe_point = always;
    World w({}, options);
    const uint64_t turns = w.vm.core().stats().turns;
    for (int64_t i = 0; i < 20; ++i) w.numbers.TrySend(i);
    CHECK(w.Take().ends_with("item 18, item 19"));
    CHECK(w.vm.core().stats().turns - turns >= 40);  // each with its note
    w.numbers.TrySend(7);
    CHECK(w.Take() == "item 7");
    CHECK(w.Notes().ends_with("18 19 7"));
    CHECK(w.vm.core().heap().Verify() == nullptr);
  }
}

TEST_CASE("attach: a fault undoes its item and is the actor's, and the next item comes") {
  for (const size_t burst : {1, 10}) {
    World w({.burst_max = burst, .name = "numbers"});
    for (const int64_t n : {1, 100, 2, 200, 100, 3}) w.numbers.TrySend(n);
    CHECK(w.Take() ==
          "item 1, item 100, numbers #exception(\"hundred\"), item 2, item 200, "
          "numbers #failed(#status(#aborted, \"two hundred\")), item 100, "
          "numbers #exception(\"hundred\"), item 3");
    CHECK(w.Notes() == "1 2 3");
    w.numbers.TrySend(100);
    CHECK(w.Take() == "item 100, numbers #exception(\"hundred\")");
    w.numbers.TrySend(4);
    CHECK(w.Take() == "item 4");
    CHECK(w.Notes() == "1 2 3 4");
  }
}

// Three messages and four items are there when it runs.
std::string Order(AttachOptions options) {
  World w(std::move(options));
  for (int64_t i = 0; i < 3; ++i) w.server.Tell(&Server::Hello, i);
  for (int64_t i = 0; i < 4; ++i) w.numbers.TrySend(i);
  return w.Take();
}

TEST_CASE("attach: before messages, some in a row, or behind them") {
  CHECK(Order({}) == "item 0, message 0, message 1, message 2, item 1, item 2, item 3");
  CHECK(Order({.burst_max = 3}) ==
        "item 0, item 1, item 2, message 0, message 1, message 2, item 3");
  CHECK(Order({.burst_max = 100}) ==
        "item 0, item 1, item 2, item 3, message 0, message 1, message 2");
  CHECK(Order({.priority = Priority::kBehind}) ==
        "message 0, message 1, message 2, item 0, item 1, item 2, item 3");
}

TEST_CASE("attach: an endless source does not keep the inbox from its turn") {
  for (const size_t burst : {1, 50}) {
    World w({.burst_max = burst});
    for (int64_t i = 0; i < 1000; ++i) w.numbers.TrySend(1000 + i);
    w.server.Tell(&Server::Hello, 1);
    w.vm.Run();
    size_t at = 0;
    while (w.log[at] != "message 1") ++at;
    CHECK(at <= burst);
  }
}

TEST_CASE("attach: it holds back who fills it") {
  World w({.priority = Priority::kBehind}, {}, /*room=*/2);
  CHECK(w.numbers.TrySend(1));
  CHECK(w.numbers.TrySend(2));
  CHECK(!w.numbers.TrySend(3));
  CHECK(w.Take() == "item 1, item 2");
  CHECK(w.numbers.TrySend(3));
  CHECK(w.Take() == "item 3");
}

TEST_CASE("attach: it ends with its source, by Detach, and when the actor begins to stop") {
  {
    World w;
    w.numbers.TrySend(1);
    w.numbers.Close();
    CHECK(w.Take() == "item 1");
    CHECK(!w.IsAttached());
  }
  for (const size_t burst : {1, 10}) {
    World w({.burst_max = burst});
    for (const int64_t n : {1, 300, 2}) w.numbers.TrySend(n);
    CHECK(w.Take() == "item 1, item 300");
    CHECK(!w.IsAttached());
    CHECK(w.numbers.size() == 1);
    CHECK(w.Notes() == "1 300");
  }
  for (const size_t burst : {1, 10}) {
    World w({.burst_max = burst});
    for (const int64_t n : {1, 600, 2}) w.numbers.TrySend(n);
    CHECK(w.Take() == "item 1, item 600, a source #exception(\"and detach\")");
    CHECK(!w.IsAttached());
    CHECK(w.numbers.size() == 1);
  }
  for (const int64_t end : {400, 500}) {
    World w({.burst_max = 10});
    for (const int64_t n : {int64_t{1}, end}) w.numbers.TrySend(n);
    CHECK(w.Take() == absl::StrCat("item 1, item ", end));
    w.numbers.TrySend(2);
    CHECK(w.Take() == "");
    bool has_ended = false;
    w.server.Join().Then([&](const absl::Status&) { has_ended = true; });
    w.vm.Run();
    CHECK(has_ended);
    CHECK(w.vm.actors().waits().size() == 1);  // the errands'
  }
  for (const auto grace : {0ms, 50ms}) {
    World w;
    w.server.Stop(grace);
    w.vm.Run();
    w.numbers.TrySend(1);
    CHECK(w.Take() == "");
    CHECK(w.numbers.size() == 1);
  }
}

// Attaches, and fails after.
class Fails {
 public:
  explicit Fails(Channel<int64_t> numbers) : numbers_(std::move(numbers)) {}
  absl::Status Begin(Context& context, bool ok) {
    attachment_ = context.Attach(numbers_, &Fails::OnNumber);
    return ok ? absl::OkStatus() : absl::AbortedError("not yet");
  }
  bool IsAttached() { return attachment_.is_attached(); }

 private:
  void OnNumber(std::optional<int64_t>) {}
  Channel<int64_t> numbers_;
  Attachment attachment_;
};

TEST_CASE("attach: in a turn that fails it has not happened") {
  Vm vm;
  Channel<int64_t> numbers(vm.actors(), 10);
  const ActorRef<Fails> fails = vm.Spawn<Fails>(numbers);
  Log answers;
  const auto note = [&] {
    fails.Ask(&Fails::IsAttached).Then([&](absl::StatusOr<bool> b) {
      answers.push_back(*b ? "attached" : "not");
    });
  };
  fails.Tell(&Fails::Begin, false);
  note();
  vm.Run();
  CHECK(vm.actors().waits().size() == 1);
  fails.Tell(&Fails::Begin, true);
  note();
  vm.Run();
  numbers.Close();
  vm.Run();
  note();
  vm.Run();
  CHECK(absl::StrJoin(answers, " ") == "not attached not");
}

// Several sources of other sorts, and items without a conversion.
class Hub {
 public:
  Hub(Channel<Parcel> parcels, Channel<int64_t> a, Channel<int64_t> b, Log* log)
      : parcels_(parcels), a_(a), b_(b), log_(*log) {}
  void OnStart(Context& context) {
    context.Attach(parcels_, &Hub::OnParcel);
    context.Attach([a = a_, b = b_]() mutable { return Select(a.Receive(), b.Receive()); },
                   &Hub::OnEither);
    context.Attach([] { return Sleep(10ms); }, &Hub::OnTick);
  }

 private:
  absl::Status OnParcel(Turn&, std::optional<Parcel> parcel) {
    log_.push_back(parcel ? absl::StrCat("parcel ", parcel->n) : "no more parcels");
    return parcel ? absl::OkStatus() : absl::OutOfRangeError("a fault at the end");
  }
  void OnEither(const std::variant<std::optional<int64_t>, std::optional<int64_t>>& n) {
    log_.push_back(absl::StrCat(n.index() == 0 ? "a " : "b ",
                                *(n.index() == 0 ? std::get<0>(n) : std::get<1>(n))));
  }
  void OnTick(std::monostate) { log_.push_back("tick"); }

  Channel<Parcel> parcels_;
  Channel<int64_t> a_;
  Channel<int64_t> b_;
  Log& log_;
};

TEST_CASE("attach: whatever can be awaited is a source; items are as they come") {
  int alive = 0;
  Log log;
  {
    ManualTime time;
    Vm vm;
    vm.actors().SetTime(&time);
    Channel<Parcel> parcels(vm.actors(), 10);
    Channel<int64_t> a(vm.actors(), 0);
    Channel<int64_t> b(vm.actors(), 10);
    const ActorRef<Hub> hub = vm.Spawn<Hub>(parcels, a, b, &log);
    vm.Run();
    parcels.TrySend(Parcel(1, &alive));
    parcels.TrySend(Parcel(2, &alive));
    CHECK(a.TrySend(5));  // a rendezvous: it waits for one
    b.TrySend(6);
    vm.Run();
    CHECK(absl::StrJoin(log, ", ") == "parcel 1, a 5, parcel 2, b 6");
    CHECK(alive == 0);
    log.clear();
    time.Advance(25ms);
    vm.Run();
    time.Advance(10ms);
    parcels.Close();
    vm.Run();
    // The fault at the end is one, and ends it all the same.
    CHECK(absl::StrJoin(log, ", ") == "tick, tick, no more parcels");
    parcels = Channel<Parcel>(vm.actors(), 3);
    hub.Stop();
    vm.Run();
    CHECK(vm.actors().alarms().size() == 0);
    vm.actors().SetTime(nullptr);
  }
  CHECK(alive == 0);
}

TEST_CASE(
    "attach: a supervised actor that begins anew attaches anew, and once; one that goes on goes "
    "on") {
  for (const auto on_fault : {Supervisor::OnFault::kRestart, Supervisor::OnFault::kResume}) {
    Vm vm;
    Log log;
    const ActorRef<Sink> sink = vm.Spawn<Sink>();
    Channel<int64_t> numbers(vm.actors(), 10);
    absl::StatusOr<Supervisor> family = Supervisor::Create(
        vm, {.on_fault = on_fault, .restarts = 5},
        {{"server", BehaviorOf<Server>(vm, Setting{sink, &log, {.burst_max = 5}}, numbers)}});
    REQUIRE(family.ok());
    family->Child<Server>("server").Then(
        [](absl::StatusOr<ActorRef<Server>> s) { s->Tell(&Server::Hello, 1); });
    vm.Run();
    for (const int64_t n : {1, 100, 2, 3}) numbers.TrySend(n);
    vm.Run();
    CHECK(absl::StrJoin(log, ", ") ==
          "message 1, item 1, item 100, a source #exception(\"hundred\"), item 2, item 3");
    family->Stop();
    vm.Run();
  }
}

TEST_CASE("attach: a budget that runs out detaches, and nothing hangs or leaks") {
  VmOptions options;
  options.events_max = 200;
  World w({.burst_max = 10}, options);
  for (int64_t i = 0; i < 1000; ++i) w.numbers.TrySend(i % 7 == 0 ? 100 : i % 100);
  w.vm.Run();
  CHECK(w.log.size() > 10);
  CHECK(w.numbers.size() > 0);
  CHECK(w.vm.core().heap().Verify() == nullptr);
}

// Messages and items, faults, stops and collections in any order: every item is served once, in
// order, or is still in the channel, or was lost with its own fault.
TEST_CASE("attach: random schedules lose no item and serve none twice") {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    VmOptions options;
    options.heap.collect_at_every_safe_point = seed % 8 == 0;
    World w({.priority = random() % 2 == 0 ? Priority::kBefore : Priority::kBehind,
             .burst_max = 1 + random() % 5},
            options, /*room=*/1 + random() % 8);
    std::vector<int64_t> sent, wanted;
    bool is_over = false;
    for (int step = 0; step < 200; ++step) {
      switch (random() % 8) {
        case 0:
          w.server.Tell(&Server::Hello, step);
          break;
        case 1:
          w.vm.core().CollectFor(Value::Nil());
          break;
        case 2:
        case 3:
          w.vm.RunSlice(1 + static_cast<int64_t>(random() % 20));
          break;
        case 4:
          if (!is_over && random() % 40 == 0) {
            is_over = true;
            random() % 2 == 0 ? w.server.Stop() : w.server.Kill();
          }
          break;
        default: {
          const int64_t n = random() % 10 == 0 ? 100 : 1000 + step;
          if (w.numbers.TrySend(n)) sent.push_back(n);
        }
      }
    }
    w.vm.Run();
    const size_t served = sent.size() - w.numbers.size();
    if (!is_over) CHECK(served == sent.size());
    size_t items = 0;
    for (const std::string& line : w.log) {
      if (!line.starts_with("item ")) continue;
      REQUIRE(items < served);
      CHECK(line == absl::StrCat("item ", sent[items]));
      ++items;
    }
    CHECK(items == served);
    for (size_t i = 0; i < served; ++i) {
      if (sent[i] != 100) wanted.push_back(sent[i]);
    }
    CHECK(w.Notes() == absl::StrJoin(wanted, " "));
    CHECK(w.vm.core().heap().Verify() == nullptr);
  }
}

}  // namespace
}  // namespace vesicle
