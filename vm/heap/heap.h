// Heap: the objects of one VM, and their collector.
//
// Generational. New objects are bumped into the *young space* (1 MiB); at a safe point
// the live ones are moved, in creation order: once within it, the second time to
// the *old space*, where nothing moves, which is marked in slices (snapshot at the
// beginning) and swept lazily. When little dies, and before a mark begins, a young
// collection moves all to the old space: no young object exists then, and whoever holds
// words (an event queue, a remembered object) needs scanning only for what it took in
// since.
//
// The law of safe points: an allocation never collects. Collection happens in
// SafePoint() and Collect() only; between two of them a plain Value stays valid.
// Keep one beyond with a Root, or be visited through the HeapClient.
//
// The law of writes: an object of a kBarrier or kWeak kind that may have been
// published (that anything else can reach) is written only after WillWrite(o),
// once for any number of stores up to the next safe point. Filling an object
// just allocated needs none. Frozen kinds are never written after publication.
//
// Work is metered in bytes and objects, never in time, so a run collects at the
// same places every time.
//
// Ownership: owns every object. Destroying it finalizes what is left.
// Threads:   its VM's thread only.
// Limits:    Options. An allocation of more than kSmallBytesMax can fail (nullptr):
//            the caller answers with #quota(memory). A small one never fails; it may
//            run over the allowance until the next safe point (over_allowance()). When
//            the system has no memory for one, the process ends and says so; a young
//            collection has its room beforehand, and when none is left for the next
//            one, memory_is_out().
//
//   Heap heap({}, &client);
//   Object* pair = heap.Allocate(Kind::kTuple, 2);      // words are nil
//   Root keep(heap, Value::Data(pair));
//   if (heap.wants_safe_point()) heap.SafePoint();      // pair may have moved:
//   keep.value().data()->words()[0];                    // keep.value() has not
#ifndef VESICLE_VM_HEAP_HEAP_H_
#define VESICLE_VM_HEAP_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "vm/heap/check.h"
#include "vm/heap/ledger.h"
#include "vm/heap/object.h"
#include "vm/heap/poison.h"
#include "vm/heap/root.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Marker;
class OldSpace;
class YoungSpace;

// Receives words during a scan. The collector keeps the address of a word it was
// shown and stores the object's new address there before the collection ends, so
// the words must stay where they are until then. One call a collection suffices.
class Visitor {
 public:
  virtual void Visit(Value* words, size_t count) = 0;

 protected:
  ~Visitor() = default;
};

// What the heap's owner knows and the heap does not. None of these may allocate
// in the heap, or reach a safe point.
class HeapClient {
 public:
  // Visits every root word that may hold a young object.
  virtual void VisitYoungRoots(Visitor& visitor) = 0;
  // Before a collection that moves young objects: the client may write to weak tables.
  virtual void BeforeYoungMoves() {}
  // At the end of a collection that visited them and left no young object: the client may note
  // "scanned up to here".
  virtual void OnYoungEmptied() {}
  // Called once when a mark begins (the young space is empty then); visit small roots here.
  virtual void VisitMarkRoots(Visitor& visitor) = 0;
  // Large roots (event queues) in pieces: visits about `words_max` further words of the snapshot
  // taken at VisitMarkRoots; false when there are no more. What leaves such a root before
  // it was visited must be passed to Heap::Shade by the client.
  virtual bool VisitMarkRootsSlice(Visitor& visitor, size_t words_max) = 0;
  // An object of the kind that Heap::WatchCycle named, reached by the mark.
  virtual void OnMarked(const Object*) {}
  // Kinds whose death is kFinal: words held in C++ memory behind the object, and its release.
  // The first payload word is the client's raw pointer, or nil if it was never set.
  virtual void Trace(Object* object, Visitor& visitor) = 0;
  virtual void Finalize(Object* object) = 0;
  // For Heap::Verify() only: every root word there is, without noting anything.
  virtual void VisitAllRoots(Visitor&) {}

 protected:
  ~HeapClient() = default;
};

