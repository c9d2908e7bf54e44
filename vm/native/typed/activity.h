// Activity: what an actor has under way and what ends with it: a task, the callback of an ask.
// Those of the host, which belong to no actor, end with the VM.
//
// Ownership: by the list it stands in. Clearing a list destroys all, the newest first; an activity
//            that runs just then is destroyed when its segment ends.
#ifndef VESICLE_VM_NATIVE_TYPED_ACTIVITY_H_
#define VESICLE_VM_NATIVE_TYPED_ACTIVITY_H_

#include <list>
#include <memory>
#include <utility>

#include "vm/native/typed/waiting.h"

#pragma GCC visibility push(default)
namespace vesicle {

class ActivityList;

class Activity : public Waiting {
 public:
  // Over: destroys it.
  void End();

 private:
  friend class ActivityList;
  ActivityList* list_ = nullptr;
  std::list<std::unique_ptr<Activity>>::iterator place_;
};

class ActivityList {
 public:
  ActivityList() = default;
  ~ActivityList() { Clear(); }
  ActivityList(const ActivityList&) = delete;
  ActivityList& operator=(const ActivityList&) = delete;

  Activity* Add(std::unique_ptr<Activity> activity) {
    Activity* added = activity.get();
    added->list_ = this;
    added->place_ = all_.insert(all_.end(), std::move(activity));
    return added;
  }
  void Clear() {
    // Each out of the list before it is destroyed: that may end others.
    while (!all_.empty()) all_.back()->End();
  }
  // Goes on in another list, as all of them do.
  void MoveTo(ActivityList& other) {
    for (auto& activity : all_) activity->list_ = &other;
    other.all_.splice(other.all_.end(), all_);
  }
  bool empty() const { return all_.empty(); }
  size_t size() const { return all_.size(); }

 private:
  friend class Activity;
  std::list<std::unique_ptr<Activity>> all_;
};

inline void Activity::End() {
  const std::unique_ptr<Activity> self = std::move(*place_);
  list_->all_.erase(place_);
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_ACTIVITY_H_
