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
// A sponsor that is *stopped* runs no turn any more, nor do its children: its events
// break with #stopped. What is left of its amounts, and what it holds, is its parent's.
//
// Ownership: Core owns every Sponsor; a parent outlives its children.
// Limits:    kSponsorsMax in a VM; kSponsorDepthMax deep.
#ifndef VESICLE_VM_ACTOR_SPONSOR_H_
#define VESICLE_VM_ACTOR_SPONSOR_H_

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "vm/actor/queue.h"
#include "vm/heap/object.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Schedule;

enum class Resource : uint8_t { kEvents, kMemory, kSteps };
inline constexpr int kResourceCount = 3;
inline constexpr int kSponsorsMax = 65'000;
inline constexpr int kSponsorDepthMax = 64;
// What a sponsor itself costs its parent: the record and a segment of queue.
inline constexpr int64_t kSponsorBytes = sizeof(Segment) + 512;
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
  // Of its events in inboxes: they come to the front of the queue when their actor's suspended turn
  // is over.
  int64_t bytes_in_inboxes = 0;
  // Of an account: what the queues that it pays for hold, in bytes.
  int64_t queues_bytes = 0;
  int64_t queue_bytes_charged = 0;
  // Its control ref (a kSponsorControl, which does not move and holds the keeper), nil for the
  // root's. Alive while there are events to pay for; otherwise whoever holds it keeps it.
  Value control;
  std::array<bool, kResourceCount> keeper_told = {};  // by resource, since it was dry of it
  bool dry = false;                                   // events wait for a refill
  Resource dry_of = Resource::kEvents;
  // What was left of it then, which was not enough.
  int64_t left_when_dry = 0;
  // How many boundaries had been cut when a search began that looked through its events, which
  // waited for a refill.
  uint64_t cuts_seen = 0;
  int turns_cut_short = 0;  // that it pays for, and that are not over
  bool stopped = false;
  // The order of its events is watched or imposed; null: it is not.
  Schedule* schedule = nullptr;
  bool is_held() const { return dry || stopped; }
  // Of an account without room: who waits for some, and the number of the collection that may find
  // it. All who draw on the account spend their slices on that until it is over.
  Sponsor* wants_room = nullptr;
  uint64_t waits_for_cycle = 0;
  // The collection for it is over, in this slice: what is not there now is not to be had.
  bool had_its_cycle = false;
  // Of an account: its bytes, and all bytes ever allocated, when a collection of everything found
  // no room in it. That stands until either has grown. Negative: there is none.
  int64_t bytes_when_spent = -1;
  uint64_t allocated_when_spent = 0;
  // The number of the cycle that finds what waits for promises on it, since it was stopped.
  uint64_t waits_end_at_cycle = 0;
  // Slices that it has had in advance: collections on its behalf that could not wait.
  int64_t slices_owed = 0;
  // Nobody holds its control ref any more: it goes when its queue is empty and its children went.
  bool orphaned = false;
  bool has_children() const { return first_child_ != nullptr; }

 private:
  friend class SponsorTree;
  // Where a sponsor stands in a ring of those who have work.
  struct Place {
    Sponsor* sponsor;
    Place* next = nullptr;
    Place* previous = nullptr;
    bool is_in() const { return next != nullptr; }
  };
  static constexpr size_t kNotBusy = SIZE_MAX;

  SponsorIndex index_;
  int depth_;
  Sponsor* parent_;
  std::array<Sponsor*, kResourceCount> account_;
  std::array<int64_t, kResourceCount> amount_;
  // In the order in which they came.
  Sponsor* first_child_ = nullptr;
  Sponsor* last_child_ = nullptr;
  Sponsor* next_sibling_ = nullptr;
  Sponsor* previous_sibling_ = nullptr;
  // Whose slice comes next: this sponsor (for its own queue) or a child. It is in the ring of its
  // parent when its own is not empty.
  Place* ready_ = nullptr;
  Place for_own_queue_{this};
  Place in_parents_ring_{this};
  size_t busy_at_ = kNotBusy;
};

// The sponsors of one VM and whose turn it is. Every level shares its time evenly
// between its own queue and the children that have work.
//
// Ownership: owns the Sponsors; index 0 is the root, and lives as long as the tree.
class SponsorTree {
 public:
  explicit SponsorTree(SegmentPool& pool);

  Sponsor& root() { return *sponsors_[0]; }
  // Null when kSponsorsMax or kSponsorDepthMax would be passed.
  Sponsor* Add(Sponsor& parent, Heap& heap);
  // Gives what is left back to its parent. Wants an empty queue and no children. kUndone: nothing
  // ever ran on it, so no object carries its index.
  enum class End : uint8_t { kGone, kUndone };
  void Remove(Sponsor& sponsor, Heap& heap, End end = End::kGone);
  // All below it, and it: fn(Sponsor&).
  template <typename Fn>
  void ForEachFrom(Sponsor& sponsor, Fn fn) {
    for (Sponsor* c = sponsor.first_child_; c != nullptr; c = c->next_sibling_) ForEachFrom(*c, fn);
    fn(sponsor);
  }
  // Stops it and all below it: each gives back what is left and draws on its parent from now on.
  // Hands every sponsor that was not stopped before to fn(Sponsor&).
  template <typename Fn>
  void Stop(Sponsor& sponsor, Heap& heap, Fn fn) {
    if (sponsor.stopped) return;
    for (Sponsor* c = sponsor.first_child_; c != nullptr; c = c->next_sibling_) Stop(*c, heap, fn);
    sponsor.stopped = true;
    sponsor.dry = false;
    GiveBack(sponsor);
    heap.Reassign(sponsor.index(), sponsor.parent()->AccountOf(Resource::kMemory).index());
    DrawOnParent(sponsor);
    fn(sponsor);
  }

  // Its queue has got an event: it is busy, and takes part if it is not dry.
  void MakeReady(Sponsor& sponsor);
  // The next to get a slice; null when nobody has work. Call Settle when its slice is over.
  Sponsor* Next();
  bool any_ready() { return root().ready_ != nullptr; }
  // Takes it out of the rotation if its queue is empty or it is dry.
  void Settle(Sponsor& sponsor);

  template <typename Fn>
  void ForEach(Fn fn) {
    for (auto& s : sponsors_) {
      if (s != nullptr) fn(*s);
    }
  }
  // The root, and all who have got an event since their queue was last found empty here. A
  // collection looks at these only.
  template <typename Fn>
  void ForEachBusy(Fn fn) {
    for (Sponsor* s : busy_) fn(*s);
  }
  // Those with an empty queue are busy no more, but for the root and `running`.
  void ForgetIdle(const Sponsor* running);

 private:
  using Place = Sponsor::Place;
  static void GiveBack(Sponsor& sponsor);
  static void DrawOnParent(Sponsor& sponsor);
  // At the end of the ring; out of it.
  static void Enter(Place*& ring, Place& place);
  static void Leave(Place*& ring, Place& place);
  void EndBusy(Sponsor& sponsor);

  SegmentPool& pool_;
  std::vector<std::unique_ptr<Sponsor>> sponsors_;  // by index; null: free
  std::vector<Sponsor*> busy_;
  std::deque<SponsorIndex> dead_;   // objects may still carry the index
  std::vector<SponsorIndex> free_;  // none does
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_SPONSOR_H_