struct HeapOptions {
  // What is allocated between two young collections, at most 1 MiB; half or a quarter of it while
  // much of it lives on, as each of them would take long.
  size_t young_bytes = size_t{1} << 20;
  // Room for what has lived through one young collection, at most a quarter of a MiB; 0: all that
  // lives through one goes to the old space.
  size_t aged_bytes = size_t{1} << 18;
  // Objects that one safe point marks, at most; big objects count by their words.
  size_t mark_slice_objects = 5000;
  // While a cycle runs, a safe point is wanted each time so much was allocated, wherever: what
  // comes to the old space at once is made up for by as many safe points in a row.
  size_t slice_every_bytes = size_t{64} << 10;
  // Blocks of 64 KiB that one safe point sweeps, at most.
  size_t sweep_slice_blocks = 64;
  // A mark is due when old bytes exceed max(old_bytes_floor, old_growth x live after the last),
  // or half of the room that was left below bytes_max then (at least live / 8).
  size_t old_bytes_floor = size_t{8} << 20;
  double old_growth = 2.0;
  // What its owner means to hold at most. A guide for the pace only: what may be allocated is
  // the allowance of SetSponsor.
  uint64_t bytes_max = UINT64_MAX;
  // Empty blocks kept for use; those beyond give their memory back to the system.
  size_t reserve_blocks = 64;
  // Test mode: every SafePoint() is a Collect(kFull), and is always wanted.
  bool collect_at_every_safe_point = false;
  // For the tests of the tests: a heap that is wrong in a known way.
  enum class PlantedBug : uint8_t { kNone, kForgetsRemembering, kForgetsSnapshot, kForgetsAged };
  PlantedBug planted_bug = PlantedBug::kNone;
};

// Counted since the heap was made, unless said otherwise.
struct HeapStats {
  uint64_t young_collections = 0;
  uint64_t mark_cycles = 0;  // completed
  uint64_t mark_slices = 0;
  uint64_t objects_promoted = 0;  // to the old space
  uint64_t bytes_promoted = 0;
  uint64_t objects_aged = 0;  // moved within the young space
  uint64_t bytes_aged = 0;
  uint64_t objects_finalized = 0;
  uint64_t blocks_swept = 0;
  uint64_t overflow_segments = 0;     // young allocations that did not fit the young space
  uint64_t objects_touched_max = 0;   // in one safe point: moved, marked, finalized
  uint64_t objects_touched_last = 0;  // by the last safe point or collection
  // Now.
  uint64_t bytes_allocated = 0;  // ever
  uint64_t bytes_young = 0;
  uint64_t bytes_old = 0;   // live at the last mark + come since
  uint64_t bytes_live = 0;  // as counted by the last mark
  uint64_t bytes_external = 0;
  uint64_t bytes_mapped = 0;       // memory held for objects, in use or in reserve
  uint64_t bytes_mapped_peak = 0;  // the most of it
  uint64_t remembered = 0;
};

class Heap {
 public:
  using Options = HeapOptions;

  // `client` may be null: Roots are then the only roots, and objects of kFinal
  // kinds have nothing behind them. It outlives the heap.
  Heap(Options options, HeapClient* client);
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // The largest object, header included, that Allocate takes.
  static constexpr size_t kSmallBytesMax = 2048;
  // Larger ones are made in the old space at once (flag kLarge).
  static constexpr size_t kYoungBytesMax = 8192;

  static constexpr size_t SizeBytes(Kind kind, uint32_t count) {
    return sizeof(Object) +
           (IsByteKind(kind) ? (size_t{count} + 7) & ~size_t{7} : size_t{count} * sizeof(Value));
  }

  // --- Allocation. `count`: payload words of a word kind, payload bytes of a byte
  // kind. The header is filled in, flags zero, paid for by the current sponsor.
  // The payload: AllocateRaw leaves it undefined (fill every word before the next
  // allocation of any kind that could be followed by a safe point); Allocate and
  // TryAllocate fill word kinds with nil, and the bytes after a byte kind's last
  // byte with zero (the other bytes are undefined).

