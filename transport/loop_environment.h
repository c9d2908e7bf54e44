// LoopEnvironment: the environment of a libuv loop: its clock, its timers, the system's
// randomness, and the ends of its turns.
//
// A turn ends twice in a round of the loop: before it waits for input (after idle callbacks,
// where a VM has its slices) and right after input was handled. So nothing that was sent waits
// for something else to happen.
//
// Ownership: borrows the loop, whose next rounds free the handles of what is gone.
// Threads:   the loop's.
//
//   LoopEnvironment environment(loop.uv());
//   TcpTransport tcp(environment);
#ifndef VESICLE_TRANSPORT_LOOP_ENVIRONMENT_H_
#define VESICLE_TRANSPORT_LOOP_ENVIRONMENT_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "transport/environment.h"
#include "vm/loop/uv_handle.h"

#pragma GCC visibility push(default)
namespace vesicle {

class LoopEnvironment final : public Environment {
 public:
  // Whether the loop stays for a timer.
  enum class Timers : uint8_t { kHoldLoop, kHoldNothing };
  // `random`: null for the system's.
  explicit LoopEnvironment(uv_loop_t* loop, std::unique_ptr<RandomSource> random = nullptr,
                           Timers timers = Timers::kHoldLoop);

  int64_t NowNs() const override { return static_cast<int64_t>(uv_hrtime()); }
  RandomSource& random() override { return *random_; }
  // To the millisecond, rounded up.
  std::unique_ptr<Timer> After(int64_t delay_ns, absl::AnyInvocable<void()> fn) override;

  uv_loop_t* uv() { return loop_; }
  // What connections read into, one after the other: its bytes are good until the next reads.
  std::span<char> read_buffer() { return read_buffer_; }

 private:
  void OnTasksWaiting() override;
  void EndTurn();

  uv_loop_t* loop_;
  Timers timers_;
  std::unique_ptr<RandomSource> random_;
  std::vector<char> read_buffer_;
  UvHandle<uv_prepare_t> before_wait_;
  UvHandle<uv_check_t> after_input_;
  UvHandle<uv_idle_t> no_wait_;  // while tasks are queued the loop looks at input without waiting
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_LOOP_ENVIRONMENT_H_
