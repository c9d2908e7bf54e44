// A membrane that passes everything changes no program: each sample runs inside of one, its
// host outside, and says what it says without.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/sim/sim_world.h"
#include "tests/sim/within.h"

namespace vesicle {
namespace {

// What the program prints, and the reasons of the faults that nobody learned of, when it runs
// within so many membranes.
std::string Said(const std::string& path, int membranes) {
  VmOptions options;
  options.steps_per_turn_max = 200'000;  // some programs are endless but for a limit
  SimWorld world(options);
  const std::string errors = world.Load(path);
  REQUIRE_MESSAGE(errors.empty(), errors);
  Vm& vm = world.vm();
  const std::vector<Membrane> walls = StartWithin(world, membranes);
  world.Run();
  std::string said = world.output();
  for (const FaultReport& report : vm.UnobservedFaults()) said += "fault: " + report.reason + "\n";
  for (const Membrane& wall : walls) CHECK(wall.counts().crossed > 0);
  return said;
}

TEST_CASE("law 30: every sample runs the same through a membrane that passes everything") {
  const std::vector<std::string> programs = Programs();
  REQUIRE(programs.size() > 20);
  for (const std::string& path : programs) {
    CAPTURE(path);
    const std::string plain = Said(path, 0);
    CHECK(Said(path, 1) == plain);
    CHECK(Said(path, 2) == plain);
  }
}

}  // namespace
}  // namespace vesicle
