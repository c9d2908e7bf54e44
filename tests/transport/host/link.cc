// The laws of a membrane over lanes between VMs of one process, whose functions and behaviors
// cross.
#include <memory>
#include <string>
#include <utility>

#include "membrane/script.h"
#include "tests/transport/relay/loop_link.h"
#include "transport/host/lane_transport.h"
#include "transport/host/program_store.h"

namespace vesicle {
namespace {

// What the VMs of a host share.
struct Shared {
  LaneSwitch lanes;
  ProgramStore programs;
};

struct LaneEnd {
  LaneEnd(LoopEnvironment& environment, Shared& shared, const VmOptions& options,
          NetworkOptions network_in, const std::string& name)
      : vm(options, AddMembranes),
        shore(vm, name + ".ves"),
        courier(shared.programs, vm),
        lanes(environment, shared.lanes, name) {
    network_in.own.name = {std::string(lanes.name()), name};
    network_in.own.hints = {{"host", name}, {"port", "1"}};
    network_in.code = &courier;
    network = std::make_unique<Network>(vm, environment, lanes, std::move(network_in), [] {});
    const auto at = network->Listen(name + ":1");
    REQUIRE_MESSAGE(at.ok(), at.status().ToString());
  }
  Vm vm;
  Shore shore;
  ProgramCourier courier;
  LaneTransport lanes;
  std::unique_ptr<Network> network;
};

// Two VMs on one loop, and lanes between them. What they share is the first base: it outlives them.
class LaneLink final : private Shared, public LoopLink<LaneEnd> {
 public:
  explicit LaneLink(const VmOptions& options) {
    Shared& shared = *this;
    Join(std::make_unique<LaneEnd>(environment(), shared, options, OptionsInMode(true), "bob"),
         std::make_unique<LaneEnd>(environment(), shared, options, OptionsInMode(false), "alice"));
  }
  Traits traits() const override {
    Traits traits = SessionLink::traits();
    traits.copies_code = true;
    return traits;
  }
  // Nothing is on the way longer than some rounds of the loop, but for answers that are given back.
  void Run() override {
    constexpr int kQuietRounds = 20;
    for (int quiet = 0; quiet < kQuietRounds; ++quiet) {
      if (RunOnce() || HasTasks()) quiet = 0;
    }
  }
};

}  // namespace

std::unique_ptr<Link> EveryLink(const VmOptions& options,
                                const std::function<void(Link&)>& and_then) {
  std::unique_ptr<Link> link = std::make_unique<LaneLink>(options);
  if (and_then) and_then(*link);
  return link;
}

}  // namespace vesicle
