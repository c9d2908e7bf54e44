// A program within membranes that pass everything: its host is outside.
#ifndef VESICLE_TESTS_SIM_WITHIN_H_
#define VESICLE_TESTS_SIM_WITHIN_H_

#include <vector>

#include "membrane/membrane.h"
#include "tests/sim/sim_world.h"

namespace vesicle {

// As SimWorld::Start, within so many.
inline std::vector<Membrane> StartWithin(SimWorld& world, int membranes) {
  Vm& vm = world.vm();
  Root main = world.Main();
  std::vector<Membrane> walls;
  for (int i = 0; i < membranes; ++i) {
    walls.push_back(*Membrane::Create(vm.core(), {}));
    main.set(walls.back().Pass(main.value(), Direction::kOut).value());
  }
  const Root host = world.Host();
  vm.Send(main, vm.Tagged("start", host.value()));
  return walls;
}

}  // namespace vesicle

#endif  // VESICLE_TESTS_SIM_WITHIN_H_
