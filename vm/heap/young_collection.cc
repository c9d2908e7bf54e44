// YoungSpace: the collection (young_space.h says its three steps).
#include <algorithm>
#include <bit>
#include <cstring>

#include "vm/heap/old_space.h"
#include "vm/heap/young_space.h"

namespace vesicle {

namespace {

uint64_t HeaderOf(const Object* o) {
  uint64_t header;
  std::memcpy(&header, o, sizeof header);
  return header;
}

Kind KindOf(uint64_t header) { return static_cast<Kind>(header & 0xff); }
uint64_t FlagsOf(uint64_t header) { return (header >> 8) & 0xff; }
SponsorIndex SponsorOf(uint64_t header) { return static_cast<SponsorIndex>(header >> 16); }
uint64_t WithSponsor(uint64_t header, SponsorIndex sponsor) {
  return (header & ~(uint64_t{0xffff} << 16)) | (uint64_t{sponsor} << 16);
}
size_t CountOf(uint64_t header) { return header >> 32; }

// A header's first byte, the kind, is odd; an address over it is even.
bool IsForwarded(uint64_t header) { return (header & 1) == 0; }

Value SameTag(Value v, uint64_t address) { return Value::FromBits(address | (v.bits() & 7)); }

}  // namespace

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
  outside_words_ += count;
  for (size_t i = 0; i < count; ++i) {
    const Value v = words[i];
    if (!v.is_pointer() || !InRange(v)) continue;
    to_fix_.push_back(&words[i]);
    MarkAndPush(v.object());
  }
}

// Locals instead of members: every store through a word might change a member. In one segment every
// object is young, and its bit lies at a fixed place: what is looked at waits until it is popped.
template <bool kOneSegment>
void YoungSpace::DrainIn() {
  const uintptr_t range_begin = range_begin_;
  const uintptr_t range_bytes = range_bytes_;
  uint64_t* const live = segments_.front()->live;
  Object** top = stack_top_;
  while (top != stack_.data()) {
    Object* o = *--top;
    const uint64_t header = HeaderOf(o);
    const Kind kind = KindOf(header);
    if (IsByteKind(kind) || IsIn(kWeakKinds, kind)) continue;
    const size_t count = CountOf(header);
    if (static_cast<size_t>(stack_.data() + stack_.size() - top) < count) {
      top = GrowStack(top, count);
    }
    const Value* const w = o->words();
    for (size_t i = 0; i < count; ++i) {
      const Value v = w[i];
      if (v.bits() - range_begin >= range_bytes || !v.is_pointer()) continue;
      Object* child = v.object();
      if (!kOneSegment && (FlagsOf(HeaderOf(child)) & Object::kOld) != 0) continue;
      const size_t bit_index = Segment::BitOf(child);
      uint64_t& word =
          kOneSegment ? live[bit_index / 64] : Segment::Of(child)->live[bit_index / 64];
      const uint64_t bit = uint64_t{1} << (bit_index % 64);
      if ((word & bit) != 0) continue;
      word |= bit;
      *top++ = child;
    }
    if (IsIn(kFinalKinds, kind) && heap_.client_ != nullptr) [[unlikely]] {
      stack_top_ = top;
      heap_.client_->Trace(o, *this);
      top = stack_top_;
    }
  }
  stack_top_ = top;
}

void YoungSpace::Drain() {
  if (segments_.size() == 1) return DrainIn<true>();
  DrainIn<false>();
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
    const size_t noted = to_fix_.size();
    YoungSpace::Visit(o->words(), o->count);
    if (IsIn(kFinalKinds, o->kind) && heap_.client_ != nullptr) heap_.client_->Trace(o, *this);
    if (to_fix_.size() != noted) still_remembered_.push_back(o);
  }
  Drain();
}

void YoungSpace::FlushCharge() {
  if (charge_old_ != 0) heap_.ledger_.ChargeOld(charge_payer_, charge_old_, black_);
  heap_.ledger_.ChargeYoung(charge_payer_, charge_aged_);
  result_.bytes_promoted += charge_old_;
  result_.bytes_aged += charge_aged_;
  charge_old_ = charge_aged_ = 0;
}

