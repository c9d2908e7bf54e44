// The life of a typed actor: start, stop, faults, and who is told.
#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "vm/native/typed/actor.h"
#include "vm/native/typed/supervise.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

using Log = std::vector<std::string>;

// Says what happens to it.
class Worker {
 public:
  Worker(Log* log, std::string name) : log_(*log), name_(std::move(name)) { Note("made"); }
  Worker(const Worker&) = delete;
  ~Worker() { Note("gone"); }
  absl::Status OnStart() {
    Note("start");
    if (name_ == "stillborn") return absl::InternalError("no");
    if (name_ == "thrower") throw std::runtime_error("at start");
    return absl::OkStatus();
  }
  void OnStop(Context& context) {
    Note("stop");
    if (!last_.is_empty()) context.turn().Send(last_.value(), context.turn().Text(name_));
  }
  FaultVerdict OnFault(const Crash& crash) {
    Note("fault " + crash.reason);
    return crash.reason.find("fatal") == std::string::npos ? FaultVerdict::kContinue
                                                           : FaultVerdict::kStop;
  }
  void Do(std::string what) {
    if (what == "fault" || what == "fatal") throw std::runtime_error(what);
    Note("did " + what);
  }
  void TellLast(ActorRef<Worker> last) { last_ = std::move(last); }
  void WatchOther(Context& context, ActorRef<Worker> other) {
    context.Watch(other, &Worker::OnOther);
  }
  void LinkOther(Context& context, ActorRef<Worker> other) { context.Link(other); }
  void OnOther() { Note("saw an end"); }
  void WatchBy(Context& context, ActorRef<Worker> other, std::string who) {
    context.Watch(other, &Worker::OnEnd, who, other);
  }
  void OnEnd(const std::string& who, const ActorRef<Worker>& other) {
    Note("saw the end of " + who + (other.is_near() ? "" : ", a stranger"));
  }
  void KillSelf(Context& context) {
    context.Kill();
    Note("still here");
  }
  void StopSelf(Context& context) { context.Stop(); }
  using Methods = vesicle::Methods<&Worker::Do, &Worker::StopSelf>;

 private:
  void Note(const std::string& what) { log_.push_back(name_ + " " + what); }
  Log& log_;
  std::string name_;
  ActorRef<Worker> last_;
};

struct World {
  World() {
    vm.actors().OnCrash([this](const Crash& c) {
      crashes.push_back(c.method + ": " + c.reason + (c.at_start ? " at start" : "") +
                        (c.verdict == FaultVerdict::kStop ? ", stops" : ""));
    });
  }
  ActorRef<Worker> Spawn(std::string name) { return vm.Spawn<Worker>(&log, std::move(name)); }
  std::string Take() {
    vm.Run();
    const std::string all = absl::StrJoin(log, ", ");
    log.clear();
    return all;
  }
  std::string StatusOf(Asked<void> asked) {
    std::string code = "pending";
    std::move(asked).Then(
        [&](const absl::Status& s) { code = absl::StatusCodeToString(s.code()); });
    vm.Run();
    return code;
  }
  Log log;
  Log crashes;
  Vm vm;
};

TEST_CASE("lifecycle: it is made and started in its first turn, and stopped after what was sent") {
  World w;
  const ActorRef<Worker> a = w.Spawn("a");
  CHECK(w.log.empty());
  a.Tell(&Worker::Do, "one");
  a.Stop();
  a.Tell(&Worker::Do, "two");
  CHECK(w.Take() == "a made, a start, a did one, a stop, a gone");
  CHECK(w.StatusOf(a.Ask(&Worker::Do, "x")) == "CANCELLED");
  CHECK(w.StatusOf(a.Join()) == "OK");
  CHECK(w.vm.actors().count() == 0);
  CHECK(w.crashes.empty());
}

TEST_CASE("lifecycle: killed, nothing that waits is done, but it is stopped") {
  World w;
  const ActorRef<Worker> a = w.Spawn("a");
  w.Take();
  a.Tell(&Worker::Do, "one");
  std::string joined = "no";
  a.Join().Then([&](const absl::Status& s) { joined = s.ToString(); });
  a.Kill();
  CHECK(w.Take() == "a stop, a gone");
  CHECK(joined == "OK");
  // By itself, within a turn.
  const ActorRef<Worker> b = w.Spawn("b");
  b.Tell(&Worker::KillSelf);
  b.Tell(&Worker::Do, "one");
  CHECK(w.Take() == "b made, b start, b still here, b stop, b gone");
  const ActorRef<Worker> c = w.Spawn("c");
  c.Tell(&Worker::StopSelf);
  c.Tell(&Worker::Do, "one");
  CHECK(w.Take() == "c made, c start, c did one, c stop, c gone");
}

