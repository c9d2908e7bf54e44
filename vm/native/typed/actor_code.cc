#include "vm/native/typed/actor_code.h"

#include <exception>

#include "absl/strings/str_cat.h"
#include "vm/actor/actor.h"
#include "vm/actor/core_turn.h"
#include "vm/native/typed/actor_life.h"
#include "vm/native/typed/asked.h"
#include "vm/native/typed/turn_access.h"
#include "vm/value/form.h"
#include "vm/value/print.h"

namespace vesicle {

using typed_internal::Call;
using typed_internal::ClassInfo;
using typed_internal::Listed;
namespace word_call = typed_internal::word_call;

namespace {

// The call that a message is; null: it comes from a script or a peer. Nobody but this folder sends
// a kTuple.
const Call* CallOfMessage(Value message) {
  if (!IsKind(message, Kind::kTuple)) return nullptr;
  return reinterpret_cast<const Call*>(message.data()->words()[0].bits());
}

ActorCode* CodeOf(Object* holder) {
  return static_cast<ActorCode*>(static_cast<TypedCode*>(code::Body(code::Of(holder))));
}

}  // namespace

// The code of a behavior whose actors have no object yet: at its first message each gets one.
struct NewbornCode final : TypedCode {
  NewbornCode(Actors& actors, const ClassInfo& info, ActorOptions options_in,
              ActorCode::MakeObject make_in)
      : TypedCode(actors, info, std::string(info.name)),
        options(std::move(options_in)),
        make(std::move(make_in)) {}

  static TurnEnd Enter(Core& core, Object* holder);

