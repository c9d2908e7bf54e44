// Texts as texts: case, white space, padding, joining, characters, numbers in them.
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "vm/script/prelude/number_job.h"
#include "vm/script/prelude/prelude_internal.h"
#include "vm/value/bigint_pieces.h"
#include "vm/value/bytes.h"
#include "vm/value/number.h"
#include "vm/value/number_text.h"
#include "vm/value/utf8.h"

namespace vesicle::prelude {
namespace {

constexpr uint64_t kPadMax = 65'536;
constexpr int64_t kPlacesMax = 1000;
// More digits than the longest integer has.
constexpr size_t kNumberBytesMax = kIntBitsMax + 2;

// ---------------------------------------------------------------------------

class CaseJob final : public OutputJob {
 public:
  CaseJob(Heap& heap, Value text, Case to)
      : OutputJob(heap, SinkKind::kText), text_(text), to_(to) {}

 private:
  BuiltinResult Produce(BuiltinContext&, Piece& piece) override {
    std::string part(TextView(text_).substr(at_, piece.bytes() / 4));
    const char from = to_ == Case::kLower ? 'A' : 'a';
    for (char& c : part) {
      if (c >= from && c < from + 26) c = static_cast<char>(c ^ 0x20);
    }
    sink().Append(part);
    piece.UseBytes(part.size() * 4);
    at_ += part.size();
    return at_ == TextView(text_).size() ? Done() : BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { visitor.Visit(&text_, 1); }

  Value text_;
  Case to_;
  size_t at_ = 0;
};

template <Case to>
BuiltinResult ChangeCase(BuiltinContext& context, const Value* args, int) {
  if (!IsText(args[0])) return context.Wants(0, "a text", args[0]);
  const size_t size = TextView(args[0]).size();
  if (size > kSmallBytes) return RunInPieces(context, CaseJob(context.heap(), args[0], to));
  context.Charge(static_cast<int64_t>(TextWork(size)));
  return context.Give(AsciiCase(context.heap(), args[0], to), "");
}

// Whether every code point is one of a kind; ends at the first that is not.
template <bool (*is)(uint32_t)>
class EveryPointJob final : public BuiltinJob {
 public:
  EveryPointJob(Value text, bool of_none) : text_(text), of_none_(of_none) {}
  BuiltinResult Run(BuiltinContext& context) override {
    const std::string_view view = TextView(text_);
    if (view.empty()) return BuiltinResult::Of(Value::Bool(of_none_));
    Piece piece(context);
    const size_t begin = at_;
    const size_t end = WindowEnd(view, at_, piece.bytes() / 4);
    bool holds = true;
    while (holds && at_ < end) {
      const DecodedPoint decoded = DecodeUtf8(view.substr(at_));
      holds = is(decoded.point);
      at_ += static_cast<size_t>(decoded.size);
    }
    piece.UseBytes((at_ - begin) * 4);
    if (holds && at_ < view.size()) return BuiltinResult::More();
    return BuiltinResult::Of(Value::Bool(holds));
  }
  void Visit(Visitor& visitor) override { visitor.Visit(&text_, 1); }

 private:
  Value text_;
  bool of_none_;  // what holds of the empty text
  size_t at_ = 0;
};

bool IsDigitPoint(uint32_t p) { return p >= '0' && p <= '9'; }
bool IsLetterPoint(uint32_t p) { return (p | 0x20) >= 'a' && (p | 0x20) <= 'z'; }

template <bool (*is)(uint32_t), bool of_none>
BuiltinResult EveryPoint(BuiltinContext& context, const Value* args, int) {
  if (!IsText(args[0])) return context.Wants(0, "a text", args[0]);
  return RunInPieces(context, EveryPointJob<is>(args[0], of_none));
}

class TrimJob final : public OutputJob {
 public:
  TrimJob(Heap& heap, Value text, Side side)
      : OutputJob(heap, SinkKind::kText),
        text_(text),
        end_(TextView(text).size()),
        stage_(side == Side::kEnd ? Stage::kEnd : Stage::kStart),
        side_(side) {}

 private:
  enum class Stage : uint8_t { kStart, kEnd, kCopy };

