// Counts what `new` gives out. Alone in its file: whoever sees both halves of it warns of a `free`
// that is not a `delete`.
#include <malloc.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {
std::atomic<int64_t> allocated_bytes{0};
std::atomic<int64_t> allocated_peak{0};
}  // namespace

void* operator new(size_t n) {
  void* p = std::malloc(n);
  if (p == nullptr) throw std::bad_alloc();
  const int64_t now = allocated_bytes += static_cast<int64_t>(malloc_usable_size(p));
  if (now > allocated_peak) allocated_peak = now;
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

namespace vesicle::captp_testing {

int64_t AllocatedNow();
int64_t AllocatedPeak();
void ResetPeak();

int64_t AllocatedNow() { return allocated_bytes; }
int64_t AllocatedPeak() { return allocated_peak; }
void ResetPeak() { allocated_peak = allocated_bytes.load(); }

}  // namespace vesicle::captp_testing