  ActorOptions options;
  ActorCode::MakeObject make;
};

TypedCode* TypedCode::Of(Value target) {
  if (IsTargetKind(target, Kind::kPayer)) target = target.target()->words()[0];
  if (!IsTargetKind(target, Kind::kActor)) return nullptr;
  Object* code = code::Of(actor::Holder(target.target()));
  const EnterFn enter = code::Enter(code);
  if (enter != &ActorCode::Enter && enter != &NewbornCode::Enter) return nullptr;
  return static_cast<TypedCode*>(code::Body(code));
}

ActorCode* ActorCode::Of(Value target) { return dynamic_cast<ActorCode*>(TypedCode::Of(target)); }

ActorCode::ActorCode(Actors& actors, const ClassInfo& info, ActorOptions options, MakeObject make)
    : TypedCode(actors, info, options.name.empty() ? std::string(info.name) : options.name),
      actors_(&actors),
      context_(*this),
      make_(std::move(make)),
      inbox_(actors.core(), options.inbox_max),
      tasks_max_(options.tasks_max) {}

ActorCode::~ActorCode() {
  if (link_->actors == nullptr) return;
  // A collection runs: what the object's destructor does waits.
  Forget();
  sources_.MoveTo(activities_);
  if (object_ == nullptr && activities_.empty()) return;
  std::unique_ptr<ActivityList> rest;
  if (!activities_.empty()) {
    rest = std::make_unique<ActivityList>();
    activities_.MoveTo(*rest);
  }
  actors_->Bury(std::move(rest), std::exchange(object_, nullptr), info_.destroy);
}

void ActorCode::Forget() {
  if (std::exchange(is_listed_, false)) actors_->codes().erase(place_);
}

Object* ActorCode::Adopt() {
  code_object_ = code::Make(actors_->core().heap(), this, &ActorCode::Enter, nullptr, 1);
  is_listed_ = true;
  place_ = actors_->codes().insert(actors_->codes().end(), this);
  return code_object_;
}

Value ActorCode::Spawn(std::unique_ptr<ActorCode> code) {
  Actors& actors = *code->actors_;
  actors.DestroyDead();
  actors.PrepareErrands();
  Core& core = actors.core();
  Object* made = code.release()->Adopt();
  const Value actor = Value::Target(core.NewActor(made, 0));
  made->words()[code::kFixedWords] = actor;
  actors.Send(actor, typed_internal::LifeMessage(core, typed_internal::kStartCall), Value::Nil());
  return actor;
}

Value ActorCode::Behavior(Actors& actors, const ClassInfo& info, ActorOptions options,
                          MakeObject make) {
  actors.PrepareErrands();
  Core& core = actors.core();
  Object* code =
      code::Make(core.heap(), new NewbornCode(actors, info, std::move(options), std::move(make)),
                 &NewbornCode::Enter, nullptr, 0);
  return Value::Data(core.NewHolder(Kind::kBehavior, code, 0));
}

TurnEnd NewbornCode::Enter(Core& core, Object* holder) {
  --core.fuel;
  const auto* newborn = static_cast<NewbornCode*>(code::Body(code::Of(holder)));
  if (newborn->link_->actors == nullptr) return core.Rebreak(core.Reason("stopped"), {});
  Actors& actors = *newborn->link_->actors;
  Turn turn(core, holder);
  Object* made = (new ActorCode(actors, newborn->info_, newborn->options, newborn->make))->Adopt();
  made->words()[code::kFixedWords] = turn.self();
  turn.Become(Value::Data(core.NewHolder(Kind::kBehavior, made, 0)));
  turn.Send(turn.self(), typed_internal::LifeMessage(core, typed_internal::kStartCall));
  turn.Delegate(turn.self(), turn.message());
  return TurnAccess::Close(turn);
}

// ---------------------------------------------------------------------------
// Turns

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void ActorCode::OneTurn(Turn& turn) {
  const Value message = turn.message();
  if (word_call::Is(message)) {
    if (state_ != State::kRunning) [[unlikely]]
      return UnusualTurn(turn, nullptr, nullptr);
    const Actors::Numbered& called = actors_->CallOfNumber(word_call::NumberOf(message));
    return Guard(turn, called.call, called.method, [&] {
      called.call->invoke_word(*this, turn, called.method, word_call::ArgumentOf(message));
    });
  }
  const Call* call = CallOfMessage(message);
  if (call == nullptr) return ByName(turn);
  Object* o = message.data();
  if (state_ != State::kRunning) [[unlikely]]
    return UnusualTurn(turn, call, o);
  Invoke(turn, call, o->words()[1].small_int(), o->words() + 2);
}

TurnEnd ActorCode::Enter(Core& core, Object* holder) {
  ActorCode* code = CodeOf(holder);
  Actors* actors = code->link_->actors;
  if (actors == nullptr) return core.Rebreak(core.Reason("stopped"), {});
  actors->DestroyDead();
  Turn turn(core, holder);
  const Actors::Entered entered(*actors, turn, code);
  for (;;) {
    --core.fuel;
    code->OneTurn(turn);
    if (turn.has_failed()) [[unlikely]]
      code->AfterFailure(turn);
    if (TurnAccess::Close(turn) != TurnEnd::kDone) [[unlikely]]
      return TurnAccess::End(turn);
    holder = core.TakeNext(&ActorCode::Enter);
    if (holder == nullptr) return TurnEnd::kDone;
    TurnAccess::BeginNext(turn, holder);
    code = CodeOf(holder);
    actors->set_running(code);
  }
}

// It is not running, or not yet.
void ActorCode::UnusualTurn(Turn& turn, const Call* call, Object* message) {
  const bool is_of_life = call == &typed_internal::kStartCall ||
                          call == &typed_internal::kStopCall ||
                          call == &typed_internal::kFinishCall;
  if (is_of_life) {
    return Invoke(turn, call, message->words()[1].small_int(), message->words() + 2);
  }
  if (state_ == State::kNew) {
    // It came by another budget than the start. It is to find the actor started.
    turn.Send(turn.self(), typed_internal::LifeMessage(turn.core(), typed_internal::kStartCall));
    return turn.Delegate(turn.self(), turn.message());
  }
  BreakStopped(turn);
}

void ActorCode::BreakStopped(Turn& turn) {
  const Value slot = TurnAccess::TakeSlot(turn);
  if (!slot.is_nil()) turn.core().Break(slot, turn.core().Reason("stopped"));
}

// Of a script or a peer: #add(3), #get.
void ActorCode::ByName(Turn& turn) {
  if (state_ != State::kRunning) [[unlikely]]
    return UnusualTurn(turn, nullptr, nullptr);
  const Value message = turn.message();
  const Listed* listed = nullptr;
  if (HasTag(message)) {
    const Value tag = TagOf(message);
    listed = info_.Find(SymbolView(tag));
  }
  const size_t count = listed == nullptr ? 0 : FieldsOf(message).size();
  if (listed != nullptr && listed->count == count) {
    const Value* fields = FieldsOf(message).data();
    return Invoke(turn, listed->call, listed->method, fields);
  }
  if (listed != nullptr) {
    return Refuse(turn, "type",
                  absl::StrCat(std::string(listed->name), " of ", name_, ": wanted ", listed->count,
                               " arguments, got ", count));
  }
  std::string takes;
  for (const Listed& known : info_.listed) {
    absl::StrAppend(&takes, takes.empty() ? " takes #" : ", #", std::string(known.name));
    if (known.count > 0) absl::StrAppend(&takes, "/", known.count);
  }
  Refuse(turn, "no_clause",
         absl::StrCat(name_, takes.empty() ? " takes no messages by name" : takes, ", but got ",
                      Print(message, kReportOptions)));
}

// ---------------------------------------------------------------------------
// Failing

void ActorCode::Refuse(Turn& turn, std::string_view tag, std::string_view text) {
  is_refusal_ = true;
  turn.Fault(tag, text);
}

void ActorCode::RefuseArgument(Turn& turn, const Call* call, int64_t method, size_t index,
                               const Reading& in) {
  Refuse(turn, in.is_over_limit() ? "limit" : "type",
         absl::StrCat(std::string(info_.NameOf(call, method)), " of ", name_, ": argument ",
                      index + 1, ": ", in.Message()));
}

void ActorCode::FailWith(Turn& turn, const absl::Status& status) {
  is_answer_ = turn.is_asked();
  turn.Fail(ValueOfStatus(turn, status));
}

void ActorCode::Threw(Turn& turn, std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    turn.Fault("exception", e.what());
  } catch (...) {
    turn.Fault("exception", "something that is no std::exception");
  }
}

