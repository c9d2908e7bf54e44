// Tasks of typed actors: turns between awaits, what can be awaited, and how they are cancelled.
#include "vm/native/task/task.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "vm/native/task/channel.h"
#include "vm/native/task/select.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

using std::chrono_literals::operator""ms;
using Log = std::vector<std::string>;

// How many of them there are: what a frame that is destroyed has to let go.
struct Counted {
  explicit Counted(int* count_in) : count(count_in) { ++*count; }
  Counted(const Counted& other) : count(other.count) { ++*count; }
  Counted(Counted&& other) noexcept : count(other.count) { ++*count; }
  ~Counted() { --*count; }
  int* count;
};

class Echo {
 public:
  int64_t Get(int64_t n) { return n; }
  Promise<int64_t> Hold(Context& context) {
    auto [promise, resolver] = context.MakePromise<int64_t>();
    held_.push_back(std::move(resolver));
    return promise;
  }
  void Release(int64_t n) {
    for (auto& r : held_) r.Keep(n);
    held_.clear();
  }
  absl::StatusOr<int64_t> Refuse() { return absl::NotFoundError("no"); }
  void Note(int64_t n) { notes_.push_back(n); }
  void NoteSize(const std::string& text) { Note(static_cast<int64_t>(text.size())); }
  std::vector<int64_t> Notes() { return notes_; }
  using Methods =
      vesicle::Methods<&Echo::Get, &Echo::Hold, &Echo::Release, &Echo::Note, &Echo::Notes>;

 private:
  std::vector<Resolver<int64_t>> held_;
  std::vector<int64_t> notes_;
};

class Runner {
 public:
  Runner(ActorRef<Echo> echo, Log* log, Actors* actors)
      : echo_(std::move(echo)), log_(*log), channel_(*actors, 2), meeting_(*actors, 0) {}

