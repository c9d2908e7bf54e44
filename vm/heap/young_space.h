// YoungSpace: where objects are made, and the collection that takes the live ones out.
//
// A *nursery* of up to 1 MiB, where objects are made, and two halves for those that
// have lived through one collection (the *aged*), in one segment; and further segments
// when the mutator runs on past the nursery's end before the next safe point. A
// collection moves what was aged to the old space, and what lives in the nursery to
// the free half, where most of it is dead by the next time: so what lives a little
// while costs the old space nothing. Where little dies, ageing would copy all of it
// twice: then, and when a mark is to begin or there is much to look at from outside,
// the collection *empties* the young space, and moves all to the old one.
//
// A collection has three steps, none of which recurses:
//   1. mark: from the roots and the remembered objects, with an explicit stack,
//      in a bitmap beside each segment; words that point here are noted
//   2. copy: walk the bitmaps in address order, so that survivors come to lie in
//      the order of their creation; the new address replaces the header. A word that
//      points to an earlier object is put right at once, the others are noted
//   3. fix: the words noted; weak words (Absent where the object died); finalizers
//
// Part of the heap (heap.h).
#ifndef VESICLE_VM_HEAP_YOUNG_SPACE_H_
#define VESICLE_VM_HEAP_YOUNG_SPACE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "vm/heap/heap.h"

namespace vesicle {

class OldSpace;

class YoungSpace final : private Visitor {
 public:
  static constexpr size_t kSegmentBytes = size_t{1} << 21;
  static constexpr size_t kMadeBytesMax = size_t{1} << 20;
  static constexpr size_t kAgedBytesMax = size_t{1} << 18;

  // `aged_bytes`: the size of each half for what is aged; 0: every collection empties.
  YoungSpace(Heap& heap, size_t bytes, size_t aged_bytes);
  ~YoungSpace();
  YoungSpace(const YoungSpace&) = delete;
  YoungSpace& operator=(const YoungSpace&) = delete;

  // The current segment's room, for the heap's bump pointer.
  char* begin() const { return BeginOf(segments_.back()); }
  char* end() const { return begin() + usable_; }
  // From here on a collection is due: well before the end, as a turn goes on until it is over.
  bool is_filled(const char* top) const { return overflowed() || top >= filled_at(); }
  char* filled_at() const { return begin() + filled_at_; }
  bool overflowed() const { return segments_.size() > 1; }

  // A further segment; the current one was filled up to `top`. False when memory is out.
  bool Extend(char* top);
  // Holds back blocks of the old space for all that could be moved there from this segment and
  // one more, and the memory of that one: a collection cannot fail midway, and who fills the young
  // space has some way to the next safe point. False when there is not so much; for this segment
  // alone there may be.
  bool HoldRoom();
  bool IsYoung(Value pointer) const { return InRange(pointer) && !pointer.object()->is_old(); }
  // An object of a kFinal kind was made here.
  void NoteFinal(Object* o) { finals_.push_back(o); }

  struct Result {
    uint64_t objects_promoted = 0;  // to the old space
    uint64_t bytes_promoted = 0;
    uint64_t objects_aged = 0;
    uint64_t bytes_aged = 0;
    uint64_t objects_finalized = 0;
  };
  enum class Mode : uint8_t { kMayAge, kEmpties };
  // Moves every live object, to the old space into what was held back for it; nothing is held
  // afterwards. The nursery is empty then; kEmpties: the halves and the heap's remembered set, too.
  Result Collect(char* top, Mode mode, bool black, bool fill_freed);
  // Nothing is aged: no young object is left but those made since the last collection.
  bool holds_aged() const { return aged_top_ != aged_; }

  // All objects, live or not; `top` as for Collect.
  void ForEach(char* top, const std::function<void(Object*)>& fn);
  // Those from `since` on, which was the top when the first of them was made.
  void ForEachSince(const char* since, char* top, const std::function<void(Object*)>& fn);
  // Wants a young object.
  bool IsSince(const char* since, const Object* o) const;
  // Of what was made since the last collection.
  uint64_t BytesUsed(const char* top) const;
  uint64_t bytes_aged() const { return static_cast<uint64_t>(aged_top_ - aged_); }
  // Finalizes what is here, when the heap goes.
  void FinalizeAll();

