#include "vm/loop/vm_loop.h"

#include <deque>
#include <list>
#include <mutex>
#include <utility>
#include <vector>

#include "vm/loop/loop_device.h"
#include "vm/loop/loop_guest.h"
#include "vm/loop/uv_handle.h"

namespace vesicle {

// Shared between the loop and every Poster.
struct Poster::Mailbox {
  std::mutex mutex;
  std::deque<absl::AnyInvocable<void(Vm&)>> posts;
  size_t posts_max = 0;
  uv_async_t* wake = nullptr;  // null: the loop is gone
};

absl::Status Poster::Post(absl::AnyInvocable<void(Vm&)> fn) const {
  const std::lock_guard<std::mutex> lock(mailbox_->mutex);
  if (mailbox_->wake == nullptr) return LoopIsGone();
  if (mailbox_->posts.size() >= mailbox_->posts_max) {
    return absl::ResourceExhaustedError("too many posts wait");
  }
  mailbox_->posts.push_back(std::move(fn));
  uv_async_send(mailbox_->wake);
  return absl::OkStatus();
}

struct VmLoop::Rep {
  Rep(Vm& vm_in, const Options& options_in) : vm(vm_in), options(options_in) {}

  Vm& vm;
  Options options;
  uv_loop_t own_loop;
  uv_loop_t* loop = nullptr;
  bool owns_loop = false;
  std::shared_ptr<Poster::Mailbox> mailbox = std::make_shared<Poster::Mailbox>();
  UvHandle<uv_async_t> wake;
  UvHandle<uv_idle_t> idle;  // active while the VM has something to run
  std::vector<std::weak_ptr<LoopDevice>> devices;
  std::list<LoopGuest*> guests;
  std::shared_ptr<VmLoop*> link = std::make_shared<VmLoop*>(nullptr);
  int pauses = 0;
  int holds = 0;
  bool wants_turns = false;
  bool stopped = false;
  bool in_run = false;
};

VmLoop::VmLoop(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}

absl::StatusOr<std::unique_ptr<VmLoop>> VmLoop::Create(Vm& vm, const Options& options) {
  auto rep = std::make_unique<Rep>(vm, options);
  if (options.host_loop != nullptr) {
    rep->loop = options.host_loop;
  } else {
    if (const int rc = uv_loop_init(&rep->own_loop); rc != 0) return UvStatus(rc, "event loop");
    rep->loop = &rep->own_loop;
    rep->owns_loop = true;
  }
  rep->mailbox->posts_max = options.posts_max;
  // From here on its destructor cleans up.
  std::unique_ptr<VmLoop> self(new VmLoop(std::move(rep)));
  Rep& r = *self->rep_;
  *r.link = self.get();
  if (const int rc = r.wake.Init(r.loop, uv_async_init, UvHandle<uv_async_t>::Fire); rc != 0) {
    return UvStatus(rc, "event loop");
  }
  if (const int rc = r.idle.Init(r.loop, uv_idle_init); rc != 0) return UvStatus(rc, "event loop");
  r.wake.Unref();
  r.wake.set_callback([loop = self.get()] { loop->RunPosts(); });
  r.idle.set_callback([loop = self.get()] { loop->OnIdle(); });
  r.mailbox->wake = r.wake.get();
  vm.core().set_on_work([loop = self.get()] { loop->Wake(); });
  if (vm.core().has_work()) self->Wake();
  return self;
}

VmLoop::~VmLoop() {
  rep_->vm.core().set_on_work(nullptr);
  {
    const std::lock_guard<std::mutex> lock(rep_->mailbox->mutex);
    rep_->mailbox->wake = nullptr;
  }
  *rep_->link = nullptr;
  while (!rep_->guests.empty()) {
    LoopGuest* guest = rep_->guests.front();
    rep_->guests.pop_front();
    guest->loop_ = nullptr;
    guest->OnLoopGone();
  }
  std::deque<absl::AnyInvocable<void(Vm&)>> unheard;
  unheard.swap(rep_->mailbox->posts);
  for (const std::weak_ptr<LoopDevice>& weak : rep_->devices) {
    if (const std::shared_ptr<LoopDevice> device = weak.lock()) {
      device->Close();
      device->loop_ = nullptr;
      device->kept_.reset();
    }
  }
  rep_->wake.Close();
  rep_->idle.Close();
  if (rep_->owns_loop) {
    while (uv_loop_close(rep_->loop) == UV_EBUSY) uv_run(rep_->loop, UV_RUN_ONCE);
  }
}

LoopRef::LoopRef(VmLoop& loop) : link_(loop.rep_->link) {}

LoopGuest::LoopGuest(const LoopRef& loop) : loop_(loop.get()) {
  if (loop_ == nullptr) return;
  std::list<LoopGuest*>& guests = loop_->rep_->guests;
  place_ = guests.insert(guests.end(), this);
}

LoopGuest::~LoopGuest() {
  if (loop_ != nullptr) loop_->rep_->guests.erase(place_);
}

Vm& VmLoop::vm() { return rep_->vm; }
uv_loop_t* VmLoop::uv() { return rep_->loop; }
Poster VmLoop::poster() const { return Poster(rep_->mailbox); }
bool VmLoop::is_stopped() const { return rep_->stopped; }

void VmLoop::Run() {
  Rep& r = *rep_;
  r.stopped = false;
  r.in_run = true;
  Wake();
  while (!r.stopped) {
    uv_run(r.loop, UV_RUN_DEFAULT);
    // A post that came just when the loop had found nothing alive.
    if (!RunPosts()) break;
  }
  r.in_run = false;
  FlushDevices();
}

void VmLoop::Stop() {
  rep_->stopped = true;
  uv_idle_stop(rep_->idle.get());
  if (rep_->in_run) uv_stop(rep_->loop);
}

void VmLoop::Wake() {
  rep_->wants_turns = true;
  if (rep_->pauses > 0 || rep_->stopped) return;
  uv_idle_start(rep_->idle.get(), UvHandle<uv_idle_t>::Fire);
}

void VmLoop::OnIdle() {
  rep_->wants_turns = rep_->vm.RunSlice(rep_->options.slice_steps);
  if (!rep_->wants_turns) uv_idle_stop(rep_->idle.get());
  FlushDevices();  // may wake the VM again, or pause it
}

bool VmLoop::RunPosts() {
  std::deque<absl::AnyInvocable<void(Vm&)>> posts;
  {
    const std::lock_guard<std::mutex> lock(rep_->mailbox->mutex);
    posts.swap(rep_->mailbox->posts);
  }
  for (absl::AnyInvocable<void(Vm&)>& post : posts) post(rep_->vm);
  if (!posts.empty()) Wake();
  return !posts.empty();
}

void VmLoop::Add(const std::shared_ptr<LoopDevice>& device) {
  std::erase_if(rep_->devices, [](const std::weak_ptr<LoopDevice>& d) { return d.expired(); });
  rep_->devices.push_back(device);
}

void VmLoop::Keep(const std::shared_ptr<LoopDevice>& device) {
  if (device->kept_ == nullptr && device->IsPending()) device->kept_ = device;
}

void VmLoop::FlushDevices() {
  // By index: a device may bring another one.
  for (size_t i = 0; i < rep_->devices.size(); ++i) {
    const std::shared_ptr<LoopDevice> device = rep_->devices[i].lock();
    if (device == nullptr) continue;
    device->Flush();
    if (!device->IsPending()) device->kept_.reset();
  }
}

void VmLoop::PauseTurns() {
  if (++rep_->pauses == 1) uv_idle_stop(rep_->idle.get());
}

void VmLoop::ResumeTurns() {
  if (--rep_->pauses == 0 && rep_->wants_turns) Wake();
}

void VmLoop::AddHold(int delta) {
  rep_->holds += delta;
  if (rep_->holds > 0) {
    rep_->wake.Ref();
  } else {
    rep_->wake.Unref();
  }
}

}  // namespace vesicle