  Task<int64_t> Sum(int64_t times) {
    int64_t sum = 0;
    for (int64_t i = 0; i < times; ++i) {
      const absl::StatusOr<int64_t> n = co_await echo_.Ask(&Echo::Get, i);
      sum += *n;
    }
    co_return sum;
  }
  Task<absl::StatusOr<int64_t>> Both() {
    auto a = echo_.Ask(&Echo::Get, 1);
    auto b = echo_.Ask(&Echo::Get, 2);
    const absl::StatusOr<int64_t> y = co_await std::move(b);
    const absl::StatusOr<int64_t> x = co_await std::move(a);
    if (!x.ok() || !y.ok()) co_return absl::InternalError("none");
    co_return *x * 10 + *y;
  }
  Task<absl::StatusOr<int64_t>> Refused() { co_return co_await echo_.Ask(&Echo::Refuse); }
  Task<int64_t> Nested(int64_t depth) {
    if (depth == 0) co_return (co_await echo_.Ask(&Echo::Get, 1)).value();
    co_return 1 + co_await Nested(depth - 1);
  }
  Task<int64_t> Throws() {
    static_cast<void>(co_await echo_.Ask(&Echo::Get, 1));
    throw std::runtime_error("in a task");
  }
  // The first segment's tell stands, the second's does not.
  Task<void> FailsLate(Context& context) {
    echo_.Tell(&Echo::Note, 1);
    static_cast<void>(co_await echo_.Ask(&Echo::Get, 1));
    echo_.Tell(&Echo::Note, 2);
    context.Fail(absl::AbortedError("late"));
  }
  Task<void> Naps(std::string name, int64_t ms) {
    log_.push_back(name + " lies down");
    co_await Sleep(std::chrono::milliseconds(ms));
    log_.push_back(name + " is up");
  }
  Task<std::string> Late() {
    const absl::StatusOr<int64_t> n = co_await echo_.Ask(&Echo::Hold).Within(10ms);
    co_return std::string(absl::StatusCodeToString(n.status().code()));
  }
  Task<std::string> Choose() {
    auto got = co_await Select(echo_.Ask(&Echo::Hold), Sleep(5ms), Sleep(20ms));
    co_return absl::StrCat("number ", got.index());
  }
  Task<void> Produce(int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      if (!co_await channel_.Send(i)) log_.push_back("closed");
      log_.push_back(absl::StrCat("sent ", i));
    }
    channel_.Close();
  }
  Task<int64_t> Consume() {
    int64_t sum = 0;
    while (std::optional<int64_t> i = co_await channel_.Receive()) {
      log_.push_back(absl::StrCat("got ", *i));
      sum += *i;
    }
    co_return sum;
  }
  Task<std::string> Meet(int64_t n) {
    const bool sent = co_await meeting_.Send(n);
    co_return sent ? "met" : "closed";
  }
  Task<int64_t> MeetFirst() { co_return (co_await meeting_.Receive()).value_or(-1); }
  // Offers on one, waits to receive on the other: exactly one of both happens.
  Task<std::string> OfferOrTake(int64_t n) {
    auto got = co_await Select(meeting_.Send(n), channel_.Receive());
    co_return got.index() == 0 ? "offered" : absl::StrCat("took ", *std::get<1>(got));
  }
  void Put(int64_t n) { channel_.TrySend(n); }
  void CloseAll() {
    channel_.Close();
    meeting_.Close();
  }
  void StartTwo(Context& context) {
    context.Start(Naps("one", 5));
    context.Start(Naps("two", 3));
    log_.push_back("started");
  }
  int64_t StartAndReply(Context& context) {
    context.Start(Naps("side", 5));
    return 7;
  }

  // One await of every sort, and something on the frame before each.
  Task<void> Everything(int* alive, int* reached, Channel<Counted>* with) {
    const Counted a(alive);
    ++*reached;
    static_cast<void>(co_await echo_.Ask(&Echo::Get, 1));
    ++*reached;
    const Counted b(alive);
    static_cast<void>(co_await echo_.Ask(&Echo::Hold).Within(10ms));
    ++*reached;
    co_await Sleep(5ms);
    ++*reached;
    co_await Inner(alive, reached);
    co_await Select(echo_.Ask(&Echo::Hold), with->Receive(), Sleep(5ms));
    ++*reached;
    co_await with->Send(Counted(alive));  // there is room for one
    ++*reached;
    co_await Select(with->Send(Counted(alive)), Sleep(5ms));
    ++*reached;
    co_await with->Receive();
    ++*reached;
    co_await Select(with->Receive(), meeting_.Send(1), meeting_.Receive(), Sleep(5ms));
    ++*reached;
    co_await Select(meeting_.Send(1), Sleep(5ms));
    ++*reached;
    static_cast<void>(co_await narrow_.TellWhenRoom(&Echo::Note, 1));
    ++*reached;
    static_cast<void>(co_await narrow_.TellWhenRoom(&Echo::Note, 1));
    ++*reached;
  }
  Task<void> Inner(int* alive, int* reached) {
    const Counted c(alive);
    co_await Sleep(5ms);
    ++*reached;
  }
  void SetNarrow(ActorRef<Echo> narrow) { narrow_ = std::move(narrow); }

 private:
  ActorRef<Echo> echo_;
  ActorRef<Echo> narrow_;
  Log& log_;
  Channel<int64_t> channel_;
  Channel<int64_t> meeting_;
};

}  // namespace

// Pointers as integers, for tests that hand over places to write to.
template <typename T>
requires std::is_same_v<T, int*> || std::is_same_v < T, Channel<Counted>
* > struct Convert<T> {
  static std::string Name() { return "an address"; }
  static Value To(Build& build, T t) { return build.Unsigned(reinterpret_cast<uint64_t>(t)); }
  static bool From(Reading&, Value v, T* out) {
    *out = reinterpret_cast<T>(*Uint64Of(v));
    return true;
  }
};

