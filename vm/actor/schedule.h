// Schedule: the order in which the events of one sponsor run, as it is watched for a log
// or imposed for a replay.
//
// What a sponsor's turns do follows from the order of its events, and from where turns were
// cut short by their slices; who else runs in between, and for how long, changes neither. So
// the time of a sponsor is the count of events that it dispatched, and a log of what came
// to it from elsewhere, each at its count, with the cuts, is all that a second run needs.
//
// Ownership: whoever made it; a sponsor points to it (Sponsor::schedule) and is told before it
// goes. Threads:   its VM's only. Costs:     a look at a pointer for each slice, and for what is
// rare already.
#ifndef VESICLE_VM_ACTOR_SCHEDULE_H_
#define VESICLE_VM_ACTOR_SCHEDULE_H_

#include <cstdint>
#include <string_view>

#include "vm/actor/event.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Core;

class Schedule {
 public:
  virtual ~Schedule() = default;

  // An event for a proxy is dispatched on the sponsor. It is no event of its own when it came from
  // elsewhere: NotOwn().
  virtual void OnProxyEvent(Core& core, const Event& event) = 0;
  // A turn was cut short by its slice.
  virtual void OnCut(Core& core) = 0;
  // Something that depends on more than the order, in words: what a budget had left.
  virtual void OnChance(std::string_view what) = 0;

  // The sponsor goes.
  virtual void OnGone() = 0;

  // A schedule that is imposed is asked before each event. Slices do not cut turns then, but those
  // of which it says so, and these as soon as may be: what a turn does shows when it is over, so it
  // matters that it was cut short, and not where.
  virtual bool is_imposed() const { return false; }
  struct Next {
    bool stops = false;  // no event now: the slice is over
    bool cuts = false;   // the turn is cut short
  };
  virtual Next BeforeEvent(Core&) { return {}; }

  // For Core. `events`: dispatched in the VM so far.
  void BeginSlice(uint64_t events) {
    in_slice_ = true;
    began_at_ = events;
  }
  void EndSlice(uint64_t events) {
    if (!in_slice_) return;
    in_slice_ = false;
    own_events_ += events - began_at_;
  }

 protected:
  void NotOwn() { --own_events_; }
  // Of the sponsor's own so far, the one that is dispatched now included.
  int64_t OwnEvents(uint64_t events) const {
    return static_cast<int64_t>(own_events_ + (in_slice_ ? events - began_at_ : 0));
  }

 private:
  bool in_slice_ = false;
  uint64_t began_at_ = 0;
  uint64_t own_events_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_SCHEDULE_H_
