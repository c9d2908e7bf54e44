// ActorCode: the code of one typed actor, which holds its object; how its turns run, and its life:
// new, running, stopping, stopped. For vm/native/typed; hosts see ActorRef and Context.
//
// A turn of it is a call of a method (a typed message), a message by name (from a script or a
// peer), or one of its own: start, stop, finish. Each is a transaction like every turn: what it
// sends, creates and replies takes place when the method returns, or not at all; what it did to the
// object is not undone.
//
// Life: spawned; OnStart in its first turn; OnStop in its last. It ends by Stop (what was sent
//       before is done), Kill (nothing more is), a fault at start, a fault that OnFault or nobody
//       forgives, or the control of a supervisor, which makes a new object for the next life. From
//       its end on, messages break with #stopped.
#ifndef VESICLE_VM_NATIVE_TYPED_ACTOR_CODE_H_
#define VESICLE_VM_NATIVE_TYPED_ACTOR_CODE_H_

#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "vm/actor/code.h"
#include "vm/native/typed/actors.h"
#include "vm/native/typed/class_info.h"
#include "vm/native/typed/context.h"
#include "vm/native/typed/inbox.h"
#include "vm/native/typed/status.h"

#pragma GCC visibility push(default)
namespace vesicle {

// Of every typed actor, also of one that has had no turn yet.
class TypedCode : public CodeBody {
 public:
  TypedCode(Actors& actors, const typed_internal::ClassInfo& info, std::string name)
      : link_(actors.link()), info_(info), name_(std::move(name)) {}
  const std::string& name() const override { return name_; }
  bool is_opaque() const override { return true; }
  const typed_internal::ClassInfo& info() const { return info_; }

  // Of a target that is an actor, perhaps behind a budget, with such code; else null.
  static TypedCode* Of(Value target);

 protected:
  std::shared_ptr<ActorsLink> link_;
  const typed_internal::ClassInfo& info_;
  std::string name_;
};

class ActorCode final : public TypedCode {
 public:
  // Makes the object when a life begins; null: it cannot be made anew. Copies share the arguments.
  class MakeObject {
   public:
    MakeObject() = default;
    MakeObject(std::shared_ptr<void> arguments, void* (*make)(void* arguments))
        : arguments_(std::move(arguments)), make_(make) {}
    void* operator()() const { return make_(arguments_.get()); }

   private:
    std::shared_ptr<void> arguments_;
    void* (*make_)(void* arguments) = nullptr;
  };
  ActorCode(Actors& actors, const typed_internal::ClassInfo& info, ActorOptions options,
            MakeObject make);
  ~ActorCode() override;
  size_t bytes() const override { return sizeof *this; }
  void OnLifeEnd(Core& core, Object* holder) const override;

  // A new actor with this code; takes it over.
  static Value Spawn(std::unique_ptr<ActorCode> code);
  // A behavior whose actors each have an object of their own, for supervisors and scripts.
  static Value Behavior(Actors& actors, const typed_internal::ClassInfo& info, ActorOptions options,
                        MakeObject make);
  static ActorCode* Of(Value target);
  static TurnEnd Enter(Core& core, Object* holder);

  Actors& actors() { return *actors_; }
  void* object() { return object_; }
  Context& context() { return context_; }
  ActivityList& activities() { return activities_; }
  // What it serves beside its inbox (task/attach.h): ends when it begins to stop.
  ActivityList& sources() { return sources_; }
  Inbox& inbox() { return inbox_; }
  size_t tasks_max() const { return tasks_max_; }
  // Good between two collections, for an actor that lives.
  Value self() const { return code_object_->words()[code::kFixedWords]; }
  bool has_ended() const { return state_ >= State::kStopping; }

  // Settles when it has stopped.
  Value EndedPromise();
  // At once: what waits for it breaks with #stopped. OnStop comes soon, in a turn of its own.
  void Kill(Value self);
  // Its object and all it has under way go now, without OnStop.
  void Abandon();

