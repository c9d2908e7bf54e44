// What a membrane notes in the integer of a proxy: which way its target lies; whether it stands
// for a slot, whether that was settled, and whether its own side has it and settles it without us;
// then the number of the actor that it stands for, or that was asked; of a slot proxy above that
// its entry among those owed (owed_slots.h).
#ifndef VESICLE_MEMBRANE_PROXY_INFO_H_
#define VESICLE_MEMBRANE_PROXY_INFO_H_

#include <cstdint>

#include "membrane/direction.h"
#include "vm/actor/boundary.h"

namespace vesicle::proxy_info {

inline constexpr int64_t kTargetIsInside = 1;
inline constexpr int64_t kIsSlot = 2;
inline constexpr int64_t kIsSettled = 4;
inline constexpr int64_t kIsHome = 8;
inline constexpr int kNumberShift = 4;
inline constexpr int kEntryShift = 32;
inline constexpr int64_t kNumberMask = (int64_t{1} << (kEntryShift - kNumberShift)) - 1;

inline int64_t OfActor(Direction to_target, int64_t number) {
  return (to_target == Direction::kIn ? kTargetIsInside : 0) |
         ((number & kNumberMask) << kNumberShift);
}
inline int64_t OfSlot(Direction to_slot, int64_t asked, int64_t entry) {
  return OfActor(to_slot, asked) | kIsSlot | (entry << kEntryShift);
}

inline bool Has(const Object* proxy, int64_t bit) { return (boundary::Info(proxy) & bit) != 0; }
inline void Set(Heap& heap, Object* proxy, int64_t bit) {
  boundary::SetInfo(heap, proxy, boundary::Info(proxy) | bit);
}
inline Direction ToTarget(const Object* proxy) {
  return Has(proxy, kTargetIsInside) ? Direction::kIn : Direction::kOut;
}
inline int64_t NumberOf(const Object* proxy) {
  return (boundary::Info(proxy) >> kNumberShift) & kNumberMask;
}
inline int64_t EntryOf(const Object* proxy) { return boundary::Info(proxy) >> kEntryShift; }

}  // namespace vesicle::proxy_info

#endif  // VESICLE_MEMBRANE_PROXY_INFO_H_
