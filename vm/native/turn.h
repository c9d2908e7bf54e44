// Turn: what a native behavior may do, and all it may do. One exists for the length
// of one call; keep nothing of it.
//
// A native behavior is a C++ function called with each message of its actor. Its
// effects (create, send, become, reply) are a transaction as a script's are: they
// take place when it returns, and Fail() undoes them. What it did to C++ state of its
// own is not undone. If it neither replies nor takes the slot, the asker gets nil.
// It must not throw and must not block.
//
//   vesicle::Root adder = vm.Create([sum = int64_t{0}](vesicle::Turn& turn) mutable {
//     const std::optional<int64_t> n = vesicle::Int64Of(turn.message());
//     if (!n) return turn.Fail(turn.Text("a number, please"));
//     sum += *n;
//     turn.Reply(turn.Int(sum));
//   });
#ifndef VESICLE_VM_NATIVE_TURN_H_
#define VESICLE_VM_NATIVE_TURN_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/functional/any_invocable.h"
#include "vm/actor/core.h"
#include "vm/native/build.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Turn;
using NativeBehavior = absl::AnyInvocable<void(Turn&)>;

// A native behavior whose actors differ in *captures*: values that each actor holds itself, as a
// script's does, 24 bytes with one of them. The function is given once and shared by all; in it,
// Turn::capture(i) reads them, and becoming the same with others is how state changes, so it is
// undone with the turn. Actors by the million want this: one that has a function of its own
// takes some 200 bytes and, when its turn comes, two more waits for memory.
//
//   const Definition link = vm.Define("link", 1, [](Turn& turn) {
//     turn.Send(turn.capture(0), turn.message());
//   });
//   vesicle::Root a = vm.Create(link, {b.value()});
//
// Ownership, threads: as a Root's; copies are the same definition.
class Definition {
 public:
  Definition() = default;
  // A behavior value, for who takes any: scripts, Create(Value). Wants as many as were defined, as
  // all that take captures do.
  Value Behavior(std::initializer_list<Value> captures) const;
  uint32_t captures() const { return captures_; }

 private:
  friend class Turn;
  friend Definition Define(Core& core, std::string name, uint32_t captures, NativeBehavior fn);
  Core* core_ = nullptr;
  Root code_;
  uint32_t captures_ = 0;
};
// At most kNativeCapturesMax captures (checked).
inline constexpr uint32_t kNativeCapturesMax = 250;
Definition Define(Core& core, std::string name, uint32_t captures, NativeBehavior fn);

// Who paid for a turn, kept for what it leads to later: a device's event or answer, a
// host's callback. What turns cause is paid by their sponsor; a host that sends with
// Vm::Send instead makes the root pay, and a budget is none. Keeps its sponsor alive.
// Threads and lifetime as for ReplySlot.
//
//   [payer = turn.payer(), target = Root(turn.core().heap(), ref)](Vm& vm) {
//     payer.Send(target.value(), vm.Symbol("rang"));
//   }
class Payer {
 public:
  Payer() = default;
  // Delivers the message when the VM runs. kParked: that sponsor is dry, and the message waits for
  // a refill. kRefused: it is dry and has no keeper, and the message failed with #quota(which); or
  // the VM is gone. Within a turn it is an effect of that turn, and kSent.
  Core::Delivery Send(Value target, Value message) const;
  // Its events wait for a refill: what comes again and again is better left out.
  bool is_dry() const { return is_alive() && core_->IsDry(control_.value()); }
  // For the making of an answer outside of turns (Core::Paying), at most about so many bytes. A
  // Value that is no Root may be stale then. Wants a VM.
  //   const auto paying = payer.Pay(text.size());
  Core::Paying Pay(size_t bytes) const {
    return Core::Paying(*core_, control_.value(), static_cast<int64_t>(bytes));
  }

  // Outside of turns: all garbage goes now, at its cost. For a table of what refs hold, before it
  // is said to be full. Wants a VM.
  void Collect() const { core_->CollectFor(control_.value()); }

 private:
  friend class Turn;
  explicit Payer(Core& core) : core_(&core), control_(core.heap(), core.sponsor().control) {}
  bool is_alive() const { return control_.heap() != nullptr; }
  Core* core_ = nullptr;
  Root control_;
};

// A reply to be given later, from outside of the turn (a device's completion). The
// asker's promise stays pending until then, and for ever if it never is given.
// Movable; belongs to its VM's thread; gone with its VM at the latest.
class ReplySlot {
 public:
  ReplySlot() = default;
  // Settles the asker's promise; the first call counts. Nothing happens when nobody asked.
  void Keep(Value value);
  void Break(Value reason);
  bool has_asker() const { return core_ != nullptr && !slot_.value().is_nil(); }
  // Of the turn that the slot was taken from: its answer is made on it.
  const Payer& payer() const { return payer_; }
  Heap* heap() const { return slot_.heap(); }
  // An answer would change nothing: who asked, an `await .. within`, went on without it.
  bool is_abandoned() const {
    return has_asker() && slot_.heap() != nullptr && core_->IsAbandoned(slot_.value());
  }

