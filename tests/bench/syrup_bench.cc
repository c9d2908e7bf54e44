// The codec of the wire: one message of 64 bytes, and one value of each shape, each way.
#include <cstdint>
#include <memory>
#include <string>

#include "tests/bench/per.h"
#include "transport/syrup/decoder.h"
#include "transport/syrup/encoder.h"
#include "transport/syrup/framer.h"
#include "vm/heap/check.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle::bench {
namespace {

using namespace syrup;

// Refs are exports, all of number 7.
class Refs final : public RefWriter, public RecordReader, public IdentitySource {
 public:
  explicit Refs(Heap& heap) : ref(Value::Target(heap.AllocateOld(Kind::kActor, 1))) {}
  std::optional<Failure> WriteRef(Value, Writer& out) override {
    out.BeginRecord("desc:export");
    out.Int(7);
    out.EndRecord();
    return std::nullopt;
  }
  Result ReadRecord(std::string_view, Reader& reader) override {
    reader.Next();
    reader.Next();
    return ref;
  }
  uint64_t SerialOf(Object*) override { return 0; }
  std::optional<uint64_t> KnownSerialOf(Object*) override { return std::nullopt; }

  Value ref;
};

// Counts as a HeapClient must: the symbols are held by their table.
struct Client final : HeapClient {
  void VisitYoungRoots(Visitor& visitor) override { symbols->VisitYoungRoots(visitor); }
  void OnYoungEmptied() override { symbols->OnYoungEmptied(); }
  void VisitMarkRoots(Visitor& visitor) override { symbols->VisitRoots(visitor); }
  bool VisitMarkRootsSlice(Visitor&, size_t) override { return false; }
  void Trace(Object*, Visitor&) override {}
  void Finalize(Object*) override {}

  SymbolTable* symbols = nullptr;
};

struct World {
  World() : heap({}, &client), symbols(heap), refs(heap) { client.symbols = &symbols; }

  Client client;
  Heap heap;
  SymbolTable symbols;
  Refs refs;
};

// What an actor tells another: <op:deliver <desc:export 7> [deposit "the rent" 1200000] f f>, 64
// bytes in all.
void Write(Encoder& encoder, Refs& refs, Value message, Writer& out) {
  out.BeginMessage();
  out.BeginRecord("op:deliver");
  out.BeginRecord("desc:export");
  out.Int(7);
  out.EndRecord();
  encoder.Start(message, Encoder::As::kArguments, &out);
  VESICLE_CHECK(encoder.Go(refs, UINT64_MAX) == Encoder::Step::kDone);
  out.Bool(false);
  out.Bool(false);
  out.EndRecord();
  VESICLE_CHECK(out.EndMessage());
}

Value Message(World& w) {
  const Value fields[] = {MakeText(w.heap, "the rent").value(), Value::SmallInt(1200000)};
  return MakeTagged(w.heap, w.symbols.Intern("deposit").value(), fields).value();
}

void SyrupEncode64(benchmark::State& state) {
  World w;
  const Root message(w.heap, Message(w));
  Writer out;
  Encoder encoder(w.heap);
  for (auto _ : state) {
    Write(encoder, w.refs, message.value(), out);
    benchmark::DoNotOptimize(out.bytes().data());
    state.counters["bytes"] = static_cast<double>(out.size());
    out.Clear();
  }
  Per(state, "message", 1);
}
BENCHMARK(SyrupEncode64);

// Framed, its head read token by token, its arguments to the message; collections included.
void SyrupDecode64(benchmark::State& state) {
  World w;
  Writer out;
  Encoder encoder(w.heap);
  constexpr int kMessages = 100;
  for (int i = 0; i < kMessages; ++i) Write(encoder, w.refs, Message(w), out);
  Framer framer;
  Reader reader;
  const auto decoder = std::make_unique<Decoder>(w.heap, w.symbols, w.refs);
  for (auto _ : state) {
    framer.Add(out.bytes());
    std::string_view message;
    while (framer.Next(&message) == Framer::Step::kMessage) {
      reader.Reset(message);
      reader.Next();  // <
      reader.Next();  // op:deliver
      reader.Next();  // <
      reader.Next();  // desc:export
      reader.Next();  // 7
      reader.Next();  // >
      decoder->Start(Decoder::As::kMessage, &reader);
      VESICLE_CHECK(decoder->Go(w.refs, UINT64_MAX) == Decoder::Step::kDone);
      benchmark::DoNotOptimize(decoder->value());
      while (reader.Next() != Token::kEnd) VESICLE_CHECK(reader.error().ok());
    }
    if (w.heap.wants_safe_point()) w.heap.SafePoint();
  }
  Per(state, "message", kMessages);
}
BENCHMARK(SyrupDecode64);

// A list of maps: {"id" n, "name" text}.
Value Table(World& w, int64_t rows) {
  Value list = EmptyList(w.heap);
  for (int64_t i = 0; i < rows; ++i) {
    Value map = EmptyMap(w.heap);
    map = MapPut(w.heap, map, MakeText(w.heap, "id").value(), Value::SmallInt(i), w.refs).value();
    const Value name = MakeText(w.heap, "somebody " + std::to_string(i)).value();
    map = MapPut(w.heap, map, MakeText(w.heap, "name").value(), name, w.refs).value();
    list = Append(w.heap, list, map);
  }
  return list;
}

void SyrupEncodeTable(benchmark::State& state) {
  World w;
  const Root table(w.heap, Table(w, state.range(0)));
  Writer out;
  Encoder encoder(w.heap);
  for (auto _ : state) {
    out.Clear();
    encoder.Start(table.value(), Encoder::As::kValue, &out);
    VESICLE_CHECK(encoder.Go(w.refs, UINT64_MAX) == Encoder::Step::kDone);
  }
  state.SetBytesProcessed(static_cast<int64_t>(out.size()) * state.iterations());
  Per(state, "row", state.range(0));
}
BENCHMARK(SyrupEncodeTable)->Arg(10)->Arg(10'000);

void SyrupDecodeTable(benchmark::State& state) {
  World w;
  Writer out;
  Encoder encoder(w.heap);
  encoder.Start(Table(w, state.range(0)), Encoder::As::kValue, &out);
  VESICLE_CHECK(encoder.Go(w.refs, UINT64_MAX) == Encoder::Step::kDone);
  VESICLE_CHECK(out.EndMessage());
  Reader reader;
  for (auto _ : state) {
    Decoder decoder(w.heap, w.symbols, w.refs);
    reader.Reset(out.bytes());
    decoder.Start(Decoder::As::kValue, &reader);
    VESICLE_CHECK(decoder.Go(w.refs, UINT64_MAX) == Decoder::Step::kDone);
    if (w.heap.wants_safe_point()) w.heap.SafePoint();
  }
  state.SetBytesProcessed(static_cast<int64_t>(out.size()) * state.iterations());
  Per(state, "row", state.range(0));
}
BENCHMARK(SyrupDecodeTable)->Arg(10)->Arg(10'000);

}  // namespace
}  // namespace vesicle::bench
