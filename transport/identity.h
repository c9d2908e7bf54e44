// Identity: the key that a VM is known by: an Ed25519 key, and the designator made of its
// public half, by which locators and peers name it. TLS shows it in a certificate that it signs
// itself and that says nothing but the key.
//
// Ownership: a value; copies share the key, which is wiped with the last of them.
// Threads:   any, also several at once.
// Limits:    a file has at most kFileBytesMax.
//
//   absl::StatusOr<Identity> me = Identity::Load("vesicle.key");
//   if (absl::IsNotFound(me.status())) me = Identity::Generate(), me->Save("vesicle.key");
//   me->designator();                     // 52 letters and digits
#ifndef VESICLE_TRANSPORT_IDENTITY_H_
#define VESICLE_TRANSPORT_IDENTITY_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

typedef struct evp_pkey_st EVP_PKEY;
typedef struct x509_st X509;

#pragma GCC visibility push(default)
namespace vesicle {

class Identity {
 public:
  static constexpr size_t kFileBytesMax = 4096;

  // A new one, of OpenSSL's randomness. Unavailable: it had none.
  static absl::StatusOr<Identity> Generate();

  // Reads what Save wrote (PKCS #8, PEM). NotFound: no such file. PermissionDenied: it cannot be
  // read, or others than its owner could read or change it, or it is somebody else's; the text says
  // the remedy. InvalidArgument: no Ed25519 key.
  static absl::StatusOr<Identity> Load(const std::string& path);
  // A new file of mode 0600, whole or not at all. AlreadyExists: it is never written over.
  // PermissionDenied, NotFound (its directory), ResourceExhausted (the disk), Unavailable.
  absl::Status Save(const std::string& path) const;

  const std::string& designator() const;

  // --- for tls.cc
  EVP_PKEY* key() const;
  X509* certificate() const;

 private:
  struct Rep;
  explicit Identity(std::shared_ptr<const Rep> rep) : rep_(std::move(rep)) {}
  static absl::StatusOr<Identity> FromKey(EVP_PKEY* key);

  std::shared_ptr<const Rep> rep_;
};

// Of any public key: lowercase base32 (RFC 4648, section 6), without padding, of SHA-256 of its
// SubjectPublicKeyInfo (RFC 5280, 4.1). Empty if OpenSSL cannot write the key down.
std::string DesignatorOf(EVP_PKEY* key);
// 52 characters of a-z and 2-7.
bool IsDesignator(std::string_view text);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_IDENTITY_H_
