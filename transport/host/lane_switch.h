// LaneSwitch: who is there, of the VMs of one process, and how each is woken. A VM has a
// LaneMailbox here, by its name, as long as its LaneTransport lives; others find it, leave
// lines to be accepted in it, and knock when there is something on a lane.
//
// One knock for each batch: a VM that is awake looks at its lanes by itself, once in a round of its
// loop, so who knocks writes to the system only when that VM sleeps.
//
// Ownership: the switch outlives the transports; mailboxes are shared by all who know them.
// Threads:   any, all of it.
//
//   LaneSwitch lanes;
//   LaneTransport transport(environment, lanes, "vm0");
#ifndef VESICLE_TRANSPORT_HOST_LANE_SWITCH_H_
#define VESICLE_TRANSPORT_HOST_LANE_SWITCH_H_

#include <uv.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "transport/host/lane.h"

namespace vesicle {

class LaneMailbox;

// A line between two VMs; side 0 dialled.
struct LaneLine {
  enum class State : uint8_t { kDialled, kAccepted, kRefused };
  std::atomic<State> state = State::kDialled;
  std::array<Lane, 2> lanes;                              // by who sends
  std::array<std::shared_ptr<LaneMailbox>, 2> mailboxes;  // by whose it is
  std::array<std::string, 2> names;
  // That side reads nothing any more.
  std::array<std::atomic<bool>, 2> is_gone = {false, false};
  // That side found its lane full.
  std::array<std::atomic<bool>, 2> wants_room = {false, false};
};

class LaneMailbox {
 public:
  // There is something for the owner: on a lane, or here.
  void Knock() {
    knocks_.fetch_add(1, std::memory_order_seq_cst);
    if (!is_asleep_.load(std::memory_order_seq_cst)) return;
    if (is_asleep_.exchange(false, std::memory_order_seq_cst)) Rouse();
  }
  // A line to be accepted. False: nobody is there any more.
  bool Leave(std::shared_ptr<LaneLine> line) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (wake_ == nullptr) return false;
      lines_.push_back(std::move(line));
    }
    Knock();
    return true;
  }

  // --- the owner's
  // `wake`: for who sleeps in its loop; null: it is gone.
  void SetWake(uv_async_t* wake) {
    const std::lock_guard<std::mutex> lock(mutex_);
    wake_ = wake;
  }
  std::vector<std::shared_ptr<LaneLine>> TakeLines() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(lines_, {});
  }
  uint64_t knocks() const { return knocks_.load(std::memory_order_seq_cst); }
  void SetAsleep(bool asleep) { is_asleep_.store(asleep, std::memory_order_seq_cst); }
  // All that came before knock number `knocks` was taken.
  void SetTaken(uint64_t knocks) { taken_.store(knocks, std::memory_order_release); }

  // Nothing is here that its owner has not taken. For whoever knows that it does not run.
  bool is_empty() const { return taken_.load(std::memory_order_acquire) == knocks(); }

 private:
  void Rouse() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (wake_ != nullptr) uv_async_send(wake_);
  }

  static constexpr size_t kCacheLine = 64;
  alignas(kCacheLine) std::atomic<uint64_t> knocks_ = 0;
  std::atomic<bool> is_asleep_ = false;
  alignas(kCacheLine) std::atomic<uint64_t> taken_ = 0;
  std::mutex mutex_;
  uv_async_t* wake_ = nullptr;
  std::vector<std::shared_ptr<LaneLine>> lines_;
};

class LaneSwitch {
 public:
  // Null: that name is taken.
  std::shared_ptr<LaneMailbox> Add(const std::string& name) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::shared_ptr<LaneMailbox>& mailbox = mailboxes_[name];
    if (mailbox != nullptr) return nullptr;
    mailbox = std::make_shared<LaneMailbox>();
    return mailbox;
  }
  void Remove(const std::string& name) {
    const std::lock_guard<std::mutex> lock(mutex_);
    mailboxes_.erase(name);
  }
  // Null: nobody has it.
  std::shared_ptr<LaneMailbox> Find(const std::string& name) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto at = mailboxes_.find(name);
    return at == mailboxes_.end() ? nullptr : at->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<LaneMailbox>> mailboxes_;
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_HOST_LANE_SWITCH_H_
