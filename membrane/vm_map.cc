#include "membrane/vm_map.h"

#include <map>
#include <optional>
#include <utility>

#include "membrane/local_boundary.h"
#include "vm/actor/actor.h"
#include "vm/actor/promise.h"
#include "vm/actor/supervision.h"
#include "vm/value/structure.h"
#include "vm/value/value_kind.h"

namespace vesicle {
namespace {

using Id = VmMap::Id;

const LocalBoundary* LocalOf(const Object* proxy) {
  return dynamic_cast<const LocalBoundary*>(boundary::OfProxy(proxy));
}

bool LeadsOn(const Object* proxy) {
  return !boundary::OfProxy(proxy)->is_cut() && boundary::Target(proxy).is_target();
}

// Of a chain of promises the end. As promise::Root, but it shortens nothing.
Object* EndOf(Object* promise) {
  while (promise::StateOf(promise) == promise::State::kForwarded) {
    promise = promise::Outcome(promise).target();
  }
  return promise;
}
bool IsPending(const Object* root) { return promise::StateOf(root) == promise::State::kPending; }

// Looks through what leads nowhere: most data that is no ref.
bool MayHoldRefs(const Object* o) {
  if (IsAtom(o) || o->kind == Kind::kCode || o->kind == Kind::kWeakTable) return false;
  for (uint32_t i = 0; i < o->count; ++i) {
    const Value v = o->words()[i];
    if (v.is_target() || (v.is_data() && !IsAtom(v.data()) && v.data()->kind != Kind::kCode)) {
      return true;
    }
  }
  return o->kind == Kind::kBoundary;
}

NodeKind KindOf(const Object* o) {
  switch (o->kind) {
    case Kind::kActor:
      return NodeKind::kActor;
    case Kind::kPromise:
      return NodeKind::kPromise;
    case Kind::kResolver:
      return NodeKind::kResolver;
    case Kind::kContinuation:
      return NodeKind::kContinuation;
    case Kind::kProxy:
      return NodeKind::kProxy;
    case Kind::kPayer:
      return NodeKind::kPayer;
    case Kind::kSponsorControl:
      return NodeKind::kSponsor;
    case Kind::kBoundary:
      return NodeKind::kMembrane;
    default:
      return NodeKind::kData;
  }
}

// Who acts by himself. What else holds something only passes it on.
bool IsAgent(NodeKind kind) {
  return kind == NodeKind::kActor || kind == NodeKind::kContinuation ||
         kind == NodeKind::kMembrane || kind == NodeKind::kHost;
}

}  // namespace

// Nodes get their ids when they are first met, and are looked into in that order.
class VmMap::Walk {
 public:
  explicit Walk(VmMap& map) : map_(map), core_(map.core_) {}

  void Run() {
    map_.nodes_.push_back({NodeKind::kHost, nullptr, kNone});
    core_.heap().ForEachRoot([this](Value held) {
      AddWord(kHost, held, Via::kRoot);
      // A device that is to answer has the promise.
      if (IsPromise(held)) AddSlot(kHost, held);
    });
    core_.ForEachSponsor([this](Sponsor& s) {
      if (s.queue.empty()) return;
      if (s.control.is_target()) NodeOf(s.control.target());
      s.queue.ForEach([this](const Event& event) { AddEvent(event, Via::kQueued); });
    });
    for (const Value crowd : core_.crowds()) NodeOf(crowd.target());
    for (; next_ < map_.nodes_.size(); ++next_) LookInto(static_cast<Id>(next_));
    AddAnswers();
    map_.forward_ = Sorted(edges_, map_.nodes_.size(), false);
    map_.backward_ = Sorted(edges_, map_.nodes_.size(), true);
  }

