// Poison: memory of the heap that holds no object must not be touched. With
// AddressSanitizer a stale Value is then reported where it is followed; without
// it these functions vanish.
#ifndef VESICLE_VM_HEAP_POISON_H_
#define VESICLE_VM_HEAP_POISON_H_

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define VESICLE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VESICLE_ASAN 1
#endif
#endif
#ifndef VESICLE_ASAN
#define VESICLE_ASAN 0
#endif

#if VESICLE_ASAN
#include <sanitizer/asan_interface.h>
#endif

#pragma GCC visibility push(default)
namespace vesicle {

#if VESICLE_ASAN
inline void Poison(void* p, size_t bytes) { __asan_poison_memory_region(p, bytes); }
inline void Unpoison(void* p, size_t bytes) { __asan_unpoison_memory_region(p, bytes); }
#else
inline void Poison(void*, size_t) {}
inline void Unpoison(void*, size_t) {}
#endif

// What a freed object is filled with where the heap was asked for it: no kind,
// and as a word no pointer to anything.
inline constexpr unsigned char kFreedByte = 0xde;

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_HEAP_POISON_H_