namespace {

struct World {
  explicit World(VmOptions options = {}) : vm(options) {
    vm.actors().SetTime(&time);
    echo = vm.Spawn<Echo>();
    runner = vm.Spawn<Runner>(echo, &log, &vm.actors());
    vm.actors().OnCrash([this](const Crash& c) { crashes.push_back(c.method + ": " + c.reason); });
    vm.Run();
  }
  ~World() { vm.actors().SetTime(nullptr); }
  template <typename T>
  std::shared_ptr<std::string> Note(Asked<T> asked) {
    auto outcome = std::make_shared<std::string>("pending");
    std::move(asked).Then([outcome](auto result) {
      if constexpr (std::is_void_v<T>) {
        *outcome = absl::StatusCodeToString(result.code());
      } else if (!result.ok()) {
        *outcome = absl::StatusCodeToString(result.status().code());
      } else {
        *outcome = absl::StrCat(*result);
      }
    });
    return outcome;
  }
  template <typename T>
  std::string Outcome(Asked<T> asked) {
    const auto outcome = Note(std::move(asked));
    vm.Run();
    return *outcome;
  }
  std::string Take() {
    vm.Run();
    const std::string all = absl::StrJoin(log, ", ");
    log.clear();
    return all;
  }
  std::string Notes() {
    std::string notes;
    echo.Ask(&Echo::Notes).Then([&](absl::StatusOr<std::vector<int64_t>> n) {
      notes = absl::StrJoin(*n, " ");
    });
    vm.Run();
    return notes;
  }
  void Advance(std::chrono::milliseconds by) {
    time.Advance(by);
    vm.Run();
  }
  ManualTime time;
  Log log;
  Log crashes;
  Vm vm;
  ActorRef<Echo> echo;
  ActorRef<Runner> runner;
};

TEST_CASE("task: it answers who asked when it is done") {
  for (const bool always : {false, true}) {
    VmOptions options;
    options.heap.collect_at_every_safe_point = always;
    World w(options);
    CHECK(w.Outcome(w.runner.Ask(&Runner::Sum, 100)) == "4950");
    CHECK(w.Outcome(w.runner.Ask(&Runner::Both)) == "12");
    CHECK(w.Outcome(w.runner.Ask(&Runner::Refused)) == "NOT_FOUND");
    CHECK(w.Outcome(w.runner.Ask(&Runner::Nested, 20)) == "21");
    CHECK(w.crashes.empty());
    CHECK(w.vm.core().heap().Verify() == nullptr);
  }
}

TEST_CASE("task: each segment is a turn: what failed is undone, what was before stands") {
  World w;
  CHECK(w.Outcome(w.runner.Ask(&Runner::Throws)) == "ABORTED");
  CHECK(w.crashes == Log{"a task: #exception(\"in a task\")"});
  CHECK(w.Outcome(w.runner.Ask(&Runner::FailsLate)) == "ABORTED");
  CHECK(w.Notes() == "1");
  CHECK(w.vm.actors().waits().size() == 1);  // the errands'
}

TEST_CASE("task: it sleeps while others go on, and deadlines end what takes too long") {
  World w;
  w.runner.Tell(&Runner::Naps, "a", 10);
  w.runner.Tell(&Runner::Naps, "b", 5);
  CHECK(w.Take() == "a lies down, b lies down");
  w.Advance(7ms);
  CHECK(w.Take() == "b is up");
  w.Advance(7ms);
  CHECK(w.Take() == "a is up");
  const auto late = w.Note(w.runner.Ask(&Runner::Late));
  w.vm.Run();
  w.Advance(9ms);
  CHECK(*late == "pending");
  w.Advance(2ms);
  CHECK(*late == "DEADLINE_EXCEEDED");
  w.runner.Tell(&Runner::StartTwo);
  CHECK(w.Take() == "one lies down, two lies down, started");
  CHECK(w.Outcome(w.runner.Ask(&Runner::StartAndReply)) == "7");
  w.Advance(6ms);
  CHECK(w.Take() == "side lies down, two is up, one is up, side is up");
  CHECK(w.vm.actors().alarms().size() == 0);
}

TEST_CASE("task: select is biased to the first, and cancels the others") {
  World w;
  const auto slow = w.Note(w.runner.Ask(&Runner::Choose));
  w.vm.Run();
  w.Advance(30ms);
  CHECK(*slow == "number 1");
  CHECK(w.vm.actors().alarms().size() == 0);
  const auto quick = w.Note(w.runner.Ask(&Runner::Choose));
  w.vm.Run();
  w.echo.Tell(&Echo::Release, 3);
  w.time.Advance(30ms);  // all three, before it goes on
  w.vm.Run();
  CHECK((*quick == "number 0" || *quick == "number 1"));
  CHECK(w.vm.actors().alarms().size() == 0);
  CHECK(w.crashes.empty());
}

TEST_CASE("channel: with room, who sends is ahead by that much; a closed one ends the loop") {
  World w;
  w.runner.Tell(&Runner::Produce, 5);
  CHECK(w.Take() == "sent 0, sent 1");
  CHECK(w.Outcome(w.runner.Ask(&Runner::Consume)) == "10");
  CHECK(w.Take().ends_with("sent 4, got 4"));
}

TEST_CASE("channel: a rendezvous takes both, and only one of what a select offers") {
  World w;
  const auto met = w.Note(w.runner.Ask(&Runner::Meet, 3));
  w.vm.Run();
  CHECK(*met == "pending");
  CHECK(w.Outcome(w.runner.Ask(&Runner::MeetFirst)) == "3");
  CHECK(*met == "met");
  const auto first = w.Note(w.runner.Ask(&Runner::MeetFirst));
  w.vm.Run();
  CHECK(w.Outcome(w.runner.Ask(&Runner::Meet, 4)) == "met");
  CHECK(*first == "4");
  // The other side takes the offer, and something comes at the same time: it stays where it is.
  const auto either = w.Note(w.runner.Ask(&Runner::OfferOrTake, 5));
  w.vm.Run();
  const auto taker = w.Note(w.runner.Ask(&Runner::MeetFirst));
  w.runner.Tell(&Runner::Put, 9);
  w.vm.Run();
  CHECK(*either == "offered");
  CHECK(*taker == "5");
  const auto other = w.Note(w.runner.Ask(&Runner::OfferOrTake, 6));
  w.vm.Run();
  CHECK(*other == "took 9");
  // Withdrawn: nobody finds it.
  const auto nobody = w.Note(w.runner.Ask(&Runner::MeetFirst));
  w.vm.Run();
  CHECK(*nobody == "pending");
  w.runner.Tell(&Runner::CloseAll);
  w.vm.Run();
  CHECK(*nobody == "-1");
}

// How the task is ended once it has reached that place.
enum class End { kKill, kStop, kVm, kCollect };

int RunEverything(int stop_at, End end) {
  int alive = 0;
  int reached = 0;
  std::optional<Channel<Counted>> channel;
  {
    World w;
    channel.emplace(w.vm.actors(), 1);
    const ActorRef<Echo> narrow = w.vm.SpawnWith<Echo>({.inbox_max = 1});
    w.runner.Tell(&Runner::SetNarrow, narrow);
    narrow.Ask(&Echo::Hold).Then([](const absl::StatusOr<int64_t>&) {});
    const auto outcome = w.Note(w.runner.Ask(&Runner::Everything, &alive, &reached, &*channel));
    w.vm.Run();
    for (int i = 0; i < 100 && reached < stop_at; ++i) {
      w.Advance(1ms);
      if (reached == 11 || reached == 12) narrow.Tell(&Echo::Release, 1);
    }
    switch (end) {
      case End::kKill:
        w.runner.Kill();
        w.vm.Run();
        break;
      case End::kStop:
        w.runner.Stop();
        w.vm.Run();
        break;
      case End::kCollect:
        w.vm.actors().SetTime(nullptr);
        w.vm.core().CollectFor(Value::Nil());
        w.vm.Run();
        break;
      case End::kVm:
        break;
    }
    if (end == End::kKill || end == End::kStop) {
      CHECK((*outcome == "CANCELLED" || *outcome == "OK"));
      CHECK(alive <= 1);  // what is in the channel
      CHECK(w.vm.actors().alarms().size() == 0);
    }
    CHECK(w.vm.core().heap().Verify() == nullptr);
    if (end == End::kVm) channel.reset();
  }
  channel.reset();
  CHECK(alive == 0);
  return reached;
}

TEST_CASE("task: cancelled at every await, nothing leaks") {
  for (const End end : {End::kKill, End::kStop, End::kVm, End::kCollect}) {
    int stop_at = 1;
    for (; RunEverything(stop_at, end) >= stop_at; ++stop_at) {
    }
    CHECK(stop_at == 14);  // that is behind the last one
  }
}

TEST_CASE("task: a graceful stop lets it end, and no longer than it is given") {
  World w;
  const auto nap = w.Note(w.runner.Ask(&Runner::Naps, "a", 10));
  w.runner.Stop(20ms);
  w.vm.Run();
  CHECK(w.Outcome(w.runner.Ask(&Runner::StartTwo)) == "CANCELLED");
  w.Advance(11ms);
  CHECK(*nap == "OK");
  CHECK(w.Outcome(w.runner.Join()) == "OK");
  World hard;
  const auto long_nap = hard.Note(hard.runner.Ask(&Runner::Naps, "a", 100));
  hard.runner.Stop(20ms);
  hard.vm.Run();
  hard.Advance(21ms);
  CHECK(*long_nap == "CANCELLED");
  CHECK(hard.Outcome(hard.runner.Join()) == "OK");
}

TEST_CASE("task: who sends much starts no more tasks than the actor may have") {
  World w;
  const ActorRef<Runner> few =
      w.vm.SpawnWith<Runner>({.tasks_max = 2}, w.echo, &w.log, &w.vm.actors());
  for (int i = 0; i < 2; ++i) few.Tell(&Runner::Naps, "a", 5);
  CHECK(w.Outcome(few.Ask(&Runner::Naps, "b", 5)) == "RESOURCE_EXHAUSTED");
  CHECK(w.Take() == "a lies down, a lies down");
  w.Advance(5ms);
  CHECK(w.crashes.empty());
  const auto nap = w.Note(few.Ask(&Runner::Naps, "b", 5));
  w.vm.Run();
  w.Advance(5ms);
  CHECK(*nap == "OK");
}

class Teller {
 public:
  explicit Teller(ActorRef<Echo> echo) : echo_(std::move(echo)) {}
  // An argument is kept as the method takes it, and may be a literal.
  Task<void> TellThree() {
    for (int i = 0; i < 3; ++i) {
      static_cast<void>(co_await echo_.TellWhenRoom(&Echo::NoteSize, "hello"));
    }
  }