TEST_CASE("lifecycle: a fault at start is the end, and is told") {
  for (const char* name : {"stillborn", "thrower"}) {
    World w;
    const ActorRef<Worker> a = w.Spawn(name);
    a.Tell(&Worker::Do, "one");
    CHECK(w.StatusOf(a.Ask(&Worker::Do, "x")) == "CANCELLED");
    const std::string n = name;
    CHECK(w.Take() == n + " made, " + n + " start, " + n + " gone");
    REQUIRE(w.crashes.size() == 1);
    CHECK(w.crashes[0].ends_with(" at start, stops"));
    CHECK(w.StatusOf(a.Join()) == "OK");
    CHECK(w.vm.core().unobserved_fault_count() == 1);
  }
}

TEST_CASE("lifecycle: OnFault lets it go on, or stops it") {
  World w;
  const ActorRef<Worker> a = w.Spawn("a");
  a.Tell(&Worker::Do, "fault");
  a.Tell(&Worker::Do, "one");
  CHECK(w.Take() == "a made, a start, a fault #exception(\"fault\"), a did one");
  a.Tell(&Worker::Do, "fatal");
  a.Tell(&Worker::Do, "two");
  CHECK(w.Take() == "a fault #exception(\"fatal\"), a stop, a gone");
  CHECK(w.crashes == Log{"do: #exception(\"fault\")", "do: #exception(\"fatal\"), stops"});
}

TEST_CASE("lifecycle: watch and link") {
  World w;
  const ActorRef<Worker> a = w.Spawn("a"), b = w.Spawn("b"), c = w.Spawn("c");
  a.Tell(&Worker::WatchOther, b);
  b.Tell(&Worker::LinkOther, c);
  w.Take();
  c.Kill();
  CHECK(w.Take() == "c stop, c gone, b stop, b gone, a saw an end");
  // One that is over already.
  a.Tell(&Worker::WatchOther, c);
  CHECK(w.Take() == "a saw an end");
  const ActorRef<Worker> d = w.Spawn("d"), e = w.Spawn("e");
  d.Tell(&Worker::LinkOther, e);
  w.Take();
  d.Stop();
  CHECK(w.Take() == "d stop, d gone, e stop, e gone");
}

TEST_CASE("lifecycle: a watcher of several is told which one it was, once") {
  World w;
  const ActorRef<Worker> boss = w.Spawn("boss"), a = w.Spawn("a"), b = w.Spawn("b");
  boss.Tell(&Worker::WatchBy, a, "one");
  boss.Tell(&Worker::WatchBy, b, "the other");
  w.Take();
  b.Kill();
  CHECK(w.Take() == "b stop, b gone, boss saw the end of the other");
  a.Stop();
  CHECK(w.Take() == "a stop, a gone, boss saw the end of one");
  // Nobody is told whose life is over.
  const ActorRef<Worker> c = w.Spawn("c");
  boss.Tell(&Worker::WatchBy, c, "a third");
  w.Take();
  boss.Stop();
  c.Stop();
  CHECK(w.Take() == "boss stop, boss gone, c stop, c gone");
}

TEST_CASE("lifecycle: shutdown is in reverse order, and what OnStop sends arrives") {
  World w;
  const ActorRef<Worker> a = w.Spawn("a"), b = w.Spawn("b"), c = w.Spawn("c");
  int told = 0;
  const Root heard = w.vm.Create([&](Turn&) { ++told; });
  w.Take();
  b.Tell(&Worker::Do, "last");
  w.vm.Shutdown();
  CHECK(w.Take() == "b did last, c stop, c gone, b stop, b gone, a stop, a gone");
  CHECK(w.vm.actors().count() == 0);
  bool done = false;
  w.vm.actors().BeginShutdown({}, [&] { done = true; });
  CHECK(done);
}

TEST_CASE("lifecycle: a VM goes with all that is under way, newest first, without OnStop") {
  Log log;
  ActorRef<Worker> kept;
  {
    Vm vm;
    kept = vm.Spawn<Worker>(&log, "a");
    const ActorRef<Worker> b = vm.Spawn<Worker>(&log, "b");
    vm.Run();
    kept.Tell(&Worker::Do, "never");
    kept.Ask(&Worker::Do, "never").Then([](const absl::Status&) { FAIL("called"); });
    log.clear();
  }
  CHECK(absl::StrJoin(log, ", ") == "b gone, a gone");
  CHECK(kept.is_empty());
  kept.Tell(&Worker::Do, "nobody");
  kept.Stop();
  kept.Kill();
  std::string code;
  kept.Ask(&Worker::Do, "x").Then([&](const absl::Status& s) {
    code = absl::StatusCodeToString(s.code());
  });
  CHECK(code == "UNAVAILABLE");
}