 private:
  friend class Turn;
  ReplySlot(Core& core, Value slot, Payer payer)
      : core_(&core), slot_(core.heap(), slot), payer_(std::move(payer)) {}
  Core* core_ = nullptr;
  Root slot_;
  Payer payer_;
};

// Adds the making of values (Int, Text, Symbol, Tagged, List, Map: build.h).
class Turn : public Build {
 public:
  // `holder`: what the running code was entered with.
  Turn(Core& core, Object* holder) : Build(core), core_(core), holder_(holder) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // The actor whose turn it is, as a ref; the message; whether somebody asked.
  Value self() const { return core_.turn().self; }
  Value message() const { return core_.turn().message; }
  bool is_asked() const { return !core_.turn().slot.is_nil(); }
  // Of a behavior that was defined with captures.
  Value capture(uint32_t i) const {
    VESICLE_CHECK(i + 1 < holder_->count);
    return holder_->words()[1 + i];
  }
  // Who pays for this turn, for what it leads to when it is over.
  Payer payer() const { return Payer(core_); }

  // A new actor. `behavior`: a behavior value, or a native behavior.
  Value Create(Value behavior);
  Value Create(NativeBehavior behavior);
  Value Create(const Definition& definition, std::initializer_list<Value> captures);

  // Wants target.is_target().
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Send(Value target, Value message) {
    VESICLE_CHECK(target.is_target());
    if (end_ != TurnEnd::kDone || !core_.SendAtOnce(target, message)) [[unlikely]]
      SendSlow(target, message);
  }
  // A promise of the reply.
  Value Ask(Value target, Value message);
  // Runs `then` as a turn of this actor when `promise` settled; its message() is the value or the
  // reason, is_broken() says which. What `then` replies is of no interest to anybody.
  void When(Value promise, NativeBehavior then);
  bool is_broken() const { return core_.turn().flag() == EventFlag::kBroken; }
  // The same, and it answers our asker: what `then` replies, or how it fails.
  void DelegateWhen(Value promise, NativeBehavior then);

  // From the next event on.
  void Become(Value behavior);
  void Become(NativeBehavior behavior);
  void Become(const Definition& definition, std::initializer_list<Value> captures) {
    Become(definition.Behavior(captures));
  }

  // It was given up, or a budget ran out: nothing that it still does takes place.
  bool has_failed() const { return end_ != TurnEnd::kDone; }

  // The asker's answer; the last one counts. A promise as a value answers when it is settled.
  void Reply(Value value);
  // Takes the slot out of the turn, to reply later. Undone if the turn fails.
  ReplySlot TakeReply();
  // Passes the slot on with a message: whoever gets it replies to our asker.
  void Delegate(Value target, Value message);

  // Gives the turn up: its effects never were; the asker's promise breaks with #failed(reason).
  void Fail(Value reason);
  // The same with one of the VM's own reasons, #type(text) for example.
  void Fault(std::string_view tag, std::string_view text);
  // The same with the reason of a promise that broke, as it is.
  void Rebreak(Value reason);
  // The same because a budget is used up: #quota(which), or the event waits for a refill.
  void Quota(Resource which);

  // Counts work beyond the first step, as scripts' steps are counted.
  void Charge(int64_t steps) { core_.fuel -= steps; }
  // Counts it before it is done. False: the budget has not so many steps, or a turn may not take
  // them, or there is no room for `bytes`; the turn has ended with #quota then, and returns. May
  // collect: plain Values but those of the turn itself (message(), self()) are stale afterwards.
  bool ChargeBefore(int64_t steps, uint64_t bytes);

  Core& core() { return core_; }

 private:
  friend struct NativeCode;
  friend struct TurnAccess;  // typed/turn_access.h
  // As a new one for the next turn, when the last one is done.
  void BeginNext(Object* holder) {
    holder_ = holder;
    replied_ = false;
    slot_taken_ = Value::Nil();
    ForgetFailed();
  }
  Value TakeSlot();
  void SendSlow(Value target, Value message);
  void Listen(Value promise, Value continuation);
  bool HasFuelAndRoom(uint64_t bytes);

  Core& core_;
  Object* holder_;
  TurnEnd end_ = TurnEnd::kDone;
  Resource spent_ = Resource::kEvents;  // of a turn that a budget ended
  bool replied_ = false;
  Value slot_taken_ = Value::Nil();  // comes back when the turn fails
};

// A behavior value whose code is `behavior`; each actor made from it shares that one function.
Value MakeNativeBehavior(Core& core, std::string name, NativeBehavior behavior);

// The behavior of a clock: besides what it answers to messages, whoever is handed its ref as an
// option may read it at once (CodeBody::NowNs), in nanoseconds that never go back.
Value MakeClockBehavior(Core& core, std::string name, NativeBehavior behavior,
                        std::function<int64_t()> now_ns);

// A continuation (Core::Listen, Core::DeliverListen) that runs `then`.
Value MakeNativeContinuation(Core& core, NativeBehavior then, Value slot = Value::Nil());

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TURN_H_
