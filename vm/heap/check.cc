#include "vm/heap/check.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

namespace vesicle::check_internal {

void Fail(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

void OutOfMemory(const char* where) {
  std::fprintf(stderr, "vesicle: the system has no memory left, %s\n", where);
  std::fflush(stderr);
  std::abort();
}

void FailSigned(const char* file, int line, const char* condition, int64_t a, int64_t b) {
  std::fprintf(stderr, "%s:%d: check failed: %s (%" PRId64 " against %" PRId64 ")\n", file, line,
               condition, a, b);
  std::fflush(stderr);
  std::abort();
}

void FailUnsigned(const char* file, int line, const char* condition, uint64_t a, uint64_t b) {
  std::fprintf(stderr, "%s:%d: check failed: %s (%" PRIu64 " against %" PRIu64 ")\n", file, line,
               condition, a, b);
  std::fflush(stderr);
  std::abort();
}

}  // namespace vesicle::check_internal