// Locals instead of members, as in DrainIn.
template <bool kAges>
void YoungSpace::CopyRange(Segment* s, char* begin, char* end) {
  if (begin == end) return;
  OldSpace& old = *heap_.old_;
  const uintptr_t range_begin = range_begin_;
  const uintptr_t range_bytes = range_bytes_;
  const bool remembers = ages_;
  char* to_at = to_;
  char* to_end = to_end_;
  const size_t words_end = Segment::BitOf(end - 1) / 64 + 1;
  for (size_t i = Segment::BitOf(begin) / 64; i < words_end; ++i) {
    uint64_t bits = s->live[i];
    if (bits == 0) continue;
    s->live[i] = 0;
    const auto objects = static_cast<uint64_t>(std::popcount(bits));
    uint64_t promoted = 0;
    char* const base = s->address() + i * 64 * 8;
    for (; bits != 0; bits &= bits - 1) {
      Object* const from = reinterpret_cast<Object*>(base + std::countr_zero(bits) * 8);
      uint64_t header = HeaderOf(from);
      const Kind kind = KindOf(header);
      const size_t count = CountOf(header);
      const bool is_bytes = IsByteKind(kind);
      const size_t bytes = Heap::SizeBytes(kind, static_cast<uint32_t>(count));
      if (SponsorOf(header) != charge_sponsor_) [[unlikely]] {
        FlushCharge();
        charge_sponsor_ = SponsorOf(header);
        charge_payer_ = heap_.ledger_.PayerOf(charge_sponsor_);
      }
      header = WithSponsor(header, charge_payer_);
      bool ages = false;
      if constexpr (kAges) {
        ages = bytes <= static_cast<size_t>(to_end - to_at);
        if (!ages) to_end = to_at;  // what comes after it must not come to lie before it
      }
      Object* to;
      if (ages) {
        to = reinterpret_cast<Object*>(to_at);
        to_at += bytes;
        Unpoison(to, bytes);
        charge_aged_ += bytes;
      } else {
        to = static_cast<Object*>(old.Allocate(bytes));
        VESICLE_CHECK(to != nullptr);  // room was held back
        header |= uint64_t{Object::kOld} << 8;
        charge_old_ += bytes;
        ++promoted;
      }
      std::memcpy(static_cast<void*>(to), &header, sizeof header);
      if (is_bytes || IsIn(kWeakKinds, kind)) [[unlikely]] {
        std::memcpy(to->bytes(), from->bytes(), bytes - sizeof(Object));
        if (!is_bytes) {
          weak_tables_.push_back(to);
          if (!ages) heap_.weak_tables_.push_back(to);
        }
      } else {
        const Value* const source = from->words();
        Value* const target = to->words();
        bool holds_young = IsIn(kFinalKinds, kind);  // what lies behind it may
        for (size_t k = 0; k < count; ++k) {
          Value v = source[k];
          if (v.bits() - range_begin < range_bytes && v.is_pointer()) {
            const uint64_t child = HeaderOf(v.object());
            if (IsForwarded(child)) {
              v = SameTag(v, child);
            } else {
              to_fix_.push_back(&target[k]);
            }
            holds_young |= v.bits() - range_begin < range_bytes;
          }
          target[k] = v;
        }
        if (!ages && remembers && holds_young) Remember(to);
      }
      const uint64_t address = reinterpret_cast<uint64_t>(to);
      std::memcpy(static_cast<void*>(from), &address, sizeof address);
    }
    result_.objects_promoted += promoted;
    result_.objects_aged += objects - promoted;
  }
  to_ = to_at;
  to_end_ = to_end;
}

// Not when more lives than there is room for: by what lived the last time, and by the number of
// objects now, at the size of a small actor.
bool YoungSpace::MayAge() {
  if (survived_bytes_ > aged_bytes_ || aged_bytes_ == 0 || segments_.size() != 1 ||
      outside_words_ > kOutsideWordsMax) {
    return false;
  }
  Segment* s = segments_.front();
  uint64_t objects = 0;
  const size_t end = Segment::BitOf(s->filled_to) / 64 + 1;
  for (size_t i = Segment::BitOf(BeginOf(s)) / 64; i < end; ++i) {
    objects += static_cast<uint64_t>(std::popcount(s->live[i]));
  }
  constexpr size_t kUsualBytes = 24;
  return objects * kUsualBytes <= aged_bytes_;
}

// A small nursery where nearly all lives, for short pauses; a large one where little does. What
// lives for a while fills a small one wholly, and looks like what lives for ever: so one of the
// next size is tried now and then.
void YoungSpace::PlanNursery(size_t made) {
  if (made < filled_at_ / 2) return;  // it came early, and tells little
  if (is_trying_) {
    is_trying_ = false;
    if (survived_bytes_ > survived_before_ / 5 * 9) --nursery_size_;
  } else if (survived_bytes_ > made - made / 4) {
    nursery_size_ = 0;
  } else if (survived_bytes_ <= made / 4) {
    nursery_size_ = kNurserySizeMax;
  }
  survived_before_ = survived_bytes_;
  constexpr int kTriedEach = 4;
  if (nursery_size_ < kNurserySizeMax && ++since_tried_ >= kTriedEach) {
    is_trying_ = true;
    ++nursery_size_;
    since_tried_ = 0;
  }
  filled_at_ = std::max(made_max_ >> (kNurserySizeMax - nursery_size_), 2 * Heap::kYoungBytesMax);
}

