#include "transport/syrup/reader.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "vm/heap/check.h"
#include "vm/value/utf8.h"

namespace vesicle::syrup {
namespace {

// A stack that became larger than this is let go with its message.
constexpr size_t kKeepDepth = 1024;
constexpr uint64_t kNumberMax = (UINT64_MAX - 9) / 10;
constexpr uint64_t kOneNaN = 0x7ff8000000000000;

bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

uint64_t EightAt(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// What labels, tags and most texts are: short, and ASCII. False: look closer.
inline bool IsShortAscii(const char* p, size_t n) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  if (n > 16) return false;
  if (n >= 8) return ((EightAt(p) | EightAt(p + n - 8)) & kHighBits) == 0;
  uint8_t any = 0;
  for (size_t i = 0; i < n; ++i) any |= static_cast<uint8_t>(p[i]);
  return any < 0x80;
}

}  // namespace

void Reader::Reset(std::string_view bytes) {
  bytes_ = bytes;
  at_ = bytes.data();
  stop_ = at_ + bytes.size();
  open_.clear();
  if (open_.capacity() > kKeepDepth) std::vector<Open>().swap(open_);
  items_ = 0;
  is_over_ = false;
  error_ = {};
  const uint32_t bytes_max = std::min(limits_.message_bytes_max, kMessageBytesMax);
  if (bytes.size() > bytes_max) error_ = {Wrong::kTooLong, bytes_max, bytes_max};
}

Token Reader::FailAt(const char* p, Wrong wrong, uint32_t limit) {
  error_ = {wrong, limit, static_cast<uint64_t>(p - bytes_.data())};
  return Token::kError;
}

// A value begins here.
inline bool Reader::Count() {
  if (items_ == limits_.items_max) [[unlikely]] {
    FailAt(at_, Wrong::kTooMany, limits_.items_max);
    return false;
  }
  ++items_;
  if (!open_.empty()) {
    Open& top = open_.back();
    if (top.end == Token::kDictEnd && top.items % 2 == 0) {
      top.key_begin = static_cast<uint32_t>(begin_);
    }
  }
  return true;
}

inline bool Reader::Complete() {
  if (open_.empty()) {
    is_over_ = true;
    return true;
  }
  Open& top = open_.back();
  ++top.items;
  return top.end != Token::kDictEnd || top.items % 2 == 0 || CompleteKey(&top);
}

bool Reader::CompleteKey(Open* dict) {
  const uint32_t key_end = static_cast<uint32_t>(end());
  if (dict->items > 1) {
    const std::string_view last =
        bytes_.substr(dict->last_begin, dict->last_end - dict->last_begin);
    const std::string_view key = bytes_.substr(dict->key_begin, key_end - dict->key_begin);
    const int order = last.compare(key);  // as unsigned bytes
    if (order >= 0) {
      FailAt(bytes_.data() + dict->key_begin, order == 0 ? Wrong::kKeyTwice : Wrong::kKeyOrder);
      return false;
    }
  }
  dict->last_begin = dict->key_begin;
  dict->last_end = key_end;
  return true;
}

inline Token Reader::Begin(Token begin, Token end) {
  if (open_.size() == limits_.depth_max) return FailAt(at_, Wrong::kTooDeep, limits_.depth_max);
  if (!Count()) return Token::kError;
  open_.push_back({.end = end});
  ++at_;
  return begin;
}

inline Token Reader::Close(Token end) {
  if (open_.empty() || open_.back().end != end) return FailAt(at_, Wrong::kWrongEnd);
  const uint32_t items = open_.back().items;
  if (end == Token::kRecordEnd && items == 0) return FailAt(at_, Wrong::kNoLabel);
  if (end == Token::kDictEnd && items % 2 != 0) return FailAt(at_, Wrong::kNoValue);
  open_.pop_back();
  ++at_;
  return Complete() ? end : Token::kError;
}

Token Reader::NumberOrPayload() {
  if (!Count()) return Token::kError;
  const char* p = at_;
  const char* const few = stop_ - at_ > kInt64Digits ? at_ + kInt64Digits : stop_;
  uint64_t n = 0;
  for (; p < few && IsDigit(*p); ++p) n = 10 * n + static_cast<uint64_t>(*p - '0');
  for (; p < stop_ && IsDigit(*p); ++p) {
    n = n > kNumberMax ? UINT64_MAX : 10 * n + static_cast<uint64_t>(*p - '0');
  }
  const size_t digits = static_cast<size_t>(p - at_);
  if (digits > 1 && *at_ == '0') return FailAt(at_, Wrong::kLeadingZero);
  if (p == stop_) return FailAt(p, Wrong::kCut);
  const char kind = *p++;
  if (kind == '+' || kind == '-') {
    if (digits > limits_.int_digits_max) {
      return FailAt(at_, Wrong::kIntTooLong, limits_.int_digits_max);
    }
    is_negative_ = kind == '-';
    if (is_negative_ && n == 0) return FailAt(at_, Wrong::kNegativeZero);
    number_ = n;
    text_ = at_;
    text_size_ = digits;
    at_ = p;
    return Complete() ? Token::kInt : Token::kError;
  }
  if (kind != ':' && kind != '"' && kind != '\'') return FailAt(p - 1, Wrong::kUnexpectedByte);
  if (n > static_cast<uint64_t>(stop_ - p)) return FailAt(stop_, Wrong::kCut);
  text_ = p;
  text_size_ = n;
  is_ascii_ = IsShortAscii(p, n);
  if (kind != ':' && !is_ascii_) {
    const Utf8Class what = ClassifyUtf8({p, n});
    if (what == Utf8Class::kInvalid) return FailAt(at_, Wrong::kUtf8);
    is_ascii_ = what == Utf8Class::kAscii;
  }
  at_ = p + n;
  if (!Complete()) return Token::kError;
  return kind == ':' ? Token::kBytes : kind == '"' ? Token::kText : Token::kSymbol;
}

Token Reader::Float() {
  if (!Count()) return Token::kError;
  if (stop_ - at_ < 9) return FailAt(stop_, Wrong::kCut);
  uint64_t bits;
  std::memcpy(&bits, at_ + 1, 8);
  bits = __builtin_bswap64(bits);
  float_ = std::bit_cast<double>(bits);
  if (std::isnan(float_) && bits != kOneNaN) return FailAt(at_, Wrong::kNaN);
  at_ += 9;
  return Complete() ? Token::kFloat : Token::kError;
}

Token Reader::Next() {
  if (!error_.ok()) [[unlikely]]
    return Token::kError;
  begin_ = end();
  if (at_ == stop_) return is_over_ ? Token::kEnd : FailAt(at_, Wrong::kCut);
  if (is_over_) return FailAt(at_, Wrong::kTrailing);
  const char c = *at_;
  if (IsDigit(c)) return NumberOrPayload();
  switch (c) {
    case '<':
      return Begin(Token::kRecord, Token::kRecordEnd);
    case '[':
      return Begin(Token::kList, Token::kListEnd);
    case '{':
      return Begin(Token::kDict, Token::kDictEnd);
    case '>':
      return Close(Token::kRecordEnd);
    case ']':
      return Close(Token::kListEnd);
    case '}':
      return Close(Token::kDictEnd);
    case 't':
    case 'f':
      if (!Count()) return Token::kError;
      is_true_ = c == 't';
      ++at_;
      return Complete() ? Token::kBool : Token::kError;
    case 'D':
      return Float();
    case '#':
      return FailAt(at_, Wrong::kSet);
    case 'F':
      return FailAt(at_, Wrong::kSingleFloat);
    default:
      return FailAt(at_, Wrong::kUnexpectedByte);
  }
}

bool Reader::Skip() {
  const size_t depth = open_.size();
  do {
    const Token token = Next();
    if (token == Token::kError || token == Token::kEnd || open_.size() < depth) return false;
  } while (open_.size() > depth);
  return true;
}

Reader::Mark Reader::mark() const {
  const size_t depth = open_.size();
  Mark mark;
  mark.at = at_;
  mark.depth = depth;
  mark.items = items_;
  mark.is_over = is_over_;
  mark.top = depth > 0 ? open_[depth - 1] : Open{Token::kEnd};
  mark.parent = depth > 1 ? open_[depth - 2] : Open{Token::kEnd};
  return mark;
}

void Reader::Rewind(const Mark& mark) {
  VESICLE_CHECK_LE(mark.depth, open_.size() + 1);
  open_.resize(mark.depth, Open{Token::kEnd});
  if (mark.depth > 0) open_[mark.depth - 1] = mark.top;
  if (mark.depth > 1) open_[mark.depth - 2] = mark.parent;
  at_ = mark.at;
  items_ = mark.items;
  is_over_ = mark.is_over;
}

}  // namespace vesicle::syrup
