// Elements of lists; keys, values and entries of maps.
#include <string>

#include "vm/script/prelude/prelude_internal.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/print.h"

namespace vesicle::prelude {
namespace {

BuiltinResult First(BuiltinContext& context, const Value* args, int count) {
  if (!IsList(args[0])) return context.Wants(0, "a list", args[0]);
  if (ListSize(args[0]) > 0) return BuiltinResult::Of(ListAt(args[0], 0));
  if (count > 1) return BuiltinResult::Of(args[1]);
  return context.Failure("bad_index", "first: the list is empty");
}

BuiltinResult Last(BuiltinContext& context, const Value* args, int count) {
  if (!IsList(args[0])) return context.Wants(0, "a list", args[0]);
  const uint64_t size = ListSize(args[0]);
  if (size > 0) return BuiltinResult::Of(ListAt(args[0], size - 1));
  if (count > 1) return BuiltinResult::Of(args[1]);
  return context.Failure("bad_index", "last: the list is empty");
}

BuiltinResult AppendTo(BuiltinContext& context, const Value* args, int) {
  if (!IsList(args[0])) return context.Wants(0, "a list", args[0]);
  return BuiltinResult::Of(Append(context.heap(), args[0], args[1]));
}

BuiltinResult PrependTo(BuiltinContext& context, const Value* args, int) {
  if (!IsList(args[0])) return context.Wants(0, "a list", args[0]);
  return BuiltinResult::Of(Prepend(context.heap(), args[1], args[0]));
}

BuiltinResult NoElement(BuiltinContext& context, Value list, Value index) {
  return context.Failure("bad_index", std::string(context.name()) + ": the list has " +
                                          std::to_string(ListSize(list)) + " elements, and " +
                                          Print(index, kReportOptions) + " is beyond");
}

BuiltinResult InsertAt(BuiltinContext& context, const Value* args, int) {
  uint64_t index;
  if (!IsList(args[0])) return context.Wants(0, "a list", args[0]);
  if (!ReadCount(args[1], &index)) {
    return context.Wants(1, "the index of a place from 0 on", args[1]);
  }
  if (index > ListSize(args[0])) return NoElement(context, args[0], args[1]);
  context.Charge(4);
  Heap& heap = context.heap();
  const Value before = Append(heap, Take(heap, args[0], index), args[2]);
  return context.Give(Concat(heap, before, Drop(heap, args[0], index)), "");
}

BuiltinResult RemoveAt(BuiltinContext& context, const Value* args, int) {
  uint64_t index;
  if (!IsList(args[0])) return context.Wants(0, "a list", args[0]);
  if (!ReadCount(args[1], &index)) {
    return context.Wants(1, "the index of an element from 0 on", args[1]);
  }
  if (index >= ListSize(args[0])) return NoElement(context, args[0], args[1]);
  context.Charge(4);
  Heap& heap = context.heap();
  return context.Give(Concat(heap, Take(heap, args[0], index), Drop(heap, args[0], index + 1)), "");
}

// ---------------------------------------------------------------------------
// Maps

enum class Part : uint8_t { kKeys, kValues, kEntries };

class MapPartsJob final : public ListJob {
 public:
  MapPartsJob(Heap& heap, Value map, Part part) : ListJob(heap), map_(map), part_(part) {}

 private:
  BuiltinResult Produce(BuiltinContext& context, Piece& piece) override {
    Heap& heap = context.heap();
    Value made = list();
    bool more = true;
    for (uint64_t n = piece.steps() / 2 + 1; n > 0; --n) {
      MapEntry entry;
      more = MapNext(map_, position_, leaf_, entry);
      if (!more) break;
      Value x = part_ == Part::kKeys ? entry.key : entry.value;
      if (part_ == Part::kEntries) {
        const Value pair[] = {entry.key, entry.value};
        const Result both = MakeList(heap, pair);
        if (!both.ok()) return context.Give(both, "");
        x = both.value();
      }
      made = Append(heap, made, x);
      piece.Use(2);
    }
    list() = made;
    return more ? BuiltinResult::More() : Done();
  }
  void VisitMore(Visitor& visitor) override {
    visitor.Visit(&map_, 1);
    visitor.Visit(&leaf_, 1);
  }

  Value map_;
  Value position_ = kMapStart;
  Value leaf_;
  Part part_;
};

template <Part part>
BuiltinResult PartsOfMap(BuiltinContext& context, const Value* args, int) {
  if (!IsMap(args[0])) return context.Wants(0, "a map", args[0]);
  return RunInPieces(context, MapPartsJob(context.heap(), args[0], part));
}

BuiltinResult Remove(BuiltinContext& context, const Value* args, int) {
  if (!IsMap(args[0])) return context.Wants(0, "a map", args[0]);
  context.Charge(static_cast<int64_t>(1 + MapCallWork(args[0], args[1])));
  return context.Give(MapRemove(context.heap(), args[0], args[1], context.identities()),
                      "data or refs as a key", kKeyTooBig);
}

}  // namespace

void RegisterLists(BuiltinRegistry& registry) {
  registry.Pure("first", 1, 2, First,
                "first(xs, default): the first element; of an empty list default, or a fault");
  registry.Pure("last", 1, 2, Last,
                "last(xs, default): the last element; of an empty list default, or a fault");
  registry.Pure("append", 2, 2, AppendTo, "append(xs, x): the list with x after its end");
  registry.Pure("prepend", 2, 2, PrependTo, "prepend(xs, x): the list with x before its start");
  registry.Pure("insert_at", 3, 3, InsertAt,
                "insert_at(xs, i, x): the list with x put in before index i");
  registry.Pure("remove_at", 2, 2, RemoveAt,
                "remove_at(xs, i): the list without its element at index i");
}

void RegisterMaps(BuiltinRegistry& registry) {
  registry.Pure("keys", 1, 1, PartsOfMap<Part::kKeys>, "keys(m): the list of its keys, in order");
  registry.Pure("values", 1, 1, PartsOfMap<Part::kValues>,
                "values(m): the list of its values, in order of their keys");
  registry.Pure("entries", 1, 1, PartsOfMap<Part::kEntries>,
                "entries(m): the list of its pairs [key, value], in order");
  registry.Pure("remove", 2, 2, Remove, "remove(m, k): the map without key k, if it was there");
}

}  // namespace vesicle::prelude
