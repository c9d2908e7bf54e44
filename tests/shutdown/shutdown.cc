// Everything that a host can have, and the end of it in every order: typed actors with a task at
// each kind of suspension, membranes, devices on a loop that is the host's, VMs with threads of
// their own, a child process, a session. Nothing of it may be left: valgrind (valgrind.sh) and the
// address sanitizer count the memory, uv_loop_close the handles, and this program the descriptors
// and children.
//
//   shutdown              all orders; the child is this program once more
//   shutdown --no-child   without the child: where the system is not all there (valgrind)
//   shutdown --planted    loses an actor, which whoever counts must see
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "membrane/script.h"
#include "tests/transport/session/world.h"
#include "transport/host/child.h"
#include "transport/host/host.h"
#include "transport/host/process.h"
#include "vm/heap/check.h"
#include "vm/loop/devices.h"
#include "vm/loop/loop_time.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/task/channel.h"
#include "vm/native/task/component.h"
#include "vm/native/task/select.h"
#include "vm/native/task/task.h"
#include "vm/native/task/worker_pool.h"

namespace vesicle {
namespace {

using namespace std::chrono_literals;

// ---------------------------------------------------------------------------
// Actors whose tasks wait for what never comes

class Peer {
 public:
  Promise<int64_t> Hold(Context& context) {
    auto [promise, resolver] = context.MakePromise<int64_t>();
    held_.push_back(std::move(resolver));
    return promise;
  }
  void Note(int64_t) {}
  using Methods = vesicle::Methods<&Peer::Hold, &Peer::Note>;

 private:
  std::vector<Resolver<int64_t>> held_;
};

class Waiter {
 public:
  Waiter(ActorRef<Peer> peer, ActorRef<Peer> narrow, Actors* actors)
      : peer_(std::move(peer)),
        narrow_(std::move(narrow)),
        empty_(*actors, 4),
        full_(*actors, 1),
        meeting_(*actors, 0),
        pool_(*actors, 1),
        boxes_(*actors, 1) {
    full_.TrySend(Long());
    taken_ = pool_.TryReserve();
  }
  void OnStop() { words_ = Long(); }

  void All(Context& context) {
    context.Start(Asks());
    context.Start(AsksWithin());
    context.Start(Sleeps());
    context.Start(Receives());
    context.Start(Sends());
    context.Start(Meets());
    context.Start(Selects());
    context.Start(Nested());
    context.Start(WantsRoom());
    context.Start(WantsPlace());
    context.Start(Boxed());
    context.Start(Joins());
  }
  static constexpr int kTasks = 12;
  int64_t Begun() const { return begun_; }
  using Methods = vesicle::Methods<&Waiter::All, &Waiter::Begun>;

 private:
  // On a frame: what is seen when the frame is not let go.
  std::string Long() { return std::string(100, 'x'); }
  std::string Begin() {
    ++begun_;
    return Long();
  }
  Task<void> Asks() {
    const std::string on_frame = Begin();
    static_cast<void>(co_await peer_.Ask(&Peer::Hold));
  }
  Task<void> AsksWithin() {
    const std::string on_frame = Begin();
    static_cast<void>(co_await peer_.Ask(&Peer::Hold).Within(1h));
  }
  Task<void> Sleeps() {
    const std::string on_frame = Begin();
    co_await Sleep(1h);
  }
  Task<void> Receives() {
    const std::string on_frame = Begin();
    static_cast<void>(co_await empty_.Receive());
  }
  Task<void> Sends() {
    const std::string on_frame = Begin();
    static_cast<void>(co_await full_.Send(Long()));
  }
  Task<void> Meets() {
    const std::string on_frame = Begin();
    static_cast<void>(co_await meeting_.Send(Long()));
  }
  Task<void> Selects() {
    const std::string on_frame = Begin();
    static_cast<void>(
        co_await Select(empty_.Receive(), peer_.Ask(&Peer::Hold), full_.Send(Long()), Sleep(1h)));
  }
  Task<void> Nested() {
    const std::string on_frame = Begin();
    static_cast<void>(co_await Nests(5));
  }
  Task<int64_t> Nests(int64_t depth) {
    const std::string on_frame = Long();
    if (depth > 0) co_return 1 + co_await Nests(depth - 1);
    co_return (co_await peer_.Ask(&Peer::Hold)).value_or(0);
  }
  Task<void> WantsRoom() {
    const std::string on_frame = Begin();
    for (int i = 0; i < 3; ++i) static_cast<void>(co_await narrow_.TellWhenRoom(&Peer::Note, 1));
  }
  Task<void> WantsPlace() {
    const std::string on_frame = Begin();
    const WorkerPool::Reservation place = co_await pool_.Reserve();
  }
  Task<void> Boxed() {
    const std::string on_frame = Begin();
    for (int i = 0; i < 3; ++i) static_cast<void>(co_await boxes_.Send("out", Long()));
  }
  Task<void> Joins() {
    const std::string on_frame = Begin();
    static_cast<void>(co_await peer_.Join());
  }

