#include "transport/newcomers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vesicle {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

}  // namespace

std::unique_ptr<Newcomers::Place> Newcomers::Arrive(std::string address,
                                                    absl::AnyInvocable<void(absl::Status)> evict) {
  if (!address.empty() && bounds_.per_address_max > 0) {
    const auto found = of_address_.find(address);
    if (found != of_address_.end() && found->second >= bounds_.per_address_max) {
      const auto oldest = std::find_if(waiting_.begin(), waiting_.end(),
                                       [&](const Entry& e) { return e.address == address; });
      Evict(oldest, absl::ResourceExhaustedError(
                        absl::StrCat("over ", bounds_.per_address_max, " connections from ",
                                     address, " have not said who they are: the oldest goes")));
    }
  }
  if (bounds_.total_max > 0 && waiting_.size() >= bounds_.total_max) {
    Evict(waiting_.begin(), absl::ResourceExhaustedError(absl::StrCat(
                                "over ", bounds_.total_max,
                                " connections have not said who they are: the oldest goes")));
  }
  if (!address.empty()) ++of_address_[address];
  const auto at = waiting_.insert(
      waiting_.end(), Entry{std::move(address), environment_.NowNs() + bounds_.ms_max * kNsPerMs,
                            std::move(evict), nullptr});
  auto place = std::make_unique<Place>(shared_from_this(), at);
  at->place = place.get();
  if (timer_ == nullptr) WatchOldest();
  return place;
}

void Newcomers::Remove(Entries::iterator at) {
  if (!at->address.empty()) {
    const auto found = of_address_.find(at->address);
    if (--found->second == 0) of_address_.erase(found);
  }
  waiting_.erase(at);
  if (waiting_.empty()) timer_.reset();
}

void Newcomers::Evict(Entries::iterator at, absl::Status why) {
  ++evicted_;
  // It leaves first: what it calls may destroy its place.
  absl::AnyInvocable<void(absl::Status)> evict = std::move(at->evict);
  const std::shared_ptr<Newcomers> self = std::exchange(at->place->newcomers_, nullptr);
  Remove(at);
  evict(std::move(why));
}

void Newcomers::WatchOldest() {
  timer_.reset();
  if (bounds_.ms_max <= 0 || waiting_.empty()) return;
  const int64_t left = std::max<int64_t>(waiting_.front().until_ns - environment_.NowNs(), 0);
  timer_ = environment_.After(left, [this] {
    const std::shared_ptr<Newcomers> self = shared_from_this();
    // The oldest may have left since: then it is early, and waits for the next.
    while (!waiting_.empty() && waiting_.front().until_ns <= environment_.NowNs()) {
      Evict(waiting_.begin(), absl::DeadlineExceededError(absl::StrCat(
                                  "did not say within ", bounds_.ms_max, " ms who it is")));
    }
    WatchOldest();
  });
}

}  // namespace vesicle