// What was aged before is older, and comes first.
void YoungSpace::CopyAll() {
  Segment* first = segments_.front();
  left_ = aged_;
  left_end_ = aged_top_;
  to_ = left_ == first->aged_begin() ? left_ + aged_bytes_ : first->aged_begin();
  aged_ = aged_top_ = to_;
  to_end_ = to_ + aged_bytes_;
  CopyRange<false>(first, left_, left_end_);
  FlushCharge();
  const uint64_t from_half = result_.bytes_promoted;
  if (ages_) {
    CopyRange<true>(first, BeginOf(first), first->filled_to);
    aged_top_ = to_;
  } else {
    for (Segment* s : segments_) CopyRange<false>(s, BeginOf(s), s->filled_to);
  }
  FlushCharge();
  survived_bytes_ = result_.bytes_promoted - from_half + result_.bytes_aged;
  PlanNursery(BytesUsed(segments_.back()->filled_to));
}

void YoungSpace::FixWords() {
  for (Value* slot : to_fix_) {
    const Value v = *slot;
    if (!InRange(v)) continue;  // put right before: it was noted twice
    const uint64_t header = HeaderOf(v.object());
    if (IsForwarded(header)) *slot = SameTag(v, header);
  }
}

// Whether a young object is left in it.
bool YoungSpace::FixWeakWords(Object* table) {
  bool holds_young = false;
  Value* w = table->words();
  for (uint32_t i = 0; i < table->count; ++i) {
    if (!w[i].is_pointer() || !InRange(w[i])) continue;
    const uint64_t header = HeaderOf(w[i].object());
    if (IsForwarded(header)) {
      w[i] = SameTag(w[i], header);
      holds_young |= InRange(w[i]);
    } else if ((FlagsOf(header) & Object::kOld) == 0) {
      w[i] = Value::Absent();
    }
  }
  return holds_young;
}

void YoungSpace::FinalizeDead() {
  size_t kept = 0;
  for (Object* o : finals_) {
    const uint64_t header = HeaderOf(o);
    if (IsForwarded(header)) {
      Object* to = reinterpret_cast<Object*>(header);
      if (to->is_old()) {
        heap_.finals_.push_back(to);
      } else {
        finals_[kept++] = to;
      }
    } else {
      ++result_.objects_finalized;
      if (heap_.client_ != nullptr) heap_.client_->Finalize(o);
    }
  }
  finals_.resize(kept);
}

// An old object that may hold one that was aged, from now on.
void YoungSpace::Remember(Object* o) {
  using PlantedBug = HeapOptions::PlantedBug;
  if (heap_.options_.planted_bug != PlantedBug::kForgetsAged) still_remembered_.push_back(o);
}

void YoungSpace::ForgetRemembered() {
  std::vector<Object*>& remembered = heap_.remembered_;
  for (Object* o : remembered) o->flags &= static_cast<uint8_t>(~Object::kRemembered);
  remembered.clear();
  if (ages_) {
    for (Object* o : still_remembered_) {
      if ((o->flags & Object::kRemembered) != 0) continue;
      o->flags |= Object::kRemembered;
      remembered.push_back(o);
    }
  }
  still_remembered_.clear();
}

YoungSpace::Result YoungSpace::Collect(char* top, Mode mode, bool black, bool fill_freed) {
  segments_.back()->filled_to = top;
  result_ = Result{};
  black_ = black;
  outside_words_ = 0;
  stack_top_ = stack_.data();
  charge_payer_ = heap_.ledger_.PayerOf(charge_sponsor_);
  heap_.ledger_.YoungEmptied();
  heap_.old_->pool().HoldBack(0);

  MarkFromRoots();
  ages_ = mode == Mode::kMayAge && MayAge();
  CopyAll();
  FixWords();
  for (Object* table : weak_tables_) {
    if (FixWeakWords(table) && table->is_old()) Remember(table);
  }
  FinalizeDead();
  ForgetRemembered();
  Reset(fill_freed);
  return result_;
}

void YoungSpace::Reset(bool fill_freed) {
  to_fix_.clear();
  weak_tables_.clear();
  // A rare flood (many segments) must not keep its scratch memory for ever.
  constexpr size_t kScratchMax = size_t{1} << 18;
  if (to_fix_.capacity() > kScratchMax) to_fix_.shrink_to_fit();
  if (stack_.size() > kScratchMax) {
    stack_.clear();
    stack_.shrink_to_fit();
  }

  const auto forget = [fill_freed](char* begin, const char* end) {
    const auto bytes = static_cast<size_t>(end - begin);
    if (fill_freed) std::memset(begin, kFreedByte, bytes);
    Poison(begin, bytes);
  };
  forget(left_, left_end_);
  for (Segment* s : segments_) {
    forget(BeginOf(s), s->filled_to);
    s->filled_to = BeginOf(s);
  }
  while (segments_.size() > 1) {
    Segment* s = segments_.back();
    segments_.pop_back();
    if (spare_ == nullptr) {
      spare_ = s;
    } else {
      Drop(s);
    }
  }
  UpdateRange();
}

}  // namespace vesicle
