#include "vm/loop/loop_time.h"

#include <algorithm>
#include <utility>

#include "vm/loop/loop_device.h"
#include "vm/loop/uv_handle.h"
#include "vm/native/typed/actors.h"

namespace vesicle {

// A device that nobody has a ref of: it keeps the loop running, and is closed with it.
class LoopTime::Device final : public LoopDevice {
 public:
  using LoopDevice::LoopDevice;

  void Handle(Turn&) override {}
  bool IsPending() const override { return ring_ != nullptr; }
  void Close() override {
    ring_ = nullptr;
    timer_.Close();
  }

  void WakeAt(std::optional<int64_t> at_ns, std::function<void()> ring) {
    if (is_closed()) return;
    if (!at_ns) {
      ring_ = nullptr;
      if (timer_.is_open()) uv_timer_stop(timer_.get());
      return;
    }
    if (!timer_.is_open()) {
      timer_.Init(loop().uv(), uv_timer_init);  // cannot fail
      timer_.set_callback([this] { OnTime(); });
    }
    ring_ = std::move(ring);
    const auto now = static_cast<int64_t>(uv_hrtime());
    constexpr int64_t kNsPerMs = 1'000'000;
    // None rings early.
    const int64_t ms = (std::max<int64_t>(*at_ns - now, 0) + kNsPerMs - 1) / kNsPerMs;
    uv_update_time(loop().uv());
    uv_timer_start(timer_.get(), UvHandle<uv_timer_t>::Fire, static_cast<uint64_t>(ms), 0);
  }

 private:
  void OnTime() {
    const std::function<void()> ring = std::exchange(ring_, nullptr);
    if (ring) ring();
    loop().Wake();
  }

  UvHandle<uv_timer_t> timer_;
  std::function<void()> ring_;
};

LoopTime::LoopTime(VmLoop& loop) : vm_(loop.vm()), device_(std::make_shared<Device>(loop)) {
  loop.Add(device_);
  vm_.actors().SetTime(this);
}

LoopTime::~LoopTime() {
  vm_.actors().SetTime(nullptr);
  if (!device_->is_closed()) device_->Close();
}

int64_t LoopTime::NowNs() { return static_cast<int64_t>(uv_hrtime()); }

void LoopTime::WakeAt(std::optional<int64_t> at_ns, std::function<void()> ring) {
  device_->WakeAt(at_ns, std::move(ring));
  if (at_ns) VmLoop::Keep(device_);
}

}  // namespace vesicle
