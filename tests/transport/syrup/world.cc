#include "tests/transport/syrup/world.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "vm/value/bytes.h"
#include "vm/value/compare.h"
#include "vm/value/print.h"
#include "vm/value/utf8.h"

namespace vesicle::syrup {

std::optional<Failure> Refs::WriteRef(Value ref, Writer& out) {
  // As a real one may: something is written before the failure is known.
  out.BeginRecord("desc:export");
  if (failures_ > 0) {
    --failures_;
    return failure_;
  }
  for (size_t i = 0; i < refs_.size(); ++i) {
    if (!(refs_[i].value() == ref)) continue;
    out.Int(static_cast<int64_t>(i));
    out.EndRecord();
    return std::nullopt;
  }
  return Failure::kType;
}

Result Refs::ReadRecord(std::string_view label, Reader& reader) {
  if (label != "desc:export") return Failure::kSyntax;
  if (reader.Next() != Token::kInt || !reader.fits_int64()) return Failure::kType;
  const size_t i = static_cast<size_t>(reader.int64());
  if (reader.Next() != Token::kRecordEnd) return Failure::kType;
  if (failures_ > 0) {
    --failures_;
    return failure_;
  }
  if (i >= refs_.size()) return Failure::kType;
  return refs_[i].value();
}

Value Refs::New() {
  refs_.emplace_back(heap_, vesicle::testing::NewRef(heap_));
  return refs_.back().value();
}

void World::Client::VisitYoungRoots(Visitor& visitor) {
  symbols->VisitYoungRoots(visitor);
  encoder->Visit(visitor);
  decoder->Visit(visitor);
}

void World::Client::VisitAllRoots(Visitor& visitor) {
  symbols->VisitRoots(visitor);
  encoder->Visit(visitor);
  decoder->Visit(visitor);
}

World::World(const Limits& limits)
    : limits_(limits),
      heap_({}, &client_),
      symbols_(heap_),
      refs_(heap_),
      encoder_(heap_),
      decoder_(heap_, symbols_, identities_),
      writer_(limits),
      reader_(limits) {
  client_.symbols = &symbols_;
  client_.encoder = &encoder_;
  client_.decoder = &decoder_;
}

std::string World::Encode(Value value, Encoder::As as) {
  const uint64_t piece = pieces == Pieces::kOne ? UINT64_MAX : 3;
  writer_.Clear();
  encoder_.Start(value, as, &writer_);
  Encoder::Step step;
  while ((step = encoder_.Go(refs_, piece)) == Encoder::Step::kMore ||
         step == Encoder::Step::kNoRoom) {
    heap_.Collect(Heap::Scope::kYoung);
  }
  error_ = writer_.error();
  CHECK((step == Encoder::Step::kDone) == error_.ok());
  if (!writer_.EndMessage()) CHECK(writer_.size() == 0);
  return std::string(writer_.bytes());
}

std::optional<Root> World::Decode(std::string_view bytes, Decoder::As as) {
  const uint64_t piece = pieces == Pieces::kOne ? UINT64_MAX : 3;
  reader_.Reset(bytes);
  decoder_.Start(as, &reader_);
  Decoder::Step step;
  while ((step = decoder_.Go(refs_, piece)) == Decoder::Step::kMore ||
         step == Decoder::Step::kNoRoom) {
    heap_.Collect(Heap::Scope::kYoung);
  }
  error_ = decoder_.error();
  if (step == Decoder::Step::kDone && reader_.Next() != Token::kEnd) error_ = reader_.error();
  if (!error_.ok()) return std::nullopt;
  return Root(heap_, decoder_.value());
}

std::string World::Printed(std::string_view bytes, Decoder::As as) {
  const std::optional<Root> value = Decode(bytes, as);
  return value ? Print(value->value()) : error_.ToString();
}

bool World::Same(Value a, Value b) {
  Comparer comparer;
  comparer.Start(a, b, CompareMode::kSame);
  return comparer.Run(UINT64_MAX) == Outcome::kSame;
}

Value World::Tagged(std::string_view tag, std::initializer_list<Value> fields) {
  return MakeTagged(heap_, Symbol(tag), {fields.begin(), fields.size()}).value();
}

Value World::List(std::initializer_list<Value> elements) {
  return MakeList(heap_, {elements.begin(), elements.size()}).value();
}

Value World::Map(std::initializer_list<MapEntry> entries) {
  Value map = EmptyMap(heap_);
  for (const MapEntry& e : entries) {
    map = MapPut(heap_, map, e.key, e.value, identities_).value();
  }
  return map;
}

std::string World::RandomText(Rng& rng) {
  std::string out;
  for (uint64_t n = rng.OneIn(10) ? rng.Below(200) : rng.Below(12); n > 0; --n) {
    uint32_t point = static_cast<uint32_t>(32 + rng.Below(95));
    if (rng.OneIn(6)) point = static_cast<uint32_t>(rng.Below(kCodePointMax));
    if (IsScalarValue(point)) AppendUtf8(point, &out);
  }
  return out;
}

Value World::RandomAtom(Rng& rng) {
  const double kFloats[] = {0.0,    -0.0,    1.5,
                            NAN,    1e300,   std::numeric_limits<double>::infinity(),
                            5e-324, -1e-300, -std::numeric_limits<double>::infinity()};
  const char* const kNames[] = {"get",           "ocapn",     "args",        "null",
                                "tagged",        "error",     "desc:tagged", "vesicle:map",
                                "vesicle:value", "vesicle:x", "void"};
  switch (rng.Below(11)) {
    case 0:
      return Value::Nil();
    case 1:
      return Value::Bool(rng.OneIn(2));
    case 2:
      return Value::SmallInt(static_cast<int64_t>(rng.Below(20)) - 10);
    case 3:
      return MakeInt(heap_, static_cast<int64_t>(rng.Next()) >> rng.Below(64));
    case 4: {
      const Value shift = Value::SmallInt(static_cast<int64_t>(rng.Below(300)));
      const Value big =
          ShiftLeft(heap_, MakeInt(heap_, static_cast<int64_t>(rng.Next())), shift).value();
      return rng.OneIn(2) ? big : Subtract(heap_, big, Value::SmallInt(1)).value();
    }
    case 5:
      return MakeFloat(heap_, kFloats[rng.Below(9)]);
    case 6: {
      const uint64_t bits = rng.Next();
      double d;
      std::memcpy(&d, &bits, sizeof d);
      return MakeFloat(heap_, d);
    }
    case 7: {
      std::string bytes;
      for (uint64_t n = rng.Below(20); n > 0; --n) bytes += static_cast<char>(rng.Below(256));
      return MakeBytes(heap_, bytes).value();
    }
    case 8:
      return Symbol(rng.OneIn(2) ? std::string(kNames[rng.Below(11)]) : RandomText(rng));
    default:
      return Text(RandomText(rng));
  }
}

Value World::Random(Rng& rng, int depth, bool with_refs) {
  if (with_refs && refs_.size() > 0 && rng.OneIn(8)) return refs_.at(rng.Below(refs_.size()));
  if (depth == 0 || rng.OneIn(3)) return RandomAtom(rng);
  const uint64_t n = rng.OneIn(6) ? rng.Below(50) : rng.Below(6);
  switch (rng.Below(4)) {
    case 0: {
      std::vector<Value> fields;
      const char* const kTags[] = {"t",           "ocapn",         "args",
                                   "vesicle:map", "vesicle:value", "vesicle:y"};
      if (rng.OneIn(3)) {
        const char* const kForms[] = {"null", "tagged", "error"};
        fields.push_back(Symbol(kForms[rng.Below(3)]));
      }
      for (uint64_t i = rng.Below(4); i > 0; --i)
        fields.push_back(Random(rng, depth - 1, with_refs));
      const Value tag = Symbol(rng.OneIn(3) ? RandomText(rng) : kTags[rng.Below(6)]);
      return MakeTagged(heap_, tag, fields).value();
    }
    case 1: {
      Value list = EmptyList(heap_);
      for (uint64_t i = 0; i < n; ++i) {
        const Value element = Random(rng, depth - 1, with_refs);
        list = rng.OneIn(3) ? Prepend(heap_, element, list) : Append(heap_, list, element);
      }
      return list;
    }
    case 2: {
      Value map = EmptyMap(heap_);
      for (uint64_t i = 0; i < n; ++i) {
        const Value key = Text(RandomText(rng));
        map = MapPut(heap_, map, key, Random(rng, depth - 1, with_refs), identities_).value();
      }
      return map;
    }
    default: {
      Value map = EmptyMap(heap_);
      for (uint64_t i = 0; i < n; ++i) {
        const Value key = Random(rng, depth / 2, with_refs);
        const Result put = MapPut(heap_, map, key, Random(rng, depth - 1, with_refs), identities_);
        if (put.ok()) map = put.value();  // not every value may be a key
      }
      return map;
    }
  }
}

}  // namespace vesicle::syrup
