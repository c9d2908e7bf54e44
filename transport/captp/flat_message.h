// Flat messages: what most messages are, an op:deliver whose arguments are atoms and references,
// and garbage that is given back; read where they stand in the stream, in one look at each byte.
//
// The law: what is taken here a Framer gives out as one message, and ReadOperation and a Reader
// of its arguments take as the same. Everything else, what is wrong or not all there included, is
// left to those: nothing was done about it.
//
// Ownership: what is read points into the bytes.
// Costs:     no allocation.
// Limits:    kBytesMax, kArgumentsMax; a symbol of kSymbolBytesMax, an integer of 18 digits.
//
//   FlatMessage message;
//   if (FitFlat(limits) && ReadFlat(framer.rest(), &message)) framer.Skip(message.bytes.size());
#ifndef VESICLE_TRANSPORT_CAPTP_FLAT_MESSAGE_H_
#define VESICLE_TRANSPORT_CAPTP_FLAT_MESSAGE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "transport/captp/descriptor.h"
#include "transport/captp/operation.h"
#include "transport/syrup/error.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct FlatArgument {
  enum class Kind : uint8_t { kNil, kBool, kInt, kFloat, kText, kBytes, kSymbol, kReference };
  Kind kind;
  bool is_true;   // bool
  bool is_ascii;  // text
  Descriptor::Kind reference;
  union {
    int64_t integer;
    double number;
    uint64_t position;  // of a reference
    size_t size;        // of text, bytes, symbol
  };
  const char* at;  // of text, bytes, symbol
  std::string_view bytes() const { return {at, size}; }
};

struct FlatMessage {
  static constexpr size_t kBytesMax = size_t{16} << 10;
  static constexpr size_t kArgumentsMax = 16;
  static constexpr size_t kSymbolBytesMax = 256;

  Operation::Kind kind;  // kDeliver, kGcExports or kGcAnswers
  std::string_view bytes;
  // deliver: to an export or an answer, and not the bootstrap
  Descriptor to;
  std::optional<uint64_t> answer;
  std::optional<Descriptor> resolver;
  size_t count;
  std::array<FlatArgument, kArgumentsMax> all;
  std::span<const FlatArgument> arguments() const { return {all.data(), count}; }
  GcEntries gc;
};

// No message that ReadFlat takes goes over these.
bool FitFlat(const syrup::Limits& limits);

// `bytes`: from where a message begins, or may, to where what has come ends.
bool ReadFlat(std::string_view bytes, FlatMessage* message);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_FLAT_MESSAGE_H_
