// Core: how a promise settles, and what waited on it goes on.
#include <cstring>

#include "vm/actor/core.h"
#include "vm/actor/promise.h"
#include "vm/value/tagged.h"
#include "vm/value/value_kind.h"

namespace vesicle {

Sponsor& Core::PayerOf(Value control) {
  if (control.is_nil()) return sponsors_.root();
  return *SponsorOf(control.target());
}

void Core::Release(Value payer, const Event& event) {
  Sponsor& sponsor = PayerOf(payer);
  sponsor.queue.Release(event);
  sponsors_.MakeReady(sponsor);
}

void Core::SettleSlot(Value slot, EventFlag how, Value value, Value report) {
  if (!IsPromise(slot)) {
    // A slot of another kind settles when its own dispatch comes.
    Release(sponsor_->control, {slot, value, report, Event::Pack(turn_.serial, how)});
    return;
  }
  Object* root = promise::Root(heap_, slot.target());
  if (promise::StateOf(root) != promise::State::kPending) {
    ++stats_.late_settlements;
    return;
  }
  if (how == EventFlag::kKept && IsPromise(value)) {
    Object* other = promise::Root(heap_, value.target());
    if (other == root) {
      how = EventFlag::kBroken;
      value = Reason("cycle");
    } else if (promise::StateOf(other) == promise::State::kPending) {
      promise::Forward(heap_, root, other);
      return;
    } else {
      if (promise::StateOf(other) == promise::State::kBroken) {
        how = EventFlag::kBroken;
        report = promise::ReportOf(other);
      }
      value = promise::Outcome(other);
    }
  }
  promise::TakeWaiters(heap_, root, [&](const promise::Waiter& waiter) {
    Event event = waiter.event;
    if (event.flag() == EventFlag::kListen) {
      event = {event.message, value, report, Event::Pack(event.cause(), how)};
    }
    Release(waiter.payer, event);
  });
  if (how == EventFlag::kKept) {
    promise::Keep(heap_, root, value);
  } else {
    promise::Break(heap_, root, value, report);
  }
}

void Core::DispatchResolver(const Event& event) {
  const Value promise = event.target.target()->words()[0];
  const Value m = event.message;
  const auto is = [&](const char* tag) {
    return HasTag(m) && TagOf(m) == Value::ShortSymbol(tag, static_cast<int>(std::strlen(tag))) &&
           FieldsOf(m).size() == 1;
  };
  if (is("fulfill")) {
    const Value value = FieldsOf(m)[0];
    // The loser of a race: what it broke with was looked at, and came too late.
    const Object* own = promise::Root(heap_, promise.target());
    const Object* other = IsPromise(value) ? promise::Root(heap_, value.target()) : nullptr;
    if (other != nullptr && promise::StateOf(other) == promise::State::kBroken &&
        promise::StateOf(own) != promise::State::kPending) {
      Learn(promise::ReportOf(other));
    }
    SettleSlot(promise, EventFlag::kKept, value);
  } else if (is("break")) {
    SettleSlot(promise, EventFlag::kBroken, Failed(FieldsOf(m)[0]));
  } else {
    RefuseMessage(event, "a resolver takes #fulfill(value) and #break(reason)");
    return;
  }
  if (!event.slot.is_nil()) SettleSlot(event.slot, EventFlag::kKept, Value::Nil());
}

bool Core::DispatchPromise(Event& event) {
  Object* root = promise::Root(heap_, event.target.target());
  switch (event.flag()) {
    case EventFlag::kKept:
    case EventFlag::kBroken:
      SettleSlot(event.target, event.flag(), event.message, event.slot);
      return false;
    case EventFlag::kListen:
      if (promise::StateOf(root) == promise::State::kPending) {
        promise::AddWaiter(heap_, root, event, sponsor_->control);
        return false;
      }
      if (promise::StateOf(root) == promise::State::kKept) {
        event = {event.message, promise::Outcome(root), Value::Nil(),
                 Event::Pack(event.cause(), EventFlag::kKept)};
      } else {
        event = {event.message, promise::Outcome(root), promise::ReportOf(root),
                 Event::Pack(event.cause(), EventFlag::kBroken)};
      }
      return true;
    case EventFlag::kMessage:
    case EventFlag::kResume:
      break;
  }
  switch (promise::StateOf(root)) {
    case promise::State::kPending:
      promise::AddWaiter(heap_, root, event, sponsor_->control);
      return false;
    case promise::State::kKept: {
      const Value value = promise::Outcome(root);
      if (value.is_target()) {
        event.target = value;
        return true;
      }
      RefuseMessage(event, {}, Reason("not_a_ref"));
      return false;
    }
    default:
      if (!event.slot.is_nil()) {
        SettleSlot(event.slot, EventFlag::kBroken, promise::Outcome(root), promise::ReportOf(root));
      }
      // A tell to a broken promise is lost with it: the break itself was or will be reported.
      return false;
  }
}

}  // namespace vesicle
