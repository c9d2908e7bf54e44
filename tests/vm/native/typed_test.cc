// Typed actors: calls between C++, from scripts, and what is refused.
#include <doctest/doctest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "vm/native/typed/actor.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

class Counter {
 public:
  explicit Counter(int64_t from = 0) : count_(from) {}
  void Add(int64_t n) { count_ += n; }
  int64_t Get() const { return count_; }
  void AddAll(const std::vector<int32_t>& all) {
    for (const int32_t n : all) count_ += n;
  }
  std::string Name(std::string_view before, std::string after) const {
    return std::string(before) + "counter" + after;
  }
  absl::StatusOr<int64_t> Divide(int64_t by) {
    if (by == 0) return absl::InvalidArgumentError("by zero");
    return count_ / by;
  }
  absl::Status Check(bool ok) { return ok ? absl::OkStatus() : absl::NotFoundError("no"); }
  void Throw() { throw std::runtime_error("thrown"); }
  void Secret() { count_ = -1; }
  using Methods = vesicle::Methods<&Counter::Add, &Counter::Get, &Counter::AddAll, &Counter::Name,
                                   &Counter::Divide, &Counter::Check, &Counter::Throw>;

 private:
  int64_t count_;
};

struct World {
  World() {
    vm.OnFault([this](const FaultReport& r) { faults.push_back(r.reason); });
    vm.actors().OnCrash([this](const Crash& c) { crashes.push_back(c); });
  }
  // What it came to, as "3" or "CODE: text".
  template <typename T>
  std::string Outcome(Asked<T> asked) {
    std::string outcome = "nothing";
    std::move(asked).Then([&outcome](auto result) {
      if constexpr (std::is_void_v<T>) {
        outcome = result.ToString();
      } else {
        if (!result.ok()) {
          outcome = result.status().ToString();
        } else if constexpr (std::is_same_v<T, std::string>) {
          outcome = *result;
        } else {
          outcome = std::to_string(*result);
        }
      }
    });
    vm.Run();
    return outcome.substr(0, outcome.find(" [vesicle"));
  }
  std::string AskByName(Value target, Value message) {
    std::string outcome = "nothing";
    vm.Ask(target, message, [&](const Reply& r) {
      outcome = (r.ok() ? "" : "broken: ") + Print(r.ok() ? r.value() : r.reason());
    });
    vm.Run();
    return outcome;
  }
  Vm vm;
  std::vector<std::string> faults;
  std::vector<Crash> crashes;
};

TEST_CASE("typed: tells and asks of a class") {
  World w;
  const ActorRef<Counter> c = w.vm.Spawn<Counter>(10);
  c.Tell(&Counter::Add, 3);
  c.Tell(&Counter::AddAll, std::vector<int32_t>{1, 2});
  CHECK(w.Outcome(c.Ask(&Counter::Get)) == "16");
  CHECK(w.Outcome(c.Ask(&Counter::Name, "a ", " z")) == "a counter z");
  CHECK(w.Outcome(c.Ask(&Counter::Add, 1)) == "OK");
  c.Tell(&Counter::Secret);
  CHECK(w.Outcome(c.Ask(&Counter::Get)) == "-1");
  CHECK(w.faults.empty());
}

TEST_CASE("typed: scripts call what is listed, by name in snake_case") {
  World w;
  const ActorRef<Counter> c = w.vm.Spawn<Counter>(10);
  Vm& vm = w.vm;
  CHECK(w.AskByName(c.value(), vm.Tagged("add", 3)) == "nil");
  CHECK(w.AskByName(c.value(), vm.Tagged("add_all", vm.List({vm.Int(1), vm.Int(2)}))) == "nil");
  CHECK(w.AskByName(c.value(), vm.Symbol("get")) == "16");
  CHECK(w.AskByName(c.value(), vm.Tagged("name", "a ", " z")) == "\"a counter z\"");
  CHECK(w.AskByName(c.value(), vm.Tagged("divide", 2)) == "8");
  CHECK(w.AskByName(c.value(), vm.Tagged("divide", 0)) ==
        "broken: #failed(#status(#invalid_argument, \"by zero\"))");
  CHECK(w.crashes.empty());
}

