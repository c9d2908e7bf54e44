// Core: a turn is undone, and what it made never was.
//
// Its events are cut off, what it staged is forgotten, and objects that it made are
// reachable from nowhere: but for what the reason of its own `fail` gives away. That is
// found when it fails: whatever young target the reason leads to and this turn made. What a
// collection moves in the course of a turn, or lies among what others make because the turn
// was cut short, is noted before that happens: targets that its frames lead to, as a reason
// can come by no others.
#include <algorithm>
#include <functional>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "vm/actor/actor.h"
#include "vm/actor/core.h"
#include "vm/actor/promise.h"
#include "vm/actor/supervision.h"

namespace vesicle {

namespace {

// What stands for an actor that was never created: every message to it fails.
struct UndoneCode final : CodeBody {
  static TurnEnd Enter(Core& core, Object*) {
    --core.fuel;
    return core.Fault(core.Reason("disconnected"), {});
  }
  const std::string& name() const override { return label; }
  std::string label = "an actor of an undone turn";
};

bool CanBeUndone(const Object* o) { return o->kind == Kind::kActor || o->kind == Kind::kPromise; }

// Follows words through data made since some place in the young space, to the targets made since.
class Reach final : public Visitor {
 public:
  Reach(const Heap& heap, const char* since) : heap_(heap), since_(since) {}

  void Visit(Value* words, size_t count) override {
    for (size_t i = 0; i < count && !is_too_much(); ++i) {
      if (!words[i].is_pointer()) continue;
      Object* o = words[i].object();
      if (IsByteKind(o->kind) || !IsRecent(o) || !seen_.insert(o).second) continue;
      if (CanBeUndone(o)) {
        targets_.push_back(Value::Target(o));
      } else {
        to_visit_.push_back(o);
      }
    }
  }
  void Run() {
    while (!to_visit_.empty() && !is_too_much()) {
      Object* o = to_visit_.back();
      to_visit_.pop_back();
      Visit(o->words(), o->count);
    }
  }
  // A walk of all that the turn made is cheaper.
  bool is_too_much() const { return seen_.size() > kSeenMax; }
  std::vector<Value>& targets() { return targets_; }

 private:
  // Data too large for the young space is remembered until the next collection.
  bool IsRecent(const Object* o) const {
    if (!o->is_old()) return heap_.IsYoungSince(since_, o);
    return (o->flags & Object::kRemembered) != 0 && !IsTargetKind(o->kind);
  }