  // At most kSmallBytesMax bytes in all (checked); never fails.
  Object* AllocateRaw(Kind kind, uint32_t count) {
    const size_t bytes = SizeBytes(kind, count);
    VESICLE_CHECK(bytes <= kSmallBytesMax);
    return Bump(kind, count, bytes);
  }
  Object* Allocate(Kind kind, uint32_t count) {
    Object* o = AllocateRaw(kind, count);
    Clear(o);
    return o;
  }
  // Any size; null when it does not fit the allowance, or memory is out.
  Object* TryAllocate(Kind kind, uint32_t count);
  // In the old space: never moves. Remembered, so that it may be filled with young
  // words without a barrier until the next safe point. Null when memory is out.
  Object* AllocateOld(Kind kind, uint32_t count);

  // For tests: the nth of the allocations from now on that may fail does, as do those after it;
  // 0: none. Those beyond the allowance are not among them.
  void RefuseFrom(uint64_t nth) { refuse_from_ = nth; }

  // --- Sponsors.
  // Who pays for what is allocated from now on, and how many bytes may be taken
  // (gross, whatever collections give back) until the next call.
  void SetSponsor(SponsorIndex sponsor, uint64_t allowance_bytes) {
    ledger_.ChargeYoung(sponsor_, static_cast<uint64_t>(top_ - charged_to_));
    charged_to_ = top_;
    spent_from_ = top_;
    spent_before_ = 0;
    refused_bytes_ = 0;
    allowance_ = memory_is_out_ ? 0 : allowance_bytes;
    sponsor_ = sponsor;
  }
  SponsorIndex sponsor() const { return sponsor_; }
  // Bytes taken since SetSponsor.
  uint64_t spent() const { return spent_before_ + static_cast<uint64_t>(top_ - spent_from_); }
  bool over_allowance() const { return spent() > allowance_; }
  // Would so many more bytes fit the allowance? Takes nothing, but notes what was refused.
  bool Reserve(uint64_t bytes) {
    const uint64_t taken = spent();
    if (taken <= allowance_ && bytes <= allowance_ - taken) [[likely]]
      return true;
    refused_bytes_ = bytes;
    return false;
  }
  // Bytes that were asked for last and did not fit; 0: none since SetSponsor. A refusal is no
  // verdict yet: the allowance is gross, and a collection may make room.
  uint64_t refused_bytes() const { return refused_bytes_; }
  // The system has no more memory: until a collection finds some, every allowance is zero.
  bool memory_is_out() const { return memory_is_out_; }
  // Live bytes as of the last cycle, allocated since, and external ones.
  uint64_t SponsorBytes(SponsorIndex sponsor) const {
    const uint64_t bytes = ledger_.BytesOf(sponsor);
    return sponsor == sponsor_ ? bytes + static_cast<uint64_t>(top_ - charged_to_) : bytes;
  }
  // C++ memory behind objects or queues. A growth counts as spent if `sponsor` is the current one.
  void ChargeExternal(SponsorIndex sponsor, int64_t delta_bytes);
  // The same for memory that no collection gives back, such as of events that wait: it brings no
  // mark on.
  void ChargeWaiting(SponsorIndex sponsor, int64_t delta_bytes);
  // What `from` pays for is `to`'s from now on. No object may be made on `from` until it is
  // recycled.
  void Reassign(SponsorIndex from, SponsorIndex to);
  // True, once, when no object carries the reassigned index any more: it may name a new sponsor.
  // Not while the dead of a cycle are finalized: theirs is the old one.
  bool TryRecycleSponsor(SponsorIndex sponsor) {
    return phase_ != Phase::kClear && ledger_.TryRecycle(sponsor);
  }

  // While one lives, allocations are charged but not held to the allowance: for the small things
  // that the VM makes itself, such as the reason that memory ran out.
  class BeyondAllowance {
   public:
    explicit BeyondAllowance(Heap& heap) : heap_(heap), allowance_(heap.allowance_) {
      heap.allowance_ = UINT64_MAX;
    }
    ~BeyondAllowance() { heap_.allowance_ = allowance_; }
    BeyondAllowance(const BeyondAllowance&) = delete;
    BeyondAllowance& operator=(const BeyondAllowance&) = delete;

   private:
    Heap& heap_;
    uint64_t allowance_;
  };

