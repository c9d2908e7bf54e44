#include "transport/tls_context.h"

#include <openssl/err.h>

#include "absl/strings/str_cat.h"
#include "transport/tls.h"
#include "transport/tls_connection.h"
#include "vm/heap/check.h"

namespace vesicle {
namespace {

int SelectAlpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
               unsigned in_size, void*) {
  for (unsigned at = 0; at < in_size; at += 1u + in[at]) {
    const unsigned size = in[at];
    if (size > in_size - at - 1) break;
    if (std::string_view(reinterpret_cast<const char*>(in + at + 1), size) != kTlsAlpn) continue;
    *out = in + at + 1;
    *out_size = static_cast<unsigned char>(size);
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool SetUp(SSL_CTX* ssl, const Identity& identity) {
  std::string alpn(1, static_cast<char>(kTlsAlpn.size()));
  alpn += kTlsAlpn;
  SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(ssl, TlsTransport::kCertificateBytesMax);
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(ssl, TlsConnection::Verify, nullptr);
  SSL_CTX_set_alpn_select_cb(ssl, SelectAlpn, nullptr);
  return SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_num_tickets(ssl, 0) == 1 && SSL_CTX_set_max_early_data(ssl, 0) == 1 &&
         SSL_CTX_set1_groups_list(ssl, "X25519") == 1 &&
         SSL_CTX_set1_sigalgs_list(ssl, "ed25519") == 1 &&
         SSL_CTX_set_ciphersuites(ssl,
                                  "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
                                  "TLS_AES_256_GCM_SHA384") == 1 &&
         // Zero is well, of this one alone.
         SSL_CTX_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()),
                                 static_cast<unsigned>(alpn.size())) == 0 &&
         SSL_CTX_use_certificate(ssl, identity.certificate()) == 1 &&
         SSL_CTX_use_PrivateKey(ssl, identity.key()) == 1;
}

}  // namespace

absl::StatusOr<std::shared_ptr<TlsContext>> TlsContext::Create(const Identity& identity,
                                                               uint64_t records_per_key) {
  VESICLE_CHECK_GT(records_per_key, 0u);
  auto context = std::make_shared<TlsContext>();
  context->records_per_key = records_per_key;
  ERR_clear_error();
  context->bio = TlsConnection::MakeBioMethod();
  context->ssl = SSL_CTX_new(TLS_method());
  if (context->bio == nullptr || context->ssl == nullptr || !SetUp(context->ssl, identity)) {
    return TlsMemoryStatus("setting up TLS");
  }
  return context;
}

TlsComplaint TakeTlsComplaint() {
  TlsComplaint complaint;
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (error == 0) {
    complaint.text = "no reason given";
    return complaint;
  }
  complaint.is_alert =
      ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET;
  const char* reason = ERR_reason_error_string(error);
  complaint.text = reason != nullptr ? reason : absl::StrCat("error ", error);
  return complaint;
}

absl::Status TlsMemoryStatus(std::string_view what) {
  return absl::ResourceExhaustedError(
      absl::StrCat(absl::string_view(what.data(), what.size()), ": ", TakeTlsComplaint().text));
}

}  // namespace vesicle
