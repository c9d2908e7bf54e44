// Publish and subscribe: a hub passes on what a station reports to all who have joined. One of them
// leaves, one comes late, one dies of a fault, of which the hub is told, and one falls silent,
// which it finds out by a heartbeat. Each right is a ref of its own: the station can publish and
// nothing else, a reader can subscribe, and a ticket ends its own subscription and no other.
// samples/pubsub.ves is a smaller one as a script.
//
//   build/release/samples/host/pub_sub
//
// prints
//   Ada joins
//   Bob joins
//   Cleo joins
//   Ada reads rain
//   Bob reads rain
//   Cleo reads rain
//   Ada leaves
//   Dan joins
//   Bob fails to read hail
//   Cleo reads hail
//   Dan reads hail
//   Bob goes
//   Bob has ended
//   --- 1 s
//   2 of 2 are there
//   Cleo dozes off
//   --- 2 s
//   Cleo is silent
//   1 of 2 are there
//   Dan reads sun
//   --- 3 s
//   1 of 1 are there
//   the hub closes
//   the station goes off the air
//   Dan goes
//   Cleo goes
//   Ada goes
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vm/native/task/task.h"

namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using vesicle::ActorRef;
using vesicle::Context;
using vesicle::Sender;
using vesicle::Task;

class Hub;
class Reader;

// What a subscriber holds.
class Ticket {
 public:
  Ticket(ActorRef<Hub> hub, int64_t number) : hub_(std::move(hub)), number_(number) {}
  void Cancel(Context& context);

 private:
  ActorRef<Hub> hub_;
  int64_t number_;
};

using Publish = Sender<void(std::string)>;
using Subscribe = Sender<ActorRef<Ticket>(std::string, ActorRef<Reader>)>;

class Reader {
 public:
  Reader(std::string name, Subscribe subscribe, std::string cannot_read = "")
      : name_(std::move(name)),
        subscribe_(std::move(subscribe)),
        cannot_read_(std::move(cannot_read)) {}
  void OnStart(Context& context) {
    subscribe_.Ask(name_, context.self<Reader>()).Then([this](absl::StatusOr<ActorRef<Ticket>> t) {
      if (t.ok()) ticket_ = *std::move(t);
    });
  }
  // Told, not asked: nobody takes the status, so that it is a fault.
  absl::Status Read(const std::string& line) {
    if (line == cannot_read_) return absl::DataLossError(line);
    std::cout << name_ << " reads " << line << "\n";
    return absl::OkStatus();
  }
  vesicle::FaultVerdict OnFault(const vesicle::Crash& crash) {
    std::cout << name_ << " fails to " << crash.method << " " << cannot_read_ << "\n";
    return vesicle::FaultVerdict::kStop;
  }
  void OnStop() { std::cout << name_ << " goes\n"; }
  void Leave() { ticket_.Tell(&Ticket::Cancel); }
  void Doze() {
    std::cout << name_ << " dozes off\n";
    is_dozing_ = true;
  }
  // Answers, unless it dozes.
  Task<void> Beat() {
    while (is_dozing_) co_await vesicle::Sleep(1h);
  }
  using Methods = vesicle::Methods<&Reader::Read>;  // its name in a report: "read"

 private:
  std::string name_;
  Subscribe subscribe_;
  std::string cannot_read_;
  ActorRef<Ticket> ticket_;
  bool is_dozing_ = false;
};

class Station {
 public:
  explicit Station(Publish publish) : publish_(std::move(publish)) {}
  void Report(const std::string& line) { publish_.Tell(line); }
  void OnStop() { std::cout << "the station goes off the air\n"; }

 private:
  Publish publish_;
};

class Hub {
 public:
  void OnStart(Context& context) { context.Start(KeepBeating()); }
  void OnStop() { std::cout << "the hub closes\n"; }