 private:
  ActorRef<Echo> echo_;
};

TEST_CASE("task: who waits for room tells what converts to the parameter") {
  World w;
  const ActorRef<Echo> narrow = w.vm.SpawnWith<Echo>({.inbox_max = 1});
  const ActorRef<Teller> teller = w.vm.Spawn<Teller>(narrow);
  CHECK(w.Outcome(teller.Ask(&Teller::TellThree)) == "OK");
  std::vector<int64_t> notes;
  narrow.Ask(&Echo::Notes).Then([&](const auto& all) { notes = all.value(); });
  w.vm.Run();
  CHECK(notes == std::vector<int64_t>{5, 5, 5});
}

// Starts a task that waits, and faults in the same turn.
class Starter {
 public:
  Starter(ActorRef<Echo> echo, int* alive, Actors* actors)
      : echo_(std::move(echo)), alive_(alive), channel_(*actors, 0) {}
  FaultVerdict OnFault(const Crash&) { return FaultVerdict::kContinue; }
  Task<void> Receives() {
    const Counted on_frame(alive_);
    co_await channel_.Receive();
  }
  Task<void> Asks() {
    const Counted on_frame(alive_);
    static_cast<void>(co_await echo_.Ask(&Echo::Hold));
  }
  void StartAndFault(Context& context, bool fails) {
    context.Start(Receives());
    context.Start(Asks());
    if (fails) throw std::runtime_error("after the start");
  }

