#include "vm/native/typed/sender.h"

#include <string>

#include "vm/native/typed/turn_access.h"

namespace vesicle {
namespace {

// Captures: the target, the call or nil, the method, the tag for who takes no calls.
struct NarrowCode final : CodeBody {
  const std::string& name() const override { return label; }
  bool is_opaque() const override { return true; }

  static TurnEnd Enter(Core& core, Object* holder) {
    --core.fuel;
    Turn turn(core, holder);
    Narrowed(turn);
    return TurnAccess::Close(turn);
  }

  static void Narrowed(Turn& turn) {
    const Value message = turn.message();
    const Value tag = HasTag(message) ? TagOf(message) : Value::Nil();
    if (!HasTag(message) || SymbolView(tag) != "call") {
      return turn.Fault("no_clause", "it takes #call(arguments)");
    }
    const std::span<const Value> fields = FieldsOf(message);
    if (turn.capture(1).is_nil()) {
      const Value renamed =
          fields.empty() ? turn.capture(3)
                         : Taken(turn, MakeTagged(turn.core().heap(), turn.capture(3), fields));
      if (!turn.has_failed()) turn.Delegate(turn.capture(0), renamed);
      return;
    }
    const auto* call = reinterpret_cast<const typed_internal::Call*>(turn.capture(1).bits());
    if (fields.size() != call->count) {
      return turn.Fault("type", "#call: wanted " + std::to_string(call->count) +
                                    " arguments, got " + std::to_string(fields.size()));
    }
    Object* o =
        turn.core().heap().AllocateRaw(Kind::kTuple, static_cast<uint32_t>(2 + fields.size()));
    o->words()[0] = turn.capture(1);
    o->words()[1] = turn.capture(2);
    std::copy(fields.begin(), fields.end(), o->words() + 2);
    turn.Delegate(turn.capture(0), Value::Data(o));
  }
  static Value Taken(Turn& turn, Result result) {
    if (result.ok()) return result.value();
    turn.Quota(Resource::kMemory);
    return Value::Nil();
  }

  std::string label = "a Sender";
};

}  // namespace

Value Actors::NewNarrow(Value target, const typed_internal::Call* call, int64_t method, Value tag) {
  if (narrow_code_.value().is_nil()) {
    narrow_code_ =
        Root(core_.heap(),
             Value::Data(code::Make(core_.heap(), new NarrowCode, &NarrowCode::Enter, nullptr, 0)));
  }
  Object* actor = core_.NewActor(narrow_code_.value().data(), 4);
  Value* captures = actor->words() + 1;
  captures[0] = target;
  captures[1] = call == nullptr ? Value::Nil() : Value::FromBits(reinterpret_cast<uint64_t>(call));
  captures[2] = Value::SmallInt(method);
  captures[3] = tag;
  return Value::Target(actor);
}

}  // namespace vesicle
