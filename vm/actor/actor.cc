#include "vm/actor/actor.h"

#include "vm/actor/code.h"
#include "vm/heap/check.h"

namespace vesicle {
namespace code {

Object* Make(Heap& heap, CodeBody* body, EnterFn enter, void* pointer, uint32_t constants) {
  // As small objects: without memory of the system for it there is no going on.
  const Heap::BeyondAllowance beyond(heap);
  Object* o = heap.AllocateOld(Kind::kCode, kFixedWords + constants);
  VESICLE_CHECK(o != nullptr);
  Value* w = o->words();
  w[0] = Value::FromBits(reinterpret_cast<uint64_t>(body));
  w[1] = Value::FromBits(reinterpret_cast<uint64_t>(enter) << 3);
  w[2] = Value::FromBits(reinterpret_cast<uint64_t>(pointer));
  VESICLE_CHECK(w[0].is_int() && w[2].is_int());
  heap.ChargeExternal(o->sponsor, static_cast<int64_t>(body->bytes()));
  return o;
}

}  // namespace code

namespace actor {

Object* Extend(Heap& heap, Object* actor) {
  if (IsExtended(actor)) return actor->words()[0].data();
  Object* behavior = heap.Allocate(Kind::kBehavior, actor->count);
  std::memcpy(behavior->words(), actor->words(), actor->count * sizeof(Value));
  Object* extension = heap.Allocate(Kind::kExtension, static_cast<uint32_t>(Ext::kCount));
  extension->words()[static_cast<uint32_t>(Ext::kBehavior)] = Value::Data(behavior);
  heap.WillWrite(actor);
  actor->words()[0] = Value::Data(extension);
  actor->flags |= kExtended;
  // The captures stay where they are as well: a turn that runs now reads them there.
  return extension;
}

void SetBehavior(Heap& heap, Object* actor, const Object* behavior) {
  const Value* words = behavior->words();
  if (SetInPlace(heap, actor, words[0], words + 1, behavior->count - 1)) return;
  heap.WillWrite(actor);
  Extend(heap, actor);
  for (uint32_t i = 1; i < actor->count; ++i) actor->words()[i] = Value::Nil();
  heap.WillWrite(actor->words()[0].data());
  ExtensionWord(actor, Ext::kBehavior) = Value::Data(behavior);
}

}  // namespace actor
}  // namespace vesicle
