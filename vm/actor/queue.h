// EventQueue: the events a sponsor pays for, in order. Two parts, each an EventChain:
// what was *released* (it waited on a promise that settled, or in the inbox of an actor
// that is free again) comes before what was *sent*. Settlements keep their order among
// themselves, and nothing sent later overtakes what waited.
//
// A turn sends to the tail; Truncate() cuts back to a Mark when it faults. What was
// released stays: a settlement is never undone.
//
// An EventChain stands in segments: no copy when it grows, and no event is ever moved.
// Each event has a position; positions of new events at the front are smaller, so that a
// range of positions says what no collection has seen yet that left nothing young: only
// events pushed since can hold a young word.
//
// Ownership: owns its segments; empty ones go back to the SegmentPool.
// Threads:   its VM's thread only.
// Limits:    none of its own: the sponsor's events and memory bound it.
#ifndef VESICLE_VM_ACTOR_QUEUE_H_
#define VESICLE_VM_ACTOR_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "vm/actor/event.h"
#include "vm/heap/heap.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct Segment {
  static constexpr int kEvents = 252;
  Segment* next;
  Segment* previous;
  int64_t first;  // position of events[0]
  int32_t count;  // events in it, unless it is its queue's last
  int32_t seen;   // so many from events[0] on hold nothing young (NoteSeen)
  Event events[kEvents];
  // Read and not looked at, by who asks for an event a few places on.
  Event beyond[2];
  uint64_t looked_through;  // the number of the last LookThrough
};

// Segments not in use, shared by the queues of one VM.
class SegmentPool {
 public:
  ~SegmentPool();
  // std::bad_alloc, before anything changed: a run of a script ends with #quota(#memory) then.
  Segment* Take();
  void Give(Segment* segment);
  // So that the next `count` calls of Take cannot fail. std::bad_alloc, as Take.
  void HoldIdle(int count);

 private:
  static constexpr int kIdleMax = 64;
  Segment* idle_ = nullptr;
  int idle_count_ = 0;
};

class EventChain {
 public:
  // A place at the tail to cut back to.
  struct Mark {
    Segment* segment;
    Event* at;
  };

  explicit EventChain(SegmentPool& pool);
  ~EventChain();
  EventChain(const EventChain&) = delete;
  EventChain& operator=(const EventChain&) = delete;

  bool empty() const { return head_ == tail_; }
  int64_t size() const { return tail_position() - head_position(); }
  // What so many events take, of an EventChain that nothing was taken from.
  int64_t bytes() const {
    return (size() / Segment::kEvents + 1) * static_cast<int64_t>(sizeof(Segment));
  }

  // The next Append has its place at hand.
  bool has_place() const { return tail_ != tail_end_; }
  void Append(const Event& event) {
    if (tail_ == tail_end_) [[unlikely]]
      GrowTail();
    *tail_++ = event;
  }

  // Want !empty(). The reference is good until the next call.
  const Event& Front() {
    if (head_ == head_end_) [[unlikely]]
      NextSegment();
    return *head_;
  }
  const Event& Take() {
    const Event& event = Front();
    ++head_;
    return event;
  }

  // The first event, when it is at hand; null: there may be one all the same.
  const Event* Next() const { return head_ != tail_ && head_ != head_end_ ? head_ : nullptr; }
  // Wants that Next() gave one.
  void PopNext() { ++head_; }

  // Puts an event before all others.
  void PushFront(const Event& event);
  // Wants empty(): what comes next lies where the last event lay, which is in the cache.
  void Rewind() {
    first_->first = tail_position();
    first_->seen = 0;
    head_ = tail_ = first_->events;
    head_end_ = tail_end_ = first_->events + Segment::kEvents;
  }

  Mark mark() const { return {last_, tail_}; }
  int64_t CountSince(const Mark& mark) const;
  // The events since `mark`, oldest first, handed to fn(const Event&).
  template <typename Fn>
  void ForEachSince(const Mark& mark, Fn fn) const {
    for (Segment* s = mark.segment; s != nullptr; s = s->next) {
      const Event* from = s == mark.segment ? mark.at : s->events;
      const Event* to = EndOf(s);
      for (; from != to; ++from) fn(*from);
    }
  }
  void Truncate(const Mark& mark);
  // Moves the events since `mark` to the tail of `to`, whole segments at a time. `marking`: a mark
  // runs, and they belong to what it has to see.
  void MoveTail(const Mark& mark, EventChain& to, bool marking);
  // Moves all events to the tail of `to`; this queue is empty afterwards.
  void MoveAll(EventChain& to, bool marking) { MoveTail({first_, head_}, to, marking); }
  // Moves all of `from` before all events; `from` is empty afterwards. Of one pool.
  void PutFront(EventChain& from, bool marking);
  // All events, oldest first.
  template <typename Fn>
  void ForEach(Fn fn) const {
    for (Segment* s = first_; s != nullptr; s = s->next) {
      const Event* from = s == first_ ? head_ : s->events;
      const Event* to = EndOf(s);
      for (; from != to; ++from) fn(*from);
    }
  }

  // A piece of a look at all events that are there, to change them; what fn(Event&) puts in place
  // of a word is no object. `number`: of the look, not 0. Takes from *events_max what it looked at,
  // and somewhat more at most. False when all were looked at; those appended since may be, too.
  template <typename Fn>
  bool LookThrough(uint64_t number, int64_t* events_max, Fn fn) {
    for (Segment* s = first_; s != nullptr; s = s->next) {
      if (s->looked_through == number) continue;
      if (*events_max <= 0) return true;
      s->looked_through = number;
      Event* from = s == first_ ? head_ : s->events;
      Event* to = const_cast<Event*>(EndOf(s));
      *events_max -= to - from;
      for (; from != to; ++from) fn(*from);
    }
    return false;
  }

