// The map and its searches against a plain closure: a world made from a seed, and beside
// it what the test itself knows of who holds what.
//
//   VESICLE_SEED=<seed> build/release/tests/membrane_test -tc='reach property*'
#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>
#include <random>
#include <vector>

#include "membrane/reach.h"
#include "tests/membrane/reach_world.h"

namespace vesicle {
namespace {

constexpr int kFar = 1'000'000;

// Who holds what, as told by who made the world: plain nodes, and the rules of VmMap.
class Model {
 public:
  // `membrane`: it is one of its own things; -1. `is_agent`: it acts by itself.
  int Node(bool is_agent, int membrane = -1) {
    agents_.push_back(is_agent);
    membranes_.push_back(membrane);
    holds_.emplace_back();
    return static_cast<int>(agents_.size()) - 1;
  }
  void Holds(int from, int to) { holds_[from].push_back(to); }
  // A pending promise and the end that settles it.
  void Pending(int promise, int slot) { pending_.emplace_back(promise, slot); }

  // What comes back: for each node that only passes things on a second one, its answer, which
  // leads to those of its holders, and to holders that act.
  void AddAnswers() {
    const int n = size();
    std::vector<int> answer(n, -1);
    for (const auto& [promise, slot] : pending_) answer[slot] = promise;
    for (int i = 0; i < n; ++i) {
      if (!agents_[i] && answer[i] < 0) answer[i] = Node(false, membranes_[i]);
    }
    for (int holder = 0; holder < n; ++holder) {
      for (const int held : std::vector<int>(holds_[holder])) {
        if (!agents_[held]) Holds(answer[held], agents_[holder] ? holder : answer[holder]);
      }
    }
    for (const auto& [promise, slot] : pending_) Holds(slot, promise);
  }
  void Forget(std::mt19937_64& random) {
    for (;;) {
      auto& held = holds_[random() % holds_.size()];
      if (held.empty()) continue;
      held.pop_back();
      return;
    }
  }

  // Floyd and Warshall.
  std::vector<std::vector<int>> Distances(int avoided, bool either_way) const {
    const int n = size();
    std::vector<std::vector<int>> d(n, std::vector<int>(n, kFar));
    const auto is_open = [&](int i) { return avoided < 0 || membranes_[i] != avoided; };
    for (int i = 0; i < n; ++i) {
      if (is_open(i)) d[i][i] = 0;
      for (const int to : holds_[i]) {
        if (i == to || !is_open(i) || !is_open(to)) continue;
        d[i][to] = 1;
        if (either_way) d[to][i] = 1;
      }
    }
    for (int k = 0; k < n; ++k) {
      for (int i = 0; i < n; ++i) {
        if (d[i][k] == kFar) continue;
        for (int j = 0; j < n; ++j) d[i][j] = std::min(d[i][j], d[i][k] + d[k][j]);
      }
    }
    return d;
  }
  int size() const { return static_cast<int>(agents_.size()); }

 private:
  std::vector<bool> agents_;
  std::vector<int> membranes_;
  std::vector<std::vector<int>> holds_;
  std::vector<std::pair<int, int>> pending_;
};

class RandomWorld : public ReachWorld {
 public:
  explicit RandomWorld(uint64_t seed) : random_(seed) {
    const int actors = 2 + Random(16);
    for (int i = 0; i < actors; ++i) {
      Known(Actor(i % 2 == 0 ? "even" : "odd"), model.Node(true));
    }
    const int walls = Random(4);
    for (int i = 0; i < walls; ++i) {
      walls_.push_back(Wall());
      model_walls.push_back(model.Node(true, i));  // what it holds is no part of this
      cut_.push_back(false);
    }
    for (int i = Random(6); i > 0; --i) AddPromise();
    for (int i = walls == 0 ? 0 : Random(12); i > 0; --i) AddProxy();
    for (int i = Random(3 * actors); i > 0; --i) AddHold();
    for (int i = Random(6); i > 0; --i) AddMessage();
    if (walls > 1 && Random(4) == 0) Cut(Random(walls));
    for (const Later& later : later_) later.run();
    model.AddAnswers();
  }

  // By number of the model: actors, promises, proxies, resolvers.
  struct Thing {
    Value value;
    int node;
    // Of a proxy.
    int wall = -1;
    Direction direction = Direction::kIn;
    int target = -1;
  };
  std::vector<Thing> things;
  std::vector<int> model_walls;
  Model model;
  Value WallValue(int i) const { return walls_[i].value(); }

 private:
  struct Later {
    std::function<void()> run;
  };
  int Random(int n) { return n <= 0 ? 0 : static_cast<int>(random_() % n); }
  const Thing& Pick() { return things[Random(static_cast<int>(things.size()))]; }
  const Thing& PickActor() {
    for (;;) {
      const Thing& thing = Pick();
      if (IsTargetKind(thing.value, Kind::kActor)) return thing;
    }
  }
  void Known(Value value, int node) {
    roots.emplace_back(vm.core().heap(), value);
    things.push_back({value, node});
  }
  // The ref somewhere in some data.
  Value Wrapped(Value v) {
    for (int i = Random(4); i > 0; --i) {
      switch (Random(3)) {
        case 0:
          v = vm.List({vm.Int(1), v});
          break;
        case 1:
          v = vm.Map({{"a key", v}});
          break;
        default:
          v = vm.Tagged("tag", v, 2);
      }
    }
    return v;
  }

