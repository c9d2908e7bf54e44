// Sponsor: a budget of events, memory and steps, and the queue of events it pays for.
//
// A turn runs on its event's sponsor, always: what it sends, creates, allocates and
// computes is charged there. Sponsors form a tree. A child's amounts are split off
// its parent's; a resource for which the child has no amount of its own is drawn
// from the nearest ancestor that has one. A child shares its parent's slice of time.
//
// When an account is empty the sponsor is *dry*: its events wait (they are parked
// before their turns begin) and its keeper is told once; a refill sets them going.
// Without a keeper such an event faults with #quota(which).
//
// Ownership: Core owns every Sponsor; a parent outlives its children.
// Limits:    kSponsorsMax in a VM; kSponsorDepthMax deep.
#ifndef VESICLE_VM_ACTOR_SPONSOR_H_
#define VESICLE_VM_ACTOR_SPONSOR_H_

#include <array>
#include <cstdint>
#include <vector>

#include "vm/actor/queue.h"
#include "vm/heap/object.h"

namespace vesicle {

enum class Resource : uint8_t { kEvents, kMemory, kSteps };
inline constexpr int kResourceCount = 3;
inline constexpr int kSponsorsMax = 65'000;
inline constexpr int kSponsorDepthMax = 64;
inline constexpr int64_t kUnlimited = INT64_MAX / 4;

// "events", "memory", "steps": the symbol inside #quota(which).
const char* ResourceName(Resource resource);

class Sponsor {
 public:
  Sponsor(SponsorIndex index, Sponsor* parent, SegmentPool& pool);

  SponsorIndex index() const { return index_; }
  Sponsor* parent() const { return parent_; }
  int depth() const { return depth_; }

  // The sponsor whose amount pays for `r` here: this one, or an ancestor.
  Sponsor& AccountOf(Resource r) { return *account_[static_cast<int>(r)]; }
  bool HasOwn(Resource r) const { return account_[static_cast<int>(r)] == this; }
  // Events and steps: what is left. Memory: the limit; what is used is the heap's to say.
  int64_t amount(Resource r) const { return amount_[static_cast<int>(r)]; }
  void Grant(Resource r, int64_t amount);  // makes it an own account; adds
  void Spend(Resource r, int64_t amount) {
    Sponsor& account = AccountOf(r);
    account.amount_[static_cast<int>(r)] -= amount;
  }

  EventQueue queue;
  // The actor to ask for more, or nil; a root of the collector.
  Value keeper;
  bool keeper_told = false;
  bool dry = false;       // events wait for a refill
  bool closed = false;    // its control ref closed it: events are dropped with #stopped
  bool runnable = false;  // in its parent's rotation, or has work below
  Resource dry_of = Resource::kEvents;
  std::vector<Sponsor*> children;
  size_t turn_of = 0;  // whose slice it is: 0 this sponsor's own queue, i+1 child i
  int64_t live_payers = 0;

 private:
  SponsorIndex index_;
  int depth_;
  Sponsor* parent_;
  std::array<Sponsor*, kResourceCount> account_;
  std::array<int64_t, kResourceCount> amount_;
};

}  // namespace vesicle

#endif  // VESICLE_VM_ACTOR_SPONSOR_H_
