// What tasks await of the event loop: completions, the pool, signals, descriptors, requests and
// handles of libuv; each also cancelled where it stands.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/vm/loop/fixture.h"
#include "vm/loop/await/ready.h"
#include "vm/loop/await/uv_await.h"
#include "vm/loop/loop_time.h"
#include "vm/native/task/select.h"
#include "vm/native/task/task.h"

namespace vesicle {
namespace {

using std::chrono_literals::operator""ms;

// What the actors of these tests share with the test, on its stack.
struct Shared {
  explicit Shared(VmLoop& loop_in) : loop(loop_in) {}
  LoopRef loop;
  std::vector<std::string> log;
  std::optional<Completion<int>::Done> done;
  // For threads of the pool, which may be the last to look.
  struct Pool {
    std::atomic<int> ran{0};
    std::atomic<bool> may_end{false};
    void Work() {
      while (!may_end) std::this_thread::sleep_for(1ms);
      ++ran;
    }
  };
  std::shared_ptr<Pool> pool = std::make_shared<Pool>();
  int cancelled = 0;
  int fd = -1;
  std::string path;
};

Completion<std::string> NameOf(const LoopRef& loop) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(80);
  return AwaitRequest<uv_getnameinfo_t, std::string>(
      loop, "name of a host",
      [&](uv_loop_t* uv, uv_getnameinfo_t* request, auto callback) {
        return uv_getnameinfo(uv, request, callback, reinterpret_cast<sockaddr*>(&address),
                              NI_NUMERICHOST | NI_NUMERICSERV);
      },
      [](uv_getnameinfo_t*, int status, const char* host,
         const char* service) -> absl::StatusOr<std::string> {
        if (status < 0) return UvStatus(status, "name of a host");
        return absl::StrCat(host, ":", service);
      });
}

Completion<std::string> ChangeIn(const LoopRef& loop, const std::string& folder) {
  return AwaitHandle<uv_fs_event_t, std::string>(
      loop, "folder", uv_fs_event_init,
      [&](uv_fs_event_t* handle, auto callback) {
        return uv_fs_event_start(handle, callback, folder.c_str(), 0);
      },
      [](uv_fs_event_t*, const char* name, int, int status) -> absl::StatusOr<std::string> {
        if (status < 0) return UvStatus(status, "folder");
        return std::string(name);
      });
}

class Waiter {
 public:
  explicit Waiter(Shared* shared) : shared_(*shared) {}

  Task<void> Compute() {
    auto sum = RunInPool(shared_.loop, [] { return 2 + 3; });
    auto text = RunInPool(shared_.loop, [] { return std::string("text"); });
    const auto count = [pool = shared_.pool] { ++pool->ran; };
    auto nothing = RunInPool(shared_.loop, count);
    absl::AnyInvocable<int()> once = [n = std::make_unique<int>(9)] { return *n; };
    auto moved = RunInPool(shared_.loop, std::move(once));
    auto status = RunInPool(shared_.loop, [] { return absl::NotFoundError("no such thing"); });
    auto error = RunInPool(shared_.loop,
                           []() -> absl::StatusOr<int> { return absl::DataLossError("lost"); });
    auto thrown = RunInPool(shared_.loop, []() -> int { throw std::runtime_error("in the pool"); });
    auto odd = RunInPool(shared_.loop, []() -> int { throw 3; });
    Note((co_await std::move(text)).value());
    Note(absl::StrCat((co_await std::move(sum)).value()));
    Note((co_await std::move(nothing)).ToString());
    Note(absl::StrCat((co_await std::move(moved)).value()));
    Note((co_await std::move(status)).ToString());
    Note((co_await std::move(error)).status().ToString());
    Note((co_await std::move(thrown)).status().ToString());
    Note((co_await std::move(odd)).status().ToString());
  }
  Task<void> Signal(int number) { Note((co_await NextSignal(shared_.loop, number)).ToString()); }
  Task<void> Readable() {
    Note((co_await WaitReadable(shared_.loop, shared_.fd)).ToString());
    Note((co_await WaitWritable(shared_.loop, shared_.fd)).ToString());
  }
  Task<void> Named() { Note((co_await NameOf(shared_.loop)).value()); }
  Task<void> Changed() {
    Note((co_await ChangeIn(shared_.loop, shared_.path)).value_or("none"));
    Note(absl::StatusCodeToString(
        (co_await ChangeIn(shared_.loop, shared_.path + "/none")).status().code()));
  }
  Task<void> Own() {
    Completion<int> own(shared_.loop);
    shared_.done = own.done();
    own.OnCancel([&shared = shared_] { ++shared.cancelled; });
    const absl::StatusOr<int> n = co_await std::move(own);
    Note(n.ok() ? absl::StrCat(*n) : n.status().ToString());
  }
  // The first that is ready of two that are; then one that is borrowed, and not lost.
  Task<void> Choose() {
    Completion<int> a(shared_.loop), b(shared_.loop);
    b.done()(2);
    a.done()(1);
    a.done()(7);
    auto got = co_await Select(a, b);
    Note(absl::StrCat("number ", got.index(), ": ", *std::get<0>(got)));
    Completion<int> late(shared_.loop);
    shared_.done = late.done();
    for (int i = 0; i < 3; ++i) {
      auto next = co_await Select(late, Sleep(1ms));
      Note(absl::StrCat("number ", next.index()));
      if (i == 1) (*shared_.done)(3);
    }
  }
  Task<void> Until() {
    const auto work = [pool = shared_.pool] { pool->Work(); };
    auto slow = RunInPool(shared_.loop, work);
    auto got = co_await Select(std::move(slow), Sleep(5ms));
    Note(absl::StrCat("number ", got.index()));
  }
  // Each await that there is, to be cancelled at.
  Task<void> Stand(int where) {
    Note("stands");
    switch (where) {
      case 0: {
        Completion<int> own(shared_.loop);
        shared_.done = own.done();
        own.OnCancel([&shared = shared_] { ++shared.cancelled; });
        static_cast<void>(co_await std::move(own));
        break;
      }
      case 1: {
        const auto work = [pool = shared_.pool] {
          pool->Work();
          return std::string(1000, 'x');
        };
        static_cast<void>(co_await RunInPool(shared_.loop, work));
        break;
      }
      case 2:
        static_cast<void>(co_await NextSignal(shared_.loop, SIGUSR1));
        break;
      case 3:
        static_cast<void>(co_await WaitReadable(shared_.loop, shared_.fd));
        break;
      case 4:
        static_cast<void>(co_await ChangeIn(shared_.loop, shared_.path));
        break;
      case 5: {
        Completion<int> own(shared_.loop);
        const auto work = [pool = shared_.pool] { pool->Work(); };
        auto all = Select(RunInPool(shared_.loop, work), NextSignal(shared_.loop, SIGUSR1),
                          WaitReadable(shared_.loop, shared_.fd), std::move(own), Sleep(10000ms));
        static_cast<void>(co_await std::move(all));
        break;
      }
      default:
        static_cast<void>(co_await NameOf(shared_.loop));
    }
    Note("went on");
  }

