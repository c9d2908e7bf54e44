#include "transport/syrup/decoder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "transport/syrup/forms.h"
#include "vm/value/bytes.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/number_text.h"
#include "vm/value/text.h"

namespace vesicle::syrup {
namespace {

// Parts of one frame that are gathered into a list or a map at a time.
constexpr size_t kGatherParts = 1024;
constexpr uint64_t kEntryWork = 16;
// A stack that became larger than this is let go by Start().
constexpr size_t kKeepFrames = 1024;

Result MakeIntOf(Heap& heap, const Reader& reader) {
  if (reader.fits_int64()) return MakeInt(heap, reader.int64());
  const Result magnitude = ParseInt(heap, reader.text(), 10);
  return magnitude.ok() && reader.is_negative() ? Negate(heap, magnitude.value()) : magnitude;
}

}  // namespace

Result TextOf(Heap& heap, std::string_view bytes, bool is_ascii) {
  if (bytes.size() <= static_cast<size_t>(kShortBytesMax)) {
    return Value::ShortText(bytes.data(), static_cast<int>(bytes.size()));
  }
  Result text = Value::Nil();
  const auto size = static_cast<uint32_t>(bytes.size());
  if (Heap::SizeBytes(Kind::kText, size) <= Heap::kSmallBytesMax) {
    text = Value::Data(heap.Allocate(Kind::kText, size));
  } else {
    text = AllocateText(heap, size);
    if (!text.ok()) return text;
  }
  std::memcpy(text.value().data()->bytes(), bytes.data(), size);
  SealText(text.value(), is_ascii);
  return text;
}

void Decoder::Start(As as, Reader* reader) {
  reader_ = reader;
  as_ = as;
  value_ = Value::Nil();
  is_pending_ = false;
  is_done_ = false;
  path_.clear();
  if (path_.capacity() > kKeepFrames) std::vector<Frame>().swap(path_);
  if (near_.capacity() > 2 * kGatherParts) std::vector<Value>().swap(near_);
  if (parts_.size() > 0) parts_.Resize(0);
  work_ = 0;
  error_ = {};
  bytes_.Set(0);
}

Decoder::Step Decoder::FailWith(Wrong wrong, size_t at, uint32_t limit) {
  error_ = {wrong, limit, at};
  return Step::kFailed;
}

Decoder::Step Decoder::FailWith(Failure failure, size_t at) {
  if (failure == Failure::kMemory) return Step::kNoRoom;
  if (failure == Failure::kTooBig) return FailWith(Wrong::kFieldsTooMany, at, kFieldsMax);
  return FailWith(Wrong::kRecordForm, at);
}

Decoder::Step Decoder::ReaderFailed() {
  error_ = reader_->error();
  if (error_.ok()) error_ = {Wrong::kCut, 0, reader_->end()};
  return Step::kFailed;
}

Decoder::Step Decoder::Deliver(Value value) {
  if (path_.empty()) {
    value_ = value;
    is_done_ = true;
    return Step::kDone;
  }
  return parts_.Push(value) ? Step::kDone : Step::kNoRoom;
}

Decoder::Step Decoder::Open(Shape shape) {
  const Frame frame{.shape = shape, .begin = parts_.size(), .at = reader_->begin()};
  if (!parts_.Push(Value::Nil())) return Step::kNoRoom;
  path_.push_back(frame);
  return Step::kDone;
}

Decoder::Step Decoder::Atom(Token token, Value* value) {
  const std::string_view text = reader_->text();
  Result made = Value::Nil();
  switch (token) {
    case Token::kInt:
      made = MakeIntOf(heap_, *reader_);
      if (!reader_->fits_int64()) work_ += ParseWork(text.size());
      if (!made.ok() && made.failure() == Failure::kTooBig) {
        return FailWith(Wrong::kIntTooLong, reader_->begin(), Limits().int_digits_max);
      }
      break;
    case Token::kFloat:
      made = MakeFloat(heap_, reader_->float64());
      break;
    case Token::kBool:
      made = Value::Bool(reader_->boolean());
      break;
    case Token::kText:
      made = TextOf(heap_, text, reader_->is_ascii());
      work_ += TextWork(text.size());
      break;
    case Token::kBytes:
      made = MakeBytes(heap_, text);
      work_ += TextWork(text.size());
      break;
    default:
      if (text.size() <= static_cast<size_t>(kShortBytesMax)) {
        made = SymbolTable::Short(text);
        break;
      }
      if (text.size() > kSymbolBytesMax) {
        return FailWith(Wrong::kSymbolTooLong, reader_->begin(), kSymbolBytesMax);
      }
      made = symbols_.Intern(text);
  }
  if (!made.ok()) return FailWith(made.failure(), reader_->begin());
  *value = made.value();
  return Step::kDone;
}

// Behind the `<`; its place among the parts is taken before anything is read, so that what was read
// to its end is not lost for want of room.
Decoder::Step Decoder::Record(RecordReader& records) {
  const size_t at = reader_->end() - 1;
  const size_t slot = parts_.size();
  if (!parts_.Push(Value::Nil())) return Step::kNoRoom;
  const Reader::Mark mark = reader_->mark();
  const auto no_room = [&] {
    reader_->Rewind(mark);
    parts_.Resize(slot);
    return Step::kNoRoom;
  };
  const Token first = reader_->Next();
  if (first == Token::kError) return ReaderFailed();
  if (first != Token::kSymbol) return FailWith(Wrong::kRecord, at);
  const std::string_view label = reader_->text();
  if (label == kTaggedLabel || label == kTagLabel) {
    const Step step = Tagged();
    if (step == Step::kNoRoom) return no_room();
    if (step == Step::kDone) path_.back().at = at;
    return step;
  }
  if (label == kErrorLabel) {
    path_.push_back({.shape = Shape::kError, .begin = slot, .at = at});
    return Step::kDone;
  }
  Value value;
  if (label == kVoidLabel || label == kNullLabel) {
    const Token end = reader_->Next();
    if (end == Token::kError) return ReaderFailed();
    if (end != Token::kRecordEnd) return FailWith(Wrong::kRecordForm, at);
    if (label == kNullLabel) value = MakeNull(heap_);
  } else {
    const size_t depth = reader_->depth();
    const Result read = records.ReadRecord(label, *reader_);
    if (!reader_->error().ok()) return ReaderFailed();
    if (!read.ok()) {
      switch (read.failure()) {
        case Failure::kMemory:
          return no_room();
        case Failure::kSyntax:
          return FailWith(Wrong::kRecord, at);
        case Failure::kTooBig:
          return FailWith(Wrong::kTableFull, at);
        default:
          return FailWith(Wrong::kRefRefused, at);
      }
    }
    VESICLE_CHECK_EQ(reader_->depth() + 1, depth);
    value = read.value();
  }
  if (path_.empty()) {
    parts_.Resize(slot);
    return Deliver(value);
  }
  parts_.Set(slot, value);
  return Step::kDone;
}

// The tag of a tagged value, into the place that was taken for it.
Decoder::Step Decoder::Tagged() {
  const Token token = reader_->Next();
  if (token == Token::kError) return ReaderFailed();
  const size_t at = reader_->begin();
  if (token != Token::kSymbol && token != Token::kText) return FailWith(Wrong::kRecordForm, at);
  const std::string_view name = reader_->text();
  Frame frame{.shape = Shape::kTagged, .begin = parts_.size() - 1};
  if (IsReservedTag(name)) {
    if (name != kMapTag && name != kValueTag) return FailWith(Wrong::kReservedTag, at);
    frame.tag = name == kMapTag ? TagKind::kMap : TagKind::kEscaped;
  } else {
    Value symbol;
    const Step step = Atom(Token::kSymbol, &symbol);
    if (step != Step::kDone) return step;
    if (symbol == OcapnSymbol()) frame.tag = TagKind::kOcapn;
    parts_.Set(frame.begin, symbol);
  }
  path_.push_back(frame);
  return Step::kDone;
}

std::span<const Value> Decoder::Parts(const Frame& frame, size_t first) {
  near_.clear();
  for (size_t i = frame.begin + first; i < parts_.size(); ++i) near_.push_back(parts_[i]);
  return near_;
}

std::span<const Value> Decoder::Elements(const Frame& frame) {
  near_.clear();
  const Value before = parts_[frame.begin];
  if (frame.gathered > 0) {
    Value position = kListStart;
    Value leaf;
    Value element;
    while (ListNext(before, position, leaf, element)) near_.push_back(element);
  }
  for (size_t i = frame.begin + 1; i < parts_.size(); ++i) near_.push_back(parts_[i]);
  work_ += near_.size() / 8;
  return near_;
}

Decoder::Step Decoder::Gather() {
  Frame& frame = path_.back();
  const size_t count = parts_.size() - frame.begin - 1;
  switch (frame.shape) {
    case Shape::kTagged:
    case Shape::kError:
      return Step::kDone;
    case Shape::kMap:
    case Shape::kPairs:
      return count % 2 == 0 ? GatherMap(&frame) : Step::kDone;
    default:
      return GatherList(&frame);
  }
}

Decoder::Step Decoder::GatherList(Frame* frame) {
  const Result more = MakeList(heap_, Parts(*frame, 1));
  if (!more.ok()) return FailWith(more.failure(), frame->at);
  Value all = more.value();
  if (frame->gathered > 0) {
    const Result joined = Concat(heap_, parts_[frame->begin], all);
    if (!joined.ok()) return FailWith(joined.failure(), frame->at);
    all = joined.value();
  }
  frame->gathered += parts_.size() - frame->begin - 1;
  parts_.Set(frame->begin, all);
  parts_.Resize(frame->begin + 1);
  return Step::kDone;
}

Decoder::Step Decoder::GatherMap(Frame* frame) {
  MapBuilder builder(heap_, identities_);
  for (size_t i = frame->begin + 1; i < parts_.size(); i += 2) {
    if (builder.Add(parts_[i], parts_[i + 1])) return FailWith(Wrong::kKey, frame->at);
  }
  Result all = builder.Finish();
  if (all.ok() && frame->gathered > 0) {
    all = MapMerge(heap_, parts_[frame->begin], all.value(), identities_);
  }
  if (!all.ok()) return FailWith(all.failure(), frame->at);
  const uint64_t entries = (parts_.size() - frame->begin - 1) / 2;
  work_ += entries * kEntryWork;
  if (MapSize(all.value()) != frame->gathered + entries) {
    return FailWith(Wrong::kKeyTwice, frame->at);
  }
  frame->gathered += entries;
  parts_.Set(frame->begin, all.value());
  parts_.Resize(frame->begin + 1);
  return Step::kDone;
}

// The parts stay as they are until the value is there, so that it may be tried again.
Decoder::Step Decoder::Close() {
  if (path_.empty()) return FailWith(Wrong::kRecordForm, reader_->begin());
  Frame& frame = path_.back();
  Value value;
  Step step = Step::kDone;
  bool makes_parent = false;
  switch (frame.shape) {
    case Shape::kList:
      step = CloseList(&frame, &value);
      break;
    case Shape::kMap:
      step = CloseMap(&frame, &value);
      break;
    case Shape::kTagged:
      step = CloseTagged(frame, &value);
      break;
    case Shape::kArguments:
    case Shape::kError:
      step = CloseFields(frame, &value);
      break;
    case Shape::kFields:
    case Shape::kPairs:
    case Shape::kEscaped:
      step = frame.shape == Shape::kPairs ? CloseMap(&frame, &value) : CloseFields(frame, &value);
      makes_parent = true;
  }
  if (step != Step::kDone) return step;
  const size_t begin = frame.begin;
  path_.pop_back();
  if (path_.empty()) {
    parts_.Resize(0);
    return Deliver(value);
  }
  parts_.Resize(begin + 1);
  parts_.Set(begin, value);
  if (makes_parent) path_.back().is_made = true;
  return Step::kDone;
}

Decoder::Step Decoder::CloseList(Frame* frame, Value* value) {
  if (frame->gathered == 0 || parts_.size() > frame->begin + 1) {
    const Step step = GatherList(frame);
    if (step != Step::kDone) return step;
  }
  *value = parts_[frame->begin];
  return Step::kDone;
}

Decoder::Step Decoder::CloseMap(Frame* frame, Value* value) {
  if ((parts_.size() - frame->begin - 1) % 2 != 0) return FailWith(Wrong::kNoValue, frame->at);
  if (frame->gathered == 0 || parts_.size() > frame->begin + 1) {
    const Step step = GatherMap(frame);
    if (step != Step::kDone) return step;
  }
  *value = parts_[frame->begin];
  const bool is_spelled_so = (frame->shape == Shape::kMap) || !IsDictionary(*value);
  return is_spelled_so ? Step::kDone : FailWith(Wrong::kReservedTag, frame->at);
}

Decoder::Step Decoder::CloseFields(const Frame& frame, Value* value) {
  const uint64_t count = frame.gathered + parts_.size() - frame.begin - 1;
  if (frame.shape == Shape::kFields && (count == 0 || count > kFieldsMax)) {
    const Step step = CloseList(&path_.back(), value);
    return step == Step::kDone ? MakeOther(parts_[frame.begin - 1], *value, value) : step;
  }
  if (count > kFieldsMax + 1) return FailWith(Wrong::kFieldsTooMany, frame.at, kFieldsMax);
  std::span<const Value> parts = Elements(frame);
  Result made = Value::Nil();
  switch (frame.shape) {
    case Shape::kArguments:
      made = MessageOf(heap_, parts);
      break;
    case Shape::kFields:
      made = MakeTagged(heap_, parts_[frame.begin - 1], parts);
      break;
    case Shape::kError:
      if (parts.empty() || !IsText(parts[0])) return FailWith(Wrong::kRecordForm, frame.at);
      near_.insert(near_.begin(), SymbolTable::Short("error"));
      made = MakeTagged(heap_, OcapnSymbol(), near_);
      break;
    default:
      if (parts.size() < 2 || !IsSymbol(parts[0]) ||
          SpellingOf(parts[0], parts.subspan(1)) != Spelling::kEscaped) {
        return FailWith(Wrong::kReservedTag, frame.at);
      }
      made = MakeTagged(heap_, parts[0], parts.subspan(1));
  }
  if (!made.ok()) return FailWith(made.failure(), frame.at);
  *value = made.value();
  return Step::kDone;
}

Decoder::Step Decoder::CloseTagged(const Frame& frame, Value* value) {
  if (parts_.size() - frame.begin != 2) return FailWith(Wrong::kRecordForm, frame.at);
  *value = parts_[frame.begin + 1];
  if (frame.is_made) return Step::kDone;
  if (frame.tag == TagKind::kMap || frame.tag == TagKind::kEscaped) {
    return FailWith(Wrong::kReservedTag, frame.at);
  }
  return MakeOther(parts_[frame.begin], *value, value);
}

// #ocapn(#tagged, symbol, payload)
Decoder::Step Decoder::MakeOther(Value symbol, Value payload, Value* value) {
  const Value fields[] = {SymbolTable::Short("tagged"), symbol, payload};
  const Result made = MakeTagged(heap_, OcapnSymbol(), fields);
  if (!made.ok()) return Step::kNoRoom;
  *value = made.value();
  return Step::kDone;
}

Decoder::Step Decoder::One(RecordReader& records) {
  switch (token_) {
    case Token::kEnd:
    case Token::kError:
      return ReaderFailed();
    case Token::kRecord:
      return Record(records);
    case Token::kList: {
      if (path_.empty()) return Open(as_ == As::kMessage ? Shape::kArguments : Shape::kList);
      const Frame& top = path_.back();
      if (top.shape != Shape::kTagged || parts_.size() != top.begin + 1) return Open(Shape::kList);
      constexpr Shape kShapes[] = {Shape::kFields, Shape::kList, Shape::kPairs, Shape::kEscaped};
      return Open(kShapes[static_cast<size_t>(top.tag)]);
    }
    case Token::kDict:
      return Open(Shape::kMap);
    case Token::kListEnd:
    case Token::kDictEnd:
    case Token::kRecordEnd:
      return Close();
    default: {
      Value value;
      const Step step = Atom(token_, &value);
      return step == Step::kDone ? Deliver(value) : step;
    }
  }
}

Decoder::Step Decoder::Go(RecordReader& records, uint64_t work_max) {
  const uint64_t end = work_max > UINT64_MAX - work_ ? UINT64_MAX : work_ + work_max;
  while (!is_done_) {
    if (work_ >= end) {
      ChargeMemory();
      return heap_.over_allowance() ? Step::kNoRoom : Step::kMore;
    }
    if (!path_.empty() && parts_.size() - path_.back().begin > kGatherParts) {
      const Step gathered = Gather();
      if (gathered != Step::kDone) return gathered;
    }
    if (!std::exchange(is_pending_, false)) {
      token_ = reader_->Next();
      ++work_;
      if (as_ == As::kMessage && path_.empty() && token_ != Token::kList &&
          token_ != Token::kError && token_ != Token::kEnd) {
        return FailWith(Wrong::kRecordForm, reader_->begin());
      }
    }
    const Step step = One(records);
    if (step == Step::kNoRoom) is_pending_ = true;
    if (step != Step::kDone) return step;
  }
  return Step::kDone;
}

void Decoder::ChargeMemory() {
  bytes_.Set(path_.capacity() * sizeof(Frame) + near_.capacity() * sizeof(Value) + parts_.bytes() +
             reader_->bytes_held());
}

void Decoder::Visit(Visitor& visitor) {
  visitor.Visit(&value_, 1);
  parts_.Visit(visitor);
}

}  // namespace vesicle::syrup