  BuiltinResult Produce(BuiltinContext&, Piece& piece) override {
    const std::string_view view = TextView(text_);
    if (stage_ == Stage::kCopy) {
      const std::string_view part = view.substr(at_, std::min<uint64_t>(piece.bytes(), end_ - at_));
      sink().Append(part);
      piece.UseBytes(part.size());
      at_ += part.size();
      return at_ == end_ ? Done() : BuiltinResult::More();
    }
    bool space = true;
    for (uint64_t n = piece.steps(); n > 0 && at_ < end_; --n) {
      size_t size;
      if (stage_ == Stage::kStart) {
        const DecodedPoint decoded = DecodeUtf8(view.substr(at_));
        space = IsSpace(decoded.point);
        size = static_cast<size_t>(decoded.size);
        if (space) at_ += size;
      } else {
        size = 1;
        while (IsContinuationByte(view[end_ - size])) ++size;
        space = IsSpace(DecodeUtf8(view.substr(end_ - size)).point);
        if (space) end_ -= size;
      }
      if (!space) break;
      piece.Use(1);
    }
    if (!space || at_ == end_) {
      stage_ = stage_ == Stage::kStart && side_ == Side::kBoth ? Stage::kEnd : Stage::kCopy;
    }
    return BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { visitor.Visit(&text_, 1); }

  Value text_;
  size_t at_ = 0;
  size_t end_;
  Stage stage_;
  Side side_;
};

template <Side side>
BuiltinResult Trim(BuiltinContext& context, const Value* args, int) {
  if (!IsText(args[0])) return context.Wants(0, "a text", args[0]);
  const size_t size = TextView(args[0]).size();
  if (size > kSmallBytes) return RunInPieces(context, TrimJob(context.heap(), args[0], side));
  context.Charge(static_cast<int64_t>(TextWork(size)));
  return context.Give(TrimText(context.heap(), args[0], side), "");
}

template <Side side>
BuiltinResult Pad(BuiltinContext& context, const Value* args, int count) {
  const Value fill = count > 2 ? args[2] : Value::ShortText(" ", 1);
  uint64_t width;
  if (!IsText(args[0])) return context.Wants(0, "a text", args[0]);
  if (!ReadCount(args[1], &width)) return context.Wants(1, "a width from 0 on", args[1]);
  if (!IsText(fill) || TextView(fill).empty()) {
    return context.Wants(2, "a text that is not empty", fill);
  }
  if (width > kPadMax) {
    return context.Failure("limit", std::string(context.name()) + " pads to at most " +
                                        std::to_string(kPadMax) + " code points");
  }
  // Longer than that it is wide enough without counting.
  if (TextView(args[0]).size() >= 4 * width) return BuiltinResult::Of(args[0]);
  const uint64_t length = TextLength(args[0]);
  if (length >= width) return BuiltinResult::Of(args[0]);
  // Enough of the fill, and whole code points of it.
  const std::string_view view = TextView(fill).substr(0, 4 * (width - length));
  const uint64_t fill_points = std::max<uint64_t>(CountCodePoints(view), 1);
  std::string padding;
  uint64_t left = width - length;
  for (; left >= fill_points; left -= fill_points) padding.append(view);
  padding.append(view.substr(0, OffsetOfCodePoint(view, left)));
  const std::string_view text = TextView(args[0]);
  context.Charge(static_cast<int64_t>(TextWork(2 * (text.size() + padding.size()))));
  std::string padded;
  padded.reserve(text.size() + padding.size());
  if (side == Side::kStart) padded.append(padding).append(text);
  if (side == Side::kEnd) padded.append(text).append(padding);
  return context.Give(MakeTextUnchecked(context.heap(), padded), "");
}

// ---------------------------------------------------------------------------

// Texts or bytes of a list, end to end with something between.
class JoinJob final : public OutputJob {
 public:
  JoinJob(Heap& heap, SinkKind kind, Value list, Value separator)
      : OutputJob(heap, kind),
        kind_(kind),
        words_{list, separator, Value::Nil(), Value::ShortText("", 0)} {}

