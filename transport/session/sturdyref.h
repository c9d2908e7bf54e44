// A sturdyref that came in as a value: an opaque reference that stands for a locator with its swiss
// number. Nothing looks inside; whoever connects (Network::Enliven) is handed it, and on the wire
// it is the record again.
#ifndef VESICLE_TRANSPORT_SESSION_STURDYREF_H_
#define VESICLE_TRANSPORT_SESSION_STURDYREF_H_

#include "transport/captp/locator.h"
#include "vm/actor/core.h"

namespace vesicle {

Value MakeSturdyref(Core& core, const Locator& locator);
// Null: it is none. Good as long as the reference lives.
const Locator* SturdyrefOf(Value ref);

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_SESSION_STURDYREF_H_
