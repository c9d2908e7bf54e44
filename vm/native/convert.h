// Conversions between C++ types and values: what typed actors, and hosts that talk to scripts,
// pass to and fro.
//
//   C++                                        value
//   integers of 8 to 64 bits                   an integer in range
//   float, double                              a float; read: any number
//   bool                                       true, false
//   std::string (std::string_view, to values)  a text
//   ByteString                                 bytes
//   std::optional<T>                           nil, or as T
//   std::vector<T>                             a list
//   std::pair, std::tuple                      a list of that many
//   std::map<K, V>, std::unordered_map<K, V>   a map
//   std::variant<A, B, ..>                     as the alternative; read: the first that takes it
//   a struct with a line of Fields             #name(field, ..), its name in snake_case
//   Value, Root                                as it is
//   ActorRef<T>, Promise<T>, Sender<..>        typed/actor_ref.h, promise.h, sender.h
//
//   struct Point {
//     double x = 0, y = 0;
//     using Fields = vesicle::FieldList<&Point::x, &Point::y>;     // #point(x, y)
//   };
//   const Value v = ToValue(vm, Point{1, 2});
//   absl::StatusOr<Point> p = FromValue<Point>(vm.core(), v);
//
// What does not fit is refused with where it was, what was wanted and what was there:
// "element 2: field x of #point: wanted a number, got text \"a\"". A type of one's own: specialize
// Convert.
//
// Limits: of what guests send. One reading takes kConvertItemsMax elements and kConvertBytesMax
// bytes, as data of scripts share their parts: a list of 2^40 is made in a few steps.
// Ownership: what is read is a copy; a Value is good as every Value, until the VM runs again.
#ifndef VESICLE_VM_NATIVE_CONVERT_H_
#define VESICLE_VM_NATIVE_CONVERT_H_

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "vm/heap/root.h"
#include "vm/native/build.h"
#include "vm/native/typed/names.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Actors;

inline constexpr uint64_t kConvertItemsMax = uint64_t{1} << 20;
inline constexpr uint64_t kConvertBytesMax = uint64_t{64} << 20;

// Any octets; a std::string is text.
struct ByteString {
  std::string octets;
  friend bool operator==(const ByteString&, const ByteString&) = default;
  friend auto operator<=>(const ByteString&, const ByteString&) = default;
};

// One reading of values: what it took so far, and what went wrong.
class Reading {
 public:
  // `actors`: for refs of typed actors; null: there are none in what is read.
  explicit Reading(Core& core, Actors* actors = nullptr) : core_(core), actors_(actors) {}

  Core& core() { return core_; }
  Actors* actors() { return actors_; }

  // Each is false, for `return in.Wanted(..)`.
  bool Wanted(std::string_view what, Value got);
  // What was refused stands in this part of the whole; from the inside out.
  bool In(std::string_view part);
  // Counts what is about to be read; false: more than a reading takes.
  bool Take(uint64_t items, uint64_t bytes);

  // Forgets that something was refused, and goes on with another try.
  void Forget() { error_.reset(); }
  bool is_over_limit() const { return is_over_limit_; }
  // "element 2: wanted .., got .."; empty: nothing was refused.
  std::string Message() const;
  // Steps that it was worth.
  int64_t work() const { return static_cast<int64_t>(items_ + bytes_ / 64); }

 private:
  // Where it is, and what is wrong; most readings have none.
  struct Error {
    std::string path;
    std::string text;
  };
  void Say(std::string text);

  Core& core_;
  Actors* actors_;
  std::unique_ptr<Error> error_;
  uint64_t items_ = 0;
  uint64_t bytes_ = 0;
  bool is_over_limit_ = false;
};

// "text \"x\"", "integer 300", "a list", for people. Shortened.
std::string DescribeValue(Value v);

// Name(): what is wanted, with its article. To: the value. From: false when it is refused, after a
// call of Reading::Wanted.
template <typename T, typename = void>
struct Convert;

template <typename T>
concept Convertible = requires(Build& build, Reading& in, Value v, const T& t, T* out) {
  { Convert<T>::Name() } -> std::convertible_to<std::string>;
  { Convert<T>::To(build, t) } -> std::same_as<Value>;
  { Convert<T>::From(in, v, out) } -> std::same_as<bool>;
};

template <typename T>
Value ToValue(Build& build, const T& t) {
  static_assert(Convertible<T>, "vesicle: this type has no conversion to a value (convert.h)");
  return Convert<T>::To(build, t);
}
// InvalidArgument: it is no T.
template <typename T>
absl::StatusOr<T> FromValue(Core& core, Value v, Actors* actors = nullptr) {
  static_assert(Convertible<T>, "vesicle: this type has no conversion from a value (convert.h)");
  Reading in(core, actors);
  T out{};
  if (!Convert<T>::From(in, v, &out)) return absl::InvalidArgumentError(in.Message());
  return out;
}