 private:
  BuiltinResult Produce(BuiltinContext& context, Piece& piece) override {
    auto& [list, separator, leaf, part] = words_;
    const std::string_view view = ViewOf(part);
    if (at_ < view.size()) {
      const std::string_view next = view.substr(at_, piece.bytes());
      sink().Append(next);
      at_ += next.size();
      piece.UseBytes(next.size());
      return BuiltinResult::More();
    }
    at_ = 0;
    if (between_) {
      between_ = false;
      part = separator;
      return BuiltinResult::More();
    }
    Value x;
    if (!ListNext(list, position_, leaf, x)) return Done();
    if (kind_ == SinkKind::kText ? !IsText(x) : !IsBytes(x)) {
      return context.TypeError(std::string("join wants a list of ") +
                               (kind_ == SinkKind::kText ? "texts" : "bytes") +
                               " as its first argument, but element " +
                               std::to_string(ListPosition(position_) - 1) + " is " + Describe(x));
    }
    part = x;
    between_ = ListPosition(position_) < ListSize(list) && !ViewOf(separator).empty();
    piece.Use(1);
    return BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { visitor.Visit(words_, 4); }

  SinkKind kind_;
  Value words_[4];
  Value position_ = kListStart;
  size_t at_ = 0;         // copied of the part
  bool between_ = false;  // a separator comes before the next element
};

BuiltinResult Join(BuiltinContext& context, const Value* args, int count) {
  if (!IsList(args[0])) return context.Wants(0, "a list of texts", args[0]);
  const bool any = ListSize(args[0]) > 0;
  const bool of_bytes = count > 1 ? IsBytes(args[1]) : any && IsBytes(ListAt(args[0], 0));
  if (count > 1 && !of_bytes && !IsText(args[1])) return context.Wants(1, "a text", args[1]);
  const Value separator = count > 1 ? args[1] : Value::ShortText("", 0);
  return RunInPieces(context, JoinJob(context.heap(), of_bytes ? SinkKind::kBytes : SinkKind::kText,
                                      args[0], separator));
}

class CharsJob final : public ListJob {
 public:
  enum class Of : uint8_t { kTexts, kNumbers };
  CharsJob(Heap& heap, Value text, Of of) : ListJob(heap), text_(text), of_(of) {}

