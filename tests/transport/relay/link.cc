// The laws of a membrane over sessions in mode relay: in memory, over TCP, over TLS.
#include <memory>
#include <string>
#include <utility>

#include "membrane/script.h"
#include "tests/harness/sanitized.h"
#include "tests/transport/relay/loop_link.h"
#include "tests/transport/session/world.h"
#include "transport/identity.h"
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

enum class Over { kTcp, kTls };

struct SocketEnd {
  SocketEnd(LoopEnvironment& environment, const VmOptions& options, Over over,
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

// Two VMs on one loop, and sockets between them.
class SocketLink final : public LoopLink<SocketEnd> {
 public:
  SocketLink(const VmOptions& options, Over over) {
    Join(std::make_unique<SocketEnd>(environment(), options, over, OptionsInMode(true), "bob"),
         std::make_unique<SocketEnd>(environment(), options, over, OptionsInMode(false), "alice"));
  }
  // Loopback hands on at once: when for a while nothing has come and nothing has run, all is done.
  // Bytes of a long message are no event; a round of the loop that reads some takes its time.
  void Run() override {
    constexpr uint64_t kQuietNs = 3'000'000;
    constexpr uint64_t kReadsNs = Often(30'000, 150'000);
    constexpr uint64_t kReadsAtMostNs = Often<uint64_t>(300'000'000, 5'000'000'000);
    uint64_t quiet_since = uv_hrtime(), last_event = quiet_since;
    for (uint64_t now = quiet_since; now - quiet_since < kQuietNs;) {
      const bool any = RunOnce();
      const uint64_t begun = std::exchange(now, uv_hrtime());
      if (any) last_event = now;
      const bool reads = now - begun > kReadsNs && now - last_event < kReadsAtMostNs;
      if (any || reads || HasTasks()) quiet_since = now;
    }
  }
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
  SUBCASE("a session over TCP") { use(std::make_unique<SocketLink>(options, Over::kTcp)); }
  SUBCASE("a session over TLS") { use(std::make_unique<SocketLink>(options, Over::kTls)); }
  REQUIRE(link != nullptr);
  return link;
}

}  // namespace vesicle
