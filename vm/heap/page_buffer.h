// PageBuffer: memory for what may become large, such as a stack. Once it is large it
// grows by giving its pages another address: nothing is copied, and pages that were
// never used take no memory.
//
// Ownership: owns its memory, which moves when it grows.
// Threads:   its owner's only.
//
//   PageBuffer buffer;
//   if (!buffer.Grow(1 << 20, 0)) ...                // no memory for it: as it was
#ifndef VESICLE_VM_HEAP_PAGE_BUFFER_H_
#define VESICLE_VM_HEAP_PAGE_BUFFER_H_

#include <cstddef>
#include <utility>

namespace vesicle {

class PageBuffer {
 public:
  PageBuffer() = default;
  ~PageBuffer() { Free(); }
  PageBuffer(PageBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  PageBuffer& operator=(PageBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  // To at least `bytes`; what comes after the first `used` bytes is undefined afterwards. False,
  // and nothing changes, when the system has no memory.
  bool Grow(size_t bytes, size_t used);

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  // Below it a copy is cheaper than a call of the system.
  static constexpr size_t kMappedFrom = size_t{64} << 10;
  bool is_mapped() const { return bytes_ >= kMappedFrom; }
  void Free();

  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace vesicle

#endif  // VESICLE_VM_HEAP_PAGE_BUFFER_H_
