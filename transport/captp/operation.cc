#include "transport/captp/operation.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "vm/heap/check.h"
#include "vm/value/escape.h"

namespace vesicle {
namespace {

using Kind = Operation::Kind;

constexpr std::string_view kNames[] = {"op:deliver", "op:listen",     "op:get",        "op:index",
                                       "op:untag",   "op:gc-exports", "op:gc-answers", "op:abort"};

bool ReadDeliver(Fields& fields, bool is_only, Operation* op) {
  op->kind = Kind::kDeliver;
  syrup::Reader::Mark mark = fields.reader().mark();
  if (!ReadTarget(fields, "to-desc", Bootstrap::kAllowed, &op->to) ||
      !fields.List("args", &op->args, &mark)) {
    return false;
  }
  op->args_at = mark;
  if (is_only) return true;
  return fields.PositionOrFalse("answer-pos", &op->answer) &&
         ReadImportOrFalse(fields, "resolve-me-desc", &op->resolver);
}

bool ReadListen(Fields& fields, Operation* op) {
  op->kind = Kind::kListen;
  Descriptor resolver;
  if (!ReadTarget(fields, "to-desc", Bootstrap::kRefused, &op->to) ||
      !ReadImport(fields, "listen-desc", &resolver)) {
    return false;
  }
  op->resolver = resolver;
  return fields.IsAtEnd() || fields.Bool("wants-partial", &op->wants_partial);
}

bool ReadAnswer(Fields& fields, Operation* op) {
  uint64_t answer = 0;
  if (!fields.Position("new-answer-pos", &answer)) return false;
  op->answer = answer;
  return true;
}

bool ReadQuery(Fields& fields, Kind kind, Operation* op) {
  op->kind = kind;
  if (!ReadTarget(fields, "receiver-desc", Bootstrap::kRefused, &op->to)) return false;
  switch (kind) {
    case Kind::kGet:
      return fields.TextOrSymbol("field-name", kFieldBytesMax, &op->name) && ReadAnswer(fields, op);
    case Kind::kIndex:
      return fields.AnyInteger("index", &op->index) && ReadAnswer(fields, op);
    default:
      return fields.TextOrSymbol("tag", kFieldBytesMax, &op->name) && ReadAnswer(fields, op);
  }
}

constexpr std::string_view kWantsPositions = "a position (0 or more), or a list of such,";

bool ReadGcExports(Fields& fields, Operation* op) {
  op->kind = Kind::kGcExports;
  std::string_view positions, deltas;
  size_t count = 0, deltas_count = 0;
  if (!fields.Integers("export-pos", 0, kWantsPositions, &positions, &count) ||
      !fields.Integers("wire-delta", 1, "a delta (1 or more), or a list of such,", &deltas,
                       &deltas_count)) {
    return false;
  }
  if (count != deltas_count) {
    return fields.Fail("wire-delta", absl::StrCat("as many deltas as positions are wanted: ", count,
                                                  " positions, ", deltas_count, " deltas"));
  }
  op->gc = GcEntries(positions, deltas, count);
  return true;
}

bool ReadGcAnswers(Fields& fields, Operation* op) {
  op->kind = Kind::kGcAnswers;
  std::string_view positions;
  size_t count = 0;
  if (!fields.Integers("answer-pos", 0, kWantsPositions, &positions, &count)) return false;
  op->gc = GcEntries(positions, {}, count);
  return true;
}

struct Form {
  std::string_view label;
  bool (*read)(Fields& fields, Operation* op);
};

constexpr Form kForms[] = {
    {"op:deliver", [](Fields& f, Operation* op) { return ReadDeliver(f, false, op); }},
    {"op:deliver-only", [](Fields& f, Operation* op) { return ReadDeliver(f, true, op); }},
    {"op:listen", ReadListen},
    {"op:get", [](Fields& f, Operation* op) { return ReadQuery(f, Kind::kGet, op); }},
    {"op:index", [](Fields& f, Operation* op) { return ReadQuery(f, Kind::kIndex, op); }},
    {"op:untag", [](Fields& f, Operation* op) { return ReadQuery(f, Kind::kUntag, op); }},
    {"op:gc-export", ReadGcExports},
    {"op:gc-exports", ReadGcExports},
    {"op:gc-answer", ReadGcAnswers},
    {"op:gc-answers", ReadGcAnswers},
    {"op:abort",
     [](Fields& f, Operation* op) {
       op->kind = Kind::kAbort;
       return f.TextOrSymbol("reason", kReasonBytesMax, &op->name);
     }},
    {"op:start-session",
     [](Fields& f, Operation*) {
       return f.Fail("captp-version", "the session has begun, and begins once");
     }},
};

void WriteOptional(const std::optional<uint64_t>& position, syrup::Writer& out) {
  if (position) {
    out.Int(static_cast<int64_t>(*position));
  } else {
    out.Bool(false);
  }
}

void CheckTarget(const Descriptor& to) { VESICLE_CHECK(!to.is_import()); }

bool IsTell(const Deliver& deliver) { return !deliver.answer && !deliver.resolver; }

bool IsDeliverOnly(const Deliver& deliver, const Dialect& dialect) {
  return IsTell(deliver) && dialect.tell == Dialect::Tell::kDeliverOnly;
}

void BeginQuery(Kind kind, const Descriptor& to, const Dialect& dialect, syrup::Writer& out) {
  VESICLE_CHECK(dialect.queries == Dialect::Queries::kKnown);
  CheckTarget(to);
  out.BeginMessage();
  out.BeginRecord(NameOf(kind));
  WriteDescriptor(to, out);
}

bool EndQuery(uint64_t answer, const Dialect& dialect, syrup::Writer& out) {
  out.Int(static_cast<int64_t>(answer));
  out.EndRecord();
  return out.EndMessage(dialect.framing);
}

bool CutFront(std::string_view* from, std::string_view what) {
  if (!from->starts_with(what)) return false;
  from->remove_prefix(what.size());
  return true;
}

bool CutBack(std::string_view* from, std::string_view what) {
  if (!from->ends_with(what)) return false;
  from->remove_suffix(what.size());
  return true;
}

// The digits of a position, and a plus: false, it is none. Cut off from the front.
bool TakePosition(std::string_view* from, uint64_t* position) {
  constexpr size_t kDigitsMax = 18;
  size_t i = 0;
  uint64_t n = 0;
  for (; i < from->size() && i <= kDigitsMax && absl::ascii_isdigit((*from)[i]); ++i) {
    n = 10 * n + static_cast<uint64_t>((*from)[i] - '0');
  }
  if (i == 0 || i > kDigitsMax || i == from->size() || (*from)[i] != '+') return false;
  if (i > 1 && from->front() == '0') return false;
  from->remove_prefix(i + 1);
  *position = n;
  return true;
}

// The same from the end, where the plus was cut off already.
bool TakePositionBehind(std::string_view* from, uint64_t* position) {
  size_t begin = from->size();
  while (begin > 0 && absl::ascii_isdigit((*from)[begin - 1])) --begin;
  // The plus stands there yet, behind the end of the view.
  std::string_view digits(from->data() + begin, from->size() - begin + 1);
  if (!TakePosition(&digits, position)) return false;
  from->remove_suffix(from->size() - begin);
  return true;
}

// Bytes of UTF-8 that are not cut within a character.
std::string_view Cut(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

uint64_t GcEntries::TakeInteger(std::string_view* from) {
  uint64_t n = 0;
  size_t i = 0;
  for (; (*from)[i] != '+'; ++i) n = 10 * n + static_cast<uint64_t>((*from)[i] - '0');
  from->remove_prefix(i + 1);
  return n;
}

bool GcEntries::Next(GcEntry* entry) {
  if (left_ == 0) return false;
  --left_;
  entry->position = TakeInteger(&positions_);
  entry->delta = deltas_.empty() ? 1 : TakeInteger(&deltas_);
  return true;
}

std::string_view NameOf(Operation::Kind kind) { return kNames[static_cast<size_t>(kind)]; }

bool ReadPlainDeliver(std::string_view message, Operation* operation) {
  constexpr std::string_view kExport = "<10'op:deliver<11'desc:export";
  constexpr std::string_view kAnswer = "<10'op:deliver<11'desc:answer";
  constexpr std::string_view kImport = "<18'desc:import-object";
  static_assert(kExport.size() == kAnswer.size());
  std::string_view rest = message;
  const bool is_export = rest.starts_with(kExport);
  if (!is_export && !rest.starts_with(kAnswer)) return false;
  rest.remove_prefix(kExport.size());
  uint64_t to = 0;
  if (!TakePosition(&rest, &to) || (is_export && to == 0)) return false;
  if (!CutFront(&rest, ">[") || !CutBack(&rest, ">")) return false;
  operation->kind = Kind::kDeliver;
  operation->to = {is_export ? Descriptor::Kind::kExport : Descriptor::Kind::kAnswer, to};
  operation->answer.reset();
  operation->resolver.reset();
  operation->args_at.reset();
  uint64_t position = 0;
  if (CutBack(&rest, "+>")) {
    if (!TakePositionBehind(&rest, &position) || !CutBack(&rest, kImport)) return false;
    operation->resolver = Descriptor{Descriptor::Kind::kImportObject, position};
  } else if (!CutBack(&rest, "f")) {
    return false;
  }
  if (CutBack(&rest, "+")) {
    if (!TakePositionBehind(&rest, &position)) return false;
    operation->answer = position;
  } else if (!CutBack(&rest, "f")) {
    return false;
  }
  if (rest.empty() || rest.back() != ']') return false;
  // With the bracket that stood before.
  operation->args = {rest.data() - 1, rest.size() + 1};
  return true;
}

absl::Status ReadOperation(syrup::Reader& reader, Operation* operation) {
  *operation = {};
  Fields message(reader, "message");
  std::string_view label;
  if (!message.BeginAnyRecord("operation", "a record <op:..>", &label)) return message.status();
  for (const Form& form : kForms) {
    if (form.label != label) continue;
    Fields fields(reader, form.label);
    if (!form.read(fields, operation) || !fields.End()) return fields.status();
    if (reader.Next() != syrup::Token::kEnd) {
      fields.Fail("end", reader.error().ToString());
    }
    return fields.status();
  }
  std::string shown;
  AppendEscapedBytes(label.substr(0, 40), &shown);
  return absl::InvalidArgumentError(
      absl::StrCat("message, operation: \"", shown, "\" is not known here"));
}

void BeginDeliver(const Deliver& deliver, const Dialect& dialect, syrup::Writer& out) {
  CheckTarget(deliver.to);
  VESICLE_CHECK(!deliver.resolver || deliver.resolver->is_import());
  out.BeginMessage();
  out.BeginEncoded(IsDeliverOnly(deliver, dialect) ? "<15'op:deliver-only" : "<10'op:deliver", 2,
                   1);
  WriteDescriptor(deliver.to, out);
}

bool EndDeliver(const Deliver& deliver, const Dialect& dialect, syrup::Writer& out) {
  if (!IsDeliverOnly(deliver, dialect)) {
    WriteOptional(deliver.answer, out);
    if (deliver.resolver) {
      WriteDescriptor(*deliver.resolver, out);
    } else {
      out.Bool(false);
    }
  }
  out.EndRecord();
  return out.EndMessage(dialect.framing);
}

bool WriteListen(const Descriptor& to, const Descriptor& resolver, bool wants_partial,
                 const Dialect& dialect, syrup::Writer& out) {
  CheckTarget(to);
  VESICLE_CHECK(resolver.is_import());
  out.BeginMessage();
  out.BeginRecord(NameOf(Kind::kListen));
  WriteDescriptor(to, out);
  WriteDescriptor(resolver, out);
  if (dialect.listen == Dialect::Listen::kThreeFields) out.Bool(wants_partial);
  out.EndRecord();
  return out.EndMessage(dialect.framing);
}

bool WriteGet(const Descriptor& to, std::string_view field, uint64_t answer, const Dialect& dialect,
              syrup::Writer& out) {
  BeginQuery(Kind::kGet, to, dialect, out);
  out.Text(field);
  return EndQuery(answer, dialect, out);
}

bool WriteIndex(const Descriptor& to, uint64_t index, uint64_t answer, const Dialect& dialect,
                syrup::Writer& out) {
  BeginQuery(Kind::kIndex, to, dialect, out);
  out.Int(static_cast<int64_t>(index));
  return EndQuery(answer, dialect, out);
}

bool WriteUntag(const Descriptor& to, std::string_view tag, uint64_t answer, const Dialect& dialect,
                syrup::Writer& out) {
  BeginQuery(Kind::kUntag, to, dialect, out);
  out.Text(tag);
  return EndQuery(answer, dialect, out);
}

bool WriteGcExports(std::span<const GcEntry> entries, const Dialect& dialect, syrup::Writer& out) {
  const bool is_scalar = dialect.gc == Dialect::Gc::kScalars;
  const size_t at_once = is_scalar ? 1 : kGcEntriesMax;
  const bool is_plural = dialect.gc == Dialect::Gc::kPlural;
  for (; !entries.empty(); entries = entries.subspan(std::min(at_once, entries.size()))) {
    const std::span<const GcEntry> some = entries.first(std::min(at_once, entries.size()));
    out.BeginMessage();
    out.BeginRecord(is_plural ? "op:gc-exports" : "op:gc-export");
    if (!is_scalar) out.BeginList();
    for (const GcEntry& entry : some) out.Int(static_cast<int64_t>(entry.position));
    if (!is_scalar) {
      out.EndList();
      out.BeginList();
    }
    for (const GcEntry& entry : some) {
      VESICLE_CHECK_GT(entry.delta, uint64_t{0});
      out.Int(static_cast<int64_t>(entry.delta));
    }
    if (!is_scalar) out.EndList();
    out.EndRecord();
    if (!out.EndMessage(dialect.framing)) return false;
  }
  return true;
}

bool WriteGcAnswers(std::span<const uint64_t> positions, const Dialect& dialect,
                    syrup::Writer& out) {
  const bool is_scalar = dialect.gc == Dialect::Gc::kScalars;
  const size_t at_once = is_scalar ? 1 : kGcEntriesMax;
  for (; !positions.empty(); positions = positions.subspan(std::min(at_once, positions.size()))) {
    out.BeginMessage();
    out.BeginRecord(dialect.gc == Dialect::Gc::kPlural ? "op:gc-answers" : "op:gc-answer");
    if (!is_scalar) out.BeginList();
    for (const uint64_t position : positions.first(std::min(at_once, positions.size()))) {
      out.Int(static_cast<int64_t>(position));
    }
    if (!is_scalar) out.EndList();
    out.EndRecord();
    if (!out.EndMessage(dialect.framing)) return false;
  }
  return true;
}

bool WriteAbort(std::string_view reason, Dialect::Framing framing, syrup::Writer& out) {
  out.BeginMessage();
  out.BeginRecord(NameOf(Kind::kAbort));
  out.Text(Cut(reason, kReasonBytesWritten));
  out.EndRecord();
  return out.EndMessage(framing);
}

}  // namespace vesicle
