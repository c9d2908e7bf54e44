// Core: a fault goes to a supervisor.
#include <algorithm>
#include <string>

#include "vm/actor/core.h"
#include "vm/actor/supervision.h"
#include "vm/value/bytes.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"
#include "vm/value/utf8.h"

namespace vesicle {

using supervision::Count;
using supervision::Of;
using supervision::WordOf;

namespace {

// A reason as data without refs: what is none, and what is too much, is a symbol that says so.
class Plain {
 public:
  Plain(Heap& heap, SymbolTable& symbols, IdentitySource& identities)
      : heap_(heap), symbols_(symbols), identities_(identities) {}

  Value Of(Value v, int depth = 0) {
    if (depth > kDepthMax || --left_ < 0) return Symbol("...");
    switch (ValueKindOf(v)) {
      case ValueKind::kNil:
      case ValueKind::kBool:
      case ValueKind::kFloat:
      case ValueKind::kSymbol:
        return v;
      case ValueKind::kInt:
        return v.is_int() || v.data()->payload_bytes() <= kBytesMax ? v : Symbol("int");
      case ValueKind::kText:
        return Shortened(v);
      case ValueKind::kBytes:
        return BytesView(v).size() <= kBytesMax ? v : Symbol("bytes");
      case ValueKind::kTagged: {
        std::vector<Value> fields;
        for (const Value field : FieldsOf(v).first(std::min(kItemsMax, FieldsOf(v).size()))) {
          fields.push_back(Of(field, depth + 1));
        }
        return MakeTagged(heap_, TagOf(v), fields).value();
      }
      case ValueKind::kList: {
        ListBuilder items(heap_);
        for (uint64_t i = 0; i < std::min<uint64_t>(ListSize(v), kItemsMax); ++i) {
          items.Add(Of(ListAt(v, i), depth + 1));
        }
        return items.Finish().value();
      }
      case ValueKind::kMap: {
        Value map = EmptyMap(heap_);
        for (uint64_t i = 0; i < std::min<uint64_t>(MapSize(v), kItemsMax); ++i) {
          const MapEntry entry = MapAt(v, i);
          map =
              MapPut(heap_, map, Of(entry.key, depth + 1), Of(entry.value, depth + 1), identities_)
                  .value();
        }
        return map;
      }
      case ValueKind::kRef:
        return Symbol("ref");
      case ValueKind::kPromise:
        return Symbol("promise");
      case ValueKind::kFunction:
        return Symbol("function");
      case ValueKind::kBehavior:
        return Symbol("behavior");
      case ValueKind::kInternal:
        break;
    }
    return Value::Nil();
  }

 private:
  static constexpr int kDepthMax = 4;
  static constexpr size_t kItemsMax = 8;
  static constexpr size_t kBytesMax = 400;

  Value Symbol(std::string_view name) { return symbols_.Intern(name).value(); }
  Value Shortened(Value text) {
    std::string_view view = TextView(text);
    if (view.size() <= kBytesMax) return text;
    view = view.substr(0, kBytesMax);
    while (!IsValidUtf8(view)) view.remove_suffix(1);
    return MakeTextUnchecked(heap_, std::string(view) + "...").value();
  }

  Heap& heap_;
  SymbolTable& symbols_;
  IdentitySource& identities_;
  int left_ = 100;
};

std::string PlaceText(const Place& place) {
  if (place.line == 0) return place.file;
  return place.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

}  // namespace

// Whether its supervisor learns of the fault of the turn that ends: the event of that is paid, or
// it is counted with one that is on its way. Whose turn it was pays, for the work of the
// supervisor, too: so a storm of faults costs who makes it. Only where that sponsor has
// nothing left, and the fault is the actor's own, does the supervisor's pay.
bool Core::PayForFault(Object* record) {
  if (WordOf(record, Of::kSupervisor).is_nil() || supervision::IsStopped(record)) return false;
  if (WordOf(record, Of::kIsReported).is_true()) return true;
  Sponsor& home = PayerOf(WordOf(record, Of::kHome));
  if (home.stopped) return false;
  if (&home == sponsor_) {
    if (event_room_ <= 0) return false;
    --event_room_;
    return true;
  }
  if (QueueIsFull(home)) return false;
  if (event_room_ > 0 &&
      sponsor_->AccountOf(Resource::kSteps).amount(Resource::kSteps) > supervision::kStepsOfFault) {
    --event_room_;
    sponsor_->Spend(Resource::kSteps, supervision::kStepsOfFault);
    home.Spend(Resource::kSteps, -supervision::kStepsOfFault);
    return true;
  }
  if (&PayerOf(WordOf(record, Of::kOwn)) != sponsor_ ||
      home.AccountOf(Resource::kEvents).amount(Resource::kEvents) <= 0) {
    return false;
  }
  home.Spend(Resource::kEvents, 1);
  return true;
}

// Wants PayForFault(record).
void Core::TellSupervisor(Object* record, Value reason, const FaultReport& report) {
  if (WordOf(record, Of::kIsReported).is_true()) return Count(record, Of::kMissed);
  WordOf(record, Of::kIsReported) = Value::Bool(true);
  const Heap::BeyondAllowance beyond(heap_);
  Value fault = EmptyMap(heap_);
  const auto put = [&](std::string_view name, Value value) {
    fault = MapPut(heap_, fault, MakeText(heap_, name).value(), value, *this).value();
  };
  const auto text = [this](const std::string& s) { return MakeText(heap_, s).value(); };
  put("reason", Plain(heap_, symbols_, *this).Of(reason));
  put("behavior", text(report.behavior));
  // Not which turns led there: some may be of the other side of a boundary, as the folder may.
  Place place = report.place;
  place.file = place.file.substr(place.file.rfind('/') + 1);
  put("place", text(PlaceText(place)));
  put("message", text(report.message));
  put("own", Value::Bool(&PayerOf(WordOf(record, Of::kOwn)) == sponsor_));
  Sponsor& home = PayerOf(WordOf(record, Of::kHome));
  home.queue.Append({WordOf(record, Of::kActor), fault, Value::Nil(),
                     Event::Pack(turn_.serial, EventFlag::kFault)});
  if (&home != sponsor_) ChargeQueue(home);
  MakeReady(home);
}

// What the event becomes when it comes off its queue; false: nobody is there to be told.
bool Core::DispatchFault(Event& event) {
  Object* record = supervision::RecordOf(event.target);
  // Until it is free it may come to be another life's: the event waits as it is.
  if (const Value above = WordOf(record, Of::kSupervisor);
      !above.is_nil() && WaitInInbox(above.target(), event)) {
    return false;
  }
  const int64_t missed = WordOf(record, Of::kMissed).small_int();
  WordOf(record, Of::kMissed) = Value::SmallInt(0);
  WordOf(record, Of::kIsReported) = Value::Nil();
  // An undone turn made it, or the life of its supervisor is over.
  const Value supervisor = WordOf(record, Of::kSupervisor);
  if (supervisor.is_nil()) return false;
  Object* above = supervision::RecordOf(supervisor);
  if (WordOf(above, Of::kLife) != WordOf(record, Of::kSupervisorLife)) return false;
  const Heap::BeyondAllowance beyond(heap_);
  const Value key = MakeText(heap_, "missed").value();
  const Value fields[] = {
      WordOf(record, Of::kNote),
      MapPut(heap_, event.message, key, Value::SmallInt(missed), *this).value()};
  event = {supervisor, MakeTagged(heap_, Value::ShortSymbol("fault", 5), fields).value(),
           Value::Nil(), Event::Pack(event.cause(), EventFlag::kMessage)};
  return true;
}

}  // namespace vesicle