 private:
  void Note(std::string text) { shared_.log.push_back(std::move(text)); }
  Shared& shared_;
};

struct Place {
  Place() : shared(*world.loop), time(*world.loop), waiter(world.vm.Spawn<Waiter>(&shared)) {}
  Vm& vm() { return world.vm; }
  void Run() { world.loop->Run(); }
  std::string Take() {
    Run();
    std::string all;
    for (const std::string& line : std::exchange(shared.log, {})) {
      absl::StrAppend(&all, all.empty() ? "" : ", ", line);
    }
    return all;
  }
  World world;
  Shared shared;
  LoopTime time;
  ActorRef<Waiter> waiter;
};

TEST_CASE("await: work in the pool, several at once, and what it yields or throws") {
  Place p;
  p.waiter.Tell(&Waiter::Compute);
  CHECK(p.Take() ==
        "text, 5, OK, 9, NOT_FOUND: no such thing, DATA_LOSS: lost, "
        "ABORTED: work in the pool threw: in the pool, "
        "ABORTED: work in the pool threw something that is no std::exception");
  CHECK(p.shared.pool->ran == 1);
}

TEST_CASE("await: a signal, a descriptor, a request and a handle of libuv") {
  Place p;
  p.waiter.Tell(&Waiter::Signal, SIGUSR1);
  p.vm().Run();
  REQUIRE(kill(getpid(), SIGUSR1) == 0);
  CHECK(p.Take() == "OK");
  p.waiter.Tell(&Waiter::Signal, 4711);
  CHECK(p.Take() == "UNAVAILABLE: signal: invalid argument");

  p.shared.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  p.waiter.Tell(&Waiter::Readable);
  p.vm().Run();
  CHECK(p.shared.log.empty());
  REQUIRE(eventfd_write(p.shared.fd, 1) == 0);
  CHECK(p.Take() == "OK, OK");
  close(p.shared.fd);

  p.waiter.Tell(&Waiter::Named);
  CHECK(p.Take() == "0.0.0.0:80");

  const TemporaryFolder folder;
  p.shared.path = folder.path;
  p.waiter.Tell(&Waiter::Changed);
  p.vm().Run();
  const std::string name = folder.path + "/new";
  close(open(name.c_str(), O_CREAT | O_CLOEXEC | O_WRONLY, 0600));
  CHECK(p.Take() == "new, UNAVAILABLE");
}

TEST_CASE("await: a completion of one's own; the first call counts") {
  Place p;
  p.waiter.Tell(&Waiter::Own);
  p.vm().Run();
  CHECK(p.shared.done->is_wanted());
  (*p.shared.done)(5);
  (*p.shared.done)(6);
  CHECK(!p.shared.done->is_wanted());
  CHECK(p.Take() == "5");
  CHECK(p.shared.cancelled == 0);
  p.waiter.Tell(&Waiter::Choose);
  CHECK(p.Take() == "number 0: 1, number 1, number 1, number 0");
}

TEST_CASE("await: who loses in a select is cancelled, and the loop stays for no longer") {
  Place p;
  p.waiter.Tell(&Waiter::Until);
  // The thread has begun: its work ends, for nobody.
  p.vm().Run();
  std::thread later([&] {
    std::this_thread::sleep_for(30ms);
    p.shared.pool->may_end = true;
  });
  CHECK(p.Take() == "number 1");
  later.join();
  CHECK(p.shared.pool->ran == 1);
}

TEST_CASE("await: work that no thread has begun does not run when nobody waits for it any more") {
  Place p;
  // More than the pool has threads for.
  std::vector<ActorRef<Waiter>> waiters;
  for (int i = 0; i < 12; ++i) {
    waiters.push_back(p.vm().Spawn<Waiter>(&p.shared));
    waiters.back().Tell(&Waiter::Until);
  }
  p.vm().Run();
  for (const ActorRef<Waiter>& w : waiters) w.Kill();
  p.vm().Run();
  p.shared.pool->may_end = true;
  p.Run();
  CHECK(p.shared.pool->ran < 12);
  CHECK(p.shared.log.empty());
}

enum class End { kKill, kStop, kLoop, kVm, kCollect };

void StandAt(int where, End end) {
  const TemporaryFolder folder;
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  auto p = std::make_unique<Place>();
  p->shared.fd = fd;
  p->shared.path = folder.path;
  std::string outcome = "pending";
  p->waiter.Ask(&Waiter::Stand, where).Then([&](const absl::Status& s) {
    outcome = absl::StatusCodeToString(s.code());
  });
  p->vm().Run();
  // Let it come so far that libuv has it.
  uv_run(p->world.loop->uv(), UV_RUN_NOWAIT);
  if (where < 6) CHECK(p->shared.log.size() == 1);
  const auto free_pool = [&] { p->shared.pool->may_end = true; };
  switch (end) {
    case End::kKill:
    case End::kStop:
      end == End::kKill ? p->waiter.Kill() : p->waiter.Stop();
      p->vm().Run();
      if (where < 6) CHECK(outcome == "CANCELLED");
      if (where == 0) {
        CHECK(p->shared.cancelled == 1);
        CHECK(!p->shared.done->is_wanted());
        (*p->shared.done)(1);
      }
      CHECK(eventfd_write(fd, 1) == 0);
      free_pool();
      p->Run();
      CHECK(p->vm().actors().alarms().size() == 0);
      break;
    case End::kLoop:
      // What waits on the loop goes on without it.
      free_pool();
      p->world.loop.reset();
      p->vm().Run();
      CHECK(p->shared.log.back() == "went on");
      CHECK(outcome == "OK");
      break;
    case End::kCollect:
      // A task that waits keeps its actor, as who waits for a timer does.
      p->waiter = {};
      p->vm().core().CollectFor(Value::Nil());
      if (where < 6) CHECK(p->vm().actors().count() == 1);
      free_pool();
      uv_run(p->world.loop->uv(), UV_RUN_NOWAIT);
      break;
    case End::kVm:
      free_pool();
      break;
  }
  CHECK(p->vm().core().heap().Verify() == nullptr);
  p.reset();
  close(fd);
}

TEST_CASE("await: cancelled at every await, nothing leaks and nothing is called") {
  for (const End end : {End::kKill, End::kStop, End::kLoop, End::kVm, End::kCollect}) {
    for (int where = 0; where <= 6; ++where) {
      CAPTURE(where);
      StandAt(where, end);
    }
  }
}

TEST_CASE("await: on a loop that is gone it is unavailable at once") {
  Vm vm;
  auto loop = *VmLoop::Create(vm);
  const LoopRef ref = *loop;
  loop.reset();
  CHECK(ref.get() == nullptr);
  auto pool = RunInPool(ref, [] { return 1; });
  CHECK(pool.is_done());
  CHECK(pool.Take().status() == absl::UnavailableError("the loop is gone"));
  CHECK(NextSignal(ref, SIGUSR1).Take() == absl::UnavailableError("the loop is gone"));
  CHECK(WaitReadable(ref, 0).Take() == absl::UnavailableError("the loop is gone"));
  CHECK(NameOf(ref).Take().status() == absl::UnavailableError("the loop is gone"));
}

TEST_CASE("await: a host's loop may go on when VM and VmLoop are gone") {
  uv_loop_t host;
  REQUIRE(uv_loop_init(&host) == 0);
  auto may_end = std::make_shared<std::atomic<bool>>(false);
  {
    Vm vm;
    auto loop = *VmLoop::Create(vm, {.host_loop = &host});
    const auto work = [may_end] {
      while (!*may_end) std::this_thread::sleep_for(1ms);
      return 1;
    };
    auto dropped = RunInPool(*loop, work);
    auto signal = NextSignal(*loop, SIGUSR1);
    uv_run(&host, UV_RUN_NOWAIT);
  }
  *may_end = true;
  uv_run(&host, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&host) == 0);
  CHECK(may_end.use_count() == 1);
}

}  // namespace
}  // namespace vesicle
