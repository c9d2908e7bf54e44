// ActorRef<T>: the right to send to one actor of class T. Its calls are checked when they are
// compiled: another class, method, number or type of arguments is an error that says so.
//
//   ActorRef<Counter> c = vm.Spawn<Counter>(10);
//   c.Tell(&Counter::Add, 3);
//   c.Ask(&Counter::Get).Then([](absl::StatusOr<int64_t> n) { .. });
//   if (!c.TryTell(&Counter::Add, 3).ok()) ..              // its inbox is full
//   c.Stop();                                              // when it has done what was sent before
//
// In a turn of a typed actor these are effects of the turn; elsewhere the host's, on the root
// sponsor. Nothing is delivered before the VM runs.
//
// A ref may lead out: to an actor behind a membrane, in another VM, or in a script. Then a call is
// a message by name, #add(3), which any actor can take; only methods that T lists have one. Others
// break with Unimplemented. Stop, Kill and Join are for refs that lead to an actor of class T in
// this VM; elsewhere they are Unimplemented, too, or do nothing. So the value of a ref carries no
// control, whoever gets it outside of the C++ of this VM. Within, where nothing keeps C++ from C++,
// control goes with the ref for convenience; less is a Sender (Narrow), which calls one method and
// neither stops nor watches.
//
// Ownership: keeps the actor alive, as a Root does; actors that hold refs to themselves or to
//            each other, until they stop. Empty when the VM is gone: what is sent then is dropped.
// Threads:   the VM's.
#ifndef VESICLE_VM_NATIVE_TYPED_ACTOR_REF_H_
#define VESICLE_VM_NATIVE_TYPED_ACTOR_REF_H_

#include <chrono>
#include <string>
#include <utility>

#include "vm/native/typed/actor_code.h"
#include "vm/native/typed/asked.h"

#pragma GCC visibility push(default)
namespace vesicle {

template <typename Signature>
class Sender;
template <typename T, typename M>
class RoomFor;

template <typename T>
class ActorRef {
 public:
  ActorRef() = default;

  // Of a value. InvalidArgument: it is no ref, or one of an actor of another class of this VM.
  static absl::StatusOr<ActorRef> From(Actors& actors, Value v) {
    Reading in(actors.core(), &actors);
    ActorRef ref;
    if (!Convert<ActorRef>::From(in, v, &ref)) return absl::InvalidArgumentError(in.Message());
    return ref;
  }
  Value value() const { return root_.value(); }
  bool is_empty() const { return root_.heap() == nullptr || root_.value().is_nil(); }
  // To an actor of class T in this VM.
  bool is_near() const { return is_near_; }
  friend bool operator==(const ActorRef& a, const ActorRef& b) { return a.value() == b.value(); }

  template <typename M, typename... As>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Tell(M method, As&&... as) const {
    typed_internal::CheckCall<T, M, As...>();
    if constexpr (typed_internal::word_call::kMayFit<typename SignatureOf<M>::Arguments>) {
      if (is_plain_ && TellInWord(method, as...)) [[likely]]
        return;
    }
    TellAnyway(method, std::forward<As>(as)...);
  }

  template <typename M, typename... As>
  auto Ask(M method, As&&... as) const -> Asked<typename SignatureOf<M>::Answer> {
    typed_internal::CheckCall<T, M, As...>();
    using A = Asked<typename SignatureOf<M>::Answer>;
    const typed_internal::CallName name = NameOf(method);
    if (is_empty()) return A(Gone(name));
    const Value message = MakeMessage(method, std::forward<As>(as)...);
    if (message.is_absent()) return A(Unlisted(name));
    const Value promise = actors_->core().NewPromise();
    actors_->Send(root_.value(), message, promise);
    if (ActorCode* code = Bounded()) code->inbox().TakeForAsk(*actors_, promise);
    return A(*actors_, promise, name);
  }

  // As above, but ResourceExhausted, and nothing is sent, when its inbox is full; Cancelled when it
  // has stopped. Of an actor without a bound always as above.
  template <typename M, typename... As>
  absl::Status TryTell(M method, As&&... as) const {
    const absl::Status room = HasRoom(NameOf(method));
    if (room.ok()) Tell(method, std::forward<As>(as)...);
    return room;
  }
  template <typename M, typename... As>
  auto TryAsk(M method, As&&... as) const -> Asked<typename SignatureOf<M>::Answer> {
    absl::Status room = HasRoom(NameOf(method));
    if (!room.ok()) return Asked<typename SignatureOf<M>::Answer>(std::move(room));
    return Ask(method, std::forward<As>(as)...);
  }
  // For tasks: absl::Status sent = co_await c.TellWhenRoom(&Counter::Add, 3). It is told as soon as
  // there is room, in the order of waiting.
  template <typename M, typename... As>
  RoomFor<T, M> TellWhenRoom(M method, As&&... as) const;