 private:
  BuiltinResult Produce(BuiltinContext& context, Piece& piece) override {
    const std::string_view view = TextView(text_);
    Value made = list();
    for (uint64_t n = piece.steps(); n > 0 && at_ < view.size(); --n) {
      const DecodedPoint decoded = DecodeUtf8(view.substr(at_));
      made = Append(context.heap(), made,
                    of_ == Of::kTexts ? Value::ShortText(view.data() + at_, decoded.size)
                                      : Value::SmallInt(decoded.point));
      at_ += static_cast<size_t>(decoded.size);
      piece.Use(1);
    }
    list() = made;
    return at_ == view.size() ? Done() : BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { visitor.Visit(&text_, 1); }

  Value text_;
  size_t at_ = 0;
  Of of_;
};

template <CharsJob::Of of>
BuiltinResult Chars(BuiltinContext& context, const Value* args, int) {
  if (!IsText(args[0])) return context.Wants(0, "a text", args[0]);
  return RunInPieces(context, CharsJob(context.heap(), args[0], of));
}

// ---------------------------------------------------------------------------
// Numbers in texts

// Nil for what is no number.
BuiltinResult GiveParsed(BuiltinContext& context, Result parsed) {
  if (!parsed.ok() && parsed.failure() == Failure::kSyntax) {
    return BuiltinResult::Of(Value::Nil());
  }
  return context.Give(parsed, "", kIntTooBig);
}

// A base from 2 to 36; else false.
bool ReadBase(Value v, int* base) {
  if (!v.is_int() || v.small_int() < 2 || v.small_int() > 36) return false;
  *base = static_cast<int>(v.small_int());
  return true;
}
constexpr std::string_view kBase = "a base from 2 to 36";

BuiltinResult TooManyDigits(BuiltinContext& context) {
  return context.Failure("limit", std::string(context.name()) + " takes a text of at most " +
                                      std::to_string(kNumberBytesMax) + " bytes");
}

BuiltinResult ParseIntText(BuiltinContext& context, const Value* args, int count) {
  int base = 10;
  if (!IsText(args[0])) return context.Wants(0, "a text", args[0]);
  if (count > 1 && !ReadBase(args[1], &base)) return context.Wants(1, kBase, args[1]);
  const std::string_view text = TextView(args[0]);
  if (text.size() > kNumberBytesMax) return TooManyDigits(context);
  if (text.size() > kDigitsAtOnce) {
    context.Charge(static_cast<int64_t>(text.size() / 8));
    IntDigits digits;
    if (const std::optional<Failure> failure = ReadDigits(text, base, &digits)) {
      return GiveParsed(context, *failure);
    }
    return MakeNumberJob(
        context, bigint::ParsePieces(std::move(digits.values), base, digits.negative),
        [](Heap& heap, const bigint::ParsePieces& parsed) { return parsed.Finish(heap); });
  }
  if (!context.ChargeAhead(static_cast<int64_t>(ParseWork(text.size())))) return context.TooLong();
  return GiveParsed(context, ParseInt(context.heap(), text, base));
}

BuiltinResult ParseFloatText(BuiltinContext& context, const Value* args, int) {
  if (!IsText(args[0])) return context.Wants(0, "a text", args[0]);
  const std::string_view text = TextView(args[0]);
  if (text.size() > kNumberBytesMax) return TooManyDigits(context);
  context.Charge(static_cast<int64_t>(text.size() / 8));
  return GiveParsed(context, ParseFloat(context.heap(), text));
}

// An integer's digits, and `suffix` behind them.
BuiltinResult GiveDigits(BuiltinContext& context, Value v, int base, std::string suffix) {
  if (DecimalDigitsMax(v) > kDigitsAtOnce) {
    return MakeNumberJob(
        context, bigint::DigitPieces(v, base),
        [suffix = std::move(suffix)](Heap& heap, const bigint::DigitPieces& digits) {
          return MakeTextUnchecked(heap, std::string(digits.text()) + suffix);
        });
  }
  if (!context.ChargeAhead(static_cast<int64_t>(NumberWork(NumberOp::kToText, v, v)))) {
    return context.TooLong();
  }
  std::string digits;
  AppendInt(v, base, &digits);
  return context.Give(MakeTextUnchecked(context.heap(), digits + suffix), "");
}

BuiltinResult InBase(BuiltinContext& context, const Value* args, int) {
  int base = 10;
  if (!IsInt(args[0])) return context.Wants(0, "an integer", args[0]);
  if (!ReadBase(args[1], &base)) return context.Wants(1, kBase, args[1]);
  return GiveDigits(context, args[0], base, "");
}

// The number with so many decimals, exactly rounded.
BuiltinResult Fixed(BuiltinContext& context, const Value* args, int) {
  if (!IsNumber(args[0])) return context.Wants(0, "a number", args[0]);
  if (!args[1].is_int() || args[1].small_int() < 0 || args[1].small_int() > kPlacesMax) {
    return context.Wants(1, "a number of decimals from 0 to 1000", args[1]);
  }
  const int places = static_cast<int>(args[1].small_int());
  if (IsInt(args[0])) {
    return GiveDigits(context, args[0], 10,
                      places > 0 ? "." + std::string(static_cast<size_t>(places), '0') : "");
  }
  std::string text;
  context.Charge(places / 16 + 8);
  AppendFixed(FloatOf(args[0]), places, &text);
  return context.Give(MakeTextUnchecked(context.heap(), text), "");
}

}  // namespace

void RegisterTexts(BuiltinRegistry& registry) {
  registry.Pure("upper", 1, 1, ChangeCase<Case::kUpper>,
                "upper(text): with the letters a to z as A to Z; other letters stay");
  registry.Pure("lower", 1, 1, ChangeCase<Case::kLower>,
                "lower(text): with the letters A to Z as a to z; other letters stay");
  registry.Pure("trim", 1, 1, Trim<Side::kBoth>,
                "trim(text): without white space at its start and its end");
  registry.Pure("trim_start", 1, 1, Trim<Side::kStart>,
                "trim_start(text): without white space at its start");
  registry.Pure("trim_end", 1, 1, Trim<Side::kEnd>,
                "trim_end(text): without white space at its end");
  registry.Pure("is_digit", 1, 1, EveryPoint<IsDigitPoint, false>,
                "is_digit(text): is it one or more digits, 0 to 9?");
  registry.Pure("is_letter", 1, 1, EveryPoint<IsLetterPoint, false>,
                "is_letter(text): is it one or more letters, a to z or A to Z?");
  registry.Pure("is_blank", 1, 1, EveryPoint<IsSpace, true>,
                "is_blank(text): is there nothing in it but white space?");
  registry.Pure("pad_start", 2, 3, Pad<Side::kStart>,
                "pad_start(text, width, fill): with fill (or spaces) before it, to width code "
                "points");
  registry.Pure("pad_end", 2, 3, Pad<Side::kEnd>,
                "pad_end(text, width, fill): with fill (or spaces) after it, to width code points");
  registry.Pure("join", 1, 2, Join,
                "join(texts, separator): the texts (or bytes) of a list end to end, with the "
                "separator between them");
  registry.Pure("chars", 1, 1, Chars<CharsJob::Of::kTexts>,
                "chars(text): the list of its code points, each a text");
  registry.Pure("code_points", 1, 1, Chars<CharsJob::Of::kNumbers>,
                "code_points(text): the list of its code points, each an integer");
  registry.Pure("parse_int", 1, 2, ParseIntText,
                "parse_int(text, base): the integer it spells, in base 2 to 36 (or 10); nil if it "
                "is none");
  registry.Pure("parse_float", 1, 1, ParseFloatText,
                "parse_float(text): the number it spells, as a float; nil if it is none");
  registry.Pure("in_base", 2, 2, InBase,
                "in_base(n, base): the digits of an integer in base 2 to 36, a text");
  registry.Pure(
      "fixed", 2, 2, Fixed,
      "fixed(x, places): the number with so many decimals, a text; a tie goes away from zero");
}

}  // namespace vesicle::prelude
