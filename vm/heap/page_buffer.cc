#include "vm/heap/page_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

namespace vesicle {
namespace {
constexpr size_t kPageBytes = 4096;
}  // namespace

bool PageBuffer::Grow(size_t bytes, size_t used) {
  if (bytes >= kMappedFrom) bytes = (bytes + kPageBytes - 1) & ~(kPageBytes - 1);
  void* p = nullptr;
  if (is_mapped()) {
    p = mremap(data_, bytes_, bytes, MREMAP_MAYMOVE);
    if (p == MAP_FAILED) return false;
  } else {
    if (bytes >= kMappedFrom) {
      p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (p == MAP_FAILED) return false;
    } else {
      p = std::malloc(bytes);
      if (p == nullptr) return false;
    }
    if (used > 0) std::memcpy(p, data_, used);
    Free();
  }
  data_ = p;
  bytes_ = bytes;
  return true;
}

void PageBuffer::Free() {
  if (is_mapped()) {
    munmap(data_, bytes_);
  } else {
    std::free(data_);
  }
  data_ = nullptr;
  bytes_ = 0;
}

}  // namespace vesicle