TEST_CASE("typed: what a script sends that does not fit says where, and is no fault of the actor") {
  World w;
  const ActorRef<Counter> c = w.vm.Spawn<Counter>(10);
  Vm& vm = w.vm;
  CHECK(w.AskByName(c.value(), vm.Tagged("add", "x")) ==
        "broken: #type(\"add of Counter: argument 1: wanted an integer of 64 bits, got text "
        "\\\"x\\\"\")");
  CHECK(w.AskByName(c.value(), vm.Tagged("name", "x", 1)) ==
        "broken: #type(\"name of Counter: argument 2: wanted a text, got integer 1\")");
  CHECK(w.AskByName(c.value(), vm.Tagged("add", 1, 2)) ==
        "broken: #type(\"add of Counter: wanted 1 arguments, got 2\")");
  CHECK(w.AskByName(c.value(), vm.Symbol("add")) ==
        "broken: #type(\"add of Counter: wanted 1 arguments, got 0\")");
  CHECK(w.AskByName(c.value(), vm.Symbol("secret"))
            .starts_with("broken: #no_clause(\"Counter takes #add/1, #get, #add_all/1"));
  CHECK(w.AskByName(c.value(), vm.Text("add")).starts_with("broken: #no_clause("));
  CHECK(w.AskByName(c.value(), vm.Symbol("get")) == "10");
  CHECK(w.crashes.empty());
}

TEST_CASE("typed: a script that is handed a ref uses it as any other") {
  World w;
  const ActorRef<Counter> c = w.vm.Spawn<Counter>(1);
  const absl::StatusOr<Module> module = w.vm.Load("use.ves", R"(
    behavior use(c) {
      #go => { c <- #add(41); c <- #get }
    })");
  REQUIRE(module.ok());
  const Root use = w.vm.Create(module->Behavior("use", {c.value()}));
  CHECK(w.AskByName(use.value(), w.vm.Symbol("go")) == "42");
}

TEST_CASE("typed: how a method fails is a status, its own as it was") {
  World w;
  const ActorRef<Counter> c = w.vm.Spawn<Counter>(10);
  CHECK(w.Outcome(c.Ask(&Counter::Divide, 5)) == "2");
  CHECK(w.Outcome(c.Ask(&Counter::Divide, 0)) == "INVALID_ARGUMENT: by zero");
  CHECK(w.Outcome(c.Ask(&Counter::Check, true)) == "OK");
  CHECK(w.Outcome(c.Ask(&Counter::Check, false)) == "NOT_FOUND: no");
  CHECK(w.crashes.empty());
  CHECK(w.Outcome(c.Ask(&Counter::Throw)) == "ABORTED: throw of Counter: #exception(\"thrown\")");
  REQUIRE(w.crashes.size() == 1);
  CHECK(w.crashes[0].method == "throw");
  // Told, nobody has the answer: a fault.
  c.Tell(&Counter::Check, false);
  w.vm.Run();
  REQUIRE(w.crashes.size() == 2);
  CHECK(w.crashes[1].reason == "#failed(#status(#not_found, \"no\"))");
  // And it goes on.
  CHECK(w.Outcome(c.Ask(&Counter::Get)) == "10");
  CHECK(IsFromVm(VmStatus(absl::StatusCode::kCancelled, "x", "y")));
  CHECK_FALSE(IsFromVm(absl::CancelledError("own")));
}

