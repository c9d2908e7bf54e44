// Lane: batches of bytes from one thread to another, without a lock: a ring of buffers, of which
// the sender fills the one and the receiver reads the other. Buffers stay in the ring, so a
// lane that runs allocates nothing.
//
// The law: batches come whole, once, in the order of Push. An end comes behind them; a reset may
// overtake them.
//
// Ownership: shared by its two sides; what Front() gives is the receiver's until Pop().
// Threads:   Push, SetEnd and has_room are the sender's, Front, Pop and end the receiver's: one
//            thread each.
// Limits:    kBatches in the ring, and kBytesMax, over which at most one batch goes; a buffer that
//            became larger than kKeepBytes is let go.
//
//   if (!lane.Push(bytes)) ...                       // full: later, when has_room()
//   while (const std::string* batch = lane.Front()) { Use(*batch); lane.Pop(); }
#ifndef VESICLE_TRANSPORT_HOST_LANE_H_
#define VESICLE_TRANSPORT_HOST_LANE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vesicle {

class Lane {
 public:
  static constexpr size_t kBatches = 64;
  static constexpr uint64_t kBytesMax = uint64_t{4} << 20;
  static constexpr size_t kKeepBytes = size_t{256} << 10;
  enum class End : uint8_t { kNone, kInOrder, kReset };

  Lane() = default;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // --- the sender's
  // False: it is full, and nothing was taken.
  bool Push(std::string_view bytes) {
    if (!has_room()) return false;
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    ring_[tail % kBatches].assign(bytes);
    pushed_bytes_ += bytes.size();
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  bool has_room() {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    const auto fits = [&] {
      return tail - head_seen_ < kBatches && pushed_bytes_ - popped_seen_ < kBytesMax;
    };
    if (fits()) return true;
    head_seen_ = head_.load(std::memory_order_acquire);
    popped_seen_ = popped_bytes_.load(std::memory_order_relaxed);  // at least up to that head
    return fits();
  }
  // The last word, or a worse one behind it.
  void SetEnd(End end) { end_.store(end, std::memory_order_release); }

  // --- the receiver's
  // The next batch; null: none is there.
  const std::string* Front() {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) return nullptr;
    }
    return &ring_[head % kBatches];
  }
  // Wants Front().
  void Pop() {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    std::string& batch = ring_[head % kBatches];
    const uint64_t popped = popped_bytes_.load(std::memory_order_relaxed) + batch.size();
    popped_bytes_.store(popped, std::memory_order_relaxed);
    if (batch.capacity() > kKeepBytes) std::string().swap(batch);
    head_.store(head + 1, std::memory_order_release);
  }
  // What was pushed before is there when this says kInOrder: ask it before Front().
  End end() const { return end_.load(std::memory_order_acquire); }

 private:
  static constexpr size_t kCacheLine = 64;

  alignas(kCacheLine) std::atomic<uint64_t> tail_ = 0;
  // By the sender.
  uint64_t head_seen_ = 0;
  uint64_t pushed_bytes_ = 0;
  uint64_t popped_seen_ = 0;
  alignas(kCacheLine) std::atomic<uint64_t> head_ = 0;
  std::atomic<uint64_t> popped_bytes_ = 0;
  uint64_t tail_seen_ = 0;  // by the receiver
  alignas(kCacheLine) std::atomic<End> end_ = End::kNone;
  std::array<std::string, kBatches> ring_;
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_HOST_LANE_H_
