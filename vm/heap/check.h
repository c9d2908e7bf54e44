// Checks of invariants: on in release, always. A check that fails prints the
// place, the condition and, for the comparing forms, both values, and stops the
// process. They are for what must be true whatever a guest or a peer does; what
// a guest, a peer or the world can cause is a fault, a quota or a Status.
//
//   VESICLE_CHECK(slot.is_target());
//   VESICLE_CHECK_LE(size, kFrameBytesMax);
//   VESICLE_DCHECK(...)      the same, only in unoptimized and sanitized builds: for hot paths
#ifndef VESICLE_VM_HEAP_CHECK_H_
#define VESICLE_VM_HEAP_CHECK_H_

#include <cstdint>
#include <type_traits>

#include "vm/heap/poison.h"

#pragma GCC visibility push(default)
namespace vesicle::check_internal {

[[noreturn]] void Fail(const char* file, int line, const char* condition);
// The system has no memory where nothing can be undone.
[[noreturn]] void OutOfMemory(const char* where);
[[noreturn]] void FailSigned(const char* file, int line, const char* condition, int64_t a,
                             int64_t b);
[[noreturn]] void FailUnsigned(const char* file, int line, const char* condition, uint64_t a,
                               uint64_t b);

// Integers, enums and pointers; signed if either side is.
template <typename A, typename B>
[[noreturn]] inline void FailOp(const char* file, int line, const char* condition, const A& a,
                                const B& b) {
  if constexpr (std::is_pointer_v<A> || std::is_null_pointer_v<A>) {
    FailUnsigned(file, line, condition, reinterpret_cast<uint64_t>(a),
                 reinterpret_cast<uint64_t>(b));
  } else if constexpr (std::is_signed_v<A> || std::is_signed_v<B>) {
    FailSigned(file, line, condition, static_cast<int64_t>(a), static_cast<int64_t>(b));
  } else {
    FailUnsigned(file, line, condition, static_cast<uint64_t>(a), static_cast<uint64_t>(b));
  }
}

}  // namespace vesicle::check_internal
#pragma GCC visibility pop

#define VESICLE_CHECK(condition)                     \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::vesicle::check_internal::Fail(__FILE__, __LINE__, #condition))

#define VESICLE_CHECK_OP(op, a, b)                                                              \
  do {                                                                                          \
    const auto& vesicle_check_a = (a);                                                          \
    const auto& vesicle_check_b = (b);                                                          \
    if (__builtin_expect(!(vesicle_check_a op vesicle_check_b), 0)) {                           \
      ::vesicle::check_internal::FailOp(__FILE__, __LINE__, #a " " #op " " #b, vesicle_check_a, \
                                        vesicle_check_b);                                       \
    }                                                                                           \
  } while (false)

#define VESICLE_CHECK_EQ(a, b) VESICLE_CHECK_OP(==, a, b)
#define VESICLE_CHECK_NE(a, b) VESICLE_CHECK_OP(!=, a, b)
#define VESICLE_CHECK_LT(a, b) VESICLE_CHECK_OP(<, a, b)
#define VESICLE_CHECK_LE(a, b) VESICLE_CHECK_OP(<=, a, b)
#define VESICLE_CHECK_GT(a, b) VESICLE_CHECK_OP(>, a, b)
#define VESICLE_CHECK_GE(a, b) VESICLE_CHECK_OP(>=, a, b)

#if !defined(__OPTIMIZE__) || VESICLE_ASAN
#define VESICLE_DCHECK(condition) VESICLE_CHECK(condition)
#else
#define VESICLE_DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#endif

#endif  // VESICLE_VM_HEAP_CHECK_H_
