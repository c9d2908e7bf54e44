#include "transport/captp/flat_message.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "vm/value/utf8.h"

namespace vesicle {
namespace {

using Kind = FlatArgument::Kind;

constexpr uint64_t kOneNaN = 0x7ff8000000000000;
// Containers that are open at once: the operation, its arguments, a descriptor among them.
constexpr uint32_t kDepth = 3;
// Of arguments that are all descriptors, and of garbage.
constexpr uint32_t kItemsMax = 2 * kGcEntriesMax + 4;
static_assert(kItemsMax >= 3 * FlatMessage::kArgumentsMax + 10);

// The bytes that are left, taken from the front.
struct Rest {
  const char* at;
  const char* end;

  size_t size() const { return static_cast<size_t>(end - at); }
  char Peek() const { return at == end ? '\0' : *at; }
  template <size_t kSize>
  bool Take(const char (&text)[kSize]) {
    constexpr size_t kLength = kSize - 1;
    if (size() < kLength || __builtin_memcmp(at, text, kLength) != 0) return false;
    at += kLength;
    return true;
  }
  bool Take(char c) {
    if (at == end || *at != c) return false;
    ++at;
    return true;
  }
  // Digits of a number in its one spelling. Something follows them.
  bool TakeDigits(uint64_t* number) {
    const char* const begin = at;
    const char* const stop =
        size() > syrup::Reader::kInt64Digits ? at + syrup::Reader::kInt64Digits : end;
    uint64_t n = 0;
    for (; at < stop && static_cast<unsigned char>(*at - '0') < 10; ++at) {
      n = 10 * n + static_cast<uint64_t>(*at - '0');
    }
    *number = n;
    return at != begin && at != end && (*begin != '0' || at == begin + 1);
  }
  bool TakePosition(uint64_t* position) { return TakeDigits(position) && Take('+'); }
};

bool TakeReference(Rest& rest, FlatArgument* argument) {
  argument->kind = Kind::kReference;
  // The length of the label tells them apart, but for two.
  if (rest.Take("<18'desc:import-object")) {
    argument->reference = Descriptor::Kind::kImportObject;
  } else if (rest.Take("<11'desc:export")) {
    argument->reference = Descriptor::Kind::kExport;
  } else if (rest.Take("<19'desc:import-promise")) {
    argument->reference = Descriptor::Kind::kImportPromise;
  } else if (rest.Take("<11'desc:answer")) {
    argument->reference = Descriptor::Kind::kAnswer;
  } else {
    argument->kind = Kind::kNil;
    return rest.Take("<4'void>");
  }
  if (!rest.TakePosition(&argument->position)) return false;
  const bool is_bootstrap =
      argument->reference == Descriptor::Kind::kExport && argument->position == 0;
  return !is_bootstrap && rest.Take('>');
}

// Behind the quote.
bool TakePayload(Rest& rest, char quote, uint64_t size, FlatArgument* argument) {
  if (size > rest.size()) return false;
  argument->at = rest.at;
  argument->size = size;
  rest.at += size;
  if (quote == ':') {
    argument->kind = Kind::kBytes;
    return true;
  }
  const Utf8Class what = ClassifyUtf8(argument->bytes());
  argument->is_ascii = what == Utf8Class::kAscii;
  argument->kind = quote == '"' ? Kind::kText : Kind::kSymbol;
  return what != Utf8Class::kInvalid && (quote == '"' || size <= FlatMessage::kSymbolBytesMax);
}

bool TakeNumberOrPayload(Rest& rest, FlatArgument* argument) {
  uint64_t n = 0;
  if (!rest.TakeDigits(&n)) return false;
  const char c = *rest.at++;
  if (c == '"' || c == '\'' || c == ':') return TakePayload(rest, c, n, argument);
  if (c != '+' && (c != '-' || n == 0)) return false;
  argument->kind = Kind::kInt;
  argument->integer = c == '+' ? static_cast<int64_t>(n) : -static_cast<int64_t>(n);
  return true;
}

bool TakeFloat(Rest& rest, FlatArgument* argument) {
  constexpr size_t kSize = 9;
  if (rest.size() < kSize) return false;
  uint64_t bits;
  std::memcpy(&bits, rest.at + 1, sizeof bits);
  rest.at += kSize;
  bits = __builtin_bswap64(bits);
  argument->kind = Kind::kFloat;
  argument->number = std::bit_cast<double>(bits);
  return !std::isnan(argument->number) || bits == kOneNaN;
}

bool TakeArgument(Rest& rest, FlatArgument* argument) {
  switch (rest.Peek()) {
    case '<':
      return TakeReference(rest, argument);
    case 't':
    case 'f':
      argument->kind = Kind::kBool;
      argument->is_true = *rest.at++ == 't';
      return true;
    case 'D':
      return TakeFloat(rest, argument);
    default:
      return TakeNumberOrPayload(rest, argument);
  }
}

bool TakeDeliver(Rest& rest, FlatMessage* message) {
  message->kind = Operation::Kind::kDeliver;
  if (!rest.TakePosition(&message->to.position) || !rest.Take(">[")) return false;
  if (message->to.is_bootstrap()) return false;
  size_t count = 0;
  while (!rest.Take(']')) {
    if (count == FlatMessage::kArgumentsMax || !TakeArgument(rest, &message->all[count])) {
      return false;
    }
    ++count;
  }
  message->count = count;
  message->answer.reset();
  message->resolver.reset();
  uint64_t position = 0;
  if (!rest.Take('f')) {
    if (!rest.TakePosition(&position)) return false;
    message->answer = position;
  }
  if (rest.Take('f')) return rest.Take('>');
  if (!rest.Take("<18'desc:import-object") || !rest.TakePosition(&position)) return false;
  message->resolver = Descriptor{Descriptor::Kind::kImportObject, position};
  return rest.Take(">>");
}

// Numbers of at least `min`, up to the bracket.
bool TakeNumbers(Rest& rest, uint64_t min, std::string_view* numbers, size_t* count) {
  const char* const begin = rest.at;
  *count = 0;
  for (; rest.Peek() != ']'; ++*count) {
    uint64_t n = 0;
    if (*count == kGcEntriesMax || !rest.TakePosition(&n) || n < min) return false;
  }
  *numbers = {begin, static_cast<size_t>(rest.at - begin)};
  return rest.Take(']');
}

bool TakeGcExports(Rest& rest, FlatMessage* message) {
  message->kind = Operation::Kind::kGcExports;
  std::string_view positions, deltas;
  size_t count = 0, deltas_count = 0;
  if (!TakeNumbers(rest, 0, &positions, &count) || !rest.Take('[') ||
      !TakeNumbers(rest, 1, &deltas, &deltas_count) || count != deltas_count) {
    return false;
  }
  message->gc = GcEntries(positions, deltas, count);
  return rest.Take('>');
}

bool TakeGcAnswers(Rest& rest, FlatMessage* message) {
  message->kind = Operation::Kind::kGcAnswers;
  std::string_view positions;
  size_t count = 0;
  if (!TakeNumbers(rest, 0, &positions, &count)) return false;
  message->gc = GcEntries(positions, {}, count);
  return rest.Take('>');
}

bool TakeMessage(Rest& rest, FlatMessage* message) {
  if (rest.Take("<10'op:deliver<11'desc:")) {
    message->to.kind = Descriptor::Kind::kExport;
    if (rest.Take("export")) return TakeDeliver(rest, message);
    message->to.kind = Descriptor::Kind::kAnswer;
    return rest.Take("answer") && TakeDeliver(rest, message);
  }
  if (!rest.Take("<13'op:gc-")) return false;
  if (rest.Take("answers[")) return TakeGcAnswers(rest, message);
  return rest.Take("exports[") && TakeGcExports(rest, message);
}

}  // namespace

bool FitFlat(const syrup::Limits& limits) {
  return limits.message_bytes_max >= FlatMessage::kBytesMax && limits.depth_max >= kDepth &&
         limits.items_max >= kItemsMax && limits.int_digits_max >= syrup::Reader::kInt64Digits;
}

bool ReadFlat(std::string_view bytes, FlatMessage* message) {
  bytes = bytes.substr(0, FlatMessage::kBytesMax);
  Rest rest{bytes.data(), bytes.data() + bytes.size()};
  if (!TakeMessage(rest, message)) return false;
  message->bytes = {bytes.data(), static_cast<size_t>(rest.at - bytes.data())};
  return true;
}

}  // namespace vesicle
