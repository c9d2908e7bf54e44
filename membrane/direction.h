// The words of a crossing.
#ifndef VESICLE_MEMBRANE_DIRECTION_H_
#define VESICLE_MEMBRANE_DIRECTION_H_

#include <cstdint>

#pragma GCC visibility push(default)
namespace vesicle {

// Into the inside, or out of it.
enum class Direction : uint8_t { kIn, kOut };
inline Direction Opposite(Direction d) {
  return d == Direction::kIn ? Direction::kOut : Direction::kIn;
}

// What crosses: a message to a proxy, or what settles a slot of the other side.
enum class Crossed : uint8_t { kMessage, kReply, kBreak };

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_DIRECTION_H_
