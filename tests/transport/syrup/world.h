// What the tests of Syrup share: a heap with its symbols, values to bytes and back, refs that
// are spelled by their number, and random values.
//
// Replay a failure with the seed it prints:  VESICLE_SEED=n syrup_test -tc="..."
#ifndef VESICLE_TESTS_TRANSPORT_SYRUP_WORLD_H_
#define VESICLE_TESTS_TRANSPORT_SYRUP_WORLD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/vm/value/testing.h"
#include "transport/syrup/decoder.h"
#include "transport/syrup/encoder.h"
#include "transport/syrup/framer.h"
#include "transport/syrup/reader.h"
#include "transport/syrup/writer.h"

namespace vesicle::syrup {

using vesicle::testing::Rng;

// <11'desc:export n>, by place in a list.
class Refs final : public RefWriter, public RecordReader {
 public:
  explicit Refs(Heap& heap) : heap_(heap) {}
  std::optional<Failure> WriteRef(Value ref, Writer& out) override;
  Result ReadRecord(std::string_view label, Reader& reader) override;

  Value New();
  Value at(size_t i) const { return refs_[i].value(); }
  size_t size() const { return refs_.size(); }
  // The next so many questions are answered with this.
  void FailNext(Failure failure, int times) {
    failure_ = failure;
    failures_ = times;
  }

 private:
  Heap& heap_;
  std::vector<Root> refs_;
  Failure failure_ = Failure::kMemory;
  int failures_ = 0;
};

// Collections come between two pieces of work.
enum class Pieces : uint8_t { kOne, kSmallWithCollections };

class World {
 public:
  explicit World(const Limits& limits = {});

  // The bytes; "" when it failed, and error() says why.
  std::string Encode(Value value, Encoder::As as = Encoder::As::kValue);
  // Nothing when it failed, and error() says why.
  std::optional<Root> Decode(std::string_view bytes, Decoder::As as = Decoder::As::kValue);
  const Error& error() const { return error_; }

  // What a script writes as `text` prints as (vm/value/print.h).
  std::string Printed(std::string_view bytes, Decoder::As as = Decoder::As::kValue);

  Value Random(Rng& rng, int depth, bool with_refs);
  bool Same(Value a, Value b);

  Heap& heap() { return heap_; }
  SymbolTable& symbols() { return symbols_; }
  Refs& refs() { return refs_; }
  Value Symbol(std::string_view name) { return symbols_.Intern(name).value(); }
  Value Text(std::string_view text) { return MakeText(heap_, text).value(); }
  Value Tagged(std::string_view tag, std::initializer_list<Value> fields);
  Value List(std::initializer_list<Value> elements);
  Value Map(std::initializer_list<MapEntry> entries);
  IdentitySource& identities() { return identities_; }
  const Limits& limits() const { return limits_; }

  Pieces pieces = Pieces::kOne;

 private:
  Value RandomAtom(Rng& rng);
  std::string RandomText(Rng& rng);

  Limits limits_;
  // Shows the heap what is under way.
  class Client final : public HeapClient {
   public:
    void VisitYoungRoots(Visitor& visitor) override;
    void OnYoungEmptied() override { symbols->OnYoungEmptied(); }
    void VisitMarkRoots(Visitor& visitor) override { VisitAllRoots(visitor); }
    bool VisitMarkRootsSlice(Visitor&, size_t) override { return false; }
    void Trace(Object*, Visitor&) override {}
    void Finalize(Object*) override {}
    void VisitAllRoots(Visitor& visitor) override;

    SymbolTable* symbols = nullptr;
    Encoder* encoder = nullptr;
    Decoder* decoder = nullptr;
  };
  Client client_;
  Heap heap_;
  SymbolTable symbols_;
  vesicle::testing::Identities identities_;
  Refs refs_;
  Encoder encoder_;
  Decoder decoder_;
  Writer writer_;
  Reader reader_;
  Error error_;
};

// Bytes of C++ memory that `new` has given out now, and how often it did.
struct Allocated {
  int64_t bytes = 0;
  int64_t times = 0;
};
Allocated AllocatedNow();

}  // namespace vesicle::syrup

#endif  // VESICLE_TESTS_TRANSPORT_SYRUP_WORLD_H_
