// WaitList: a line of those who wait for something in C++: room in an inbox, an item of a channel.
// The first is woken first, and looks again: to be woken is no more than to be told that there may
// be something. Who was woken and goes away without it wakes the next one.
//
// Ownership: a Place by who stands there; it leaves the line when it goes. A line that goes first
//            lets its places go.
// Threads:   the VM's.
#ifndef VESICLE_VM_NATIVE_TYPED_WAIT_LIST_H_
#define VESICLE_VM_NATIVE_TYPED_WAIT_LIST_H_

#include <list>

#include "vm/actor/core.h"

#pragma GCC visibility push(default)
namespace vesicle {

class WaitList {
 public:
  class Place {
   public:
    Place() = default;
    ~Place() { Leave(); }
    // Only of one that stands nowhere.
    Place(Place&& other) noexcept { VESICLE_CHECK(other.list_ == nullptr); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // At the end of the line, if not there already. The promise settles when it is woken.
    Value Stand(WaitList& list);
    // It got what it was woken for.
    void Done() { is_woken_ = false; }
    void Leave();
    // This one, though others stand before it.
    void Wake();

   private:
    friend class WaitList;
    WaitList* list_ = nullptr;
    bool is_standing_ = false;
    bool is_woken_ = false;
    std::list<Place*>::iterator at_;
    Root promise_;
  };

  explicit WaitList(Core& core) : core_(core) {}
  ~WaitList();
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  // False: nobody stands there.
  bool WakeOne();
  void WakeAll() {
    while (WakeOne()) {
    }
  }
  bool empty() const { return line_.empty(); }
  size_t size() const { return line_.size(); }

 private:
  Core& core_;
  std::list<Place*> line_;
  std::list<Place*> woken_;  // that did not get it yet
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_WAIT_LIST_H_
