// Every value that a parcel takes is the same on the other side, whatever its size, in one piece or
// in many with collections between.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/vm/value/testing.h"
#include "transport/parcel/decoder.h"
#include "transport/parcel/encoder.h"
#include "vm/value/bytes.h"
#include "vm/value/number.h"
#include "vm/value/print.h"

namespace vesicle::parcel {
namespace {

using vesicle::testing::Rng;

constexpr size_t kBytesMax = size_t{64} << 20;

// A heap of its own, which sees what is under way in it.
class Side final : private HeapClient {
 public:
  Side()
      : heap_({}, this), symbols_(heap_), encoder_(heap_), decoder_(heap_, symbols_, identities_) {
    ready_ = true;
  }

  Heap& heap() { return heap_; }
  SymbolTable& symbols() { return symbols_; }
  vesicle::testing::Identities& identities() { return identities_; }
  Encoder& encoder() { return encoder_; }
  Decoder& decoder() { return decoder_; }

 private:
  void VisitYoungRoots(Visitor& visitor) override {
    if (!ready_) return;
    symbols_.VisitYoungRoots(visitor);
    Show(visitor);
  }
  void OnYoungEmptied() override {
    if (ready_) symbols_.OnYoungEmptied();
  }
  void VisitMarkRoots(Visitor& visitor) override { VisitAllRoots(visitor); }
  bool VisitMarkRootsSlice(Visitor&, size_t) override { return false; }
  void Trace(Object*, Visitor&) override {}
  void Finalize(Object*) override {}
  void VisitAllRoots(Visitor& visitor) override {
    if (!ready_) return;
    symbols_.VisitRoots(visitor);
    Show(visitor);
  }
  void Show(Visitor& visitor) {
    encoder_.Visit(visitor);
    decoder_.Visit(visitor);
  }

  bool ready_ = false;
  Heap heap_;
  SymbolTable symbols_;
  vesicle::testing::Identities identities_;
  Encoder encoder_;
  Decoder decoder_;
};

// Reference number i of one side is number i of the other.
class Refs final : public RefWriter, public RefReader {
 public:
  Refs(Side& from, Side& to) {
    for (int i = 0; i < 5; ++i) {
      here.emplace_back(from.heap(), vesicle::testing::NewRef(from.heap()));
      there.emplace_back(to.heap(), vesicle::testing::NewRef(to.heap()));
    }
  }
  std::optional<Failure> WriteRef(Value ref, Words& out) override {
    if (failures > 0) {
      --failures;
      return failure;
    }
    for (size_t i = 0; i < here.size(); ++i) {
      if (here[i].value() == ref) {
        out.Push(RefWord(static_cast<uint8_t>(i % 4), i));
        return std::nullopt;
      }
    }
    return Failure::kType;
  }
  std::optional<Failure> WriteCode(const Object*, Words&) override { return Failure::kType; }
  Result ReadRef(uint8_t kind, uint64_t position) override {
    CHECK(kind == position % 4);
    ++read;
    return there[position].value();
  }
  Result ReadRecord(std::string_view) override { return Failure::kType; }
  Result ReadCode(uint64_t, uint64_t) override { return Failure::kType; }

