// Calls that do not compile. Behind each stands what the compiler is to say; compile_errors.sh
// compiles this once as it is, and once without the wrong ones.
#include <memory>
#include <string>
#include <vector>

#include "vm/native/task/attach.h"
#include "vm/native/task/channel.h"
#include "vm/native/task/task.h"

namespace {

class Counter {
 public:
  void Add(int64_t) {}
  int64_t Get() { return 0; }
  void Flag(bool) {}
  void Hold(vesicle::Value) {}
  void Keep(std::unique_ptr<int>) {}
  void Change(std::string&) {}
  std::unique_ptr<int> Give() { return nullptr; }
  vesicle::Task<void> Look(const std::string&) { co_return; }
  vesicle::Task<void> Wait(int n) {
#ifdef WRONG
    co_await n;  // wants: vesicle: this cannot be awaited in a task
#endif
    co_return;
  }
  int field = 0;
};
class Other {
 public:
  void Do() {}
};
class Server {
 public:
  void OnNumber(int64_t) {}
  void OnText(const std::string&) {}
  int64_t Answers(int64_t n) { return n; }
  void Two(int64_t, int64_t) {}
};
class Picky {
 public:
  explicit Picky(std::string) {}
};

}  // namespace

void Sources(vesicle::Context& context, vesicle::Channel<int64_t> numbers) {
  context.Attach(numbers, &Server::OnNumber, {.burst_max = 2});
#ifdef WRONG
  // clang-format off
  context.Attach(numbers, &Server::OnText);         // wants: vesicle: the method of a source takes another type
  context.Attach(numbers, &Server::Answers);        // wants: vesicle: the method of a source returns nothing
  context.Attach(numbers, &Server::Two);            // wants: vesicle: the method of a source takes its item
  context.Attach(3, &Server::OnNumber);             // wants: vesicle: this is no source of items
  context.Attach([] { return 3; }, &Server::OnNumber);  // wants: vesicle: this cannot be awaited in a task|no member|not a class
  // clang-format on
#endif
}

void Calls(vesicle::Vm& vm, const vesicle::ActorRef<Counter>& c,
           const vesicle::ActorRef<Other>& o) {
  c.Tell(&Counter::Add, 3);
  c.Ask(&Counter::Get).Then([](absl::StatusOr<int64_t>) {});
  vesicle::Sender<void(int64_t)> add = c.Narrow(&Counter::Add);
  vm.Spawn<Picky>("x");
  o.Tell(&Other::Do);
#ifdef WRONG
  // Each stands in a line with what it wants.
  // clang-format off
  c.Tell(&Other::Do);          // wants: vesicle: this actor is of another class than the method
  c.Tell(&Counter::Add);       // wants: vesicle: the method takes another number of arguments
  c.Tell(&Counter::Add, "x");  // wants: vesicle: an argument has another type
  c.Tell(&Counter::Add, 1.5);  // wants: vesicle: an argument has another type
  c.Tell(&Counter::Flag, 1);   // wants: vesicle: an argument has another type
  c.Tell(&Counter::field);     // wants: vesicle: say which method as &Class::Method
  c.Tell(&Counter::Keep, std::make_unique<int>());  // wants: vesicle: a parameter of the method has no conversion
  c.Tell(&Counter::Change, std::string());  // wants: vesicle: a method of an actor takes its arguments by value
  c.Tell(&Counter::Give);       // wants: vesicle: what the method returns has no conversion
  c.Tell(&Counter::Look, "x");  // wants: vesicle: a task takes its arguments by value
  add.Tell("x");                // wants: vesicle: an argument has another type
  vm.Spawn<Picky>(3);           // wants: vesicle: the class has no constructor for these arguments
  std::move(c.Ask(&Counter::Get)).Then([](absl::StatusOr<std::vector<int>>) {});  // wants: could not convert|no matching|cannot convert
  // clang-format on
#endif
}

void Watches(vesicle::Context& context, const vesicle::ActorRef<Other>& o, vesicle::Value v) {
  context.Watch(o, &Counter::Flag, true);
#ifdef WRONG
  // clang-format off
  context.Watch(o, &Counter::Flag);     // wants: vesicle: the method takes another number of arguments
  context.Watch(o, &Counter::Add, "x"); // wants: vesicle: an argument has another type
  context.Watch(o, &Counter::Hold, v);  // wants: vesicle: what a watcher is told of an end is kept
  // clang-format on
#else
  (void)v;
#endif
}
