#include "vm/heap/young_space.h"

#include <algorithm>

#include "vm/heap/old_space.h"

namespace vesicle {

YoungSpace::YoungSpace(Heap& heap, size_t bytes, size_t aged_bytes)
    : heap_(heap),
      aged_bytes_(std::min(aged_bytes, kAgedBytesMax) & ~size_t{511}),
      made_max_(std::clamp(bytes & ~size_t{7}, 2 * Heap::kYoungBytesMax, kMadeBytesMax)),
      filled_at_(made_max_),
      usable_(made_max_ + made_max_ / 4) {
  Segment* first = NewSegment();
  segments_.reserve(8);
  if (first == nullptr || !HoldRoomFor(1)) check_internal::OutOfMemory("to begin with");
  Take(first);
  aged_ = aged_top_ = first->aged_begin();
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
    s->is_counted = false;
    Poison(s->begin(), kSegmentBytes - sizeof(Segment));
  }
  return s;
}

// The spare one is address space until it is needed; of the first, what is never used stays so.
void YoungSpace::Take(Segment* s) {
  segments_.push_back(s);
  s->filled_to = BeginOf(s);
  if (s->is_counted) return;
  s->is_counted = true;
  heap_.old_->pool().CountMapped(BytesOf(s));
}

void YoungSpace::Drop(Segment* s) {
  heap_.old_->pool().CountMapped(-BytesOf(s));
  Unmap(s, kSegmentBytes);
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
  constexpr size_t kLiveBytesMax = kMadeBytesMax * 5 / 4 + kAgedBytesMax;
  static_assert(kLiveBytesMax + kAgedBytesMax + sizeof(Segment) + 512 <= kSegmentBytes);
  constexpr size_t kBlocksPerSegment = kLiveBytesMax * 3 / 2 / Block::kCellsBytes + 1;
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
  Take(s);
  UpdateRange();
  return true;
}

void YoungSpace::ForEach(char* top, const std::function<void(Object*)>& fn) {
  for (char* p = aged_; p < aged_top_;) {
    Object* o = reinterpret_cast<Object*>(p);
    p += o->size_bytes();
    fn(o);
  }
  ForEachSince(BeginOf(segments_.front()), top, fn);
}

void YoungSpace::ForEachSince(const char* since, char* top,
                              const std::function<void(Object*)>& fn) {
  segments_.back()->filled_to = top;
  bool is_reached = false;
  for (Segment* s : segments_) {
    const bool is_here = since >= BeginOf(s) && since <= BeginOf(s) + usable_;
    if (!is_here && !is_reached) continue;
    is_reached = true;
    for (char* p = BeginOf(s) + (is_here ? since - BeginOf(s) : 0); p < s->filled_to;) {
      Object* o = reinterpret_cast<Object*>(p);
      p += o->size_bytes();
      fn(o);
    }
  }
}

bool YoungSpace::IsSince(const char* since, const Object* o) const {
  const char* at = reinterpret_cast<const char*>(o);
  const auto holds = [this](Segment* s, const char* p) {
    return p >= BeginOf(s) && p <= BeginOf(s) + usable_;
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
    if (s != segments_.back()) sum += static_cast<uint64_t>(s->filled_to - BeginOf(s));
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
