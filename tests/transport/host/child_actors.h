// The actors that the child processes of these tests can make, good and bad.
#ifndef VESICLE_TESTS_TRANSPORT_HOST_CHILD_ACTORS_H_
#define VESICLE_TESTS_TRANSPORT_HOST_CHILD_ACTORS_H_

#include "transport/host/child.h"

namespace vesicle {

// counter       #add(n), #get; its first argument is where it begins
// echo          replies what it is sent
// teller(ref)   sends the ref #hello, and #bye when it is asked to end
// files         the numbers of its open descriptors
// variables     how many there are in its environment
// limits        [address space, processor seconds, descriptors]
// group         [its number, that of its session, that of its parent]
// eater         #go: allocates until it cannot
// spinner       #go: computes without end, in C++
// deaf          the same, and SIGTERM is ignored
// crash         #abort, #exit(n), #hang_up (closes its pipe), #garbage, #flood
// forker(ref)   replies the number of a process that it has started and that does nothing
// escaper       ends, and leaves a process outside of its group that has its pipe; #writing: to
//               which that writes
// chatter(ref)  sends the ref numbers without end
// doomed        exits, with 9, while it is made
// late          is there after a second
// refused       cannot be made
ChildRegistry TestActors();

// With VESICLE_CUT=n in the environment: this process stands between its parent and a child that is
// well, and after n bytes of what that says does as VESICLE_CUT_HOW: "exit" (with 7), "abort",
// "stop" (SIGSTOP), "deaf" (it lets nothing by, either way).
void CutIfAsked();

}  // namespace vesicle

#endif  // VESICLE_TESTS_TRANSPORT_HOST_CHILD_ACTORS_H_