  std::vector<Root> here;
  std::vector<Root> there;
  Failure failure = Failure::kMemory;
  int failures = 0;
  int read = 0;
};

enum class Pieces { kOne, kSmallWithCollections };

// From one side to the other, and as it is there. Nothing: it failed.
std::optional<Root> Cross(Side& from, Side& to, Refs& refs, Value value, Pieces pieces) {
  const bool is_one = pieces == Pieces::kOne;
  const uint64_t work = is_one ? uint64_t{1} << 40 : 3;
  Words words;
  from.encoder().Start(value, &words, kBytesMax);
  for (;;) {
    const Step step = from.encoder().Go(refs, work);
    if (step == Step::kDone) break;
    if (step == Step::kFailed) return std::nullopt;
    if (!is_one) from.heap().Collect(Heap::Scope::kYoung);
  }
  const std::string_view bytes = words.bytes();
  to.decoder().Start({reinterpret_cast<const uint64_t*>(bytes.data()), words.size()});
  for (;;) {
    const Step step = to.decoder().Go(refs, work);
    if (step == Step::kDone) return Root(to.heap(), to.decoder().value());
    if (step == Step::kFailed) return std::nullopt;
    if (!is_one) to.heap().Collect(Heap::Scope::kYoung);
  }
}

PrintOptions All() {
  PrintOptions options;
  options.bytes_max = size_t{1} << 26;
  return options;
}

Value RandomValue(Rng& rng, Side& side, const Refs& refs, int depth);

Value RandomAtom(Rng& rng, Side& side) {
  Heap& heap = side.heap();
  switch (rng.Below(8)) {
    case 0:
      return Value::Bool(rng.OneIn(2));
    case 1:
      return MakeInt(heap, static_cast<int64_t>(rng.Next()) >> rng.Below(64));
    case 2: {
      const Value shift = Value::SmallInt(static_cast<int64_t>(rng.Below(300)));
      return ShiftLeft(heap, MakeInt(heap, static_cast<int64_t>(rng.Next())), shift).value();
    }
    case 3:
      return MakeFloat(heap, rng.OneIn(2) ? 1e300 : -0.0);
    case 4:
      return MakeBytes(heap, std::string(rng.Below(100), '\xff')).value();
    case 5:
      return side.symbols().Intern(std::string(1 + rng.Below(30), 's')).value();
    case 6:
      return vesicle::testing::Text(heap, std::string(rng.Below(100), 'x') + "\xc3\xa4");
    default:
      return Value::Nil();
  }
}

Value RandomValue(Rng& rng, Side& side, const Refs& refs, int depth) {
  Heap& heap = side.heap();
  if (rng.OneIn(8)) return refs.here[rng.Below(refs.here.size())].value();
  if (depth == 0 || rng.OneIn(3)) return RandomAtom(rng, side);
  const uint64_t n = rng.OneIn(6) ? rng.Below(300) : rng.Below(6);
  switch (rng.Below(3)) {
    case 0: {
      std::vector<Value> fields;
      for (uint64_t i = 0; i < n % 20; ++i)
        fields.push_back(RandomValue(rng, side, refs, depth - 1));
      return MakeTagged(heap, vesicle::testing::Sym("t"), fields).value();
    }
    case 1: {
      Value list = EmptyList(heap);
      for (uint64_t i = 0; i < n; ++i) {
        const Value element = RandomValue(rng, side, refs, n > 20 ? 0 : depth - 1);
        list = rng.OneIn(3) ? Prepend(heap, element, list) : Append(heap, list, element);
      }
      return rng.OneIn(3) ? Drop(heap, list, n / 3) : list;
    }
    default: {
      Value map = EmptyMap(heap);
      for (uint64_t i = 0; i < n; ++i) {
        const Value key = rng.OneIn(4) ? RandomValue(rng, side, refs, depth / 2)
                                       : Value::SmallInt(static_cast<int64_t>(rng.Below(1000)));
        const Result put =
            MapPut(heap, map, key, RandomValue(rng, side, refs, n > 20 ? 0 : depth - 1),
                   side.identities());
        if (put.ok()) map = put.value();
      }
      return map;
    }
  }
}

TEST_CASE("parcel: a value and its copy in another heap print alike, in one piece or in many") {
  VESICLE_RANDOM_TEST(rng);
  for (int round = 0; round < 300; ++round) {
    Side from, to;
    Refs refs(from, to);
    const Root value(from.heap(), RandomValue(rng, from, refs, 4));
    const std::string wanted = Print(value.value(), All());
    for (const Pieces pieces : {Pieces::kOne, Pieces::kSmallWithCollections}) {
      const std::optional<Root> copy = Cross(from, to, refs, value.value(), pieces);
      REQUIRE(copy.has_value());
      CHECK(Print(copy->value(), All()) == wanted);
    }
  }
}

TEST_CASE("parcel: a long list and a large map can be changed where they came") {
  Side from, to;
  Refs refs(from, to);
  Value list = EmptyList(from.heap()), map = EmptyMap(from.heap());
  for (int64_t i = 0; i < 10'000; ++i) {
    list = Append(from.heap(), list, Value::SmallInt(i));
    map = MapPut(from.heap(), map, Value::SmallInt(i * 7 % 10'007), Value::SmallInt(i),
                 from.identities())
              .value();
  }
  const Root both(from.heap(), vesicle::testing::List(from.heap(), {list, map}));
  const auto copy = Cross(from, to, refs, both.value(), Pieces::kSmallWithCollections);
  REQUIRE(copy.has_value());
  map = ListAt(both.value(), 1);  // it has moved
  Value there = ListAt(copy->value(), 0);
  const Value map_there = ListAt(copy->value(), 1);
  CHECK(ListSize(there) == 10'000);
  there = Append(to.heap(), Prepend(to.heap(), Value::Nil(), there), Value::True());
  CHECK(ListSize(there) == 10'002);
  CHECK(ListAt(there, 5'001) == Value::SmallInt(5'000));
  CHECK(MapSize(map_there) == MapSize(map));
  for (int64_t i = 0; i < 10'000; ++i) {
    const Value key = Value::SmallInt(i * 7 % 10'007);
    CHECK(MapGet(map_there, key, to.identities()).value() ==
          MapGet(map, key, from.identities()).value());
  }
}

TEST_CASE("parcel: a ref that finds no room is asked for again, and read once") {
  Side from, to;
  Refs refs(from, to);
  const Value ref = refs.here[3].value();
  refs.failures = 2;
  const Value list = vesicle::testing::List(from.heap(), {ref, Value::SmallInt(1), ref});
  Words words;
  from.encoder().Start(list, &words, kBytesMax);
  CHECK(from.encoder().Go(refs, 1'000) == Step::kNoRoom);
  CHECK(from.encoder().Go(refs, 1'000) == Step::kNoRoom);
  CHECK(from.encoder().Go(refs, 1'000) == Step::kDone);
  to.decoder().Start({reinterpret_cast<const uint64_t*>(words.bytes().data()), words.size()});
  CHECK(to.decoder().Go(refs, 1'000) == Step::kDone);
  CHECK(refs.read == 2);
  CHECK(ListAt(to.decoder().value(), 2) == refs.there[3].value());
}

TEST_CASE("parcel: what is too long, and a ref that may not cross, are told apart") {
  Side from, to;
  Refs refs(from, to);
  Words words;
  Value list = EmptyList(from.heap());
  for (int i = 0; i < 1000; ++i) list = Append(from.heap(), list, Value::SmallInt(i));
  from.encoder().Start(list, &words, 1'000);
  CHECK(from.encoder().Go(refs, 1'000'000) == Step::kFailed);
  CHECK(from.encoder().is_too_long());
  from.encoder().Start(vesicle::testing::NewRef(from.heap()), &words, kBytesMax);
  CHECK(from.encoder().Go(refs, 1'000) == Step::kFailed);
  CHECK(from.encoder().failure() == Failure::kType);
  CHECK(!from.encoder().is_too_long());
}

TEST_CASE("parcel: depth is no limit") {
  Side from, to;
  Refs refs(from, to);
  Value deep = Value::Nil();
  constexpr int kDepth = 200'000;
  for (int i = 0; i < kDepth; ++i) {
    const Value fields[] = {deep};
    deep = MakeTagged(from.heap(), vesicle::testing::Sym("d"), fields).value();
  }
  const Root root(from.heap(), deep);
  const auto copy = Cross(from, to, refs, root.value(), Pieces::kOne);
  REQUIRE(copy.has_value());
  int depth = 0;
  for (Value v = copy->value(); !v.is_nil(); v = FieldsOf(v)[0]) ++depth;
  CHECK(depth == kDepth);
}

}  // namespace
}  // namespace vesicle::parcel