  // --- for calls of methods
  // The caller sent what it does not take: the turn fails, and it is no fault of this actor's own.
  void Refuse(Turn& turn, std::string_view tag, std::string_view text);
  void RefuseArgument(Turn& turn, const typed_internal::Call* call, int64_t method, size_t index,
                      const Reading& in);
  // The method failed, with a status, by throwing: an answer for who asked, else a fault.
  void FailWith(Turn& turn, const absl::Status& status);
  void Threw(Turn& turn, std::exception_ptr error);
  // A turn of it failed otherwise than by a caller.
  void NoteFault(Turn& turn, std::string_view method, bool at_start);
  // A segment of a task failed, and with it the task; or the turn of a source's item.
  void AfterTaskFailed(Turn& turn, std::string_view what = "a task");
  // A task of it is over; it may have been the last one that it waits for.
  void OnActivityEnd(Turn& turn);

  // Of its own messages.
  void OnStartCall(Turn& turn);
  void OnStopCall(Turn& turn, std::chrono::nanoseconds grace);
  void OnFinishCall(Turn& turn);

 private:
  friend struct NewbornCode;
  enum class State : uint8_t { kNew, kRunning, kWaitingForTasks, kStopping, kStopped };

  Object* Adopt();
  void OneTurn(Turn& turn);
  void UnusualTurn(Turn& turn, const typed_internal::Call* call, Object* message);
  void ByName(Turn& turn);
  void Invoke(Turn& turn, const typed_internal::Call* call, int64_t method,
              const Value* arguments) {
    Guard(turn, call, method, [&] { call->invoke(*this, turn, method, arguments); });
  }
  template <typename Fn>
  void Guard(Turn& turn, const typed_internal::Call* call, int64_t method, Fn fn) {
    called_ = call;
    method_ = method;
    try {
      fn();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (...) {
      Threw(turn, std::current_exception());
    }
  }
  void AfterFailure(Turn& turn);
  void ShowCall(Turn& turn);
  void BreakStopped(Turn& turn);
  void StopAfterFault(Value self);
  void Forget();

  // What each turn looks at, close together.
  Actors* actors_;
  void* object_ = nullptr;
  // Of the running turn.
  const typed_internal::Call* called_ = nullptr;
  int64_t method_ = 0;
  State state_ = State::kNew;
  bool is_refusal_ = false;
  bool is_answer_ = false;

  bool was_started_ = false;
  bool is_listed_ = false;
  Context context_;
  MakeObject make_;
  Object* code_object_ = nullptr;  // stands in the old space: its address is good for life
  ActivityList activities_;
  ActivityList sources_;
  Inbox inbox_;
  size_t tasks_max_;
  Root ended_;
  Alarm grace_;
  std::list<ActorCode*>::iterator place_;
};

// The message that stops an actor.
Value StopMessage(Core& core, std::chrono::nanoseconds grace);

// ---------------------------------------------------------------------------

// Starts a task of the actor with the reply slot of the turn: task/run.h.
template <typename T>
void StartTask(ActorCode& code, Turn& turn, Task<T> task);

namespace typed_internal {

// What a method returned becomes the reply.
template <typename R>
void ReplyWith(ActorCode& code, Turn& turn, R&& result) {
  using Plain = std::remove_cvref_t<R>;
  if constexpr (std::is_same_v<Plain, absl::Status>) {
    if (!result.ok()) code.FailWith(turn, result);
  } else if constexpr (kIsStatusOr<Plain>) {
    if (!result.ok()) return code.FailWith(turn, result.status());
    ReplyWith(code, turn, *std::forward<R>(result));
  } else if constexpr (kIsPromise<Plain>) {
    turn.Reply(result.value());
  } else if constexpr (kIsTask<Plain>) {
    StartTask(code, turn, std::move(result));
  } else if constexpr (!kIsForwarded<Plain>) {
    if (!turn.is_asked()) return;
    turn.Reply(Convert<Plain>::To(turn, result));
    if (turn.failed()) [[unlikely]]
      turn.Quota(Resource::kMemory);
  }
}

template <typename T, typename M>
struct CallOf {
  using S = SignatureOf<M>;

