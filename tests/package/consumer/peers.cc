// Two VMs and their networks in one process, over TLS on the loopback. It prints
//   asked over the line: 42
#include <uv.h>

#include <iostream>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "transport/identity.h"
#include "transport/loop_environment.h"
#include "transport/session/network.h"
#include "transport/tcp.h"
#include "transport/tls.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"
#include "vm/value/print.h"

namespace {

// What a VM needs to be one among others.
struct Peer {
  explicit Peer(vesicle::Environment& environment, vesicle::Transport& tcp)
      : identity(*vesicle::Identity::Generate()),
        tls(*vesicle::TlsTransport::Create(environment, tcp, identity)) {
    vesicle::NetworkOptions options;
    options.own.name = {"vesicle-tls", identity.designator()};
    network = std::make_unique<vesicle::Network>(vm, environment, *tls, options);
  }

  vesicle::Vm vm;
  vesicle::Identity identity;
  std::unique_ptr<vesicle::TlsTransport> tls;
  std::unique_ptr<vesicle::Network> network;
};

}  // namespace

int main() {
  vesicle::Vm vm;
  auto loop = vesicle::VmLoop::Create(vm);
  if (!loop.ok()) return 1;
  vesicle::LoopEnvironment environment((*loop)->uv());
  vesicle::TcpTransport tcp(environment);
  Peer server(environment, tcp);
  Peer client(environment, tcp);

  if (!server.network->Listen("127.0.0.1:0").ok()) return 1;
  const vesicle::Root answer =
      server.vm.Create([](vesicle::Turn& turn) { turn.Reply(turn.Int(42)); });
  const std::string locator = vesicle::PrintLocator(server.network->Offer(answer.value()));

  const absl::StatusOr<vesicle::Locator> to = vesicle::ParseLocator(locator);
  if (!to.ok()) return 1;
  const vesicle::Root remote(client.vm.core().heap(), client.vm.core().NewPromise());
  if (!client.network->Fetch(*to, remote.value()).ok()) return 1;
  bool is_done = false;
  client.vm.Ask(remote, client.vm.Symbol("get"), [&](const vesicle::Reply& reply) {
    std::cout << "asked over the line: "
              << vesicle::Print(reply.ok() ? reply.value() : reply.reason()) << "\n";
    is_done = true;
  });
  while (!is_done) {
    while (client.vm.RunSlice(10'000) || server.vm.RunSlice(10'000)) {
    }
    uv_run((*loop)->uv(), UV_RUN_NOWAIT);
  }
}
