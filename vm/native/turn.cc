#include "vm/native/turn.h"

#include <utility>

#include "vm/actor/actor.h"
#include "vm/actor/core_turn.h"

namespace vesicle {

// The code of a native behavior: one C++ function.
struct NativeCode : CodeBody {
  NativeCode(std::string name_in, NativeBehavior fn_in)
      : label(std::move(name_in)), fn(std::move(fn_in)) {}
  const std::string& name() const override { return label; }
  size_t bytes() const override { return sizeof *this; }
  bool is_opaque() const override { return true; }

  static TurnEnd Enter(Core& core, Object* holder) {
    // From one turn straight to the next, as long as they are of native behaviors and plain.
    Turn turn(core, holder);
    for (;;) {
      --core.fuel;
      static_cast<NativeCode*>(code::Body(code::Of(holder)))->fn(turn);
      if (turn.end_ != TurnEnd::kDone) [[unlikely]] {
        if (!turn.slot_taken_.is_nil()) core.turn().slot = turn.slot_taken_;
        return turn.end_;
      }
      if (!turn.replied_ && turn.is_asked()) core.StageReply(Value::Nil());
      holder = core.TakeNext(&NativeCode::Enter);
      if (holder == nullptr) return TurnEnd::kDone;
      turn.BeginNext(holder);
    }
  }

