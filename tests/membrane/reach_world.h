// ReachWorld: a VM whose actors hold what the test says, and the questions asked of it.
//
//   ReachWorld w;
//   const Value bob = w.Actor("bob"), alice = w.Actor("alice");
//   w.Hold(alice, bob);
//   CHECK(w.Reaches(alice, bob));
#ifndef VESICLE_TESTS_MEMBRANE_REACH_WORLD_H_
#define VESICLE_TESTS_MEMBRANE_REACH_WORLD_H_

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "membrane/reach.h"
#include "vm/native/vm.h"

namespace vesicle {

class ReachWorld {
 public:
  static constexpr uint32_t kHoldsMax = 16;

  // Kept alive by the host.
  Value Actor(const std::string& name) {
    const Root actor = vm.Create(Of(name).Behavior(
        {Value(), Value(), Value(), Value(), Value(), Value(), Value(), Value(), Value(), Value(),
         Value(), Value(), Value(), Value(), Value(), Value()}));
    roots.push_back(actor);
    return actor.value();
  }
  // `held` may be any data around refs.
  void Hold(Value actor, Value held) {
    Object* o = actor.target();
    for (uint32_t i = 1; i <= kHoldsMax; ++i) {
      if (!o->words()[i].is_nil()) continue;
      vm.core().heap().WillWrite(o);
      o->words()[i] = held;
      return;
    }
    FAIL("it holds too much");
  }
  Membrane Wall() { return *Membrane::Create(vm.core(), {}); }
  // As the other side sees it.
  static Value Out(Membrane& wall, Value v) { return wall.Pass(v, Direction::kOut).value(); }
  static Value In(Membrane& wall, Value v) { return wall.Pass(v, Direction::kIn).value(); }

  bool Reaches(Value from, Value to, const ReachOptions& options = {}) {
    return PathFrom(from, to, options) != "none";
  }
  std::string PathFrom(Value from, Value to, const ReachOptions& options = {}) {
    const VmMap map(vm.core());
    const std::optional<Path> path = FindPath(map, map.Find(from), map.Find(to), options);
    return path ? PathText(map, *path) : "none";
  }
  bool ReachesAvoiding(Value from, Value to, const Membrane& wall) {
    const VmMap map(vm.core());
    return FindPath(map, map.Find(from), map.Find(to), {.avoid = {map.Find(wall.value())}})
        .has_value();
  }

  Vm vm;
  std::vector<Root> roots;

 private:
  const Definition& Of(const std::string& name) {
    auto at = definitions_.find(name);
    if (at == definitions_.end()) {
      at = definitions_.emplace(name, vm.Define(name, kHoldsMax, [](Turn&) {})).first;
    }
    return at->second;
  }
  std::map<std::string, Definition> definitions_;
};

}  // namespace vesicle

#endif  // VESICLE_TESTS_MEMBRANE_REACH_WORLD_H_
