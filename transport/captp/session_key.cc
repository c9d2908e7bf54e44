#include "transport/captp/session_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "vm/heap/check.h"

namespace vesicle {
namespace {

// Around the bytes of either form there is one spelling, so both are compared as a whole.
constexpr std::string_view kKeyBegin =
    "[10'public-key[3'ecc[5'curve7'Ed25519][5'flags5'eddsa][1'q32:";
constexpr std::string_view kKeyEnd = "]]]";
constexpr std::string_view kSignatureBegin = "[7'sig-val[5'eddsa[1'r32:";
constexpr std::string_view kSignatureMiddle = "][1's32:";
constexpr std::string_view kSignatureEnd = "]]]";
constexpr size_t kEncodedKeyBytes = kKeyBegin.size() + 32 + kKeyEnd.size();

using EncodedKey = std::array<char, kEncodedKeyBytes>;

EncodedKey Encoded(const PublicKey& key) {
  EncodedKey out;
  char* p = std::copy(kKeyBegin.begin(), kKeyBegin.end(), out.begin());
  p = std::copy(key.view().begin(), key.view().end(), p);
  std::copy(kKeyEnd.begin(), kKeyEnd.end(), p);
  return out;
}

Bytes32 TwiceHashed(std::string_view bytes) {
  Bytes32 once, twice;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), once.bytes.data());
  SHA256(once.bytes.data(), once.bytes.size(), twice.bytes.data());
  return twice;
}

const unsigned char* Unsigned(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// Takes `text` off the front.
bool Take(std::string_view text, std::string_view* from) {
  if (!from->starts_with(text)) return false;
  from->remove_prefix(text.size());
  return true;
}

bool Take32(Bytes32* bytes, std::string_view* from) {
  if (from->size() < 32) return false;
  *bytes = Bytes32::Of(from->substr(0, 32));
  from->remove_prefix(32);
  return true;
}

}  // namespace

Bytes32 Bytes32::Of(std::string_view text) {
  VESICLE_CHECK_EQ(text.size(), size_t{32});
  Bytes32 out;
  std::memcpy(out.bytes.data(), text.data(), 32);
  return out;
}

PublicId IdOf(const PublicKey& key) {
  const EncodedKey encoded = Encoded(key);
  return {TwiceHashed({encoded.data(), encoded.size()})};
}

SessionId SessionIdOf(const PublicId& one, const PublicId& other) {
  std::string bytes = "prot0";
  bytes += std::min(one, other).view();
  bytes += std::max(one, other).view();
  return {TwiceHashed(bytes)};
}

bool IsSignedBy(const PublicKey& key, std::string_view bytes, const Signature& signature) {
  EVP_PKEY* const pkey =
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.bytes.data(), key.bytes.size());
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  std::array<uint8_t, 64> whole;
  std::copy(signature.r.bytes.begin(), signature.r.bytes.end(), whole.begin());
  std::copy(signature.s.bytes.begin(), signature.s.bytes.end(), whole.begin() + 32);
  const bool ok =
      pkey != nullptr && context != nullptr &&
      EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, pkey) == 1 &&
      EVP_DigestVerify(context, whole.data(), whole.size(), Unsigned(bytes), bytes.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(pkey);
  return ok;
}

void WritePublicKey(const PublicKey& key, syrup::Writer& out) {
  const EncodedKey encoded = Encoded(key);
  // Lists: 5. Symbols: public-key ecc curve Ed25519 flags eddsa q. And the bytes.
  out.Encoded({encoded.data(), encoded.size()}, 13, 3);
}

bool ReadPublicKey(Fields& fields, std::string_view field, PublicKey* key) {
  std::string_view encoded;
  if (!fields.Any(field, &encoded)) return false;
  if (Take(kKeyBegin, &encoded) && Take32(key, &encoded) && encoded == kKeyEnd) return true;
  return fields.Fail(field,
                     "a key ['public-key ['ecc ['curve 'Ed25519] ['flags 'eddsa] ['q BYTES32]]] is "
                     "wanted, and nothing else");
}

void WriteSignature(const Signature& signature, syrup::Writer& out) {
  out.BeginList();
  out.Symbol("sig-val");
  out.BeginList();
  out.Symbol("eddsa");
  out.BeginList();
  out.Symbol("r");
  out.Bytes(signature.r.view());
  out.EndList();
  out.BeginList();
  out.Symbol("s");
  out.Bytes(signature.s.view());
  out.EndList();
  out.EndList();
  out.EndList();
}

bool ReadSignature(Fields& fields, std::string_view field, Signature* signature) {
  std::string_view encoded;
  if (!fields.Any(field, &encoded)) return false;
  if (Take(kSignatureBegin, &encoded) && Take32(&signature->r, &encoded) &&
      Take(kSignatureMiddle, &encoded) && Take32(&signature->s, &encoded) &&
      encoded == kSignatureEnd) {
    return true;
  }
  return fields.Fail(field,
                     "a signature ['sig-val ['eddsa ['r BYTES32] ['s BYTES32]]] is wanted, and "
                     "nothing else");
}

// The private half, shared by copies of the key, and wiped with the last of them.
struct SessionKey::Secret {
  Secret() = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() {
    OPENSSL_cleanse(seed.data(), seed.size());
    EVP_PKEY_free(kept);
  }
  // Null: OpenSSL cannot. The caller's.
  EVP_PKEY* Make() const {
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size());
  }
  std::array<uint8_t, 32> seed;
  EVP_PKEY* kept = nullptr;  // until Rest()
};

SessionKey::SessionKey(std::shared_ptr<Secret> secret, const PublicKey& public_key)
    : secret_(std::move(secret)), public_key_(public_key), id_(IdOf(public_key)) {}

absl::StatusOr<SessionKey> SessionKey::Generate(RandomSource& random) {
  std::array<uint64_t, 4> words;
  for (uint64_t& word : words) word = random.Next();
  auto secret = std::make_shared<Secret>();
  std::memcpy(secret->seed.data(), words.data(), secret->seed.size());
  OPENSSL_cleanse(words.data(), sizeof words);
  secret->kept = secret->Make();
  PublicKey public_key;
  size_t size = public_key.bytes.size();
  if (secret->kept == nullptr ||
      EVP_PKEY_get_raw_public_key(secret->kept, public_key.bytes.data(), &size) != 1) {
    return absl::UnavailableError("OpenSSL makes no Ed25519 key: is it built without that curve?");
  }
  return SessionKey(std::move(secret), public_key);
}

void SessionKey::Rest() const { EVP_PKEY_free(std::exchange(secret_->kept, nullptr)); }

Signature SessionKey::Sign(std::string_view bytes) const {
  EVP_PKEY* const key = secret_->kept != nullptr ? secret_->kept : secret_->Make();
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  std::array<uint8_t, 64> whole;
  size_t size = whole.size();
  const bool ok = key != nullptr && context != nullptr &&
                  EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key) == 1 &&
                  EVP_DigestSign(context, whole.data(), &size, Unsigned(bytes), bytes.size()) == 1;
  EVP_MD_CTX_free(context);
  if (key != secret_->kept) EVP_PKEY_free(key);
  // With a key that could be made once only memory can be missing.
  VESICLE_CHECK(ok);
  Signature signature;
  std::copy_n(whole.begin(), 32, signature.r.bytes.begin());
  std::copy_n(whole.begin() + 32, 32, signature.s.bytes.begin());
  return signature;
}

}  // namespace vesicle
