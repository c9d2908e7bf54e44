// Context::Attach: sources of work beside the inbox. A typed actor that also serves a channel, a
// socket, the queue of a device has each item as a turn of its own, with all that a turn has: what
// it sends takes place as a whole or not at all, a fault undoes it and is the actor's (OnFault,
// crash policy, supervisor), and the next item comes all the same.
//
//   class Meter {
//    public:
//     Meter(Channel<Reading> readings, ByteStream line) ..
//     void OnStart(Context& context) {
//       context.Attach(readings_, &Meter::OnReading, {.burst_max = 10});
//       context.Attach(line_, &Meter::OnBytes);
//     }
//     void OnReading(Reading r);                                   // items need no conversion
//     void OnBytes(Context& context, absl::StatusOr<std::string> bytes);   // hears of the end, too
//   };
//
// A source is what has Receive() (Channel) or Read() (ByteStream, vm/loop/await), or a function
// that makes the next thing to await: [=] { return Select(a.Receive(), b.Receive()); }
//
// An item is what is awaited. Of an std::optional or absl::StatusOr the method takes the whole, or
// what is in it; one without is the last. It takes Context& or Turn& first, if it wants, and
// returns nothing or an absl::Status, which is a fault if it is an error.
//
// One item of a source is under way at a time; the next is taken when its turn is over, so that a
// bounded source holds back who fills it. How items stand to messages: AttachOptions.
//
// Of an item whose turn fails nothing is left, as of a message. A budget that runs out in one
// detaches the source.
#ifndef VESICLE_VM_NATIVE_TASK_ATTACH_H_
#define VESICLE_VM_NATIVE_TASK_ATTACH_H_

#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "vm/native/task/feed.h"
#include "vm/native/task/task.h"

#pragma GCC visibility push(default)
namespace vesicle {

namespace task_internal {

template <typename S>
auto NextOf(S& source) {
  if constexpr (std::is_invocable_v<S&>) {
    return source();
  } else if constexpr (requires { source.Receive(); }) {
    return source.Receive();
  } else {
    static_assert(
        requires { source.Read(); }, "vesicle: this is no source of items (task/attach.h)");
    return source.Read();
  }
}

template <typename I>
inline constexpr bool kMayBeLast = typed_internal::kIsStatusOr<I>;
template <typename I>
inline constexpr bool kMayBeLast<std::optional<I>> = true;

// What of an item the method takes: the whole, or what is in it.
template <typename I, typename P>
struct HandedAs {
  using Type = I;
};
template <typename I, typename P>
requires(kMayBeLast<I> && !std::is_same_v<I, P>) struct HandedAs<I, P> {
  using Type = typename I::value_type;
};

template <typename S, typename M>
class FeedOf final : public Feed {
  using Signature = SignatureOf<M>;
  using T = typename Signature::Class;
  using Next = decltype(NextOf(std::declval<S&>()));
  using Item = std::remove_cvref_t<decltype(std::declval<Next&>().Take())>;
  static_assert(Awaitable<Next>, "vesicle: this cannot be awaited in a task (task/task.h)");
  static_assert(Signature::kCount == 1,
                "vesicle: the method of a source takes its item, and a Context& before it or not");
  static_assert(std::is_void_v<typename Signature::Result> ||
                    std::is_same_v<typename Signature::Result, absl::Status>,
                "vesicle: the method of a source returns nothing or an absl::Status");
  using Parameter = std::tuple_element_t<0, typename Signature::Arguments>;
  static_assert(std::is_convertible_v<typename HandedAs<Item, Parameter>::Type, Parameter>,
                "vesicle: the method of a source takes another type than its items have");

 public:
  FeedOf(ActorCode& code, AttachOptions options, S source, M method)
      : Feed(code, std::move(options)), source_(std::move(source)), method_(method) {
    // It is to be a method of the actor's class.
    VESICLE_CHECK(&code.info() == &typed_internal::InfoOf<T>());
  }

 private:
  bool IsReadyNow() override { return NextItem().IsReadyNow(); }
  bool IsReady() override { return NextItem().IsReady(); }
  void Arm(Actors& actors) override { NextItem().Arm(actors, claim_); }
  void Serve(Turn& turn) override {
    Item item = next_->Take();
    next_.reset();
    if constexpr (std::is_same_v<Parameter, Item> || !kMayBeLast<Item>) {
      if constexpr (kMayBeLast<Item>) {
        if (!HasMore(item)) NoteLast();
      }
      Call(turn, std::move(item));
    } else {
      if (!HasMore(item)) return NoteLast();
      Call(turn, *std::move(item));
    }
  }

  template <typename I>
  static bool HasMore(const absl::StatusOr<I>& item) {
    return item.ok();
  }
  template <typename I>
  static bool HasMore(const std::optional<I>& item) {
    return item.has_value();
  }
  Next& NextItem() {
    if (!next_) {
      claim_ = {};
      next_.emplace(NextOf(source_));
    }
    return *next_;
  }
  template <typename I>
  void Call(Turn& turn, I&& item) {
    T& object = *static_cast<T*>(code().object());
    const auto call = [&](auto&... first) -> decltype(auto) {
      return (object.*method_)(first..., std::forward<I>(item));
    };
    const auto result = [&]() -> absl::Status {
      const auto run = [&](auto&... first) {
        if constexpr (std::is_void_v<typename Signature::Result>) {
          call(first...);
          return absl::OkStatus();
        } else {
          return call(first...);
        }
      };
      if constexpr (Signature::kWantsContext) {
        return run(code().context());
      } else if constexpr (Signature::kWantsTurn) {
        return run(turn);
      } else {
        return run();
      }
    }();
    if (!result.ok() && !turn.has_failed()) code().FailWith(turn, result);
  }

  S source_;
  M method_;
  Claim claim_;
  std::optional<Next> next_;
};

}  // namespace task_internal

template <typename S, typename M>
Attachment Context::Attach(S source, M method, AttachOptions options) {
  static_assert(std::is_member_function_pointer_v<M>,
                "vesicle: say which method as &Class::Method");
  return Feed::Begin(std::make_unique<task_internal::FeedOf<S, M>>(code_, std::move(options),
                                                                   std::move(source), method),
                     turn());
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TASK_ATTACH_H_
