// Components: tasks with named in- and outboxes that know nobody. A third party says which outbox
// leads to which inbox, and says so anew at any time; what was under way arrives.
//
//   class Doubler {                                  // an actor; its boxes are handed to it
//     Task<void> Work() {
//       while (std::optional<int> n = co_await boxes_.Receive("in")) {
//         if (!co_await boxes_.Send("out", *n * 2)) co_return;
//       }
//     }
//     ..
//   Boxes<int> a(vm.actors(), 16), b(vm.actors(), 16);
//   a.Link("out", b, "in");                          // from now on
//   b.Link("out", c, "in");
//   b.Unlink("out");                                 // what is sent waits in the outbox
//
// An outbox that is linked to nothing keeps what is sent, up to its room, and gives it to the inbox
// that it is linked to next, in order. Room is that of the inbox it leads to; a sender waits for
// it.
//
// Ownership: copies are the same boxes. Links hold the inboxes they lead to.
// Limits:    `room` items in each box (at least 1).
// Threads:   the VM's.
#ifndef VESICLE_VM_NATIVE_TASK_COMPONENT_H_
#define VESICLE_VM_NATIVE_TASK_COMPONENT_H_

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "vm/native/task/channel.h"

#pragma GCC visibility push(default)
namespace vesicle {

template <typename T>
class Boxes {
 public:
  class SendSource;

  Boxes(Actors& actors, size_t room)
      : state_(std::make_shared<State>(actors, std::max<size_t>(room, 1))) {}

  // Of an inbox, for the component: as Channel's.
  typename Channel<T>::ReceiveSource Receive(const std::string& inbox) {
    return state_->Inbox(inbox).Receive();
  }
  // For tests, devices, and whoever feeds a component from outside. False: there is no room.
  bool TryPut(const std::string& inbox, T item) {
    return state_->Inbox(inbox).TrySend(std::move(item));
  }
  std::optional<T> TryReceive(const std::string& inbox) {
    return state_->Inbox(inbox).TryReceive();
  }
  // Of an outbox: waits for room where it leads; false: that was closed.
  SendSource Send(const std::string& outbox, T item) {
    return SendSource(state_->OutboxOf(outbox), std::move(item));
  }

  // What is sent to `outbox` goes to `inbox` of `to` from now on; what it kept is there at once,
  // beyond the room if need be.
  void Link(const std::string& outbox, Boxes& to, const std::string& inbox) {
    state_->OutboxOf(outbox)->LeadTo(to.state_->Inbox(inbox), /*own=*/false);
  }
  // Kept from now on.
  void Unlink(const std::string& outbox) {
    state_->OutboxOf(outbox)->LeadTo(Channel<T>(state_->actors, state_->room), /*own=*/true);
  }
  // An inbox takes no more; who receives gets what is there, then nothing.
  void Close(const std::string& inbox) { state_->Inbox(inbox).Close(); }

 private:
  struct Outbox {
    Outbox(Actors& actors, size_t room) : leads_to(actors, room), line(actors.core()) {}

    // `own`: a channel of its own, that keeps what is sent.
    void LeadTo(Channel<T> to, bool own) {
      Channel<T> before = std::exchange(leads_to, std::move(to));
      // The inbox of a component keeps what it has.
      if (std::exchange(is_own, own)) {
        while (std::optional<T> item = before.TryReceive()) leads_to.Put(std::move(*item));
      }
      line.WakeAll();
    }

    Channel<T> leads_to;
    bool is_own = true;
    WaitList line;  // of senders, who look again when it leads elsewhere
  };
  struct State {
    State(Actors& actors_in, size_t room_in) : actors(actors_in), room(room_in) {}
    Channel<T>& Inbox(const std::string& name) {
      return inboxes.try_emplace(name, actors, room).first->second;
    }
    std::shared_ptr<Outbox> OutboxOf(const std::string& name) {
      auto& outbox = outboxes[name];
      if (outbox == nullptr) outbox = std::make_shared<Outbox>(actors, room);
      return outbox;
    }
    Actors& actors;
    size_t room;
    std::map<std::string, Channel<T>> inboxes;
    std::map<std::string, std::shared_ptr<Outbox>> outboxes;
  };
  std::shared_ptr<State> state_;
};

template <typename T>
class Boxes<T>::SendSource {
 public:
  SendSource(SendSource&&) noexcept = default;

  bool IsReadyNow() const { return IsReady(); }
  void Arm(Actors& actors, Claim&) {
    actors.WaitFor(place_.Stand(outbox_->line));
    actors.WaitFor(outbox_->leads_to.StandForRoom(room_place_));
  }
  bool IsReady() const { return outbox_->leads_to.is_closed() || outbox_->leads_to.has_room(); }
  bool Take() {
    place_.Leave();
    room_place_.Done();
    return outbox_->leads_to.TrySend(std::move(item_));
  }

 private:
  friend class Boxes;
  SendSource(std::shared_ptr<Outbox> outbox, T item)
      : outbox_(std::move(outbox)), item_(std::move(item)) {}

  std::shared_ptr<Outbox> outbox_;
  T item_;
  WaitList::Place place_;
  WaitList::Place room_place_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TASK_COMPONENT_H_
