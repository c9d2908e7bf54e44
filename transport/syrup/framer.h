// Framer: where messages begin and end in a stream of bytes, as they come: any split, any
// join. It knows the structure of Syrup and its limits; what stands in the message is read,
// and judged, by a Reader.
//
// A message is one record: bare, or in a netstring (LEN:BYTES, no comma). Space, tab, CR and LF
// between messages are skipped.
//
// The law: each byte is looked at once, however the stream is cut; a message that came in one piece
// is handed out where it stands, any other is put together in a buffer that holds what
// has arrived and never more than twice that.
//
// Ownership: the bytes of Add() are borrowed until Next() says kMore, a message until Next() is
//            called again.
// Limits:    message_bytes_max, depth_max, items_max, int_digits_max. After an error it stays
//            at that error: nobody knows where the next message would begin.
//
//   Framer framer(limits);
//   framer.Add(received);
//   std::string_view message;
//   Framer::Step step;
//   while ((step = framer.Next(&message)) == Framer::Step::kMessage) Read(message);
//   if (step == Framer::Step::kError) Abort(framer.error().ToString());
#ifndef VESICLE_TRANSPORT_SYRUP_FRAMER_H_
#define VESICLE_TRANSPORT_SYRUP_FRAMER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "transport/syrup/error.h"

#pragma GCC visibility push(default)
namespace vesicle::syrup {

class Framer {
 public:
  explicit Framer(const Limits& limits = {});
  Framer(const Framer&) = delete;
  Framer& operator=(const Framer&) = delete;

  enum class Step : uint8_t {
    kMessage,  // *message is one, without the prefix of its netstring
    kMore,     // all was taken; Add() what comes next
    kError,    // error() says what, and where
  };

  // Wants that Next() said kMore, or was never called.
  void Add(std::string_view bytes);
  Step Next(std::string_view* message);
  // What was added and stands behind the message given out last; borrowed like all of it. For who
  // hands a stream on after one message.
  std::string_view rest() const { return input_; }
  // The caller has read a whole message of `bytes` bytes at the beginning of rest(). Wants that
  // none is under way.
  void Skip(size_t bytes);
  // Gives back its room, unless a message is under way.
  void Rest();
  // What is wrong; `at` counts from the first byte of the message, or of its netstring.
  const Error& error() const { return error_; }
  // A message has begun and not ended: at the end of the stream it was cut off.
  bool is_within() const { return state_ != State::kBetween; }
  // C++ memory that it takes now.
  size_t bytes_held() const { return buffer_.capacity() + open_.capacity(); }

 private:
  enum class State : uint8_t { kBetween, kPrefix, kFirst, kValue, kNumber, kPayload, kError };

  // Takes bytes of [p, end) until the message ends; where it stopped.
  const char* Scan(const char* p, const char* end);
  const char* ScanValues(const char* p, const char* end);
  bool Count(const char* p);
  const char* ScanNumber(const char* p, const char* end);
  const char* FailAt(const char* p, Wrong wrong, uint32_t limit = 0);
  Step GiveOut(const char* begin, const char* end, std::string_view* message);
  void ForgetGivenOut();

  Limits limits_;
  std::string_view input_;  // of Add(), what is not taken yet
  std::string buffer_;      // a message that came in pieces: so far
  std::string open_;        // the end that each open container wants
  State state_ = State::kBetween;
  bool is_netstring_ = false;
  bool is_given_out_ = false;  // what is in buffer_
  uint32_t digits_ = 0;        // of the number under way
  uint64_t number_ = 0;        // so far; UINT64_MAX when it is more
  uint64_t left_ = 0;          // bytes of a payload
  uint64_t size_ = 0;          // bytes of the message before [p, end) of Scan
  uint64_t size_max_ = 0;      // message_bytes_max, or the length of the netstring
  uint64_t prefix_ = 0;        // bytes of the netstring before the message
  uint32_t items_ = 0;
  const char* scan_from_ = nullptr;
  Error error_;
};

}  // namespace vesicle::syrup
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SYRUP_FRAMER_H_