  // The right to call this one method and nothing else.
  template <typename M>
  auto Narrow(M method) const;

  // The actor ends when it has done what was sent before. Its tasks are cancelled then, or have
  // `grace` to end, which wants a time (Actors::SetTime).
  void Stop(std::chrono::nanoseconds grace = {}) const {
    if (is_near_ && !is_empty()) {
      actors_->Send(root_.value(), StopMessage(actors_->core(), grace), Value::Nil());
    }
  }
  // At once: what waits for it breaks with Cancelled; OnStop comes in a turn of its own. An effect
  // that stands even if the turn that does it fails.
  void Kill() const {
    if (ActorCode* code = Code()) code->Kill(root_.value());
  }
  // Settles when it has stopped, whyever.
  Asked<void> Join() const {
    if (is_empty()) return Asked<void>(Gone(JoinName()));
    ActorCode* code = Code();
    if (code == nullptr) return Asked<void>(Unlisted(JoinName()));
    return Asked<void>(*actors_, code->EndedPromise(), JoinName());
  }

  // Requests under way, of an actor with a bound.
  size_t under_way() const {
    ActorCode* code = Code();
    return code == nullptr ? 0 : code->inbox().under_way();
  }
  Actors* actors() const { return actors_; }

 private:
  friend struct Convert<ActorRef<T>>;
  template <typename Signature>
  friend class Sender;
  template <typename U, typename M>
  friend class RoomFor;
  friend class Context;

  template <typename M>
  static typed_internal::CallName NameOf(M method) {
    return {&typed_internal::InfoOf<T>(),
            &typed_internal::CallOf<T, M>::kCall,
            typed_internal::PackMethod(method),
            {}};
  }
  static typed_internal::CallName JoinName() { return {nullptr, nullptr, 0, "Join"}; }
  static absl::Status Gone(const typed_internal::CallName& name) {
    return VmStatus(absl::StatusCode::kUnavailable, name.Text(), "the ref is empty");
  }
  static absl::Status Unlisted(const typed_internal::CallName& name) {
    return VmStatus(absl::StatusCode::kUnimplemented, name.Text(),
                    "it is not among the Methods, and the ref leads out of this VM");
  }

