// Environment: what transports and sessions have of the world besides bytes: time,
// randomness, timers, and the end of the current turn of the loop. It is handed in, never
// global, so that a simulation hands in its own (VirtualEnvironment) and a whole network runs
// as a function of a seed. On a libuv loop: LoopEnvironment.
//
// Ownership: outlives every connection, listener, timer and session that was given it.
// Threads:   one; what it calls, it calls there.
// Limits:    none of its own; those who queue here are bounded by what they are.
//
//   auto timer = environment.After(5'000'000, [this] { OnSilence(); });   // 5 ms
//   timer.reset();                                                        // never mind
//   environment.AtTurnEnd(*this);                                         // OnTurnEnd(), once
#ifndef VESICLE_TRANSPORT_ENVIRONMENT_H_
#define VESICLE_TRANSPORT_ENVIRONMENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "transport/buffer_pool.h"
#include "vm/random/random.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Environment;

// Something to be done once, when this turn of the loop is over and before the loop waits: so that
// what many small steps of a turn leave behind (bytes to send, a close to tell of) is done in one.
// Destroying it takes it out of the queue.
class TurnEndTask {
 public:
  TurnEndTask() = default;
  virtual ~TurnEndTask();
  TurnEndTask(const TurnEndTask&) = delete;
  TurnEndTask& operator=(const TurnEndTask&) = delete;

  // May queue itself and others again, and may destroy any task, this one too.
  virtual void OnTurnEnd() = 0;

 private:
  friend class Environment;
  Environment* waits_in_ = nullptr;
  uint64_t place_ = 0;
};

class Environment {
 public:
  // Destroying it cancels it. Its function may do that.
  class Timer {
   public:
    Timer() = default;
    virtual ~Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
  };

  Environment() = default;
  virtual ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // Monotonic; its zero means nothing.
  virtual int64_t NowNs() const = 0;
  virtual RandomSource& random() = 0;
  // Calls `fn` once, not before `delay_ns` (0 or more) have passed and never from within After.
  // Timers of the same time fire in the order they were made.
  [[nodiscard]] virtual std::unique_ptr<Timer> After(int64_t delay_ns,
                                                     absl::AnyInvocable<void()> fn) = 0;

  // Queues the task unless it is queued already. Tasks run in the order of queueing.
  void AtTurnEnd(TurnEndTask& task);
  // Buffers for those who have bytes under way.
  BufferPool& buffers() { return buffers_; }

 protected:
  // The queue is no longer empty: RunTurnEndTasks is wanted before the loop waits.
  virtual void OnTasksWaiting() = 0;
  // Runs what waits, and what that queues, a few rounds. Whether more waits.
  bool RunTurnEndTasks();
  bool has_tasks() const { return !tasks_.empty(); }

 private:
  friend class TurnEndTask;

  BufferPool buffers_;
  std::vector<TurnEndTask*> tasks_;  // null: taken out
  uint64_t first_place_ = 0;         // the place of tasks_[0]
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_ENVIRONMENT_H_