  static constexpr size_t kSeenMax = 500;
  const Heap& heap_;
  const char* since_;
  absl::flat_hash_set<Object*> seen_;
  std::vector<Object*> to_visit_;
  std::vector<Value> targets_;
};

}  // namespace

void Core::RollBack() {
  if (observer_ != nullptr) [[unlikely]]
    observer_->OnUndo(*this, turn_);
  EventQueue& queue = sponsor_->queue;
  int64_t undone = queue.CountSince(turn_.mark);
  if (options_.planted_bug != CoreOptions::PlantedBug::kRollbackKeepsEvents) {
    queue.Truncate(turn_.mark);
  }
  if (options_.planted_bug == CoreOptions::PlantedBug::kRollbackKeepsBecome &&
      !turn_.become.is_absent()) {
    actor::SetBehavior(heap_, turn_.receiver.target(), turn_.become.data());
  }
  if (resumed_ != nullptr) {
    undone += (*resumed_->staged)->size();
    if (options_.planted_bug == CoreOptions::PlantedBug::kRollbackKeepsStaged) {
      queue.AppendAll(**resumed_->staged, heap_.marking());
    }
    if (options_.planted_bug == CoreOptions::PlantedBug::kRollbackDropsInbox) {
      for (auto& entry : resumed_->inboxes) entry.second.events->Take();
    }
  }
  if (options_.planted_bug == CoreOptions::PlantedBug::kRollbackKeepsLives) CommitLives();
  // What earlier slices spent comes back, too: there may be more room than was given.
  event_room_ += undone;
  if (options_.planted_bug == CoreOptions::PlantedBug::kRollbackKeepsSponsors) {
    sponsors_made_.clear();
  }
  slice_left_ -= static_cast<int64_t>(sponsors_made_.size()) * kTimeOfSponsor;
  for (size_t i = sponsors_made_.size(); i-- > 0;) {
    Sponsor& made = *sponsors_made_[i];
    // What leaked through a reason, or named it as who pays, has the control ref of nothing.
    made.control.target()->words()[0] = Value::Nil();
    while (!made.queue.empty()) {
      const Event event = made.queue.Take();
      ShadeTaken(event);
      ReleaseToNobody(event);
    }
    const bool owes_nothing = heap_.SponsorBytes(made.index()) == 0;
    sponsors_.Remove(made, heap_,
                     owes_nothing ? SponsorTree::End::kUndone : SponsorTree::End::kGone);
  }
  sponsors_made_.clear();
  actors_made_ = 0;
  turn_.become = turn_.reply = Value::Absent();
  turn_.effects &= TurnState::kRare | TurnState::kCrossed;
  ++stats_.faults;
}

void Core::NoteMade(const std::function<void(Visitor&)>& visit) {
  if (!targets_made_) return;
  targets_made_ = false;
  Reach reach(heap_, turn_.made_since);
  visit(reach);
  reach.Run();
  turn_.effects |= TurnState::kRare;
  std::vector<Value>& made = reach.targets();
  if (reach.is_too_much()) {
    made.clear();
    heap_.ForEachYoungSince(turn_.made_since, [&](Object* o) {
      if (CanBeUndone(o)) made.push_back(Value::Target(o));
    });
  }
  const auto spent = static_cast<int64_t>(heap_.spent());
  constexpr size_t kPiece = 200;
  for (size_t from = 0; from < made.size(); from += kPiece) {
    const size_t count = std::min(kPiece, made.size() - from);
    Object* piece = heap_.Allocate(Kind::kTuple, static_cast<uint32_t>(count + 1));
    piece->words()[0] = turn_.made;
    std::copy_n(made.begin() + static_cast<std::ptrdiff_t>(from), count, piece->words() + 1);
    turn_.made = Value::Data(piece);
  }
  // Not the turn's doing: when collections come decides nothing.
  bytes_timed_ += static_cast<int64_t>(heap_.spent()) - spent;
}

void Core::BeforeCollection() {
  if (!in_turn_) return;
  NoteMade([this](Visitor& visitor) {
    if (language_ != nullptr) language_->VisitRoots(visitor);
  });
}

void Core::Collect(Heap::Scope scope) {
  BeforeCollection();
  heap_.Collect(scope);
  turn_.made_since = heap_.young_top();
}

void Core::SafePoint() {
  BeforeCollection();
  heap_.SafePoint();
  turn_.made_since = heap_.young_top();
}

// What an undone turn made was never created. Where the reason of a `fail` gives it away all the
// same, an actor of it takes no message, and a promise of it is broken.
void Core::ForgetMade() {
  NoteMade([this](Visitor& visitor) { visitor.Visit(&fault_reason_, 1); });
  if (turn_.made.is_nil()) return;
  if (undone_.value().is_nil()) {
    Object* code = code::Make(heap_, new UndoneCode, UndoneCode::Enter, nullptr, 0);
    undone_ = Root(heap_, Value::Data(NewHolder(Kind::kBehavior, code, 0)));
  }
  const Value reason = Reason("disconnected");
  for (Value piece = turn_.made; !piece.is_nil(); piece = piece.data()->words()[0]) {
    for (uint32_t i = 1; i < piece.data()->count; ++i) {
      Object* made = piece.data()->words()[i].target();
      if (made->kind == Kind::kActor) {
        actor::SetBehavior(heap_, made, undone_.value().data());
        // What its control goes back to.
        if (Object* record = supervision::RecordOf(made)) {
          supervision::Set(heap_, record, supervision::Of::kFirst, undone_.value());
          supervision::Set(heap_, record, supervision::Of::kSupervisor, Value::Nil());
        }
      } else if (promise::StateOf(made) == promise::State::kPending) {
        // What a boundary has wait for it hears of it, too.
        SettleSlot(Value::Target(made), EventFlag::kBroken, reason);
      }
    }
  }
  turn_.made = Value::Nil();
}

}  // namespace vesicle
