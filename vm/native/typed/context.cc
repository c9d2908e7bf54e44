#include "vm/native/typed/context.h"

#include "vm/native/typed/actor_code.h"
#include "vm/native/typed/asked.h"

namespace vesicle {

Actors& Context::actors() { return code_.actors(); }

Turn& Context::turn() {
  Turn* turn = code_.actors().turn();
  VESICLE_CHECK(turn != nullptr && code_.actors().running() == &code_);
  return *turn;
}

void Context::Fail(const absl::Status& status) {
  VESICLE_CHECK(!status.ok());
  code_.FailWith(turn(), status);
}

void Context::Stop(std::chrono::nanoseconds grace) {
  turn().Send(turn().self(), StopMessage(core(), grace));
}

void Context::Kill() { code_.Kill(turn().self()); }

void Context::LinkTo(Value other, Asked<void> other_ends) {
  Heap& heap = core().heap();
  const auto stop = [&actors = actors()](const Root& whom) {
    actors.Send(whom.value(), StopMessage(actors.core(), {}), Value::Nil());
  };
  std::move(other_ends).Then([stop, self = Root(heap, turn().self())](const absl::Status&) {
    stop(self);
  });
  // Of nobody's life: it is to come when this one is over.
  actors().WhenSettled(code_.EndedPromise(), [stop, other = Root(heap, other)] { stop(other); });
}

}  // namespace vesicle
