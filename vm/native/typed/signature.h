// Signature: what the type of a method says. Of an actor's class a method may take a Context& or a
// Turn& first, then what is converted (convert.h); what it returns is the reply:
//
//   void, absl::Status            nil
//   T, absl::StatusOr<T>          a T
//   Task<T>, Promise<T>,          a T, later; T may be void or one of the above
//   Forwarded<T>
//
//   SignatureOf<absl::StatusOr<int> (Shop::*)(Context&, std::string)>::Answer   // int
#ifndef VESICLE_VM_NATIVE_TYPED_SIGNATURE_H_
#define VESICLE_VM_NATIVE_TYPED_SIGNATURE_H_

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vm/native/convert.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Context;
class Turn;
template <typename T>
class Task;
template <typename T>
class Promise;
// What Context::Forward yields: who was forwarded to answers.
template <typename T>
struct Forwarded {};

namespace typed_internal {

template <typename R>
struct AnswerOf {
  using Type = R;
};
template <>
struct AnswerOf<absl::Status> {
  using Type = void;
};
template <typename T>
struct AnswerOf<absl::StatusOr<T>> {
  using Type = T;
};
template <typename T>
struct AnswerOf<Task<T>> : AnswerOf<T> {};
template <typename T>
struct AnswerOf<Promise<T>> : AnswerOf<T> {};
template <typename T>
struct AnswerOf<Forwarded<T>> : AnswerOf<T> {};

template <typename R>
inline constexpr bool kIsTask = false;
template <typename T>
inline constexpr bool kIsTask<Task<T>> = true;
template <typename R>
inline constexpr bool kIsPromise = false;
template <typename T>
inline constexpr bool kIsPromise<Promise<T>> = true;
template <typename R>
inline constexpr bool kIsForwarded = false;
template <typename T>
inline constexpr bool kIsForwarded<Forwarded<T>> = true;
template <typename R>
inline constexpr bool kIsStatusOr = false;
template <typename T>
inline constexpr bool kIsStatusOr<absl::StatusOr<T>> = true;

// What a parameter is kept in from the message to the call.
template <typename P>
struct StoredAs {
  using Type = std::remove_cvref_t<P>;
};
template <>
struct StoredAs<std::string_view> {
  using Type = std::string;
};
template <>
struct StoredAs<const std::string_view&> {
  using Type = std::string;
};
template <typename P>
using Stored = typename StoredAs<P>::Type;

// Whether a parameter outlives the first suspension of a task.
template <typename P>
inline constexpr bool kOutlives =
    !std::is_reference_v<P> && !std::is_same_v<P, std::string_view> && !std::is_same_v<P, Value>;

// As C++ passes them, but that no float becomes an integer and nothing else a bool unseen.
template <typename A, typename P>
inline constexpr bool kPasses =
    std::is_convertible_v<A, P> &&
    !(std::is_floating_point_v<std::remove_cvref_t<A>> && std::is_integral_v<P>)&&!(
        std::is_same_v<P, bool> && !std::is_same_v<std::remove_cvref_t<A>, bool>);

template <typename C, typename R, bool kTakesTurn, bool kTakesContext, typename... Ps>
struct SignatureBase {
  using Class = C;
  using Result = R;
  using Answer = typename AnswerOf<R>::Type;
  using Arguments = std::tuple<Stored<Ps>...>;
  static constexpr size_t kCount = sizeof...(Ps);
  static constexpr bool kWantsTurn = kTakesTurn;
  static constexpr bool kWantsContext = kTakesContext;
  static constexpr bool kIsSafeForTask = !kTakesTurn && (kOutlives<Ps> && ...);
  // An argument may be changed only as a copy of its own.
  static constexpr bool kTakesCopies =
      ((!std::is_lvalue_reference_v<Ps> || std::is_const_v<std::remove_reference_t<Ps>>)&&...);
  template <typename... As>
  static constexpr bool kTakes = (sizeof...(As) == sizeof...(Ps)) && requires {
    requires(kPasses<As, Stored<Ps>> && ...);
  };
};

template <typename C, typename R, typename... Ps>
struct SignatureOfParts : SignatureBase<C, R, false, false, Ps...> {};
template <typename C, typename R, typename... Ps>
struct SignatureOfParts<C, R, Context&, Ps...> : SignatureBase<C, R, false, true, Ps...> {};
template <typename C, typename R, typename... Ps>
struct SignatureOfParts<C, R, Turn&, Ps...> : SignatureBase<C, R, true, false, Ps...> {};

}  // namespace typed_internal

// Undefined for what is no method.
template <typename M>
struct SignatureOf;
template <typename C, typename R, typename... Ps>
struct SignatureOf<R (C::*)(Ps...)> : typed_internal::SignatureOfParts<C, R, Ps...> {};
template <typename C, typename R, typename... Ps>
struct SignatureOf<R (C::*)(Ps...) const> : typed_internal::SignatureOfParts<C, R, Ps...> {};
template <typename C, typename R, typename... Ps>
struct SignatureOf<R (C::*)(Ps...) noexcept> : typed_internal::SignatureOfParts<C, R, Ps...> {};
template <typename C, typename R, typename... Ps>
struct SignatureOf<R (C::*)(Ps...) const noexcept> : typed_internal::SignatureOfParts<C, R, Ps...> {
};

namespace typed_internal {

template <typename T>
concept Tellable = std::is_void_v<T> || Convertible<T>;

template <typename M>
struct ArgumentsConvert;
template <typename... Ps>
struct ArgumentsConvert<std::tuple<Ps...>> {
  static constexpr bool kAll = (Convertible<Ps> && ...);
};

// The one place where a call of a method is checked at compile time.
template <typename T, typename M, typename... As>
constexpr void CheckCall() {
  static_assert(std::is_member_function_pointer_v<M>,
                "vesicle: say which method as &Class::Method");
  if constexpr (std::is_member_function_pointer_v<M>) {
    using S = SignatureOf<M>;
    static_assert(std::is_base_of_v<typename S::Class, T>,
                  "vesicle: this actor is of another class than the method");
    static_assert(S::kCount == sizeof...(As),
                  "vesicle: the method takes another number of arguments");
    if constexpr (S::kCount == sizeof...(As)) {
      static_assert(S::template kTakes<As...>,
                    "vesicle: an argument has another type than the method's parameter");
    }
    static_assert(ArgumentsConvert<typename S::Arguments>::kAll,
                  "vesicle: a parameter of the method has no conversion to a value (convert.h)");
    static_assert(Tellable<typename S::Answer>,
                  "vesicle: what the method returns has no conversion to a value (convert.h)");
    static_assert(
        S::kTakesCopies,
        "vesicle: a method of an actor takes its arguments by value or by const reference");
    static_assert(!kIsTask<typename S::Result> || S::kIsSafeForTask,
                  "vesicle: a task takes its arguments by value, and Context& for Turn&: they are "
                  "to outlive its first suspension");
  }
}

}  // namespace typed_internal

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_SIGNATURE_H_
