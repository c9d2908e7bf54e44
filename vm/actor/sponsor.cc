#include "vm/actor/sponsor.h"

#include <algorithm>

namespace vesicle {

const char* ResourceName(Resource resource) {
  switch (resource) {
    case Resource::kEvents:
      return "events";
    case Resource::kMemory:
      return "memory";
    case Resource::kSteps:
      return "steps";
  }
  return "";
}

Sponsor::Sponsor(SponsorIndex index, Sponsor* parent, SegmentPool& pool)
    : queue(pool),
      index_(index),
      depth_(parent == nullptr ? 0 : parent->depth_ + 1),
      parent_(parent),
      amount_{} {
  for (int r = 0; r < kResourceCount; ++r) {
    account_[static_cast<size_t>(r)] =
        parent == nullptr ? this : parent->account_[static_cast<size_t>(r)];
  }
}

void Sponsor::Grant(Resource r, int64_t amount) {
  const auto i = static_cast<size_t>(r);
  account_[i] = this;
  amount_[i] += amount;
}

SponsorTree::SponsorTree(SegmentPool& pool) : pool_(pool) {
  sponsors_.push_back(std::make_unique<Sponsor>(SponsorIndex{0}, nullptr, pool));
  root().busy_at_ = 0;
  busy_.push_back(&root());
}

Sponsor* SponsorTree::Add(Sponsor& parent, Heap& heap) {
  if (parent.depth() + 1 > kSponsorDepthMax) return nullptr;
  SponsorIndex index = 0;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  }
  // A few of the dead, in a circle.
  constexpr size_t kLooksMax = 16;
  for (size_t looks = std::min(kLooksMax, dead_.size()); index == 0 && looks > 0; --looks) {
    const SponsorIndex dead = dead_.front();
    dead_.pop_front();
    if (heap.TryRecycleSponsor(dead)) {
      index = dead;
    } else {
      dead_.push_back(dead);
    }
  }
  if (index == 0) {
    if (sponsors_.size() >= static_cast<size_t>(kSponsorsMax)) {
      if (!dead_.empty()) heap.RequestCycle();
      return nullptr;
    }
    index = static_cast<SponsorIndex>(sponsors_.size());
    sponsors_.emplace_back();
  }
  sponsors_[index] = std::make_unique<Sponsor>(index, &parent, pool_);
  Sponsor* child = sponsors_[index].get();
  child->previous_sibling_ = parent.last_child_;
  (parent.last_child_ == nullptr ? parent.first_child_ : parent.last_child_->next_sibling_) = child;
  parent.last_child_ = child;
  heap.ChargeExternal(parent.AccountOf(Resource::kMemory).index(), kSponsorBytes);
  return child;
}

void SponsorTree::Remove(Sponsor& sponsor, Heap& heap, End end) {
  VESICLE_CHECK(sponsor.queue.empty() && !sponsor.dry && !sponsor.has_children() &&
                sponsor.parent() != nullptr);
  Sponsor& parent = *sponsor.parent();
  GiveBack(sponsor);
  Sponsor* before = sponsor.previous_sibling_;
  Sponsor* after = sponsor.next_sibling_;
  (before == nullptr ? parent.first_child_ : before->next_sibling_) = after;
  (after == nullptr ? parent.last_child_ : after->previous_sibling_) = before;
  if (sponsor.in_parents_ring_.is_in()) Leave(parent.ready_, sponsor.in_parents_ring_);
  EndBusy(sponsor);
  heap.ChargeExternal(parent.AccountOf(Resource::kMemory).index(), -kSponsorBytes);
  const SponsorIndex index = sponsor.index();
  // What was stopped gave its index away to its parent's account, even if nothing ever ran on it.
  if (end == End::kUndone && !sponsor.stopped) {
    free_.push_back(index);
  } else {
    if (!sponsor.stopped) heap.Reassign(index, parent.AccountOf(Resource::kMemory).index());
    dead_.push_back(index);
  }
  sponsors_[index].reset();
}

void SponsorTree::GiveBack(Sponsor& sponsor) {
  for (size_t r = 0; r < kResourceCount; ++r) {
    if (sponsor.account_[r] != &sponsor) continue;
    sponsor.parent_->account_[r]->amount_[r] += sponsor.amount_[r];
    sponsor.amount_[r] = 0;
  }
}

// Children first gave back and draw on `sponsor`: they follow.
void SponsorTree::DrawOnParent(Sponsor& sponsor) {
  if (sponsor.HasOwn(Resource::kMemory)) {
    sponsor.parent_->AccountOf(Resource::kMemory).queues_bytes += sponsor.queues_bytes;
    sponsor.queues_bytes = 0;
  }
  sponsor.account_ = sponsor.parent_->account_;
  for (Sponsor* c = sponsor.first_child_; c != nullptr; c = c->next_sibling_) DrawOnParent(*c);
}

void SponsorTree::Enter(Place*& ring, Place& place) {
  if (ring == nullptr) {
    ring = place.next = place.previous = &place;
    return;
  }
  place.next = ring;
  place.previous = ring->previous;
  place.previous->next = ring->previous = &place;
}

void SponsorTree::Leave(Place*& ring, Place& place) {
  if (ring == &place) ring = place.next == &place ? nullptr : place.next;
  place.previous->next = place.next;
  place.next->previous = place.previous;
  place.next = place.previous = nullptr;
}

void SponsorTree::MakeReady(Sponsor& sponsor) {
  if (sponsor.busy_at_ == Sponsor::kNotBusy) {
    sponsor.busy_at_ = busy_.size();
    busy_.push_back(&sponsor);
  }
  if (!sponsor.for_own_queue_.is_in() && !sponsor.queue.empty() && !sponsor.dry) {
    Enter(sponsor.ready_, sponsor.for_own_queue_);
  }
  for (Sponsor* s = &sponsor;
       s->parent_ != nullptr && !s->in_parents_ring_.is_in() && s->ready_ != nullptr;
       s = s->parent_) {
    Enter(s->parent_->ready_, s->in_parents_ring_);
  }
}

Sponsor* SponsorTree::Next() {
  Sponsor* s = &root();
  while (s->ready_ != nullptr) {
    Sponsor* next = s->ready_->sponsor;
    s->ready_ = s->ready_->next;
    if (next == s) return s;
    s = next;
  }
  return nullptr;
}

void SponsorTree::Settle(Sponsor& sponsor) {
  if (!sponsor.for_own_queue_.is_in() || (!sponsor.queue.empty() && !sponsor.dry)) return;
  sponsor.queue.Rest();
  Leave(sponsor.ready_, sponsor.for_own_queue_);
  for (Sponsor* s = &sponsor;
       s->parent_ != nullptr && s->in_parents_ring_.is_in() && s->ready_ == nullptr;
       s = s->parent_) {
    Leave(s->parent_->ready_, s->in_parents_ring_);
  }
}

void SponsorTree::EndBusy(Sponsor& sponsor) {
  const size_t at = sponsor.busy_at_;
  if (at == Sponsor::kNotBusy) return;
  busy_[at] = busy_.back();
  busy_[at]->busy_at_ = at;
  busy_.pop_back();
  sponsor.busy_at_ = Sponsor::kNotBusy;
}

void SponsorTree::ForgetIdle(const Sponsor* running) {
  for (size_t i = busy_.size(); i-- > 1;) {
    Sponsor* s = busy_[i];
    if (s->queue.empty() && s != running) EndBusy(*s);
  }
}

}  // namespace vesicle