TEST_CASE(
    "typed: a ref of another class is refused, an own one is taken, one that leads out, too") {
  struct Other {
    void Do() {}
  };
  World w;
  const ActorRef<Counter> c = w.vm.Spawn<Counter>();
  const ActorRef<Other> o = w.vm.Spawn<Other>();
  CHECK(ActorRef<Counter>::From(w.vm.actors(), c.value()).ok());
  const auto wrong = ActorRef<Counter>::From(w.vm.actors(), o.value());
  CHECK(wrong.status().message() == "wanted a ref of Counter, got a ref");
  const absl::StatusOr<Module> module = w.vm.Load("c.ves", R"(
    behavior counter(n) { #add(k) => become counter(n + k)
                          #get => n
                          #name(a, b) => 7 })");
  REQUIRE(module.ok());
  const Root script = w.vm.Create(module->Behavior("counter", {w.vm.Int(5)}));
  const auto far = ActorRef<Counter>::From(w.vm.actors(), script.value());
  REQUIRE(far.ok());
  CHECK_FALSE(far->is_near());
  far->Tell(&Counter::Add, 2);
  CHECK(w.Outcome(far->Ask(&Counter::Get)) == "7");
  CHECK(w.Outcome(far->Ask(&Counter::Name, "", "")) ==
        "INVALID_ARGUMENT: name of Counter: the reply: wanted a text, got integer 7");
  CHECK(w.Outcome(far->Ask(&Counter::Divide, 1)).starts_with("UNIMPLEMENTED: divide of Counter: "));
  CHECK(w.Outcome(far->Ask(&Counter::Secret)).starts_with("UNIMPLEMENTED: a method of Counter: "));
}

// A front that passes everything on, answers later, and spawns.
class Front {
 public:
  Front(ActorRef<Counter> back) : back_(std::move(back)) {}
  Forwarded<int64_t> Get(Context& context) { return context.Forward(back_, &Counter::Get); }
  Promise<std::string> Wait(Context& context) {
    auto [promise, resolver] = context.MakePromise<std::string>();
    waiting_.push_back(std::move(resolver));
    return promise;
  }
  void Ring(std::string with) {
    for (auto& w : waiting_) w.Keep(with);
    waiting_.clear();
  }
  ActorRef<Counter> Make(Context& context, int64_t from) { return context.Spawn<Counter>(from); }
  int64_t Ask(Context& context) {
    back_.Ask(&Counter::Get).Then([this](absl::StatusOr<int64_t> n) { seen_ = n.value_or(-1); });
    context.self<Front>().Tell(&Front::Note);
    return seen_;
  }
  void Note() { ++notes_; }
  int64_t Seen() { return seen_ * 100 + notes_; }
  void SendAndFail(Context& context) {
    back_.Tell(&Counter::Add, 1000);
    context.Fail(absl::UnavailableError("sorry"));
  }
  using Methods = vesicle::Methods<&Front::Get, &Front::Wait, &Front::Make>;

 private:
  ActorRef<Counter> back_;
  std::vector<Resolver<std::string>> waiting_;
  int64_t seen_ = 0;
  int64_t notes_ = 0;
};

TEST_CASE("typed: forward, reply later, spawn, self, a callback in a turn of the asker") {
  World w;
  const ActorRef<Counter> back = w.vm.Spawn<Counter>(33);
  const ActorRef<Front> front = w.vm.Spawn<Front>(back);
  CHECK(w.Outcome(front.Ask(&Front::Get)) == "33");
  std::string rung = "no";
  front.Ask(&Front::Wait).Then([&](absl::StatusOr<std::string> s) { rung = *s; });
  w.vm.Run();
  CHECK(rung == "no");
  front.Tell(&Front::Ring, "ding");
  w.vm.Run();
  CHECK(rung == "ding");
  ActorRef<Counter> made;
  front.Ask(&Front::Make, 8).Then([&](absl::StatusOr<ActorRef<Counter>> c) { made = *c; });
  w.vm.Run();
  CHECK(w.Outcome(made.Ask(&Counter::Get)) == "8");
  CHECK(w.Outcome(front.Ask(&Front::Ask)) == "0");
  CHECK(w.Outcome(front.Ask(&Front::Seen)) == "3301");
  CHECK(w.Outcome(front.Ask(&Front::SendAndFail)) == "UNAVAILABLE: sorry");
  CHECK(w.Outcome(back.Ask(&Counter::Get)) == "33");
}

TEST_CASE("typed: a Sender calls one method, whoever holds it, and takes nothing else") {
  World w;
  const ActorRef<Counter> c = w.vm.Spawn<Counter>(1);
  Sender<void(int64_t)> add = c.Narrow(&Counter::Add);
  Sender<void()> secret = c.Narrow(&Counter::Secret);
  add.Tell(4);
  CHECK(w.Outcome(c.Ask(&Counter::Get)) == "5");
  CHECK(w.Outcome(c.Narrow(&Counter::Divide).Ask(2)) == "2");
  const Root value(w.vm.core().heap(), ToValue(w.vm, add));
  CHECK(w.AskByName(value.value(), w.vm.Tagged("call", 2)) == "nil");
  CHECK(w.AskByName(value.value(), w.vm.Symbol("get")).starts_with("broken: #no_clause("));
  CHECK(w.AskByName(value.value(), w.vm.Tagged("call", "x")).starts_with("broken: #type("));
  CHECK(w.AskByName(value.value(), w.vm.Tagged("call", 1, 2)).starts_with("broken: #type("));
  CHECK(w.Outcome(c.Ask(&Counter::Get)) == "7");
  // Back in C++, by another way.
  const auto back = FromValue<Sender<void(int64_t)>>(w.vm.core(), value.value(), &w.vm.actors());
  REQUIRE(back.ok());
  back->Tell(3);
  w.vm.Run();
  CHECK(w.Outcome(c.Ask(&Counter::Get)) == "10");
  const Root hidden(w.vm.core().heap(), ToValue(w.vm, secret));
  CHECK(w.AskByName(hidden.value(), w.vm.Symbol("call")) == "nil");
  CHECK(w.Outcome(c.Ask(&Counter::Get)) == "-1");
}

// Its counters come when they are let.
class Makers {
 public:
  Promise<ActorRef<Counter>> Make(Context& context) {
    auto [promise, resolver] = context.MakePromise<ActorRef<Counter>>();
    waiting_.push_back(std::move(resolver));
    return promise;
  }
  void Let(Context& context, int64_t from) {
    for (auto& waiting : waiting_) waiting.Keep(context.Spawn<Counter>(from));
    waiting_.clear();
  }
  void Refuse() {
    for (auto& waiting : waiting_) waiting.Break(absl::NotFoundError("none today"));
    waiting_.clear();
  }

 private:
  std::vector<Resolver<ActorRef<Counter>>> waiting_;
};

TEST_CASE("typed: an answer that is a ref takes calls before it is there, in order") {
  World w;
  const ActorRef<Makers> makers = w.vm.Spawn<Makers>();
  const auto asked = makers.Ask(&Makers::Make);
  const ActorRef<Counter> early = asked.Early();
  CHECK_FALSE(early.is_near());
  early.Tell(&Counter::Add, 3);
  std::string first = "nothing", second = "nothing";
  early.Ask(&Counter::Get).Then([&](absl::StatusOr<int64_t> n) { first = std::to_string(*n); });
  early.Tell(&Counter::Add, 4);
  early.Ask(&Counter::Get).Then([&](absl::StatusOr<int64_t> n) { second = std::to_string(*n); });
  w.vm.Run();
  CHECK(first == "nothing");
  makers.Tell(&Makers::Let, 10);
  w.vm.Run();
  CHECK(first == "13");
  CHECK(second == "17");
  CHECK(w.Outcome(early.Ask(&Counter::Get)) == "17");
  // By name, so only what is listed.
  CHECK(w.Outcome(early.Ask(&Counter::Secret)).starts_with("UNIMPLEMENTED: a method of Counter"));
}

TEST_CASE("typed: what was called early breaks with the answer") {
  World w;
  const ActorRef<Makers> makers = w.vm.Spawn<Makers>();
  absl::Status status;
  makers.Ask(&Makers::Make).Early().Ask(&Counter::Get).Then([&](absl::StatusOr<int64_t> n) {
    status = n.status();
  });
  makers.Tell(&Makers::Refuse);
  w.vm.Run();
  CHECK(status == absl::NotFoundError("none today"));
  // A question that was refused has no answer to come.
  const ActorRef<Makers> nobody;
  CHECK(nobody.Ask(&Makers::Make).Early().is_empty());
}

TEST_CASE("typed: a deadline") {
  World w;
  ManualTime time;
  w.vm.actors().SetTime(&time);
  const ActorRef<Front> front = w.vm.Spawn<Front>(w.vm.Spawn<Counter>(33));
  std::string late, in_time;
  const auto note = [](std::string* to) {
    return [to](absl::StatusOr<std::string> s) {
      *to = s.ok() ? *s : std::string(s.status().message());
    };
  };
  using namespace std::chrono_literals;
  front.Ask(&Front::Wait).Within(10ms).Then(note(&late));
  front.Ask(&Front::Wait).Within(30ms).Then(note(&in_time));
  w.vm.Run();
  time.Advance(20ms);
  w.vm.Run();
  CHECK(late == "wait of Front: no answer in time");
  CHECK(in_time.empty());
  front.Tell(&Front::Ring, "ding");
  w.vm.Run();
  CHECK(in_time == "ding");
  CHECK_FALSE(time.next_ns().has_value());
  w.vm.actors().SetTime(nullptr);
}

class Slow {
 public:
  Promise<void> Work(Context& context) {
    auto [promise, resolver] = context.MakePromise<void>();
    resolvers_.push_back(std::move(resolver));
    return promise;
  }
  void Quick() {}
  void Fail(Context& context) { context.Fail(absl::InternalError("x")); }
  static inline std::vector<Resolver<void>> resolvers_;
};
// Its turn fails after it took places.
class Flooder {
 public:
  explicit Flooder(ActorRef<Slow> to) : to_(std::move(to)) {}
  void Flood(Context& context) {
    for (int i = 0; i < 2; ++i) taken_ += to_.TryTell(&Slow::Quick).ok() ? 1 : 0;
    context.Fail(absl::InternalError("undone"));
  }
  ActorRef<Slow> to_;
  int taken_ = 0;
};

TEST_CASE("typed: a bounded inbox") {
  World w;
  Slow::resolvers_.clear();
  const ActorRef<Slow> slow = w.vm.SpawnWith<Slow>({.name = "slow", .inbox_max = 2});
  CHECK(slow.TryTell(&Slow::Quick).ok());
  CHECK(slow.TryTell(&Slow::Fail).ok());
  const absl::Status full = slow.TryTell(&Slow::Quick);
  CHECK(full.code() == absl::StatusCode::kResourceExhausted);
  CHECK(full.message() == "a method of Slow: its inbox is full");
  w.vm.Run();
  CHECK(slow.under_way() == 0);
  // What is asked is under way until it is answered.
  for (int i = 0; i < 2; ++i) slow.TryAsk(&Slow::Work).Then([](absl::Status s) { CHECK(s.ok()); });
  w.vm.Run();
  CHECK(slow.under_way() == 2);
  CHECK(w.Outcome(slow.TryAsk(&Slow::Work)).starts_with("RESOURCE_EXHAUSTED"));
  Slow::resolvers_.at(0).Keep();
  w.vm.Run();
  CHECK(slow.under_way() == 1);
  Slow::resolvers_.at(1).Keep();
  w.vm.Run();
  // A turn that fails gives back what it took.
  const ActorRef<Flooder> flooder = w.vm.Spawn<Flooder>(slow);
  flooder.Tell(&Flooder::Flood);
  w.vm.Run();
  CHECK(slow.under_way() == 0);
  slow.Stop();
  w.vm.Run();
  CHECK(slow.TryTell(&Slow::Quick).code() == absl::StatusCode::kCancelled);
  Slow::resolvers_.clear();
}

TEST_CASE("typed: collecting at every chance changes nothing") {
  VmOptions options;
  options.heap.collect_at_every_safe_point = true;
  Vm vm(options);
  const ActorRef<Counter> c = vm.Spawn<Counter>(0);
  const ActorRef<Front> front = vm.Spawn<Front>(c);
  int64_t sum = 0;
  for (int i = 0; i < 50; ++i) {
    c.Tell(&Counter::Add, 1);
    front.Ask(&Front::Get).Then([&](absl::StatusOr<int64_t> n) { sum += *n; });
    { const ActorRef<Counter> dropped = vm.Spawn<Counter>(i); }
    vm.Run();
  }
  CHECK(sum == 1275);
  vm.core().CollectFor(Value::Nil());
  CHECK(vm.actors().count() == 2);
  CHECK(vm.core().heap().Verify() == nullptr);
}

}  // namespace
}  // namespace vesicle
