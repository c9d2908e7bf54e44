// What works on every kind of value, or on several: kinds, showing, sizes, access.
#include <string>

#include "vm/script/prelude/prelude_internal.h"
#include "vm/value/bytes.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/print.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/utf8.h"

namespace vesicle::prelude {
namespace {

constexpr std::string_view kSized = "a list, a map, a text or bytes";
// What a value other than a text may take when it is shown, as in an interpolation.
constexpr size_t kShownBytesMax = size_t{64} << 20;

BuiltinResult KindOf(BuiltinContext& context, const Value* args, int) {
  std::string_view name;
  switch (ValueKindOf(args[0])) {
    case ValueKind::kNil:
      name = "nil";
      break;
    case ValueKind::kBool:
      name = "bool";
      break;
    case ValueKind::kInt:
      name = "int";
      break;
    case ValueKind::kFloat:
      name = "float";
      break;
    case ValueKind::kText:
      name = "text";
      break;
    case ValueKind::kBytes:
      name = "bytes";
      break;
    case ValueKind::kSymbol:
      name = "symbol";
      break;
    case ValueKind::kTagged:
      name = "tagged";
      break;
    case ValueKind::kList:
      name = "list";
      break;
    case ValueKind::kMap:
      name = "map";
      break;
    case ValueKind::kRef:
      name = "ref";
      break;
    case ValueKind::kPromise:
      name = "promise";
      break;
    case ValueKind::kFunction:
      name = "function";
      break;
    case ValueKind::kBehavior:
    case ValueKind::kInternal:
      name = "behavior";
      break;
  }
  return context.Give(context.symbols().Intern(name), "");
}

// ---------------------------------------------------------------------------
// Showing

class ShowJob final : public OutputJob {
 public:
  ShowJob(Heap& heap, Value v)
      : OutputJob(heap, SinkKind::kText),
        held_(heap),
        printer_(std::make_unique<Printer>(v, PrintOptions{.bytes_max = kShownBytesMax})) {}

 private:
  BuiltinResult Produce(BuiltinContext& context, Piece& piece) override {
    const uint64_t before = printer_->work();
    const bool is_done = printer_->Run(piece.steps());
    piece.Use(1 + printer_->work() - before);
    if (printer_->truncated()) {
      return context.Failure("limit", std::string(context.name()) + " makes at most " +
                                          std::to_string(kShownBytesMax) + " bytes");
    }
    sink().Append(printer_->output());
    printer_->DropOutput();
    held_.Set(printer_->bytes_held());
    return is_done ? Done() : BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { printer_->Visit(visitor); }

  ExternalBytes held_;
  std::unique_ptr<Printer> printer_;
};

BuiltinResult Inspect(BuiltinContext& context, const Value* args, int) {
  return RunInPieces(context, ShowJob(context.heap(), args[0]));
}

BuiltinResult TextOf(BuiltinContext& context, const Value* args, int count) {
  if (IsText(args[0])) return BuiltinResult::Of(args[0]);
  return Inspect(context, args, count);
}

// ---------------------------------------------------------------------------
// Sizes and access

class LengthJob final : public BuiltinJob {
 public:
  explicit LengthJob(Value text) : text_(text) {}
  BuiltinResult Run(BuiltinContext& context) override {
    Piece piece(context);
    const std::string_view view = TextView(text_);
    while (at_ < view.size()) {
      if (piece.over()) return BuiltinResult::More();
      const std::string_view part = view.substr(at_, piece.bytes());
      points_ += CountCodePoints(part);
      piece.UseBytes(part.size());
      at_ += part.size();
    }
    return BuiltinResult::Of(Value::SmallInt(static_cast<int64_t>(points_)));
  }
  void Visit(Visitor& visitor) override { visitor.Visit(&text_, 1); }