  ActorRef<Peer> peer_, narrow_;
  Channel<std::string> empty_, full_, meeting_;
  WorkerPool pool_;
  Boxes<std::string> boxes_;
  std::optional<WorkerPool::Reservation> taken_;
  std::string words_;
  int64_t begun_ = 0;
};

constexpr std::string_view kScript = R"(
behavior desk(unanswered) {
  #never => {
    let [p, r] = promise()
    become desk([r, ...unanswered])
    p
  }
}
behavior wall(target) {
  #begin => {
    let [proxy, revoker] = revocable(target)
    become holds(proxy, revoker)
    when proxy <- #never { _ => nil }
    task { await proxy <- #never }
    proxy <- #never
  }
}
behavior holds(proxy, revoker) { #revoke => revoker <- #revoke }
)";

// Actors, scripts and questions of a VM, all of them in the middle of something.
struct Inhabitants {
  explicit Inhabitants(Vm& vm) {
    vm.actors().OnCrash([](const Crash&) {});
    peer = vm.Spawn<Peer>();
    narrow = vm.SpawnWith<Peer>({.inbox_max = 1});
    narrow.Ask(&Peer::Hold).Then([](const absl::StatusOr<int64_t>&) {});
    waiter = vm.Spawn<Waiter>(peer, narrow, &vm.actors());
    waiter.Tell(&Waiter::All);
    waiter.Ask(&Waiter::Begun).Then([this](const absl::StatusOr<int64_t>& n) {
      begun = n.value_or(-1);
    });
    peer.Ask(&Peer::Hold).Within(1h).Then([](const absl::StatusOr<int64_t>&) {});
    auto loaded = vm.Load("shutdown.ves", kScript);
    VESICLE_CHECK(loaded.ok());
    desk = vm.Create(loaded->Behavior("desk", {vm.List({})}));
    wall = vm.Create(loaded->Behavior("wall", {desk.value()}));
    vm.Ask(wall, vm.Symbol("begin"), [words = std::string(100, 'x')](const Reply&) {});
    module = *std::move(loaded);
  }
  void CheckBegun() const { VESICLE_CHECK_EQ(begun, int64_t{Waiter::kTasks}); }

