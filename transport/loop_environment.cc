#include "transport/loop_environment.h"

#include <utility>

#include "vm/heap/check.h"

namespace vesicle {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;
constexpr int64_t kNsPerMs = 1'000'000;

class UvTimer final : public Environment::Timer {
 public:
  UvTimer(uv_loop_t* loop, uint64_t ms, LoopEnvironment::Timers timers,
          absl::AnyInvocable<void()> fn) {
    VESICLE_CHECK_EQ(handle_.Init(loop, uv_timer_init), 0);
    handle_.set_callback(std::move(fn));
    if (timers == LoopEnvironment::Timers::kHoldNothing) handle_.Unref();
    // The loop's idea of now is from the beginning of its round: the timer would be early.
    uv_update_time(loop);
    uv_timer_start(handle_.get(), UvHandle<uv_timer_t>::Fire, ms, 0);
  }

 private:
  UvHandle<uv_timer_t> handle_;
};

}  // namespace

LoopEnvironment::LoopEnvironment(uv_loop_t* loop, std::unique_ptr<RandomSource> random,
                                 Timers timers)
    : loop_(loop),
      timers_(timers),
      random_(random != nullptr ? std::move(random) : std::make_unique<OsRandom>()),
      read_buffer_(kReadBytes) {
  // These three cannot fail: they only link the handle into the loop.
  VESICLE_CHECK_EQ(before_wait_.Init(loop, uv_prepare_init), 0);
  VESICLE_CHECK_EQ(after_input_.Init(loop, uv_check_init), 0);
  VESICLE_CHECK_EQ(no_wait_.Init(loop, uv_idle_init), 0);
  before_wait_.set_callback([this] { EndTurn(); });
  after_input_.set_callback([this] { EndTurn(); });
}

std::unique_ptr<Environment::Timer> LoopEnvironment::After(int64_t delay_ns,
                                                           absl::AnyInvocable<void()> fn) {
  VESICLE_CHECK_GE(delay_ns, 0);
  // The loop knows the time in whole milliseconds gone by: one more, or the timer is early.
  const uint64_t ms =
      delay_ns == 0 ? 0 : (static_cast<uint64_t>(delay_ns) + kNsPerMs - 1) / kNsPerMs + 1;
  return std::make_unique<UvTimer>(loop_, ms, timers_, std::move(fn));
}

void LoopEnvironment::OnTasksWaiting() {
  uv_prepare_start(before_wait_.get(), UvHandle<uv_prepare_t>::Fire);
  uv_check_start(after_input_.get(), UvHandle<uv_check_t>::Fire);
  uv_idle_start(no_wait_.get(), UvHandle<uv_idle_t>::Fire);
}

void LoopEnvironment::EndTurn() {
  if (RunTurnEndTasks()) return;
  uv_prepare_stop(before_wait_.get());
  uv_check_stop(after_input_.get());
  uv_idle_stop(no_wait_.get());
}

}  // namespace vesicle