 private:
  ActorRef<Echo> echo_;
  int* alive_;
  Channel<int64_t> channel_;
};

TEST_CASE("task: one that a turn began which then failed is gone with the turn's effects") {
  World w;
  int alive = 0;
  const ActorRef<Starter> starter = w.vm.Spawn<Starter>(w.echo, &alive, &w.vm.actors());
  CHECK(w.Outcome(starter.Ask(&Starter::StartAndFault, true)) == "ABORTED");
  CHECK(alive == 0);
  CHECK(w.Outcome(starter.Ask(&Starter::StartAndFault, false)) == "OK");
  CHECK(alive == 2);
  starter.Kill();
  w.vm.Run();
  CHECK(alive == 0);
}

TEST_CASE("task: a budget that runs out in a segment ends the task, and is not begun anew") {
  VmOptions options;
  options.events_max = 500;
  Vm vm(options);
  Log log;
  const ActorRef<Echo> echo = vm.Spawn<Echo>();
  const ActorRef<Runner> runner = vm.Spawn<Runner>(echo, &log, &vm.actors());
  std::string outcome = "pending";
  runner.Ask(&Runner::Sum, 1'000'000).Then([&](absl::StatusOr<int64_t> n) {
    outcome = absl::StatusCodeToString(n.status().code());
  });
  vm.Run();
  CHECK(outcome == "OUT_OF_RANGE");
}

}  // namespace
}  // namespace vesicle
