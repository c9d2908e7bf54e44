#include "vm/heap/heap.h"

#include <algorithm>
#include <new>
#include <utility>

#include "vm/heap/block.h"
#include "vm/heap/marker.h"
#include "vm/heap/old_space.h"
#include "vm/heap/young_space.h"

namespace vesicle {

namespace {

constexpr size_t kNoLimit = SIZE_MAX;
// A young collection looks at each remembered object: at so many it comes before the space is full.
constexpr size_t kRememberedMax = 8192;

}  // namespace

Heap::Heap(Options options, HeapClient* client) : options_(std::move(options)), client_(client) {
  VESICLE_CHECK_GT(options_.mark_slice_objects, size_t{0});
  VESICLE_CHECK_LE(options_.young_bytes, YoungSpace::kMadeBytesMax);
  old_ = std::make_unique<OldSpace>(options_.reserve_blocks, options_.collect_at_every_safe_point);
  young_ = std::make_unique<YoungSpace>(*this, options_.young_bytes, options_.aged_bytes);
  marker_ = std::make_unique<Marker>(*this);
  top_ = charged_to_ = spent_from_ = young_->begin();
  limit_ = young_->end();
  PlanMark(0);
  PlanSafePoint();
}

Heap::~Heap() {
  // The lists are whole only outside of their clearing.
  while (phase_ == Phase::kClear) CycleSlice(kNoLimit, kNoLimit);
  marking_ = false;
  young_->FinalizeAll();
  if (client_ != nullptr) {
    for (Object* o : finals_) client_->Finalize(o);
  }
}

// --- Allocation

bool Heap::ExtendYoung() {
  FlushCharges();
  if (!young_->Extend(top_)) return false;
  top_ = charged_to_ = spent_from_ = young_->begin();
  limit_ = young_->end();
  safe_point_wanted_at_ = 0;
  ++counted_.overflow_segments;
  return true;
}

char* Heap::NewSegment(size_t bytes) {
  VESICLE_CHECK_LE(bytes, kYoungBytesMax);
  if (!ExtendYoung()) check_internal::OutOfMemory("not even for a small object");
  return top_;
}

void Heap::NoteYoungFinal(Object* o) { young_->NoteFinal(o); }

Object* Heap::TryAllocate(Kind kind, uint32_t count) {
  const size_t bytes = SizeBytes(kind, count);
  if (!Reserve(bytes)) return nullptr;
  if (bytes > kYoungBytesMax) {
    Object* large = AllocateOld(kind, count);
    if (large == nullptr) refused_bytes_ = bytes;
    return large;
  }
  if (IsRefused(bytes)) return nullptr;
  if (bytes > static_cast<size_t>(limit_ - top_) && !ExtendYoung()) {
    refused_bytes_ = bytes;
    return nullptr;
  }
  Object* o = Bump(kind, count, bytes);
  Clear(o);
  return o;
}

Object* Heap::AllocateOld(Kind kind, uint32_t count) {
  const size_t bytes = SizeBytes(kind, count);
  if (IsRefused(bytes)) return nullptr;
  Object* o = static_cast<Object*>(old_->Allocate(bytes));
  if (o == nullptr) return nullptr;
  const uint8_t large = OldSpace::IsLarge(bytes) ? Object::kLarge : 0;
  *o = Object{kind, static_cast<uint8_t>(Object::kOld | large), sponsor_, count};
  // It may take in young words before the next safe point, so a young collection
  // reads it whole; until it is filled, that must find no stale word in it.
  const KindInfo& info = InfoOf(kind);
  Clear(o);
  if (info.layout == Layout::kWords) Remember(o);
  if (info.write == Write::kWeak) weak_tables_.push_back(o);
  if (info.death == Death::kFinal) finals_.push_back(o);

  ledger_.ChargeOld(sponsor_, bytes, marking_);
  counted_.bytes_allocated += bytes;
  spent_before_ += bytes;
  bytes_old_ += bytes;
  if (marking_) bytes_marked_ += bytes;
  if (phase_ != Phase::kIdle) {
    debt_ += bytes;
    if (debt_ >= options_.slice_every_bytes) safe_point_wanted_at_ = 0;
  } else if (MarkIsDue()) {
    safe_point_wanted_at_ = 0;
  }
  return o;
}

// --- Sponsors

void Heap::FlushCharges() {
  ledger_.ChargeYoung(sponsor_, static_cast<uint64_t>(top_ - charged_to_));
  spent_before_ += static_cast<uint64_t>(top_ - spent_from_);
  charged_to_ = spent_from_ = top_;
}

void Heap::ChargeExternal(SponsorIndex sponsor, int64_t delta_bytes) {
  ledger_.ChargeExternal(sponsor, delta_bytes);
  if (delta_bytes <= 0) return;
  if (sponsor == sponsor_) spent_before_ += static_cast<uint64_t>(delta_bytes);
  // A mark gives none of this back, so that a running one owes nothing for it.
  if (phase_ == Phase::kIdle && MarkIsDue()) safe_point_wanted_at_ = 0;
}

void Heap::ChargeWaiting(SponsorIndex sponsor, int64_t delta_bytes) {
  bytes_waiting_ += delta_bytes;
  ChargeExternal(sponsor, delta_bytes);
  if (delta_bytes <= 0) return;
  waiting_unseen_ += delta_bytes;
  if (QueuesAreDue()) safe_point_wanted_at_ = 0;
}

void Heap::Reassign(SponsorIndex from, SponsorIndex to) {
  FlushCharges();
  ledger_.Reassign(from, to);
  if (sponsor_ == from) sponsor_ = ledger_.PayerOf(to);
}

// --- Barriers

void Heap::Remember(Object* o) {
  remembered_.push_back(o);
  o->flags |= Object::kRemembered;
  if (remembered_.size() >= kRememberedMax) safe_point_wanted_at_ = 0;
}

void Heap::WillWriteSlow(Object* o) noexcept {
  VESICLE_DCHECK(!IsByteKind(o->kind));
  if ((o->flags & Object::kRemembered) == 0 &&
      options_.planted_bug != Options::PlantedBug::kForgetsRemembering) {
    Remember(o);
  }
  if (!marking_) return;
  if (options_.planted_bug == Options::PlantedBug::kForgetsSnapshot && !IsMarked(o)) {
    SetMarked(o);
    return;
  }
  marker_->BeforeWrite(o);
}

void Heap::ShadeSlow(Value value) noexcept {
  Object* o = value.object();
  if (o->is_old() && !IsMarked(o)) marker_->Push(o);
}

Value Heap::ReadWeakSlow(Value v) noexcept {
  Object* o = v.object();
  if (!o->is_old() || IsMarked(o)) return v;
  if (phase_ == Phase::kClear) return Value::Absent();
  marker_->Push(o);
  return v;
}

// --- Collection

void Heap::SetPhase(Phase phase) {
  phase_ = phase;
  marking_ = phase == Phase::kMark;
  weak_reads_are_slow_ = phase == Phase::kMark || phase == Phase::kClear;
  // Until the sweep has begun, a clear mark means dead.
  old_->set_allocate_black(weak_reads_are_slow_);
}

bool Heap::YoungIsDue() const {
  return young_->is_filled(top_) || remembered_.size() >= kRememberedMax || QueuesAreDue();
}

uint64_t Heap::CollectableBytes() const {
  const int64_t external = ledger_.external_bytes() - bytes_waiting_;
  return bytes_old_ + static_cast<uint64_t>(std::max<int64_t>(external, 0));
}

bool Heap::MarkIsDue() const { return mark_requested_ || CollectableBytes() > mark_due_at_; }

uint64_t Heap::RequestCycle() {
  mark_requested_ = true;
  safe_point_wanted_at_ = 0;
  return counted_.mark_cycles + (phase_ == Phase::kIdle ? 1 : 2);
}

uint64_t Heap::WatchCycle(Kind kind) {
  watch_requested_ = kind;
  return RequestCycle();
}

size_t Heap::CollectYoung(bool empties) {
  if (client_ != nullptr) client_->BeforeYoungMoves();
  FlushCharges();
  counted_.bytes_allocated += young_->BytesUsed(top_);
  const YoungSpace::Result r =
      young_->Collect(top_, empties ? YoungSpace::Mode::kEmpties : YoungSpace::Mode::kMayAge,
                      marking_, options_.collect_at_every_safe_point);
  if (!young_->holds_aged()) {
    waiting_unseen_ = 0;
    roots_.YoungEmptied();
    if (client_ != nullptr) client_->OnYoungEmptied();
  }
  top_ = charged_to_ = spent_from_ = young_->begin();
  limit_ = young_->end();
  bytes_old_ += r.bytes_promoted;
  if (marking_) bytes_marked_ += r.bytes_promoted;
  memory_is_out_ = !young_->HoldRoom();
  if (memory_is_out_) allowance_ = 0;
  ++counted_.young_collections;
  counted_.objects_promoted += r.objects_promoted;
  counted_.bytes_promoted += r.bytes_promoted;
  counted_.objects_aged += r.objects_aged;
  counted_.bytes_aged += r.bytes_aged;
  counted_.objects_finalized += r.objects_finalized;
  return r.objects_promoted + r.objects_aged + r.objects_finalized;
}

void Heap::PlanMark(uint64_t live) {
  live_after_mark_ = live;
  const auto grown = static_cast<uint64_t>(options_.old_growth * static_cast<double>(live));
  const uint64_t taken = live + static_cast<uint64_t>(std::max<int64_t>(bytes_waiting_, 0));
  const uint64_t room = options_.bytes_max - std::min(options_.bytes_max, taken);
  mark_due_at_ = std::min(std::max<uint64_t>(options_.old_bytes_floor, grown),
                          live + std::max(room / 2, live / 8));
}

void Heap::set_bytes_max(uint64_t bytes) {
  options_.bytes_max = bytes;
  PlanMark(live_after_mark_);
}

void Heap::BeginMark() {
  VESICLE_CHECK(phase_ == Phase::kIdle);
  VESICLE_CHECK(top_ == young_->begin() && remembered_.empty());  // the snapshot is old
  mark_requested_ = false;
  debt_ = 0;
  bytes_marked_ = 0;
  ledger_.MarkBegan();
  SetPhase(Phase::kMark);
  marker_->Begin(std::exchange(watch_requested_, std::nullopt));
}

void Heap::EndMark() {
  bytes_old_ = bytes_marked_;
  counted_.bytes_live = bytes_marked_;
  ledger_.MarkEnded();
  PlanMark(CollectableBytes());
  clear_read_ = clear_kept_ = 0;
  clearing_finals_ = false;
  SetPhase(Phase::kClear);
}

// Weak words whose object died become Absent; dead objects of kFinal kinds are
// finalized; both lists lose their dead. False when that is done.
bool Heap::ClearSlice(size_t objects_max, size_t* touched) {
  constexpr size_t kWordsPerObject = 8;
  size_t done = 0;
  std::vector<Object*>* list = clearing_finals_ ? &finals_ : &weak_tables_;
  while (done < objects_max) {
    if (clear_read_ == list->size()) {
      list->resize(clear_kept_);
      clear_read_ = clear_kept_ = 0;
      if (clearing_finals_) {
        *touched += done;
        return false;
      }
      clearing_finals_ = true;
      list = &finals_;
      continue;
    }
    Object* o = (*list)[clear_read_++];
    ++done;
    const bool alive = IsMarked(o);
    if (alive) (*list)[clear_kept_++] = o;
    if (clearing_finals_) {
      if (alive) continue;
      ++counted_.objects_finalized;
      if (client_ != nullptr) client_->Finalize(o);
    } else if (alive) {
      Value* w = o->words();
      for (uint32_t i = 0; i < o->count; ++i) {
        if (w[i].is_pointer() && w[i].object()->is_old() && !IsMarked(w[i].object())) {
          w[i] = Value::Absent();
        }
      }
      done += o->count / kWordsPerObject;
    }
  }
  *touched += done;
  return true;
}

size_t Heap::CycleSlice(size_t objects_max, size_t blocks_max) {
  size_t touched = 0;
  ++counted_.mark_slices;
  switch (phase_) {
    case Phase::kIdle:
      break;
    case Phase::kMark:
      if (!marker_->Slice(objects_max, &touched)) EndMark();
      break;
    case Phase::kClear:
      if (!ClearSlice(objects_max, &touched)) {
        SetPhase(Phase::kSweep);
        old_->BeginSweep();
      }
      break;
    case Phase::kSweep:
      if (!old_->SweepSlice(blocks_max)) {
        SetPhase(Phase::kIdle);
        ++counted_.mark_cycles;
      }
      break;
  }
  return touched;
}

void Heap::PlanSafePoint() {
  if (options_.collect_at_every_safe_point || YoungIsDue() ||
      (phase_ == Phase::kIdle ? MarkIsDue() : debt_ >= options_.slice_every_bytes)) {
    safe_point_wanted_at_ = 0;
    return;
  }
  auto at = reinterpret_cast<uintptr_t>(young_->filled_at());
  if (phase_ != Phase::kIdle) {
    at = std::min(at, reinterpret_cast<uintptr_t>(top_) + options_.slice_every_bytes);
  }
  safe_point_wanted_at_ = at;
}

void Heap::SafePoint() {
  try {
    SafePointNow();
  } catch (const std::bad_alloc&) {
    check_internal::OutOfMemory("in the middle of a collection");
  }
}

void Heap::Collect(Scope scope) {
  try {
    CollectNow(scope);
    // What was swept may be enough again.
    if (memory_is_out_) memory_is_out_ = !young_->HoldRoom();
  } catch (const std::bad_alloc&) {
    check_internal::OutOfMemory("in the middle of a collection");
  }
}

void Heap::SafePointNow() {
  if (options_.collect_at_every_safe_point) {
    Collect(Scope::kFull);
    return;
  }
  const bool starts_mark = phase_ == Phase::kIdle && MarkIsDue();
  const bool young_is_due = YoungIsDue();
  counted_.objects_touched_last = 0;
  if (!starts_mark && !young_is_due && phase_ == Phase::kIdle) return;

  if (on_pause_begin_) on_pause_begin_();
  size_t touched = 0;
  if (young_is_due || starts_mark) touched = CollectYoung(starts_mark || QueuesAreDue());
  if (starts_mark) BeginMark();
  if (phase_ != Phase::kIdle) {
    // What the young collection moved is taken off the slice, so that the two do
    // not add up to one long pause; but the cycle always moves on.
    const size_t slice = options_.mark_slice_objects;
    const size_t rest = std::max(slice - std::min(slice, touched), slice / 8 + 1);
    touched += CycleSlice(rest, options_.sweep_slice_blocks);
    debt_ -= std::min<uint64_t>(debt_, options_.slice_every_bytes);
  }
  counted_.objects_touched_last = touched;
  counted_.objects_touched_max = std::max<uint64_t>(counted_.objects_touched_max, touched);
  PlanSafePoint();
  if (on_pause_end_) on_pause_end_();
}

void Heap::CollectNow(Scope scope) {
  if (on_pause_begin_) on_pause_begin_();
  size_t touched = CollectYoung(/*empties=*/true);
  if (scope == Scope::kFull) {
    // A cycle under way keeps what was alive when it began: another one follows.
    while (phase_ != Phase::kIdle) touched += CycleSlice(kNoLimit, kNoLimit);
    BeginMark();
    while (phase_ != Phase::kIdle) touched += CycleSlice(kNoLimit, kNoLimit);
  }
  counted_.objects_touched_last = touched;
  PlanSafePoint();
  if (on_pause_end_) on_pause_end_();
}

// --- Watching

void Heap::SetPauseObserver(std::function<void()> on_pause_begin,
                            std::function<void()> on_pause_end) {
  on_pause_begin_ = std::move(on_pause_begin);
  on_pause_end_ = std::move(on_pause_end);
}

HeapStats Heap::stats() const {
  HeapStats s = counted_;
  s.blocks_swept = old_->blocks_swept();
  s.bytes_young = young_->BytesUsed(top_) + young_->bytes_aged();
  s.bytes_allocated += young_->BytesUsed(top_);
  s.bytes_old = bytes_old_;
  s.bytes_external = static_cast<uint64_t>(std::max<int64_t>(ledger_.external_bytes(), 0));
  s.bytes_mapped = old_->pool().bytes_mapped();
  s.bytes_mapped_peak = old_->pool().bytes_mapped_peak();
  s.remembered = remembered_.size();
  return s;
}

void Heap::ForEachYoungSince(const char* top, const std::function<void(Object*)>& fn) {
  young_->ForEachSince(top, top_, fn);
}

bool Heap::IsYoungSince(const char* top, const Object* o) const {
  return !o->is_old() && young_->IsSince(top, o);
}

void Heap::ForEachObject(const std::function<void(Object*)>& fn) {
  young_->ForEach(top_, fn);
  old_->ForEach(/*marked_only_unswept=*/phase_ == Phase::kSweep, fn);
}

void Heap::ForEachRoot(const std::function<void(Value)>& fn) {
  struct Show final : Visitor {
    explicit Show(const std::function<void(Value)>& fn_in) : fn(fn_in) {}
    void Visit(Value* words, size_t count) override {
      for (size_t i = 0; i < count; ++i) fn(words[i]);
    }
    const std::function<void(Value)>& fn;
  };
  Show show(fn);
  roots_.VisitAll(show);
}

}  // namespace vesicle
