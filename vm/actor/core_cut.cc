// Core: what becomes of what a boundary held, and of what is under way, when it is cut.
//
// All of it in pieces, between slices, and nobody's to pay: a revoke must not fail, or take long,
// for what others have let wait.
#include <algorithm>
#include <utility>
#include <vector>

#include "vm/actor/actor.h"
#include "vm/actor/boundary.h"
#include "vm/actor/core.h"

namespace vesicle {
namespace {

// The boundaries that whoever asked is told through; no more are, at once.
int HopsBehind(Value slot) {
  constexpr int kHopsMax = 1'000;
  int hops = 0;
  for (; hops < kHopsMax && IsTargetKind(slot, Kind::kProxy); ++hops) {
    slot = boundary::Target(slot.target());
  }
  return hops;
}

}  // namespace

void Core::BeginLettingGo(Object* boundary, bool has_more) {
  if (has_more) cut_.push_back(Value::Data(boundary));
  ++cuts_;
  search_.is_due = true;
  NoteWork();
  if (sponsor_->schedule != nullptr && !set_aside_.empty()) {
    sponsor_->schedule->OnChance("it revoked a membrane while turns were cut short");
  }
}

// A piece, of each boundary in turn.
void Core::LetGo() {
  if (std::exchange(search_.is_due, false)) search_.is_due |= DropWhatWaits();
  if (cut_.empty()) return;
  const Value first = cut_.front();
  cut_.pop_front();
  if (boundary::Of(first.data())->LetGo(*this)) cut_.push_back(first);
}

// What stands in a queue whose slices come finds out by itself. What waits for a refill, or behind
// a busy actor, may wait for ever. Whoever cuts again meanwhile does not begin the search anew: the
// next one follows. False: all was looked at since the last cut.
bool Core::DropWhatWaits() {
  if (options_.planted_bug == CoreOptions::PlantedBug::kCutLeavesQueued) return false;
  if (search_.cuts == 0) search_.cuts = cuts_;
  int64_t events_max = 1'000;
  if (DropCutInInboxes(&events_max) || DropCutInDry(&events_max)) return true;
  return std::exchange(search_.cuts, 0) != cuts_;
}

bool Core::DropCutInInboxes(int64_t* events_max) {
  while (!set_aside_.empty() && set_aside_.front().cuts_seen != search_.cuts) {
    Aside& aside = set_aside_.front();
    if (--*events_max <= 0) return true;
    if (aside.payer != nullptr && DropCut(*aside.payer, aside, events_max)) return true;
    aside.cuts_seen = search_.cuts;
    set_aside_.splice(set_aside_.end(), set_aside_, set_aside_.begin());
  }
  return false;
}

// Those that go on meanwhile leave the list, so that others move under the place in it: until it
// meets none that is new.
bool Core::DropCutInDry(int64_t* events_max) {
  do {
    for (; search_.dry_at < dry_.size(); ++search_.dry_at) {
      Sponsor& payer = *dry_[search_.dry_at];
      if (--*events_max <= 0) return true;
      if (!payer.dry || payer.cuts_seen == search_.cuts) continue;
      search_.has_met = true;
      if (DropCut(payer, payer.queue, events_max)) return true;
      payer.cuts_seen = search_.cuts;
    }
    search_.dry_at = 0;
  } while (std::exchange(search_.has_met, false));
  return false;
}

bool Core::LeadsNowhere(Value target) { return WayOf(target).kind == Way::Kind::kCut; }

// What was sent to a dead proxy is none of it: that is a fault.
// Takes from *work_max for a long way.
bool Core::IsCut(const Event& event, int64_t* work_max) {
  if (event.flag() == EventFlag::kResume) {
    return IsUnderWay(event) &&
           LeadsNowhere(StoppedOf(actor::SuspendedOf(event.target.target()))->turn.origin.target);
  }
  if (event.flag() != EventFlag::kMessage) return false;
  const Way way = WayOf(event.target);
  *work_max -= std::max(way.hops - 1, 0);
  return way.kind == Way::Kind::kCut && event.cause() < way.cut_at;
}

// A piece of what waits in `queue`. True: there is more.
template <typename Queue>
bool Core::DropCut(Sponsor& payer, Queue& queue, int64_t* events_max) {
  std::vector<Event> cut;
  const bool has_more = queue.LookThrough(search_.cuts, events_max, [&](Event& event) {
    if (!IsCut(event, events_max)) return;
    *events_max -= HopsBehind(event.slot);
    if (heap_.marking()) ShadeTaken(event);
    cut.push_back(event);
    event.message = event.slot = Value::Nil();
    event.cause_and_flag = Event::Pack(event.cause(), EventFlag::kVoid);
  });
  if (cut.empty()) return has_more;
  const int64_t left_when_dry = payer.left_when_dry;
  BeginSlice(payer);
  bool gives_back = false;
  for (const Event& event : cut) {
    DropUnderWay(event);
    if (event.flag() == EventFlag::kResume) {
      gives_back = true;
      TakeUp(event.target.target());
      UndoTakenUp(Reason("revoked"), Why::kStopped);
    } else {
      BreakRevoked(event);
    }
  }
  EndSlice();
  sponsors_.Settle(payer);
  if (!payer.dry || !gives_back) return has_more;
  // What was undone came back.
  payer.left_when_dry = left_when_dry;
  WakeDry();
  return has_more;
}

// The turn that is taken up began with a crossing of a boundary that was cut since.
bool Core::UndoIfCut() {
  if (options_.planted_bug == CoreOptions::PlantedBug::kCutLeavesTurns) return false;
  if (!LeadsNowhere(turn_.origin.target)) return false;
  UndoTakenUp(Reason("revoked"), Why::kStopped);
  return true;
}

void Core::BreakRevoked(const Event& event) {
  if (!event.slot.is_nil()) SettleSlot(event.slot, EventFlag::kBroken, Reason("revoked"));
}

}  // namespace vesicle
