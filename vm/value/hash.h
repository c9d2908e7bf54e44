// A structural hash of 64 bits: the same for the same value in every run and on
// every machine, whatever its inner shape (flat or tree, short or boxed). For
// trace hashes and fingerprints; it is no cryptographic hash.
//
// Targets count by their serial (identity.h), maps' ref entries in any order.
// Functions and behaviors count by kind and captures, not by code.
// Shared parts are hashed once after a threshold of work, so 60 doublings are
// cheap. No depth of the value reaches the C++ stack.
//
//   uint64_t h = HashValue(message, identities);
#ifndef VESICLE_VM_VALUE_HASH_H_
#define VESICLE_VM_VALUE_HASH_H_

#include <cstdint>
#include <string_view>

#include "vm/heap/object.h"
#include "vm/value/identity.h"

namespace vesicle {

// Adds the units of work (values, 64 bytes of text) to *work when it is given.
uint64_t HashValue(Value v, IdentitySource& identities, uint64_t* work = nullptr);

// The pieces, for whoever builds a hash around one.
uint64_t HashBytes(std::string_view bytes, uint64_t seed = 0);
constexpr uint64_t HashMix(uint64_t a, uint64_t b) {
  uint64_t x = a ^ (b + 0x9e3779b97f4a7c15 + (a << 6) + (a >> 2));
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace vesicle

#endif  // VESICLE_VM_VALUE_HASH_H_
