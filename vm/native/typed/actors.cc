#include "vm/native/typed/actors.h"

#include <string>
#include <utility>

#include "vm/actor/actor.h"
#include "vm/native/typed/actor_code.h"
#include "vm/native/typed/turn_access.h"

namespace vesicle {
namespace {

// A turn that wakes what waits. Captures: the number of the wait.
struct ArmCode final : CodeBody {
  explicit ArmCode(std::shared_ptr<ActorsLink> link_in) : link(std::move(link_in)) {}
  const std::string& name() const override { return label; }
  bool is_opaque() const override { return true; }

  static TurnEnd Enter(Core& core, Object* holder) {
    --core.fuel;
    const auto* body = static_cast<ArmCode*>(code::Body(code::Of(holder)));
    Actors* actors = body->link->actors;
    if (actors == nullptr) return TurnEnd::kDone;
    const Value* captures = holder->words() + 1;
    Waiting* waiting = actors->waits().Take(
        {static_cast<uint32_t>(captures[0].small_int()), captures[1].small_int()});
    if (waiting == nullptr) return TurnEnd::kDone;
    Turn turn(core, holder);
    const Actors::Entered entered(*actors, turn, nullptr);
    waiting->OnWake(turn);
    TurnAccess::FailForGood(turn);
    if (turn.has_failed()) actors->GiveBackTaken();
    return TurnAccess::Close(turn);
  }

  std::shared_ptr<ActorsLink> link;
  std::string label = "a task";
};

}  // namespace

Actors::Actors(Core& core) : core_(core), link_(std::make_shared<ActorsLink>(ActorsLink{this})) {}

Actors::~Actors() {
  is_closing_ = true;
  link_->actors = nullptr;
  host_activities_.Clear();
  while (!codes_.empty()) codes_.back()->Abandon();
  EmptyGraves();
  errands_.clear();
}

void Actors::SendSlow(Value target, Value message, Value slot) {
  if (is_closing_ || !target.is_target()) return;
  if (turn_ == nullptr) return core_.Deliver(target, message, slot);
  if (turn_->has_failed()) return;
  if (!core_.Send(target, message, slot)) turn_->Quota(Resource::kEvents);
}

Actors::Numbered Actors::FindNumber(const typed_internal::Call* call, int64_t method) {
  for (const Numbered& known : numbered_) {
    if (known.call == call && known.method == method) return known;
  }
  const Numbered added = {call, method, static_cast<uint32_t>(numbered_.size())};
  if (numbered_.size() < typed_internal::word_call::kNumbersMax) numbered_.push_back(added);
  return added;
}

Value Actors::NewArm() {
  if (arm_code_.value().is_nil()) {
    arm_code_ = Root(core_.heap(), Value::Data(code::Make(core_.heap(), new ArmCode(link_),
                                                          &ArmCode::Enter, nullptr, 0)));
  }
  Object* closure = core_.heap().AllocateRaw(Kind::kFunction, 3);
  closure->words()[0] = arm_code_.value();
  closure->words()[1] = Value::SmallInt(number_.index);
  closure->words()[2] = Value::SmallInt(number_.serial);
  return Value::Data(closure);
}

void Actors::WaitFor(Value promise) {
  if (is_closing_) return;
  Listen(promise, core_.NewContinuation(NewArm().data(), Value::Nil()));
}

void Actors::WakeFirst(Waiting& waiting) {
  if (is_closing_) return;
  BeginWait(waiting);
  core_.Keep(core_.NewContinuation(NewArm().data(), Value::Nil()), Value::Nil());
}

void Actors::Listen(Value promise, Value continuation) {
  if (turn_ != nullptr) {
    TurnAccess::Listen(*turn_, promise, continuation);
  } else {
    core_.DeliverListen(promise, continuation);
  }
}

namespace {
class Settled final : public Activity {
 public:
  explicit Settled(absl::AnyInvocable<void()> fn) : fn_(std::move(fn)) {}
  void OnWake(Turn&) override {
    absl::AnyInvocable<void()> fn = std::move(fn_);
    End();
    fn();
  }

 private:
  absl::AnyInvocable<void()> fn_;
};
}  // namespace

void Actors::WhenSettled(Value promise, absl::AnyInvocable<void()> fn) {
  Activity* settled = host_activities_.Add(std::make_unique<Settled>(std::move(fn)));
  core_.DeliverListen(promise, SlotFor(*settled));
}

void Actors::NoteTaken() {
  if (turn_ == nullptr) return;
  if (taken_in_ != core_.serial()) taken_.clear();
  taken_in_ = core_.serial();
  taken_.push_back(number_);
}

void Actors::GiveBackTaken() {
  if (taken_in_ != core_.serial() || turn_ == nullptr) return;
  const std::vector<WaitingTable::Number> taken = std::move(taken_);
  taken_.clear();
  for (const WaitingTable::Number number : taken) {
    if (Waiting* waiting = waits_.Take(number)) waiting->OnWake(*turn_);
  }
}

Value Actors::SlotFor(Waiting& waiting) {
  BeginWait(waiting);
  const Value closure = NewArm();
  const Value arm = core_.NewContinuation(nullptr, Value::Nil());
  // New, so no barrier. Not by NewContinuation, which would make it part of the life of an actor.
  actor::ContWord(arm.target(), actor::Cont::kClosure) = closure;
  actor::ContWord(arm.target(), actor::Cont::kSelf) = Value::Nil();
  return arm;
}

ActivityList& Actors::activities() {
  return running_ == nullptr ? host_activities_ : running_->activities();
}

// ---------------------------------------------------------------------------
// Errands: a promise that is kept at once, whatever becomes of the turn, wakes who does them.

void Actors::ListenForErrands() {
  errand_promise_ = Root(core_.heap(), core_.NewPromise());
  WhenSettled(errand_promise_.value(), [this] { DoErrands(); });
}

void Actors::Later(absl::AnyInvocable<void()> errand) {
  if (is_closing_) return;
  PrepareErrands();
  errands_.push_back(std::move(errand));
  if (!std::exchange(errands_are_due_, true)) core_.Keep(errand_promise_.value(), Value::Nil());
}

void Actors::DoErrands() {
  errands_are_due_ = false;
  ListenForErrands();
  std::vector<absl::AnyInvocable<void()>> errands = std::move(errands_);
  errands_.clear();
  for (auto& errand : errands) errand();
}

// ---------------------------------------------------------------------------
// The end

void Actors::BeginShutdown(std::chrono::nanoseconds grace, absl::AnyInvocable<void()> done) {
  VESICLE_CHECK(turn_ == nullptr);
  grace_ = grace;
  on_shut_down_ = std::move(done);
  // From now on what stands in the list lives.
  core_.CollectFor(Value::Nil());
  EmptyGraves();
  StopNext();
}

void Actors::StopNext() {
  if (is_closing_) return;
  if (codes_.empty()) {
    if (on_shut_down_) std::exchange(on_shut_down_, nullptr)();
    return;
  }
  ActorCode& last = *codes_.back();
  WhenSettled(last.EndedPromise(), [this] { StopNext(); });
  core_.Deliver(last.self(), StopMessage(core_, grace_), Value::Nil());
}

void Actors::Bury(std::unique_ptr<ActivityList> activities, void* object, void (*destroy)(void*)) {
  graves_.push_back({std::move(activities), object, destroy});
}

void Actors::EmptyGraves() {
  std::vector<Grave> graves = std::move(graves_);
  graves_.clear();
  for (Grave& grave : graves) {
    grave.activities.reset();
    if (grave.object != nullptr) grave.destroy(grave.object);
  }
}

}  // namespace vesicle
