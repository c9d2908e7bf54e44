// FarRef: a reference to an object of a peer. It is an actor of this VM whose turns write to the
// session: so what a turn sends to it is written when that turn has committed, in the order of
// the queue, paid by the sender; and membranes, sponsors and `when` treat it as any other.
//
//   far object  code, position                   the peer's desc:export
//   far answer  code, -1 - position, promise     what the peer will answer; the route of that
//   promise
//               (promise.h). Nil for the position: it was returned, and messages go to the promise.
//   listener    code, position, far object       who is told how something settles, once
//
// All far refs of a session share its code, so that the session of one is found, and its end is
// told, in one place.
//
// Costs: 24 bytes; a far answer 40.
#ifndef VESICLE_TRANSPORT_SESSION_FAR_REF_H_
#define VESICLE_TRANSPORT_SESSION_FAR_REF_H_

#include <cstdint>
#include <optional>
#include <string>

#include "transport/captp/descriptor.h"
#include "vm/actor/actor.h"
#include "vm/actor/code.h"
#include "vm/actor/core.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Session;

class FarCode final : public CodeBody {
 public:
  explicit FarCode(Session* session) : session_(session) {}
  const std::string& name() const override { return name_; }
  bool hears_promises() const override { return true; }
  size_t bytes() const override { return sizeof *this; }

  // The code object; nil: no memory. Frozen until the session ends.
  static Value Make(Core& core, Session* session);
  static FarCode& Of(Value code) { return *static_cast<FarCode*>(code::Body(code.data())); }

  Session* session() const { return session_; }
  // Messages break from now on, #disconnected.
  void End() { session_ = nullptr; }

 private:
  static TurnEnd Enter(Core& core, Object* holder);
  TurnEnd Gone(Core& core, Object* holder) const;
  friend FarCode* FarCodeOf(Value ref);

  Session* session_;  // null: it ended
  std::string name_ = "far";
};

// Of a far ref; null: it is none.
FarCode* FarCodeOf(Value ref);

namespace far_ref {
Value Make(Heap& heap, Value code, uint64_t position);
Value MakeAnswer(Heap& heap, Value code, uint64_t position, Value promise);
Value MakeListener(Heap& heap, Value code, uint64_t position, Value far);

// Of the actor, or of what its code runs over.
inline Value Where(const Object* holder) { return holder->words()[1]; }
inline bool IsAnswer(const Object* holder) {
  return Where(holder).is_nil() || Where(holder).small_int() < 0;
}
// What the peer knows it as; nothing: an answer that was returned.
std::optional<Descriptor> DescriptorOf(const Object* holder);
// Wants an answer.
inline Value PromiseOf(const Object* holder) { return holder->words()[2]; }
void Return(Object* holder);
}  // namespace far_ref

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SESSION_FAR_REF_H_
