#include "tests/sim/leaks/heap_walk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "membrane/local_boundary.h"
#include "vm/actor/actor.h"
#include "vm/actor/promise.h"
#include "vm/value/tagged.h"

namespace vesicle::leaks {
namespace {

// Words behind which there is nothing that a script could ever get at.
bool IsBlind(const Object* o) {
  return IsByteKind(o->kind) || o->kind == Kind::kCode || o->kind == Kind::kBoundary ||
         o->kind == Kind::kWeakTable;
}

class Words final : public Visitor {
 public:
  explicit Words(std::vector<Value>* words) : words_(words) {}
  void Visit(Value* words, size_t count) override {
    words_->insert(words_->end(), words, words + count);
  }

 private:
  std::vector<Value>* words_;
};

}  // namespace

// What is wrong is walked to once more, for the way.
std::string HeapWalk::Run(const std::vector<Root>& held, const TurnState* turn) {
  Walk(held, turn);
  if (wrong_.empty()) return {};
  traces_ = true;
  from_.clear();
  Walk(held, turn);
  traces_ = false;
  return wrong_;
}

void HeapWalk::Walk(const std::vector<Root>& held, const TurnState* turn) {
  ++run_;
  objects_met_ = 0;
  wrong_.clear();
  to_do_.clear();
  later_.clear();
  links_.clear();
  sides_.Refresh();
  for (const Root& root : held) MeetOwn(root.value());
  core_.ForEachSponsor(
      [&](Sponsor& s) { s.queue.ForEach([&](const Event& event) { MeetEvent(event, nullptr); }); });
  for (const Value crowd : core_.crowds()) MeetOwn(crowd);
  if (turn != nullptr) {
    const Side side = sides_.Of(turn->self.target());
    if (side != kNone) {
      MeetTurn(side, *turn, turn->self.target());
      // Of what it sent it was the one who held the ref.
      core_.ForEachSponsor([&](Sponsor& s) {
        s.queue.ForEach([&](const Event& event) {
          // What the VM tells a keeper goes by the last turn's number, and is nobody's.
          const bool is_dry =
              HasTag(event.message) && TagOf(event.message) == Value::ShortSymbol("dry", 3);
          if (event.cause() == turn->serial && event.flag() == EventFlag::kMessage && !is_dry) {
            Meet(side, event.target, turn->self.target());
          }
        });
      });
    }
  }
  while (wrong_.empty()) {
    while (!to_do_.empty() && wrong_.empty()) {
      const Place place = to_do_.back();
      to_do_.pop_back();
      ++objects_met_;
      LookInto(place);
    }
    // What they were for may have been met by now.
    std::vector<Event> later = std::exchange(later_, {});
    const size_t before = later.size();
    for (const Event& event : later) MeetEvent(event, nullptr);
    if (later_.size() == before && to_do_.empty()) break;
  }
}

void HeapWalk::NoteWalls() {
  for (size_t i = wall_objects_.size(); i < walls_.size(); ++i) {
    wall_objects_.push_back(walls_[i].membrane.value().data());
  }
}

const Wall* HeapWalk::WallOf(const Object* proxy) const {
  const auto at = std::find(wall_objects_.begin(), wall_objects_.end(), proxy->words()[0].data());
  return at == wall_objects_.end() ? nullptr
                                   : &walls_[static_cast<size_t>(at - wall_objects_.begin())];
}

Side HeapWalk::HolderOf(const Object* proxy) const {
  const Wall* wall = WallOf(proxy);
  if (wall == nullptr) return kNone;
  return LocalBoundary::ToTarget(proxy) == Direction::kIn ? wall->outside : wall->inside;
}

bool HeapWalk::Mark(Object* o, Side side, const Object* from) {
  Met& met = met_.Of(o);
  const uint32_t bit = 1u << side;
  if (met.run == run_ && (met.sides & bit) != 0) return false;
  met.sides = (met.run == run_ ? met.sides : 0u) | bit;
  met.run = run_;
  if (traces_) from_[o] = from;
  return true;
}

void HeapWalk::MeetObject(Side side, Value v, const Object* from) {
  if (v.is_target()) return MeetTarget(side, v.target(), from);
  if (!IsBlind(v.data()) && Mark(v.data(), side, from)) to_do_.push_back({v.data(), side});
}

void HeapWalk::MeetTarget(Side side, Object* target, const Object* from) {
  if (target->kind == Kind::kProxy) return MeetProxy(side, target, from);
  const Side own = sides_.Of(target);
  if (own == kNone) {
    sides_.Set(target, side);
  } else if (own != side) {
    return Say(absl::StrCat("meets what is side ", own, "'s"), side, target, from);
  }
  if (Mark(target, side, from)) to_do_.push_back({target, side});
}

// What has a side already is met by that.
void HeapWalk::MeetOwn(Value target) {
  if (!target.is_target()) return;
  Object* o = target.target();
  const Side side = o->kind == Kind::kProxy ? HolderOf(o) : sides_.Of(o);
  if (side != kNone) MeetTarget(side, o, nullptr);
}

void HeapWalk::MeetProxy(Side side, Object* proxy, const Object* from) {
  constexpr int64_t kIsSettled = 4;  // of the integer of a proxy (local_boundary.cc)
  if (!Mark(proxy, side, from)) return;
  const Wall* wall = WallOf(proxy);
  if (wall == nullptr) return Say("meets a proxy of no membrane", side, proxy, from);
  if (HolderOf(proxy) != side) return Say("meets a proxy for the other side", side, proxy, from);
  const Value target = boundary::Target(proxy);
  if (target.is_nil()) return;
  const bool is_slot = LocalBoundary::IsSlot(proxy);
  // A slot that was delegated home lives on.
  const bool is_home = (boundary::Info(proxy) & kIsSettled) != 0;
  if (wall->is_revoked && !is_home) {
    return Say("meets a proxy that a revoke has left alive", side, proxy, from);
  }
  if (!is_slot && target.target()->kind == Kind::kProxy &&
      target.target()->words()[0] == proxy->words()[0]) {
    return Say("meets a proxy of a proxy of the same membrane", side, proxy, from);
  }
  if (!is_slot) {
    if (!IsTheProxyOf(target.target(), proxy)) {
      return Say("meets a second proxy of one target", side, proxy, from);
    }
  }
  const Side other = side == wall->inside ? wall->outside : wall->inside;
  MeetTarget(other, target.target(), proxy);
}

bool HeapWalk::IsTheProxyOf(const Object* target, const Object* proxy) {
  const Object* wall = proxy->words()[0].data();
  uint32_t& first = first_link_.Of(target);
  const auto none = static_cast<uint32_t>(links_.size());
  const bool has_links = first < none && links_[first].target == target;
  for (uint32_t i = has_links ? first : UINT32_MAX; i != UINT32_MAX; i = links_[i].next) {
    if (links_[i].wall == wall) return links_[i].proxy == proxy;
  }
  links_.push_back({target, wall, proxy, has_links ? first : UINT32_MAX});
  first = none;
  return true;
}

void HeapWalk::MeetEvent(const Event& event, const Object* from) {
  Object* target = event.target.target();
  if (event.flag() == EventFlag::kVoid) return;
  const Side side = target->kind == Kind::kProxy ? HolderOf(target) : sides_.Of(target);
  if (side == kNone) {
    if (target->kind != Kind::kProxy) later_.push_back(event);
    return;
  }
  MeetTarget(side, target, from);
  Meet(side, event.message, from == nullptr ? target : from);
  // Of a settlement the slot is the link to a report.
  if (event.flag() == EventFlag::kMessage) Meet(side, event.slot, from == nullptr ? target : from);
}

void HeapWalk::MeetTurn(Side side, const TurnState& turn, const Object* from) {
  for (const Value v :
       {turn.self, turn.receiver, turn.message, turn.slot, turn.become, turn.reply}) {
    Meet(side, v, from);
  }
  if (turn.origin.target.is_target()) MeetEvent(turn.origin, from);
}

void HeapWalk::LookInto(const Place& place) {
  Object* o = place.object;
  const auto words = [&](uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i < end; ++i) Meet(place.side, o->words()[i], o);
  };
  switch (o->kind) {
    case Kind::kPromise:
      return LookIntoPromise(place);
    case Kind::kActivation:
      return LookIntoActivation(place);
    case Kind::kPayer:  // and who pays, which is no right to send
      return words(0, 1);
    case Kind::kSponsorControl:
      if (const Sponsor* s = Core::SponsorOf(o)) Meet(place.side, Core::KeeperOf(*s), o);
      return;
    default:
      return words(0, o->count);
  }
}

