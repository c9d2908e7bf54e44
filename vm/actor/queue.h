// EventQueue: the events a sponsor pays for, in order, in segments: no copy when
// it grows, and no event is ever moved.
//
// A turn appends at the tail; Truncate() cuts back to a Mark when it faults. What
// waited on a promise goes in at the front (PushFront). Each event has a position;
// positions of new events at the front are smaller, so that a range of positions
// says what a collection has not seen yet: after a young collection nothing young
// exists, and only events pushed since can hold a young word.
//
// Ownership: owns its segments; empty ones go back to the SegmentPool.
// Threads:   its VM's thread only.
// Limits:    none of its own: the sponsor's events and memory bound it.
#ifndef VESICLE_VM_ACTOR_QUEUE_H_
#define VESICLE_VM_ACTOR_QUEUE_H_

#include <cstddef>
#include <cstdint>

#include "vm/actor/event.h"
#include "vm/heap/heap.h"

namespace vesicle {

struct Segment {
  static constexpr int kEvents = 255;
  Segment* next;
  Segment* previous;
  int64_t first;  // position of events[0]
  int64_t count;  // events in it, unless it is its queue's last
  Event events[kEvents];
};

// Segments not in use, shared by the queues of one VM.
class SegmentPool {
 public:
  ~SegmentPool();
  // std::bad_alloc, before anything changed: a run of a script ends with #quota(#memory) then.
  Segment* Take();
  void Give(Segment* segment);

 private:
  static constexpr int kIdleMax = 64;
  Segment* idle_ = nullptr;
  int idle_count_ = 0;
};

class EventQueue {
 public:
  // A place at the tail to cut back to.
  struct Mark {
    Segment* segment;
    Event* at;
  };

  explicit EventQueue(SegmentPool& pool);
  ~EventQueue();
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  bool empty() const { return head_ == tail_; }
  int64_t size() const { return tail_position() - head_position(); }

  void Append(const Event& event) {
    if (tail_ == tail_end_) [[unlikely]]
      GrowTail();
    *tail_++ = event;
  }

  // Wants !empty(). The reference is good until the next call.
  const Event& Front() {
    if (head_ == head_end_) [[unlikely]]
      NextSegment();
    return *head_;
  }
  void Pop() { ++head_; }

  // Puts an event before all others.
  void PushFront(const Event& event);

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
  void MoveTail(const Mark& mark, EventQueue& to, bool marking);
  // Moves all events to the tail of `to`; this queue is empty afterwards.
  void MoveAll(EventQueue& to, bool marking) { MoveTail({first_, head_}, to, marking); }
  // All events, oldest first.
  template <typename Fn>
  void ForEach(Fn fn) const {
    for (Segment* s = first_; s != nullptr; s = s->next) {
      const Event* from = s == first_ ? head_ : s->events;
      const Event* to = EndOf(s);
      for (; from != to; ++from) fn(*from);
    }
  }

  // The event a few places on, for a prefetch; any event of the segment, never null.
  const Event* Ahead(int n) const { return head_ + n < head_end_ ? head_ + n : head_end_ - 1; }

  // --- collection
  // Words of events pushed since the last call; then all count as seen.
  void VisitFresh(Visitor& visitor);
  // A mark begins: everything present is in its snapshot.
  void BeginSnapshot();
  // Visits about words_max further words of the snapshot; false when none are left.
  bool VisitSnapshot(Visitor& visitor, size_t words_max);

 private:
  int64_t head_position() const { return first_->first + (head_ - first_->events); }
  int64_t tail_position() const { return last_->first + (tail_ - last_->events); }
  const Event* EndOf(const Segment* s) const { return s == last_ ? tail_ : s->events + s->count; }
  void GrowTail();
  void NextSegment();
  void Renumber(Segment* from);
  void VisitRange(Visitor& visitor, int64_t from, int64_t to);

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
};

}  // namespace vesicle

#endif  // VESICLE_VM_ACTOR_QUEUE_H_