 private:
  // --- nodes and edges
  Id NewNode(NodeKind kind, Object* object, Id membrane) {
    map_.nodes_.push_back({kind, object, membrane});
    return static_cast<Id>(map_.nodes_.size() - 1);
  }
  Id NodeOf(Object* o) {
    if (o->kind == Kind::kPromise) o = EndOf(o);
    if (const auto at = map_.by_object_.find(o); at != map_.by_object_.end()) return at->second;
    const NodeKind kind = KindOf(o);
    const Id membrane = kind == NodeKind::kProxy ? NodeOf(o->words()[0].data()) : kNone;
    const Id id = NewNode(kind, o, membrane);
    map_.by_object_[o] = id;
    if (kind == NodeKind::kMembrane) {
      map_.nodes_[id].membrane = id;
      map_.membranes_.push_back(id);
    }
    return id;
  }
  // Where an answer goes.
  Id SlotNode(Value slot) {
    if (!IsPromise(slot)) return NodeOf(slot.target());
    Object* root = EndOf(slot.target());
    NodeOf(root);
    const auto [at, is_new] = map_.slots_.try_emplace(root, kNone);
    if (is_new) at->second = NewNode(NodeKind::kSlot, root, kNone);
    return at->second;
  }
  void AddEdge(Id from, Id to, Via via) { edges_.push_back({from, to, via}); }
  void AddWord(Id from, Value v, Via via) {
    if (v.is_target()) return AddEdge(from, NodeOf(v.target()), via);
    if (!v.is_data() || !MayHoldRefs(v.data())) return;
    AddEdge(from, NodeOf(v.data()), v.data()->kind == Kind::kBoundary ? Via::kControls : via);
  }
  void AddSlot(Id from, Value slot) {
    if (slot.is_target()) AddEdge(from, SlotNode(slot), Via::kSlot);
  }

  // Words that C++ memory holds: `via` of `from`.
  class Words final : public Visitor {
   public:
    Words(Walk& walk, Id from, Via via) : walk_(walk), from_(from), via_(via) {}
    void Visit(Value* words, size_t count) override {
      for (size_t i = 0; i < count; ++i) walk_.AddWord(from_, words[i], via_);
    }

   private:
    Walk& walk_;
    Id from_;
    Via via_;
  };