  std::string label;
  NativeBehavior fn;
};

namespace {

// The same of a clock, which may also be read.
struct ClockCode final : NativeCode {
  ClockCode(std::string name_in, NativeBehavior fn_in, std::function<int64_t()> now_in)
      : NativeCode(std::move(name_in), std::move(fn_in)), now(std::move(now_in)) {}
  size_t bytes() const override { return sizeof *this; }
  std::optional<int64_t> NowNs() const override { return now(); }
  std::function<int64_t()> now;
};

Object* MakeCode(Core& core, std::string name, NativeBehavior behavior) {
  return code::Make(core.heap(), new NativeCode(std::move(name), std::move(behavior)),
                    &NativeCode::Enter, nullptr, 0);
}

}  // namespace

Value MakeNativeBehavior(Core& core, std::string name, NativeBehavior behavior) {
  Object* code = MakeCode(core, std::move(name), std::move(behavior));
  return Value::Data(core.NewHolder(Kind::kBehavior, code, 0));
}

Value MakeClockBehavior(Core& core, std::string name, NativeBehavior behavior,
                        std::function<int64_t()> now_ns) {
  auto* body = new ClockCode(std::move(name), std::move(behavior), std::move(now_ns));
  Object* code = code::Make(core.heap(), body, &NativeCode::Enter, nullptr, 0);
  return Value::Data(core.NewHolder(Kind::kBehavior, code, 0));
}

Value MakeNativeContinuation(Core& core, NativeBehavior then, Value slot) {
  Object* code = MakeCode(core, "<native when>", std::move(then));
  return core.NewContinuation(core.NewHolder(Kind::kFunction, code, 0), slot);
}

Definition Define(Core& core, std::string name, uint32_t captures, NativeBehavior fn) {
  VESICLE_CHECK_LE(captures, kNativeCapturesMax);
  Definition definition;
  definition.core_ = &core;
  definition.code_ = Root(core.heap(), Value::Data(MakeCode(core, std::move(name), std::move(fn))));
  definition.captures_ = captures;
  return definition;
}

Value Definition::Behavior(std::initializer_list<Value> captures) const {
  VESICLE_CHECK_EQ(captures.size(), size_t{captures_});
  Object* o = core_->NewHolder(Kind::kBehavior, code_.value().data(), captures_);
  actor::CopyWords(o->words() + 1, captures.begin(), captures_);
  return Value::Data(o);
}

Core::Delivery Payer::Send(Value target, Value message) const {
  if (!is_alive()) return Core::Delivery::kRefused;
  return core_->DeliverOn(control_.value(), target, message);
}

void ReplySlot::Keep(Value value) {
  // A heap that went first took the root's value with it.
  if (has_asker() && slot_.heap() != nullptr) core_->Keep(slot_.value(), value);
  slot_.reset();
}

void ReplySlot::Break(Value reason) {
  if (has_asker() && slot_.heap() != nullptr) core_->Break(slot_.value(), reason);
  slot_.reset();
}

Value Turn::Create(Value behavior) { return core_.CreateActor(behavior); }

Value Turn::Create(NativeBehavior behavior) {
  return core_.CreateActor(MakeNativeBehavior(core_, "<native>", std::move(behavior)));
}

Value Turn::Create(const Definition& definition, std::initializer_list<Value> captures) {
  VESICLE_CHECK_EQ(captures.size(), size_t{definition.captures_});
  Object* o = core_.NewActor(definition.code_.value().data(), definition.captures_);
  actor::CopyWords(o->words() + 1, captures.begin(), definition.captures_);
  return Value::Target(o);
}

void Turn::SendSlow(Value target, Value message) {
  if (end_ != TurnEnd::kDone) return;
  if (!core_.Send(target, message, Value::Nil())) end_ = core_.Quota(Resource::kEvents);
}

Value Turn::Ask(Value target, Value message) {
  VESICLE_CHECK(target.is_target());
  const Value promise = core_.NewPromise();
  if (end_ == TurnEnd::kDone && !core_.Send(target, message, promise)) {
    end_ = core_.Quota(Resource::kEvents);
  }
  return promise;
}

void Turn::When(Value promise, NativeBehavior then) {
  Listen(promise, MakeNativeContinuation(core_, std::move(then)));
}

void Turn::DelegateWhen(Value promise, NativeBehavior then) {
  Listen(promise, MakeNativeContinuation(core_, std::move(then), TakeSlot()));
}

void Turn::Listen(Value promise, Value continuation) {
  if (end_ == TurnEnd::kDone && !core_.Listen(promise, continuation)) {
    end_ = core_.Quota(Resource::kEvents);
  }
}

void Turn::Become(Value behavior) {
  VESICLE_CHECK(IsKind(behavior, Kind::kBehavior));
  VESICLE_CHECK(IsTargetKind(core_.turn().receiver, Kind::kActor));
  core_.StageBecome(behavior);
}

void Turn::Become(NativeBehavior behavior) {
  Become(MakeNativeBehavior(core_, "<native>", std::move(behavior)));
}

void Turn::Reply(Value value) {
  replied_ = true;
  core_.StageReply(value);
}

Value Turn::TakeSlot() {
  replied_ = true;
  const Value slot = core_.turn().slot;
  if (!slot.is_nil()) slot_taken_ = slot;
  core_.turn().slot = Value::Nil();
  return slot;
}

ReplySlot Turn::TakeReply() { return ReplySlot(core_, TakeSlot(), payer()); }

void Turn::Delegate(Value target, Value message) {
  VESICLE_CHECK(target.is_target());
  const Value slot = TakeSlot();
  if (end_ == TurnEnd::kDone && !core_.Send(target, message, slot)) {
    end_ = core_.Quota(Resource::kEvents);
  }
}

void Turn::Fail(Value reason) { end_ = core_.Fail(reason, {}); }

void Turn::Fault(std::string_view tag, std::string_view text) {
  const Value reason = Tagged(tag, text);
  if (reason.is_nil()) return Quota(Resource::kMemory);
  end_ = core_.Fault(reason, {});
}

void Turn::Rebreak(Value reason) { end_ = core_.Rebreak(reason, {}); }

void Turn::Quota(Resource which) {
  spent_ = which;
  end_ = core_.Quota(which);
}

bool Turn::ChargeBefore(int64_t steps, uint64_t bytes) {
  Charge(steps);
  Root slot(core_.heap(), slot_taken_);
  const bool goes_on = HasFuelAndRoom(bytes);
  slot_taken_ = slot.value();
  const Value receiver = core_.turn().receiver;
  if (IsTargetKind(receiver, Kind::kActor)) holder_ = actor::Holder(receiver.target());
  return goes_on;
}

bool Turn::HasFuelAndRoom(uint64_t bytes) {
  switch (core_.Refuel(Core::Need::kSteps, /*can_wait=*/false)) {
    case Core::Fuel::kGo:
    case Core::Fuel::kSuspend:  // native code is not suspended: its sponsor waits longer afterwards
      break;
    case Core::Fuel::kQuotaSteps:
    case Core::Fuel::kTurnTooLong:
      Quota(Resource::kSteps);
      return false;
    case Core::Fuel::kQuotaMemory:
      Quota(Resource::kMemory);
      return false;
  }
  if (core_.HasRoom(bytes)) return true;
  Quota(Resource::kMemory);
  return false;
}

}  // namespace vesicle
