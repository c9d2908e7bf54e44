#include "vm/actor/promise.h"

#include "vm/heap/check.h"

namespace vesicle::promise {
namespace {

constexpr uint32_t kState = 0;
constexpr uint32_t kOutcome = 1;
constexpr uint32_t kFirst = 2;
constexpr uint32_t kLast = 3;
constexpr uint32_t kWords = 4;

constexpr int64_t kStateMask = 3;
constexpr int kSerialShift = 2;

// A waiter's words.
constexpr uint32_t kNext = 0;
constexpr uint32_t kTarget = 1;
constexpr uint32_t kMessage = 2;
constexpr uint32_t kSlot = 3;
constexpr uint32_t kCause = 4;
constexpr uint32_t kPayer = 5;
constexpr uint32_t kWaiterWords = 6;

int64_t Bits(const Object* p) { return p->words()[kState].small_int(); }

void SetState(Object* p, State state) {
  p->words()[kState] = Value::SmallInt((Bits(p) & ~kStateMask) | static_cast<int64_t>(state));
}

}  // namespace

Value Make(Heap& heap) {
  Object* p = heap.Allocate(Kind::kPromise, kWords);
  p->words()[kState] = Value::SmallInt(0);
  return Value::Target(p);
}

State StateOf(const Object* promise) { return static_cast<State>(Bits(promise) & kStateMask); }

Object* Root(Heap& heap, Object* promise) {
  while (StateOf(promise) == State::kForwarded) {
    Object* next = promise->words()[kOutcome].target();
    if (StateOf(next) == State::kForwarded) {
      heap.WillWrite(promise);
      promise->words()[kOutcome] = next->words()[kOutcome];
    }
    promise = next;
  }
  return promise;
}

bool HasWaiters(const Object* root) { return !internal::FirstWaiter(root).is_nil(); }

Value ReportOf(const Object* root) { return root->words()[kFirst]; }

Value OnlyListener(const Object* root) {
  const Value first = internal::FirstWaiter(root);
  if (first.is_nil() || !internal::NextWaiter(first.data()).is_nil()) return Value::Nil();
  const Event event = internal::WaiterOf(first.data()).event;
  return event.flag() == EventFlag::kListen ? event.message : Value::Nil();
}

uint64_t SerialOf(const Object* promise) {
  return static_cast<uint64_t>(Bits(promise) >> kSerialShift);
}

// An integer holds no object: no barrier.
void SetSerial(Object* promise, uint64_t serial) {
  promise->words()[kState] = Value::SmallInt((Bits(promise) & ((1 << kSerialShift) - 1)) |
                                             static_cast<int64_t>(serial << kSerialShift));
}

void AddWaiter(Heap& heap, Object* root, const Event& event, Value payer) {
  VESICLE_DCHECK(StateOf(root) == State::kPending);
  Object* node = heap.Allocate(Kind::kTuple, kWaiterWords);
  Value* w = node->words();
  w[kTarget] = event.target;
  w[kMessage] = event.message;
  w[kSlot] = event.slot;
  // 48 bits of cause and a small flag: it fits an integer word.
  w[kCause] = Value::SmallInt(static_cast<int64_t>(event.cause_and_flag));
  w[kPayer] = payer;
  const Value last = root->words()[kLast];
  heap.WillWrite(root);
  if (last.is_nil()) {
    root->words()[kFirst] = Value::Data(node);
  } else {
    heap.WillWrite(last.data());
    last.data()->words()[kNext] = Value::Data(node);
  }
  root->words()[kLast] = Value::Data(node);
}

void Keep(Heap& heap, Object* root, Value value) {
  heap.WillWrite(root);
  SetState(root, State::kKept);
  root->words()[kOutcome] = value;
}

void Break(Heap& heap, Object* root, Value reason, Value report) {
  heap.WillWrite(root);
  SetState(root, State::kBroken);
  root->words()[kOutcome] = reason;
  root->words()[kFirst] = report;
}

void Forward(Heap& heap, Object* root, Object* to) {
  VESICLE_CHECK(root != to);
  heap.WillWrite(root);
  heap.WillWrite(to);
  const Value first = root->words()[kFirst];
  if (!first.is_nil()) {
    const Value last = to->words()[kLast];
    if (last.is_nil()) {
      to->words()[kFirst] = first;
    } else {
      heap.WillWrite(last.data());
      last.data()->words()[kNext] = first;
    }
    to->words()[kLast] = root->words()[kLast];
  }
  SetState(root, State::kForwarded);
  root->words()[kOutcome] = Value::Target(to);
  root->words()[kFirst] = Value::Nil();
  root->words()[kLast] = Value::Nil();
}

namespace internal {

Value FirstWaiter(const Object* root) { return root->words()[kFirst]; }

void ClearWaiters(Heap& heap, Object* root) {
  heap.WillWrite(root);
  root->words()[kFirst] = Value::Nil();
  root->words()[kLast] = Value::Nil();
}

Waiter WaiterOf(const Object* node) {
  const Value* w = node->words();
  return {{w[kTarget], w[kMessage], w[kSlot], static_cast<uint64_t>(w[kCause].small_int())},
          w[kPayer]};
}

Value NextWaiter(const Object* node) { return node->words()[kNext]; }

}  // namespace internal
}  // namespace vesicle::promise