  // While one lives, what is allocated is charged to another sponsor; the allowance stays that of
  // the current one.
  class PaidBy {
   public:
    PaidBy(Heap& heap, SponsorIndex sponsor) : heap_(heap), before_(heap.sponsor_) {
      heap.FlushCharges();
      heap.sponsor_ = sponsor;
    }
    ~PaidBy() {
      heap_.FlushCharges();
      heap_.sponsor_ = before_;
    }
    PaidBy(const PaidBy&) = delete;
    PaidBy& operator=(const PaidBy&) = delete;

   private:
    Heap& heap_;
    SponsorIndex before_;
  };

  // --- Barriers.
  // Before any store into a published object of a kBarrier or kWeak kind.
  void WillWrite(Object* o) {
    if (o->is_old() && ((o->flags & Object::kRemembered) == 0 || marking_)) WillWriteSlow(o);
  }
  bool marking() const { return marking_; }
  // A cycle is under way: marking, clearing or sweeping. Each safe point does a piece of it.
  bool is_in_cycle() const { return phase_ != Phase::kIdle; }
  // While a mark runs: `value` was part of the snapshot and leaves its place unseen.
  void Shade(Value value) {
    if (marking_ && value.is_pointer()) ShadeSlow(value);
  }
  // Word `i` of a weak table: Absent if the object is dead; kept alive from now on if not.
  // The only way to read one.
  Value ReadWeak(Object* table, uint32_t i) {
    const Value v = table->words()[i];
    return weak_reads_are_slow_ && v.is_pointer() ? ReadWeakSlow(v) : v;
  }

  // --- Collection.
  bool wants_safe_point() const {
    return reinterpret_cast<uintptr_t>(top_) >= safe_point_wanted_at_;
  }
  // A young collection if the young space is full; then, if a cycle runs or is
  // due, one slice of it. Cheap when there is nothing to do.
  void SafePoint();
  enum class Scope : uint8_t { kYoung, kFull };
  // Completely, now. kFull: everything unreachable at the call is gone afterwards.
  void Collect(Scope scope);
  // A mark cycle begins at the next safe point, or when the one under way is over. What is
  // unreachable now is gone when cycles() has come to the number that is returned.
  uint64_t RequestCycle();
  // The same; and the client is told of each object of `kind` that was reachable now (of the last
  // kind so named, until that cycle has begun).
  uint64_t WatchCycle(Kind kind);
  // Young objects stay where they are while this does.
  uint64_t young_collections() const { return counted_.young_collections; }
  // How many were completed.
  uint64_t cycles() const { return counted_.mark_cycles; }
  // HeapOptions::bytes_max.
  void set_bytes_max(uint64_t bytes);

  // --- Watching.
  HeapStats stats() const;
  // HeapStats::objects_touched_last.
  uint64_t objects_touched() const { return counted_.objects_touched_last; }
  // Called around each piece of work that a safe point does; may be empty.
  void SetPauseObserver(std::function<void()> on_pause_begin, std::function<void()> on_pause_end);
  // Every object that is live, or not known to be dead yet. `fn` must not allocate.
  void ForEachObject(const std::function<void(Object*)>& fn);
  // What the Roots hold, that is, what C++ keeps alive. `fn` must not allocate.
  void ForEachRoot(const std::function<void(Value)>& fn);
  // Where the next young object will lie. ForEachYoungSince: those made since `top` was
  // young_top(), live or not, when no collection came between. Large objects, and those of
  // AllocateOld, are not young.
  const char* young_top() const { return top_; }
  void ForEachYoungSince(const char* top, const std::function<void(Object*)>& fn);
  bool IsYoungSince(const char* top, const Object* o) const;
  // Walks every object and root and checks that each header is sound, each pointer
  // leads to an object that was not freed, and an old object that holds a young one
  // is remembered. Null if all is well, or what was found. Slow: for tests.
  const char* Verify();

 private:
  friend class Marker;
  friend class Root;
  friend class YoungSpace;
  enum class Phase : uint8_t { kIdle, kMark, kClear, kSweep };

