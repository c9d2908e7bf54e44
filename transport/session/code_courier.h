// CodeCourier: how the VMs of one process name code to each other. Compiled code is immutable, and
// the same text compiles to the same code in each of them; so what goes over is a name, and the VM
// that gets it has code of its own for that, made when it first needs it. Heaps share nothing.
//
// Threads: one for each VM; what it shares with those of other VMs is its own to guard.
//
//   std::optional<CodeName> name = here.NameOf(code);      // in one VM
//   Result code = there.CodeOf(*name);                     // in another
#ifndef VESICLE_TRANSPORT_SESSION_CODE_COURIER_H_
#define VESICLE_TRANSPORT_SESSION_CODE_COURIER_H_

#include <cstdint>
#include <optional>

#include "vm/heap/object.h"
#include "vm/value/result.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct CodeName {
  uint32_t program = 0;  // a text with all that it imports; equal texts have equal numbers
  uint32_t module = 0;   // of those
  uint32_t unit = 0;     // of the module's code
};

class CodeCourier {
 public:
  virtual ~CodeCourier() = default;
  // Nothing: code that is of this VM alone (native code).
  virtual std::optional<CodeName> NameOf(const Object* code) = 0;
  // May compile; never collects. kMemory; kTooBig: more programs than are kept; kType: it cannot be
  // loaded here.
  virtual Result CodeOf(const CodeName& name) = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SESSION_CODE_COURIER_H_
