// Prints the trace hash of each program given: "HASH TURNS PATH".
#include <cstdio>

#include "tests/sim/sim_world.h"

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    vesicle::SimWorld world;
    const std::string errors = world.Load(argv[i]);
    if (!errors.empty()) {
      std::fprintf(stderr, "%s\n", errors.c_str());
      return 2;
    }
    vesicle::TraceHash trace;
    world.vm().core().set_observer(&trace);
    if (world.HasMain()) {
      world.Start();
      world.Run();
    }
    std::printf("%016llx %llu %s\n", static_cast<unsigned long long>(trace.value()),
                static_cast<unsigned long long>(trace.turns()), argv[i]);
    world.vm().core().set_observer(nullptr);
  }
  return 0;
}
