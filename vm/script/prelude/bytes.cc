// Bytes: from and to texts, lists of integers, hexadecimal; texts from code points.
#include <string>

#include "vm/script/prelude/prelude_internal.h"
#include "vm/value/bytes.h"
#include "vm/value/number.h"
#include "vm/value/utf8.h"

namespace vesicle::prelude {
namespace {

// The same bytes as a text, or the other way.
class RecodeJob final : public OutputJob {
 public:
  RecodeJob(Heap& heap, Value from, SinkKind to)
      : OutputJob(heap, to), from_(from), checks_(to == SinkKind::kText) {}

  // Said no: they are no UTF-8.
  bool refused() const { return refused_; }

 private:
  BuiltinResult Produce(BuiltinContext& context, Piece& piece) override {
    const std::string_view view = ViewOf(from_);
    size_t end = at_ + std::min<uint64_t>(view.size() - at_, piece.bytes());
    if (checks_ && end < view.size()) {
      // Back to the beginning of a code point, if there is one.
      for (int i = 0; i < 3 && IsContinuationByte(view[end]); ++i) --end;
    }
    const std::string_view part = view.substr(at_, end - at_);
    piece.UseBytes(part.size() * 2);
    if (checks_ && !IsValidUtf8(part)) {
      refused_ = true;
      return context.Give(Failure::kSyntax, "");
    }
    sink().Append(part);
    at_ = end;
    return at_ == view.size() ? Done() : BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { visitor.Visit(&from_, 1); }

  Value from_;
  size_t at_ = 0;
  bool checks_;
  bool refused_ = false;
};

// Turns the refusal of a job into nil.
template <typename Job>
class OrNil final : public BuiltinJob {
 public:
  explicit OrNil(Job job) : job_(std::move(job)) {}
  BuiltinResult Run(BuiltinContext& context) override {
    const BuiltinResult result = job_.Run(context);
    return job_.refused() ? BuiltinResult::Of(Value::Nil()) : result;
  }
  void Visit(Visitor& visitor) override { job_.Visit(visitor); }

 private:
  Job job_;
};

// The integers of a list, as bytes or as code points.
class FromListJob final : public OutputJob {
 public:
  FromListJob(Heap& heap, Value list, SinkKind to) : OutputJob(heap, to), to_(to), list_(list) {}

 private:
  BuiltinResult Produce(BuiltinContext& context, Piece& piece) override {
    std::string out;
    bool more = true;
    for (uint64_t n = piece.steps(); n > 0 && more; --n) {
      Value x;
      more = ListNext(list_, position_, leaf_, x);
      if (!more) break;
      const int64_t i = x.is_int() ? x.small_int() : -1;
      if (to_ == SinkKind::kBytes
              ? i < 0 || i > 255
              : i < 0 || i > kCodePointMax || !IsScalarValue(static_cast<uint32_t>(i))) {
        return context.TypeError(
            std::string(context.name()) + " wants a list of " +
            (to_ == SinkKind::kBytes ? "integers from 0 to 255" : "numbers of code points") +
            ", but element " + std::to_string(ListPosition(position_) - 1) + " is " + Describe(x));
      }
      if (to_ == SinkKind::kBytes) {
        out += static_cast<char>(i);
      } else {
        AppendUtf8(static_cast<uint32_t>(i), &out);
      }
      piece.Use(1);
    }
    sink().Append(out);
    return more ? BuiltinResult::More() : Done();
  }
  void VisitMore(Visitor& visitor) override {
    visitor.Visit(&list_, 1);
    visitor.Visit(&leaf_, 1);
  }

  SinkKind to_;
  Value list_;
  Value position_ = kListStart;
  Value leaf_;
};

BuiltinResult ToBytes(BuiltinContext& context, const Value* args, int) {
  if (IsBytes(args[0])) return BuiltinResult::Of(args[0]);
  if (IsText(args[0])) {
    return RunInPieces(context, RecodeJob(context.heap(), args[0], SinkKind::kBytes));
  }
  if (!IsList(args[0])) return context.Wants(0, "a text or a list of integers", args[0]);
  return RunInPieces(context, FromListJob(context.heap(), args[0], SinkKind::kBytes));
}

BuiltinResult TextOfBytesValue(BuiltinContext& context, const Value* args, int) {
  if (!IsBytes(args[0])) return context.Wants(0, "bytes", args[0]);
  return RunInPieces(context, OrNil(RecodeJob(context.heap(), args[0], SinkKind::kText)));
}

BuiltinResult FromCodePoints(BuiltinContext& context, const Value* args, int) {
  if (!IsList(args[0])) return context.Wants(0, "a list of numbers of code points", args[0]);
  return RunInPieces(context, FromListJob(context.heap(), args[0], SinkKind::kText));
}

class ByteListJob final : public ListJob {
 public:
  ByteListJob(Heap& heap, Value bytes) : ListJob(heap), bytes_(bytes) {}

