// Writer: canonical Syrup, message after message, into one buffer that is used again.
//
// The law: a message is written whole or not at all. The first thing that goes over a limit is kept
// as error(), nothing is written from then on, and EndMessage() takes back what was: so a failure
// comes before any effect. What a Writer wrote under some limits, a Framer and a Reader take under
// the same.
//
// Canonical is what each call writes; what remains the caller's: that begin and end are in pairs,
// that a record's first value is its label, that text is UTF-8, and that the keys of BeginDict()
// ascend by their encoded form (10"abcdefghij before 2"bb). BeginUnsorted() puts them in order.
//
// Ownership: owns its buffer; bytes() is valid until the next call that writes.
// Costs:     no allocation once the buffer has grown.
//
//   Writer out(limits);
//   out.BeginMessage();
//   out.BeginRecord("op:abort");
//   out.Text("session closed");
//   out.EndRecord();
//   if (!out.EndMessage()) return out.error();
//   Send(out.bytes());
//   out.Clear();
#ifndef VESICLE_TRANSPORT_SYRUP_WRITER_H_
#define VESICLE_TRANSPORT_SYRUP_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "transport/syrup/error.h"

#pragma GCC visibility push(default)
namespace vesicle::syrup {

class Writer {
 public:
  explicit Writer(const Limits& limits = {});
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // --- messages. What stands in the buffer before one stays there.
  void BeginMessage();
  enum class Framing : uint8_t { kBare, kNetstring };
  // False: it went over a limit, error() says which, and nothing of it is left.
  bool EndMessage(Framing framing = Framing::kBare);
  // Of the message under way, or of the last one.
  const Error& error() const { return error_; }
  bool ok() const { return error_.ok(); }
  // Messages that are complete, and the one under way.
  std::string_view bytes() const { return {buffer_, size()}; }
  size_t size() const { return static_cast<size_t>(at_ - buffer_); }
  // Bytes of the message under way.
  size_t message_size() const { return size() - message_begin_; }
  void Clear();
  // Gives back its room. Wants no message in it.
  void Rest();

  // --- values
  void Bool(bool b) {
    if (Count()) Put(b ? 't' : 'f');
  }
  void Int(int64_t i);
  // Wants digits of a canonical integer: no sign, no leading zero; "0" is not negative.
  void BigInt(std::string_view digits, bool is_negative);
  // Any NaN is written as the one there is.
  void Float(double d);
  void Bytes(std::string_view bytes) { Payload(':', bytes); }
  void Text(std::string_view text) { Payload('"', text); }
  void Symbol(std::string_view name) { Payload('\'', name); }
  // What is Syrup already: `items` values in all, of `depth` containers at the deepest.
  void Encoded(std::string_view syrup, uint32_t items, uint32_t depth);
  // The same of the beginning of something: `depth` containers are open behind it.
  void BeginEncoded(std::string_view syrup, uint32_t items, uint32_t depth) {
    if (depth > depth_left_) [[unlikely]]
      return Fail(Wrong::kTooDeep, limits_.depth_max);
    if (items > items_left_) [[unlikely]]
      return Fail(Wrong::kTooMany, limits_.items_max);
    depth_left_ -= depth;
    items_left_ -= items;
    if (char* p = Room(syrup.size())) std::memcpy(p, syrup.data(), syrup.size());
  }

  void BeginRecord() { Begin('<'); }
  void BeginRecord(std::string_view label) {
    Begin('<');
    Symbol(label);
  }
  void EndRecord() { End('>'); }
  void BeginList() { Begin('['); }
  void EndList() { End(']'); }
  void BeginDict() { Begin('{'); }
  void EndDict() { End('}'); }

  // A dictionary whose keys come in any order: each by Key(), then its value. kKeyTwice at its end.
  // Costs a copy of its bytes when they were out of order.
  void BeginUnsorted();
  void Key(std::string_view text);
  void EndUnsorted();

  // A place in the message under way, to go back to: all limits and errors are as they were.
  struct Mark {
    size_t size;
    uint32_t items_left;
    uint32_t depth_left;
    Error error;
  };
  Mark mark() const { return {size(), items_left_, depth_left_, error_}; }
  void Rewind(const Mark& mark);
  // The caller's own reason to give the message up.
  void Fail(Wrong wrong, uint32_t limit = 0);

  const Limits& limits() const { return limits_; }
  size_t bytes_held() const { return capacity_ + scratch_.capacity(); }

 private:
  struct KeyAt {
    size_t begin;
    size_t end;
  };
  struct Unsorted {
    size_t keys;  // its first, in keys_
  };

  // A place for n bytes, or null: the message fails.
  char* Room(size_t n) {
    if (n > static_cast<size_t>(stop_ - at_)) [[unlikely]]
      return Grow(n);
    char* const p = at_;
    at_ += n;
    return p;
  }
  char* Grow(size_t n);
  void Reserve(size_t capacity);
  void SetStop();
  void Put(char c) {
    if (char* p = Room(1)) *p = c;
  }
  bool Count() {
    if (items_left_ == 0) [[unlikely]] {
      Fail(Wrong::kTooMany, limits_.items_max);
      return false;
    }
    --items_left_;
    return true;
  }
  void Begin(char c) {
    if (depth_left_ == 0) [[unlikely]]
      return Fail(Wrong::kTooDeep, limits_.depth_max);
    --depth_left_;
    if (Count()) Put(c);
  }
  void End(char c) {
    ++depth_left_;
    Put(c);
  }
  void Payload(char kind, std::string_view bytes) {
    if (!Count()) return;
    const size_t n = bytes.size();
    if (n >= 100) return LongPayload(kind, bytes);
    const size_t digits = n < 10 ? 1 : 2;
    char* p = Room(digits + 1 + n);
    if (p == nullptr) return;
    if (digits == 2) *p++ = static_cast<char>('0' + n / 10);
    *p++ = static_cast<char>('0' + n % 10);
    *p++ = kind;
    if (n != 0) std::memcpy(p, bytes.data(), n);
  }
  void LongPayload(char kind, std::string_view bytes);
  std::string_view KeyBytes(const KeyAt& key) const {
    return {buffer_ + key.begin, key.end - key.begin};
  }

  Limits limits_;
  char* buffer_ = nullptr;
  char* at_ = nullptr;
  char* stop_ = nullptr;  // of the room, or of what the message may take
  size_t capacity_ = 0;
  size_t message_begin_ = 0;
  uint32_t items_left_ = 0;
  uint32_t depth_left_ = 0;
  std::vector<KeyAt> keys_;  // of the unsorted dictionaries that are open
  std::vector<Unsorted> unsorted_;
  std::string scratch_;
  Error error_;
};

}  // namespace vesicle::syrup
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SYRUP_WRITER_H_
