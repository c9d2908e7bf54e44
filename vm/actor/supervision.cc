#include "vm/actor/supervision.h"

#include <utility>

namespace vesicle::supervision {

bool IsStopped(Object* record) {
  for (;;) {
    if (WordOf(record, Of::kIsStopped).is_true()) return true;
    const Value supervisor = WordOf(record, Of::kSupervisor);
    if (supervisor.is_nil()) return false;
    Object* above = RecordOf(supervisor);
    if (WordOf(above, Of::kLife) != WordOf(record, Of::kSupervisorLife)) return true;
    record = above;
  }
}

bool IsOverSlow(Object* wait) {
  Object* record = RecordOf(WordOf(wait, Wait::kActor));
  return WordOf(wait, Wait::kLife) != WordOf(record, Of::kLife) || IsStopped(record);
}

namespace ring {
namespace {
constexpr uint32_t kNext = 0;
constexpr uint32_t kPrevious = 1;

void Link(Heap& heap, Object* from, Object* to) {
  heap.WillWrite(from);
  heap.WillWrite(to);
  from->words()[kNext] = Value::Data(to);
  to->words()[kPrevious] = Value::Data(from);
}
}  // namespace

Value Of(Heap& heap, Object* tuple) {
  Link(heap, tuple, tuple);
  return Value::Data(tuple);
}

Value Joined(Heap& heap, Value a, Value b) {
  if (a.is_nil()) return b;
  if (b.is_nil()) return a;
  Object* first = Oldest(a);
  Object* second = Oldest(b);
  Link(heap, a.data(), second);
  Link(heap, b.data(), first);
  return b;
}

Value Without(Heap& heap, Value ring, Object* tuple) {
  Object* next = tuple->words()[kNext].data();
  Object* previous = tuple->words()[kPrevious].data();
  heap.WillWrite(tuple);
  tuple->words()[kNext] = tuple->words()[kPrevious] = Value::Nil();
  if (next == tuple) return Value::Nil();
  Link(heap, previous, next);
  return ring.data() == tuple ? Value::Data(previous) : ring;
}

}  // namespace ring
}  // namespace vesicle::supervision
