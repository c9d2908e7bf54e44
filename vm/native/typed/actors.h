// Actors: what a VM keeps of its typed actors: which turn of theirs runs, which there are, what
// waits, the time, and who is told of crashes. Vm::actors() is it.
//
//   vm.actors().SetTime(&time);                              // for deadlines and sleeps
//   vm.actors().OnCrash([](const Crash& crash) { .. });      // of each fault, as it happens
//   vm.actors().Shutdown();                                  // everybody's OnStop, newest first
//
// Ownership: by the Vm. With it go the tasks and asks under way, then the actors' objects, newest
//            first, without OnStop: quick, and safe at any time outside of turns.
// Threads:   the VM's.
#ifndef VESICLE_VM_NATIVE_TYPED_ACTORS_H_
#define VESICLE_VM_NATIVE_TYPED_ACTORS_H_

#include <array>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/functional/any_invocable.h"
#include "vm/actor/core.h"
#include "vm/native/turn.h"
#include "vm/native/typed/activity.h"
#include "vm/native/typed/class_info.h"
#include "vm/native/typed/time.h"
#include "vm/native/typed/waiting.h"

#pragma GCC visibility push(default)
namespace vesicle {

class ActorCode;
class Actors;

// For code objects, which the heap may keep when Actors is gone; null then.
struct ActorsLink {
  Actors* actors;
};

class Actors {
 public:
  explicit Actors(Core& core);
  ~Actors();
  Actors(const Actors&) = delete;
  Actors& operator=(const Actors&) = delete;

  // --- for hosts
  // Outlives the VM, or is replaced by null before it goes.
  void SetTime(TimeSource* time) { alarms_.SetTime(time); }
  // Is told of each fault of a typed actor, after its OnFault; from within the turn that failed: it
  // is to send nothing.
  void OnCrash(std::function<void(const Crash&)> fn) { on_crash_ = std::move(fn); }
  // How many there are that have not stopped, and were not collected.
  size_t count() const { return codes_.size(); }
  // Stops all of them, the newest first, each when the one before has stopped. What was sent to
  // them before is done; tasks are cancelled, or have `grace` to end where there is one. Wants to
  // be outside of turns. `done` is called at the end, while the VM runs.
  void BeginShutdown(std::chrono::nanoseconds grace, absl::AnyInvocable<void()> done);

  // --- for typed actors and tasks
  Core& core() { return core_; }
  AlarmTable& alarms() { return alarms_; }
  WaitingTable& waits() { return waits_; }
  const std::shared_ptr<ActorsLink>& link() { return link_; }
  bool is_closing() const { return is_closing_; }

  // The turn of typed code that runs, and whose it is. Null: none runs, or of the host.
  Turn* turn() const { return turn_; }
  ActorCode* running() const { return running_; }
  class Entered {
   public:
    Entered(Actors& actors, Turn& turn, ActorCode* running)
        : actors_(actors), turn_(actors.turn_), running_(actors.running_) {
      actors.turn_ = &turn;
      actors.running_ = running;
    }
    ~Entered() {
      actors_.turn_ = turn_;
      actors_.running_ = running_;
    }
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

   private:
    Actors& actors_;
    Turn* turn_;
    ActorCode* running_;
  };
  void set_running(ActorCode* code) { running_ = code; }

