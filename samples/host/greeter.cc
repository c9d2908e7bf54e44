// Typed actors: plain classes that send to each other, to a script, and wait for each other.
//
//   build/release/samples/host/greeter
//
// prints
//   hello, Ada
//   hello, Bob
//   goodnight after 2 greetings
//   a script: hello, Eve
//   the greeter said 3 greetings
//   wrong: #type("greet of Greeter: argument 1: wanted a text, got integer 7")
//   the greeter goes
#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "vm/native/task/task.h"
#include "vm/value/print.h"

namespace {

using std::chrono_literals::operator""s;

class Greeter {
 public:
  explicit Greeter(std::string with) : with_(std::move(with)) {}
  std::string Greet(const std::string& name) {
    ++count_;
    return with_ + ", " + name;
  }
  int64_t Count() const { return count_; }
  void OnStop() { std::cout << "the greeter goes\n"; }
  // What scripts may call: #greet(name), #count.
  using Methods = vesicle::Methods<&Greeter::Greet, &Greeter::Count>;

 private:
  std::string with_;
  int64_t count_ = 0;
};

class Host {
 public:
  explicit Host(vesicle::ActorRef<Greeter> greeter) : greeter_(std::move(greeter)) {}

  // A task: the actor serves others while it waits.
  vesicle::Task<absl::StatusOr<int64_t>> Welcome(std::string first, std::string second) {
    for (const std::string& name : {first, second}) {
      const absl::StatusOr<std::string> line =
          co_await greeter_.Ask(&Greeter::Greet, name).Within(1s);
      if (!line.ok()) co_return line.status();
      std::cout << *line << "\n";
    }
    co_return co_await greeter_.Ask(&Greeter::Count);
  }

 private:
  vesicle::ActorRef<Greeter> greeter_;
};

constexpr char kScript[] = R"(
behavior guest(greeter) {
  #come(name) => greeter <- #greet(name)
}
)";

}  // namespace

int main() {
  vesicle::ManualTime time;  // stands still: a host with an event loop has LoopTime
  vesicle::Vm vm;
  vm.actors().SetTime(&time);

  const vesicle::ActorRef<Greeter> greeter = vm.Spawn<Greeter>("hello");
  const vesicle::ActorRef<Host> host = vm.Spawn<Host>(greeter);
  host.Ask(&Host::Welcome, "Ada", "Bob").Then([](const absl::StatusOr<int64_t>& count) {
    std::cout << "goodnight after " << count.value_or(-1) << " greetings\n";
  });
  vm.Run();

  // For a script it is a ref like any other.
  const absl::StatusOr<vesicle::Module> module = vm.Load("guest.ves", kScript);
  if (!module.ok()) return 1;
  const vesicle::Root guest = vm.Create(module->Behavior("guest", {greeter.value()}));
  const auto print = [](const char* what) {
    return [what](const vesicle::Reply& reply) {
      const vesicle::Value v = reply.ok() ? reply.value() : reply.reason();
      std::cout << what << vesicle::Print(v, {.top_text = vesicle::TopText::kPlain}) << "\n";
    };
  };
  vm.Ask(guest, vm.Tagged("come", "Eve"), print("a script: "));
  vm.Run();
  greeter.Ask(&Greeter::Count).Then([](const absl::StatusOr<int64_t>& count) {
    std::cout << "the greeter said " << count.value_or(-1) << " greetings\n";
  });
  vm.Ask(guest, vm.Tagged("come", 7), print("wrong: "));
  vm.Run();

  vm.Shutdown();  // everybody's OnStop, the newest first
  vm.actors().SetTime(nullptr);
}
