// Reader: the tokens of one Syrup message, pulled one by one, over bytes that are there. All
// that can be wrong with Syrup is found here, at its byte: also by a Skip().
//
// Canonical form is wanted where it is cheap to want: no leading zeros, no `0-`, one NaN, keys of a
// dictionary in ascending order of their encoded bytes and none of them twice. So a message that is
// read to its end has one spelling.
//
// Ownership: borrows the bytes; what text() gives points into them. Keep one Reader and Reset()
//            it: its stack then keeps its room.
// Costs:     linear in the bytes; keys that nest in keys O(n log n).
// Limits:    depth_max, items_max, int_digits_max, message_bytes_max.
//
//   Reader reader(limits);
//   reader.Reset(message);
//   for (Token t; (t = reader.Next()) != Token::kEnd;) {
//     if (t == Token::kError) return Refuse(reader.error());
//     if (t == Token::kSymbol) Use(reader.text());
//   }
#ifndef VESICLE_TRANSPORT_SYRUP_READER_H_
#define VESICLE_TRANSPORT_SYRUP_READER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "transport/syrup/error.h"

#pragma GCC visibility push(default)
namespace vesicle::syrup {

enum class Token : uint8_t {
  kEnd,    // the one value is over, and so are the bytes
  kError,  // error(); and again at each further call
  kRecord,
  kRecordEnd,
  kList,
  kListEnd,
  kDict,
  kDictEnd,
  kInt,
  kFloat,
  kBytes,
  kText,
  kSymbol,
  kBool,
};

class Reader {
  struct Open {
    Token end;           // that it wants
    uint32_t items = 0;  // values in it so far
    // Of a dictionary: where its last key stands, and where a key began.
    uint32_t key_begin = 0;
    uint32_t last_begin = 0;
    uint32_t last_end = 0;
  };

 public:
  explicit Reader(const Limits& limits = {}) : limits_(limits) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Begins with other bytes: one value, of any kind.
  void Reset(std::string_view bytes);
  Token Next();
  // Reads the value that comes next, with all that is in it. False: kError, or there is none.
  bool Skip();

  // --- of the token that Next() gave last
  // Payload of kBytes, kText and kSymbol; the digits of kInt.
  std::string_view text() const { return {text_, text_size_}; }
  // kText, kSymbol: all bytes are ASCII.
  bool is_ascii() const { return is_ascii_; }
  // kInt.
  bool is_negative() const { return is_negative_; }
  static constexpr uint32_t kInt64Digits = 18;
  bool fits_int64() const { return text_size_ <= kInt64Digits; }
  // Wants fits_int64().
  int64_t int64() const {
    const int64_t n = static_cast<int64_t>(number_);
    return is_negative_ ? -n : n;
  }
  double float64() const { return float_; }
  bool boolean() const { return is_true_; }
  // Where it begins, and where the next one does.
  size_t begin() const { return begin_; }
  size_t end() const { return static_cast<size_t>(at_ - bytes_.data()); }
  // Containers that are open.
  size_t depth() const { return open_.size(); }
  std::string_view bytes() const { return bytes_; }
  const Limits& limits() const { return limits_; }
  const Error& error() const { return error_; }

  size_t bytes_held() const { return open_.capacity() * sizeof(Open); }

  // A place to come back to, also when the container that it is in was closed since, but no
  // other around it.
  class Mark {
    friend class Reader;
    const char* at;
    size_t depth;
    uint32_t items;
    bool is_over;
    Open top;
    Open parent;
  };
  Mark mark() const;
  void Rewind(const Mark& mark);

 private:
  Token FailAt(const char* p, Wrong wrong, uint32_t limit = 0);
  Token Close(Token end);
  Token Begin(Token begin, Token end);
  Token NumberOrPayload();
  Token Float();
  // A value is complete that ends at at_. False: a key that was not to come.
  bool Complete();
  bool CompleteKey(Open* dict);
  bool Count();

  Limits limits_;
  std::string_view bytes_;
  const char* at_ = nullptr;
  const char* stop_ = nullptr;
  std::vector<Open> open_;
  uint32_t items_ = 0;
  bool is_over_ = false;  // the one value is complete
  bool is_ascii_ = false;
  bool is_negative_ = false;
  bool is_true_ = false;
  const char* text_ = nullptr;
  size_t text_size_ = 0;
  uint64_t number_ = 0;
  double float_ = 0;
  size_t begin_ = 0;
  Error error_;
};

}  // namespace vesicle::syrup
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SYRUP_READER_H_
