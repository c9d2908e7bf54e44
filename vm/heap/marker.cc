#include "vm/heap/marker.h"

#include <algorithm>

#include "vm/heap/block.h"
#include "vm/heap/young_space.h"

namespace vesicle {

void Marker::Begin(std::optional<Kind> watched) {
  watched_ = watched.value_or(kNoKind);
  VESICLE_CHECK(stack_.empty() && partials_.empty() && queue_size_ == 0);
  roots_done_ = false;
  large_roots_done_ = heap_.client_ == nullptr;
  heap_.roots_.BeginMark();
  if (heap_.client_ != nullptr) heap_.client_->VisitMarkRoots(*this);
}

void Marker::Visit(Value* words, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (words[i].is_pointer() && !heap_.young_->IsYoung(words[i])) Push(words[i].object());
  }
}

// Words of an object that is white, so not written since the mark began: all old.
void Marker::PushAll(const Value* words, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (words[i].is_pointer()) Push(words[i].object());
  }
}

// Takes from the stack by way of the queue, so that the header and the mark of
// what comes out were asked of memory several objects ago.
bool Marker::Next(Object** o) {
  while (queue_size_ < kQueue && !stack_.empty()) {
    Object* pushed = stack_.back();
    stack_.pop_back();
    __builtin_prefetch(pushed);
    __builtin_prefetch(&Block::Of(pushed)->marks[Block::BitOf(pushed) / 64], 1);
    queue_[(queue_begin_ + queue_size_++) % kQueue] = pushed;
  }
  if (queue_size_ == 0) return false;
  *o = queue_[queue_begin_];
  queue_begin_ = (queue_begin_ + 1) % kQueue;
  --queue_size_;
  return true;
}

size_t Marker::Scan(Object* o, bool whole) {
  SetMarked(o);
  const size_t bytes = o->size_bytes();
  heap_.bytes_marked_ += bytes;
  o->sponsor = heap_.ledger_.PayerOf(o->sponsor);
  heap_.ledger_.ChargeMarked(o->sponsor, bytes);
  if (o->kind == watched_ && heap_.client_ != nullptr) [[unlikely]]
    heap_.client_->OnMarked(o);
  if (IsByteKind(o->kind)) return 1;
  const KindInfo& info = InfoOf(o->kind);
  if (info.write == Write::kWeak) return 1;
  if (info.death == Death::kFinal && heap_.client_ != nullptr) heap_.client_->Trace(o, *this);
  if (o->count > kPieceWords && !whole) {
    partials_.push_back({o, 0});
    return 1;
  }
  PushAll(o->words(), o->count);
  return 1 + o->count / kWordsPerObject;
}

size_t Marker::ScanPiece() {
  Partial& p = partials_.back();
  Object* o = p.object;
  const uint32_t from = p.next;
  const uint32_t n = std::min<uint32_t>(kPieceWords, o->count - from);
  p.next = from + n;
  if (p.next == o->count) partials_.pop_back();
  PushAll(o->words() + from, n);
  return 1 + n / kWordsPerObject;
}

bool Marker::Slice(size_t objects_max, size_t* touched) {
  size_t done = 0;
  bool more = true;
  while (done < objects_max) {
    Object* o;
    if (Next(&o)) {
      VESICLE_DCHECK(o->is_old());
      done += IsMarked(o) ? 1 : Scan(o, false);
    } else if (!partials_.empty()) {
      done += ScanPiece();
    } else if (!roots_done_) {
      roots_done_ = !heap_.roots_.VisitMarkSlice(*this, kPieceWords);
      done += kPieceWords / kWordsPerObject;
    } else if (!large_roots_done_) {
      large_roots_done_ = !heap_.client_->VisitMarkRootsSlice(*this, kPieceWords);
      done += kPieceWords / kWordsPerObject;
    } else {
      more = false;
      break;
    }
  }
  *touched += done;
  return more;
}

void Marker::BeforeWrite(Object* o) {
  if (!IsMarked(o)) {
    Scan(o, true);
    return;
  }
  if (IsByteKind(o->kind) || o->count <= kPieceWords) return;
  for (size_t i = 0; i < partials_.size(); ++i) {
    if (partials_[i].object != o) continue;
    const uint32_t from = partials_[i].next;
    PushAll(o->words() + from, o->count - from);
    partials_.erase(partials_.begin() + static_cast<ptrdiff_t>(i));
    return;
  }
}

}  // namespace vesicle
