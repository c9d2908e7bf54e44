// A peer that shakes hands as it should and then says what it likes: operations that are well
// formed and mean nothing, positions that were never given out, bytes that are none, in any pieces.
// What it says is a function of bytes, so that a fuzzer can look for worse.
#ifndef VESICLE_TESTS_TRANSPORT_SESSION_HOSTILE_H_
#define VESICLE_TESTS_TRANSPORT_SESSION_HOSTILE_H_

#include <string>
#include <string_view>

namespace vesicle {

// One life of such a peer beside an honest one, over memory, with a VM that offers objects to both.
// What went wrong; empty: nothing did. The honest peer was answered all the time, the heap is
// sound, and when the hostile connection is gone nothing of it is left.
// `relay`: the VM deals with its peers in that mode.
std::string LiveWithHostile(std::string_view decisions, bool relay);

}  // namespace vesicle

#endif  // VESICLE_TESTS_TRANSPORT_SESSION_HOSTILE_H_
