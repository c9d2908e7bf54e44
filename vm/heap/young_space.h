// YoungSpace: where objects are made, and the collection that empties it.
//
// One segment of up to 1 MiB, and further ones when the mutator runs on past its
// end before the next safe point. A collection has three steps, none of which
// recurses:
//   1. mark: from the roots and the remembered objects, with an explicit stack,
//      in a bitmap beside each segment; words that point here are noted
//   2. copy: walk the bitmaps in address order, so that survivors come to lie in
//      the old space in the order of their creation; the new address replaces the
//      header. A word that points to an earlier object is put right at once, the
//      others are noted
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
  static constexpr size_t kSegmentBytes = size_t{1} << 20;

  YoungSpace(Heap& heap, size_t bytes);
  ~YoungSpace();
  YoungSpace(const YoungSpace&) = delete;
  YoungSpace& operator=(const YoungSpace&) = delete;

  // The current segment's room, for the heap's bump pointer.
  char* begin() const { return segments_.back()->begin(); }
  char* end() const { return begin() + usable_; }
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
    uint64_t objects_promoted = 0;
    uint64_t bytes_promoted = 0;
    uint64_t objects_finalized = 0;
  };
  // Moves every live object to the old space, into what was held back for it; nothing is held
  // afterwards. Empties the heap's remembered set.
  Result Collect(char* top, bool black, bool fill_freed);

  // All objects, live or not; `top` as for Collect.
  void ForEach(char* top, const std::function<void(Object*)>& fn) {
    ForEachSince(segments_.front()->begin(), top, fn);
  }
  // Those from `since` on, which was the top when the first of them was made.
  void ForEachSince(const char* since, char* top, const std::function<void(Object*)>& fn);
  // Wants a young object.
  bool IsSince(const char* since, const Object* o) const;
  uint64_t BytesUsed(const char* top) const;
  // Finalizes what is here, when the heap goes.
  void FinalizeAll();

 private:
  // At the start of each segment's mapping, which is aligned to its size.
  struct Segment {
    static constexpr size_t kBitWords = kSegmentBytes / 8 / 64;
    char* filled_to;
    uint64_t padding[7];
    uint64_t live[kBitWords];

    char* begin() { return reinterpret_cast<char*>(this + 1); }
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
  bool HoldRoomFor(size_t segments);
  void UpdateRange();
  // Every young object lies inside; with several segments, old ones may, too.
  bool InRange(Value v) const { return v.bits() - range_begin_ < range_bytes_; }
  void MarkAndPush(Object* o);
  Object** GrowStack(Object** top, size_t more);
  void MarkFromRoots();
  void Drain();
  void CopySegment(Segment* segment);
  Object* MakeCopy(const Object* from, uint64_t header, size_t bytes);
  void CopyWords(Object* to, const Object* from, size_t words);
  void FlushCharge();
  void FixWords();
  void FixWeakWords(Object* table);
  void FinalizeDead();

  Heap& heap_;
  size_t usable_;
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
  Result result_;
  bool black_ = false;
  // A run of survivors that carry charge_sponsor_, and who pays for them.
  SponsorIndex charge_sponsor_ = 0;
  SponsorIndex charge_payer_ = 0;
  uint64_t charge_bytes_ = 0;
};

}  // namespace vesicle

#endif  // VESICLE_VM_HEAP_YOUNG_SPACE_H_