  using Arguments = typename S::Arguments;

  static void Invoke(ActorCode& code, Turn& turn, int64_t method, const Value* arguments) {
    Arguments stored{};
    if constexpr (S::kCount > 0) {
      Reading in(turn.core(), &code.actors());
      size_t index = 0;
      const auto read = [&]<typename P>(P& p) {
        if (Convert<P>::From(in, arguments[index], &p)) [[likely]]
          return ++index, true;
        return false;
      };
      const bool ok = std::apply([&](auto&... ps) { return (read(ps) && ...); }, stored);
      turn.Charge(in.work());
      if (!ok) [[unlikely]]
        return code.RefuseArgument(turn, &kCall, method, index, in);
    }
    Run(code, turn, method, stored);
  }
  static void InvokeWord(ActorCode& code, Turn& turn, int64_t method, int64_t argument) {
    Arguments stored{};
    if constexpr (S::kCount > 0) {
      auto& integer = std::get<0>(stored);
      if (!std::in_range<std::remove_cvref_t<decltype(integer)>>(argument)) [[unlikely]] {
        const Value word = Value::SmallInt(argument);
        return Invoke(code, turn, method, &word);
      }
      integer = static_cast<std::remove_cvref_t<decltype(integer)>>(argument);
    }
    Run(code, turn, method, stored);
  }
  ABSL_ATTRIBUTE_ALWAYS_INLINE static void Run(ActorCode& code, Turn& turn, int64_t method,
                                               Arguments& stored) {
    T& object = *static_cast<T*>(code.object());
    const M pointer = UnpackMethod<M>(method);
    std::apply(
        [&](auto&... ps) {
          const auto call = [&]() -> decltype(auto) {
            if constexpr (S::kWantsContext) {
              return (object.*pointer)(code.context(), std::move(ps)...);
            } else if constexpr (S::kWantsTurn) {
              return (object.*pointer)(turn, std::move(ps)...);
            } else {
              return (object.*pointer)(std::move(ps)...);
            }
          };
          if constexpr (std::is_void_v<typename S::Result>) {
            call();
          } else {
            ReplyWith(code, turn, call());
          }
        },
        stored);
  }
  static constexpr Call MakeCall() {
    if constexpr (word_call::kMayFit<Arguments>) {
      return {&Invoke, S::kCount, &InvokeWord};
    } else {
      return {&Invoke, S::kCount};
    }
  }
  static constexpr Call kCall = MakeCall();
};

// The message of a typed call: the Call, the method, the arguments.
template <typename T, typename M, typename... As>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline Value MakeCall(Build& build, Core& core, M method, As&&... as) {
  using Arguments = typename SignatureOf<M>::Arguments;
  return [&]<size_t... kIndex>(std::index_sequence<kIndex...>) __attribute__((always_inline)) {
    const Value arguments[sizeof...(As) + 1] = {
        Convert<std::tuple_element_t<kIndex, Arguments>>::To(
            build, static_cast<const std::tuple_element_t<kIndex, Arguments>&>(
                       std::tuple_element_t<kIndex, Arguments>(std::forward<As>(as))))...};
    constexpr auto kWords = static_cast<uint32_t>(2 + sizeof...(As));
    Object* call = core.heap().AllocateRaw(Kind::kTuple, kWords);
    call->words()[0] = Value::FromBits(reinterpret_cast<uint64_t>(&CallOf<T, M>::kCall));
    call->words()[1] = Value::SmallInt(PackMethod(method));
    ((call->words()[2 + kIndex] = arguments[kIndex]), ...);
    return Value::Data(call);
  }
  (std::index_sequence_for<As...>());
}

}  // namespace typed_internal

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_ACTOR_CODE_H_