  static void Clear(Object* o) {
    if (IsByteKind(o->kind)) {
      if (o->count != 0) o->words()[o->payload_bytes() / sizeof(Value) - 1] = Value::FromBits(0);
    } else {
      Value* w = o->words();
      for (uint32_t i = 0; i < o->count; ++i) w[i] = Value::Nil();
    }
  }
  bool IsRefused(size_t bytes) {
    if (refuse_from_ == 0 || allowance_ == UINT64_MAX) [[likely]]
      return false;
    if (refuse_from_ > 1) {
      --refuse_from_;
      return false;
    }
    refused_bytes_ = bytes;
    return true;
  }
  Object* Bump(Kind kind, uint32_t count, size_t bytes) {
    char* p = top_;
    if (bytes > static_cast<size_t>(limit_ - p)) [[unlikely]] {
      p = NewSegment(bytes);
    }
    top_ = p + bytes;
    Unpoison(p, bytes);
    Object* o = reinterpret_cast<Object*>(p);
    *o = Object{kind, 0, sponsor_, count};
    if (IsIn(kFinalKinds, kind)) [[unlikely]]
      NoteYoungFinal(o);
    return o;
  }
  char* NewSegment(size_t bytes);
  bool ExtendYoung();
  void NoteYoungFinal(Object* o);
  // Without memory for their lists, nothing could be undone.
  void WillWriteSlow(Object* o) noexcept;
  void ShadeSlow(Value value) noexcept;
  Value ReadWeakSlow(Value v) noexcept;
  void Remember(Object* o);
  void FlushCharges();
  // How many objects it touched. `empties`: no young object is left.
  size_t CollectYoung(bool empties);
  void SafePointNow();
  void CollectNow(Scope scope);
  bool QueuesAreDue() const {
    constexpr int64_t kUnseenMax = 4 << 20;  // some 3 ms
    return waiting_unseen_ >= kUnseenMax;
  }
  bool YoungIsDue() const;
  uint64_t CollectableBytes() const;
  bool MarkIsDue() const;
  void BeginMark();
  void EndMark();
  void PlanMark(uint64_t live);
  // One piece of the running cycle, of about `objects_max` objects; how many it touched.
  size_t CycleSlice(size_t objects_max, size_t blocks_max);
  bool ClearSlice(size_t objects_max, size_t* touched);
  void SetPhase(Phase phase);
  void PlanSafePoint();

  // Hot: what an allocation and a barrier touch.
  char* top_ = nullptr;
  char* limit_ = nullptr;
  uintptr_t safe_point_wanted_at_ = 0;
  SponsorIndex sponsor_ = 0;
  bool marking_ = false;
  bool weak_reads_are_slow_ = false;
  bool memory_is_out_ = false;
  Phase phase_ = Phase::kIdle;
  bool mark_requested_ = false;
  std::optional<Kind> watch_requested_;
  char* charged_to_ = nullptr;  // young bytes below are in the ledger
  char* spent_from_ = nullptr;
  uint64_t spent_before_ = 0;
  uint64_t allowance_ = UINT64_MAX;
  uint64_t refused_bytes_ = 0;
  uint64_t refuse_from_ = 0;

  Options options_;
  HeapClient* client_;
  Ledger ledger_;
  RootList roots_;
  std::vector<Object*> remembered_;
  std::unique_ptr<YoungSpace> young_;
  std::unique_ptr<OldSpace> old_;
  std::unique_ptr<Marker> marker_;
  // Old objects that want a look after each mark, in the order they came.
  std::vector<Object*> weak_tables_;
  std::vector<Object*> finals_;
  size_t clear_read_ = 0;  // cursors of kClear over the two lists
  size_t clear_kept_ = 0;
  bool clearing_finals_ = false;
  uint64_t bytes_old_ = 0;
  uint64_t bytes_marked_ = 0;
  uint64_t mark_due_at_ = 0;
  uint64_t live_after_mark_ = 0;  // external bytes included
  int64_t bytes_waiting_ = 0;     // of the external bytes: ChargeWaiting
  // By which that grew since the young space was empty. A young collection looks at all of it.
  int64_t waiting_unseen_ = 0;
  // Object bytes that came past the young space since the last slice of a running cycle: each
  // slice_every_bytes of it are owed a slice.
  uint64_t debt_ = 0;
  HeapStats counted_;
  std::function<void()> on_pause_begin_;
  std::function<void()> on_pause_end_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_HEAP_HEAP_H_
