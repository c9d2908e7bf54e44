// Sha256: the hash of some bytes, as 32 of them.
#ifndef VESICLE_TRANSPORT_SHA256_H_
#define VESICLE_TRANSPORT_SHA256_H_

#include <openssl/sha.h>

#include <string>
#include <string_view>

namespace vesicle {

inline std::string Sha256(std::string_view bytes) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_SHA256_H_
