// BufferPool keeps emptied buffers for the next who needs one, so that a connection has a
// buffer while bytes are under way and none while it is idle, and neither costs an allocation.
//
// Ownership: a buffer belongs to who took it.
// Threads:   one.
// Limits:    keeps at most kept_bytes_max in all; a larger buffer, and what is over, is freed.
//
//   std::string buffer = pool.Take();   // empty
//   ...
//   pool.Give(std::move(buffer));
#ifndef VESICLE_TRANSPORT_BUFFER_POOL_H_
#define VESICLE_TRANSPORT_BUFFER_POOL_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)
namespace vesicle {

class BufferPool {
 public:
  static constexpr size_t kNewBytes = size_t{1} << 10;  // capacity of a new one

  explicit BufferPool(size_t kept_bytes_max = size_t{256} << 10)
      : kept_bytes_max_(kept_bytes_max) {}

  std::string Take() {
    if (kept_.empty()) {
      std::string fresh;
      fresh.reserve(kNewBytes);
      return fresh;
    }
    std::string buffer = std::move(kept_.back());
    kept_.pop_back();
    kept_bytes_ -= buffer.capacity();
    return buffer;
  }

  void Give(std::string&& buffer) {
    std::string mine = std::move(buffer);
    if (mine.capacity() < kNewBytes || kept_bytes_ + mine.capacity() > kept_bytes_max_) return;
    mine.clear();
    kept_bytes_ += mine.capacity();
    kept_.push_back(std::move(mine));
  }

  size_t kept_bytes() const { return kept_bytes_; }

 private:
  size_t kept_bytes_max_;
  size_t kept_bytes_ = 0;
  std::vector<std::string> kept_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_BUFFER_POOL_H_
