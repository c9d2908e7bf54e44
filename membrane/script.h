// Membranes for scripts: what `create membrane({...})` and `revocable(ref)` name.
//
//   Vm vm(options, AddMembranes);          // before any module is loaded
//
// The control ref of a membrane takes
//   #outward(v)  an insider's value as the outside is to see it
//   #inward(v)   the other way
//   #revoke      cuts it, at once and for good; that of `revocable` takes this only
//   #preview     what a revoke would do (reach.h)
//   #audit       the last records (audit.h), oldest first
//   #counts      {crossed: n, refused: n, owed: n, inward: n, outward: n}
#ifndef VESICLE_MEMBRANE_SCRIPT_H_
#define VESICLE_MEMBRANE_SCRIPT_H_

#include <string>

#include "membrane/membrane.h"
#include "vm/script/run/builtin.h"

#pragma GCC visibility push(default)
namespace vesicle {

void AddMembranes(BuiltinRegistry& registry);

// The map that `membrane(options)` takes; `owner`, a sponsor's control ref, pays where it names
// nobody. What is wrong with it, empty: nothing.
std::string ReadMembraneOptions(Value map, Value owner, MembraneOptions* options);

// A behavior whose ref controls a membrane as above. When its life ends, the membrane is revoked.
Value MembraneControl(Core& core, const Membrane& membrane);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_SCRIPT_H_
