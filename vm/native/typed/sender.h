// Sender<R(As...)>: the right to call one method of one actor, whatever its class. R is what the
// method answers; void: nothing.
//
//   Sender<void(std::string)> log = printer.Narrow(&Printer::Print);
//   log.Tell("hello");
//   shop.Tell(&Shop::Subscribe, log);                    // Subscribe(Sender<void(std::string)>)
//
// As a value it is a ref that takes #call(arguments) and nothing else; so a script can be handed
// one, or hand over a behavior with a clause #call(x).
#ifndef VESICLE_VM_NATIVE_TYPED_SENDER_H_
#define VESICLE_VM_NATIVE_TYPED_SENDER_H_

#include <string>
#include <tuple>
#include <utility>

#include "vm/native/typed/actor_ref.h"

#pragma GCC visibility push(default)
namespace vesicle {

template <typename R, typename... Ps>
class Sender<R(Ps...)> {
 public:
  Sender() = default;

  bool is_empty() const { return root_.heap() == nullptr; }

  template <typename... As>
  void Tell(As&&... as) const {
    Check<As...>();
    if (!is_empty()) actors_->Send(root_.value(), Message(std::forward<As>(as)...), Value::Nil());
  }
  template <typename... As>
  Asked<R> Ask(As&&... as) const {
    Check<As...>();
    if (is_empty()) {
      return Asked<R>(VmStatus(absl::StatusCode::kUnavailable, name_.Text(), "it is empty"));
    }
    const Value message = Message(std::forward<As>(as)...);
    const Value promise = actors_->core().NewPromise();
    actors_->Send(root_.value(), message, promise);
    return Asked<R>(*actors_, promise, name_);
  }

 private:
  template <typename T>
  friend class ActorRef;
  friend struct Convert<Sender>;

  template <typename... As>
  static constexpr void Check() {
    static_assert(sizeof...(As) == sizeof...(Ps),
                  "vesicle: the method takes another number of arguments");
    if constexpr (sizeof...(As) == sizeof...(Ps)) {
      static_assert((typed_internal::kPasses<As, Ps> && ...),
                    "vesicle: an argument has another type than the method's parameter");
    }
  }
  template <typename... As>
  Value Message(As&&... as) const {
    Core& core = actors_->core();
    Build build(core);
    const std::tuple<Ps...> arguments(std::forward<As>(as)...);
    return std::apply(
        [&](const auto&... ps) {
          const Value values[sizeof...(Ps) + 1] = {Convert<Ps>::To(build, ps)...};
          const std::span<const Value> all(values, sizeof...(Ps));
          if (call_ == nullptr) return build.TaggedWith(tag_, all);
          Object* o = core.heap().AllocateRaw(Kind::kTuple, static_cast<uint32_t>(2 + all.size()));
          o->words()[0] = Value::FromBits(reinterpret_cast<uint64_t>(call_));
          o->words()[1] = Value::SmallInt(method_);
          std::copy(all.begin(), all.end(), o->words() + 2);
          return Value::Data(o);
        },
        arguments);
  }

  Actors* actors_ = nullptr;
  Root root_;
  const typed_internal::Call* call_ = nullptr;  // null: by name
  int64_t method_ = 0;
  std::string tag_ = "call";
  typed_internal::CallName name_{nullptr, nullptr, 0, "a Sender"};
};

namespace typed_internal {
template <typename R, typename Arguments>
struct SenderOf;
template <typename R, typename... Ps>
struct SenderOf<R, std::tuple<Ps...>> {
  using Type = Sender<R(Ps...)>;
};
}  // namespace typed_internal

// Of a ref that leads out of this VM it wants a method that is listed (checked).
template <typename T>
template <typename M>
auto ActorRef<T>::Narrow(M method) const {
  using S = SignatureOf<M>;
  static_assert(std::is_base_of_v<typename S::Class, T>,
                "vesicle: this actor is of another class than the method");
  typename typed_internal::SenderOf<typename S::Answer, typename S::Arguments>::Type sender;
  sender.actors_ = actors_;
  sender.root_ = root_;
  sender.name_ = NameOf(method);
  sender.method_ = sender.name_.method;
  const typed_internal::Listed* listed = sender.name_.info->Find(sender.name_.call, sender.method_);
  if (is_near_) {
    sender.call_ = sender.name_.call;
  } else {
    VESICLE_CHECK(listed != nullptr);
    sender.tag_ = std::string(listed->name);
  }
  return sender;
}

template <typename R, typename... Ps>
struct Convert<Sender<R(Ps...)>> {
  using Its = Sender<R(Ps...)>;
  static std::string Name() { return "a ref that takes #call"; }
  static Value To(Build& build, const Its& sender) {
    if (sender.is_empty()) return Value::Nil();
    if (sender.call_ == nullptr && sender.tag_ == "call") return sender.root_.value();
    return sender.actors_->NewNarrow(sender.root_.value(), sender.call_, sender.method_,
                                     build.Symbol(sender.tag_));
  }
  static bool From(Reading& in, Value v, Its* out) {
    if (in.actors() == nullptr || !v.is_target()) return in.Wanted(Name(), v);
    *out = Its();
    out->actors_ = in.actors();
    out->root_ = Root(in.core().heap(), v);
    return true;
  }
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_SENDER_H_
