// Code: what a behavior, a function or a handler runs. A kCode object stands in
// the old space, so its address is good for life; everything that runs points to it.
//
//   word 0    CodeBody*, owned: deleted when the object dies
//   word 1    the EnterFn, as an integer
//   word 2    raw aligned pointer for the owner of the code (instructions)
//   word 3..  constants
//
// A *holder* is any object whose word 0 is a kCode and whose further words are
// captures: kActor, kBehavior, kFunction. A turn runs the code of a holder over
// the captures of that holder, so an actor's dispatch needs no set-up at all.
#ifndef VESICLE_VM_ACTOR_CODE_H_
#define VESICLE_VM_ACTOR_CODE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Core;

// How a run of code ended, as told to Core's dispatch.
enum class TurnEnd : uint8_t {
  kDone,       // commit: effects take place
  kFaulted,    // roll back: the code has told Core why (Core::Fault, Fail, Rebreak)
  kQuota,      // roll back and park: the code has told Core what ran out (Core::Quota)
  kSuspended,  // the slice is over: the code has handed over what is to go on (Core::Suspend)
};

// Runs `holder`'s code for the current turn of `core` (Core::turn()).
using EnterFn = TurnEnd (*)(Core& core, Object* holder);

// The C++ half of a code object. Who made the object pays for both as long as they live.
class CodeBody {
 public:
  virtual ~CodeBody() = default;
  // The C++ memory that it holds; the same at any time. 0: not worth counting.
  virtual size_t bytes() const { return 0; }
  // Holds C++ state of its own, which may be anything: refs, too. So no boundary lets it by.
  virtual bool is_opaque() const { return false; }
  // Its actors may be told how a promise settles, and stand for one (promise.h): besides messages
  // they get events kKept, kBroken and kListen. For code of the VM's own, such as what stands for
  // an object of another VM.
  virtual bool hears_promises() const { return false; }
  // Of a clock: what it would answer, for who may not ask and wait (a policy). Nothing: it is none.
  virtual std::optional<int64_t> NowNs() const { return std::nullopt; }
  // A life of an actor with this code is over, between turns: it was stopped, or begins anew.
  // `holder`: its last behavior.
  virtual void OnLifeEnd(Core&, Object* holder) const { static_cast<void>(holder); }
  // For reports and traces: "counter", "counter.when", "<native>".
  virtual const std::string& name() const = 0;
};

namespace code {
inline constexpr uint32_t kFixedWords = 3;

inline CodeBody* Body(const Object* code) {
  return reinterpret_cast<CodeBody*>(code->words()[0].bits());
}
inline EnterFn Enter(const Object* code) {
  return reinterpret_cast<EnterFn>(code->words()[1].bits() >> 3);
}
inline void* Pointer(const Object* code) {
  return reinterpret_cast<void*>(code->words()[2].bits());
}
// Address of constant 0.
inline const Value* Constants(const Object* code) { return code->words() + kFixedWords; }
inline Object* Of(const Object* holder) { return holder->words()[0].data(); }

// A new code object with `constants` nil constants; takes ownership of body.
// Frozen once its constants are filled, which must be before the next safe point.
Object* Make(Heap& heap, CodeBody* body, EnterFn enter, void* pointer, uint32_t constants);
}  // namespace code

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_CODE_H_
