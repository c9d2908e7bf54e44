#include "transport/session/query.h"

#include <algorithm>
#include <string>
#include <utility>

#include "transport/syrup/forms.h"
#include "vm/actor/actor.h"
#include "vm/actor/code.h"
#include "vm/actor/core_turn.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/tagged.h"

namespace vesicle {
namespace {

// An actor that hears how the target settles. Its captures: kind, index or name, slot.
// A list has far fewer elements.
constexpr uint64_t kIndexMax = (uint64_t{1} << 59) - 1;
enum Capture : uint32_t { kKind = 1, kOperand, kSlot, kWordCount };

class QueryCode final : public CodeBody {
 public:
  const std::string& name() const override { return name_; }
  bool hears_promises() const override { return true; }
  static TurnEnd Enter(Core& core, Object* holder);

 private:
  std::string name_ = "query";
};

struct Part {
  Result value;
  const char* reason = nullptr;  // there is none
};

Part Get(Core& core, Value of, Value name) {
  if (!IsMap(of)) return {Value::Nil(), "type"};
  const Result value = MapGet(of, name, core);
  if (!value.ok() || value.value() == Value::Absent()) return {Value::Nil(), "missing_key"};
  return {value};
}

Part Index(Value of, uint64_t index) {
  if (!IsList(of)) return {Value::Nil(), "type"};
  if (index >= ListSize(of)) return {Value::Nil(), "bad_index"};
  return {ListAt(of, index)};
}

// The fields of #t(a, b) are the list that stands on the wire; what is tagged otherwise is spelled
// out (forms.h).
Part Untag(Heap& heap, Value of, Value tag) {
  if (!IsTagged(of)) return {Value::Nil(), "type"};
  const std::span<const Value> fields = FieldsOf(of);
  if (TagOf(of) == syrup::OcapnSymbol()) {
    const bool is_tagged = syrup::SpellingOf(TagOf(of), fields) == syrup::Spelling::kTagged;
    if (is_tagged && fields[1] == tag) return {fields[2]};
    return {Value::Nil(), "type"};
  }
  if (!(TagOf(of) == tag)) return {Value::Nil(), "type"};
  return {MakeList(heap, fields)};
}

Part PartOf(Core& core, const Query& query, Value of) {
  switch (query.kind) {
    case Query::Kind::kGet:
      return Get(core, of, query.name);
    case Query::Kind::kIndex:
      return Index(of, query.index);
    case Query::Kind::kUntag:
      return Untag(core.heap(), of, query.name);
  }
  return {Value::Nil(), "type"};
}

void Answer(Core& core, const Query& query, Value of, Value slot) {
  const Part part = PartOf(core, query, of);
  if (part.reason != nullptr) {
    core.Break(slot, core.Reason(part.reason, "the value has no such part"));
  } else if (!part.value.ok()) {
    core.Break(slot, core.QuotaReason(Resource::kMemory));
  } else {
    core.Keep(slot, part.value.value());
  }
}

TurnEnd QueryCode::Enter(Core& core, Object* holder) {
  --core.fuel;
  TurnState& turn = core.turn();
  const Value* words = holder->words();
  const Value slot = words[kSlot];
  if (turn.flag() == EventFlag::kBroken) {
    core.Break(slot, turn.message);
    return TurnEnd::kDone;
  }
  if (turn.flag() != EventFlag::kKept) return TurnEnd::kDone;
  Query query;
  query.kind = static_cast<Query::Kind>(words[kKind].small_int());
  if (query.kind == Query::Kind::kIndex) {
    query.index = static_cast<uint64_t>(words[kOperand].small_int());
  } else {
    query.name = words[kOperand];
  }
  Answer(core, query, turn.message, slot);
  return TurnEnd::kDone;
}

}  // namespace

void Ask(Core& core, Value payer, Value target, const Query& query, Value slot) {
  if (!IsPromise(target)) return Answer(core, query, target, slot);
  Heap& heap = core.heap();
  Object* code = code::Make(heap, new QueryCode, &QueryCode::Enter, nullptr, 0);
  Object* actor = heap.AllocateRaw(Kind::kActor, kWordCount);
  actor->words()[0] = Value::Data(code);
  actor->words()[kKind] = Value::SmallInt(static_cast<int64_t>(query.kind));
  actor->words()[kOperand] =
      query.kind == Query::Kind::kIndex
          ? Value::SmallInt(static_cast<int64_t>(std::min(query.index, kIndexMax)))
          : query.name;
  actor->words()[kSlot] = slot;
  core.ListenOn(payer, target, Value::Target(actor));
}

}  // namespace vesicle
