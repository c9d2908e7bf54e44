// Inbox: how many requests an actor may have under way, where ActorOptions say so. Under way is
// what was told and whose turn is not over, and what was asked and is not answered; a method that
// is a task is under way until it is done. Requests by typed refs are counted; those of scripts and
// peers are limited by their budgets.
//
// However a request ends, its place is free again: done, faulted, refused, lost with its budget;
// and if the turn that sent it is undone.
#ifndef VESICLE_VM_NATIVE_TYPED_INBOX_H_
#define VESICLE_VM_NATIVE_TYPED_INBOX_H_

#include <cstddef>

#include "vm/native/typed/activity.h"
#include "vm/native/typed/wait_list.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Actors;

class Inbox {
 public:
  // 0: no bound.
  Inbox(Core& core, size_t max) : max_(max), line_(core) {}

  bool is_bounded() const { return max_ != 0; }
  bool has_room() const { return max_ == 0 || under_way_.size() < max_; }
  size_t under_way() const { return under_way_.size(); }

  // Takes a place. The slot for the message of a tell.
  Value SlotOfTell(Actors& actors);
  // The same for an ask: free when its promise settles.
  void TakeForAsk(Actors& actors, Value promise);
  // Who waits for room.
  WaitList& line() { return line_; }
  // The actor is over: nothing is under way any more.
  void Close();

 private:
  class Request;
  Request* Take();

  size_t max_;
  WaitList line_;
  ActivityList under_way_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_INBOX_H_
