#include "transport/host/network_host.h"

#include <uv.h>

namespace vesicle {

// What stands below the network, in the order in which it is made.
struct NetworkHost::Own {
  Own(const VmOptions& options, Vm::Builtins builtins) : vm(options, builtins) {}
  Vm vm;
  std::unique_ptr<VmLoop> loop;
  std::optional<LoopTime> time;
};

NetworkHost::NetworkHost(std::unique_ptr<Own> own, VmLoop& loop, Identity identity, TcpOptions tcp)
    : own_(std::move(own)),
      loop_(&loop),
      identity_(std::move(identity)),
      environment_(loop.uv()),
      tcp_(environment_, std::move(tcp)) {}

NetworkHost::~NetworkHost() = default;

absl::StatusOr<std::unique_ptr<NetworkHost>> NetworkHost::Create(NetworkHostOptions options) {
  auto own = std::make_unique<Own>(options.vm, options.builtins);
  absl::StatusOr<std::unique_ptr<VmLoop>> loop = VmLoop::Create(own->vm, options.loop);
  if (!loop.ok()) return loop.status();
  own->loop = *std::move(loop);
  own->time.emplace(*own->loop);
  VmLoop& its = *own->loop;
  return Make(std::move(own), its, std::move(options));
}

absl::StatusOr<std::unique_ptr<NetworkHost>> NetworkHost::Create(VmLoop& loop,
                                                                 NetworkHostOptions options) {
  return Make(nullptr, loop, std::move(options));
}

absl::StatusOr<std::unique_ptr<NetworkHost>> NetworkHost::Make(std::unique_ptr<Own> own,
                                                               VmLoop& loop,
                                                               NetworkHostOptions options) {
  if (!options.identity) {
    absl::StatusOr<Identity> made = Identity::Generate();
    if (!made.ok()) return made.status();
    options.identity = *std::move(made);
  }
  std::unique_ptr<NetworkHost> host(
      new NetworkHost(std::move(own), loop, *options.identity, std::move(options.tcp)));
  Transport* line = &host->tcp_;
  if (options.line == NetworkHostOptions::Line::kTls) {
    auto tls = TlsTransport::Create(host->environment_, host->tcp_, host->identity_,
                                    std::move(options.tls));
    if (!tls.ok()) return tls.status();
    host->tls_ = *std::move(tls);
    line = host->tls_.get();
  }
  options.network.own.name = {std::string(line->name()), host->designator()};
  host->network_ =
      std::make_unique<Network>(loop.vm(), host->environment_, *line, std::move(options.network));
  return host;
}

absl::StatusOr<std::string> NetworkHost::Export(Value ref) {
  if (network_->own().hints.empty()) {
    return absl::FailedPreconditionError("it does not listen, so nobody could come: Listen first");
  }
  return PrintLocator(network_->Offer(ref));
}

absl::StatusOr<std::string> NetworkHost::ExportAs(std::string_view swiss, Value ref) {
  const Locator locator = {.peer = network_->own(), .swiss = std::string(swiss)};
  if (swiss.empty()) return absl::InvalidArgumentError("a swiss number has 1 to 256 bytes");
  if (absl::Status s = CheckLocator(locator); !s.ok()) return s;
  if (locator.peer.hints.empty()) {
    return absl::FailedPreconditionError("it does not listen, so nobody could come: Listen first");
  }
  if (absl::Status s = network_->OfferAs(swiss, ref); !s.ok()) return s;
  return PrintLocator(locator);
}

bool NetworkHost::Retract(std::string_view locator) {
  const absl::StatusOr<Locator> parsed = ParseLocator(locator);
  return parsed.ok() && parsed->peer.name == network_->own().name &&
         network_->Retract(parsed->swiss);
}

absl::StatusOr<Root> NetworkHost::Dial(std::string_view locator) {
  const absl::StatusOr<Locator> parsed = ParseLocator(locator);
  if (!parsed.ok()) return parsed.status();
  Core& core = vm().core();
  Root promise(core.heap(), core.NewPromise());
  if (absl::Status s = network_->Fetch(*parsed, promise.value()); !s.ok()) return s;
  return promise;
}

bool NetworkHost::RunUntil(absl::FunctionRef<bool()> is_done) {
  while (!is_done()) {
    if (loop_->is_stopped()) return false;
    if (uv_run(loop_->uv(), UV_RUN_ONCE) == 0 && !is_done()) return false;
  }
  return true;
}

void NetworkHost::Close(std::string_view reason) {
  network_->Close(reason);
  // It goes with the ends of the next turns; nobody waits for the peers' goodbyes.
  constexpr int kRounds = 4;
  for (int i = 0; i < kRounds; ++i) uv_run(loop_->uv(), UV_RUN_NOWAIT);
}

}  // namespace vesicle
