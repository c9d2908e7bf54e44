// The laws of a membrane over sessions in mode relay: in memory, over TCP, over TLS.
#include <uv.h>

#include <memory>
#include <string>
#include <utility>

#include "membrane/script.h"
#include "tests/transport/relay/session_link.h"
#include "tests/transport/session/world.h"
#include "transport/identity.h"
#include "transport/loop_environment.h"
#include "transport/tcp.h"
#include "transport/tls.h"

namespace vesicle {
namespace {

class MemoryLink final : public SessionLink {
 public:
  explicit MemoryLink(const VmOptions& options, const MemoryOptions& memory = {})
      : world_(1, memory, options) {
    Meet();
  }
  Shore& inside() override { return inside_; }
  Shore& outside() override { return outside_; }
  void RunFor(int64_t steps) override {
    bob_.vm->RunSlice(steps);
    alice_.vm->RunSlice(steps);
    world_.environment.Step();
  }
  void Run() override { world_.Run(); }

 private:
  Network& inside_network() override { return *bob_.network; }
  Network& outside_network() override { return *alice_.network; }

  World world_;
  World::Node& bob_ = world_.Add("bob", OptionsInMode(true));
  World::Node& alice_ = world_.Add("alice", OptionsInMode(false));
  Shore inside_{*bob_.vm, "inside.ves"};
  Shore outside_{*alice_.vm, "outside.ves"};
};

struct UvLoop {
  UvLoop() { REQUIRE(uv_loop_init(&loop) == 0); }
  ~UvLoop() {
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
  }
  uv_loop_t loop;
};

// Two VMs on one loop, and sockets between them.
class SocketLink final : public SessionLink {
 public:
  enum class Over { kTcp, kTls };
  SocketLink(const VmOptions& options, Over over) {
    environment_ = std::make_unique<LoopEnvironment>(&uv_.loop);
    bob_ = std::make_unique<End>(*environment_, options, over, OptionsInMode(true), "bob");
    alice_ = std::make_unique<End>(*environment_, options, over, OptionsInMode(false), "alice");
    Meet();
  }
  ~SocketLink() override {
    alice_.reset();
    bob_.reset();
    environment_.reset();
  }
  Shore& inside() override { return bob_->shore; }
  Shore& outside() override { return alice_->shore; }
  void RunFor(int64_t steps) override {
    bob_->vm.RunSlice(steps);
    alice_->vm.RunSlice(steps);
    uv_run(&uv_.loop, UV_RUN_NOWAIT);
  }
  // Loopback hands on at once: when for a while nothing has come and nothing has run, all is done.
  // Bytes of a long message are no event; a round of the loop that reads some takes its time.
  void Run() override {
    constexpr uint64_t kQuietNs = 3'000'000, kReadsNs = 30'000, kReadsAtMostNs = 300'000'000;
    uint64_t quiet_since = uv_hrtime(), last_event = quiet_since;
    for (uint64_t now = quiet_since; now - quiet_since < kQuietNs;) {
      const uint64_t events = Events();
      bool any = false;
      while (bob_->vm.RunSlice(10'000) || alice_->vm.RunSlice(10'000)) any = true;
      uv_run(&uv_.loop, UV_RUN_NOWAIT);
      const uint64_t begun = std::exchange(now, uv_hrtime());
      if (any || Events() != events) last_event = now;
      const bool reads = now - begun > kReadsNs && now - last_event < kReadsAtMostNs;
      // A long message is read in pieces, which are tasks of the loop.
      const bool has_tasks = uv_backend_timeout(&uv_.loop) == 0;
      if (last_event == now || reads || has_tasks) quiet_since = now;
    }
  }

 private:
  struct End {
    End(LoopEnvironment& environment, const VmOptions& options, Over over,
        NetworkOptions network_in, const std::string& name)
        : vm(options, AddMembranes), shore(vm, name + ".ves"), tcp(environment) {
      if (over == Over::kTls) {
        const absl::StatusOr<Identity> identity = Identity::Generate();
        REQUIRE(identity.ok());
        auto made = TlsTransport::Create(environment, tcp, *identity);
        REQUIRE(made.ok());
        tls = *std::move(made);
        network_in.own.name.designator = identity->designator();
      } else {
        network_in.own.name.designator = name;
      }
      Transport& transport = over == Over::kTls ? static_cast<Transport&>(*tls) : tcp;
      network_in.own.name.transport = std::string(transport.name());
      network = std::make_unique<Network>(vm, environment, transport, std::move(network_in), [] {});
      const auto at = network->Listen("127.0.0.1:0");
      REQUIRE_MESSAGE(at.ok(), at.status().ToString());
    }
    Vm vm;
    Shore shore;
    TcpTransport tcp;
    std::unique_ptr<TlsTransport> tls;
    std::unique_ptr<Network> network;
  };
  Network& inside_network() override { return *bob_->network; }
  Network& outside_network() override { return *alice_->network; }
  uint64_t Events() {
    return bob_->vm.core().events_dispatched() + alice_->vm.core().events_dispatched();
  }

  UvLoop uv_;
  std::unique_ptr<LoopEnvironment> environment_;
  std::unique_ptr<End> bob_;
  std::unique_ptr<End> alice_;
};

}  // namespace

std::unique_ptr<Link> EveryLink(const VmOptions& options,
                                const std::function<void(Link&)>& and_then) {
  std::unique_ptr<Link> link;
  const auto use = [&](std::unique_ptr<Link> made) {
    link = std::move(made);
    if (and_then) and_then(*link);
  };
  SUBCASE("a session in memory") { use(std::make_unique<MemoryLink>(options)); }
  // Parcels, but for behaviors, which tests/transport/host has.
  SUBCASE("a session in memory between VMs of one process") {
    use(std::make_unique<MemoryLink>(options, MemoryOptions{.stays_in_process = true}));
  }
  SUBCASE("a session over TCP") {
    use(std::make_unique<SocketLink>(options, SocketLink::Over::kTcp));
  }
  SUBCASE("a session over TLS") {
    use(std::make_unique<SocketLink>(options, SocketLink::Over::kTls));
  }
  REQUIRE(link != nullptr);
  return link;
}

}  // namespace vesicle