// The fields of a struct, in order; stands in it as `using Fields = vesicle::FieldList<&S::a,
// ..>;`.
template <auto... kMembers>
struct FieldList {
  static constexpr size_t kCount = sizeof...(kMembers);
};

// ---------------------------------------------------------------------------

namespace convert_internal {

template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                  !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                  !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;
std::string IntegerName(int bits, bool is_signed);
bool ListOf(Reading& in, Value v, uint64_t size, const std::string& name);
// The fields of #tag(..), or of the symbol; null: it is something else.
const Value* FieldsOfStruct(Reading& in, Value v, std::string_view tag, size_t count,
                            const std::string& name);
Value MakeStruct(Build& build, std::string_view tag, std::span<const Value> fields);
std::string StructName(std::string_view tag, std::initializer_list<std::string_view> fields);
std::string Element(uint64_t index);
std::string ValueAt(Value key);
std::string FieldIn(std::string_view field, std::string_view tag);

template <typename S, typename F>
struct MemberOf;
template <typename S, typename F>
struct MemberOf<S, F S::*> {
  using Type = F;
};
template <auto kMember, typename S>
using FieldType = std::remove_cvref_t<decltype(std::declval<S&>().*kMember)>;

}  // namespace convert_internal

template <typename T>
struct Convert<T, std::enable_if_t<convert_internal::Integer<T>>> {
  static std::string Name() {
    return convert_internal::IntegerName(8 * static_cast<int>(sizeof(T)), std::is_signed_v<T>);
  }
  static Value To(Build& build, T t) {
    if constexpr (sizeof(T) == 8 && std::is_unsigned_v<T>) {
      return build.Unsigned(t);
    } else {
      return build.Int(static_cast<int64_t>(t));
    }
  }
  static bool From(Reading& in, Value v, T* out) {
    if constexpr (sizeof(T) == 8 && std::is_unsigned_v<T>) {
      if (const std::optional<uint64_t> i = Uint64Of(v)) return *out = *i, true;
    } else {
      const std::optional<int64_t> i = Int64Of(v);
      if (i && std::in_range<T>(*i)) return *out = static_cast<T>(*i), true;
    }
    return in.Wanted(Name(), v);
  }
};

template <typename T>
struct Convert<T, std::enable_if_t<std::is_floating_point_v<T>>> {
  static std::string Name() { return "a number"; }
  static Value To(Build& build, T t) { return build.Float(static_cast<double>(t)); }
  static bool From(Reading& in, Value v, T* out) {
    const std::optional<double> d = DoubleOf(v);
    if (!d) return in.Wanted(Name(), v);
    *out = static_cast<T>(*d);
    return true;
  }
};

template <>
struct Convert<bool> {
  static std::string Name() { return "true or false"; }
  static Value To(Build&, bool t) { return Value::Bool(t); }
  static bool From(Reading& in, Value v, bool* out) {
    if (!v.is_bool()) return in.Wanted(Name(), v);
    *out = v.is_true();
    return true;
  }
};

template <>
struct Convert<std::string> {
  static std::string Name() { return "a text"; }
  static Value To(Build& build, std::string_view t) { return build.Text(t); }
  static bool From(Reading& in, Value v, std::string* out);
};

template <>
struct Convert<ByteString> {
  static std::string Name() { return "bytes"; }
  static Value To(Build& build, const ByteString& t) { return build.Bytes(t.octets); }
  static bool From(Reading& in, Value v, ByteString* out);
};

template <>
struct Convert<Value> {
  static std::string Name() { return "a value"; }
  static Value To(Build&, Value t) { return t; }
  static bool From(Reading&, Value v, Value* out) { return *out = v, true; }
};

template <>
struct Convert<Root> {
  static std::string Name() { return "a value"; }
  static Value To(Build&, const Root& t) { return t.value(); }
  static bool From(Reading& in, Value v, Root* out) {
    *out = Root(in.core().heap(), v);
    return true;
  }
};

// For `void` in a Promise<void> and the like: nil; read: anything.
template <>
struct Convert<std::monostate> {
  static std::string Name() { return "nil"; }
  static Value To(Build&, std::monostate) { return Value::Nil(); }
  static bool From(Reading&, Value, std::monostate*) { return true; }
};

}  // namespace vesicle
#pragma GCC visibility pop

#include "vm/native/convert_composed.h"  // the types that are made of others

#endif  // VESICLE_VM_NATIVE_CONVERT_H_
