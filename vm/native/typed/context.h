// Context: what a method of a typed actor may do beside returning: a method that wants one takes
// a Context& first. It stays good as long as the actor lives, so a task may take one, too; but it
// may be used in turns of its actor only (checked).
//
//   void Greeter::Greet(Context& context, std::string name) {
//     ActorRef<Letter> letter = context.Spawn<Letter>(name);
//     letter.Tell(&Letter::Send);
//     context.self<Greeter>().Tell(&Greeter::Count);
//   }
#ifndef VESICLE_VM_NATIVE_TYPED_CONTEXT_H_
#define VESICLE_VM_NATIVE_TYPED_CONTEXT_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "vm/native/turn.h"
#include "vm/native/typed/signature.h"

#pragma GCC visibility push(default)
namespace vesicle {

class ActorCode;
class Actors;
template <typename T>
class ActorRef;
template <typename T>
class Asked;
template <typename T>
class Resolver;

class Attachment;

struct ActorOptions {
  // In reports and traces; empty: the name of the class.
  std::string name = {};
  // Requests that it may have under way (inbox.h); 0: no bound.
  size_t inbox_max = 0;
  // Tasks and callbacks that it may have under way, which take memory of the host, whoever sends;
  // a request that would start one more breaks with #full.
  size_t tasks_max = 10'000;
};

// How a source of items stands to the messages that wait (Context::Attach).
struct AttachOptions {
  // kBefore: an item goes before them; kBehind: behind those that wait when it comes.
  enum class Priority : uint8_t { kBefore, kBehind };
  Priority priority = Priority::kBefore;
  // So many items, one turn each, may go before the messages in a row; then those that wait have
  // theirs. At least 1.
  size_t burst_max = 1;
  // For Crash::method.
  std::string name = "a source";
};

class Context {
 public:
  explicit Context(ActorCode& code) : code_(code) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Actors& actors();
  Core& core() { return turn().core(); }
  // The turn that runs, for all that it can do.
  Turn& turn();

  // This actor. Wants its class (checked).
  template <typename T>
  ActorRef<T> self();

  // A new actor, if this turn ends well.
  template <typename T, typename... As>
  ActorRef<T> Spawn(As&&... as);
  template <typename T, typename... As>
  ActorRef<T> SpawnWith(ActorOptions options, As&&... as);

  // Passes this request on: who gets it answers our asker. To be returned.
  //   Forwarded<int> Get(Context& c) { return c.Forward(backend_, &Backend::Get); }
  template <typename T, typename M, typename... As>
  auto Forward(const ActorRef<T>& to, M method, As&&... as)
      -> Forwarded<typename SignatureOf<M>::Answer>;

  // For a reply that comes later: return the promise, keep the resolver.
  template <typename T>
  std::pair<Promise<T>, Resolver<T>> MakePromise();

  // Gives the turn up: none of its effects takes place. Who asked gets the status; if nobody did
  // it is a fault.
  void Fail(const absl::Status& status);

  // Ends this actor, as ActorRef's do, when the turn is over.
  void Stop(std::chrono::nanoseconds grace = {});
  void Kill();

  // Runs a task of this actor: its first segment at once, in this turn. It ends with the actor.
  void Start(Task<void> task);

  // Serves a source of its own beside the inbox: each item is a turn of this actor that calls
  // `method` with it, until the source ends, the actor begins to stop, or Attachment::Detach. What
  // a source is, and what the method takes: task/attach.h.
  template <typename S, typename M>
  Attachment Attach(S source, M method, AttachOptions options = {});

  // When `other` has stopped, whyever, `method` is called as a turn of this actor, with these
  // arguments, which may say who it was: context.Watch(worker, &Boss::OnEnd, number).
  template <typename U, typename M, typename... As>
  void Watch(const ActorRef<U>& other, M method, As&&... as);
  // When one of both has stopped, the other one does.
  template <typename U>
  void Link(const ActorRef<U>& other);

 private:
  void LinkTo(Value other, Asked<void> other_ends);

  ActorCode& code_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_CONTEXT_H_
