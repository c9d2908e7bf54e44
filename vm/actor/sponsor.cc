#include "vm/actor/sponsor.h"

#include <algorithm>
#include <iterator>

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
}

Sponsor* SponsorTree::Add(Sponsor& parent, Heap& heap) {
  if (parent.depth() + 1 > kSponsorDepthMax) return nullptr;
  SponsorIndex index = 0;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  }
  for (size_t i = 0; index == 0 && i < dead_.size(); ++i) {
    if (!heap.TryRecycleSponsor(dead_[i])) continue;
    index = dead_[i];
    dead_.erase(dead_.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  if (index == 0) {
    if (sponsors_.size() >= static_cast<size_t>(kSponsorsMax)) return nullptr;
    index = static_cast<SponsorIndex>(sponsors_.size());
    sponsors_.emplace_back();
  }
  sponsors_[index] = std::make_unique<Sponsor>(index, &parent, pool_);
  parent.children_.push_back(sponsors_[index].get());
  heap.ChargeExternal(parent.AccountOf(Resource::kMemory).index(), kSponsorBytes);
  return sponsors_[index].get();
}

void SponsorTree::Remove(Sponsor& sponsor, Heap& heap, End end) {
  VESICLE_CHECK(sponsor.queue.empty() && sponsor.children_.empty() && sponsor.parent() != nullptr);
  Sponsor& parent = *sponsor.parent();
  GiveBack(sponsor);
  // The youngest go first when a turn is undone.
  const auto at = std::find(parent.children_.rbegin(), parent.children_.rend(), &sponsor);
  parent.children_.erase(std::next(at).base());
  if (sponsor.in_parents_ready_) std::erase(parent.ready_, &sponsor);
  heap.ChargeExternal(parent.AccountOf(Resource::kMemory).index(), -kSponsorBytes);
  const SponsorIndex index = sponsor.index();
  if (end == End::kUndone) {
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
  for (Sponsor* child : sponsor.children_) DrawOnParent(*child);
}

void SponsorTree::MakeReady(Sponsor& sponsor) {
  if (!sponsor.own_queue_is_ready_ && !sponsor.queue.empty() && !sponsor.dry) {
    sponsor.own_queue_is_ready_ = true;
    sponsor.ready_.push_back(&sponsor);
  }
  for (Sponsor* s = &sponsor; s->parent_ != nullptr && !s->in_parents_ready_ && !s->ready_.empty();
       s = s->parent_) {
    s->in_parents_ready_ = true;
    s->parent_->ready_.push_back(s);
  }
}

Sponsor* SponsorTree::Next() {
  Sponsor* s = &root();
  while (!s->ready_.empty()) {
    Sponsor* next = s->ready_.front();
    s->ready_.pop_front();
    s->ready_.push_back(next);
    if (next == s) return s;
    s = next;
  }
  return nullptr;
}

void SponsorTree::Settle(Sponsor& sponsor) {
  if (!sponsor.own_queue_is_ready_ || (!sponsor.queue.empty() && !sponsor.dry)) return;
  sponsor.queue.Rest();
  sponsor.own_queue_is_ready_ = false;
  std::erase(sponsor.ready_, &sponsor);
  for (Sponsor* s = &sponsor; s->parent_ != nullptr && s->in_parents_ready_ && s->ready_.empty();
       s = s->parent_) {
    s->in_parents_ready_ = false;
    std::erase(s->parent_->ready_, s);
  }
}

}  // namespace vesicle
