#include "transport/host/host.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/host/lane_transport.h"
#include "transport/host/program_store.h"
#include "transport/session/network.h"
#include "vm/actor/promise.h"
#include "vm/heap/check.h"
#include "vm/loop/loop_time.h"

namespace vesicle {
namespace {

std::string NameOf(int index) { return absl::StrCat("vm", index); }
std::string AddressOf(int index) { return NameOf(index) + ":1"; }

NetworkOptions NetworkOptionsOf(int index, const SessionLimits& limits, CodeCourier* code) {
  NetworkOptions options;
  options.own.name = {std::string(LaneTransport::kName), NameOf(index)};
  options.own.hints = {{"host", NameOf(index)}, {"port", "1"}};
  options.limits = limits;
  options.code = code;
  return options;
}

}  // namespace

// What everybody shares, and outlives the Host as long as a HostRef does.
struct HostRef::Offer {
  Offer(Poster poster_in, Locator locator_in, std::weak_ptr<Network*> network_in)
      : poster(std::move(poster_in)),
        locator(std::move(locator_in)),
        network(std::move(network_in)) {}
  // The last one is gone: nobody can import it any more.
  ~Offer() {
    (void)poster.Post([swiss = locator.swiss, to = network](Vm&) {
      if (const std::shared_ptr<Network*> there = to.lock()) (*there)->Retract(swiss);
    });
  }
  Offer(const Offer&) = delete;
  Offer& operator=(const Offer&) = delete;

  Poster poster;
  Locator locator;
  std::weak_ptr<Network*> network;  // of the VM that exported it; looked at on its thread only
};

struct Host::Rep {
  explicit Rep(HostOptions options_in) : options(std::move(options_in)) {}

  HostOptions options;
  LaneSwitch lanes;
  ProgramStore programs;
  std::atomic<bool> is_stopping = false;
  std::mutex mutex;
  std::condition_variable changed;
  // Under the lock.
  struct State {
    bool is_idle = false;
    bool is_started = false;
    bool is_over = false;
    absl::Status why = absl::OkStatus();  // it could not start
  };
  std::vector<State> states;
  bool is_joining = false;
};

struct HostVm::Rep {
  // Of this VM's thread, in the order in which they need each other.
  std::unique_ptr<Vm> own_vm;
  std::unique_ptr<VmLoop> own_loop;
  std::unique_ptr<LoopTime> own_time;
  VmLoop* loop = nullptr;
  std::unique_ptr<LoopEnvironment> environment;
  std::unique_ptr<LaneTransport> lanes;
  std::unique_ptr<ProgramCourier> code;
  std::unique_ptr<Network> network;
  std::shared_ptr<Network*> network_here;  // for what is posted
  std::thread::id thread_id;
  bool is_idle = false;

