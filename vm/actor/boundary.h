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
// A *slot proxy* stands for a slot of the other side: settling it crosses the value.
#ifndef VESICLE_VM_ACTOR_BOUNDARY_H_
#define VESICLE_VM_ACTOR_BOUNDARY_H_

#include <cstdint>

#include "vm/actor/event.h"
#include "vm/heap/heap.h"

namespace vesicle {

class Core;

class Boundary {
 public:
  virtual ~Boundary() = default;
  // No event crosses any more, in either direction.
  virtual bool is_cut() const = 0;
  // The control ref of the sponsor that runs what crosses to the target of `proxy`; nil: the root's.
  virtual Value PayerTo(const Object* proxy) const = 0;
  // Makes message and slot those of the other side, paid by the running sponsor. kRefused: it does
  // not cross, and its slot is settled or the refusal is reported. kNoRoom: an allocation did not
  // fit; nothing changed. Never collects.
  enum class Passage : uint8_t { kGoesOn, kRefused, kNoRoom };
  virtual Passage Cross(Core& core, const Object* proxy, Event& event) = 0;
  // The same for what settles a slot proxy: how, value and report become those of the other side.
  // False: nobody is to learn of it.
  virtual bool CrossSettlement(Core& core, Object* slot_proxy, EventFlag& how, Value& value,
                               Value& report) = 0;
  // After it was cut, a piece of letting go of what it held (Core::LetGo); false when done.
  virtual bool LetGo(Core& core) = 0;
  // Words held in C++ memory; none of them young.
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

#endif  // VESICLE_VM_ACTOR_BOUNDARY_H_
