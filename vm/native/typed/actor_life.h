// The messages of an actor's own life, which are calls as others are. For actor_code.cc and
// actor_life.cc.
#ifndef VESICLE_VM_NATIVE_TYPED_ACTOR_LIFE_H_
#define VESICLE_VM_NATIVE_TYPED_ACTOR_LIFE_H_

#include <cstdint>

#include "vm/native/typed/class_info.h"

#pragma GCC visibility push(default)
namespace vesicle::typed_internal {

extern const Call kStartCall;
extern const Call kStopCall;  // with a grace in nanoseconds as its method
extern const Call kFinishCall;

Value LifeMessage(Core& core, const Call& call, int64_t word = 0);

}  // namespace vesicle::typed_internal
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_ACTOR_LIFE_H_