  ActorRef<Peer> peer, narrow;
  ActorRef<Waiter> waiter;
  std::optional<Module> module;
  Root desk, wall;
  int64_t begun = -1;
};

// ---------------------------------------------------------------------------
// The ends

enum class End : uint8_t {
  kAsked,     // stop, shut down, run to the end; then all goes
  kInOrder,   // at once, the outermost first
  kVmsFirst,  // at once, what borrows them first of all; handles to what is gone go last
  kAtOnce,    // before anything has run
};
constexpr End kEnds[] = {End::kAsked, End::kInOrder, End::kVmsFirst, End::kAtOnce};

// Until `done`, or for a while.
template <typename Fn>
void Pump(uv_loop_t* loop, Fn done) {
  const uint64_t until = uv_hrtime() + uint64_t{20'000'000'000};
  while (!done() && uv_hrtime() < until) {
    uv_run(loop, UV_RUN_NOWAIT);
    std::this_thread::sleep_for(1ms);
  }
  VESICLE_CHECK(done());
}

// A VM on a loop of the host's, with devices, a child, and what lives in it.
void OnAdoptedLoop(End end, bool with_child) {
  uv_loop_t host_loop;
  VESICLE_CHECK_EQ(uv_loop_init(&host_loop), 0);
  std::optional<Inhabitants> inhabitants;
  std::unique_ptr<Process> child;
  std::optional<Poster> poster;
  {
    auto vm = std::make_unique<Vm>(VmOptions(), AddMembranes);
    auto loop = *VmLoop::Create(*vm, {.host_loop = &host_loop});
    auto time = std::make_unique<LoopTime>(*loop);
    auto processes = std::make_unique<ProcessHost>(*loop);
    poster = loop->poster();
    inhabitants.emplace(*vm);
    std::string said;
    const Root timer = MakeTimer(*loop);
    vm->Ask(timer, vm->Tagged("after", 3'600'000), [](const Reply&) {});
    vm->Ask(timer, vm->Tagged("after", 1), [](const Reply&) {});
    if (with_child) {
      child = *processes->SpawnProcess({.actor = "silent", .arguments = {inhabitants->desk}});
      child->OnEnd([words = std::string(100, 'x')](bool, const ChildEnd&) {});
      vm->Ask(child->ref(), vm->Symbol("hello"), [&](const Reply& r) { said = Print(r.value()); });
      vm->Ask(child->ref(), vm->Symbol("never"), [](const Reply&) {});
    }
    if (end != End::kAtOnce) {
      Pump(&host_loop, [&] { return inhabitants->begun >= 0 && (!with_child || !said.empty()); });
      inhabitants->CheckBegun();
    }
    if (end == End::kAsked) {
      if (child != nullptr) {
        bool is_over = false;
        child->Join([&](const ChildEnd&) { is_over = true; });
        child->Stop();
        Pump(&host_loop, [&] { return is_over; });
      }
      vm->Send(inhabitants->wall, vm->Symbol("revoke"));
      vm->Shutdown();
    }
    // A post that nobody takes any more.
    VESICLE_CHECK(poster->Post([words = std::string(100, 'x')](Vm&) {}).ok());
    if (end != End::kVmsFirst) {
      child.reset();
      inhabitants.reset();
    }
    processes.reset();
    if (end == End::kInOrder) time.reset();
    loop.reset();
    time.reset();  // which lets go of a loop that is gone
    vm.reset();
  }
  VESICLE_CHECK(absl::IsUnavailable(poster->Post([](Vm&) {})));
  child.reset();
  inhabitants.reset();
  uv_run(&host_loop, UV_RUN_DEFAULT);  // frees what was closed
  VESICLE_CHECK_EQ(uv_loop_close(&host_loop), 0);
}

// Two VMs with threads of their own, each asking the other.
void OnCores(End end) {
  std::vector<HostRef> refs(2);
  std::atomic<int> answered = 0;
  std::vector<std::unique_ptr<Inhabitants>> inhabitants(2);
  HostOptions options = {.vms = 2, .builtins = AddMembranes};
  auto host = *Host::Create(std::move(options));
  std::atomic<int> exported = 0;
  for (int i = 0; i < 2; ++i) {
    VESICLE_CHECK(host->vm(i)
                      .Post([&, i](Vm& vm, VmLoop& loop) {
                        const auto at = static_cast<size_t>(i);
                        inhabitants[at] = std::make_unique<Inhabitants>(vm);
                        refs[at] = host->vm(i).Export(inhabitants[at]->desk);
                        const Root timer = MakeTimer(loop);
                        vm.Ask(timer, vm.Tagged("after", 3'600'000), [](const Reply&) {});
                        ++exported;
                      })
                      .ok());
  }
  while (exported < 2) std::this_thread::yield();
  for (int i = 0; i < 2; ++i) {
    // By its own address: `host` may be empty already when it runs.
    HostVm& here = host->vm(i);
    (void)here.Post([&, i](Vm& vm, VmLoop&) {
      const Root far = here.Import(refs[static_cast<size_t>(1 - i)]);
      for (int n = 0; n < 10; ++n) {
        vm.Ask(far, vm.Symbol("never"), [words = std::string(100, 'x')](const Reply&) {});
      }
      vm.Ask(far, vm.Symbol("nonsense"), [&](const Reply&) { ++answered; });
    });
  }
  if (end != End::kAtOnce) {
    while (answered < 2) std::this_thread::yield();
  }
  const auto let_go = [&](int i) {
    std::atomic<bool> is_done = false;
    const absl::Status posted = host->vm(i).Post([&, i](Vm& vm, VmLoop&) {
      if (end == End::kAsked) vm.Shutdown();
      inhabitants[static_cast<size_t>(i)].reset();
      is_done = true;
    });
    while (posted.ok() && !is_done) std::this_thread::yield();
  };
  switch (end) {
    case End::kAsked:
      for (int i = 0; i < 2; ++i) let_go(i);
      host->Stop();
      host->Join();
      break;
    case End::kInOrder:  // one after the other, the second hears of it
      let_go(1);
      host->vm(1).Stop();
      let_go(0);
      break;
    case End::kVmsFirst:
    case End::kAtOnce:
      break;
  }
  host.reset();
  refs.clear();
  inhabitants.clear();  // of VMs that are gone
}

// Two VMs in one thread, and a session between them, through a membrane or not.
void OverSession(End end, bool relay) {
  ManualTime time;
  World world(7);
  World::Node& alice = world.Add("alice", InMode(relay));
  World::Node& bob = world.Add("bob", InMode(relay));
  for (World::Node* node : {&alice, &bob}) node->vm->actors().SetTime(&time);
  std::optional<Inhabitants> of_alice(*alice.vm), of_bob(*bob.vm);
  const Root desk = alice.Fetch(bob.Offer(of_bob->desk));
  const Root back = bob.Fetch(alice.Offer(of_alice->desk));
  for (int i = 0; i < 10; ++i) {
    (void)alice.Ask(desk, alice.vm->Symbol("never"));
    (void)bob.Ask(back, bob.vm->Symbol("never"));
    (void)alice.Ask(desk, alice.vm->Tagged("unknown", of_alice->wall.value()));
  }
  if (end != End::kAtOnce) {
    world.Run();
    of_alice->CheckBegun();
    of_bob->CheckBegun();
  }
  if (end == End::kAsked) {
    alice.network->Close("good bye");
    world.Run();
    alice.vm->Shutdown();
    bob.vm->Shutdown();
  }
  if (end == End::kVmsFirst) {
    world.Crash(bob);
    world.Run();
  }
}

absl::StatusOr<Root> MakeSilent(ChildWorld& world, std::span<const Value>) {
  return world.vm().Create([kept = std::vector<ReplySlot>()](Turn& turn) mutable {
    if (turn.message() == turn.Symbol("never")) return kept.push_back(turn.TakeReply());
    turn.Reply(turn.message());
  });
}

size_t OpenDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

void RunAll(bool with_child) {
  size_t descriptors = 0;
  // The first round is for what the libraries keep.
  for (int round = 0; round < 2; ++round) {
    for (const End end : kEnds) {
      OnAdoptedLoop(end, with_child);
      OnCores(end);
      for (const bool relay : {false, true}) OverSession(end, relay);
    }
    if (round == 0) descriptors = OpenDescriptors();
  }
  VESICLE_CHECK_EQ(OpenDescriptors(), descriptors);
  VESICLE_CHECK(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD);
}

void LoseAnActor() {
  Vm vm({}, AddMembranes);
  ManualTime time;
  vm.actors().SetTime(&time);
  auto* lost = new Inhabitants(vm);
  vm.Run();
  lost->CheckBegun();
}

}  // namespace
}  // namespace vesicle

int main(int argc, char** argv) {
  vesicle::ChildRegistry actors;
  actors.Add("silent", vesicle::MakeSilent);
  if (const auto code = vesicle::RunChild(argc, argv, actors)) return *code;
  const std::string_view how = argc < 2 ? "" : argv[1];
  how == "--planted" ? vesicle::LoseAnActor() : vesicle::RunAll(how != "--no-child");
  std::puts("all ended");
  return 0;
}