// In reports a call is to stand as a script would write it: the turn failed, and needs no message.
void ActorCode::ShowCall(Turn& turn) {
  const Value message = turn.message();
  const bool in_word = word_call::Is(message);
  if (TurnAccess::End(turn) != TurnEnd::kFaulted || called_ == nullptr) return;
  if (!in_word && CallOfMessage(message) == nullptr) return;
  const Value argument = in_word ? Value::SmallInt(word_call::ArgumentOf(message)) : Value::Nil();
  const Value* arguments = in_word ? &argument : message.data()->words() + 2;
  Build build(turn.core());
  turn.core().turn().message =
      build.TaggedWith(info_.NameOf(called_, method_), std::span(arguments, called_->count));
}

void ActorCode::AfterFailure(Turn& turn) {
  ShowCall(turn);
  actors_->GiveBackTaken();
  const bool is_own = !std::exchange(is_refusal_, false) && !std::exchange(is_answer_, false);
  is_answer_ = false;
  if (!is_own || object_ == nullptr || state_ == State::kStopped) return;
  NoteFault(turn, info_.NameOf(called_, method_), /*at_start=*/false);
}

void ActorCode::AfterTaskFailed(Turn& turn, std::string_view what) {
  if (!std::exchange(is_answer_, false) && object_ != nullptr) {
    NoteFault(turn, what, /*at_start=*/false);
  }
  // What it may wait for is over, whatever its turn did.
  if (state_ == State::kWaitingForTasks && activities_.empty()) Kill(turn.self());
}

void ActorCode::NoteFault(Turn& turn, std::string_view method, bool at_start) {
  Crash crash{name_, std::string(method), {}, at_start, FaultVerdict::kStop};
  crash.reason = TurnAccess::End(turn) == TurnEnd::kQuota
                     ? "#quota"
                     : Print(turn.core().fault_reason(), kReportOptions);
  if (!at_start) {
    try {
      crash.verdict = info_.on_fault(object_, crash);
    } catch (const std::exception&) {  // then it is to stop
    }
  }
  actors_->TellCrash(crash);
  if (crash.verdict == FaultVerdict::kStop) StopAfterFault(turn.self());
}

void ActorCode::StopAfterFault(Value self) {
  if (state_ == State::kStopped) return;
  Kill(self);
}

void RunOfActor(ActorCode* code, Turn& turn, absl::FunctionRef<void()> fn) {
  try {
    fn();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    turn.Fault("exception", e.what());
  } catch (...) {
    turn.Fault("exception", "something that is no std::exception");
  }
  if (code == nullptr) return;
  TurnAccess::FailForGood(turn);
  if (turn.has_failed()) {
    code->NoteFault(turn, "a callback", /*at_start=*/false);
  } else {
    code->OnActivityEnd(turn);
  }
}

}  // namespace vesicle
