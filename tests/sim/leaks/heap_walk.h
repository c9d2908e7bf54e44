// HeapWalk: the oracle of the leak harness. From all that anybody on any side can reach,
// word by word through the heap: nobody meets a target of another side but through a
// proxy of the membrane between the two, on its right side, and not once that was cut.
//
// It knows the layout of objects and nothing of how crossings are done. Events count for
// who can still tell their message: until it has crossed, the sender's side.
//
// A target that has no side yet belongs to the side that meets it first: walks come after
// every turn, and what a turn makes is reachable from its own side only, until something
// crosses. An actor is given its side by who watches the turn, before that.
//
//   HeapWalk walk(core, sides, walls);
//   std::string leak = walk.Run(held, &turn);      // "": there is none
#ifndef VESICLE_TESTS_SIM_LEAKS_HEAP_WALK_H_
#define VESICLE_TESTS_SIM_LEAKS_HEAP_WALK_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "membrane/membrane.h"
#include "tests/sim/leaks/sides.h"
#include "vm/actor/core.h"

namespace vesicle::leaks {

// A membrane and what it stands between.
struct Wall {
  Membrane membrane;
  Side inside;
  Side outside;
  bool is_revoked = false;
};

class HeapWalk {
 public:
  // `walls` may grow between runs.
  HeapWalk(Core& core, Sides& sides, const std::vector<Wall>& walls)
      : core_(core), sides_(sides), walls_(walls) {}

  // `held`: what the host keeps alive, of known sides. `turn`: one that ends now, or null.
  // Nothing of the heap changes.
  std::string Run(const std::vector<Root>& held, const TurnState* turn);
  size_t objects_met() const { return objects_met_; }
  // Of a proxy, the wall that it is of; null: of none that is known.
  const Wall* WallOf(const Object* proxy) const;
  // The side that a proxy is for.
  Side HolderOf(const Object* proxy) const;

 private:
  struct Met {
    uint64_t run = 0;
    uint8_t sides = 0;  // as bits
    const Object* from = nullptr;
  };
  struct Place {
    Object* object;
    Side side;
  };

  void Meet(Side side, Value v, const Object* from);
  void MeetTarget(Side side, Object* target, const Object* from);
  void MeetProxy(Side side, Object* proxy, const Object* from);
  void MeetOwn(Value target);
  void MeetEvent(const Event& event, const Object* from);
  void MeetTurn(Side side, const TurnState& turn, const Object* from);
  void LookInto(const Place& place);
  void LookIntoPromise(const Place& place);
  void LookIntoActivation(const Place& place);
  bool Mark(Object* o, Side side, const Object* from);
  void Say(const std::string& what, Side side, const Object* object, const Object* from);

  Core& core_;
  Sides& sides_;
  const std::vector<Wall>& walls_;
  uint64_t run_ = 0;
  absl::flat_hash_map<const Object*, Met> met_;
  absl::flat_hash_map<const Object*, size_t> walls_by_object_;
  // The one proxy of a target, by wall and target.
  absl::flat_hash_map<std::pair<const Object*, const Object*>, const Object*> proxies_;
  std::vector<Place> to_do_;
  std::vector<Event> later_;  // of targets that nobody had met
  std::string wrong_;
  size_t objects_met_ = 0;
};

}  // namespace vesicle::leaks

#endif  // VESICLE_TESTS_SIM_LEAKS_HEAP_WALK_H_
