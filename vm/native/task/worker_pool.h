// WorkerPool: a task that wants one of a number of places, such as connections, holds it while it
// works and gives it back by going. Who comes when all are taken stands in line.
//
//   WorkerPool pool(vm.actors(), 4, {.waiting_max = 100});
//   Reservation place = co_await pool.Reserve();       // in a task; held until it goes
//   if (!place) ..                                     // the pool was closed, or too many wait
//   std::optional<Reservation> now = pool.TryReserve();
//   absl::Status done = pool.TrySubmit(worker, &Worker::Do, job);   // told if there is a place
//
// A submitted request holds its place until the actor is done with it.
//
// Ownership: copies are the same pool; a reservation keeps it. Dropping a reservation, however its
//            task ends, gives the place back.
// Limits:    places; Options::waiting_max in line.
// Threads:   the VM's.
#ifndef VESICLE_VM_NATIVE_TASK_WORKER_POOL_H_
#define VESICLE_VM_NATIVE_TASK_WORKER_POOL_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "vm/native/task/task.h"

#pragma GCC visibility push(default)
namespace vesicle {

class WorkerPool {
 public:
  struct Options {
    size_t waiting_max = 1000;
  };

 private:
  struct State {
    State(Core& core, size_t places_in, Options options_in)
        : places(places_in), options(options_in), line(core) {}
    bool HasPlace() const { return !is_closed && taken < places; }
    size_t places;
    Options options;
    size_t taken = 0;
    bool is_closed = false;
    WaitList line;
  };

 public:
  // A place, or none. Movable.
  class Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&&) noexcept = default;
    Reservation& operator=(Reservation&& other) noexcept {
      std::swap(state_, other.state_);
      return *this;
    }
    ~Reservation() { GiveBack(); }
    explicit operator bool() const { return state_ != nullptr; }
    void GiveBack() {
      if (const auto state = std::exchange(state_, nullptr)) {
        --state->taken;
        state->line.WakeOne();
      }
    }

   private:
    friend class WorkerPool;
    explicit Reservation(std::shared_ptr<State> state) : state_(std::move(state)) {
      ++state_->taken;
    }
    std::shared_ptr<State> state_;
  };

  class ReserveSource {
   public:
    ReserveSource(ReserveSource&&) noexcept = default;
    bool IsReadyNow() const {
      // Nobody is overtaken.
      return (state_->HasPlace() && state_->line.empty()) || state_->is_closed ||
             state_->line.size() >= state_->options.waiting_max;
    }
    void Arm(Actors& actors, Claim&) { actors.WaitFor(place_.Stand(state_->line)); }
    bool IsReady() const { return state_->HasPlace() || state_->is_closed; }
    Reservation Take() {
      place_.Done();
      return state_->HasPlace() ? Reservation(state_) : Reservation();
    }

   private:
    friend class WorkerPool;
    explicit ReserveSource(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
    WaitList::Place place_;
  };

  WorkerPool(Actors& actors, size_t places, Options options)
      : state_(std::make_shared<State>(actors.core(), places, options)) {}
  WorkerPool(Actors& actors, size_t places) : WorkerPool(actors, places, Options()) {}

  // For tasks: a Reservation, empty if the pool is closed or its line is full.
  ReserveSource Reserve() const { return ReserveSource(state_); }
  std::optional<Reservation> TryReserve() const {
    if (!state_->HasPlace() || !state_->line.empty()) return std::nullopt;
    return Reservation(state_);
  }
  // Tells `worker` if there is a place, which is free again when the request is done.
  // ResourceExhausted: there is none.
  template <typename T, typename M, typename... As>
  absl::Status TrySubmit(const ActorRef<T>& worker, M method, As&&... as) const {
    std::optional<Reservation> place = TryReserve();
    if (!place) {
      return VmStatus(absl::StatusCode::kResourceExhausted, "WorkerPool", "every place is taken");
    }
    worker.Ask(method, std::forward<As>(as)...)
        .Then([place = std::move(*place)](const auto&) mutable { place.GiveBack(); });
    return absl::OkStatus();
  }
  // Who waits gets none. Places that are held stay so.
  void Close() const {
    state_->is_closed = true;
    state_->line.WakeAll();
  }
  size_t taken() const { return state_->taken; }
  size_t waiting() const { return state_->line.size(); }

 private:
  std::shared_ptr<State> state_;
};

using Reservation = WorkerPool::Reservation;

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TASK_WORKER_POOL_H_
