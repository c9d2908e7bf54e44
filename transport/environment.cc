#include "transport/environment.h"

#include <utility>

#include "vm/heap/check.h"

namespace vesicle {

TurnEndTask::~TurnEndTask() {
  if (waits_in_ != nullptr) waits_in_->tasks_[place_ - waits_in_->first_place_] = nullptr;
}

Environment::~Environment() {
  // A task of somebody who outlives us would write into what is gone.
  for (const TurnEndTask* task : tasks_) VESICLE_CHECK_EQ(task, nullptr);
}

void Environment::AtTurnEnd(TurnEndTask& task) {
  if (task.waits_in_ != nullptr) {
    VESICLE_CHECK_EQ(task.waits_in_, this);
    return;
  }
  task.waits_in_ = this;
  task.place_ = first_place_ + tasks_.size();
  tasks_.push_back(&task);
  if (tasks_.size() == 1) OnTasksWaiting();
}

bool Environment::RunTurnEndTasks() {
  // Encrypted bytes go through two connections and are told of in a third round. What goes on
  // longer is somebody who answers himself, and input must have its turn.
  constexpr int kRoundsMax = 4;
  for (int round = 0; round < kRoundsMax && !tasks_.empty(); ++round) {
    const size_t count = tasks_.size();
    for (size_t i = 0; i < count; ++i) {
      TurnEndTask* task = std::exchange(tasks_[i], nullptr);
      if (task == nullptr) continue;
      task->waits_in_ = nullptr;
      task->OnTurnEnd();
    }
    tasks_.erase(tasks_.begin(), tasks_.begin() + static_cast<std::ptrdiff_t>(count));
    first_place_ += count;
  }
  return !tasks_.empty();
}

}  // namespace vesicle
