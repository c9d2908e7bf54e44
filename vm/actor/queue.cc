#include "vm/actor/queue.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace vesicle {

SegmentPool::~SegmentPool() {
  while (idle_ != nullptr) {
    Segment* next = idle_->next;
    std::free(idle_);
    idle_ = next;
  }
}

namespace {
Segment* NewSegment() {
  auto* segment = static_cast<Segment*>(std::malloc(sizeof(Segment)));
  if (segment == nullptr) throw std::bad_alloc();
  return segment;
}
}  // namespace

Segment* SegmentPool::Take() {
  Segment* segment = idle_;
  if (segment != nullptr) {
    idle_ = segment->next;
    --idle_count_;
  } else {
    segment = NewSegment();
  }
  segment->next = nullptr;
  segment->previous = nullptr;
  segment->count = Segment::kEvents;
  segment->seen = 0;
  segment->looked_through = 0;
  return segment;
}

void SegmentPool::HoldIdle(int count) {
  while (idle_count_ < count) Give(NewSegment());
}

void SegmentPool::Give(Segment* segment) {
  if (idle_count_ == kIdleMax) {
    std::free(segment);
    return;
  }
  segment->next = idle_;
  idle_ = segment;
  ++idle_count_;
}

EventChain::EventChain(SegmentPool& pool) : pool_(pool), first_(pool.Take()), last_(first_) {
  first_->first = 0;
  head_ = tail_ = first_->events;
  head_end_ = tail_end_ = first_->events + Segment::kEvents;
  fresh_front_ = fresh_back_ = 0;
}

EventChain::~EventChain() {
  while (first_ != nullptr) {
    Segment* next = first_->next;
    pool_.Give(first_);
    first_ = next;
  }
}

void EventChain::GrowTail() {
  Segment* segment = pool_.Take();
  last_->count = Segment::kEvents;
  segment->first = last_->first + Segment::kEvents;
  segment->previous = last_;
  last_->next = segment;
  last_ = segment;
  tail_ = segment->events;
  tail_end_ = segment->events + Segment::kEvents;
}

void EventChain::NextSegment() {
  do {
    Segment* done = first_;
    first_ = done->next;
    first_->previous = nullptr;
    if (snapshot_at_ == done) snapshot_at_ = nullptr;
    pool_.Give(done);
    head_ = first_->events;
    head_end_ = head_ + (first_ == last_ ? Segment::kEvents : first_->count);
  } while (head_ == head_end_);
}

void EventChain::PushFront(const Event& event) {
  // So that no segment but an only one is ever empty: empty() is one compare.
  if (empty()) return Append(event);
  if (head_ == first_->events) {
    Segment* segment = pool_.Take();
    segment->first = first_->first - Segment::kEvents;
    segment->next = first_;
    first_->previous = segment;
    first_ = segment;
    head_end_ = segment->events + Segment::kEvents;
    head_ = head_end_;
  }
  // What was seen already starts at the present head at the earliest.
  fresh_front_ = std::max(fresh_front_, head_position());
  *--head_ = event;
  if (head_ - first_->events < first_->seen) first_->seen = 0;
}

int64_t EventChain::CountSince(const Mark& mark) const {
  return tail_position() - (mark.segment->first + (mark.at - mark.segment->events));
}

void EventChain::Truncate(const Mark& mark) {
  while (last_ != mark.segment) {
    Segment* cut = last_;
    last_ = cut->previous;
    if (snapshot_at_ == cut) snapshot_at_ = nullptr;
    pool_.Give(cut);
  }
  last_->next = nullptr;
  SetTail(mark.at);
  tail_end_ = last_->events + Segment::kEvents;
  fresh_back_ = std::min(fresh_back_, tail_position());
}

void EventChain::Renumber(Segment* from) {
  for (Segment* s = from; s != nullptr; s = s->next) {
    s->first = s->previous->first + s->previous->count;
  }
}

