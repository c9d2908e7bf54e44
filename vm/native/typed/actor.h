// Typed actors: a class with plain methods is an actor. This is the header to include; with tasks
// it is task/task.h.
//
//   class Counter {
//    public:
//     explicit Counter(int64_t from) : count_(from) {}
//     void Add(int64_t n) { count_ += n; }
//     int64_t Get() const { return count_; }
//     using Methods = vesicle::Methods<&Counter::Add, &Counter::Get>;     // for scripts: #add(3),
//     #get
//    private:
//     int64_t count_;
//   };
//
//   vesicle::ActorRef<Counter> c = vm.Spawn<Counter>(10);
//   c.Tell(&Counter::Add, 3);
//   c.Ask(&Counter::Get).Then([](absl::StatusOr<int64_t> n) { std::cout << *n << "\n"; });
//   vm.Send(script, vm.Tagged("use", c.value()));                     // as every ref
//   vm.Run();
//
// An actor handles one message at a time, so its methods need no locks; they must not block. What
// may throw in them is caught, and is a fault of the actor. What a method gets, returns and how:
// signature.h; conversions: convert.h; what else it may do: context.h; errors: status.h; the life
// of an actor: actor_code.h.
#ifndef VESICLE_VM_NATIVE_TYPED_ACTOR_H_
#define VESICLE_VM_NATIVE_TYPED_ACTOR_H_

#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "vm/native/typed/actor_ref.h"
#include "vm/native/typed/context.h"
#include "vm/native/typed/promise.h"
#include "vm/native/typed/sender.h"
#include "vm/native/vm.h"

#pragma GCC visibility push(default)
namespace vesicle {

namespace typed_internal {

// Makes the object from copies of the arguments, each time that an actor begins a life. What
// cannot be copied makes one object only: a supervisor cannot start it again.
template <typename T, typename... As>
ActorCode::MakeObject Maker(As&&... as) {
  static_assert(std::is_constructible_v<T, std::decay_t<As>...>,
                "vesicle: the class has no constructor for these arguments");
  using All = std::tuple<std::decay_t<As>...>;
  if constexpr (sizeof...(As) == 0) {
    return {nullptr, [](void*) -> void* { return new T(); }};
  } else if constexpr ((std::is_copy_constructible_v<std::decay_t<As>> && ...)) {
    return {std::make_shared<All>(std::forward<As>(as)...), [](void* all) -> void* {
              return std::apply([](auto... copies) -> void* { return new T(std::move(copies)...); },
                                *static_cast<All*>(all));
            }};
  } else {
    using Once = std::optional<All>;
    return {std::make_shared<Once>(std::in_place, std::forward<As>(as)...), [](void* all) -> void* {
              Once once = std::exchange(*static_cast<Once*>(all), std::nullopt);
              if (!once) return nullptr;
              return std::apply([](auto&... ones) -> void* { return new T(std::move(ones)...); },
                                *once);
            }};
  }
}

template <typename Arguments>
inline constexpr bool kHoldsValue = false;
template <typename... Ps>
inline constexpr bool kHoldsValue<std::tuple<Ps...>> = (std::is_same_v<Ps, Value> || ...);

template <typename T, typename... As>
ActorRef<T> SpawnIn(Actors& actors, ActorOptions options, As&&... as) {
  const Value actor = ActorCode::Spawn(std::make_unique<ActorCode>(
      actors, InfoOf<T>(), std::move(options), Maker<T>(std::forward<As>(as)...)));
  return *ActorRef<T>::From(actors, actor);
}

}  // namespace typed_internal

// A behavior value: each actor that is created from it, by a supervisor or a script, is a T made
// of copies of these arguments.
template <typename T, typename... As>
Root BehaviorOf(Vm& vm, As&&... as) {
  return Root(vm.core().heap(),
              ActorCode::Behavior(vm.actors(), typed_internal::InfoOf<T>(), {},
                                  typed_internal::Maker<T>(std::forward<As>(as)...)));
}

template <typename T, typename... As>
ActorRef<T> Vm::Spawn(As&&... as) {
  return typed_internal::SpawnIn<T>(actors(), {}, std::forward<As>(as)...);
}
template <typename T, typename... As>
ActorRef<T> Vm::SpawnWith(ActorOptions options, As&&... as) {
  return typed_internal::SpawnIn<T>(actors(), std::move(options), std::forward<As>(as)...);
}

template <typename T>
ActorRef<T> Context::self() {
  absl::StatusOr<ActorRef<T>> ref = ActorRef<T>::From(actors(), turn().self());
  VESICLE_CHECK(ref.ok());
  return *std::move(ref);
}

template <typename T, typename... As>
ActorRef<T> Context::Spawn(As&&... as) {
  return typed_internal::SpawnIn<T>(actors(), {}, std::forward<As>(as)...);
}
template <typename T, typename... As>
ActorRef<T> Context::SpawnWith(ActorOptions options, As&&... as) {
  return typed_internal::SpawnIn<T>(actors(), std::move(options), std::forward<As>(as)...);
}

template <typename T, typename M, typename... As>
auto Context::Forward(const ActorRef<T>& to, M method, As&&... as)
    -> Forwarded<typename SignatureOf<M>::Answer> {
  typed_internal::CheckCall<T, M, As...>();
  const Value message =
      to.is_empty() ? Value::Absent() : to.MakeMessage(method, std::forward<As>(as)...);
  if (message.is_absent()) {
    Fail(to.is_empty() ? ActorRef<T>::Gone(ActorRef<T>::NameOf(method))
                       : ActorRef<T>::Unlisted(ActorRef<T>::NameOf(method)));
  } else {
    turn().Delegate(to.value(), message);
  }
  return {};
}

template <typename U, typename M, typename... As>
void Context::Watch(const ActorRef<U>& other, M method, As&&... as) {
  using S = SignatureOf<M>;
  using T = typename S::Class;
  typed_internal::CheckCall<T, M, As...>();
  static_assert(
      !typed_internal::kHoldsValue<typename S::Arguments>,
      "vesicle: what a watcher is told of an end is kept until then: a Root, not a Value");
  other.Join().Then(
      [self = self<T>(), method,
       arguments = typename S::Arguments(std::forward<As>(as)...)](const absl::Status&) {
        std::apply([&](const auto&... each) { self.Tell(method, each...); }, arguments);
      });
}

template <typename U>
void Context::Link(const ActorRef<U>& other) {
  LinkTo(other.value(), other.Join());
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_ACTOR_H_
