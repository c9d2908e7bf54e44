#include "membrane/reach.h"

#include <algorithm>
#include <deque>

#include "absl/strings/str_cat.h"

namespace vesicle {
namespace {

using Id = VmMap::Id;

// Data are part of who holds them.
bool IsStep(const VmMap& map, Id id) { return map.node(id).kind != NodeKind::kData; }

std::vector<bool> Closed(const VmMap& map, const std::vector<Id>& avoid) {
  std::vector<bool> closed(map.size(), false);
  if (avoid.empty()) return closed;
  for (const Id id : avoid) closed[id] = true;
  for (Id id = 0; id < map.size(); ++id) {
    const Id membrane = map.node(id).membrane;
    if (membrane != VmMap::kNone && closed[membrane]) closed[id] = true;
  }
  return closed;
}

}  // namespace

Reach Reach::From(const VmMap& map, std::span<const Id> from, const ReachOptions& options) {
  return {map, from, Towards::kHeld, options};
}

Reach Reach::To(const VmMap& map, Id to, const ReachOptions& options) {
  return {map, std::span(&to, 1), Towards::kHolders, options};
}

// Breadth first; a step into data costs nothing, so it goes to the front.
Reach::Reach(const VmMap& map, std::span<const Id> begin, Towards towards,
             const ReachOptions& options)
    : map_(&map), towards_(towards) {
  distance_.assign(map.size(), kFar);
  parent_.assign(map.size(), {VmMap::kNone, Via::kPart});
  std::vector<bool> done(map.size(), false);
  const std::vector<bool> closed = Closed(map, options.avoid);
  std::deque<Id> to_do;
  for (const Id id : begin) {
    if (id == VmMap::kNone || closed[id]) continue;
    distance_[id] = 0;
    to_do.push_back(id);
  }
  const auto look = [&](Id id, Towards way, std::span<const VmMap::Edge> edges) {
    for (const VmMap::Edge& edge : edges) {
      const uint32_t distance = distance_[id] + (IsStep(map, edge.to) ? 1 : 0);
      if (edge.via == Via::kPays || closed[edge.to] || distance >= distance_[edge.to]) continue;
      distance_[edge.to] = distance;
      parent_[edge.to] = {id, edge.via, way == towards};
      if (distance == distance_[id]) {
        to_do.push_front(edge.to);
      } else {
        to_do.push_back(edge.to);
      }
    }
  };
  while (!to_do.empty()) {
    const Id id = to_do.front();
    to_do.pop_front();
    if (done[id]) continue;
    done[id] = true;
    in_order_.push_back(id);
    if (id == VmMap::kHost && distance_[id] > 0) continue;
    const bool either = options.along == ReachOptions::Along::kEitherWay;
    if (towards == Towards::kHeld || either) look(id, Towards::kHeld, map.From(id));
    if (towards == Towards::kHolders || either) look(id, Towards::kHolders, map.To(id));
  }
}

Path Reach::PathOf(Id id) const {
  // From `id` to where the search began; `via` of a step says how it and the next one hold.
  Path back;
  for (Id at = id; at != VmMap::kNone; at = parent_[at].node) {
    back.push_back({at, parent_[at].via, parent_[at].is_held});
  }
  Path path;
  if (towards_ == Towards::kHeld) {
    std::reverse(back.begin(), back.end());
  } else {
    // The other way round, each way of holding belongs to the step after it.
    for (size_t i = back.size() - 1; i > 0; --i) {
      back[i].via = back[i - 1].via;
      back[i].is_held = back[i - 1].is_held;
    }
  }
  // What is held through data is held as the data are.
  Via via = Via::kPart;
  for (const Step& step : back) {
    if (step.via != Via::kPart) via = step.via;
    if (IsStep(*map_, step.node)) path.push_back({step.node, via, step.is_held});
  }
  return path;
}

std::vector<Id> Reach::Actors() const {
  std::vector<Id> actors;
  for (const Id id : in_order_) {
    if (map_->node(id).kind == NodeKind::kActor && distance_[id] > 0) actors.push_back(id);
  }
  return actors;
}

std::optional<Path> FindPath(const VmMap& map, Id from, Id to, const ReachOptions& options) {
  const Reach reach = Reach::From(map, std::span(&from, 1), options);
  if (!reach.Has(to)) return std::nullopt;
  return reach.PathOf(to);
}

std::vector<Id> ProxiesOn(const VmMap& map, const Path& path) {
  std::vector<Id> proxies;
  for (const Step& step : path) {
    if (map.node(step.node).kind == NodeKind::kProxy) proxies.push_back(step.node);
  }
  return proxies;
}

std::string PathText(const VmMap& map, const Path& path) {
  std::string text;
  for (size_t i = 0; i < path.size(); ++i) {
    if (i > 0) {
      const Step& step = path[i];
      absl::StrAppend(&text, step.is_held ? " -" : " <-", std::string(NameOfVia(step.via)),
                      step.is_held ? "-> " : "- ");
    }
    text += map.Name(path[i].node);
  }
  return text;
}

Foresight ForeseeRevoke(const VmMap& map, Id membrane, const ForesightOptions& options) {
  Foresight foresight;
  for (Id id = 0; id < map.size(); ++id) {
    const VmMap::Node& node = map.node(id);
    if (node.kind != NodeKind::kProxy || node.membrane != membrane || !map.IsLive(id)) continue;
    if (++foresight.proxies_count > options.proxies_max) continue;
    Foresight::Dying dying;
    dying.proxy = id;
    dying.target = map.From(id).front().to;
    dying.is_slot = map.IsSlotProxy(id);
    const Reach reach = Reach::To(map, id);
    const std::vector<Id> actors = reach.Actors();
    dying.reached_by_count = actors.size();
    for (size_t i = 0; i < actors.size() && i < options.paths_max; ++i) {
      dying.reached_by.push_back(reach.PathOf(actors[i]));
    }
    if (options.last_crossing)
      dying.last_crossing = options.last_crossing(Value::Target(node.object));
    foresight.proxies.push_back(std::move(dying));
  }
  for (const VmMap::Pending& pending : map.pending()) {
    if (map.node(pending.proxy).membrane != membrane) continue;
    ++(pending.via == Via::kUndone ? foresight.turns_undone : foresight.messages_dropped);
  }
  return foresight;
}

}  // namespace vesicle