void EventChain::MoveTail(const Mark& mark, EventChain& to, bool marking) {
  const int64_t moved_to = to.tail_position();
  to.last_->looked_through = 0;
  for (const Event *e = mark.at, *end = EndOf(mark.segment); e != end; ++e) to.Append(*e);
  if (Segment* chain = mark.segment->next; chain != nullptr) {
    // What follows the mark's own segment changes hands as it is.
    snapshot_at_ = nullptr;
    to.last_->count = static_cast<int32_t>(to.tail_ - to.last_->events);
    if (to.first_ == to.last_) to.head_end_ = to.tail_;
    to.last_->next = chain;
    chain->previous = to.last_;
    to.last_ = last_;
    to.tail_ = tail_;
    to.tail_end_ = tail_end_;
    to.Renumber(chain);
    mark.segment->next = nullptr;
    last_ = mark.segment;
    tail_end_ = last_->events + Segment::kEvents;
    if (first_ == last_) head_end_ = tail_end_;
  }
  SetTail(mark.at);
  fresh_back_ = std::min(fresh_back_, tail_position());
  to.fresh_back_ = std::min(to.fresh_back_, moved_to);
  if (marking) {
    if (to.snapshot_next_ >= to.snapshot_end_) to.snapshot_next_ = moved_to;
    to.snapshot_end_ = to.tail_position();
  }
}

void EventChain::PutFront(EventChain& from, bool marking) {
  MoveAll(from, marking);
  std::swap(head_, from.head_);
  std::swap(head_end_, from.head_end_);
  std::swap(tail_, from.tail_);
  std::swap(tail_end_, from.tail_end_);
  std::swap(first_, from.first_);
  std::swap(last_, from.last_);
  std::swap(fresh_front_, from.fresh_front_);
  std::swap(fresh_back_, from.fresh_back_);
  std::swap(snapshot_next_, from.snapshot_next_);
  std::swap(snapshot_end_, from.snapshot_end_);
  std::swap(snapshot_at_, from.snapshot_at_);
}

// From `near`, a segment at `from` or before it, if that is known. Returns the last one visited.
Segment* EventChain::VisitRange(Visitor& visitor, int64_t from, int64_t to, Segment* near) {
  if (from >= to) return near;
  Segment* s = near;
  if (s != nullptr) {
    while (s != last_ && s->next->first <= from) s = s->next;
  } else if (from - first_->first < last_->first - from) {
    s = first_;
    while (s != last_ && s->next->first <= from) s = s->next;
  } else {
    s = last_;
    while (s != first_ && s->first > from) s = s->previous;
  }
  for (; s != nullptr && s->first < to; s = s->next) {
    near = s;
    const int64_t begin = std::max<int64_t>(from - s->first, 0);
    const int64_t end = std::min<int64_t>(to - s->first, EndOf(s) - s->events);
    for (int64_t i = begin; i < end; ++i) visitor.Visit(&s->events[i].target, 3);
  }
  return near;
}

void EventChain::SetTail(Event* tail) {
  tail_ = tail;
  last_->seen = std::min(last_->seen, static_cast<int32_t>(tail - last_->events));
}

// From the back: what moved here from another chain was seen there, whole segments of it.
template <typename Fn>
void EventChain::ForEachFresh(Fn fn) {
  const int64_t front_end = std::min(fresh_front_, tail_position());
  const int64_t begin = std::max(std::max(fresh_back_, head_position()), front_end);
  for (Segment* s = last_; s != nullptr; s = s->previous) {
    fn(s, std::max<int64_t>(begin - s->first, s->seen), static_cast<int32_t>(EndOf(s) - s->events));
    if (s->first <= begin) break;
  }
}

void EventChain::VisitFresh(Visitor& visitor) {
  VisitRange(visitor, head_position(), std::min(fresh_front_, tail_position()));
  ForEachFresh([&visitor](Segment* s, int64_t from, int32_t to) {
    for (int64_t i = from; i < to; ++i) visitor.Visit(&s->events[i].target, 3);
  });
}

void EventChain::NoteSeen() {
  ForEachFresh([](Segment* s, int64_t, int32_t to) { s->seen = to; });
  fresh_front_ = head_position();
  fresh_back_ = tail_position();
}

void EventChain::BeginSnapshot() {
  snapshot_next_ = head_position();
  snapshot_end_ = tail_position();
  snapshot_at_ = nullptr;
}

bool EventChain::VisitSnapshot(Visitor& visitor, size_t words_max) {
  // Events popped since were shaded as they left; events cut off cannot be older than the
  // snapshot, but for those of a turn that was under way when it was taken.
  snapshot_next_ = std::max(snapshot_next_, head_position());
  snapshot_end_ = std::min(snapshot_end_, tail_position());
  if (snapshot_next_ >= snapshot_end_) return false;
  const int64_t count = static_cast<int64_t>(words_max / 3) + 1;
  const int64_t to = std::min(snapshot_end_, snapshot_next_ + count);
  snapshot_at_ = VisitRange(visitor, snapshot_next_, to, snapshot_at_);
  snapshot_next_ = to;
  return snapshot_next_ < snapshot_end_;
}

}  // namespace vesicle
