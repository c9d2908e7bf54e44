// TlsContext: what the connections of one TlsTransport share: how OpenSSL is set up, which is the
// one way to begin of tls.h, and the scratch that one connection after the other uses.
//
// Ownership: shared between a transport, its listeners and its connections.
// Threads:   one.
#ifndef VESICLE_TRANSPORT_TLS_CONTEXT_H_
#define VESICLE_TRANSPORT_TLS_CONTEXT_H_

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "transport/identity.h"

namespace vesicle {

inline constexpr size_t kTlsRecordBytes = size_t{16} << 10;  // plain bytes of one record, at most

struct TlsContext {
  // ResourceExhausted: OpenSSL had no memory.
  static absl::StatusOr<std::shared_ptr<TlsContext>> Create(const Identity& identity,
                                                            uint64_t records_per_key);
  TlsContext() = default;
  ~TlsContext() {
    SSL_CTX_free(ssl);
    BIO_meth_free(bio);
  }
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  SSL_CTX* ssl = nullptr;
  BIO_METHOD* bio = nullptr;
  // What OpenSSL wrote in one call, and what it read: used by one connection after the other.
  std::string cipher;
  std::vector<char> plain = std::vector<char>(kTlsRecordBytes);
  uint64_t records_per_key = 1;
};

// What OpenSSL says last of its errors, which are taken from its queue: "wrong version number".
struct TlsComplaint {
  std::string text;
  bool is_alert = false;  // the peer said it
};
TlsComplaint TakeTlsComplaint();
// ResourceExhausted: `what: the complaint`. For what fails for want of memory alone.
absl::Status TlsMemoryStatus(std::string_view what);

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_TLS_CONTEXT_H_
