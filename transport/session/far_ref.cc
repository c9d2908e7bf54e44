#include "transport/session/far_ref.h"

#include <utility>

#include "transport/session/session.h"
#include "vm/actor/core_turn.h"

namespace vesicle {

Value FarCode::Make(Core& core, Session* session) {
  return Value::Data(code::Make(core.heap(), new FarCode(session), &FarCode::Enter, nullptr, 0));
}

TurnEnd FarCode::Enter(Core& core, Object* holder) {
  // From one turn straight to the next.
  for (;;) {
    --core.fuel;
    auto& code = *static_cast<FarCode*>(code::Body(code::Of(holder)));
    const TurnEnd end =
        code.session_ != nullptr ? code.session_->Write(holder) : code.Gone(core, holder);
    if (end != TurnEnd::kDone) return end;
    holder = core.TakeNext(&FarCode::Enter);
    if (holder == nullptr) return TurnEnd::kDone;
  }
}

// The session is over.
TurnEnd FarCode::Gone(Core& core, Object* holder) const {
  TurnState& turn = core.turn();
  switch (turn.flag()) {
    case EventFlag::kListen:
      core.Break(turn.message, core.Reason("disconnected"));
      return TurnEnd::kDone;
    case EventFlag::kKept:
    case EventFlag::kBroken:
      core.Learn(std::exchange(turn.report, Value::Nil()));
      return TurnEnd::kDone;  // who was to hear of it is gone
    default:
      break;
  }
  // What was answered is known here, and may be an object of ours.
  if (far_ref::IsAnswer(holder) && far_ref::Where(holder).is_nil()) {
    if (!core.Send(far_ref::PromiseOf(holder), turn.message, turn.slot)) {
      return core.Quota(Resource::kEvents);
    }
    turn.slot = Value::Nil();
    return TurnEnd::kDone;
  }
  return core.Fault(core.Reason("disconnected"), {});
}

FarCode* FarCodeOf(Value ref) {
  if (!IsTargetKind(ref, Kind::kActor)) return nullptr;
  const Object* code = code::Of(actor::Holder(ref.target()));
  if (code::Enter(code) != &FarCode::Enter) return nullptr;
  return static_cast<FarCode*>(code::Body(code));
}

namespace far_ref {

Value Make(Heap& heap, Value code, uint64_t position) {
  Object* far = heap.AllocateRaw(Kind::kActor, actor::kWordsMin);
  far->words()[0] = code;
  far->words()[1] = Value::SmallInt(static_cast<int64_t>(position));
  return Value::Target(far);
}

namespace {
Value MakeWith(Heap& heap, Value code, int64_t where, Value behind) {
  Object* far = heap.AllocateRaw(Kind::kActor, actor::kWordsMin + 1);
  far->words()[0] = code;
  far->words()[1] = Value::SmallInt(where);
  far->words()[2] = behind;
  return Value::Target(far);
}
}  // namespace

Value MakeAnswer(Heap& heap, Value code, uint64_t position, Value promise) {
  return MakeWith(heap, code, -1 - static_cast<int64_t>(position), promise);
}

Value MakeListener(Heap& heap, Value code, uint64_t position, Value far) {
  return MakeWith(heap, code, static_cast<int64_t>(position), far);
}

std::optional<Descriptor> DescriptorOf(const Object* holder) {
  const Value where = Where(holder);
  if (where.is_nil()) return std::nullopt;
  const int64_t n = where.small_int();
  if (n >= 0) return Descriptor{Descriptor::Kind::kExport, static_cast<uint64_t>(n)};
  return Descriptor{Descriptor::Kind::kAnswer, static_cast<uint64_t>(-1 - n)};
}

// No object is among what is written or was there: no barrier.
void Return(Object* holder) { holder->words()[1] = Value::Nil(); }

}  // namespace far_ref
}  // namespace vesicle