  // --- nodes
  void LookInto(Id id) {
    const Node node = map_.nodes_[id];
    Object* o = node.object;
    switch (node.kind) {
      case NodeKind::kData:
        return LookIntoData(id, o);
      case NodeKind::kActor: {
        const Object* holder = actor::Holder(o);
        for (uint32_t i = 1; i < holder->count; ++i) {
          AddWord(id, holder->words()[i], Via::kCaptures);
        }
        if (actor::IsExtended(o))
          AddActivation(id, actor::ExtensionWord(o, actor::Ext::kSuspended));
        return;
      }
      case NodeKind::kContinuation:
        return LookIntoContinuation(id, o);
      case NodeKind::kPromise:
        return LookIntoPromise(id, o);
      case NodeKind::kSlot:
        if (IsPending(o)) AddEdge(id, NodeOf(o), Via::kSettles);
        return;
      case NodeKind::kResolver:
        return AddSlot(id, o->words()[0]);
      case NodeKind::kProxy:
        return LookIntoProxy(id, node);
      case NodeKind::kPayer:
        AddWord(id, o->words()[0], Via::kTarget);
        return AddWord(id, o->words()[1], Via::kPays);
      case NodeKind::kSponsor:
        if (const Sponsor* s = Core::SponsorOf(o)) AddWord(id, Core::KeeperOf(*s), Via::kKeeper);
        return;
      case NodeKind::kMembrane: {
        if (boundary::Of(o)->is_cut()) return;
        for (uint32_t i = boundary::kWordsMin; i < o->count; ++i) {
          const Value v = o->words()[i];
          const bool pays = IsTargetKind(v, Kind::kSponsorControl);
          AddWord(id, v, pays ? Via::kPays : Via::kPolicy);
        }
        Words words(*this, id, Via::kPolicy);
        return boundary::Of(o)->Visit(words);
      }
      case NodeKind::kHost:
      case NodeKind::kCrossing:
      case NodeKind::kAnswer:
        return;
    }
  }
  void LookIntoData(Id id, const Object* o) {
    parts_.clear();
    if (!PartsOf(o, &parts_)) parts_.assign(o->words(), o->words() + o->count);
    for (const Value part : parts_) AddWord(id, part, Via::kPart);
  }
  void LookIntoProxy(Id id, const Node& node) {
    if (!LeadsOn(node.object)) return;
    const Value target = boundary::Target(node.object);
    const LocalBoundary* local = LocalOf(node.object);
    if (IsPromise(target)) AddEdge(id, SlotNode(target), Via::kTarget);
    // Of a stranger's proxy nobody knows what it does with a promise.
    if (!IsPromise(target) || local == nullptr) AddWord(id, target, Via::kTarget);
    AddEdge(id, node.membrane, Via::kPolicy);
  }
  void LookIntoContinuation(Id id, Object* o) {
    if (actor::StateOf(o) == actor::ContState::kDone) return;
    const Value self = supervision::SelfOf(o);
    if (self.is_target()) {
      const Id actor = NodeOf(self.target());
      AddEdge(id, actor, Via::kSelf);
      AddEdge(actor, id, Via::kTask);
    }
    AddWord(id, actor::ContWord(o, actor::Cont::kClosure), Via::kCaptures);
    AddWord(id, actor::ContWord(o, actor::Cont::kWakes), Via::kWaits);
    AddSlot(id, actor::ContWord(o, actor::Cont::kSlot));
    AddActivation(id, actor::ContWord(o, actor::Cont::kFrames));
    AddActivation(id, actor::ContWord(o, actor::Cont::kSuspended));
  }
  void LookIntoPromise(Id id, Object* root) {
    if (promise::StateOf(root) == promise::State::kKept) {
      AddWord(id, promise::Outcome(root), Via::kOutcome);
    }
    promise::ForEachWaiter(root,
                           [&](const promise::Waiter& w) { AddEvent(w.event, Via::kParked); });
  }
  void AddActivation(Id owner, Value activation) {
    if (!activation.is_data() || Core::FramesOf(activation) == nullptr) return;
    Words words(*this, owner, Via::kFrames);
    Core::FramesOf(activation)->Visit(words);
    const EventChain* staged = Core::StagedOf(activation);
    if (staged == nullptr) return;
    // Sent, if the turn ends well: until then the sender holds it, too.
    staged->ForEach([&](const Event& event) {
      AddWord(owner, event.target, Via::kFrames);
      AddWord(owner, event.message, Via::kFrames);
      AddSlot(owner, event.slot);
      AddEvent(event, Via::kQueued);
    });
    Core::ForEachInInbox(activation,
                         [&](const Event& event, Value) { AddEvent(event, Via::kInbox); });
    const TurnState& turn = Core::TurnOf(activation);
    for (const Value v : {turn.message, turn.become, turn.reply}) AddWord(owner, v, Via::kFrames);
    AddSlot(owner, turn.slot);
    if (turn.origin.target.is_target()) AddEvent(turn.origin, Via::kUndone);
  }

  // --- events
  // Through proxies and payers to who takes the event up; the proxies on the way.
  // kNone-like nil: it is dropped on the way.
  Value Route(Value target, std::vector<const Object*>* proxies) {
    for (;;) {
      Object* o = target.target();
      if (o->kind == Kind::kPayer) {
        target = o->words()[0];
      } else if (o->kind == Kind::kProxy) {
        if (!LeadsOn(o)) return Value::Nil();
        proxies->push_back(o);
        target = boundary::Target(o);
      } else {
        return target;
      }
    }
  }

