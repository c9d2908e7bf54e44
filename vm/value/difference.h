// Where two values first differ, for people: what a failing `expect` says when its sides
// are too long to be looked through.
//
//   DifferenceText(a, b)   // `at [49].v: 50 and 0`
#ifndef VESICLE_VM_VALUE_DIFFERENCE_H_
#define VESICLE_VM_VALUE_DIFFERENCE_H_

#include <string>

#include "vm/heap/word.h"

namespace vesicle {

// The path to the first place where they differ, and what is there on either side, shortened;
// "" when they are the same, differ as a whole, or cannot be told apart within about 10^6
// units of comparing. Allocates nothing in the heap.
std::string DifferenceText(Value a, Value b);

}  // namespace vesicle

#endif  // VESICLE_VM_VALUE_DIFFERENCE_H_
