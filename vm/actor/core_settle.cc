// Core: how a promise settles, and what waited on it goes on.
#include <climits>
#include <string>

#include "vm/actor/core.h"
#include "vm/actor/promise.h"
#include "vm/value/form.h"
#include "vm/value/tagged.h"
#include "vm/value/value_kind.h"

namespace vesicle {
namespace {

// One promise for another, and that for a third.
constexpr int kStandInsMax = 1'000;

// Of a settled promise.
bool TakesMessages(const Object* root) {
  return promise::StateOf(root) == promise::State::kKept && promise::Outcome(root).is_target();
}

}  // namespace

Sponsor& Core::PayerOf(Value control) {
  if (control.is_nil()) return sponsors_.root();
  return *SponsorOf(control.target());
}

void Core::Release(Value payer, const Event& event) {
  if (IsUndone(payer)) return ReleaseToNobody(event);
  Sponsor& sponsor = PayerOf(payer);
  sponsor.queue.Release(event);
  MakeReady(sponsor);
}

// Who was to pay never was.
void Core::ReleaseToNobody(const Event& event) {
  if (event.flag() == EventFlag::kMessage) return BreakStopped(event);
  if (IsTargetKind(event.target, Kind::kProxy)) {
    BreakBehind(event.target.target(), Reason("stopped"));
  }
}

void Core::SettleSlot(Value slot, EventFlag how, Value value, Value report) {
  if (IsTargetKind(slot, Kind::kProxy)) return SettleThrough(slot, how, value, report);
  if (!IsPromise(slot)) {
    // A slot of another kind settles when its own dispatch comes.
    Release(sponsor_->control, {slot, value, report, Event::Pack(turn_.serial, how)});
    return;
  }
  // One that follows another is settled: what comes now is not for the other.
  Object* root = slot.target();
  if (promise::StateOf(root) != promise::State::kPending) {
    ++stats_.late_settlements;
    return;
  }
  if (how == EventFlag::kKept && IsPromise(value)) {
    Object* other = promise::Root(heap_, value.target());
    if (const char* const wrong = other == root ? "cycle" : WaitsFor(other, root)) {
      how = EventFlag::kBroken;
      value = *wrong == 'c' ? Reason(wrong)
                            : Reason(wrong, "a promise stands for another one across at most " +
                                                std::to_string(kStandInsMax) + " membranes");
    } else if (promise::StateOf(other) == promise::State::kPending) {
      Follow(root, other);
      return;
    } else {
      if (promise::StateOf(other) == promise::State::kBroken) {
        how = EventFlag::kBroken;
        report = promise::ReportOf(other);
      }
      value = promise::Outcome(other);
    }
  }
  if (how == EventFlag::kKept) {
    promise::Keep(heap_, root, value);
  } else {
    promise::Break(heap_, root, value, report);
  }
  if (ReleaseWaiters(root)) {
    crowds_.push_back(Value::Target(root));
    NoteWork();
    if (sponsor_->schedule != nullptr) {
      sponsor_->schedule->OnChance("a promise let a crowd go in pieces");
    }
  }
}

// Why `promise` may not be followed by `root`: it stands in for it, by way of boundaries, or for so
// many others that nobody looks on. Null: it may.
const char* Core::WaitsFor(Object* promise, const Object* root) {
  for (int step = 0; promise::StateOf(promise) == promise::State::kPending; ++step) {
    const Value held = promise::Held(promise);
    if (!IsPromise(held)) return nullptr;
    if (step == kStandInsMax) return "limit";
    --fuel;
    promise = promise::Root(heap_, held.target());
    if (promise == root) return "cycle";
  }
  return nullptr;
}

// Lets some go that waited on a settled promise. True: more do.
bool Core::ReleaseWaiters(Object* root) {
  return promise::TakeWaiters(heap_, root, kReleasedAtOnce, [&](const promise::Waiter& waiter) {
    Event event = waiter.event;
    if (event.flag() == EventFlag::kListen) {
      event = Settlement(event, root);
    } else if (TakesMessages(root)) {
      event.target = promise::Outcome(root);
    }
    Release(waiter.payer, event);
  });
}

// What a listener hears of a settled promise.
Event Core::Settlement(const Event& listen, const Object* root) {
  if (promise::StateOf(root) == promise::State::kKept) {
    return {listen.message, promise::Outcome(root), Value::Nil(),
            Event::Pack(listen.cause(), EventFlag::kKept)};
  }
  return {listen.message, promise::Outcome(root), promise::ReportOf(root),
          Event::Pack(listen.cause(), EventFlag::kBroken)};
}

// The next piece, of each crowd in turn. What comes to the promise meanwhile waits behind them, so
// that nothing overtakes.
void Core::ReleaseCrowd() {
  const Value crowd = crowds_.front();
  crowds_.pop_front();
  if (ReleaseWaiters(crowd.target())) crowds_.push_back(crowd);
}

void Core::DispatchResolver(const Event& event) {
  const Value promise = event.target.target()->words()[0];
  const Value m = event.message;
  if (Is(m, "fulfill", 1)) {
    const Value value = FieldsOf(m)[0];
    // The loser of a race: what it broke with was looked at, and came too late.
    const Object* own = promise::Root(heap_, promise.target());
    const Object* other = IsPromise(value) ? promise::Root(heap_, value.target()) : nullptr;
    if (other != nullptr && promise::StateOf(other) == promise::State::kBroken &&
        promise::StateOf(own) != promise::State::kPending) {
      Learn(promise::ReportOf(other));
    }
    SettleSlot(promise, EventFlag::kKept, value);
  } else if (Is(m, "break", 1)) {
    SettleSlot(promise, EventFlag::kBroken, Failed(FieldsOf(m)[0]));
  } else {
    RefuseMessage(event, "a resolver takes #fulfill(value) and #break(reason)");
    return;
  }
  if (!event.slot.is_nil()) SettleSlot(event.slot, EventFlag::kKept, Value::Nil());
}

// Whoever waits on `root` waits on `other` from now on. Where that has a route, messages go that
// way, as those that come later do.
void Core::Follow(Object* root, Object* other) {
  const Value route = promise::RouteOf(other);
  if (!route.is_nil() && promise::HasWaiters(root)) {
    promise::TakeWaiters(heap_, root, INT_MAX, [&](const promise::Waiter& waiter) {
      Event event = waiter.event;
      --fuel;
      if (event.flag() == EventFlag::kMessage) {
        event.target = route;
        return Release(waiter.payer, event);
      }
      promise::AddWaiter(heap_, other, event, waiter.payer, waiter.age);
    });
    if (promise::HasWaiters(other)) AskRoute(other);
  }
  promise::Forward(heap_, root, other);
}

// Its route is told, once, that somebody waits.
void Core::AskRoute(Object* root) {
  const Value route = promise::RouteOf(root);
  if (route.is_nil() || promise::StateOf(root) != promise::State::kPending) return;
  if (!promise::NoteAsked(root)) return;
  // On the root: whoever else waits for it must not depend on this one's budget.
  Release(Value::Nil(), {route, Value::Target(root), Value::Nil(),
                         Event::Pack(turn_.serial, EventFlag::kListen)});
}

bool Core::DispatchPromise(Event& event) {
  Object* root = promise::Root(heap_, event.target.target());
  switch (event.flag()) {
    case EventFlag::kKept:
    case EventFlag::kBroken:
      SettleSlot(event.target, event.flag(), event.message, event.slot);
      return false;
    case EventFlag::kListen:
      if (promise::StateOf(root) == promise::State::kPending || promise::HasWaiters(root)) {
        promise::AddWaiter(heap_, root, event, sponsor_->control, waits_made_++);
        AskRoute(root);
        return false;
      }
      event = Settlement(event, root);
      return true;
    case EventFlag::kMessage:
    case EventFlag::kResume:
    case EventFlag::kVoid:
    case EventFlag::kFault:
      break;
  }
  if (const Value route = promise::RouteOf(root); !route.is_nil()) {
    event.target = route;
    return true;
  }
  if (promise::StateOf(root) == promise::State::kPending ||
      (promise::HasWaiters(root) && TakesMessages(root))) {
    promise::AddWaiter(heap_, root, event, sponsor_->control, waits_made_++);
    return false;
  }
  const Value value = promise::Outcome(root);
  if (promise::StateOf(root) == promise::State::kBroken) {
    // A tell to a broken promise is lost with it: the break itself was or will be reported.
    if (!event.slot.is_nil()) {
      SettleSlot(event.slot, EventFlag::kBroken, value, promise::ReportOf(root));
    }
    return false;
  }
  if (!value.is_target()) {
    RefuseMessage(event, {}, Reason("not_a_ref"));
    return false;
  }
  event.target = value;
  return true;
}

}  // namespace vesicle
