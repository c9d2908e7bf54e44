#include "vm/value/print.h"

#include <algorithm>
#include <memory>

#include "vm/value/bigint_pieces.h"
#include "vm/value/bytes.h"
#include "vm/value/escape.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/number_text.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"
#include "vm/value/utf8.h"

namespace vesicle {
namespace {

// Words of a frame on the stack.
enum FrameWord : size_t {
  kContainer,
  kPosition,
  kLeaf,
  kIndex,    // parts begun
  kStage,    // of a map's entry
  kPending,  // its value, while its key is printed
  kFrameWords,
};
constexpr Value kNextKey = Value::SmallInt(0);
constexpr Value kAfterBracketKey = Value::SmallInt(1);
constexpr Value kAfterPlainKey = Value::SmallInt(2);

// Texts and bytes that are longer are printed in pieces.
constexpr size_t kPieceBytes = size_t{16} << 10;

constexpr std::string_view kEllipsis = "...";
// An integer that is shortened says how long it is instead of showing its digits.
constexpr uint64_t kDigitsAlwaysShown = 40;

std::string_view CloserOf(Value container) {
  if (IsText(container) || IsBytes(container)) return "\"";
  if (IsInt(container)) return "";
  return IsList(container) ? "]" : IsMap(container) ? "}" : ")";
}

}  // namespace

Printer::Printer(Value v, const PrintOptions& options) : options_(options), root_(v) {}
Printer::~Printer() = default;

uint64_t Printer::bytes_held() const {
  return sizeof *this + output_.capacity() + stack_.capacity() * sizeof(Value) +
         (digits_ == nullptr ? 0 : digits_->bytes_held());
}

bool Printer::Run(uint64_t units) {
  const uint64_t limit = work_ + std::max<uint64_t>(units, 1);
  if (!begun_) {
    begun_ = true;
    if (IsText(root_)) {
      PrintText(root_, options_.top_text);
    } else {
      PrintOne(root_);
    }
    if (printed() > options_.bytes_max) Truncate();
  }
  while (!stack_.empty() && work_ < limit) {
    Resume();
    if (printed() > options_.bytes_max) Truncate();
  }
  return stack_.empty();
}

void Printer::Truncate() {
  truncated_ = true;
  stack_.clear();
  size_t kept = options_.bytes_max - std::min(options_.bytes_max, kEllipsis.size());
  kept -= std::min(kept, dropped_);
  while (kept > 0 && kept < output_.size() && IsContinuationByte(output_[kept])) --kept;
  output_.resize(std::min(kept, output_.size()));
  output_ += kEllipsis.substr(0, options_.bytes_max);
}

// Bytes that can still matter: one over the limit shows that it was passed.
size_t Printer::Room() const {
  return options_.bytes_max + 1 - std::min(printed(), options_.bytes_max);
}

// The part of a text to show, cut at a code point.
std::string_view Printer::Shortened(std::string_view text, size_t* left_out) const {
  size_t size = text.size();
  if (options_.chars_max != 0) size = std::min<size_t>(size, options_.chars_max);
  // Cut for the limit of output: some more, so that the limit is seen to be passed.
  size = std::min(size, Room() + 4);
  if (size == text.size()) {
    *left_out = 0;
    return text;
  }
  while (size > 0 && IsContinuationByte(text[size])) --size;
  *left_out = text.size() - size;
  return text.substr(0, size);
}

void Printer::PrintText(const Value& text, TopText how) {
  size_t left_out;
  const std::string_view shown = Shortened(TextView(text), &left_out);
  if (how == TopText::kQuoted && options_.chars_max == 0 && shown.size() > kPieceBytes) {
    output_ += '"';
    return OpenFrame(text);
  }
  work_ += 1 + TextWork(shown.size());
  switch (how) {
    case TopText::kQuoted:
      AppendQuoted(shown, &output_);
      break;
    case TopText::kPlain:
      AppendEscaped(shown, Escape::kPlain, &output_);
      break;
    case TopText::kRaw:
      output_.append(shown);
      break;
  }
  if (left_out > 0) output_ += "...(+" + std::to_string(left_out) + " bytes)";
}

void Printer::PrintName(const Value& symbol) {
  size_t left_out;
  const std::string_view whole = SymbolView(symbol);
  const std::string_view name = Shortened(whole, &left_out);
  work_ += TextWork(name.size());
  output_ += '#';
  if (left_out == 0 && IsBareName(name)) {
    output_.append(name);
    return;
  }
  AppendQuoted(name, &output_);
  if (left_out > 0) output_ += kEllipsis;
}

void Printer::PrintInt(Value v) {
  const uint64_t digits = DecimalDigitsMax(v);
  if (options_.chars_max != 0 &&
      digits > std::max<uint64_t>(options_.chars_max, kDigitsAlwaysShown)) {
    output_ += "<integer of about " + std::to_string(digits) + " digits>";
    return;
  }
  if (digits > kDigitsAtOnce && digits > Room()) {
    // It would be cut anyway, and the last digits are made first.
    output_ += "<integer of about " + std::to_string(digits) + " digits>";
    return Truncate();
  }
  if (digits > kDigitsAtOnce) {
    digits_ = std::make_unique<bigint::DigitPieces>(v, 10);
    return OpenFrame(v);
  }
  work_ += NumberWork(NumberOp::kToText, v, v);
  AppendInt(v, 10, &output_);
}

void Printer::PrintOne(Value v) {
  ++work_;
  switch (ValueKindOf(v)) {
    case ValueKind::kNil:
      output_ += "nil";
      return;
    case ValueKind::kBool:
      output_ += v.is_true() ? "true" : "false";
      return;
    case ValueKind::kInt:
      PrintInt(v);
      return;
    case ValueKind::kFloat:
      AppendFloat(FloatOf(v), &output_);
      return;
    case ValueKind::kText:
      PrintText(v, TopText::kQuoted);
      return;
    case ValueKind::kBytes: {
      if (options_.chars_max == 0 && BytesView(v).size() > kPieceBytes) {
        output_ += "b\"";
        return OpenFrame(v);
      }
      size_t size = BytesView(v).size();
      if (options_.chars_max != 0) size = std::min<size_t>(size, options_.chars_max);
      size = std::min(size, Room());
      work_ += TextWork(size);
      output_ += "b\"";
      AppendEscapedBytes(BytesView(v).substr(0, size), &output_);
      output_ += '"';
      const size_t left_out = BytesView(v).size() - size;
      if (left_out > 0) output_ += "...(+" + std::to_string(left_out) + " bytes)";
      return;
    }
    case ValueKind::kSymbol:
      PrintName(v);
      return;
    case ValueKind::kTagged:
    case ValueKind::kList:
    case ValueKind::kMap:
      Open(v);
      return;
    case ValueKind::kRef:
      output_ += "<ref>";
      return;
    case ValueKind::kPromise:
      output_ += "<promise>";
      return;
    case ValueKind::kFunction:
      output_ += "<function>";
      return;
    case ValueKind::kBehavior:
      output_ += "<behavior>";
      return;
    case ValueKind::kInternal:
      output_ += "<internal>";
      return;
  }
}

void Printer::Open(Value v) {
  if (IsTagged(v)) {
    const Value tag = TagOf(v);
    PrintName(tag);
    output_ += '(';
  } else {
    output_ += IsList(v) ? '[' : '{';
  }
  const bool empty = (IsList(v) && ListSize(v) == 0) || (IsMap(v) && MapSize(v) == 0);
  const bool too_deep =
      options_.depth_max != 0 && stack_.size() / kFrameWords >= options_.depth_max;
  if (empty || too_deep) {
    if (!empty) output_ += kEllipsis;
    output_ += CloserOf(v);
    return;
  }
  OpenFrame(v);
}

void Printer::OpenFrame(Value v) {
  const size_t at = stack_.size();
  stack_.resize(at + kFrameWords);
  stack_[at + kContainer] = v;
  stack_[at + kPosition] = Value::SmallInt(0);
  stack_[at + kIndex] = Value::SmallInt(0);
  stack_[at + kStage] = kNextKey;
}

void Printer::Close() {
  output_ += CloserOf(stack_[stack_.size() - kFrameWords + kContainer]);
  stack_.resize(stack_.size() - kFrameWords);
}

// One step of the innermost container. Nothing is kept across PrintOne, which
// may open another.
void Printer::Resume() {
  const size_t at = stack_.size() - kFrameWords;
  const Value container = stack_[at + kContainer];
  if (IsInt(container)) return ResumeInt();
  if (IsByteKind(container.data()->kind)) return ResumeBytes(at);
  if (IsMap(container) && ResumeMap(at)) return;
  const int64_t index = stack_[at + kIndex].small_int();
  Value part;
  MapEntry entry;
  bool more;
  if (IsList(container)) {
    more = ListNext(container, stack_[at + kPosition], stack_[at + kLeaf], part);
  } else if (IsMap(container)) {
    more = MapNext(container, stack_[at + kPosition], stack_[at + kLeaf], entry);
  } else {
    const std::span<const Value> fields = FieldsOf(container);
    more = static_cast<size_t>(index) < fields.size();
    if (more) part = fields[static_cast<size_t>(index)];
  }
  if (!more) {
    ++work_;
    Close();
    return;
  }
  if (index > 0) output_ += ", ";
  if (options_.items_max != 0 && index >= options_.items_max) {
    output_ += kEllipsis;
    Close();
    return;
  }
  stack_[at + kIndex] = Value::SmallInt(index + 1);
  if (!IsMap(container)) {
    PrintOne(part);
    return;
  }
  stack_[at + kPending] = entry.value;
  if (IsText(entry.key)) {
    stack_[at + kStage] = kAfterPlainKey;
    const std::string_view name = TextView(entry.key);
    if (IsBareName(name) && (options_.chars_max == 0 || name.size() <= options_.chars_max)) {
      output_.append(name.substr(0, Room()));
    } else {
      PrintText(entry.key, TopText::kQuoted);
    }
    return;
  }
  stack_[at + kStage] = kAfterBracketKey;
  output_ += '[';
  PrintOne(entry.key);
}

// The next piece of a long text or of long bytes.
void Printer::ResumeBytes(size_t at) {
  const Value v = stack_[at + kContainer];
  const std::string_view all = IsText(v) ? TextView(v) : BytesView(v);
  const size_t from = static_cast<size_t>(stack_[at + kPosition].small_int());
  size_t size = std::min(kPieceBytes, all.size() - from);
  if (from + size < all.size() && IsText(v)) {
    while (IsContinuationByte(all[from + size])) --size;
    // ${ is escaped as a pair.
    if (all[from + size - 1] == '$') --size;
  }
  const std::string_view piece = all.substr(from, size);
  work_ += 1 + TextWork(size);
  if (IsText(v)) {
    AppendEscaped(piece, Escape::kQuoted, &output_);
  } else {
    AppendEscapedBytes(piece, &output_);
  }
  stack_[at + kPosition] = Value::SmallInt(static_cast<int64_t>(from + size));
  if (from + size == all.size()) Close();
}

// The next block of a long integer's digits: the last one comes first, so they show at the end.
void Printer::ResumeInt() {
  const uint64_t before = digits_->work();
  const bool is_whole = digits_->Run(1);
  work_ += digits_->work() - before;
  if (!is_whole) return;
  output_.append(digits_->text());
  digits_.reset();
  Close();
}

// The value of the entry whose key was printed, if there is one.
bool Printer::ResumeMap(size_t at) {
  const Value stage = stack_[at + kStage];
  if (stage == kNextKey) return false;
  output_ += stage == kAfterBracketKey ? "]: " : ": ";
  stack_[at + kStage] = kNextKey;
  PrintOne(stack_[at + kPending]);
  return true;
}

void Printer::Visit(Visitor& visitor) {
  visitor.Visit(&root_, 1);
  if (!stack_.empty()) visitor.Visit(stack_.data(), stack_.size());
}

std::string Print(Value v, const PrintOptions& options) {
  Printer printer(v, options);
  while (!printer.Run(kWorkMax)) {
  }
  return printer.output();
}

}  // namespace vesicle