 private:
  Value text_;
  size_t at_ = 0;
  uint64_t points_ = 0;
};

BuiltinResult Size(BuiltinContext& context, const Value* args, int) {
  const Value& x = args[0];
  uint64_t size;
  if (IsList(x)) {
    size = ListSize(x);
  } else if (IsMap(x)) {
    size = MapSize(x);
  } else if (IsBytes(x)) {
    size = BytesLength(x);
  } else if (!IsText(x)) {
    return context.Wants(0, kSized, x);
  } else if (IsAsciiText(x)) {
    size = TextView(x).size();
  } else {
    return RunInPieces(context, LengthJob(x));
  }
  return BuiltinResult::Of(Value::SmallInt(static_cast<int64_t>(size)));
}

BuiltinResult IsEmpty(BuiltinContext& context, const Value* args, int) {
  const Value& x = args[0];
  bool empty;
  if (IsList(x)) {
    empty = ListSize(x) == 0;
  } else if (IsMap(x)) {
    empty = MapSize(x) == 0;
  } else if (IsText(x) || IsBytes(x)) {
    empty = ViewOf(x).empty();
  } else {
    return context.Wants(0, kSized, x);
  }
  return BuiltinResult::Of(Value::Bool(empty));
}

BuiltinResult Get(BuiltinContext& context, const Value* args, int count) {
  const Value& x = args[0];
  const Value otherwise = count > 2 ? args[2] : Value::Nil();
  if (IsMap(x)) {
    context.Charge(static_cast<int64_t>(MapCallWork(x, args[1])));
    const Result found = MapGet(x, args[1], context.identities());
    if (found.ok() && found.value().is_absent()) return BuiltinResult::Of(otherwise);
    return context.Give(found, "data or refs as a key", kKeyTooBig);
  }
  if (!IsList(x)) return context.Wants(0, "a list or a map", x);
  if (!IsInt(args[1])) return context.Wants(1, "the index of an element", args[1]);
  const std::optional<uint64_t> index = Uint64Of(args[1]);
  if (!index.has_value() || *index >= ListSize(x)) return BuiltinResult::Of(otherwise);
  return BuiltinResult::Of(ListAt(x, *index));
}

BuiltinResult Put(BuiltinContext& context, const Value* args, int) {
  const Value& x = args[0];
  if (IsMap(x)) {
    context.Charge(static_cast<int64_t>(1 + MapCallWork(x, args[1])));
    return context.Give(MapPut(context.heap(), x, args[1], args[2], context.identities()),
                        "data or refs as a key", kKeyTooBig);
  }
  if (!IsList(x)) return context.Wants(0, "a list or a map", x);
  uint64_t index;
  if (!ReadCount(args[1], &index)) {
    return context.Wants(1, "the index of an element", args[1]);
  }
  if (index >= ListSize(x)) {
    return context.Failure("bad_index", "put: the list has " + std::to_string(ListSize(x)) +
                                            " elements, and none at " +
                                            Print(args[1], kReportOptions));
  }
  context.Charge(1);
  return BuiltinResult::Of(ListSet(context.heap(), x, index, args[2]));
}

// ---------------------------------------------------------------------------
// Symbols and tagged values

BuiltinResult ToSymbol(BuiltinContext& context, const Value* args, int) {
  if (!IsText(args[0])) return context.Wants(0, "a text", args[0]);
  const std::string_view name = TextView(args[0]);
  context.Charge(static_cast<int64_t>(1 + TextWork(std::min(name.size(), kSymbolBytesMax))));
  if (name.size() > kSymbolBytesMax) {
    return context.Failure(
        "limit", "symbol wants a name of at most " + std::to_string(kSymbolBytesMax) + " bytes");
  }
  return context.Give(context.symbols().Intern(name), "a name");
}

BuiltinResult NameOf(BuiltinContext& context, const Value* args, int) {
  if (!IsSymbol(args[0])) return context.Wants(0, "a symbol", args[0]);
  const std::string_view name = SymbolView(args[0]);
  context.Charge(static_cast<int64_t>(TextWork(name.size())));
  return context.Give(MakeTextUnchecked(context.heap(), name), "");
}

BuiltinResult TagOfValue(BuiltinContext& context, const Value* args, int) {
  if (!HasTag(args[0])) return context.Wants(0, "a tagged value or a symbol", args[0]);
  return BuiltinResult::Of(TagOf(args[0]));
}

BuiltinResult FieldsOfValue(BuiltinContext& context, const Value* args, int) {
  if (!HasTag(args[0])) return context.Wants(0, "a tagged value or a symbol", args[0]);
  const std::span<const Value> fields = FieldsOf(args[0]);
  context.Charge(static_cast<int64_t>(fields.size() / 16));
  return context.Give(MakeList(context.heap(), fields), "");
}

BuiltinResult MakeTaggedValue(BuiltinContext& context, const Value* args, int) {
  if (!IsSymbol(args[0])) return context.Wants(0, "a symbol", args[0]);
  if (!IsList(args[1])) return context.Wants(1, "a list of fields", args[1]);
  const uint64_t size = ListSize(args[1]);
  if (size == 0) return BuiltinResult::Of(args[0]);
  if (size > kFieldsMax) {
    return context.Failure("limit",
                           "tagged takes at most " + std::to_string(kFieldsMax) + " fields");
  }
  context.Charge(static_cast<int64_t>(size / 16));
  std::vector<Value> fields;
  fields.reserve(size);
  for (uint64_t at = 0; at < size;) {
    const ListLeaf leaf = LeafAt(args[1], at);
    fields.insert(fields.end(), leaf.words, leaf.words + leaf.count);
    at += leaf.count;
  }
  return context.Give(MakeTagged(context.heap(), args[0], fields), "");
}

// ---------------------------------------------------------------------------
// For prelude.ves: faults in the name of the function that was called.

// _list(v, name): v, if it is a list.
BuiltinResult WantList(BuiltinContext& context, const Value* args, int) {
  if (IsList(args[0])) return BuiltinResult::Of(args[0]);
  return context.TypeError(std::string(TextView(args[1])) + " wants a list, but got " +
                           Describe(args[0]));
}

// _map(v, name): v, if it is a map.
BuiltinResult WantMap(BuiltinContext& context, const Value* args, int) {
  if (IsMap(args[0])) return BuiltinResult::Of(args[0]);
  return context.TypeError(std::string(TextView(args[1])) + " wants a map, but got " +
                           Describe(args[0]));
}

// _wants(text, v): the fault "TEXT, but got V".
BuiltinResult WantsOther(BuiltinContext& context, const Value* args, int) {
  return context.TypeError(std::string(TextView(args[0])) + ", but got " + Describe(args[1]));
}

// _nothing(text): the fault of taking what is not there.
BuiltinResult NothingThere(BuiltinContext& context, const Value* args, int) {
  return context.Failure("bad_index", TextView(args[0]));
}

}  // namespace

void RegisterAny(BuiltinRegistry& registry) {
  registry.Pure("kind", 1, 1, KindOf,
                "kind(v): #nil, #bool, #int, #float, #text, #bytes, #symbol, #tagged, #list, #map, "
                "#ref, #promise, #function or #behavior");
  registry.Pure("text", 1, 1, TextOf,
                "text(v): the value as a text, as \"${v}\" shows it; a text is itself");
  registry.Pure("inspect", 1, 1, Inspect,
                "inspect(v): the value as a program would write it; a text in quotes");
  registry.Pure("size", 1, 1, Size,
                "size(x): how many elements of a list, entries of a map, code points of a text, or "
                "bytes");
  registry.Pure("is_empty", 1, 1, IsEmpty,
                "is_empty(x): is there nothing in the list, map, text or bytes?");
  registry.Pure("get", 2, 3, Get,
                "get(x, k, default): the value at key k of a map or at index k of a list; default "
                "(or nil) if there is none");
  registry.Pure("put", 3, 3, Put,
                "put(x, k, v): the map with v at key k, or the list with v at its index k");
  registry.Pure("symbol", 1, 1, ToSymbol, "symbol(text): the symbol of that name");
  registry.Pure("name_of", 1, 1, NameOf, "name_of(symbol): its name, a text");
  registry.Pure("tag_of", 1, 1, TagOfValue,
                "tag_of(v): the symbol of a tagged value; of a symbol itself");
  registry.Pure("fields_of", 1, 1, FieldsOfValue,
                "fields_of(v): the list of a tagged value's fields");
  registry.Pure("tagged", 2, 2, MakeTaggedValue,
                "tagged(symbol, fields): the tagged value with a list of fields");
  registry.Pure("_list", 2, 2, WantList, "");
  registry.Pure("_map", 2, 2, WantMap, "");
  registry.Pure("_wants", 2, 2, WantsOther, "");
  registry.Pure("_nothing", 1, 1, NothingThere, "");
}

}  // namespace vesicle::prelude
