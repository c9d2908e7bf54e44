// Newcomers: accepted connections of which nobody knows yet who they are. They are few: over
// the bound in all, or from one address, the oldest goes; and none stays longer than its time.
// So somebody who opens connections and says nothing takes a place from his like, and costs a
// bounded number of descriptors, while who speaks at once gets through.
//
// Ownership: shared between a listener and the places it gave out, which may outlive it.
// Threads:   one.
// Limits:    Bounds. Arrive() looks at no more than total_max places.
//
//   auto newcomers = std::make_shared<Newcomers>(environment, Newcomers::Bounds{...});
//   place_ = newcomers->Arrive("10.0.0.1", [this](absl::Status why) { Lost(why); });
//   place_.reset();                  // it is known, or gone
#ifndef VESICLE_TRANSPORT_NEWCOMERS_H_
#define VESICLE_TRANSPORT_NEWCOMERS_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "transport/environment.h"

namespace vesicle {

class Newcomers : public std::enable_shared_from_this<Newcomers> {
 public:
  struct Bounds {  // 0: none
    size_t total_max;
    size_t per_address_max;
    int64_t ms_max;
  };
  // Destroying it gives the place back.
  class Place;

  Newcomers(Environment& environment, const Bounds& bounds)
      : environment_(environment), bounds_(bounds) {}

  // `evict` is called at most once, while the place is held, and may give it back. An empty
  // address has no bound of its own.
  std::unique_ptr<Place> Arrive(std::string address, absl::AnyInvocable<void(absl::Status)> evict);
  size_t size() const { return waiting_.size(); }
  uint64_t evicted() const { return evicted_; }

 private:
  struct Entry {
    std::string address;
    int64_t until_ns;
    absl::AnyInvocable<void(absl::Status)> evict;
    Place* place;
  };
  using Entries = std::list<Entry>;  // the oldest first

  void Remove(Entries::iterator at);
  void Evict(Entries::iterator at, absl::Status why);
  void WatchOldest();

  Environment& environment_;
  Bounds bounds_;
  Entries waiting_;
  absl::flat_hash_map<std::string, size_t> of_address_;
  uint64_t evicted_ = 0;
  std::unique_ptr<Environment::Timer> timer_;  // runs while somebody waits
};

class Newcomers::Place {
 public:
  Place(std::shared_ptr<Newcomers> newcomers, Entries::iterator at)
      : newcomers_(std::move(newcomers)), at_(at) {}
  ~Place() {
    if (newcomers_ != nullptr) newcomers_->Remove(at_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  friend class Newcomers;
  std::shared_ptr<Newcomers> newcomers_;  // null: evicted
  Entries::iterator at_;
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_NEWCOMERS_H_
