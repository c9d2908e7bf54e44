// Under a sanitizer a test is some ten times slower, and does less of what it does often.
#ifndef VESICLE_TESTS_HARNESS_SANITIZED_H_
#define VESICLE_TESTS_HARNESS_SANITIZED_H_

namespace vesicle {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

// `count`, or so many under a sanitizer.
template <typename T>
constexpr T Often(T count, T sanitized) {
  return kSanitized ? sanitized : count;
}

}  // namespace vesicle

#endif  // VESICLE_TESTS_HARNESS_SANITIZED_H_
