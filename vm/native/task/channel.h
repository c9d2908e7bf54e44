// Channel<T>: items from tasks to tasks of one VM, with room for `capacity` of them; without room
// it is a rendezvous: who sends waits until somebody takes.
//
//   Channel<int> channel(vm.actors(), 16);
//   bool sent = co_await channel.Send(3);                       // false: it is closed
//   while (std::optional<int> n = co_await channel.Receive()) .. // nothing: closed, and empty
//   if (!channel.TrySend(4)) ..                     // full; from anywhere on the thread
//
// It is how work comes to an actor beside its inbox: a device's callback or a handle of the loop
// calls TrySend, a task of the actor receives, or Context::Attach (attach.h) makes each item a turn
// of it.
//
// Items are C++ objects and do not become values: the channel is for those who share it in C++, and
// nothing of it is undone when a turn fails. Waiting is in order; whoever comes later goes behind.
//
// Ownership: copies are the same channel. It goes with the last of them, and with it what is in it.
// Threads:   the VM's.
#ifndef VESICLE_VM_NATIVE_TASK_CHANNEL_H_
#define VESICLE_VM_NATIVE_TASK_CHANNEL_H_

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "vm/native/task/task.h"

#pragma GCC visibility push(default)
namespace vesicle {

template <typename T>
class Channel {
 public:
  class SendSource;
  class ReceiveSource;

  Channel(Actors& actors, size_t capacity)
      : state_(std::make_shared<State>(actors.core(), capacity)) {}

  SendSource Send(T item) { return SendSource(state_, std::move(item)); }
  ReceiveSource Receive() { return ReceiveSource(state_); }

  // False: there is no room, or nobody who waits for it; or it is closed. `item` is as it was then.
  bool TrySend(T&& item) { return state_->TryPut(item); }
  bool TrySend(const T& item) {
    T copy = item;
    return state_->TryPut(copy);
  }
  std::optional<T> TryReceive() {
    return state_->HasItem() ? std::optional<T>(state_->TakeItem()) : std::nullopt;
  }
  // No more is taken in; what is there can be received. Who waits to send gets false.
  void Close() {
    state_->is_closed = true;
    state_->senders.WakeAll();
    state_->receivers.WakeAll();
  }
  bool is_closed() const { return state_->is_closed; }

  // --- for other things to await that are made of channels
  bool has_room() const { return state_->HasRoom(); }
  // In the line of those who want to send.
  Value StandForRoom(WaitList::Place& place) { return place.Stand(state_->senders); }
  // Beyond its capacity if need be.
  void Put(T item) {
    state_->items.push_back(std::move(item));
    state_->receivers.WakeOne();
  }
  size_t size() const { return state_->items.size(); }

 private:
  struct State {
    State(Core& core, size_t capacity_in) : capacity(capacity_in), senders(core), receivers(core) {}

    bool HasRoom() const {
      // At a rendezvous there is room for each who stands in line to receive.
      return items.size() < (capacity == 0 ? receivers.size() : capacity);
    }
    bool TryPut(T& item) {
      if (is_closed || !HasRoom()) return false;
      items.push_back(std::move(item));
      receivers.WakeOne();
      return true;
    }
    SendSource* FirstOffer() {
      for (SendSource* offer : offers) {
        if (!offer->claim_->is_taken) return offer;
      }
      return nullptr;
    }
    bool HasItem() { return !items.empty() || FirstOffer() != nullptr; }
    T TakeItem() {
      if (items.empty()) return FirstOffer()->GiveAway();
      T item = std::move(items.front());
      items.pop_front();
      senders.WakeOne();
      return item;
    }

    size_t capacity;
    bool is_closed = false;
    std::deque<T> items;
    std::list<SendSource*> offers;  // at a rendezvous: of those who wait to send
    WaitList senders;
    WaitList receivers;
  };
  std::shared_ptr<State> state_;
};

template <typename T>
class Channel<T>::SendSource {
 public:
  SendSource(SendSource&& other) noexcept
      : state_(std::move(other.state_)), item_(std::move(other.item_)) {
    VESICLE_CHECK(!other.is_offered_);
  }
  ~SendSource() { Withdraw(); }

  bool IsReadyNow() const { return state_->is_closed || state_->HasRoom(); }
  void Arm(Actors& actors, Claim& claim) {
    claim_ = &claim;
    actors.WaitFor(place_.Stand(state_->senders));
    if (state_->capacity != 0 || is_offered_) return;
    is_offered_ = true;
    at_ = state_->offers.insert(state_->offers.end(), this);
    state_->receivers.WakeOne();
  }
  bool IsReady() const {
    return is_committed_ || ((claim_ == nullptr || !claim_->is_taken) && IsReadyNow());
  }
  bool is_committed() const { return is_committed_; }
  bool Take() {
    Withdraw();
    if (is_committed_) return true;
    place_.Done();
    return state_->TryPut(item_);
  }

 private:
  friend class Channel;
  SendSource(std::shared_ptr<State> state, T item)
      : state_(std::move(state)), item_(std::move(item)) {}

  T GiveAway() {
    Withdraw();
    claim_->is_taken = true;
    is_committed_ = true;
    // It is the first that waits of those that count, and is to be told.
    place_.Wake();
    return std::move(item_);
  }
  void Withdraw() {
    if (std::exchange(is_offered_, false)) state_->offers.erase(at_);
  }

  std::shared_ptr<State> state_;
  T item_;
  Claim* claim_ = nullptr;
  bool is_offered_ = false;
  bool is_committed_ = false;
  typename std::list<SendSource*>::iterator at_;
  WaitList::Place place_;  // goes before the state
};

template <typename T>
class Channel<T>::ReceiveSource {
 public:
  ReceiveSource(ReceiveSource&&) noexcept = default;

  bool IsReadyNow() const { return state_->is_closed || state_->HasItem(); }
  void Arm(Actors& actors, Claim& claim) {
    claim_ = &claim;
    actors.WaitFor(place_.Stand(state_->receivers));
  }
  bool IsReady() const { return !(claim_ != nullptr && claim_->is_taken) && IsReadyNow(); }
  std::optional<T> Take() {
    place_.Done();
    if (!state_->HasItem()) return std::nullopt;
    return state_->TakeItem();
  }

 private:
  friend class Channel;
  explicit ReceiveSource(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
  Claim* claim_ = nullptr;
  WaitList::Place place_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TASK_CHANNEL_H_