  // An effect of the turn that runs, or the host's.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Send(Value target, Value message, Value slot) {
    if (turn_ != nullptr && slot.is_nil()) return turn_->Send(target, message);
    SendSlow(target, message, slot);
  }
  // The same without a slot, in a turn, when nothing stands in the way. False: nothing was done.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool SendAtOnce(Value target, Value message) {
    return turn_ != nullptr && !turn_->has_failed() && core_.SendAtOnce(target, message);
  }
  // `waiting` goes on when the promise settles. Several promises for one wait: the first wakes.
  void BeginWait(Waiting& waiting) { number_ = waits_.Begin(waiting); }
  void WaitFor(Value promise);
  // `waiting` goes on next, before whatever waits. In a turn, which is to end well: it is at once.
  void WakeFirst(Waiting& waiting);
  // Runs when the promise settles, in a turn of nobody's.
  void WhenSettled(Value promise, absl::AnyInvocable<void()> fn);
  // A slot that wakes it, whatever becomes of the event; of no actor's life.
  Value SlotFor(Waiting& waiting);
  void Listen(Value promise, Value continuation);
  // The wait that began last frees a place that the running turn took: taken back if it fails.
  void NoteTaken();
  void GiveBackTaken();
  // Those of the running actor, or of the host.
  ActivityList& activities();

  // The number of a method for calls that fit a word; what it is the number of. kNumbersMax: there
  // are too many.
  uint32_t NumberOf(const typed_internal::Call* call, int64_t method) {
    Numbered& place = cached_[PlaceOf(call, method)];
    if (place.call != call || place.method != method) [[unlikely]]
      place = FindNumber(call, method);
    return place.number;
  }
  // UINT32_MAX: it is to be looked for.
  uint32_t CachedNumberOf(const typed_internal::Call* call, int64_t method) const {
    const Numbered& place = cached_[PlaceOf(call, method)];
    return place.call == call && place.method == method ? place.number : UINT32_MAX;
  }
  struct Numbered {
    const typed_internal::Call* call = nullptr;
    int64_t method = 0;
    uint32_t number = 0;
  };
  const Numbered& CallOfNumber(uint32_t number) const { return numbered_[number]; }

  // A ref that takes #call(arguments) and nothing else, as that call of the target (sender.h).
  Value NewNarrow(Value target, const typed_internal::Call* call, int64_t method, Value tag);

  // Runs soon, in a turn of nobody's, also when the turn that asks for it fails. What it sends it
  // sends by Core::Deliver.
  void Later(absl::AnyInvocable<void()> errand);
  // Before the first actor is there: in a turn that fails it would be too late.
  void PrepareErrands() {
    if (errand_promise_.value().is_nil()) ListenForErrands();
  }

  // --- for ActorCode
  std::list<ActorCode*>& codes() { return codes_; }
  void TellCrash(const Crash& crash) {
    if (on_crash_) on_crash_(crash);
  }
  // What a collection found dead is destroyed when no collection runs.
  void Bury(std::unique_ptr<ActivityList> activities, void* object, void (*destroy)(void*));
  void DestroyDead() {
    if (!graves_.empty()) [[unlikely]]
      EmptyGraves();
  }

 private:
  struct Grave {
    std::unique_ptr<ActivityList> activities;
    void* object;
    void (*destroy)(void*);
  };
  static size_t PlaceOf(const typed_internal::Call* call, int64_t method) {
    return ((reinterpret_cast<uint64_t>(call) ^ static_cast<uint64_t>(method)) >> 4) % kCached;
  }
  Numbered FindNumber(const typed_internal::Call* call, int64_t method);
  void SendSlow(Value target, Value message, Value slot);
  Value NewArm();
  void ListenForErrands();
  void DoErrands();
  void StopNext();
  void EmptyGraves();

  Core& core_;
  std::shared_ptr<ActorsLink> link_;
  Turn* turn_ = nullptr;
  ActorCode* running_ = nullptr;
  WaitingTable waits_;
  WaitingTable::Number number_{};
  AlarmTable alarms_;
  uint64_t taken_in_ = 0;  // the turn
  std::vector<WaitingTable::Number> taken_;
  std::list<ActorCode*> codes_;  // in the order of spawning
  ActivityList host_activities_;
  static constexpr size_t kCached = 64;
  std::array<Numbered, kCached> cached_{};
  std::vector<Numbered> numbered_;
  Root arm_code_;
  Root narrow_code_;  // nil: none was needed yet
  Root errand_promise_;
  bool errands_are_due_ = false;
  std::vector<absl::AnyInvocable<void()>> errands_;
  std::vector<Grave> graves_;
  std::function<void(const Crash&)> on_crash_;
  bool is_closing_ = false;
  std::chrono::nanoseconds grace_{};
  absl::AnyInvocable<void()> on_shut_down_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_ACTORS_H_
