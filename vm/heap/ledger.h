// Ledger: how many bytes of the heap each sponsor pays for.
//
// A balance is what was live at the last mark cycle, plus what was allocated
// since. Young bytes are charged gross and corrected to what survived by the
// next young collection; old bytes are corrected by the next mark cycle. No
// step here is proportional to the number of sponsors: a stale figure is known
// by the number of the epoch it was written in, and put right when it is used.
//
// A sponsor that is gone is given an alias: its objects are re-charged when the
// collector meets them. Its index may be used again once a whole mark cycle has
// run since (TryRecycle).
//
// Part of the heap (heap.h); bytes are sizes of objects, headers included.
#ifndef VESICLE_VM_HEAP_LEDGER_H_
#define VESICLE_VM_HEAP_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vm/heap/object.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Ledger {
 public:
  // Young bytes allocated on `sponsor` (gross).
  void ChargeYoung(SponsorIndex sponsor, uint64_t bytes) {
    if (bytes == 0) return;
    Account& a = At(sponsor);
    if (a.young_epoch != young_epoch_) {
      a.young_epoch = young_epoch_;
      a.young_bytes = 0;
    }
    a.young_bytes += bytes;
  }
  // An object that came to be in the old space; `black`: it counts as marked, too.
  void ChargeOld(SponsorIndex sponsor, uint64_t bytes, bool black);
  // An object that the running mark has reached.
  void ChargeMarked(SponsorIndex sponsor, uint64_t bytes);
  void ChargeExternal(SponsorIndex sponsor, int64_t delta_bytes);

  // The young space is empty: what was charged for it is void.
  void YoungEmptied() { ++young_epoch_; }
  void MarkBegan();
  void MarkEnded();

  uint64_t BytesOf(SponsorIndex sponsor) const {
    if (sponsor >= accounts_.size()) return 0;
    const Account& a = accounts_[sponsor];
    int64_t sum = static_cast<int64_t>(OldBytesOf(a)) + a.external_bytes;
    if (a.young_epoch == young_epoch_) sum += static_cast<int64_t>(a.young_bytes);
    return sum > 0 ? static_cast<uint64_t>(sum) : 0;
  }
  int64_t external_bytes() const { return external_bytes_; }

  void Reassign(SponsorIndex from, SponsorIndex to);
  bool TryRecycle(SponsorIndex sponsor);
  // Who pays now for an object that carries `sponsor`.
  SponsorIndex PayerOf(SponsorIndex sponsor) const {
    return sponsor < accounts_.size() && accounts_[sponsor].has_alias ? FollowAlias(sponsor)
                                                                      : sponsor;
  }

 private:
  struct Account {
    uint64_t old_bytes = 0;     // as of cycle old_cycle
    uint64_t young_bytes = 0;   // of epoch young_epoch
    uint64_t marked_bytes = 0;  // counted by cycle mark_cycle
    int64_t external_bytes = 0;
    uint64_t free_after_cycle = 0;  // with an alias: no object carries the index after it
    uint32_t old_cycle = 0;
    uint32_t young_epoch = 0;
    uint32_t mark_cycle = 0;
    SponsorIndex alias = 0;
    bool has_alias = false;
  };

  Account& At(SponsorIndex sponsor) {
    if (sponsor >= accounts_.size()) Grow(sponsor);
    return accounts_[sponsor];
  }
  void Grow(SponsorIndex sponsor);
  // Of the last cycle that ended.
  uint64_t OldBytesOf(const Account& a) const {
    if (a.old_cycle == cycles_ended_) return a.old_bytes;
    return a.mark_cycle == cycles_ended_ ? a.marked_bytes : 0;
  }
  void Settle(Account& a) const {
    a.old_bytes = OldBytesOf(a);
    a.old_cycle = cycles_ended_;
  }
  SponsorIndex FollowAlias(SponsorIndex sponsor) const;

  std::vector<Account> accounts_;
  int64_t external_bytes_ = 0;
  uint32_t young_epoch_ = 1;
  uint32_t cycles_begun_ = 0;
  uint32_t cycles_ended_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_HEAP_LEDGER_H_
