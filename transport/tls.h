// TlsTransport: TLS 1.3 over another transport, "vesicle-tls". Both sides prove an Ed25519
// identity key (identity.h), shown in a certificate that says nothing else: no authority vouches
// for anybody, and no host name is looked at. Who dials may say which designator it must be.
//
// TLS 1.3 only, one ALPN name, no tickets, no resumption, no early data, no renegotiation: one
// way to begin, and none that begins with less than a full proof.
//
// A dialled connection opens when the peer has proved its key; an accepted one when ours is
// proved to it, too. So a peer that refuses *us* is seen after OnOpen: OnClosed, Unauthenticated.
// An end of the stream that the peer did not seal with its keys is DataLoss.
//
// Ownership: as Transport; borrows environment and transport below; shares the identity's key.
// Threads:   one.
// Limits:    handshake_ms_max; a peer's certificate of kCertificateBytesMax. An idle connection
//            holds no buffers.
//
//   TcpTransport tcp(environment);
//   auto tls = TlsTransport::Create(environment, tcp, identity);
//   auto listener = (*tls)->Listen("0.0.0.0:7000", {}, accept);
//   auto connection = (*tls)->Connect("example.org:7000", {.designator = theirs});
#ifndef VESICLE_TRANSPORT_TLS_H_
#define VESICLE_TRANSPORT_TLS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "transport/environment.h"
#include "transport/identity.h"
#include "transport/transport.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct TlsContext;  // shared with the connections, which may outlive the transport

inline constexpr std::string_view kTlsAlpn = "vesicle-tls/1";

struct TlsOptions {
  // A key is good for 2^24.5 records of AES-GCM (RFC 8446, 5.5), which OpenSSL does not count.
  uint64_t records_per_key = uint64_t{1} << 22;
  int64_t handshake_ms_max = 10'000;  // of who connects to us
  // Told of each connection that was accepted below and refused here, and why.
  std::function<void(const PeerInfo&, const absl::Status&)> on_refused = {};
};

class TlsTransport final : public Transport {
 public:
  static constexpr long kCertificateBytesMax = 4096;

  // ResourceExhausted: OpenSSL had no memory.
  static absl::StatusOr<std::unique_ptr<TlsTransport>> Create(Environment& environment,
                                                              Transport& below,
                                                              const Identity& identity,
                                                              TlsOptions options = {});
  ~TlsTransport() override;

  std::string_view name() const override { return "vesicle-tls"; }
  bool proves_keys() const override { return true; }
  absl::StatusOr<std::unique_ptr<Listener>> Listen(const std::string& address,
                                                   const ListenOptions& options,
                                                   AcceptFn on_accept) override;
  absl::StatusOr<std::unique_ptr<Connection>> Connect(const std::string& address,
                                                      const ConnectOptions& options) override;

 private:
  TlsTransport(Environment& environment, Transport& below, TlsOptions options,
               std::shared_ptr<TlsContext> context);

  Environment& environment_;
  Transport& below_;
  TlsOptions options_;
  std::shared_ptr<TlsContext> context_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_TLS_H_
