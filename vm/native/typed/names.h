// Names of methods, fields and classes, as C++ has them and as scripts do: Add is #add, AddAll
// is #add_all. The compiler says them, so nobody writes them twice.
//
//   NameOf<&Counter::AddAll>()        // "AddAll"
//   SnakeName<&Counter::AddAll>()     // "add_all"
//   ClassName<Counter>()              // "Counter"
//
// Limits: g++ and clang++, whose __PRETTY_FUNCTION__ it reads.
#ifndef VESICLE_VM_NATIVE_TYPED_NAMES_H_
#define VESICLE_VM_NATIVE_TYPED_NAMES_H_

#include <array>
#include <cstddef>
#include <string_view>

#pragma GCC visibility push(default)
namespace vesicle {

namespace names_internal {

template <auto kMember>
constexpr std::string_view RawMember() {
  return __PRETTY_FUNCTION__;
}
template <typename T>
constexpr std::string_view RawClass() {
  return __PRETTY_FUNCTION__;
}

// What stands behind `key` in the text of the compiler, without the scopes around it.
constexpr std::string_view LastName(std::string_view raw, std::string_view key) {
  raw.remove_prefix(raw.find(key) + key.size());
  // Up to what ends it outside of angle brackets.
  int depth = 0;
  size_t end = 0;
  size_t begin = 0;
  for (; end < raw.size(); ++end) {
    const char c = raw[end];
    if (c == '<') ++depth;
    if (c == '>') --depth;
    if (depth > 0) continue;
    if (c == ';' || c == ']') break;
    if (c == ':' || c == '&' || c == '(') begin = end + 1;
    if (c == ')' && end + 1 < raw.size() && (raw[end + 1] == ';' || raw[end + 1] == ']')) break;
  }
  return raw.substr(begin, end - begin);
}

constexpr bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

template <size_t kSize>
struct Chars {
  std::array<char, kSize> chars{};
  size_t size = 0;
  constexpr void Add(char c) { chars[size++] = c; }
  constexpr std::string_view view() const { return {chars.data(), size}; }
};

// An underscore before each word but the first; a run of capitals is one word.
template <size_t kSize>
constexpr Chars<kSize> Snake(std::string_view name) {
  Chars<kSize> out;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool begins_word = IsUpper(c) && i > 0 && name[i - 1] != '_' &&
                             (!IsUpper(name[i - 1]) ||
                              (i + 1 < name.size() && !IsUpper(name[i + 1]) && name[i + 1] != '_'));
    if (begins_word) out.Add('_');
    out.Add(IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c);
  }
  // A member that ends with an underscore, as private fields do.
  if (out.size > 1 && out.chars[out.size - 1] == '_') --out.size;
  return out;
}

template <auto kMember>
inline constexpr auto kSnakeOf = Snake<2 * LastName(RawMember<kMember>(), "kMember = ").size() + 1>(
    LastName(RawMember<kMember>(), "kMember = "));
template <typename T>
inline constexpr auto kSnakeClassOf =
    Snake<2 * LastName(RawClass<T>(), "T = ").size() + 1>(LastName(RawClass<T>(), "T = "));

}  // namespace names_internal

template <auto kMember>
constexpr std::string_view NameOf() {
  return names_internal::LastName(names_internal::RawMember<kMember>(), "kMember = ");
}
template <auto kMember>
constexpr std::string_view SnakeName() {
  return names_internal::kSnakeOf<kMember>.view();
}
// Of a class that has kName, that.
template <typename T>
constexpr std::string_view ClassName() {
  if constexpr (requires { std::string_view(T::kName); }) {
    return T::kName;
  } else {
    return names_internal::LastName(names_internal::RawClass<T>(), "T = ");
  }
}
template <typename T>
constexpr std::string_view SnakeClassName() {
  if constexpr (requires { std::string_view(T::kName); }) {
    return T::kName;
  } else {
    return names_internal::kSnakeClassOf<T>.view();
  }
}

// A text as a template argument.
template <size_t kSize>
struct FixedName {
  constexpr FixedName(const char (&text)[kSize]) {
    for (size_t i = 0; i < kSize; ++i) chars[i] = text[i];
  }
  constexpr std::string_view view() const { return {chars, kSize - 1}; }
  char chars[kSize] = {};
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_NAMES_H_