  // --- collection
  // Words of events pushed since the last call of NoteSeen: none of those that are there holds
  // anything young.
  void VisitFresh(Visitor& visitor);
  void NoteSeen();
  // A mark begins: everything present is in its snapshot.
  void BeginSnapshot();
  // Visits about words_max further words of the snapshot; false when none are left.
  bool VisitSnapshot(Visitor& visitor, size_t words_max);
  // An event that is taken may be of the snapshot, and not visited yet. What came since holds only
  // what the mark finds in other places, and what is newer than it.
  bool has_snapshot() const { return snapshot_next_ < snapshot_end_; }

 private:
  int64_t head_position() const { return first_->first + (head_ - first_->events); }
  int64_t tail_position() const { return last_->first + (tail_ - last_->events); }
  const Event* EndOf(const Segment* s) const { return s == last_ ? tail_ : s->events + s->count; }
  void GrowTail();
  void NextSegment();
  void Renumber(Segment* from);
  void SetTail(Event* tail);  // in the last segment
  template <typename Fn>
  void ForEachFresh(Fn fn);
  Segment* VisitRange(Visitor& visitor, int64_t from, int64_t to, Segment* near = nullptr);

  SegmentPool& pool_;
  Event* head_;
  Event* head_end_;  // tail_ in the last segment is beyond: see Front()
  Event* tail_;
  Event* tail_end_;
  Segment* first_;
  Segment* last_;
  // Fresh: [head, fresh_front_) and [fresh_back_, tail).
  int64_t fresh_front_;
  int64_t fresh_back_;
  int64_t snapshot_next_ = 0;
  int64_t snapshot_end_ = 0;
  // Holds an event before snapshot_next_, as long as it is of this chain: a long queue is
  // walked once, not once a slice.
  Segment* snapshot_at_ = nullptr;
};

class EventQueue {
 public:
  using Mark = EventChain::Mark;

  explicit EventQueue(SegmentPool& pool) : sent_(pool), pool_(pool) {}

  bool empty() const { return sent_.empty() && !HasReleased(); }
  int64_t size() const { return sent_.size() + (released_ ? released_->size() : 0); }

  bool has_place() const { return sent_.has_place(); }
  void Append(const Event& event) { sent_.Append(event); }
  // After what was released before, in front of all that was sent.
  void Release(const Event& event) {
    EventChain& released = Released();
    if (released.empty()) released.Rewind();
    released.Append(event);
  }
  // Before everything: what had its turn before, and is to have it again.
  void PushFront(const Event& event) { Released().PushFront(event); }

  // Want !empty(). The reference is good until the next call that is not Append.
  const Event& Front() { return HasReleased() ? released_->Front() : sent_.Front(); }
  const Event& Take() { return HasReleased() ? released_->Take() : sent_.Take(); }
  // Null when there is none; else as Take.
  const Event* TakeIfAny() {
    if (HasReleased()) [[unlikely]]
      return &released_->Take();
    return sent_.empty() ? nullptr : &sent_.Take();
  }
  // The first that was sent, when it is the first of all and at hand; null: there may be one.
  const Event* NextSent() const { return HasReleased() ? nullptr : sent_.Next(); }
  // Wants that NextSent() gave one.
  void PopSent() { sent_.PopNext(); }
  // Gives back what it needs for nothing that is there.
  void Rest() {
    if (!HasReleased()) released_.reset();
  }

  // As those of EventChain, of what was sent.
  Mark mark() const { return sent_.mark(); }
  int64_t CountSince(const Mark& mark) const { return sent_.CountSince(mark); }
  template <typename Fn>
  void ForEachSince(const Mark& mark, Fn fn) const {
    sent_.ForEachSince(mark, fn);
  }
  void Truncate(const Mark& mark) { sent_.Truncate(mark); }
  void MoveTail(const Mark& mark, EventChain& to, bool marking) {
    sent_.MoveTail(mark, to, marking);
  }
  // Moves all of `from` before everything.
  void PutFront(EventChain& from, bool marking) { Released().PutFront(from, marking); }
  // Moves all of `from` to the tail.
  void AppendAll(EventChain& from, bool marking) { from.MoveAll(sent_, marking); }

  // All events, in order.
  template <typename Fn>
  void ForEach(Fn fn) const {
    if (released_) released_->ForEach(fn);
    sent_.ForEach(fn);
  }
  template <typename Fn>
  bool LookThrough(uint64_t number, int64_t* events_max, Fn fn) {
    return (released_ && released_->LookThrough(number, events_max, fn)) ||
           sent_.LookThrough(number, events_max, fn);
  }
  // Collection: as those of EventChain.
  void VisitFresh(Visitor& visitor) {
    if (released_) released_->VisitFresh(visitor);
    sent_.VisitFresh(visitor);
  }
  void NoteSeen() {
    if (released_) released_->NoteSeen();
    sent_.NoteSeen();
  }
  void BeginSnapshot() {
    if (released_) released_->BeginSnapshot();
    sent_.BeginSnapshot();
  }
  bool VisitSnapshot(Visitor& visitor, size_t words_max) {
    if (released_ && released_->VisitSnapshot(visitor, words_max)) return true;
    return sent_.VisitSnapshot(visitor, words_max);
  }
  bool has_snapshot() const {
    return sent_.has_snapshot() || (released_ && released_->has_snapshot());
  }

 private:
  bool HasReleased() const { return released_.has_value() && !released_->empty(); }
  EventChain& Released() {
    if (!released_) [[unlikely]]
      released_.emplace(pool_);
    return *released_;
  }

  EventChain sent_;
  std::optional<EventChain> released_;  // most sponsors have none
  SegmentPool& pool_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_QUEUE_H_
