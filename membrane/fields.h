// Fields: options that scripts write as maps, read field by field with errors in words.
//
//   int64_t count = -1;
//   std::string error = ReadFields(value, "#budget({count: n})",
//                                  {{"count", [&](Value n) { return Amount(n, &count); }}});
#ifndef VESICLE_MEMBRANE_FIELDS_H_
#define VESICLE_MEMBRANE_FIELDS_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "vm/heap/word.h"

namespace vesicle {

// The parts of a sentence, joined; integers in decimal.
template <typename... Parts>
std::string Words(const Parts&... parts) {
  std::string out;
  const auto add = [&](const auto& part) {
    if constexpr (std::is_integral_v<std::decay_t<decltype(part)>>) {
      out += std::to_string(part);
    } else {
      out += part;
    }
  };
  (add(parts), ...);
  return out;
}

struct Field {
  std::string_view name;
  // What is wrong with the value; empty: nothing.
  std::function<std::string(Value)> read;
};

// Reads a map with text keys; "" when all is well. `form`: how it is to be, for the message. A name
// that is not in `fields` is an error.
std::string ReadFields(Value map, std::string_view form, std::initializer_list<Field> fields);

// An integer from 0 to 2^53; what is wrong with it otherwise.
std::string Amount(Value v, int64_t* amount);
// A ref.
std::string RefIn(Value v, Value* ref);

}  // namespace vesicle

#endif  // VESICLE_MEMBRANE_FIELDS_H_
