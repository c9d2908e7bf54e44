// IdentitySource: an order for things that have none. Targets move in the heap,
// so their address orders nothing; where an order or a hash of refs is needed
// inside (keys of maps, trace hashes), each gets a serial the first time.
//
// The actor layer implements it: serials count up in order of first asking, so
// they are the same in every run.
#ifndef VESICLE_VM_VALUE_IDENTITY_H_
#define VESICLE_VM_VALUE_IDENTITY_H_

#include <cstdint>
#include <optional>

#include "vm/heap/object.h"

#pragma GCC visibility push(default)
namespace vesicle {

class IdentitySource {
 public:
  // The serial of `target`, assigned now if it had none. Never collects.
  virtual uint64_t SerialOf(Object* target) = 0;
  // The same, assigning nothing.
  virtual std::optional<uint64_t> KnownSerialOf(Object* target) = 0;

 protected:
  ~IdentitySource() = default;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_IDENTITY_H_
