#include "vm/heap/young_space.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "vm/heap/old_space.h"

namespace vesicle {

namespace {

uint64_t HeaderOf(const Object* o) {
  uint64_t header;
  std::memcpy(&header, o, sizeof header);
  return header;
}

Kind KindOf(uint64_t header) { return static_cast<Kind>(header & 0xff); }
uint64_t FlagsOf(uint64_t header) { return (header >> 8) & 0xff; }
size_t CountOf(uint64_t header) { return header >> 32; }

// A header's first byte, the kind, is odd; an address over it is even.
bool IsForwarded(uint64_t header) { return (header & 1) == 0; }

Value SameTag(Value v, uint64_t address) { return Value::FromBits(address | (v.bits() & 7)); }

}  // namespace

YoungSpace::YoungSpace(Heap& heap, size_t bytes)
    : heap_(heap),
      usable_(std::clamp(bytes & ~size_t{7}, 2 * Heap::kYoungBytesMax,
                         kSegmentBytes - sizeof(Segment))) {
  Segment* first = NewSegment();
  segments_.reserve(8);
  if (first == nullptr || !HoldRoomFor(1)) check_internal::OutOfMemory("to begin with");
  segments_.push_back(first);
  UpdateRange();
  (void)HoldRoom();
}

YoungSpace::~YoungSpace() {
  if (spare_ != nullptr) segments_.push_back(spare_);
  for (Segment* s : segments_) Unmap(s, kSegmentBytes);
}

YoungSpace::Segment* YoungSpace::NewSegment() {
  Segment* s = spare_;
  spare_ = nullptr;
  if (s == nullptr) {
    s = static_cast<Segment*>(MapAligned(kSegmentBytes, kSegmentBytes));
    if (s == nullptr) return nullptr;
    heap_.old_->pool().CountMapped(static_cast<int64_t>(kSegmentBytes));
    Poison(s->begin(), usable_);
  }
  s->filled_to = s->begin();
  return s;
}

void YoungSpace::UpdateRange() {
  uintptr_t low = UINTPTR_MAX;
  uintptr_t high = 0;
  for (Segment* s : segments_) {
    low = std::min(low, reinterpret_cast<uintptr_t>(s));
    high = std::max(high, reinterpret_cast<uintptr_t>(s) + kSegmentBytes);
  }
  range_begin_ = low;
  range_bytes_ = high - low;
}

bool YoungSpace::HoldRoomFor(size_t segments) {
  // A begun block for each size class. Beyond that a block is two thirds full at least: cells are
  // up to a quarter larger than what stands in them, and no longer than a quarter of a block.
  constexpr size_t kBlocksPerSegment = kSegmentBytes * 3 / 2 / Block::kCellsBytes + 1;
  return heap_.old_->pool().HoldBack(size_classes::kCount + segments * kBlocksPerSegment);
}

bool YoungSpace::HoldRoom() {
  if (!HoldRoomFor(1)) return false;
  if (spare_ == nullptr) spare_ = NewSegment();
  return spare_ != nullptr && HoldRoomFor(2);
}

bool YoungSpace::Extend(char* top) {
  if (!HoldRoomFor(segments_.size() + 1)) return false;
  Segment* s = NewSegment();
  if (s == nullptr) return false;
  segments_.back()->filled_to = top;
  segments_.push_back(s);
  UpdateRange();
  return true;
}

Object** YoungSpace::GrowStack(Object** top, size_t more) {
  const size_t used = static_cast<size_t>(top - stack_.data());
  stack_.resize(std::max(used + more, stack_.size() * 2));
  return stack_.data() + used;
}

void YoungSpace::MarkAndPush(Object* o) {
  const uint64_t header = HeaderOf(o);
  if ((FlagsOf(header) & Object::kOld) != 0) return;  // between two segments
  uint64_t& word = Segment::Of(o)->live[Segment::BitOf(o) / 64];
  const uint64_t bit = uint64_t{1} << (Segment::BitOf(o) % 64);
  if ((word & bit) != 0) return;
  word |= bit;
  if (IsByteKind(KindOf(header))) return;
  if (stack_top_ == stack_.data() + stack_.size()) stack_top_ = GrowStack(stack_top_, 64);
  *stack_top_++ = o;
}

void YoungSpace::Visit(Value* words, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const Value v = words[i];
    if (!v.is_pointer() || !InRange(v)) continue;
    to_fix_.push_back(&words[i]);
    MarkAndPush(v.object());
  }
}