  // For all.
  std::thread thread;
  std::mutex mutex;
  std::optional<Poster> poster;  // none: it has not started, or is over
  std::shared_ptr<LaneMailbox> mailbox;
  std::atomic<bool> is_stopping = false;
  std::atomic<uint64_t> posts_made = 0;
  std::atomic<uint64_t> posts_done = 0;
};

// ---------------------------------------------------------------------------
// One VM

HostVm::HostVm(Host& host, int index) : host_(host), index_(index), rep_(std::make_unique<Rep>()) {}
HostVm::~HostVm() = default;

void HostVm::CheckThread() const { VESICLE_CHECK(rep_->thread_id == std::this_thread::get_id()); }

Vm& HostVm::vm() {
  CheckThread();
  return rep_->loop->vm();
}

VmLoop& HostVm::loop() {
  CheckThread();
  return *rep_->loop;
}

absl::Status HostVm::Start() {
  Rep& r = *rep_;
  const HostOptions& options = host_.rep_->options;
  r.thread_id = std::this_thread::get_id();
  if (index_ == 0 && options.first != nullptr) {
    r.loop = options.first;
  } else {
    r.own_vm = std::make_unique<Vm>(options.vm, options.builtins);
    auto loop =
        VmLoop::Create(*r.own_vm, {.host_loop = nullptr, .slice_steps = options.slice_steps});
    if (!loop.ok()) return loop.status();
    r.own_loop = *std::move(loop);
    r.own_time = std::make_unique<LoopTime>(*r.own_loop);
    r.loop = r.own_loop.get();
  }
  Vm& vm = r.loop->vm();
  // What waits for others is no work of this VM.
  r.environment = std::make_unique<LoopEnvironment>(r.loop->uv(), nullptr,
                                                    LoopEnvironment::Timers::kHoldNothing);
  r.lanes = std::make_unique<LaneTransport>(
      *r.environment, host_.rep_->lanes, NameOf(index_),
      LaneTransport::Options{.spin_ns = options.spin_ns, .on_arrival = [this] {
                               if (rep_->is_stopping.load()) rep_->loop->Stop();
                               if (rep_->is_idle) host_.NoteBusy(index_);
                             }});
  r.code = std::make_unique<ProgramCourier>(host_.rep_->programs, vm);
  r.network = std::make_unique<Network>(vm, *r.environment, *r.lanes,
                                        NetworkOptionsOf(index_, options.edge, r.code.get()));
  r.network_here = std::make_shared<Network*>(r.network.get());
  const absl::StatusOr<std::string> at = r.network->Listen(AddressOf(index_));
  if (!at.ok()) return at.status();
  const std::lock_guard<std::mutex> lock(r.mutex);
  r.poster = r.loop->poster();
  r.mailbox = r.lanes->mailbox();
  return absl::OkStatus();
}

void HostVm::Run() {
  Rep& r = *rep_;
  const auto is_stopping = [&] { return r.is_stopping.load(std::memory_order_acquire); };
  while (!is_stopping()) {
    r.loop->Run();
    if (is_stopping()) break;
    host_.NoteIdle(index_);
    if (is_stopping()) break;
    r.lanes->WaitForKnock();
    if (r.is_idle) host_.NoteBusy(index_);
  }
}

void HostVm::End() {
  Rep& r = *rep_;
  {
    const std::lock_guard<std::mutex> lock(r.mutex);
    r.poster.reset();
  }
  r.network_here.reset();
  r.network.reset();
  r.code.reset();
  r.lanes.reset();
  r.environment.reset();
  r.loop = nullptr;
  r.own_time.reset();
  r.own_loop.reset();
  r.own_vm.reset();
}

absl::Status HostVm::Post(Fn fn) {
  Rep& r = *rep_;
  const std::lock_guard<std::mutex> lock(r.mutex);
  if (!r.poster) return absl::UnavailableError(absl::StrCat(NameOf(index_), " has ended"));
  r.posts_made.fetch_add(1);
  absl::Status posted = r.poster->Post([this, fn = std::move(fn)](Vm& vm) mutable {
    if (rep_->is_idle) host_.NoteBusy(index_);
    fn(vm, *rep_->loop);
    rep_->posts_done.fetch_add(1);
  });
  if (!posted.ok()) r.posts_done.fetch_add(1);
  return posted;
}

void HostVm::Stop() {
  Rep& r = *rep_;
  r.is_stopping.store(true, std::memory_order_release);
  const std::lock_guard<std::mutex> lock(r.mutex);
  if (r.mailbox != nullptr) r.mailbox->Knock();
}

HostRef HostVm::Export(Value target) {
  CheckThread();
  VESICLE_CHECK(target.is_target());
  return HostRef(std::make_shared<const HostRef::Offer>(
      rep_->loop->poster(), rep_->network->Offer(target), rep_->network_here));
}

HostRef HostVm::ExportPlace() {
  CheckThread();
  const Core::SponsorResult place = vm().core().SplitSponsor(vm().Map({}));
  VESICLE_CHECK(place.error.empty());
  return Export(place.control);
}

absl::StatusOr<Root> HostVm::ImportNow(const HostRef& ref) {
  constexpr int64_t kWaitNs = 10'000'000'000;
  Heap& heap = vm().core().heap();
  const Root promise = Import(ref);
  const auto state = [&] {
    return promise::StateOf(promise::Root(heap, promise.value().target()));
  };
  bool is_late = false;
  const auto timer = rep_->environment->After(kWaitNs, [&is_late] { is_late = true; });
  while (!is_late) {
    while (vm().RunSlice(host_.rep_->options.slice_steps)) {
    }
    if (state() != promise::State::kPending) break;
    rep_->lanes->WaitForKnock();
  }
  if (state() != promise::State::kKept) {
    return absl::UnavailableError("it did not come: its VM has ended, or is too busy");
  }
  const Object* root = promise::Root(heap, promise.value().target());
  return Root(heap, promise::Outcome(root));
}

Root HostVm::Import(const HostRef& ref) {
  CheckThread();
  VESICLE_CHECK(!ref.is_empty());
  Core& core = rep_->loop->vm().core();
  const Root promise(core.heap(), core.NewPromise());
  // It stays until it is here.
  core.DeliverListen(promise.value(), MakeNativeContinuation(core, [ref](Turn&) {}));
  const absl::Status fetched = rep_->network->Fetch(ref.offer_->locator, promise.value());
  VESICLE_CHECK(fetched.ok());
  return promise;
}

Session::Counts HostVm::counts() const {
  CheckThread();
  Session::Counts sum = {};
  for (const Network::PeerState& peer : rep_->network->Peers()) {
    sum.exports += peer.counts.exports;
    sum.imports += peer.counts.imports;
    sum.asks += peer.counts.asks;
    sum.answers += peer.counts.answers;
    sum.returned_late += peer.counts.returned_late;
  }
  return sum;
}

// ---------------------------------------------------------------------------
// All of them

Host::Host(HostOptions options) : rep_(std::make_unique<Rep>(std::move(options))) {}

absl::StatusOr<std::unique_ptr<Host>> Host::Create(HostOptions options) {
  int count = options.vms;
  if (count == 0) {
    count = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kHostVmsMax);
  }
  if (count < 1 || count > kHostVmsMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a host has 1 to ", kHostVmsMax, " VMs, and not ", count, "; 0 is one for each core"));
  }
  std::unique_ptr<Host> host(new Host(std::move(options)));
  Rep& r = *host->rep_;
  r.states.resize(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    host->vms_.push_back(std::unique_ptr<HostVm>(new HostVm(*host, i)));
  }
  absl::Status why;
  const auto note_started = [&r](int index, absl::Status status) {
    const std::lock_guard<std::mutex> lock(r.mutex);
    Rep::State& state = r.states[static_cast<size_t>(index)];
    state.is_started = true;
    state.is_over = !status.ok();
    state.why = std::move(status);
    r.changed.notify_all();
  };
  for (int i = 0; i < count; ++i) {
    HostVm& vm = host->vm(i);
    if (i == 0 && r.options.first != nullptr) {
      note_started(0, vm.Start());
      continue;
    }
    try {
      vm.rep_->thread = std::thread([&host_in = *host, &vm, note_started] {
        const absl::Status status = vm.Start();
        if (status.ok() && host_in.rep_->options.on_start) host_in.rep_->options.on_start(vm);
        note_started(vm.index_, status);
        if (status.ok()) {
          vm.Run();
          if (host_in.rep_->options.on_end) host_in.rep_->options.on_end(vm);
        }
        vm.End();
        host_in.NoteOver(vm.index_);
      });
    } catch (const std::exception& e) {
      note_started(i, absl::UnavailableError(absl::StrCat("a thread for a VM: ", e.what())));
    }
  }
  {
    std::unique_lock<std::mutex> lock(r.mutex);
    r.changed.wait(lock, [&r] {
      return std::all_of(r.states.begin(), r.states.end(),
                         [](const Rep::State& s) { return s.is_started; });
    });
    for (const Rep::State& state : r.states) why.Update(state.why);
  }
  if (!why.ok()) return why;
  return host;
}