  void Publish(const std::string& line) {
    for (const auto& [number, subscriber] : subscribers_) {
      subscriber.reader.Tell(&Reader::Read, line);
    }
  }
  ActorRef<Ticket> Subscribe(Context& context, std::string name, ActorRef<Reader> reader) {
    const int64_t number = ++last_number_;
    std::cout << name << " joins\n";
    context.Watch(reader, &Hub::Drop, number, "has ended");
    subscribers_.emplace(number, Subscriber{std::move(name), std::move(reader)});
    return context.Spawn<Ticket>(context.self<Hub>(), number);
  }
  void Drop(int64_t number, const std::string& why) {
    const auto at = subscribers_.find(number);
    if (at == subscribers_.end()) return;  // it was dropped before
    std::cout << at->second.name << " " << why << "\n";
    subscribers_.erase(at);
  }
  // From now on they end together.
  void Carry(Context& context, ActorRef<Station> station) { context.Link(station); }

 private:
  struct Subscriber {
    std::string name;
    ActorRef<Reader> reader;
  };

  // For as long as the hub lives, which serves others meanwhile: a task ends with its actor.
  Task<void> KeepBeating() {
    for (;;) {
      co_await vesicle::Sleep(1s);
      // All are asked at once; the time of each runs from here.
      std::vector<std::pair<int64_t, vesicle::Asked<void>>> asked;
      for (const auto& [number, subscriber] : subscribers_) {
        asked.emplace_back(number, subscriber.reader.Ask(&Reader::Beat).Within(300ms));
      }
      size_t there = 0;
      for (auto& [number, answer] : asked) {
        const absl::Status beat = co_await answer;
        if (beat.ok()) ++there;
        if (absl::IsDeadlineExceeded(beat)) Drop(number, "is silent");
      }
      std::cout << there << " of " << asked.size() << " are there\n";
    }
  }

  std::map<int64_t, Subscriber> subscribers_;  // by the numbers of their tickets
  int64_t last_number_ = 0;
};

void Ticket::Cancel(Context& context) {
  hub_.Tell(&Hub::Drop, number_, "leaves");
  context.Stop();
}

}  // namespace

int main() {
  // Moved by hand, so that each run prints the same. With an event loop it is LoopTime
  // (vm/loop/loop_time.h), and the loop's Run() instead of `pass`.
  vesicle::ManualTime time;
  vesicle::Vm vm;
  vm.actors().SetTime(&time);
  const auto pass = [&](std::chrono::milliseconds by) {
    for (; by > 0ms; by -= 100ms) {
      time.Advance(100ms);
      vm.Run();
    }
  };
  const auto begin_second = [&](int second) {
    std::cout << "--- " << second << " s\n";
    pass(500ms);
  };

  const ActorRef<Hub> hub = vm.Spawn<Hub>();
  const ActorRef<Station> station = vm.Spawn<Station>(hub.Narrow(&Hub::Publish));
  hub.Tell(&Hub::Carry, station);
  const Subscribe subscribe = hub.Narrow(&Hub::Subscribe);
  const ActorRef<Reader> ada = vm.Spawn<Reader>("Ada", subscribe);
  const ActorRef<Reader> bob = vm.Spawn<Reader>("Bob", subscribe, "hail");
  const ActorRef<Reader> cleo = vm.Spawn<Reader>("Cleo", subscribe);
  vm.Run();
  station.Tell(&Station::Report, "rain");
  vm.Run();
  ada.Tell(&Reader::Leave);
  vm.Run();
  const ActorRef<Reader> dan = vm.Spawn<Reader>("Dan", subscribe);
  vm.Run();
  station.Tell(&Station::Report, "hail");
  pass(900ms);

  begin_second(1);
  cleo.Tell(&Reader::Doze);
  pass(500ms);
  begin_second(2);
  station.Tell(&Station::Report, "sun");
  pass(500ms);
  begin_second(3);

  hub.Stop();
  vm.Run();
  vm.Shutdown();  // all that are left, the newest first
  vm.actors().SetTime(nullptr);
}