  void AddEvent(const Event& event, Via via) {
    NodeOf(event.target.target());
    if (event.flag() == EventFlag::kResume) return;
    if (event.flag() == EventFlag::kListen) return AddListener(event);
    std::vector<const Object*> proxies;
    Value end = event.target;
    for (;;) {
      end = Route(end, &proxies);
      if (!end.is_target()) return;
      if (!IsPromise(end) || event.flag() != EventFlag::kMessage) break;
      Object* root = EndOf(end.target());
      if (IsPending(root)) break;
      // It goes to what the promise was kept with.
      if (promise::StateOf(root) != promise::State::kKept) return;
      end = promise::Outcome(root);
      if (!end.is_target()) return;
    }
    // Who holds it from then on.
    Id holder = NodeOf(end.target());
    if (IsPromise(end) && event.flag() == EventFlag::kMessage) {
      holder = SlotNode(end);
      via = Via::kParked;
    } else if (end.target()->kind == Kind::kResolver) {
      const Value settled = end.target()->words()[0];
      holder = IsPromise(settled) ? NodeOf(settled.target()) : SlotNode(settled);
    }
    for (const Object* proxy : proxies) {
      map_.pending_.push_back({NodeOf(const_cast<Object*>(proxy)), NodeOf(end.target()), via});
    }
    // The slot of a settlement is the link to a report: no ref.
    const Value slot = event.flag() == EventFlag::kMessage ? event.slot : Value::Nil();
    if (proxies.empty()) {
      AddWord(holder, event.message, via);
      return AddSlot(holder, slot);
    }
    Cross(holder, event.message, slot, via, proxies);
  }
  // A continuation, or the proxy of a slot, that is told how a promise settles.
  void AddListener(const Event& event) {
    if (!IsPromise(event.target)) return;
    const Id listener = NodeOf(event.message.target());
    AddEdge(SlotNode(event.target), listener, Via::kWaits);
    if (map_.nodes_[listener].kind == NodeKind::kContinuation) {
      AddEdge(listener, NodeOf(event.target.target()), Via::kAwaits);
    }
  }

  // What `holder` will hold of a message when it has crossed.
  void Cross(Id holder, Value message, Value slot, Via via,
             const std::vector<const Object*>& proxies) {
    std::map<std::vector<Id>, Id> behind;  // by the membranes that wrap it, the first one first
    const auto add = [&](Value ref, bool is_slot) {
      std::vector<Id> wraps;
      for (const Object* proxy : proxies) {
        if (wraps.empty() && ComesHome(ref, proxy)) {
          ref = boundary::Target(ref.target());
        } else {
          wraps.push_back(NodeOf(proxy->words()[0].data()));
        }
      }
      const Id ref_node = is_slot ? SlotNode(ref) : NodeOf(ref.target());
      if (wraps.empty()) return AddEdge(holder, ref_node, is_slot ? Via::kSlot : via);
      Id& first = behind.try_emplace(wraps, kNone).first->second;
      if (first == kNone) {
        Id outer = holder;
        for (size_t i = wraps.size(); i-- > 0;) {
          const Id crossing = NewNode(NodeKind::kCrossing, nullptr, wraps[i]);
          AddEdge(outer, crossing, outer == holder ? via : Via::kTarget);
          outer = crossing;
        }
        first = outer;
      }
      AddEdge(first, ref_node, is_slot ? Via::kSlot : Via::kTarget);
    };
    ForEachRef(message, [&](Value ref) { add(ref, false); });
    if (slot.is_target()) add(slot, true);
  }
  // A proxy of the same membrane, of somebody who lives where the message goes.
  static bool ComesHome(Value ref, const Object* through) {
    if (!vesicle::IsTargetKind(ref, Kind::kProxy) || !LeadsOn(ref.target())) return false;
    return boundary::OfProxy(ref.target()) == boundary::OfProxy(through) &&
           LocalOf(through) != nullptr &&
           LocalBoundary::ToTarget(ref.target()) == LocalBoundary::ToTarget(through);
  }
  template <typename Fn>
  void ForEachRef(Value value, Fn fn) {
    absl::flat_hash_map<const Object*, bool> seen;
    std::vector<Value> left = {value}, parts;
    while (!left.empty()) {
      const Value v = left.back();
      left.pop_back();
      if (v.is_target()) {
        fn(v);
      } else if (v.is_data() && MayHoldRefs(v.data()) && seen.try_emplace(v.data()).second) {
        if (v.data()->kind == Kind::kBoundary) continue;  // crosses nothing
        parts.clear();
        if (PartsOf(v.data(), &parts)) left.insert(left.end(), parts.rbegin(), parts.rend());
      }
    }
  }

