#include "vm/heap/ledger.h"

#include <algorithm>

#include "vm/heap/check.h"

namespace vesicle {

void Ledger::Grow(SponsorIndex sponsor) {
  // In steps of a quarter: a table of 65,536 accounts is the most there is.
  const size_t want = std::max<size_t>(size_t{sponsor} + 1, accounts_.size() * 5 / 4 + 16);
  accounts_.resize(std::min<size_t>(want, size_t{1} << 16));
}

void Ledger::ChargeOld(SponsorIndex sponsor, uint64_t bytes, bool black) {
  Account& a = At(sponsor);
  Settle(a);
  a.old_bytes += bytes;
  if (black) ChargeMarked(sponsor, bytes);
}

void Ledger::ChargeMarked(SponsorIndex sponsor, uint64_t bytes) {
  Account& a = At(sponsor);
  if (a.mark_cycle != cycles_begun_) {
    Settle(a);
    a.mark_cycle = cycles_begun_;
    a.marked_bytes = 0;
  }
  a.marked_bytes += bytes;
}

void Ledger::ChargeExternal(SponsorIndex sponsor, int64_t delta_bytes) {
  At(PayerOf(sponsor)).external_bytes += delta_bytes;
  external_bytes_ += delta_bytes;
}

void Ledger::MarkBegan() { ++cycles_begun_; }

void Ledger::MarkEnded() { cycles_ended_ = cycles_begun_; }

void Ledger::Reassign(SponsorIndex from, SponsorIndex to) {
  to = PayerOf(to);
  VESICLE_CHECK_NE(from, to);
  At(std::max(from, to));  // may grow: before the references
  Account& a = At(from);
  Account& b = At(to);
  VESICLE_CHECK(!a.has_alias);
  Settle(a);
  Settle(b);
  b.old_bytes += a.old_bytes;
  if (a.young_epoch == young_epoch_) ChargeYoung(to, a.young_bytes);
  if (cycles_begun_ != cycles_ended_ && a.mark_cycle == cycles_begun_) {
    ChargeMarked(to, a.marked_bytes);
  }
  b.external_bytes += a.external_bytes;
  a = Account{};
  a.old_cycle = cycles_ended_;
  a.alias = to;
  a.has_alias = true;
  a.free_after_cycle = uint64_t{cycles_begun_} + 1;
}

bool Ledger::TryRecycle(SponsorIndex sponsor) {
  if (sponsor >= accounts_.size()) return false;
  Account& a = accounts_[sponsor];
  if (!a.has_alias || cycles_ended_ < a.free_after_cycle) return false;
  a = Account{};
  a.old_cycle = cycles_ended_;
  return true;
}

SponsorIndex Ledger::FollowAlias(SponsorIndex sponsor) const {
  while (accounts_[sponsor].has_alias) sponsor = accounts_[sponsor].alias;
  return sponsor;
}

}  // namespace vesicle
