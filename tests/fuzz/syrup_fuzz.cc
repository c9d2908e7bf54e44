// Any bytes as a stream of messages, in pieces of which the first byte tells the size. Whatever
// they are: the pieces do not matter, an error names a place that is there, and what is decoded is
// written as bytes that are read as the same value, with the same spelling.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "transport/syrup/decoder.h"
#include "transport/syrup/encoder.h"
#include "transport/syrup/framer.h"
#include "vm/heap/check.h"
#include "vm/value/compare.h"

namespace vesicle::syrup {
namespace {

constexpr Limits kLimits = {
    .message_bytes_max = 1 << 16, .depth_max = 5'000, .items_max = 20'000, .int_digits_max = 5'000};

class NoRefs final : public RefWriter, public RecordReader, public IdentitySource {
 public:
  std::optional<Failure> WriteRef(Value, Writer&) override { return Failure::kType; }
  Result ReadRecord(std::string_view, Reader&) override { return Failure::kSyntax; }
  uint64_t SerialOf(Object*) override { return 0; }
  std::optional<uint64_t> KnownSerialOf(Object*) override { return std::nullopt; }
};

struct Framed {
  std::vector<std::string> messages;
  Error error;
};

Framed Frame(std::string_view bytes, size_t piece) {
  Framer framer(kLimits);
  Framed framed;
  for (; !bytes.empty() && framed.error.ok(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    framer.Add(bytes.substr(0, piece));
    std::string_view message;
    while (framer.Next(&message) == Framer::Step::kMessage) framed.messages.emplace_back(message);
    framed.error = framer.error();
  }
  return framed;
}

// Nothing when the bytes are no value.
std::optional<Root> Decode(Heap& heap, SymbolTable& symbols, std::string_view bytes, Decoder::As as,
                           const Limits& limits) {
  NoRefs refs;
  Reader reader(limits);
  reader.Reset(bytes);
  Decoder decoder(heap, symbols, refs);
  decoder.Start(as, &reader);
  Decoder::Step step;
  while ((step = decoder.Go(refs, 100)) == Decoder::Step::kMore) {
  }
  VESICLE_CHECK(step == Decoder::Step::kDone || decoder.error().at <= bytes.size());
  if (step != Decoder::Step::kDone || reader.Next() != Token::kEnd) return std::nullopt;
  return Root(heap, decoder.value());
}

std::string Encode(Heap& heap, Value value, Encoder::As as) {
  NoRefs refs;
  // The values of one message may be spelled longer than they came.
  Writer out;
  Encoder encoder(heap);
  encoder.Start(value, as, &out);
  Encoder::Step step;
  while ((step = encoder.Go(refs, 100)) == Encoder::Step::kMore) {
  }
  VESICLE_CHECK(step == Encoder::Step::kDone);
  VESICLE_CHECK(out.EndMessage());
  return std::string(out.bytes());
}

// There, back, and there again.
void TryValue(std::string_view bytes, bool is_message) {
  HeapClient* no_client = nullptr;
  Heap heap({}, no_client);
  SymbolTable symbols(heap);
  const auto in = is_message ? Decoder::As::kMessage : Decoder::As::kValue;
  const auto out = is_message ? Encoder::As::kArguments : Encoder::As::kValue;
  const std::optional<Root> value = Decode(heap, symbols, bytes, in, kLimits);
  if (!value) return;
  const std::string spelled = Encode(heap, value->value(), out);
  const std::optional<Root> again = Decode(heap, symbols, spelled, in, Limits());
  VESICLE_CHECK(again.has_value());
  Comparer comparer;
  comparer.Start(value->value(), again->value(), CompareMode::kSame);
  VESICLE_CHECK(comparer.Run(UINT64_MAX) == Outcome::kSame);
  VESICLE_CHECK(Encode(heap, again->value(), out) == spelled);
}

}  // namespace
}  // namespace vesicle::syrup

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vesicle::syrup;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Framed whole = Frame(bytes, bytes.size());
  const Framed pieces = Frame(bytes, 1 + data[0]);
  VESICLE_CHECK(whole.messages == pieces.messages);
  VESICLE_CHECK(whole.error.wrong == pieces.error.wrong);
  VESICLE_CHECK_EQ(whole.error.at, pieces.error.at);
  VESICLE_CHECK_LE(whole.error.at, bytes.size());
  for (const std::string& message : whole.messages) TryValue(message, false);
  TryValue(bytes, data[0] % 2 == 0);
  return 0;
}
