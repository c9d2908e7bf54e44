// Promise<T> and Resolver<T>: both ends of a reply that comes later, typed. A method that returns a
// promise answers when it settles.
//
//   Promise<std::string> Wait(Context& context) {
//     auto [promise, resolver] = context.MakePromise<std::string>();
//     waiting_.push_back(std::move(resolver));
//     return promise;
//   }
//   void Ring() { for (auto& w : waiting_) w.Keep("ding"); waiting_.clear(); }
//
// A promise also comes in messages, as a promise of a script or a value that is there already.
// In a task: absl::StatusOr<T> t = co_await promise.Ask();
//
// Ownership: as Roots. A resolver that is dropped leaves its promise pending for ever.
#ifndef VESICLE_VM_NATIVE_TYPED_PROMISE_H_
#define VESICLE_VM_NATIVE_TYPED_PROMISE_H_

#include <string>
#include <type_traits>
#include <utility>

#include "vm/native/typed/actors.h"
#include "vm/native/typed/asked.h"
#include "vm/native/typed/context.h"

#pragma GCC visibility push(default)
namespace vesicle {

template <typename T>
class Promise {
 public:
  Promise() = default;
  Promise(Actors& actors, Value promise)
      : actors_(&actors), promise_(actors.core().heap(), promise) {}
  // The promise, for messages; nil of an empty one.
  Value value() const { return promise_.value(); }
  // What it comes to. Wants one that is not empty.
  Asked<T> Ask() const { return Asked<T>(*actors_, promise_.value(), {}); }

 private:
  Actors* actors_ = nullptr;
  Root promise_;
};

// Settles its promise, once: what comes later changes nothing. It happens at once, also if the turn
// that does it fails.
template <typename T>
class Resolver {
 public:
  Resolver() = default;
  Resolver(Actors& actors, Value promise)
      : actors_(&actors), promise_(actors.core().heap(), promise) {}
  template <typename U = T>
  requires(!std::is_void_v<T> && std::is_convertible_v<U, T>) void Keep(U&& value) {
    Settle([&](Core& core) {
      Build build(core);
      core.Keep(promise_.value(), Convert<T>::To(build, T(std::forward<U>(value))));
    });
  }
  void Keep() requires std::is_void_v<T> {
    Settle([&](Core& core) { core.Keep(promise_.value(), Value::Nil()); });
  }
  void Break(const absl::Status& status) {
    Settle([&](Core& core) {
      Build build(core);
      core.Break(promise_.value(), core.Failed(ValueOfStatus(build, status)));
    });
  }
  bool is_open() const { return promise_.heap() != nullptr; }

 private:
  template <typename Fn>
  void Settle(Fn fn) {
    if (promise_.heap() != nullptr) fn(actors_->core());
    promise_.reset();
  }
  Actors* actors_ = nullptr;
  Root promise_;
};

template <typename T>
struct Convert<Promise<T>> {
  static std::string Name() { return "a promise"; }
  static Value To(Build&, const Promise<T>& promise) { return promise.value(); }
  static bool From(Reading& in, Value v, Promise<T>* out) {
    if (in.actors() == nullptr) return in.Wanted(Name(), v);
    Core& core = in.core();
    Value promise = v;
    if (!IsPromise(v)) {
      promise = core.NewPromise();
      core.Keep(promise, v);
    }
    *out = Promise<T>(*in.actors(), promise);
    return true;
  }
};

template <typename T>
std::pair<Promise<T>, Resolver<T>> Context::MakePromise() {
  const Value promise = core().NewPromise();
  return {Promise<T>(actors(), promise), Resolver<T>(actors(), promise)};
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_PROMISE_H_
