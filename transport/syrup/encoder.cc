#include "transport/syrup/encoder.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "transport/syrup/forms.h"
#include "vm/value/bytes.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/number_text.h"
#include "vm/value/structure.h"
#include "vm/value/text.h"

namespace vesicle::syrup {
namespace {

// A stack that became larger than this is let go by Start().
constexpr size_t kKeepFrames = 1024;
// So many words of a message are looked at before it is written.
constexpr uint64_t kFlatWordsMax = 16;

constexpr std::string_view kEnds[] = {"", "]", "]>", ">", "}"};
enum Ends : uint8_t { kNoEnds, kListEnds, kTaggedEnds, kRecordEnds, kDictEnds };

// What stands before the tag of a tagged value, and all of nil and of null.
constexpr std::string_view kVoidRecord = "<4'void>";
constexpr std::string_view kNullRecord = "<4'null>";

// In the order in which lengths stand as decimals with a quote behind them: 1, 10, 100, 11, 2.
uint64_t LengthRank(size_t n) {
  constexpr uint64_t kPowers[] = {
      1,       10,         100,         1'000,         10'000,        100'000,
      1000000, 10'000'000, 100'000'000, 1'000'000'000, 10'000'000'000};
  constexpr uint64_t kDigitsMax = 10;
  uint64_t digits = 1;
  while (n >= kPowers[digits]) ++digits;
  return (n * kPowers[kDigitsMax - digits]) << 4 | digits;
}

// An atom, and no ref.
bool IsData(Value v) { return !v.is_pointer() || (v.is_data() && IsAtom(v.object())); }

uint64_t RankOf(const Value& key) { return LengthRank(TextView(key).size()); }

}  // namespace

void Encoder::Start(Value value, As as, Writer* out) {
  out_ = out;
  root_ = value;
  as_ = as;
  is_begun_ = false;
  path_.clear();
  if (path_.capacity() > kKeepFrames) std::vector<Frame>().swap(path_);
  if (objects_.size() > 0) objects_.Resize(0);
  if (entries_.size() > 0) entries_.Resize(0);
  lengths_.clear();
  work_ = 0;
  bytes_.Set(0);
}

Encoder::Step Encoder::FailWith(Wrong wrong, uint32_t limit) {
  out_->Fail(wrong, limit);
  return Step::kFailed;
}

Encoder::Step Encoder::Push(Value object, const Frame& frame) {
  if (!objects_.Push(object)) return Step::kNoRoom;
  path_.push_back(frame);
  return Step::kMore;
}

void Encoder::WriteEnds(uint8_t ends) {
  for (const char end : kEnds[ends]) {
    if (end == ']') {
      out_->EndList();
    } else if (end == '>') {
      out_->EndRecord();
    } else {
      out_->EndDict();
    }
  }
}

inline Encoder::Step Encoder::Put(RefWriter& refs, const Value& v) {
  ++work_;
  switch (v.tag()) {
    case Tag::kInt:
      out_->Int(v.small_int());
      break;
    case Tag::kShortText:
      out_->Text(TextView(v));
      break;
    case Tag::kShortSymbol:
      out_->Symbol(SymbolView(v));
      break;
    case Tag::kFloatLow:
    case Tag::kFloatHigh:
      out_->Float(v.immediate_float());
      break;
    case Tag::kConstant:
      if (v.is_nil()) {
        out_->Encoded(kVoidRecord, 2, 1);
      } else if (v.is_bool()) {
        out_->Bool(v.is_true());
      } else if (v.is_immediate_float()) {
        out_->Float(v.immediate_float());
      } else {
        return FailWith(Wrong::kNoData);
      }
      break;
    case Tag::kTarget:
    case Tag::kObject:
      return PutObject(refs, v);
  }
  return out_->ok() ? Step::kDone : Step::kFailed;
}

Encoder::Step Encoder::PutObject(RefWriter& refs, Value v) {
  if (v.is_target()) {
    const Writer::Mark mark = out_->mark();
    const std::optional<Failure> failure = refs.WriteRef(v, *out_);
    if (!failure) return out_->ok() ? Step::kDone : Step::kFailed;
    out_->Rewind(mark);
    if (*failure == Failure::kMemory) return Step::kNoRoom;
    return FailWith(*failure == Failure::kTooBig ? Wrong::kTableFull : Wrong::kRefRefused);
  }
  const Object* o = v.data();
  switch (o->kind) {
    case Kind::kBigInt:
      return PutBigInt(v);
    case Kind::kFloat:
      out_->Float(FloatOf(v));
      break;
    case Kind::kText:
      out_->Text({o->bytes(), o->count});
      work_ += TextWork(o->count);
      break;
    case Kind::kBytes:
      out_->Bytes({o->bytes(), o->count});
      work_ += TextWork(o->count);
      break;
    case Kind::kSymbol:
      out_->Symbol({o->bytes(), o->count});
      break;
    case Kind::kTagged:
      return PutTagged(v);
    case Kind::kList:
      return PutList(v);
    case Kind::kMap:
      return PutMap(v);
    default:
      return FailWith(Wrong::kNoData);
  }
  return out_->ok() ? Step::kDone : Step::kFailed;
}

// The conversion is the one long step: it is not begun for what cannot fit.
Encoder::Step Encoder::PutBigInt(Value v) {
  const Limits& limits = out_->limits();
  const uint64_t digits_min = BitLength(v) * 1233 / 4096;  // 1233/4096 is below log10(2)
  if (digits_min > limits.int_digits_max) {
    return FailWith(Wrong::kIntTooLong, limits.int_digits_max);
  }
  if (digits_min > limits.message_bytes_max - out_->message_size()) {
    return FailWith(Wrong::kTooLong, limits.message_bytes_max);
  }
  digits_.clear();
  AppendInt(v, 10, &digits_);
  work_ += NumberWork(NumberOp::kToText, v, v);
  std::string_view digits = digits_;
  const bool is_negative = digits[0] == '-';
  if (is_negative) digits.remove_prefix(1);
  out_->BigInt(digits, is_negative);
  return out_->ok() ? Step::kDone : Step::kFailed;
}

Encoder::Step Encoder::PutTagged(Value v) {
  const Object* o = v.data();
  const Value tag = o->words()[0];
  const Spelling spelling = SpellingOf(tag, FieldsOf(v));
  if (spelling == Spelling::kNull) {
    out_->Encoded(kNullRecord, 2, 1);
    return out_->ok() ? Step::kDone : Step::kFailed;
  }
  const bool has_list = spelling == Spelling::kPlain || spelling == Spelling::kEscaped;
  Frame frame{.shape = Shape::kWords, .count = o->count};
  frame.ends = has_list ? kTaggedEnds : kRecordEnds;
  frame.next = spelling == Spelling::kPlain ? 1 : spelling == Spelling::kEscaped ? 0 : 2;
  const Step pushed = Push(v, frame);
  if (pushed == Step::kNoRoom) return pushed;
  out_->BeginRecord(spelling == Spelling::kError ? kErrorLabel : kTaggedLabel);
  if (spelling == Spelling::kPlain) out_->Symbol(SymbolView(tag));
  if (spelling == Spelling::kEscaped) out_->Symbol(kValueTag);
  if (has_list) out_->BeginList();
  return out_->ok() ? pushed : Step::kFailed;
}

Encoder::Step Encoder::PutList(Value v) {
  const uint64_t size = ListSize(v);
  const bool is_flat = size == v.data()->count && (v.data()->flags & list_internal::kDeep) == 0;
  const Step pushed = Push(
      v, {.shape = is_flat ? Shape::kWords : Shape::kDeepList, .ends = kListEnds, .count = size});
  if (pushed == Step::kNoRoom) return pushed;
  out_->BeginList();
  return out_->ok() ? pushed : Step::kFailed;
}

Encoder::Step Encoder::PutMap(Value v) {
  const uint64_t size = MapSize(v);
  Frame frame{.shape = Shape::kEntries, .ends = kTaggedEnds, .count = 2 * size};
  const bool is_dictionary = IsDictionary(v);
  if (is_dictionary && size <= kFlatEntriesMax) {
    frame.shape = Shape::kSmallDictionary;
    frame.ends = kDictEnds;
    // By length; those of one length are in order already.
    uint64_t ranks[kFlatEntriesMax];
    uint32_t order[kFlatEntriesMax];
    const MapChunk all = size == 0 ? MapChunk{} : MapChunkAt(v, 0);
    for (uint32_t i = 0; i < size; ++i) {
      const uint64_t rank = RankOf(all.keys[i]);
      uint32_t at = i;
      for (; at > 0 && ranks[at - 1] > rank; --at) {
        ranks[at] = ranks[at - 1];
        order[at] = order[at - 1];
      }
      ranks[at] = rank;
      order[at] = i;
    }
    for (uint32_t i = 0; i < size; ++i) frame.base |= size_t{order[i]} << (4 * i);
  } else if (is_dictionary) {
    frame.shape = Shape::kLengths;
    frame.ends = kDictEnds;
    frame.count = size;
    frame.base = entries_.size();
    lengths_.clear();
  }
  const Step pushed = Push(v, frame);
  if (pushed == Step::kNoRoom) return pushed;
  if (is_dictionary) {
    out_->BeginDict();
  } else {
    out_->BeginRecord(kTaggedLabel);
    out_->Symbol(kMapTag);
    out_->BeginList();
  }
  return out_->ok() ? pushed : Step::kFailed;
}

Encoder::Step Encoder::CountLengths() {
  Frame& frame = path_.back();
  const MapChunk chunk = MapChunkAt(objects_[path_.size() - 1], frame.next);
  for (uint64_t i = frame.next - chunk.first; i < chunk.count; ++i) {
    if (!entries_.Push(Value::Nil())) return Step::kNoRoom;
    if (!entries_.Push(Value::Nil())) {
      entries_.Resize(entries_.size() - 1);
      return Step::kNoRoom;
    }
    ++lengths_[RankOf(chunk.keys[i])];
    ++frame.next;
  }
  work_ += chunk.count;
  if (frame.next < frame.count) return Step::kDone;
  uint64_t at = frame.base;
  for (auto& length : lengths_) at += 2 * std::exchange(length.second, at);
  frame.shape = Shape::kPlaces;
  frame.next = 0;
  return Step::kDone;
}

Encoder::Step Encoder::PlaceEntries() {
  Frame& frame = path_.back();
  const MapChunk chunk = MapChunkAt(objects_[path_.size() - 1], frame.next);
  for (uint64_t i = frame.next - chunk.first; i < chunk.count; ++i) {
    uint64_t& at = lengths_[RankOf(chunk.keys[i])];
    entries_.Set(at, chunk.keys[i]);
    entries_.Set(at + 1, chunk.values[i]);
    at += 2;
    ++frame.next;
  }
  work_ += chunk.count;
  if (frame.next < frame.count) return Step::kDone;
  frame.shape = Shape::kDictionary;
  frame.next = 0;
  frame.count *= 2;
  return Step::kDone;
}

Encoder::Step Encoder::PutWords(RefWriter& refs, uint64_t work_end) {
  Frame& frame = path_.back();
  const Value* const words = objects_[path_.size() - 1].data()->words();
  while (frame.next < frame.count && work_ < work_end) {
    const uint64_t next = frame.next;
    const Step step = Put(refs, words[next]);
    if (step == Step::kDone) {
      frame.next = next + 1;
      continue;
    }
    // Another frame may stand on it now, and the vector elsewhere.
    if (step == Step::kMore) path_[path_.size() - 2].next = next + 1;
    return step;
  }
  return Step::kDone;
}

Encoder::Step Encoder::PutNext(RefWriter& refs) {
  const Frame& frame = path_.back();
  const size_t place = path_.size() - 1;
  const uint64_t next = frame.next;
  const Value object = objects_[place];
  Value v;
  switch (frame.shape) {
    case Shape::kRoot:
      v = root_;
      break;
    case Shape::kDeepList:
      v = ListAt(object, next);
      break;
    case Shape::kDictionary:
      v = entries_[frame.base + next];
      break;
    case Shape::kEntries: {
      const MapEntry entry = MapAt(object, next / 2);
      v = next % 2 == 0 ? entry.key : entry.value;
      break;
    }
    default: {
      const MapEntry entry = MapAt(object, frame.base >> (4 * (next / 2)) & 15);
      v = next % 2 == 0 ? entry.key : entry.value;
    }
  }
  const Step step = Put(refs, v);
  if (step == Step::kDone || step == Step::kMore) path_[place].next = next + 1;
  return step;
}

Encoder::Step Encoder::PutArguments(RefWriter& refs) {
  Frame frame{.shape = Shape::kWords, .ends = kListEnds};
  switch (ArgumentsFormOf(root_)) {
    case ArgumentsForm::kNone:
      break;
    case ArgumentsForm::kFields:
      frame.next = 1;
      frame.count = root_.data()->count;
      break;
    case ArgumentsForm::kTagAndFields:
      frame.count = root_.data()->count;
      break;
    case ArgumentsForm::kItself:
      frame.shape = Shape::kRoot;
      frame.count = 1;
  }
  if (frame.shape == Shape::kWords && frame.count <= kFlatWordsMax) {
    // What most messages are: nothing in it asks for a frame, or finds no room.
    const Value* const words = frame.count == 0 ? nullptr : root_.data()->words();
    if (std::all_of(words + frame.next, words + frame.count, IsData)) {
      out_->BeginList();
      Step step = Step::kDone;
      for (; frame.next < frame.count && step == Step::kDone; ++frame.next) {
        step = Put(refs, words[frame.next]);
      }
      out_->EndList();
      return out_->ok() ? step : Step::kFailed;
    }
  }
  const Step pushed = Push(root_, frame);
  if (pushed == Step::kNoRoom) return pushed;
  out_->BeginList();
  return out_->ok() ? pushed : Step::kFailed;
}

Encoder::Step Encoder::Go(RefWriter& refs, uint64_t work_max) {
  const uint64_t end = work_max > UINT64_MAX - work_ ? UINT64_MAX : work_ + work_max;
  if (!is_begun_) {
    const Step step = as_ == As::kArguments ? PutArguments(refs) : Put(refs, root_);
    if (step == Step::kNoRoom || step == Step::kFailed) return step;
    is_begun_ = true;
  }
  while (!path_.empty()) {
    if (work_ >= end) {
      ChargeMemory();
      return heap_.over_allowance() ? Step::kNoRoom : Step::kMore;
    }
    Frame& frame = path_.back();
    if (frame.next == frame.count) {
      WriteEnds(frame.ends);
      if (!out_->ok()) return Step::kFailed;
      if (frame.shape == Shape::kDictionary) entries_.Resize(frame.base);
      path_.pop_back();
      objects_.Resize(path_.size());
      continue;
    }
    Step step = Step::kDone;
    switch (frame.shape) {
      case Shape::kWords:
        step = PutWords(refs, end);
        break;
      case Shape::kLengths:
        step = CountLengths();
        break;
      case Shape::kPlaces:
        step = PlaceEntries();
        break;
      default:
        step = PutNext(refs);
    }
    if (step == Step::kNoRoom || step == Step::kFailed) return step;
  }
  return Step::kDone;
}

void Encoder::ChargeMemory() {
  constexpr size_t kTreeNodeBytes = 48;
  const size_t own = path_.capacity() * sizeof(Frame) + lengths_.size() * kTreeNodeBytes;
  bytes_.Set(own + objects_.bytes() + entries_.bytes() + digits_.capacity());
}

void Encoder::Visit(Visitor& visitor) {
  visitor.Visit(&root_, 1);
  objects_.Visit(visitor);
  entries_.Visit(visitor);
}

}  // namespace vesicle::syrup
