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
#include "tests/sim/leaks/shadow.h"
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
  // `walls` may grow between runs; then comes NoteWalls().
  HeapWalk(Core& core, Sides& sides, const std::vector<Wall>& walls)
      : core_(core), sides_(sides), walls_(walls) {}

  void NoteWalls();
  // `held`: what the host keeps alive, of known sides. `turn`: one that ends now, or null.
  // Nothing of the heap changes.
  std::string Run(const std::vector<Root>& held, const TurnState* turn);
  size_t objects_met() const { return objects_met_; }
  // Of a proxy, the wall that it is of; null: of none that is known.
  const Wall* WallOf(const Object* proxy) const;
  // The side that a proxy is for.
  Side HolderOf(const Object* proxy) const;

 private:
  // Small: a walk spends its time in waiting for them.
  struct Met {
    uint32_t run : 24 = 0;
    uint32_t sides : 8 = 0;  // as bits
  };
  static_assert(sizeof(Met) == 4 && kSidesMax <= 8);
  // The one proxy of a target of each wall.
  struct Link {
    const Object* target;
    const Object* wall;
    const Object* proxy;
    uint32_t next;
  };
  struct Place {
    Object* object;
    Side side;
  };

  void Meet(Side side, Value v, const Object* from) {
    if (v.is_pointer()) MeetObject(side, v, from);
  }
  void MeetObject(Side side, Value v, const Object* from);
  void MeetTarget(Side side, Object* target, const Object* from);
  void MeetProxy(Side side, Object* proxy, const Object* from);
  bool IsTheProxyOf(const Object* target, const Object* proxy);
  void MeetOwn(Value target);
  void MeetEvent(const Event& event, const Object* from);
  void MeetTurn(Side side, const TurnState& turn, const Object* from);
  void LookInto(const Place& place);
  void LookIntoPromise(const Place& place);
  void LookIntoActivation(const Place& place);
  void Walk(const std::vector<Root>& held, const TurnState* turn);
  bool Mark(Object* o, Side side, const Object* from);
  void Say(const std::string& what, Side side, const Object* object, const Object* from);

  Core& core_;
  Sides& sides_;
  const std::vector<Wall>& walls_;
  uint32_t run_ = 0;
  Shadow<Met> met_;
  Shadow<uint32_t> first_link_;  // in links_, if that is of this target
  // From where an object was met first: asked for when something is wrong.
  bool traces_ = false;
  absl::flat_hash_map<const Object*, const Object*> from_;
  std::vector<const Object*> wall_objects_;  // they never move
  std::vector<Link> links_;
  std::vector<Place> to_do_;
  std::vector<Event> later_;  // of targets that nobody had met
  std::vector<Value> frames_;
  std::string wrong_;
  size_t objects_met_ = 0;
};

}  // namespace vesicle::leaks

#endif  // VESICLE_TESTS_SIM_LEAKS_HEAP_WALK_H_
