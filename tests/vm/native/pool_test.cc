// Pools of places, and components that a third party links.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "vm/native/task/component.h"
#include "vm/native/task/select.h"
#include "vm/native/task/task.h"
#include "vm/native/task/worker_pool.h"

namespace vesicle {
namespace {

using std::chrono_literals::operator""ms;

class User {
 public:
  User(WorkerPool pool, std::vector<std::string>* log) : pool_(std::move(pool)), log_(*log) {}
  Task<void> Use(std::string name, int64_t ms) {
    const Reservation place = co_await pool_.Reserve();
    log_.push_back(name + (place ? " has a place" : " has none"));
    co_await Sleep(std::chrono::milliseconds(ms));
    log_.push_back(name + " goes");
  }
  // Waits no longer than so.
  Task<bool> Try(int64_t ms) {
    auto got = co_await Select(pool_.Reserve(), Sleep(std::chrono::milliseconds(ms)));
    co_return got.index() == 0;
  }
  Promise<void> Hold(Context& context) {
    auto [promise, resolver] = context.MakePromise<void>();
    held_.push_back(std::move(resolver));
    return promise;
  }
  void Finish() {
    for (auto& h : held_) h.Keep();
  }

 private:
  WorkerPool pool_;
  std::vector<std::string>& log_;
  std::vector<Resolver<void>> held_;
};

struct World {
  World() { vm.actors().SetTime(&time); }
  ~World() { vm.actors().SetTime(nullptr); }
  void Advance(std::chrono::milliseconds by) {
    vm.Run();
    time.Advance(by);
    vm.Run();
  }
  std::string Take() {
    const std::string all = absl::StrJoin(log, ", ");
    log.clear();
    return all;
  }
  ManualTime time;
  std::vector<std::string> log;
  Vm vm;
};

TEST_CASE("pool: places go around in the order of waiting, however a task ends") {
  World w;
  const WorkerPool pool(w.vm.actors(), 2);
  const ActorRef<User> a = w.vm.Spawn<User>(pool, &w.log), b = w.vm.Spawn<User>(pool, &w.log);
  for (const char* name : {"one", "two", "three", "four"}) a.Tell(&User::Use, name, 10);
  b.Tell(&User::Use, "five", 10);
  w.Advance(0ms);
  CHECK(w.Take() == "one has a place, two has a place");
  CHECK(pool.waiting() == 3);
  CHECK_FALSE(pool.TryReserve().has_value());
  w.Advance(10ms);
  CHECK(w.Take() == "one goes, two goes, three has a place, four has a place");
  bool got = true;
  b.Ask(&User::Try, 1).Then([&](absl::StatusOr<bool> r) { got = *r; });
  w.Advance(1ms);
  CHECK_FALSE(got);
  // With their actor they go, and what they hold.
  a.Kill();
  w.Advance(0ms);
  CHECK(w.Take() == "five has a place");
  w.Advance(10ms);
  CHECK(w.Take() == "five goes");
  CHECK(pool.taken() == 0);
  CHECK(pool.waiting() == 0);
}

TEST_CASE("pool: what is submitted holds its place until it is done; a closed pool has none") {
  World w;
  const WorkerPool pool(w.vm.actors(), 1, {.waiting_max = 1});
  const ActorRef<User> a = w.vm.Spawn<User>(pool, &w.log);
  CHECK(pool.TrySubmit(a, &User::Hold).ok());
  w.vm.Run();
  CHECK(pool.TrySubmit(a, &User::Hold).code() == absl::StatusCode::kResourceExhausted);
  a.Tell(&User::Use, "one", 0);
  a.Tell(&User::Use, "two", 0);
  w.vm.Run();
  CHECK(w.Take() == "two has none");
  a.Tell(&User::Finish);
  w.vm.Run();
  CHECK(w.Take() == "one has a place");
  pool.Close();
  w.Advance(1ms);
  CHECK(pool.taken() == 0);
  a.Tell(&User::Use, "three", 0);
  w.Advance(1ms);
  CHECK(w.Take() == "two goes, one goes, three has none, three goes");
}

// Adds a mark to what comes by.
class Stage {
 public:
  Stage(std::string mark, Boxes<std::string> boxes)
      : mark_(std::move(mark)), boxes_(std::move(boxes)) {}
  void OnStart(Context& context) { context.Start(Work()); }
  Task<void> Work() {
    while (std::optional<std::string> item = co_await boxes_.Receive("in")) {
      if (!co_await boxes_.Send("out", *item + mark_)) co_return;
    }
  }

 private:
  std::string mark_;
  Boxes<std::string> boxes_;
};

TEST_CASE("component: a third party links, unlinks and links anew, and nothing is lost") {
  World w;
  Boxes<std::string> a(w.vm.actors(), 2), b(w.vm.actors(), 2), c(w.vm.actors(), 2);
  const ActorRef<Stage> first = w.vm.Spawn<Stage>("a", a), second = w.vm.Spawn<Stage>("b", b);
  const auto take = [&](Boxes<std::string>& boxes) {
    std::string all;
    w.vm.Run();
    while (std::optional<std::string> item = boxes.TryReceive("in")) {
      absl::StrAppend(&all, all.empty() ? "" : " ", *item);
      w.vm.Run();
    }
    return all;
  };
  a.Link("out", b, "in");
  b.Link("out", c, "in");
  CHECK(a.TryPut("in", "1"));
  CHECK(a.TryPut("in", "2"));
  CHECK(take(c) == "1ab 2ab");
  // Past the second one; then to nobody; then there again.
  a.Link("out", c, "in");
  CHECK(a.TryPut("in", "3"));
  CHECK(take(c) == "3a");
  a.Unlink("out");
  for (int i = 4; i < 9; ++i) {
    CHECK(a.TryPut("in", absl::StrCat(i)) == (i < 9));
    w.vm.Run();
  }
  CHECK_FALSE(a.TryPut("in", "10"));  // two are kept, one is in hand, two wait
  CHECK(take(c).empty());
  a.Link("out", b, "in");
  CHECK(take(c) == "4ab 5ab 6ab 7ab 8ab");
  a.Close("in");
  first.Kill();
  second.Kill();
  w.vm.Run();
  CHECK(w.vm.actors().count() == 0);
}

}  // namespace
}  // namespace vesicle
