#include "transport/virtual_environment.h"

#include "vm/heap/check.h"

namespace vesicle {

class VirtualEnvironment::VirtualTimer final : public Timer {
 public:
  VirtualTimer(VirtualEnvironment& world, Key key, absl::AnyInvocable<void()> fn)
      : world_(&world), key_(key), fn_(std::move(fn)) {
    world_->timers_.emplace(key_, this);
  }
  ~VirtualTimer() override {
    if (world_ != nullptr) world_->timers_.erase(key_);
  }

  // It may be destroyed by its function, which therefore leaves it first.
  void Fire() {
    world_->timers_.erase(key_);
    world_ = nullptr;
    absl::AnyInvocable<void()> fn = std::move(fn_);
    fn();
  }

 private:
  VirtualEnvironment* world_;  // null once it fired
  Key key_;
  absl::AnyInvocable<void()> fn_;
};

VirtualEnvironment::~VirtualEnvironment() { VESICLE_CHECK(timers_.empty()); }

std::unique_ptr<Environment::Timer> VirtualEnvironment::After(int64_t delay_ns,
                                                              absl::AnyInvocable<void()> fn) {
  VESICLE_CHECK_GE(delay_ns, 0);
  return std::make_unique<VirtualTimer>(*this, Key{now_ns_ + delay_ns, next_serial_++},
                                        std::move(fn));
}

bool VirtualEnvironment::Step() {
  if (has_tasks()) {
    RunTurnEndTasks();
    return true;
  }
  if (timers_.empty()) return false;
  Fire();
  return true;
}

void VirtualEnvironment::RunFor(int64_t ns) {
  const int64_t end = now_ns_ + ns;
  for (;;) {
    if (has_tasks()) {
      RunTurnEndTasks();
    } else if (!timers_.empty() && timers_.begin()->first.first <= end) {
      Fire();
    } else {
      break;
    }
  }
  now_ns_ = end;
}

void VirtualEnvironment::Fire() {
  const auto first = timers_.begin();
  now_ns_ = first->first.first;
  first->second->Fire();
}

}  // namespace vesicle
