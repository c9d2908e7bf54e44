// Keys of one connection. Each connection has an Ed25519 key of its own at either end: it
// signs the location of the hello and the certificates of handoffs, and the identifiers of the two
// sides and of the session are made of it (CapTP draft, "Cryptography").
//
// The law: signatures are verified over the bytes that were received, never over what those bytes
// would be written as.
//
// Ownership: PublicKey, Signature and the identifiers are plain values. A SessionKey owns its
//            private half, which OpenSSL wipes; copies share it, so that it can outlive its
//            session for as long as withdrawals are under way.
// Threads:   any, one at a time.
//
//   absl::StatusOr<SessionKey> key = SessionKey::Generate(environment.random());
//   Signature signature = key->Sign(bytes);
//   IsSignedBy(key->public_key(), bytes, signature);         // true
//   SessionId id = SessionIdOf(key->id(), peer_id);
#ifndef VESICLE_TRANSPORT_CAPTP_SESSION_KEY_H_
#define VESICLE_TRANSPORT_CAPTP_SESSION_KEY_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "transport/captp/fields.h"
#include "transport/syrup/writer.h"
#include "vm/random/random.h"

#pragma GCC visibility push(default)
namespace vesicle {

// 32 bytes, in order as bytes.
struct Bytes32 {
  std::array<uint8_t, 32> bytes{};

  // Wants 32 bytes.
  static Bytes32 Of(std::string_view text);
  std::string_view view() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  friend bool operator==(const Bytes32&, const Bytes32&) = default;
  friend auto operator<=>(const Bytes32&, const Bytes32&) = default;
};

struct PublicKey : Bytes32 {};
// The Public Identifier of a side: SHA-256 of SHA-256 of its public key as Syrup.
struct PublicId : Bytes32 {};
// The same for both sides: SHA-256 of SHA-256 of "prot0" and the two Public Identifiers, the lower
// one first.
struct SessionId : Bytes32 {};
// Its two halves travel apart, as r and s.
struct Signature {
  Bytes32 r;
  Bytes32 s;
  friend bool operator==(const Signature&, const Signature&) = default;
};

PublicId IdOf(const PublicKey& key);
SessionId SessionIdOf(const PublicId& one, const PublicId& other);

// False, too, where `key` is no point of the curve.
bool IsSignedBy(const PublicKey& key, std::string_view bytes, const Signature& signature);

// ['public-key ['ecc ['curve 'Ed25519] ['flags 'eddsa] ['q BYTES32]]]
void WritePublicKey(const PublicKey& key, syrup::Writer& out);
bool ReadPublicKey(Fields& fields, std::string_view field, PublicKey* key);
// ['sig-val ['eddsa ['r BYTES32] ['s BYTES32]]]
void WriteSignature(const Signature& signature, syrup::Writer& out);
bool ReadSignature(Fields& fields, std::string_view field, Signature* signature);

class SessionKey {
 public:
  // 32 bytes of `random` are the private half. Unavailable: OpenSSL cannot make it.
  static absl::StatusOr<SessionKey> Generate(RandomSource& random);

  const PublicKey& public_key() const { return public_key_; }
  const PublicId& id() const { return id_; }
  Signature Sign(std::string_view bytes) const;
  // What OpenSSL keeps of it goes, some 1.4 KB; to sign takes a little longer from now on.
  void Rest() const;

 private:
  struct Secret;
  SessionKey(std::shared_ptr<Secret> secret, const PublicKey& public_key);

  std::shared_ptr<Secret> secret_;
  PublicKey public_key_;
  PublicId id_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_SESSION_KEY_H_