TEST_CASE("lifecycle: what nobody can reach is collected, and its object goes") {
  World w;
  { const ActorRef<Worker> a = w.Spawn("a"); }
  w.Take();
  w.vm.core().CollectFor(Value::Nil());
  const ActorRef<Worker> b = w.Spawn("b");
  CHECK(w.Take() == "a gone, b made, b start");
}

TEST_CASE("lifecycle: a script's supervisor starts, restarts and stops typed actors") {
  World w;
  const Root behavior = BehaviorOf<Worker>(w.vm, &w.log, std::string("s"));
  const absl::StatusOr<Module> module = w.vm.Load("family.ves", R"(
    fn family(b) = supervisor({on_fault: #restart, restarts: 2}, [{name: #worker, behavior: b}])
    behavior probe(s, done) { #go(m) => when s <- #child(#worker) { c => c <- m } }
  )");
  REQUIRE(module.ok());
  const std::optional<Value> family = module->Get("family");
  REQUIRE(family.has_value());
  const Value arguments[] = {behavior.value()};
  const Language::Applied applied = w.vm.core().Apply(*family, arguments, 100'000);
  REQUIRE(applied.how == Language::Applied::How::kValue);
  const Root supervisor = w.vm.Create(applied.value);
  const Root probe = w.vm.Create(module->Behavior("probe", {supervisor.value(), w.vm.Nil()}));
  const auto tell = [&](const char* what) {
    w.vm.Send(probe, w.vm.Tagged("go", w.vm.Tagged("do", what)));
    return w.Take();
  };
  CHECK(tell("one") == "s made, s start, s did one");
  CHECK(tell("fault") == "s fault #exception(\"fault\"), s gone");
  CHECK(tell("two") == "s made, s start, s did two");
  w.vm.Send(supervisor, w.vm.Symbol("stop"));
  CHECK(w.Take() == "s gone");
}

TEST_CASE("lifecycle: what is made of arguments that cannot be copied has one life") {
  class Owner {
   public:
    explicit Owner(std::unique_ptr<int64_t> owned) : owned_(std::move(owned)) {}
    void Touch() { ++*owned_; }

   private:
    std::unique_ptr<int64_t> owned_;
  };
  World w;
  const ActorRef<Owner> spawned = w.vm.Spawn<Owner>(std::make_unique<int64_t>(7));
  CHECK(w.StatusOf(spawned.Ask(&Owner::Touch)) == "OK");
  const Root behavior = BehaviorOf<Owner>(w.vm, std::make_unique<int64_t>(7));
  const Root first = w.vm.Create(behavior.value()), second = w.vm.Create(behavior.value());
  const auto touch = [&](const Root& root) {
    return w.StatusOf(ActorRef<Owner>::From(w.vm.actors(), root.value())->Ask(&Owner::Touch));
  };
  CHECK(touch(first) == "OK");
  CHECK(touch(second) == "CANCELLED");
  CHECK(touch(first) == "OK");
}

TEST_CASE("lifecycle: a supervisor in C++") {
  World w;
  const absl::StatusOr<Supervisor> family =
      Supervisor::Create(w.vm, {.strategy = Supervisor::Strategy::kOneForAll, .restarts = 3},
                         {{"first", BehaviorOf<Worker>(w.vm, &w.log, std::string("x"))},
                          {"second", BehaviorOf<Worker>(w.vm, &w.log, std::string("y"))}});
  REQUIRE(family.ok());
  ActorRef<Worker> x, y;
  family->Child<Worker>("first").Then([&](absl::StatusOr<ActorRef<Worker>> r) { x = *r; });
  family->Child<Worker>("second").Then([&](absl::StatusOr<ActorRef<Worker>> r) { y = *r; });
  w.vm.Run();
  x.Tell(&Worker::Do, "one");
  y.Tell(&Worker::Do, "one");
  CHECK(w.Take() == "x made, x start, x did one, y made, y start, y did one");
  // Both begin anew, behind the same refs.
  x.Tell(&Worker::Do, "fault");
  CHECK(w.Take() == "x fault #exception(\"fault\"), x gone, y gone");
  y.Tell(&Worker::Do, "two");
  CHECK(w.Take() == "y made, y start, y did two");
  std::string code;
  family->Child<Worker>("third").Then([&](absl::StatusOr<ActorRef<Worker>> r) {
    code = absl::StatusCodeToString(r.status().code());
  });
  w.vm.Run();
  CHECK(code == "ABORTED");
  family->Stop();
  CHECK(w.Take() == "y gone");
  CHECK(w.StatusOf(x.Ask(&Worker::Do, "x")) == "CANCELLED");
}

}  // namespace
}  // namespace vesicle