 private:
  // At the start of each segment's mapping, which is aligned to its size.
  struct Segment {
    static constexpr size_t kBitWords = kSegmentBytes / 8 / 64;
    char* filled_to;
    bool is_counted;  // as mapped
    uint64_t padding[6];
    uint64_t live[kBitWords];

    char* address() { return reinterpret_cast<char*>(this); }
    char* begin() { return reinterpret_cast<char*>(this + 1); }
    // Of the first segment: the two halves, then the nursery. A word of the bitmap is of one.
    char* aged_begin() { return address() + ((sizeof(Segment) + 511) & ~size_t{511}); }
    static Segment* Of(const void* p) {
      return reinterpret_cast<Segment*>(reinterpret_cast<uintptr_t>(p) & ~(kSegmentBytes - 1));
    }
    static size_t BitOf(const void* p) {
      return (reinterpret_cast<uintptr_t>(p) & (kSegmentBytes - 1)) / 8;
    }
  };

  // A root or a word of a remembered object.
  void Visit(Value* words, size_t count) override;

  Segment* NewSegment();
  void Take(Segment* s);
  void Drop(Segment* s);
  bool HoldRoomFor(size_t segments);
  // Where what is made in a segment begins.
  char* BeginOf(Segment* s) const {
    return s == segments_.front() ? s->aged_begin() + 2 * aged_bytes_ : s->begin();
  }
  // What of it may be used, all told.
  ptrdiff_t BytesOf(Segment* s) const {
    return BeginOf(s) + static_cast<ptrdiff_t>(usable_) - s->address();
  }
  void UpdateRange();
  // Every young object lies inside; with several segments, old ones may, too.
  bool InRange(Value v) const { return v.bits() - range_begin_ < range_bytes_; }
  void MarkAndPush(Object* o);
  Object** GrowStack(Object** top, size_t more);
  void MarkFromRoots();
  void Drain();
  template <bool kOneSegment>
  void DrainIn();
  bool MayAge();
  // Moves what is live in the words of the bitmap of [from, to).
  template <bool kAges>
  void CopyRange(Segment* segment, char* from, char* to);
  void PlanNursery(size_t made);
  void CopyAll();
  void Remember(Object* o);
  void FlushCharge();
  void FixWords();
  bool FixWeakWords(Object* table);
  void FinalizeDead();
  void ForgetRemembered();
  void Reset(bool fill_freed);

  // A collection that looked at more words from outside empties: they are looked at each time until
  // one does.
  static constexpr size_t kOutsideWordsMax = size_t{1} << 14;

  Heap& heap_;
  size_t aged_bytes_;
  size_t made_max_;  // what is made in the nursery before it counts as filled
  size_t filled_at_;
  size_t usable_;
  char* aged_ = nullptr;  // the half in use, filled up to aged_top_
  char* aged_top_ = nullptr;
  uint64_t survived_bytes_ = 0;  // of what was made, in the last collection
  // The nursery counts as filled at made_max_, or half or a quarter of it.
  static constexpr int kNurserySizeMax = 2;
  int nursery_size_ = kNurserySizeMax;
  bool is_trying_ = false;  // the next size, with so much having survived in this one
  uint64_t survived_before_ = 0;
  int since_tried_ = 0;
  std::vector<Segment*> segments_;
  Segment* spare_ = nullptr;
  uintptr_t range_begin_ = 0;
  uintptr_t range_bytes_ = 0;
  std::vector<Object*> finals_;  // in the order of their creation

  // Of the collection under way; kept for their capacity.
  // The stack lies in [stack_.data(), stack_top_); plain pointers, as this is the
  // innermost loop.
  std::vector<Object*> stack_;
  Object** stack_top_ = nullptr;
  std::vector<Value*> to_fix_;
  std::vector<Object*> weak_tables_;
  std::vector<Object*> still_remembered_;
  size_t outside_words_ = 0;
  Result result_;
  bool black_ = false;
  bool ages_ = false;
  char* left_ = nullptr;  // what was aged before
  char* left_end_ = nullptr;
  char* to_ = nullptr;  // where the next one that ages goes
  char* to_end_ = nullptr;
  // A run of survivors that carry charge_sponsor_, and who pays for them.
  SponsorIndex charge_sponsor_ = 0;
  SponsorIndex charge_payer_ = 0;
  uint64_t charge_old_ = 0;
  uint64_t charge_aged_ = 0;
};

}  // namespace vesicle

#endif  // VESICLE_VM_HEAP_YOUNG_SPACE_H_