// Without what it keeps alive only, which leads nobody anywhere.
void HeapWalk::LookIntoPromise(const Place& place) {
  Object* p = place.object;
  if (promise::StateOf(p) != promise::State::kPending) Meet(place.side, promise::Outcome(p), p);
  if (promise::StateOf(p) == promise::State::kForwarded) return;
  promise::ForEachWaiter(p, [&](const promise::Waiter& w) {
    const Event& event = w.event;
    // What waits with a proxy for its target waits as it is.
    if (event.target.target()->kind == Kind::kProxy) return MeetEvent(event, p);
    Meet(place.side, event.message, p);
    if (event.flag() == EventFlag::kMessage) Meet(place.side, event.slot, p);
  });
}

void HeapWalk::LookIntoActivation(const Place& place) {
  const Value activation = Value::Data(place.object);
  frames_.clear();
  Words visitor(&frames_);
  if (place.object->words()[0].is_nil()) return;
  if (Suspension* rest = Core::FramesOf(activation)) rest->Visit(visitor);
  for (const Value v : frames_) Meet(place.side, v, place.object);
  const EventChain* staged = Core::StagedOf(activation);
  if (staged == nullptr) return;
  staged->ForEach([&](const Event& event) {
    Meet(place.side, event.target, place.object);
    MeetEvent(event, place.object);
  });
  Core::ForEachInInbox(activation,
                       [&](const Event& event, Value) { MeetEvent(event, place.object); });
  MeetTurn(place.side, Core::TurnOf(activation), place.object);
}

void HeapWalk::Say(const std::string& what, Side side, const Object* object, const Object* from) {
  if (!wrong_.empty()) return;
  wrong_ = absl::StrCat("side ", side, " ", what, ": a ", InfoOf(object->kind).name);
  for (int steps = 0; from != nullptr && steps < 30; ++steps) {
    absl::StrAppend(&wrong_, " <- ", InfoOf(from->kind).name);
    const auto at = from_.find(from);
    from = at == from_.end() ? nullptr : at->second;
  }
}

}  // namespace vesicle::leaks
