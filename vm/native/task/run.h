// Run: a task under way, as an activity of its actor: from segment to segment, with the reply slot
// of who asked for it. For task/task.h.
#ifndef VESICLE_VM_NATIVE_TASK_RUN_H_
#define VESICLE_VM_NATIVE_TASK_RUN_H_

#include <coroutine>
#include <memory>

#include "vm/native/typed/actor_code.h"

#pragma GCC visibility push(default)
namespace vesicle {

// What a task that is suspended waits for; stands in its frame.
class Waits {
 public:
  virtual bool IsReady() = 0;
  virtual void Arm(Actors& actors) = 0;

 protected:
  ~Waits() = default;
};

class Run : public Activity {
 public:
  explicit Run(ActorCode& code) : code_(code) {}
  // Cancelled: who asked gets #stopped.
  ~Run() override;

  // The first segment, in a turn of its actor, whose reply it gives.
  static void Start(std::unique_ptr<Run> run, Turn& turn);

  void OnWake(Turn& turn) override;
  // By the coroutine that stops here.
  void Suspend(std::coroutine_handle<> leaf, Waits& waits);
  ActorCode& code() { return code_; }

 protected:
  void SetRoot(std::coroutine_handle<> root) { root_ = leaf_ = root; }
  // It is done: its result is the reply. Throws what it threw.
  virtual void Finish(Turn& turn) = 0;

 private:
  // True: it is over, and is to end.
  bool Segment(Turn& turn);

  ActorCode& code_;
  std::coroutine_handle<> root_;
  std::coroutine_handle<> leaf_;  // where it goes on
  Waits* waits_ = nullptr;
  Root slot_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TASK_RUN_H_
