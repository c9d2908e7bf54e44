#include "vm/actor/promise.h"

#include <utility>

#include "vm/heap/check.h"

namespace vesicle::promise {
namespace {

constexpr uint32_t kState = 0;
constexpr uint32_t kOutcome = 1;
constexpr uint32_t kReport = 2;
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
constexpr uint32_t kAge = 6;
constexpr uint32_t kWaiterWords = 7;

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

Object* EndOfChain(Heap& heap, Object* promise) {
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

Value ReportOf(const Object* root) { return root->words()[kReport]; }

Value OnlyListener(const Object* root) {
  const Value last = internal::LastWaiter(root);
  if (last.is_nil() || internal::NextWaiter(last.data()) != last) return Value::Nil();
  const Event event = WaiterOf(last.data()).event;
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

void AddWaiter(Heap& heap, Object* root, const Event& event, Value payer, uint64_t age) {
  VESICLE_DCHECK(StateOf(root) == State::kPending || HasWaiters(root));
  Object* node = heap.Allocate(Kind::kWaiter, kWaiterWords);
  Value* w = node->words();
  w[kTarget] = event.target;
  w[kMessage] = event.message;
  w[kSlot] = event.slot;
  // 48 bits of cause and a small flag: it fits an integer word.
  w[kCause] = Value::SmallInt(static_cast<int64_t>(event.cause_and_flag));
  w[kPayer] = payer;
  w[kAge] = Value::SmallInt(static_cast<int64_t>(age));
  const Value last = root->words()[kLast];
  heap.WillWrite(root);
  if (last.is_nil()) {
    w[kNext] = Value::Data(node);
  } else {
    heap.WillWrite(last.data());
    w[kNext] = std::exchange(last.data()->words()[kNext], Value::Data(node));
  }
  root->words()[kLast] = Value::Data(node);
}

// Where a broken one has its report.
void Hold(Heap& heap, Object* root, Value value) {
  VESICLE_DCHECK(StateOf(root) == State::kPending);
  heap.WillWrite(root);
  root->words()[kReport] = value;
}

Value Held(const Object* root) { return root->words()[kReport]; }

Value RouteOf(const Object* root) {
  if (StateOf(root) == State::kBroken) return Value::Nil();
  const Value held = Held(root);
  return IsTargetKind(held, Kind::kActor) ? held : Value::Nil();
}

void KeepRoute(Object* root) { root->flags |= kKeepsRoute; }

bool NoteAsked(Object* root) {
  if ((root->flags & kIsAsked) != 0) return false;
  root->flags |= kIsAsked;
  return true;
}

bool HasMessages(const Object* root) {
  constexpr int kLooksMax = 16;
  const Value last = internal::LastWaiter(root);
  if (last.is_nil()) return false;
  Value node = last;
  for (int i = 0; i < kLooksMax; ++i) {
    node = internal::NextWaiter(node.data());
    if (WaiterOf(node.data()).event.flag() == EventFlag::kMessage) return true;
    if (node == last) return false;
  }
  return true;
}

void Keep(Heap& heap, Object* root, Value value) {
  heap.WillWrite(root);
  SetState(root, State::kKept);
  if ((root->flags & kKeepsRoute) == 0) root->words()[kReport] = Value::Nil();
  root->words()[kOutcome] = value;
}

void Break(Heap& heap, Object* root, Value reason, Value report) {
  heap.WillWrite(root);
  SetState(root, State::kBroken);
  root->words()[kOutcome] = reason;
  root->words()[kReport] = report;
}

void Forward(Heap& heap, Object* root, Object* to) {
  VESICLE_CHECK(root != to);
  heap.WillWrite(root);
  heap.WillWrite(to);
  const Value own = root->words()[kLast];
  if (!own.is_nil()) {
    const Value last = to->words()[kLast];
    if (!last.is_nil()) {
      heap.WillWrite(last.data());
      heap.WillWrite(own.data());
      std::swap(last.data()->words()[kNext], own.data()->words()[kNext]);
    }
    to->words()[kLast] = own;
  }
  SetState(root, State::kForwarded);
  root->words()[kReport] = Value::Nil();
  root->words()[kOutcome] = Value::Target(to);
  root->words()[kLast] = Value::Nil();
}

Waiter WaiterOf(const Object* node) {
  const Value* w = node->words();
  return {{w[kTarget], w[kMessage], w[kSlot], static_cast<uint64_t>(w[kCause].small_int())},
          w[kPayer],
          static_cast<uint64_t>(w[kAge].small_int())};
}

namespace internal {

Value LastWaiter(const Object* root) { return root->words()[kLast]; }

void SetFirstWaiter(Heap& heap, Object* root, Value first) {
  Value& last = root->words()[kLast];
  if (first.is_nil()) {
    heap.WillWrite(root);
    last = Value::Nil();
  } else {
    heap.WillWrite(last.data());
    last.data()->words()[kNext] = first;
  }
}

Value NextWaiter(const Object* node) { return node->words()[kNext]; }

}  // namespace internal
}  // namespace vesicle::promise
