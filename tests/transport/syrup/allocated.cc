// Counts what `new` gives out. Alone in its file: whoever sees both halves of it warns of a `free`
// that is not a `delete`.
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/transport/syrup/world.h"

namespace {
std::atomic<int64_t> allocated_bytes{0};
std::atomic<int64_t> allocated_times{0};
}  // namespace

void* operator new(size_t n) {
  void* p = std::malloc(n);
  if (p == nullptr) throw std::bad_alloc();
  allocated_bytes += static_cast<int64_t>(malloc_usable_size(p));
  ++allocated_times;
  return p;
}
void* operator new(size_t n, const std::nothrow_t&) noexcept {
  try {
    return operator new(n);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* p) noexcept {
  if (p != nullptr) allocated_bytes -= static_cast<int64_t>(malloc_usable_size(p));
  std::free(p);
}
void operator delete(void* p, size_t) noexcept { operator delete(p); }

namespace vesicle::syrup {

Allocated AllocatedNow() { return {allocated_bytes, allocated_times}; }

}  // namespace vesicle::syrup
