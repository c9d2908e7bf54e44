// ExternalBytes: C++ memory that a sponsor pays for while this lives. The payer is
// whoever ran when it first grew.
//
//   ExternalBytes held(heap);
//   held.Set(output.capacity());      // again whenever that changes much
#ifndef VESICLE_VM_HEAP_EXTERNAL_BYTES_H_
#define VESICLE_VM_HEAP_EXTERNAL_BYTES_H_

#include <cstdint>
#include <utility>

#include "vm/heap/heap.h"

#pragma GCC visibility push(default)
namespace vesicle {

class ExternalBytes {
 public:
  explicit ExternalBytes(Heap& heap, uint64_t bytes = 0) : heap_(&heap) { Set(bytes); }
  ~ExternalBytes() { Set(0); }
  ExternalBytes(ExternalBytes&& other) noexcept
      : heap_(other.heap_), payer_(other.payer_), bytes_(std::exchange(other.bytes_, 0)) {}
  ExternalBytes(const ExternalBytes&) = delete;
  ExternalBytes& operator=(const ExternalBytes&) = delete;

  uint64_t bytes() const { return bytes_; }
  void Set(uint64_t bytes) {
    if (bytes == bytes_) return;
    if (bytes_ == 0) payer_ = heap_->sponsor();
    heap_->ChargeExternal(payer_, static_cast<int64_t>(bytes) - static_cast<int64_t>(bytes_));
    bytes_ = bytes;
  }

 private:
  Heap* heap_;
  SponsorIndex payer_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_HEAP_EXTERNAL_BYTES_H_