  // Absent: the method has no name for who is elsewhere.
  template <typename M, typename... As>
  ABSL_ATTRIBUTE_ALWAYS_INLINE Value MakeMessage(M method, As&&... as) const {
    using S = SignatureOf<M>;
    if constexpr (typed_internal::word_call::kMayFit<typename S::Arguments>) {
      const Value word = InWord(method, as...);
      if (!word.is_absent()) [[likely]]
        return word;
    }
    Core& core = actors_->core();
    Build build(core);
    Value message;
    if (is_near_) [[likely]] {
      message = typed_internal::MakeCall<T>(build, core, method, std::forward<As>(as)...);
    } else {
      message = ByName(build, method, std::forward<As>(as)...);
    }
    if (build.failed()) [[unlikely]]
      if (Turn* turn = actors_->turn()) turn->Quota(Resource::kMemory);
    return message;
  }
  // The way of most tells, without a call. False: nothing was done.
  template <typename M, typename... As>
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool TellInWord(M method, const As&... as) const {
    namespace word_call = typed_internal::word_call;
    if (root_.heap() == nullptr) return false;
    int64_t argument = 0;
    if constexpr (sizeof...(As) > 0) {
      const auto integer =
          static_cast<std::tuple_element_t<0, typename SignatureOf<M>::Arguments>>((as, ...));
      if (!std::in_range<int64_t>(integer)) return false;
      argument = static_cast<int64_t>(integer);
    }
    const uint32_t number = actors_->CachedNumberOf(&typed_internal::CallOf<T, M>::kCall,
                                                    typed_internal::PackMethod(method));
    return word_call::Fits(argument) && number < word_call::kNumbersMax &&
           actors_->SendAtOnce(root_.value(), word_call::Make(number, argument));
  }
  template <typename M, typename... As>
  ABSL_ATTRIBUTE_NOINLINE void TellAnyway(M method, As&&... as) const {
    if (is_empty()) return;
    const Value message = MakeMessage(method, std::forward<As>(as)...);
    if (is_plain_) return actors_->Send(root_.value(), message, Value::Nil());
    TellSlow(message);
  }
  // Absent: it does not fit.
  template <typename M>
  Value InWord(M method) const {
    return InWordOf(method, 0);
  }
  template <typename M, typename A>
  ABSL_ATTRIBUTE_ALWAYS_INLINE Value InWord(M method, const A& a) const {
    const auto i = static_cast<std::tuple_element_t<0, typename SignatureOf<M>::Arguments>>(a);
    if (!std::in_range<int64_t>(i)) return Value::Absent();
    return InWordOf(method, static_cast<int64_t>(i));
  }
  template <typename M>
  ABSL_ATTRIBUTE_ALWAYS_INLINE Value InWordOf(M method, int64_t argument) const {
    namespace word_call = typed_internal::word_call;
    if (!is_near_ || !word_call::Fits(argument)) return Value::Absent();
    const uint32_t number =
        actors_->NumberOf(&typed_internal::CallOf<T, M>::kCall, typed_internal::PackMethod(method));
    if (number >= word_call::kNumbersMax) [[unlikely]]
      return Value::Absent();
    return word_call::Make(number, argument);
  }
  template <typename M, typename... As>
  static Value ByName(Build& build, M method, As&&... as) {
    const typed_internal::CallName name = NameOf(method);
    const typed_internal::Listed* listed = name.info->Find(name.call, name.method);
    if (listed == nullptr) return Value::Absent();
    using Arguments = typename SignatureOf<M>::Arguments;
    const Arguments arguments(std::forward<As>(as)...);
    return std::apply(
        [&](const auto&... ps) {
          const Value fields[sizeof...(ps) + 1] = {
              Convert<std::remove_cvref_t<decltype(ps)>>::To(build, ps)...};
          return build.TaggedWith(listed->name, std::span(fields, sizeof...(ps)));
        },
        arguments);
  }
  void TellSlow(Value message) const {
    if (message.is_absent()) return;
    ActorCode* code = Bounded();
    actors_->Send(root_.value(), message,
                  code == nullptr ? Value::Nil() : code->inbox().SlotOfTell(*actors_));
  }
  ActorCode* Code() const {
    return is_near_ && !is_empty() ? ActorCode::Of(root_.value()) : nullptr;
  }
  ActorCode* Bounded() const {
    if (is_plain_) [[likely]]
      return nullptr;
    ActorCode* code = Code();
    return code != nullptr && code->inbox().is_bounded() && !code->has_ended() ? code : nullptr;
  }
  absl::Status HasRoom(const typed_internal::CallName& name) const {
    if (is_empty()) return Gone(name);
    if (!is_near_ && name.info->Find(name.call, name.method) == nullptr) return Unlisted(name);
    ActorCode* code = Code();
    if (code == nullptr) return absl::OkStatus();
    if (code->has_ended()) {
      return VmStatus(absl::StatusCode::kCancelled, name.Text(), "the actor has stopped");
    }
    if (code->inbox().has_room()) return absl::OkStatus();
    return VmStatus(absl::StatusCode::kResourceExhausted, name.Text(), "its inbox is full");
  }

  Actors* actors_ = nullptr;
  Root root_;
  bool is_near_ = false;
  bool is_plain_ = false;  // near, and without a bound
};

template <typename T>
struct Convert<ActorRef<T>> {
  static std::string Name() { return "a ref of " + std::string(ClassName<T>()); }
  static Value To(Build&, const ActorRef<T>& ref) { return ref.value(); }
  static bool From(Reading& in, Value v, ActorRef<T>* out) {
    if (in.actors() == nullptr || !v.is_target()) return in.Wanted(Name(), v);
    const TypedCode* typed = TypedCode::Of(v);
    if (typed != nullptr && &typed->info() != &typed_internal::InfoOf<T>()) {
      return in.Wanted(Name(), v);
    }
    out->actors_ = in.actors();
    out->root_ = Root(in.core().heap(), v);
    out->is_near_ = typed != nullptr;
    const auto* code = dynamic_cast<const ActorCode*>(typed);
    out->is_plain_ = code != nullptr && !const_cast<ActorCode*>(code)->inbox().is_bounded();
    return true;
  }
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_ACTOR_REF_H_
