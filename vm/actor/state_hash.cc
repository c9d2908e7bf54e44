#include "vm/actor/state_hash.h"

#include <deque>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "vm/actor/actor.h"
#include "vm/actor/promise.h"
#include "vm/actor/supervision.h"
#include "vm/value/hash.h"
#include "vm/value/value_kind.h"

namespace vesicle {
namespace {

// Gives targets numbers in the order in which the walk meets them.
class Walk final : public IdentitySource, public Visitor {
 public:
  explicit Walk(Core& core) : core_(core) {}

  uint64_t Run() {
    // Sponsors without events count when something holds their control refs.
    core_.ForEachSponsor([this](Sponsor& s) {
      if (s.parent() != nullptr && s.queue.empty()) return;
      AddSponsor(s);
      s.queue.ForEach([this](const Event& event) { AddEvent(event); });
    });
    Add(static_cast<uint64_t>(core_.tasks_waiting()));
    while (!to_visit_.empty()) {
      Object* target = to_visit_.front();
      to_visit_.pop_front();
      AddTarget(target);
    }
    return hash_;
  }

  uint64_t SerialOf(Object* target) override {
    if (target->kind == Kind::kPromise) target = promise::Root(core_.heap(), target);
    const auto [at, is_new] = numbers_.try_emplace(target, numbers_.size() + 1);
    if (is_new) to_visit_.push_back(target);
    return at->second;
  }
  std::optional<uint64_t> KnownSerialOf(Object* target) override { return SerialOf(target); }

  // Words of suspended frames.
  void Visit(Value* words, size_t count) override {
    for (size_t i = 0; i < count; ++i) AddValue(words[i]);
  }

 private:
  void Add(uint64_t x) { hash_ = HashMix(hash_, x); }
  void AddValue(Value v) {
    if (v.is_absent()) return Add(1);
    const ValueKind kind = ValueKindOf(v);
    if (kind != ValueKind::kInternal) {
      Add(HashValue(v, *this));
      if (kind == ValueKind::kFunction || kind == ValueKind::kBehavior) AddName(v.data());
    } else if (v.is_data() && v.data()->kind == Kind::kCode) {
      Add(HashBytes(code::Body(v.data())->name()));
    } else if (v.is_target()) {
      Add(SerialOf(v.target()));
    }
  }
  void AddName(Object* holder) { Add(HashBytes(code::Body(code::Of(holder))->name())); }
  void AddEvent(const Event& event) {
    AddValue(event.target);
    // Where and on what a turn failed depends on where it was killed.
    if (event.flag() != EventFlag::kFault) AddValue(event.message);
    AddValue(event.slot);
    Add(static_cast<uint64_t>(event.flag()));
  }
  void AddActivation(Value activation) {
    if (activation.is_nil()) return;
    Core::FramesOf(activation)->Visit(*this);
    const EventChain* staged = Core::StagedOf(activation);
    if (staged == nullptr) return;
    staged->ForEach([this](const Event& event) { AddEvent(event); });
    Core::ForEachInInbox(activation, [this](const Event& event, Value payer) {
      AddEvent(event);
      AddValue(payer);
    });
    const TurnState& turn = Core::TurnOf(activation);
    for (Value v : {turn.self, turn.message, turn.slot, turn.receiver, turn.become, turn.reply}) {
      AddValue(v);
    }
    Add(static_cast<uint64_t>(turn.flag()));
    Add(Core::SponsorsMadeOf(activation));
    AddWaits(turn.waits);
    AddChildren(turn.children);
  }
  template <typename Fn>
  static void ForEachIn(Value ring, Fn fn) {
    if (ring.is_nil()) return;
    Object* const newest = ring.data();
    for (Object* o = supervision::ring::Oldest(ring);; o = o->words()[0].data()) {
      fn(o);
      if (o == newest) return;
    }
  }
  void AddWaits(Value ring) {
    ForEachIn(ring, [this](Object* wait) {
      AddValue(supervision::WordOf(wait, supervision::Wait::kContinuation));
    });
    Add(0);
  }
  void AddChildren(Value ring) {
    ForEachIn(ring, [this](Object* record) {
      AddValue(supervision::WordOf(record, supervision::Of::kActor));
    });
    Add(0);
  }
  // Of an actor that was only looked at it says nothing.
  void AddRecord(Object* record) {
    using supervision::Of;
    using supervision::Watcher;
    const auto word = [record](Of which) { return supervision::WordOf(record, which); };
    bool is_blank = true;
    for (const Of which : {Of::kSupervisor, Of::kIsStopped, Of::kWaits, Of::kEndedWaits,
                           Of::kChildren, Of::kEndedChildren, Of::kWatchers}) {
      is_blank = is_blank && word(which).is_nil();
    }
    if (is_blank && word(Of::kLife) == Value::SmallInt(0)) return;
    for (const Of which :
         {Of::kIsStopped, Of::kLife, Of::kFirst, Of::kSupervisor, Of::kSupervisorLife, Of::kNote,
          Of::kHome, Of::kOwn, Of::kIsReported, Of::kMissed, Of::kRestarts}) {
      AddValue(word(which));
    }
    for (const Of which : {Of::kWaits, Of::kEndedWaits}) AddWaits(word(which));
    for (const Of which : {Of::kChildren, Of::kEndedChildren}) AddChildren(word(which));
    for (Value at = word(Of::kWatchers); !at.is_nil();
         at = supervision::WordOf(at.data(), Watcher::kNext)) {
      for (const Watcher which : {Watcher::kRef, Watcher::kMessage, Watcher::kPayer}) {
        AddValue(supervision::WordOf(at.data(), which));
      }
    }
  }
  // Not its steps, nor the bytes it uses: a turn that was undone has spent them.
  void AddSponsor(Sponsor& s) {
    Add(s.index());
    Add(static_cast<uint64_t>(s.dry) | static_cast<uint64_t>(s.stopped) << 1);
    for (const bool told : s.keeper_told) Add(static_cast<uint64_t>(told));
    AddValue(Core::KeeperOf(s));
    for (const Resource r : {Resource::kEvents, Resource::kMemory}) {
      Add(s.HasOwn(r) ? static_cast<uint64_t>(s.amount(r)) : 1);
    }
    Add(static_cast<uint64_t>(s.HasOwn(Resource::kSteps)));
  }

