// The laws of a membrane over lanes between VMs of one process, whose functions and behaviors
// cross.
#include <uv.h>

#include <memory>
#include <string>
#include <utility>

#include "membrane/script.h"
#include "tests/transport/relay/session_link.h"
#include "transport/host/lane_transport.h"
#include "transport/host/program_store.h"
#include "transport/loop_environment.h"

namespace vesicle {
namespace {

struct UvLoop {
  UvLoop() { REQUIRE(uv_loop_init(&loop) == 0); }
  ~UvLoop() {
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
  }
  uv_loop_t loop;
};

// Two VMs on one loop, and lanes between them.
class LaneLink final : public SessionLink {
 public:
  explicit LaneLink(const VmOptions& options)
      : environment_(std::make_unique<LoopEnvironment>(&uv_.loop)),
        bob_(std::make_unique<End>(*this, options, OptionsInMode(true), "bob")),
        alice_(std::make_unique<End>(*this, options, OptionsInMode(false), "alice")) {
    Meet();
  }
  ~LaneLink() override {
    alice_.reset();
    bob_.reset();
    environment_.reset();
  }
  Traits traits() const override {
    Traits traits = SessionLink::traits();
    traits.copies_code = true;
    return traits;
  }
  Shore& inside() override { return bob_->shore; }
  Shore& outside() override { return alice_->shore; }
  void RunFor(int64_t steps) override {
    bob_->vm.RunSlice(steps);
    alice_->vm.RunSlice(steps);
    uv_run(&uv_.loop, UV_RUN_NOWAIT);
  }
  // Nothing is on the way longer than some rounds of the loop, but for answers that are given back.
  void Run() override {
    constexpr int kQuietRounds = 20;
    for (int quiet = 0; quiet < kQuietRounds; ++quiet) {
      const uint64_t events = Events();
      bool any = false;
      while (bob_->vm.RunSlice(10'000) || alice_->vm.RunSlice(10'000)) any = true;
      uv_run(&uv_.loop, UV_RUN_NOWAIT);
      if (any || Events() != events || uv_backend_timeout(&uv_.loop) == 0) quiet = 0;
    }
  }

 private:
  struct End {
    End(LaneLink& link, const VmOptions& options, NetworkOptions network_in,
        const std::string& name)
        : vm(options, AddMembranes),
          shore(vm, name + ".ves"),
          courier(link.programs_, vm),
          lanes(*link.environment_, link.switch_, name) {
      network_in.own.name = {std::string(lanes.name()), name};
      network_in.own.hints = {{"host", name}, {"port", "1"}};
      network_in.code = &courier;
      network =
          std::make_unique<Network>(vm, *link.environment_, lanes, std::move(network_in), [] {});
      const auto at = network->Listen(name + ":1");
      REQUIRE_MESSAGE(at.ok(), at.status().ToString());
    }
    Vm vm;
    Shore shore;
    ProgramCourier courier;
    LaneTransport lanes;
    std::unique_ptr<Network> network;
  };
  Network& inside_network() override { return *bob_->network; }
  Network& outside_network() override { return *alice_->network; }
  uint64_t Events() {
    return bob_->vm.core().events_dispatched() + alice_->vm.core().events_dispatched();
  }

  UvLoop uv_;
  LaneSwitch switch_;
  ProgramStore programs_;
  std::unique_ptr<LoopEnvironment> environment_;
  std::unique_ptr<End> bob_;
  std::unique_ptr<End> alice_;
};

}  // namespace

std::unique_ptr<Link> EveryLink(const VmOptions& options,
                                const std::function<void(Link&)>& and_then) {
  std::unique_ptr<Link> link = std::make_unique<LaneLink>(options);
  if (and_then) and_then(*link);
  return link;
}

}  // namespace vesicle
