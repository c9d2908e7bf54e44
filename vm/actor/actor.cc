#include "vm/actor/actor.h"

#include "vm/actor/code.h"
#include "vm/heap/check.h"

namespace vesicle {
namespace code {

Object* Make(Heap& heap, CodeBody* body, EnterFn enter, void* pointer, uint32_t constants) {
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
namespace {

constexpr uint32_t kNext = 0;  // of an inbox entry; then the event's words, its cause, its payer
constexpr uint32_t kEntryWords = 6;

}  // namespace

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
  heap.WillWrite(actor);
  if (!IsExtended(actor)) {
    if (behavior->count <= actor->count) {
      std::memcpy(actor->words(), behavior->words(), behavior->count * sizeof(Value));
      for (uint32_t i = behavior->count; i < actor->count; ++i) actor->words()[i] = Value::Nil();
      return;
    }
    Extend(heap, actor);
  }
  for (uint32_t i = 1; i < actor->count; ++i) actor->words()[i] = Value::Nil();
  heap.WillWrite(actor->words()[0].data());
  ExtensionWord(actor, Ext::kBehavior) = Value::Data(behavior);
}

void AddToInbox(Heap& heap, Object* actor, const InboxEntry& entry) {
  Object* node = heap.Allocate(Kind::kTuple, kEntryWords);
  Value* w = node->words();
  w[1] = entry.event.target;
  w[2] = entry.event.message;
  w[3] = entry.event.slot;
  w[4] = Value::SmallInt(static_cast<int64_t>(entry.event.cause_and_flag));
  w[5] = entry.payer;
  Object* extension = Extend(heap, actor);
  heap.WillWrite(extension);
  Value& last = ExtensionWord(actor, Ext::kInboxLast);
  if (last.is_nil()) {
    ExtensionWord(actor, Ext::kInboxFirst) = Value::Data(node);
  } else {
    heap.WillWrite(last.data());
    last.data()->words()[kNext] = Value::Data(node);
  }
  last = Value::Data(node);
}

bool TakeFromInbox(Heap& heap, Object* actor, InboxEntry* entry) {
  if (!IsExtended(actor)) return false;
  const Value first = ExtensionWord(actor, Ext::kInboxFirst);
  if (first.is_nil()) return false;
  *entry = internal::EntryOf(first.data());
  const Value next = internal::NextEntry(first.data());
  heap.WillWrite(actor->words()[0].data());
  ExtensionWord(actor, Ext::kInboxFirst) = next;
  if (next.is_nil()) ExtensionWord(actor, Ext::kInboxLast) = Value::Nil();
  return true;
}

namespace internal {

InboxEntry EntryOf(const Object* node) {
  const Value* w = node->words();
  return {{w[1], w[2], w[3], static_cast<uint64_t>(w[4].small_int())}, w[5]};
}

Value NextEntry(const Object* node) { return node->words()[kNext]; }

}  // namespace internal

}  // namespace actor
}  // namespace vesicle
