// Boundary: the hook by which a layer above stands between two groups of actors. The VM
// knows proxies and that an event of one is a *crossing*; what becomes of the event's
// message and slot, and who pays, is the boundary's to say.
//
//   kProxy     word 0 the kBoundary, word 1 the target on its other side (nil: cut),
//              word 2 the boundary's own integer, word 3 an identity serial
//   kBoundary  word 0 Boundary*, owned: deleted when the object dies; further words are
//              the boundary's own, under the law of writes
//
// A proxy needs no turn of its own: the event is crossed in the dispatch that begins the
// target's turn. Until then it stays what it was: the event of a proxy waits in queues and
// inboxes, is parked and comes back as such, so a boundary that is cut drops it at once.
//
// A *slot proxy* stands for a slot of the other side: what settles it is a crossing, too, in a
// dispatch of its own where more is to be done than to hand on a flat value.
//
// A long crossing is done in pieces: its event waits at the front of its queue, and the slices of
// who pays go into the walk. Nobody else waits for it.
#ifndef VESICLE_VM_ACTOR_BOUNDARY_H_
#define VESICLE_VM_ACTOR_BOUNDARY_H_

#include <cstdint>
#include <memory>

#include "vm/actor/event.h"
#include "vm/heap/heap.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Core;

// A crossing that is not done yet: what a boundary needs to go on.
class Passing {
 public:
  virtual ~Passing() = default;
  virtual void Visit(Visitor& visitor) = 0;
  // It will not go on: what it made for the other side is of no use.
  virtual void Abandon() = 0;
  // Its event is parked, to cross anew: what was counted for it is not.
  virtual void TakeBack(Core& core) = 0;
};

class Boundary {
 public:
  virtual ~Boundary() = default;
  // 0, or the turn after which no event crosses any more, in either direction, counted up by one.
  virtual uint64_t cut_at() const = 0;
  bool is_cut() const { return cut_at() != 0; }
  // The control ref of the sponsor that runs what crosses to the target of `proxy`; nil: the
  // root's.
  virtual Value PayerTo(const Object* proxy) const = 0;

  enum class Passage : uint8_t {
    kGoesOn,      // message, slot and target are those of the other side
    kRedirected,  // so they are, and the target is another: it is delivered anew
    kRefused,     // it does not cross; its slot was settled, or the refusal reported
    kMore,        // there is more to do: `passing` is what
    kNoRoom,      // the same, and an allocation did not fit
    kNoPlace,     // the same, and a table is full: what it holds of the dead may go
  };
  // Makes an event that came to `proxy` one of the other side, on its way to what is behind it,
  // paid by the running sponsor. Of a slot proxy the event is what settles it, and a report link in
  // its slot goes along; kRefused is not an answer then. Never collects. `passing`: null at first.
  virtual Passage Cross(Core& core, Object* proxy, Event& event,
                        std::unique_ptr<Passing>& passing) = 0;
  // The same for a message that takes no more than a look: an open boundary, `event` run by who
  // pays, nobody to tell, nothing to walk. The number of the crossing, for TakeBack; kNotAtOnce:
  // nothing was done, and Cross is to do it.
  virtual int64_t CrossAtOnce(Core& core, Object* proxy, Event& event) = 0;
  static constexpr int64_t kNotAtOnce = -1;
  // What settles a slot proxy, if that is a flat value with nobody to judge it, is handed on as it
  // is, whoever runs. Only the first settlement counts.
  enum class Settling : uint8_t { kAtOnce, kCrosses, kIsLate };
  virtual Settling Settle(Core& core, Object* slot_proxy, EventFlag how, Value value) = 0;
  // Why, when kNoPlace stands after a collection.
  virtual Value FullReason(Core& core) = 0;
  // The event of a crossing that was counted with Core::NoteCrossed is parked, to cross anew.
  virtual void TakeBack(Core& core, int64_t crossing) = 0;
  // A message that came to `proxy` was refused before it crossed, and it may have been asked to.
  virtual void OnLost(const Object*) {}
  // After it was cut, a piece of letting go of what it held (Core::BeginLettingGo); false when
  // done.
  virtual bool LetGo(Core& core) = 0;
  // Words held in C++ memory. Heap::WillWrite(object) comes before a young one is put there.
  virtual void Visit(Visitor& visitor) = 0;
  // C++ memory behind it, charged to who pays for the object.
  virtual int64_t bytes() const = 0;
};

namespace boundary {
inline constexpr uint32_t kWordsMin = 1;  // of a kBoundary
inline constexpr uint32_t kProxyWords = 4;

inline Boundary* Of(const Object* object) {
  return reinterpret_cast<Boundary*>(object->words()[0].bits());
}
inline Boundary* OfProxy(const Object* proxy) { return Of(proxy->words()[0].data()); }
inline Value Target(const Object* proxy) { return proxy->words()[1]; }
inline int64_t Info(const Object* proxy) { return proxy->words()[2].small_int(); }
inline void SetInfo(Heap& heap, Object* proxy, int64_t info) {
  heap.WillWrite(proxy);
  proxy->words()[2] = Value::SmallInt(info);
}
inline Value MakeProxy(Heap& heap, Object* of, Value target, int64_t info) {
  Object* proxy = heap.AllocateRaw(Kind::kProxy, kProxyWords);
  proxy->words()[0] = Value::Data(of);
  proxy->words()[1] = target;
  proxy->words()[2] = Value::SmallInt(info);
  proxy->words()[3] = Value::Nil();
  return Value::Target(proxy);
}
inline void Cut(Heap& heap, Object* proxy) {
  heap.WillWrite(proxy);
  proxy->words()[1] = Value::Nil();
}
}  // namespace boundary

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_BOUNDARY_H_
