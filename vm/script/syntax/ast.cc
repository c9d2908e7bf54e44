#include "vm/script/syntax/ast.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace vesicle {
namespace {

// Chunks grow from the first to the second, so that a small module stays small.
constexpr size_t kChunkBytesFirst = size_t{4} << 10;
constexpr size_t kChunkBytesMax = size_t{256} << 10;

}  // namespace

std::string_view Spelling(BinaryOp op) {
  static constexpr std::string_view kSpellings[] = {
      "or", "and", "==", "!=", "<", "<=", ">", ">=", "..", "++", "+", "-", "*", "/", "%", "**"};
  static_assert(std::size(kSpellings) == static_cast<size_t>(BinaryOp::kPower) + 1);
  return kSpellings[static_cast<size_t>(op)];
}

void* Arena::Allocate(size_t bytes, size_t alignment) {
  size_t pad = (alignment - reinterpret_cast<uintptr_t>(next_) % alignment) % alignment;
  if (next_ == nullptr || left_ < pad + bytes) {
    const size_t wanted = std::clamp(bytes_, kChunkBytesFirst, kChunkBytesMax);
    const size_t chunk = std::max(wanted, bytes + alignment);
    // Not value-initialized: a page that is never used is never touched.
    chunks_.push_back(std::unique_ptr<std::byte[]>(new std::byte[chunk]));
    next_ = chunks_.back().get();
    left_ = chunk;
    bytes_ += chunk;
    pad = (alignment - reinterpret_cast<uintptr_t>(next_) % alignment) % alignment;
  }
  std::byte* result = next_ + pad;
  next_ = result + bytes;
  left_ -= pad + bytes;
  return result;
}

std::string_view Arena::CopyText(std::string_view text) {
  if (text.empty()) return {};
  char* to = static_cast<char*>(Allocate(text.size(), 1));
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

}  // namespace vesicle
