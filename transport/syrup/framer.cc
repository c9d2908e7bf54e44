#include "transport/syrup/framer.h"

#include <algorithm>

#include "vm/heap/check.h"

namespace vesicle::syrup {
namespace {

// A buffer that became larger than this is let go with its message.
constexpr size_t kKeepBytes = size_t{64} << 10;
// More than the digits of any length.
constexpr uint32_t kLengthDigitsMax = 40;
constexpr uint64_t kNumberMax = (UINT64_MAX - 9) / 10;

bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

Framer::Framer(const Limits& limits) : limits_(limits) {
  limits_.message_bytes_max = std::min(limits_.message_bytes_max, kMessageBytesMax);
}

void Framer::Add(std::string_view bytes) { input_ = bytes; }

const char* Framer::FailAt(const char* p, Wrong wrong, uint32_t limit) {
  error_ = {wrong, limit, prefix_ + size_ + static_cast<uint64_t>(p - scan_from_)};
  state_ = State::kError;
  return p;
}

// A value begins at p.
inline bool Framer::Count(const char* p) {
  if (items_ == limits_.items_max) [[unlikely]] {
    FailAt(p, Wrong::kTooMany, limits_.items_max);
    return false;
  }
  ++items_;
  return true;
}

// Digits, and what they are the number of. Errors are told where the number begins.
const char* Framer::ScanNumber(const char* p, const char* end) {
  const auto fail = [&](Wrong wrong, uint32_t limit = 0) {
    FailAt(p, wrong, limit);
    error_.at -= digits_;
    return p;
  };
  for (; p < end && IsDigit(*p); ++p) {
    if (digits_ == 1 && number_ == 0) return fail(Wrong::kLeadingZero);
    // Of a length the value is judged, when its end is there.
    if (digits_ >= std::max(limits_.int_digits_max, kLengthDigitsMax)) {
      return fail(Wrong::kIntTooLong, limits_.int_digits_max);
    }
    number_ = number_ > kNumberMax ? UINT64_MAX : 10 * number_ + static_cast<uint64_t>(*p - '0');
    ++digits_;
  }
  if (p == end) return p;
  switch (*p) {
    case '-':
      if (digits_ == 1 && number_ == 0) return fail(Wrong::kNegativeZero);
      [[fallthrough]];
    case '+':
      if (digits_ > limits_.int_digits_max) {
        return fail(Wrong::kIntTooLong, limits_.int_digits_max);
      }
      state_ = State::kValue;
      return p + 1;
    case ':':
    case '"':
    case '\'': {
      const uint64_t here = size_ + static_cast<uint64_t>(p + 1 - scan_from_);
      if (number_ > size_max_ - here) {
        return is_netstring_ ? fail(Wrong::kNetstring)
                             : fail(Wrong::kTooLong, limits_.message_bytes_max);
      }
      left_ = number_;
      state_ = State::kPayload;
      return p + 1;
    }
    default:
      return FailAt(p, Wrong::kUnexpectedByte);
  }
}

const char* Framer::Scan(const char* p, const char* end) {
  scan_from_ = p;
  for (;;) {
    switch (state_) {
      case State::kPayload: {
        const uint64_t n = std::min(left_, static_cast<uint64_t>(end - p));
        left_ -= n;
        p += n;
        if (left_ > 0) return p;
        state_ = State::kValue;
        break;
      }
      case State::kNumber:
        p = ScanNumber(p, end);
        if (state_ == State::kError || p == end) return p;
        break;
      case State::kFirst:
        if (p == end) return p;
        if (*p != '<') return FailAt(p, Wrong::kNetstring);
        state_ = State::kValue;
        break;
      default:
        p = ScanValues(p, end);
        if (state_ == State::kError || state_ == State::kBetween || p == end) return p;
    }
  }
}

// The hot half: values one behind the other, as long as each number and each payload is all there.
// It stops at the end of the message, at an error, and where State says what goes on.
const char* Framer::ScanValues(const char* p, const char* end) {
  // So few digits need no look at the limit of the word.
  constexpr ptrdiff_t kFewDigits = 9;
  while (p < end) {
    const char c = *p;
    if (IsDigit(c)) {
      if (!Count(p)) return p;
      const char* q = p + 1;
      const char* const few = end - p > kFewDigits ? p + kFewDigits : end;
      uint64_t n = static_cast<uint64_t>(c - '0');
      for (; q < few && IsDigit(*q); ++q) n = 10 * n + static_cast<uint64_t>(*q - '0');
      if (q < few && (c != '0' || q == p + 1)) {
        const char kind = *q++;
        const bool is_payload = kind == '\'' || kind == '"' || kind == ':';
        if (is_payload && n <= static_cast<uint64_t>(end - q)) {
          p = q + n;
          continue;
        }
        if (kind == '+' && q - p - 1 <= limits_.int_digits_max) {
          p = q;
          continue;
        }
      }
      state_ = State::kNumber;
      digits_ = 0;
      number_ = 0;
      return p;
    }
    switch (c) {
      case '>':
      case ']':
      case '}':
        if (open_.back() != c) return FailAt(p, Wrong::kWrongEnd);
        open_.pop_back();
        ++p;
        if (!open_.empty()) break;
        state_ = State::kBetween;
        return p;
      case '<':
      case '[':
      case '{':
        if (open_.size() == limits_.depth_max) {
          return FailAt(p, Wrong::kTooDeep, limits_.depth_max);
        }
        if (!Count(p)) return p;
        // The ends stand two behind the beginnings.
        open_.push_back(static_cast<char>(c + 2));
        ++p;
        break;
      case 't':
      case 'f':
        if (!Count(p)) return p;
        ++p;
        break;
      case 'D':
        if (!Count(p)) return p;
        left_ = 8;
        state_ = State::kPayload;
        return p + 1;
      case '#':
        return FailAt(p, Wrong::kSet);
      case 'F':
        return FailAt(p, Wrong::kSingleFloat);
      default:
        return FailAt(p, Wrong::kUnexpectedByte);
    }
  }
  return p;
}

Framer::Step Framer::GiveOut(const char* begin, const char* end, std::string_view* message) {
  const size_t n = static_cast<size_t>(end - begin);
  if (buffer_.empty()) {
    *message = {begin, n};
  } else {
    buffer_.append(begin, n);
    *message = buffer_;
    is_given_out_ = true;
  }
  return Step::kMessage;
}

void Framer::ForgetGivenOut() {
  is_given_out_ = false;
  buffer_.clear();
  if (buffer_.capacity() > kKeepBytes) std::string().swap(buffer_);
  if (open_.capacity() > kKeepBytes) std::string().swap(open_);
}

void Framer::Rest() {
  if (is_within()) return;
  is_given_out_ = false;
  std::string().swap(buffer_);
  std::string().swap(open_);
}

void Framer::Skip(size_t bytes) {
  VESICLE_DCHECK(state_ == State::kBetween && bytes <= input_.size());
  if (is_given_out_) ForgetGivenOut();
  input_.remove_prefix(bytes);
}

Framer::Step Framer::Next(std::string_view* message) {
  if (state_ == State::kError) return Step::kError;
  if (is_given_out_) ForgetGivenOut();
  const char* p = input_.data();
  const char* const end = p + input_.size();
  if (state_ == State::kBetween) {
    while (p < end && IsBlank(*p)) ++p;
    if (p == end) {
      input_ = {};
      return Step::kMore;
    }
    prefix_ = 0;
    size_ = 0;
    items_ = 0;
    is_netstring_ = IsDigit(*p);
    scan_from_ = p;
    if (is_netstring_) {
      state_ = State::kPrefix;
      digits_ = 0;
      number_ = 0;
    } else if (*p == '<') {
      state_ = State::kFirst;
      size_max_ = limits_.message_bytes_max;
    } else {
      FailAt(p, Wrong::kNoMessage);
      return Step::kError;
    }
  }
  if (state_ == State::kPrefix) {
    scan_from_ = p;
    for (; p < end && IsDigit(*p); ++p) {
      if (digits_ == 1 && number_ == 0) FailAt(p, Wrong::kLeadingZero);
      number_ = 10 * number_ + static_cast<uint64_t>(*p - '0');
      // Longer than any length that is taken, however many digits follow.
      if (number_ > limits_.message_bytes_max) {
        FailAt(p, Wrong::kTooLong, limits_.message_bytes_max);
      }
      if (state_ == State::kError) return Step::kError;
      ++digits_;
    }
    if (p < end && (*p != ':' || number_ == 0)) {
      FailAt(p, *p == ':' ? Wrong::kNetstring : Wrong::kNoMessage);
      return Step::kError;
    }
    if (p < end) {
      ++p;
      state_ = State::kFirst;
      size_max_ = number_;
    }
    prefix_ += static_cast<uint64_t>(p - scan_from_);
    if (state_ == State::kPrefix) {
      input_ = {};
      return Step::kMore;
    }
  }
  const char* const begin = p;
  const uint64_t room = size_max_ - size_;
  p = Scan(p, static_cast<uint64_t>(end - p) > room ? p + room : end);
  if (state_ == State::kError) return Step::kError;
  if (state_ == State::kBetween) {
    if (is_netstring_ && size_ + static_cast<uint64_t>(p - begin) < size_max_) {
      FailAt(p, Wrong::kNetstring);
      return Step::kError;
    }
    input_ = {p, static_cast<size_t>(end - p)};
    return GiveOut(begin, p, message);
  }
  size_ += static_cast<uint64_t>(p - begin);
  scan_from_ = p;
  if (size_ == size_max_) {
    if (is_netstring_) {
      FailAt(p, Wrong::kNetstring);
    } else {
      FailAt(p, Wrong::kTooLong, limits_.message_bytes_max);
    }
    return Step::kError;
  }
  buffer_.append(begin, static_cast<size_t>(p - begin));
  input_ = {};
  return Step::kMore;
}

}  // namespace vesicle::syrup
