// Reach: the questions of authority, asked before anyone dares:
//   who can reach X, through which proxies;
//   what dies when a membrane is revoked;
//   is there any path from A to B that avoids it.
//
// An answer is about what is held *now* (VmMap says who holds what): who could bring a
// message to X if everybody on the path passes it on. What they will be given later is not
// in it; kEitherWay is the question of what could come of it if all cooperate, for then
// who is told of something may answer, and only connectivity begets connectivity.
//
// Paths are shortest in who is on them: data do not count. Nothing leads through the host,
// nor along Via::kPays.
//
// Ownership: borrow the VmMap.
// Costs:     a search looks at each edge once.
//
//   const VmMap map(core);
//   const Reach to = Reach::To(map, map.Find(bob));
//   for (VmMap::Id id : to.Actors()) Use(PathText(map, to.PathOf(id)));
//   std::optional<Path> leak = FindPath(map, alice, bob, {.avoid = {membrane}});
//   const Foresight end = ForeseeRevoke(map, membrane);
#ifndef VESICLE_MEMBRANE_REACH_H_
#define VESICLE_MEMBRANE_REACH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "membrane/vm_map.h"

#pragma GCC visibility push(default)
namespace vesicle {

// The first step is who begins, its `via` means nothing; each further one is held by the one before
// it as `via` says; in a search either way perhaps the other way round.
struct Step {
  VmMap::Id node;
  Via via;
  bool is_held = true;  // false: it holds the one before it
};
using Path = std::vector<Step>;

struct ReachOptions {
  // kAlongRefs: who can send. kEitherWay: whom could a message ever get to, if all help.
  enum class Along : uint8_t { kAlongRefs, kEitherWay };
  Along along = Along::kAlongRefs;
  // Not through these. Of a membrane: not through anything that is its own, the proxies first.
  std::vector<VmMap::Id> avoid = {};
};

class Reach {
 public:
  // Whom one of `from` can reach; who can reach `to`.
  static Reach From(const VmMap& map, std::span<const VmMap::Id> from,
                    const ReachOptions& options = {});
  static Reach To(const VmMap& map, VmMap::Id to, const ReachOptions& options = {});

  bool Has(VmMap::Id id) const { return distance_[id] != kFar; }
  // Steps of the shortest path. Wants Has(id).
  uint32_t Distance(VmMap::Id id) const { return distance_[id]; }
  // A shortest one, in the direction of authority: to `id` in a Reach::From, from it in a
  // Reach::To. Wants Has(id).
  Path PathOf(VmMap::Id id) const;
  // The actors among them, nearest first; those it began with are not in it.
  std::vector<VmMap::Id> Actors() const;

 private:
  enum class Towards : uint8_t { kHeld, kHolders };
  static constexpr uint32_t kFar = UINT32_MAX;
  Reach(const VmMap& map, std::span<const VmMap::Id> begin, Towards towards,
        const ReachOptions& options);

  const VmMap* map_;
  Towards towards_;
  std::vector<uint32_t> distance_;
  std::vector<Step> parent_;         // by node: the one before it, and how the two hold
  std::vector<VmMap::Id> in_order_;  // nearest first
};

// A shortest one, or none: then whatever the code in between does with what it holds now, no
// message of `from` gets to `to`.
std::optional<Path> FindPath(const VmMap& map, VmMap::Id from, VmMap::Id to,
                             const ReachOptions& options = {});

// The proxies on it.
std::vector<VmMap::Id> ProxiesOn(const VmMap& map, const Path& path);
// "alice -captures-> proxy of bob at membrane -leads to-> bob".
std::string PathText(const VmMap& map, const Path& path);

// What a revoke would do.
struct Foresight {
  struct Dying {
    VmMap::Id proxy;
    VmMap::Id target;
    // Of an ask that is under way: its answer would be #revoked.
    bool is_slot = false;
    // The nearest actors that reach it, each with its path, and how many there are in all.
    std::vector<Path> reached_by;
    size_t reached_by_count = 0;
    // What crossed it last, for people; "" when nobody knows.
    std::string last_crossing;
  };
  // In the order of the map; those beyond proxies_max are counted only.
  std::vector<Dying> proxies;
  size_t proxies_count = 0;
  // Messages that would be dropped, and turns that would be undone.
  size_t messages_dropped = 0;
  size_t turns_undone = 0;
};

struct ForesightOptions {
  size_t proxies_max = 1000;
  size_t paths_max = 10;  // for each proxy
  // What an audit knows of a proxy; may be empty.
  std::function<std::string(Value proxy)> last_crossing = {};
};

Foresight ForeseeRevoke(const VmMap& map, VmMap::Id membrane, const ForesightOptions& options = {});

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_REACH_H_
