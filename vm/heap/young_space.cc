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

// A header's first byte, the kind, is odd; an address over it is even.
bool IsForwarded(uint64_t header) { return (header & 1) == 0; }

Value SameTag(Value v, uint64_t address) { return Value::FromBits(address | (v.bits() & 7)); }

}  // namespace

YoungSpace::YoungSpace(Heap& heap, size_t bytes)
    : heap_(heap),
      usable_(std::clamp(bytes & ~size_t{7}, 2 * Heap::kYoungBytesMax,
                         kSegmentBytes - sizeof(Segment))) {
  Segment* first = NewSegment();
  VESICLE_CHECK(first != nullptr);
  segments_.push_back(first);
  UpdateRange();
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

bool YoungSpace::Extend(char* top) {
  Segment* s = NewSegment();
  if (s == nullptr) return false;
  segments_.back()->filled_to = top;
  segments_.push_back(s);
  UpdateRange();
  return true;
}

void YoungSpace::MarkAndPush(Object* o) {
  const uint64_t header = HeaderOf(o);
  const uint64_t flags = (header >> 8) & 0xff;
  if ((flags & Object::kOld) != 0) return;  // between two segments
  uint64_t& word = Segment::Of(o)->live[Segment::BitOf(o) / 64];
  const uint64_t bit = uint64_t{1} << (Segment::BitOf(o) % 64);
  if ((word & bit) != 0) return;
  word |= bit;
  if (!IsByteKind(static_cast<Kind>(header & 0xff))) stack_.push_back(o);
}

void YoungSpace::Visit(Value* words, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const Value v = words[i];
    if (!v.is_pointer() || !InRange(v)) continue;
    to_fix_.push_back(&words[i]);
    MarkAndPush(v.object());
  }
}

void YoungSpace::Drain() {
  while (!stack_.empty()) {
    Object* o = stack_.back();
    stack_.pop_back();
    const KindInfo& info = InfoOf(o->kind);
    if (info.write == Write::kWeak) continue;
    const Value* w = o->words();
    for (uint32_t i = 0; i < o->count; ++i) {
      if (w[i].is_pointer() && InRange(w[i])) MarkAndPush(w[i].object());
    }
    if (info.death == Death::kFinal && heap_.client_ != nullptr) heap_.client_->Trace(o, *this);
  }
}

void YoungSpace::MarkFromRoots() {
  heap_.roots_.VisitYoung(*this);
  if (heap_.client_ != nullptr) heap_.client_->VisitYoungRoots(*this);
  Drain();
  for (Object* o : heap_.remembered_) {
    const KindInfo& info = InfoOf(o->kind);
    if (info.write == Write::kWeak) {
      weak_tables_.push_back(o);
      continue;
    }
    Visit(o->words(), o->count);
    if (info.death == Death::kFinal && heap_.client_ != nullptr) heap_.client_->Trace(o, *this);
    Drain();
  }
}

void YoungSpace::Copy(Object* from) {
  const size_t bytes = from->size_bytes();
  Object* to = static_cast<Object*>(heap_.old_->Allocate(bytes));
  VESICLE_CHECK(to != nullptr);  // out of memory in the middle of a collection
  const Kind kind = from->kind;
  const SponsorIndex sponsor = heap_.ledger_.PayerOf(from->sponsor);
  *to = Object{kind, static_cast<uint8_t>(from->flags | Object::kOld), sponsor, from->count};
  if (IsByteKind(kind)) {
    std::memcpy(to->bytes(), from->bytes(), bytes - sizeof(Object));
  } else if (InfoOf(kind).write == Write::kWeak) {
    std::memcpy(static_cast<void*>(to->words()), from->words(), bytes - sizeof(Object));
    weak_tables_.push_back(to);
    heap_.weak_tables_.push_back(to);
  } else {
    const Value* source = from->words();
    Value* target = to->words();
    for (uint32_t i = 0; i < from->count; ++i) {
      Value v = source[i];
      if (v.is_pointer() && InRange(v)) {
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
  const uint64_t address = reinterpret_cast<uint64_t>(to);
  std::memcpy(static_cast<void*>(from), &address, sizeof address);

  ++result_.objects_promoted;
  result_.bytes_promoted += bytes;
  if (sponsor != charge_sponsor_) {
    FlushCharge();
    charge_sponsor_ = sponsor;
  }
  charge_bytes_ += bytes;
}

void YoungSpace::FlushCharge() {
  if (charge_bytes_ != 0) heap_.ledger_.ChargeOld(charge_sponsor_, charge_bytes_, black_);
  charge_bytes_ = 0;
}

void YoungSpace::CopySegment(Segment* s) {
  const size_t words = Segment::BitOf(s->filled_to - 1) / 64 + 1;
  for (size_t i = 0; i < words; ++i) {
    uint64_t bits = s->live[i];
    if (bits == 0) continue;
    s->live[i] = 0;
    char* const base = reinterpret_cast<char*>(s) + i * 64 * 8;
    for (; bits != 0; bits &= bits - 1) {
      Copy(reinterpret_cast<Object*>(base + std::countr_zero(bits) * 8));
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
    } else if (((header >> 8) & Object::kOld) == 0) {
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
  if (stack_.capacity() > kScratchMax) stack_.shrink_to_fit();

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

void YoungSpace::ForEach(char* top, const std::function<void(Object*)>& fn) {
  segments_.back()->filled_to = top;
  for (Segment* s : segments_) {
    for (char* p = s->begin(); p < s->filled_to;) {
      Object* o = reinterpret_cast<Object*>(p);
      p += o->size_bytes();
      fn(o);
    }
  }
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