  // --- answers
  // From each slot of a pending promise back to who holds it, through what only passes it on.
  void AddAnswers() {
    const Table holders = Sorted(edges_, map_.nodes_.size(), true);
    absl::flat_hash_map<Id, Id>
        answer;  // of a slot, resolver, proxy ...: what comes back through it
    std::vector<Id> to_do;
    const auto nodes = static_cast<Id>(map_.nodes_.size());
    for (Id id = 0; id < nodes; ++id) {
      const Node node = map_.nodes_[id];
      if (node.kind != NodeKind::kSlot || !IsPending(node.object)) continue;
      answer[id] = map_.by_object_.at(node.object);
      to_do.push_back(id);
    }
    while (!to_do.empty()) {
      const Id id = to_do.back();
      to_do.pop_back();
      const Id through = answer.at(id);
      for (const Edge& edge : holders.Of(id)) {
        const Node holder = map_.nodes_[edge.to];
        if (edge.via == Via::kPays || holder.kind == NodeKind::kHost) continue;
        if (IsAgent(holder.kind)) {
          AddEdge(through, edge.to, Via::kAnswers);
          continue;
        }
        const auto [at, is_new] = answer.try_emplace(edge.to, kNone);
        if (is_new) {
          const bool is_data = holder.kind == NodeKind::kData;
          at->second = NewNode(is_data ? NodeKind::kData : NodeKind::kAnswer, holder.object,
                               holder.membrane);
          to_do.push_back(edge.to);
        }
        AddEdge(through, at->second, Via::kAnswers);
      }
    }
  }

  VmMap& map_;
  Core& core_;
  std::vector<RawEdge> edges_;
  std::vector<Value> parts_;
  size_t next_ = 0;
};

VmMap::VmMap(Core& core) : core_(core) {
  Walk(*this).Run();
  NumberNames();
}

VmMap::Table VmMap::Sorted(const std::vector<RawEdge>& edges, size_t nodes, bool backward) {
  Table table;
  table.begins.assign(nodes + 1, 0);
  for (const RawEdge& e : edges) ++table.begins[(backward ? e.to : e.from) + 1];
  for (size_t i = 0; i < nodes; ++i) table.begins[i + 1] += table.begins[i];
  table.edges.resize(edges.size());
  std::vector<uint32_t> next(table.begins.begin(), table.begins.end() - 1);
  for (const RawEdge& e : edges) {
    table.edges[next[backward ? e.to : e.from]++] = {backward ? e.from : e.to, e.via};
  }
  return table;
}

VmMap::Id VmMap::Find(Value value) const {
  if (!value.is_pointer()) return kNone;
  Object* o = value.object();
  if (o->kind == Kind::kPromise) o = EndOf(o);
  const auto at = by_object_.find(o);
  return at == by_object_.end() ? kNone : at->second;
}

VmMap::Id VmMap::SlotOf(Value promise) const {
  if (!IsPromise(promise)) return kNone;
  const auto at = slots_.find(EndOf(promise.target()));
  return at == slots_.end() ? kNone : at->second;
}

bool VmMap::IsOpaque(Id actor) const {
  const Node& n = nodes_[actor];
  if (n.kind != NodeKind::kActor) return false;
  return code::Body(code::Of(actor::Holder(n.object)))->is_opaque();
}

std::optional<Direction> VmMap::DirectionOf(Id proxy) const {
  const Node& n = nodes_[proxy];
  if (n.kind != NodeKind::kProxy || LocalOf(n.object) == nullptr) return std::nullopt;
  return LocalBoundary::ToTarget(n.object);
}

bool VmMap::IsSlotProxy(Id proxy) const {
  return DirectionOf(proxy).has_value() && LocalBoundary::IsSlot(nodes_[proxy].object);
}

}  // namespace vesicle
