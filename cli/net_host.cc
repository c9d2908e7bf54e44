#include "cli/net_host.h"

#include <uv.h>

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/session/net.h"
#include "transport/socket_address.h"
#include "vm/random/random.h"

namespace vesicle::cli {
namespace {

constexpr std::string_view kLocalhost = "127.0.0.1";

// In the way that SocketAddress writes it; a name stays a name.
std::string Canonical(const std::string& host) {
  if (host == "localhost") return std::string(kLocalhost);
  const absl::StatusOr<SocketAddress> address = NumericAddress({host, 0});
  if (!address.ok()) return host;
  const absl::StatusOr<HostAndPort> parts = ParseHostAndPort(address->Text());
  return parts.ok() ? parts->host : host;
}

}  // namespace

std::string MakeDesignator() {
  OsRandom random;
  return absl::StrCat(absl::Hex(random.Next(), absl::kZeroPad16),
                      absl::Hex(random.Next(), absl::kZeroPad16));
}

absl::StatusOr<NetGrant> ParseNetGrant(const std::string& text) {
  if (text == "*") return NetGrant{"*", 0};
  const auto wrong = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("--allow-net=", text,
                     " is no address: it wants numbers, as 127.0.0.1:7000, [::1]:7000 or 127.0.0.1 "
                     "(every port); localhost; or * for everything"));
  };
  NetGrant grant;
  if (const absl::StatusOr<HostAndPort> parts = ParseHostAndPort(text); parts.ok()) {
    grant = {parts->host, parts->port};
  } else {
    std::string host = text;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    grant = {host, 0};
  }
  if (grant.host == "localhost") grant.host = std::string(kLocalhost);
  if (!NumericAddress({grant.host, 0}).ok()) return wrong();
  grant.host = Canonical(grant.host);
  return grant;
}

NetHost::NetHost(VmLoop& loop, const Options& options)
    : loop_(loop),
      grants_(options.grants),
      environment_(loop.uv()),
      tcp_(environment_, {.on_warning =
                              [](const std::string& text) {
                                std::fprintf(stderr, "vesicle: %s\n", text.c_str());
                              },
                          .may_connect = [this](const SocketAddress& a) { return MayConnect(a); }}),
      below_tls_(environment_, {.on_warning = {}, .may_connect = [this](const SocketAddress& a) {
                                  return MayConnect(a);
                                }}) {}

absl::Status NetHost::MayConnect(const SocketAddress& address) const {
  const absl::StatusOr<HostAndPort> parts = ParseHostAndPort(address.Text());
  return parts.ok() ? MayUse(parts->host, parts->port) : parts.status();
}

absl::Status NetHost::MayUse(const std::string& host, uint16_t port) const {
  const std::string wanted = Canonical(host);
  for (const NetGrant& grant : grants_) {
    const bool is_host = grant.host == "*" || grant.host == wanted;
    if (is_host && (grant.port == 0 || grant.port == port)) return absl::OkStatus();
  }
  const std::string shown = wanted.find(':') == std::string::npos ? wanted : "[" + wanted + "]";
  return absl::PermissionDeniedError(
      absl::StrCat(shown, ":", port, " was not granted: run with --allow-net=", shown, ":", port));
}

absl::StatusOr<std::unique_ptr<NetHost>> NetHost::Create(VmLoop& loop, const Options& options) {
  const absl::StatusOr<Identity> identity =
      options.identity_file.empty() ? Identity::Generate() : Identity::Load(options.identity_file);
  if (!identity.ok()) return identity.status();
  std::unique_ptr<NetHost> host(new NetHost(loop, options));
  auto tls = TlsTransport::Create(host->environment_, host->below_tls_, *identity);
  if (!tls.ok()) return tls.status();
  host->tls_ = *std::move(tls);
  const auto make = [&](Transport& transport, std::string designator) {
    NetworkOptions network;
    network.own.name = {std::string(transport.name()), std::move(designator)};
    network.dialect = options.dialect;
    network.may_listen = [self = host.get()](const std::string& address) {
      const absl::StatusOr<HostAndPort> parts = ParseHostAndPort(address);
      return parts.ok() ? self->MayUse(parts->host, parts->port) : parts.status();
    };
    return std::make_unique<Network>(loop.vm(), host->environment_, transport, std::move(network));
  };
  host->tls_network_ = make(*host->tls_, identity->designator());
  host->tcp_network_ = make(host->tcp_, MakeDesignator());
  return host;
}

Root NetHost::device() { return MakeNet(loop_.vm(), {tls_network_.get(), tcp_network_.get()}); }

Network* NetHost::Of(std::string_view transport) {
  for (Network* network : {tls_network_.get(), tcp_network_.get()}) {
    if (network->own().name.transport == transport) return network;
  }
  return nullptr;
}

void NetHost::Close(std::string_view reason) {
  loop_.Stop();
  tls_network_->Close(reason);
  tcp_network_->Close(reason);
  // What was written goes with the ends of the next turns; nobody waits for the peer's.
  constexpr int kRounds = 4;
  for (int i = 0; i < kRounds; ++i) uv_run(loop_.uv(), UV_RUN_NOWAIT);
}

}  // namespace vesicle::cli
