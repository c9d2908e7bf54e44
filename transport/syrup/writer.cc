#include "transport/syrup/writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "vm/heap/check.h"

namespace vesicle::syrup {
namespace {

constexpr size_t kFirstCapacity = 256;
// A buffer that became larger than this is let go by Clear().
constexpr size_t kKeepBytes = size_t{256} << 10;
constexpr size_t kInt64Chars = 20;
constexpr uint64_t kOneNaN = 0x7ff8000000000000;

// 00 01 .. 99
constexpr auto kTwoDigits = [] {
  std::array<char, 200> digits{};
  for (size_t i = 0; i < 100; ++i) {
    digits[2 * i] = static_cast<char>('0' + i / 10);
    digits[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return digits;
}();

size_t DigitsOf(uint64_t n) {
  size_t digits = 1;
  for (; n >= 10'000; n /= 10'000) digits += 4;
  return digits + (n >= 10) + (n >= 100) + (n >= 1000);
}

}  // namespace

Writer::Writer(const Limits& limits) : limits_(limits) {
  limits_.message_bytes_max = std::min(limits_.message_bytes_max, kMessageBytesMax);
  BeginMessage();
}

Writer::~Writer() { std::free(buffer_); }

void Writer::Reserve(size_t capacity) {
  char* const grown = static_cast<char*>(std::realloc(buffer_, capacity));
  if (grown == nullptr) check_internal::OutOfMemory("syrup::Writer");
  at_ = grown + size();
  buffer_ = grown;
  capacity_ = capacity;
}

void Writer::SetStop() {
  const size_t message_end = message_begin_ + limits_.message_bytes_max;
  stop_ = buffer_ + (error_.ok() ? std::min(capacity_, message_end) : size());
}

char* Writer::Grow(size_t n) {
  if (!error_.ok()) return nullptr;
  if (n > limits_.message_bytes_max - message_size()) {
    Fail(Wrong::kTooLong, limits_.message_bytes_max);
    return nullptr;
  }
  const size_t wanted = size() + n;
  Reserve(std::max({wanted, 2 * capacity_, kFirstCapacity}));
  SetStop();
  char* const p = at_;
  at_ += n;
  return p;
}

void Writer::Fail(Wrong wrong, uint32_t limit) {
  if (error_.ok()) error_ = {wrong, limit, message_size()};
  SetStop();
}

void Writer::BeginMessage() {
  message_begin_ = size();
  items_left_ = limits_.items_max;
  depth_left_ = limits_.depth_max;
  error_ = {};
  keys_.clear();
  unsorted_.clear();
  SetStop();
}

bool Writer::EndMessage(Framing framing) {
  if (!error_.ok()) {
    at_ = buffer_ + message_begin_;
    return false;
  }
  VESICLE_DCHECK(depth_left_ == limits_.depth_max);
  if (framing == Framing::kNetstring) {
    char prefix[kInt64Chars + 1];
    const size_t n = message_size();
    char* const prefix_end = std::to_chars(prefix, prefix + kInt64Chars, n).ptr;
    *prefix_end = ':';
    const size_t prefix_size = static_cast<size_t>(prefix_end + 1 - prefix);
    if (capacity_ - size() < prefix_size) Reserve(std::max(size() + prefix_size, 2 * capacity_));
    char* const message = buffer_ + message_begin_;
    std::memmove(message + prefix_size, message, n);
    std::memcpy(message, prefix, prefix_size);
    at_ += prefix_size;
  }
  BeginMessage();
  return true;
}

void Writer::Clear() {
  if (capacity_ > kKeepBytes) {
    std::free(buffer_);
    buffer_ = nullptr;
    capacity_ = 0;
  }
  at_ = buffer_;
  BeginMessage();
}

void Writer::Rest() {
  VESICLE_DCHECK(size() == 0);
  std::free(buffer_);
  buffer_ = at_ = nullptr;
  capacity_ = 0;
  std::vector<KeyAt>().swap(keys_);
  std::vector<Unsorted>().swap(unsorted_);
  std::string().swap(scratch_);
  BeginMessage();
}

void Writer::Rewind(const Mark& mark) {
  at_ = buffer_ + mark.size;
  items_left_ = mark.items_left;
  depth_left_ = mark.depth_left;
  error_ = mark.error;
  SetStop();
}

void Writer::Int(int64_t i) {
  if (!Count()) return;
  uint64_t n = i < 0 ? -static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
  const size_t digits = DigitsOf(n);
  if (digits > limits_.int_digits_max) return Fail(Wrong::kIntTooLong, limits_.int_digits_max);
  char* const p = Room(digits + 1);
  if (p == nullptr) return;
  char* at = p + digits;
  *at = i < 0 ? '-' : '+';
  for (; n >= 100; n /= 100) std::memcpy(at -= 2, &kTwoDigits[2 * (n % 100)], 2);
  if (n >= 10) {
    std::memcpy(p, &kTwoDigits[2 * n], 2);
  } else {
    *p = static_cast<char>('0' + n);
  }
}

void Writer::BigInt(std::string_view digits, bool is_negative) {
  if (!Count()) return;
  if (digits.size() > limits_.int_digits_max) {
    return Fail(Wrong::kIntTooLong, limits_.int_digits_max);
  }
  char* const p = Room(digits.size() + 1);
  if (p == nullptr) return;
  std::memcpy(p, digits.data(), digits.size());
  p[digits.size()] = is_negative ? '-' : '+';
}

void Writer::Float(double d) {
  if (!Count()) return;
  char* const p = Room(9);
  if (p == nullptr) return;
  const uint64_t bits = __builtin_bswap64(std::isnan(d) ? kOneNaN : std::bit_cast<uint64_t>(d));
  *p = 'D';
  std::memcpy(p + 1, &bits, sizeof bits);
}

void Writer::LongPayload(char kind, std::string_view bytes) {
  char prefix[kInt64Chars + 1];
  char* const end = std::to_chars(prefix, prefix + kInt64Chars, bytes.size()).ptr;
  *end = kind;
  const size_t prefix_size = static_cast<size_t>(end + 1 - prefix);
  if (bytes.size() > limits_.message_bytes_max) {
    return Fail(Wrong::kTooLong, limits_.message_bytes_max);
  }
  char* const p = Room(prefix_size + bytes.size());
  if (p == nullptr) return;
  std::memcpy(p, prefix, prefix_size);
  std::memcpy(p + prefix_size, bytes.data(), bytes.size());
}

void Writer::Encoded(std::string_view syrup, uint32_t items, uint32_t depth) {
  if (depth > depth_left_) return Fail(Wrong::kTooDeep, limits_.depth_max);
  if (items > items_left_) return Fail(Wrong::kTooMany, limits_.items_max);
  items_left_ -= items;
  if (char* p = Room(syrup.size())) std::memcpy(p, syrup.data(), syrup.size());
}

void Writer::BeginUnsorted() {
  BeginDict();
  unsorted_.push_back({keys_.size()});
}

void Writer::Key(std::string_view text) {
  const size_t begin = size();
  Text(text);
  keys_.push_back({begin, size()});
}

void Writer::EndUnsorted() {
  const size_t first = unsorted_.back().keys;
  unsorted_.pop_back();
  const auto less = [this](const KeyAt& a, const KeyAt& b) { return KeyBytes(a) < KeyBytes(b); };
  const auto begin = keys_.begin() + static_cast<ptrdiff_t>(first);
  if (error_.ok() && !std::is_sorted(begin, keys_.end(), less)) {
    // Entries are moved in their new order by way of the scratch.
    const size_t from = begin->begin;
    std::vector<KeyAt> sorted(begin, keys_.end());
    const auto entry_end = [&](const KeyAt& key) {
      const auto next =
          std::upper_bound(begin, keys_.end(), key,
                           [](const KeyAt& a, const KeyAt& b) { return a.begin < b.begin; });
      return next == keys_.end() ? size() : next->begin;
    };
    std::sort(sorted.begin(), sorted.end(), less);
    scratch_.clear();
    for (KeyAt& key : sorted) {
      const size_t moved_to = from + scratch_.size();
      scratch_.append(buffer_ + key.begin, entry_end(key) - key.begin);
      key = {moved_to, moved_to + (key.end - key.begin)};
    }
    std::memcpy(buffer_ + from, scratch_.data(), scratch_.size());
    std::copy(sorted.begin(), sorted.end(), begin);
    if (scratch_.capacity() > kKeepBytes) std::string().swap(scratch_);
  }
  if (error_.ok()) {
    const auto twice = std::adjacent_find(
        begin, keys_.end(),
        [this](const KeyAt& a, const KeyAt& b) { return KeyBytes(a) == KeyBytes(b); });
    if (twice != keys_.end()) Fail(Wrong::kKeyTwice);
  }
  keys_.resize(first);
  EndDict();
}

}  // namespace vesicle::syrup
