#include "transport/parcel/decoder.h"

#include <cstring>

#include "vm/heap/check.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/structure.h"

namespace vesicle::parcel {
namespace {

constexpr uint64_t kBytesPerUnit = 64;
constexpr uint64_t kWorkPerEntry = 16;
constexpr uint64_t kCodeWork = 16;

}  // namespace

void Decoder::Start(std::span<const uint64_t> words) {
  words_ = words;
  at_ = 0;
  is_pending_ = false;
  work_ = 0;
  value_ = Value::Nil();
  parts_.Resize(0);
}

Step Decoder::Push(Result made) {
  if (!made.ok()) {
    failure_ = made.failure();
    return failure_ == Failure::kMemory ? Step::kNoRoom : Step::kFailed;
  }
  if (parts_.Push(made.value())) return Step::kDone;
  // It was counted by whoever made it, and is not asked for again.
  pending_ = made.value();
  is_pending_ = true;
  return Step::kNoRoom;
}

// There is room for one where at least one stood.
Step Decoder::Replace(size_t count, Result made) {
  if (!made.ok()) return Push(made);
  parts_.Resize(parts_.size() - count);
  return Push(made);
}

Step Decoder::MakeNode(uint64_t word) {
  const uint32_t count = CountOf(word);
  Object* node = heap_.TryAllocate(KindOf(word), count);
  if (node == nullptr) return Step::kNoRoom;
  node->flags |= FlagsOf(word);
  const size_t first = parts_.size() - count;
  for (uint32_t i = 0; i < count; ++i) node->words()[i] = parts_[first + i];
  work_ += count;
  return Replace(count, Value::Data(node));
}

// A list takes its counts from the one that it was: what stands for that has no more.
Step Decoder::MakeDeepList(uint64_t word) {
  struct {
    Object header;
    Value words[list_internal::kDeepWords];
  } was = {};
  was.header.kind = Kind::kList;
  was.header.flags = FlagsOf(word);
  was.header.count = list_internal::kDeepWords;
  was.words[0] = Value::FromBits(words_[at_ + 1]);
  next_ = at_ + 2;
  const uint32_t count = CountOf(word);
  near_.clear();
  for (size_t i = parts_.size() - count; i < parts_.size(); ++i) near_.push_back(parts_[i]);
  work_ += count;
  return Replace(count, Rebuild(heap_, &was.header, near_));
}

Step Decoder::MakeHolder(RefReader& refs, uint64_t word) {
  const Result code = refs.ReadCode(words_[at_ + 1], words_[at_ + 2]);
  if (!code.ok()) return Push(code);
  next_ = at_ + 3;
  const uint32_t count = CountOf(word);
  Object* holder = heap_.TryAllocate(KindOf(word), count + 1);
  if (holder == nullptr) return Step::kNoRoom;
  holder->flags |= FlagsOf(word);
  holder->words()[0] = code.value();
  const size_t first = parts_.size() - count;
  for (uint32_t i = 0; i < count; ++i) holder->words()[i + 1] = parts_[first + i];
  work_ += count + kCodeWork;
  return Replace(count, Value::Data(holder));
}

Step Decoder::PutEntry() {
  const size_t top = parts_.size();
  work_ += kWorkPerEntry;
  return Replace(3, MapPut(heap_, parts_[top - 3], parts_[top - 2], parts_[top - 1], identities_));
}

Step Decoder::Do(RefReader& refs, uint64_t word) {
  const uint32_t count = CountOf(word);
  switch (OpOf(word)) {
    case Op::kNode:
      return MakeNode(word);
    case Op::kBytes: {
      next_ = at_ + 1 + WordsFor(count);
      Object* atom = heap_.TryAllocate(KindOf(word), count);
      if (atom == nullptr) return Step::kNoRoom;
      atom->flags |= FlagsOf(word);
      std::memcpy(atom->bytes(), words_.data() + at_ + 1, count);
      work_ += count / kBytesPerUnit;
      return Push(Value::Data(atom));
    }
    case Op::kSymbol:
      next_ = at_ + 1 + WordsFor(count);
      work_ += count / kBytesPerUnit + 1;
      return Push(symbols_.Intern(BytesAt(at_ + 1, count)));
    case Op::kDeepList:
      return MakeDeepList(word);
    case Op::kEmptyMap:
      return Push(EmptyMap(heap_));
    case Op::kPut:
      return PutEntry();
    case Op::kHolder:
      return MakeHolder(refs, word);
    case Op::kRecord:
      next_ = at_ + 1 + WordsFor(count);
      work_ += count;
      return Push(refs.ReadRecord(BytesAt(at_ + 1, count)));
  }
  return Step::kDone;
}

Step Decoder::Go(RefReader& refs, uint64_t work_max) {
  const uint64_t end = work_ + work_max;
  if (is_pending_) {
    if (!parts_.Push(pending_)) return Step::kNoRoom;
    is_pending_ = false;
    at_ = next_;
  }
  while (at_ < words_.size()) {
    if (work_ >= end) {
      ChargeMemory();
      return heap_.over_allowance() ? Step::kNoRoom : Step::kMore;
    }
    ++work_;
    const uint64_t word = words_[at_];
    next_ = at_ + 1;
    Step step = Step::kDone;
    switch (static_cast<Tag>(word & 7)) {
      case Tag::kObject:
        step = Do(refs, word);
        break;
      case Tag::kTarget:
        step = Push(refs.ReadRef(RefKindOf(word), PositionOf(word)));
        break;
      default:
        if (!parts_.Push(Value::FromBits(word))) step = Step::kNoRoom;
    }
    if (step != Step::kDone) return step;
    at_ = next_;
  }
  VESICLE_CHECK_EQ(parts_.size(), size_t{1});
  value_ = parts_[0];
  pending_ = Value::Nil();
  parts_.Resize(0);
  return Step::kDone;
}

void Decoder::ChargeMemory() { bytes_.Set(parts_.bytes() + near_.capacity() * sizeof(Value)); }

void Decoder::Visit(Visitor& visitor) {
  visitor.Visit(&value_, 1);
  visitor.Visit(&pending_, 1);
  parts_.Visit(visitor);
}

}  // namespace vesicle::parcel