  void AddPromise() {
    const Value promise = vm.core().NewPromise();
    const int node = model.Node(false);
    switch (Random(3)) {
      case 0: {
        const Thing value = PickActor();
        vm.core().Keep(promise, Wrapped(value.value));
        model.Holds(node, value.node);
        break;
      }
      default: {
        const int slot = model.Node(false), resolver = model.Node(false);
        model.Pending(node, slot);
        model.Holds(resolver, slot);
        Known(vm.core().NewResolver(promise), resolver);
      }
    }
    Known(promise, node);
  }
  void AddProxy() {
    const Thing target = Pick();
    if (IsPromise(target.value)) return;
    const int wall = Random(static_cast<int>(walls_.size()));
    const Direction way = Random(2) == 0 ? Direction::kIn : Direction::kOut;
    const Value proxy = walls_[wall].Pass(target.value, way).value();
    for (const Thing& thing : things) {
      if (thing.value == proxy) return;  // home, or known
    }
    const int node = model.Node(false, wall);
    Known(proxy, node);
    things.back().wall = wall;
    things.back().direction = Opposite(way);
    things.back().target = target.node;
    later_.push_back({[this, node, target, wall] {
      if (cut_[wall]) return;
      model.Holds(node, target.node);
      model.Holds(node, model_walls[wall]);
    }});
  }
  void AddHold() {
    const Thing holder = PickActor(), held = Pick();
    Hold(holder.value, Wrapped(held.value));
    model.Holds(holder.node, held.node);
  }
  // Straight to an actor, or through one proxy of one.
  void AddMessage() {
    const Thing to = Pick(), held = Pick();
    if (IsTargetKind(to.value, Kind::kActor)) {
      vm.Send(to.value, Wrapped(held.value));
      model.Holds(to.node, held.node);
      return;
    }
    if (to.wall < 0 || !IsTargetKind(boundary::Target(to.value.target()), Kind::kActor)) return;
    vm.Send(to.value, Wrapped(held.value));
    later_.push_back({[this, to, held] {
      if (cut_[to.wall]) return;
      if (held.wall == to.wall && held.direction == to.direction) {
        model.Holds(to.target, held.target);
        return;
      }
      const int crossing = model.Node(false, to.wall);
      model.Holds(to.target, crossing);
      model.Holds(crossing, held.node);
    }});
  }
  void Cut(int wall) {
    walls_[wall].Revoke();
    cut_[wall] = true;
  }

  std::mt19937_64 random_;
  std::vector<Membrane> walls_;
  std::vector<bool> cut_;
  std::vector<Later> later_;
};

// What is wrong; nothing: the map knows what the model knows.
std::optional<std::string> Compare(RandomWorld& world) {
  const VmMap map(world.vm.core());
  for (int avoided = -1; avoided < static_cast<int>(world.model_walls.size()); ++avoided) {
    for (const bool either_way : {false, true}) {
      const auto distances = world.model.Distances(avoided, either_way);
      ReachOptions options;
      if (either_way) options.along = ReachOptions::Along::kEitherWay;
      if (avoided >= 0) {
        const VmMap::Id wall = map.Find(world.WallValue(avoided));
        if (wall == VmMap::kNone) return "a membrane is missing";
        options.avoid = {wall};
      }
      for (const auto& from : world.things) {
        const VmMap::Id begin = map.Find(from.value);
        const Reach reach = Reach::From(map, std::span(&begin, 1), options);
        const Reach back = Reach::To(map, begin, options);
        for (const auto& to : world.things) {
          const VmMap::Id end = map.Find(to.value);
          const int there = distances[from.node][to.node],
                    return_way = distances[to.node][from.node];
          if (reach.Has(end) != (there < kFar)) return map.Name(begin) + " to " + map.Name(end);
          if (back.Has(end) != (return_way < kFar))
            return map.Name(end) + " back to " + map.Name(begin);
          if (reach.Has(end) && reach.Distance(end) != static_cast<uint32_t>(there)) {
            return "not the shortest: " + PathText(map, reach.PathOf(end));
          }
          if (!reach.Has(end)) continue;
          // The witness is one.
          const Path path = reach.PathOf(end);
          if (path.front().node != begin || path.back().node != end ||
              path.size() != static_cast<size_t>(there) + 1) {
            return "no path: " + PathText(map, path);
          }
          for (const Step& step : path) {
            if (avoided >= 0 && map.node(step.node).membrane == options.avoid[0]) {
              return "through what it avoids: " + PathText(map, path);
            }
          }
        }
      }
    }
  }
  return std::nullopt;
}

std::vector<uint64_t> Seeds() {
  if (const char* text = std::getenv("VESICLE_SEED")) return {std::strtoull(text, nullptr, 10)};
  std::vector<uint64_t> seeds;
  for (uint64_t seed = 1; seed <= 300; ++seed) seeds.push_back(seed);
  return seeds;
}

}  // namespace

TEST_CASE("reach property: the map knows what a plain closure knows") {
  for (const uint64_t seed : Seeds()) {
    INFO("replay with VESICLE_SEED=", seed);
    RandomWorld world(seed);
    const auto wrong = Compare(world);
    REQUIRE_MESSAGE(!wrong, *wrong);
    CHECK(world.vm.core().heap().Verify() == nullptr);
  }
}

TEST_CASE("reach property: a closure that forgets one edge is found out") {
  int found = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    RandomWorld world(seed);
    std::mt19937_64 random(seed);
    world.model.Forget(random);
    if (Compare(world)) ++found;
  }
  CHECK(found >= 20);
}

}  // namespace vesicle