// Locals instead of members: every store through a word might change a member.
void YoungSpace::Drain() {
  const uintptr_t range_begin = range_begin_;
  const uintptr_t range_bytes = range_bytes_;
  Object** top = stack_top_;
  while (top != stack_.data()) {
    Object* o = *--top;
    const uint64_t header = HeaderOf(o);
    const Kind kind = KindOf(header);
    if (IsIn(kWeakKinds, kind)) continue;
    const size_t count = CountOf(header);
    if (static_cast<size_t>(stack_.data() + stack_.size() - top) < count) {
      top = GrowStack(top, count);
    }
    const Value* const w = o->words();
    for (size_t i = 0; i < count; ++i) {
      if (w[i].bits() - range_begin >= range_bytes || !w[i].is_pointer()) continue;
      Object* child = w[i].object();
      const uint64_t child_header = HeaderOf(child);
      if ((FlagsOf(child_header) & Object::kOld) != 0) continue;
      const size_t bit_index = Segment::BitOf(child);
      uint64_t& word = Segment::Of(child)->live[bit_index / 64];
      const uint64_t bit = uint64_t{1} << (bit_index % 64);
      if ((word & bit) != 0) continue;
      word |= bit;
      if (!IsByteKind(KindOf(child_header))) *top++ = child;
    }
    if (IsIn(kFinalKinds, kind) && heap_.client_ != nullptr) {
      stack_top_ = top;
      heap_.client_->Trace(o, *this);
      top = stack_top_;
    }
  }
  stack_top_ = top;
}

void YoungSpace::MarkFromRoots() {
  heap_.roots_.VisitYoung(*this);
  if (heap_.client_ != nullptr) heap_.client_->VisitYoungRoots(*this);
  Drain();
  // Remembered objects lie anywhere: ask for those to come while one is read.
  constexpr size_t kAhead = 8;
  const std::vector<Object*>& remembered = heap_.remembered_;
  for (size_t i = 0; i < remembered.size(); ++i) {
    if (i + kAhead < remembered.size()) __builtin_prefetch(remembered[i + kAhead], 1);
    Object* o = remembered[i];
    if (IsIn(kWeakKinds, o->kind)) {
      weak_tables_.push_back(o);
      continue;
    }
    YoungSpace::Visit(o->words(), o->count);
    if (IsIn(kFinalKinds, o->kind) && heap_.client_ != nullptr) heap_.client_->Trace(o, *this);
  }
  Drain();
}

inline Object* YoungSpace::MakeCopy(const Object* from, uint64_t header, size_t bytes) {
  Object* to = static_cast<Object*>(heap_.old_->Allocate(bytes));
  VESICLE_CHECK(to != nullptr);  // room was held back
  const SponsorIndex sponsor = from->sponsor;
  if (sponsor != charge_sponsor_) [[unlikely]] {
    FlushCharge();
    charge_sponsor_ = sponsor;
    charge_payer_ = heap_.ledger_.PayerOf(sponsor);
  }
  charge_bytes_ += bytes;
  header |= uint64_t{Object::kOld} << 8;
  std::memcpy(static_cast<void*>(to), &header, sizeof header);
  to->sponsor = charge_payer_;
  return to;
}

inline void YoungSpace::CopyWords(Object* to, const Object* from, size_t words) {
  const uintptr_t range_begin = range_begin_;
  const uintptr_t range_bytes = range_bytes_;
  const Value* const source = from->words();
  Value* const target = to->words();
  for (size_t i = 0; i < words; ++i) {
    Value v = source[i];
    if (v.bits() - range_begin < range_bytes && v.is_pointer()) {
      const uint64_t header = HeaderOf(v.object());
      if (IsForwarded(header)) {
        v = SameTag(v, header);
      } else {
        to_fix_.push_back(&target[i]);
      }
    }
    target[i] = v;
  }
}

void YoungSpace::FlushCharge() {
  if (charge_bytes_ != 0) heap_.ledger_.ChargeOld(charge_payer_, charge_bytes_, black_);
  result_.bytes_promoted += charge_bytes_;
  charge_bytes_ = 0;
}

void YoungSpace::CopySegment(Segment* s) {
  const size_t words = Segment::BitOf(s->filled_to - 1) / 64 + 1;
  for (size_t i = 0; i < words; ++i) {
    uint64_t bits = s->live[i];
    if (bits == 0) continue;
    s->live[i] = 0;
    result_.objects_promoted += static_cast<uint64_t>(std::popcount(bits));
    char* const base = reinterpret_cast<char*>(s) + i * 64 * 8;
    for (; bits != 0; bits &= bits - 1) {
      Object* from = reinterpret_cast<Object*>(base + std::countr_zero(bits) * 8);
      const uint64_t header = HeaderOf(from);
      const Kind kind = KindOf(header);
      Object* to;
      if (IsByteKind(kind)) {
        const size_t bytes = from->size_bytes();
        to = MakeCopy(from, header, bytes);
        std::memcpy(to->bytes(), from->bytes(), bytes - sizeof(Object));
      } else {
        const size_t count = CountOf(header);
        to = MakeCopy(from, header, sizeof(Object) + count * sizeof(Value));
        if (IsIn(kWeakKinds, kind)) [[unlikely]] {
          std::memcpy(static_cast<void*>(to->words()), from->words(), count * sizeof(Value));
          weak_tables_.push_back(to);
          heap_.weak_tables_.push_back(to);
        } else {
          CopyWords(to, from, count);
        }
      }
      const uint64_t address = reinterpret_cast<uint64_t>(to);
      std::memcpy(static_cast<void*>(from), &address, sizeof address);
    }
  }
}