  void AddTarget(Object* o) {
    Add(static_cast<uint64_t>(o->kind));
    switch (o->kind) {
      case Kind::kActor: {
        Object* holder = actor::Holder(o);
        AddName(holder);
        // Room that the present behavior does not use is nil, however much of it there is.
        uint32_t used = holder->count;
        while (used > 1 && holder->words()[used - 1].is_nil()) --used;
        for (uint32_t i = 1; i < used; ++i) AddValue(holder->words()[i]);
        if (!actor::IsExtended(o)) break;
        AddActivation(actor::ExtensionWord(o, actor::Ext::kSuspended));
        if (Object* record = supervision::RecordOf(o)) AddRecord(record);
        break;
      }
      case Kind::kPromise: {
        Object* root = promise::Root(core_.heap(), o);
        Add(static_cast<uint64_t>(promise::StateOf(root)));
        if (promise::StateOf(root) != promise::State::kPending) {
          AddValue(promise::Outcome(root));
        }
        promise::ForEachWaiter(root, [this](const promise::Waiter& waiter) {
          AddEvent(waiter.event);
          AddValue(waiter.payer);
        });
        break;
      }
      case Kind::kContinuation:
        for (actor::Cont word : {actor::Cont::kClosure, actor::Cont::kSlot, actor::Cont::kState,
                                 actor::Cont::kWakes}) {
          AddValue(actor::ContWord(o, word));
        }
        AddValue(supervision::SelfOf(o));
        AddActivation(actor::ContWord(o, actor::Cont::kFrames));
        AddActivation(actor::ContWord(o, actor::Cont::kSuspended));
        break;
      case Kind::kSponsorControl:
        if (Sponsor* s = Core::SponsorOf(o)) {
          AddSponsor(*s);
        } else {
          Add(0);
        }
        break;
      case Kind::kResolver:
      case Kind::kControl:
        AddValue(o->words()[0]);
        break;
      case Kind::kProxy:
        AddValue(boundary::Target(o));
        Add(static_cast<uint64_t>(boundary::OfProxy(o)->is_cut()));
        break;
      case Kind::kPayer:
        AddValue(o->words()[0]);
        AddValue(o->words()[1]);
        break;
      default:
        break;
    }
  }

  Core& core_;
  absl::flat_hash_map<Object*, uint64_t> numbers_;
  std::deque<Object*> to_visit_;
  uint64_t hash_ = 0;
};

}  // namespace

uint64_t StateHash(Core& core) { return Walk(core).Run(); }

void TraceHash::OnTurn(Core& core, const TurnState& turn, TurnEnd end) {
  const auto add = [this](uint64_t x) { hash_ = HashMix(hash_, x); };
  ++turns_;
  const Value receiver = turn.receiver;
  add(IsTargetKind(receiver, Kind::kActor) ? core.SerialOf(receiver.target()) : 0);
  add(HashValue(turn.message, core));
  add(static_cast<uint64_t>(end));
  add(static_cast<uint64_t>(turn.flag()));
  add(static_cast<uint64_t>(turn.steps_used));
  if (end == TurnEnd::kDone) {
    add(static_cast<uint64_t>(core.sponsor().queue.CountSince(turn.mark)));
    if (!turn.reply.is_absent()) add(HashValue(turn.reply, core));
  }
}

}  // namespace vesicle
