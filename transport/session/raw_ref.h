// A raw ref hands its target each message as the list of arguments that it is on the wire
// (forms.h): [] for #args, ['add 3] for #add(3), [v] for v. For objects that answer peers of other
// implementations, whose arguments need not be messages of ours.
//
//   Root echo = MakeRawRef(vm, target.value());
#ifndef VESICLE_TRANSPORT_SESSION_RAW_REF_H_
#define VESICLE_TRANSPORT_SESSION_RAW_REF_H_

#include "vm/native/vm.h"

namespace vesicle {

Root MakeRawRef(Vm& vm, Value target);

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_SESSION_RAW_REF_H_