void YoungSpace::FixWords() {
  for (Value* slot : to_fix_) {
    const Value v = *slot;
    if (!InRange(v)) continue;  // put right before: it was noted twice
    const uint64_t header = HeaderOf(v.object());
    if (IsForwarded(header)) *slot = SameTag(v, header);
  }
}

void YoungSpace::FixWeakWords(Object* table) {
  Value* w = table->words();
  for (uint32_t i = 0; i < table->count; ++i) {
    if (!w[i].is_pointer() || !InRange(w[i])) continue;
    const uint64_t header = HeaderOf(w[i].object());
    if (IsForwarded(header)) {
      w[i] = SameTag(w[i], header);
    } else if ((FlagsOf(header) & Object::kOld) == 0) {
      w[i] = Value::Absent();
    }
  }
}

void YoungSpace::FinalizeDead() {
  for (Object* o : finals_) {
    const uint64_t header = HeaderOf(o);
    if (IsForwarded(header)) {
      heap_.finals_.push_back(reinterpret_cast<Object*>(header));
    } else {
      ++result_.objects_finalized;
      if (heap_.client_ != nullptr) heap_.client_->Finalize(o);
    }
  }
  finals_.clear();
}

YoungSpace::Result YoungSpace::Collect(char* top, bool black, bool fill_freed) {
  segments_.back()->filled_to = top;
  result_ = Result{};
  black_ = black;
  stack_top_ = stack_.data();
  charge_payer_ = heap_.ledger_.PayerOf(charge_sponsor_);
  heap_.old_->pool().HoldBack(0);

  MarkFromRoots();
  for (Segment* s : segments_) {
    if (s->filled_to != s->begin()) CopySegment(s);
  }
  FlushCharge();
  FixWords();
  for (Object* table : weak_tables_) FixWeakWords(table);
  FinalizeDead();

  for (Object* o : heap_.remembered_) o->flags &= static_cast<uint8_t>(~Object::kRemembered);
  heap_.remembered_.clear();
  to_fix_.clear();
  weak_tables_.clear();
  // A rare flood (many segments) must not keep its scratch memory for ever.
  constexpr size_t kScratchMax = size_t{1} << 18;
  if (to_fix_.capacity() > kScratchMax) to_fix_.shrink_to_fit();
  if (stack_.size() > kScratchMax) {
    stack_.clear();
    stack_.shrink_to_fit();
  }

  for (Segment* s : segments_) {
    const size_t used = static_cast<size_t>(s->filled_to - s->begin());
    if (fill_freed) std::memset(s->begin(), kFreedByte, used);
    Poison(s->begin(), used);
    s->filled_to = s->begin();
  }
  while (segments_.size() > 1) {
    Segment* s = segments_.back();
    segments_.pop_back();
    if (spare_ == nullptr) {
      spare_ = s;
    } else {
      heap_.old_->pool().CountMapped(-static_cast<int64_t>(kSegmentBytes));
      Unmap(s, kSegmentBytes);
    }
  }
  UpdateRange();
  return result_;
}

void YoungSpace::ForEachSince(const char* since, char* top,
                              const std::function<void(Object*)>& fn) {
  segments_.back()->filled_to = top;
  bool is_reached = false;
  for (Segment* s : segments_) {
    const bool is_here = since >= s->begin() && since <= s->begin() + usable_;
    if (!is_here && !is_reached) continue;
    is_reached = true;
    for (char* p = s->begin() + (is_here ? since - s->begin() : 0); p < s->filled_to;) {
      Object* o = reinterpret_cast<Object*>(p);
      p += o->size_bytes();
      fn(o);
    }
  }
}

bool YoungSpace::IsSince(const char* since, const Object* o) const {
  const char* at = reinterpret_cast<const char*>(o);
  const auto holds = [this](Segment* s, const char* p) {
    return p >= s->begin() && p <= s->begin() + usable_;
  };
  // From the last segment on: `since` is seldom in another.
  for (size_t i = segments_.size(); i-- > 0;) {
    if (holds(segments_[i], at)) return !holds(segments_[i], since) || at >= since;
    if (holds(segments_[i], since)) return false;
  }
  return false;
}

uint64_t YoungSpace::BytesUsed(const char* top) const {
  uint64_t sum = static_cast<uint64_t>(top - begin());
  for (Segment* s : segments_) {
    if (s != segments_.back()) sum += static_cast<uint64_t>(s->filled_to - s->begin());
  }
  return sum;
}

void YoungSpace::FinalizeAll() {
  if (heap_.client_ != nullptr) {
    for (Object* o : finals_) heap_.client_->Finalize(o);
  }
  finals_.clear();
}

}  // namespace vesicle