Host::~Host() {
  Stop();
  Join();
}

void Host::Stop() {
  rep_->is_stopping.store(true);
  for (const std::unique_ptr<HostVm>& vm : vms_) vm->Stop();
}

void Host::Join() {
  const bool has_first = rep_->options.first != nullptr;
  {
    const std::lock_guard<std::mutex> lock(rep_->mutex);
    rep_->is_joining = true;
    StopIfQuiet();
  }
  if (has_first && vms_[0]->rep_->loop != nullptr) {
    vms_[0]->CheckThread();
    vms_[0]->Run();
    vms_[0]->End();
    NoteOver(0);
  }
  for (const std::unique_ptr<HostVm>& vm : vms_) {
    if (vm->rep_->thread.joinable()) vm->rep_->thread.join();
  }
}

void Host::NoteIdle(int index) {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  rep_->states[static_cast<size_t>(index)].is_idle = true;
  vms_[static_cast<size_t>(index)]->rep_->is_idle = true;
  StopIfQuiet();
}

void Host::NoteBusy(int index) {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  rep_->states[static_cast<size_t>(index)].is_idle = false;
  vms_[static_cast<size_t>(index)]->rep_->is_idle = false;
}

void Host::NoteOver(int index) {
  const std::lock_guard<std::mutex> lock(rep_->mutex);
  rep_->states[static_cast<size_t>(index)].is_over = true;
  StopIfQuiet();
}

// Who is idle takes what comes only after it has said, under the lock, that it is not. So when all
// are, and nothing lies before any of them, nothing can happen.
bool Host::IsQuiet() const {
  for (size_t i = 0; i < vms_.size(); ++i) {
    if (rep_->states[i].is_over) continue;
    const HostVm::Rep& vm = *vms_[i]->rep_;
    if (!rep_->states[i].is_idle || !vm.mailbox->is_empty() ||
        vm.posts_made.load() != vm.posts_done.load()) {
      return false;
    }
  }
  return true;
}

void Host::StopIfQuiet() {
  if (rep_->is_joining && !rep_->is_stopping.load() && IsQuiet()) Stop();
}

}  // namespace vesicle