 private:
  BuiltinResult Produce(BuiltinContext& context, Piece& piece) override {
    const std::string_view view = BytesView(bytes_);
    Value made = list();
    for (uint64_t n = piece.steps(); n > 0 && at_ < view.size(); --n) {
      made = Append(context.heap(), made, Value::SmallInt(static_cast<uint8_t>(view[at_++])));
      piece.Use(1);
    }
    list() = made;
    return at_ == view.size() ? Done() : BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { visitor.Visit(&bytes_, 1); }

  Value bytes_;
  size_t at_ = 0;
};

BuiltinResult ByteList(BuiltinContext& context, const Value* args, int) {
  if (!IsBytes(args[0])) return context.Wants(0, "bytes", args[0]);
  return RunInPieces(context, ByteListJob(context.heap(), args[0]));
}

// ---------------------------------------------------------------------------

class HexJob final : public OutputJob {
 public:
  HexJob(Heap& heap, Value bytes) : OutputJob(heap, SinkKind::kText), bytes_(bytes) {}

 private:
  BuiltinResult Produce(BuiltinContext&, Piece& piece) override {
    constexpr char kDigits[] = "0123456789abcdef";
    const std::string_view view = BytesView(bytes_);
    const std::string_view part = view.substr(at_, piece.bytes() / 16);
    std::string out;
    out.reserve(part.size() * 2);
    for (const char c : part) {
      out += kDigits[static_cast<uint8_t>(c) >> 4];
      out += kDigits[c & 15];
    }
    sink().Append(out);
    at_ += part.size();
    piece.UseBytes(part.size() * 16);
    return at_ == view.size() ? Done() : BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { visitor.Visit(&bytes_, 1); }

  Value bytes_;
  size_t at_ = 0;
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class FromHexJob final : public OutputJob {
 public:
  FromHexJob(Heap& heap, Value text) : OutputJob(heap, SinkKind::kBytes), text_(text) {}
  bool refused() const { return refused_; }

 private:
  BuiltinResult Produce(BuiltinContext& context, Piece& piece) override {
    const std::string_view view = TextView(text_);
    const size_t pairs = std::max<uint64_t>(piece.bytes() / 32, 1);
    const std::string_view part = view.substr(at_, pairs * 2);
    std::string out;
    out.reserve(pairs);
    refused_ = part.size() % 2 != 0;
    for (size_t i = 0; i + 1 < part.size() && !refused_; i += 2) {
      const int high = HexDigit(part[i]);
      const int low = HexDigit(part[i + 1]);
      refused_ = high < 0 || low < 0;
      out += static_cast<char>(high * 16 + low);
    }
    if (refused_) return context.Give(Failure::kSyntax, "");
    sink().Append(out);
    at_ += part.size();
    piece.UseBytes(part.size() * 16);
    return at_ == view.size() ? Done() : BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { visitor.Visit(&text_, 1); }

  Value text_;
  size_t at_ = 0;
  bool refused_ = false;
};

BuiltinResult Hex(BuiltinContext& context, const Value* args, int) {
  if (!IsBytes(args[0])) return context.Wants(0, "bytes", args[0]);
  return RunInPieces(context, HexJob(context.heap(), args[0]));
}

BuiltinResult FromHex(BuiltinContext& context, const Value* args, int) {
  if (!IsText(args[0])) return context.Wants(0, "a text", args[0]);
  return RunInPieces(context, OrNil(FromHexJob(context.heap(), args[0])));
}

}  // namespace

void RegisterBytes(BuiltinRegistry& registry) {
  registry.Pure("bytes", 1, 1, ToBytes,
                "bytes(x): the UTF-8 of a text, or the bytes of a list of integers from 0 to 255");
  registry.Pure("byte_list", 1, 1, ByteList,
                "byte_list(bytes): the list of the bytes, each an integer");
  registry.Pure("text_of", 1, 1, TextOfBytesValue,
                "text_of(bytes): the text whose UTF-8 they are; nil if they are none");
  registry.Pure("from_code_points", 1, 1, FromCodePoints,
                "from_code_points(points): the text of a list of code points");
  registry.Pure("hex", 1, 1, Hex, "hex(bytes): two hexadecimal digits for each, a text");
  registry.Pure("from_hex", 1, 1, FromHex,
                "from_hex(text): the bytes that pairs of digits spell; nil if they are none");
}

}  // namespace vesicle::prelude
