// Values of the VM on the wire and back.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/harness/sanitized.h"
#include "tests/transport/syrup/world.h"
#include "transport/syrup/forms.h"
#include "vm/value/bytes.h"

namespace vesicle::syrup {
namespace {

using namespace std::string_literals;

// Encodes, decodes, encodes again; what differs, or "".
std::string RoundTrip(World& world, Value value, Encoder::As as = Encoder::As::kValue,
                      const std::function<void(std::string*)>& tamper = nullptr) {
  const Root original(world.heap(), value);
  std::string bytes = world.Encode(value, as);
  if (!world.error().ok()) return "encoder: " + world.error().ToString();
  const std::string written = bytes;
  if (tamper) tamper(&bytes);
  const std::optional<Root> back =
      world.Decode(bytes, as == Encoder::As::kValue ? Decoder::As::kValue : Decoder::As::kMessage);
  if (!back) return "decoder: " + world.error().ToString() + " in " + bytes;
  if (!world.Same(original.value(), back->value())) return "another value: " + bytes;
  const std::string again = world.Encode(back->value(), as);
  return again == written ? "" : "another spelling: " + written + " and " + again;
}

TEST_CASE("values: each form has its spelling, and reads as itself") {
  World world;
  const Value null = MakeNull(world.heap());
  const auto sym = [&](std::string_view name) { return world.Symbol(name); };
  const auto text = [&](std::string_view t) { return world.Text(t); };
  const auto n = [](int64_t i) { return Value::SmallInt(i); };
  const struct {
    Value value;
    std::string wire;
  } kCases[] = {
      {Value::Nil(), "<4'void>"},
      {null, "<4'null>"},
      {Value::True(), "t"},
      {n(-3), "3-"},
      {ShiftLeft(world.heap(), n(1), n(64)).value(), "18446744073709551616+"},
      {ShiftLeft(world.heap(), n(-1), n(60)).value(), "1152921504606846976-"},
      {Value::Zero(), "D\0\0\0\0\0\0\0\0"s},
      {Value::MinusZero(), "D\x80\0\0\0\0\0\0\0"s},
      {Value::NaN(), "D\x7f\xf8\0\0\0\0\0\0"s},
      {text("cat"), "3\"cat"},
      {text("a longer text"), "13\"a longer text"},
      {MakeBytes(world.heap(), "\0\xff"s).value(), "2:\0\xff"s},
      {sym("get"), "3'get"},
      {sym("deposit-gift"), "12'deposit-gift"},
      {world.List({}), "[]"},
      {world.List({n(1), world.List({})}), "[1+[]]"},
      {world.Tagged("t", {n(1), n(2)}), "<11'desc:tagged1't[1+2+]>"},
      {world.Tagged("ocapn", {sym("tagged"), sym("t"), n(5)}), "<11'desc:tagged1't5+>"},
      {world.Tagged("ocapn", {sym("tagged"), sym("t"), world.List({})}), "<11'desc:tagged1't[]>"},
      {world.Tagged("ocapn", {sym("tagged"), sym("ocapn"), world.List({n(1)})}),
       "<11'desc:tagged5'ocapn[1+]>"},
      {world.Tagged("ocapn", {sym("tagged"), sym("t"), world.List({n(1)})}),
       "<11'desc:tagged13'vesicle:value[5'ocapn6'tagged1't[1+]]>"},
      {world.Tagged("ocapn", {sym("tagged"), sym("vesicle:map"), n(1)}),
       "<11'desc:tagged13'vesicle:value[5'ocapn6'tagged11'vesicle:map1+]>"},
      {world.Tagged("ocapn", {sym("error"), text("no")}), "<10'desc:error2\"no>"},
      {world.Tagged("ocapn", {sym("error"), text("no"), n(1)}), "<10'desc:error2\"no1+>"},
      {world.Tagged("ocapn", {sym("error"), n(1)}),
       "<11'desc:tagged13'vesicle:value[5'ocapn5'error1+]>"},
      {world.Tagged("vesicle:map", {n(1), n(2)}),
       "<11'desc:tagged13'vesicle:value[11'vesicle:map1+2+]>"},
      {world.Map({}), "{}"},
      {world.Map({{text("bb"), n(2)}, {text("abcdefghij"), n(1)}}), "{10\"abcdefghij1+2\"bb2+}"},
      {world.Map({{n(1), n(2)}, {n(0), Value::Nil()}}),
       "<11'desc:tagged11'vesicle:map[0+<4'void>1+2+]>"},
      {world.Map({{text("a"), n(2)}, {sym("b"), n(3)}}),
       "<11'desc:tagged11'vesicle:map[1\"a2+1'b3+]>"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.wire);
    CHECK(world.Encode(c.value) == c.wire);
    CHECK(RoundTrip(world, c.value) == "");
  }
}

TEST_CASE("values: messages are lists of arguments") {
  World world;
  const auto sym = [&](std::string_view name) { return world.Symbol(name); };
  const auto n = [](int64_t i) { return Value::SmallInt(i); };
  const struct {
    Value message;
    std::string wire;
  } kCases[] = {
      {n(5), "[5+]"},
      {Value::Nil(), "[<4'void>]"},
      {MakeNull(world.heap()), "[<4'null>]"},
      {sym("get"), "[3'get]"},
      {sym("ocapn"), "[5'ocapn]"},
      {world.Tagged("add", {n(1), n(2)}), "[3'add1+2+]"},
      {world.List({n(1), n(2)}), "[[1+2+]]"},
      {sym("args"), "[]"},
      {world.Tagged("args", {n(1), n(2)}), "[1+2+]"},
      {world.Tagged("args", {sym("args")}), "[4'args]"},
      {world.Tagged("args", {sym("args"), n(1)}), "[4'args1+]"},
      {world.Tagged("args", {sym("ocapn"), sym("null")}), "[5'ocapn4'null]"},
      {world.Tagged("args", {world.Tagged("t", {n(1)})}), "[<11'desc:tagged1't[1+]>]"},
      {world.Tagged("args", {world.Map({}), n(1)}), "[{}1+]"},
      {world.Tagged("vesicle:x", {n(1)}), "[9'vesicle:x1+]"},
      {world.Tagged("ocapn", {n(1)}), "[<11'desc:tagged13'vesicle:value[5'ocapn1+]>]"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.wire);
    CHECK(world.Encode(c.message, Encoder::As::kArguments) == c.wire);
    CHECK(RoundTrip(world, c.message, Encoder::As::kArguments) == "");
  }
  // The one place where two messages are one.
  CHECK(world.Encode(world.Tagged("args", {n(5)}), Encoder::As::kArguments) == "[5+]");
  CHECK(world.Printed("5+", Decoder::As::kMessage) ==
        "byte 0: a record of a known label and another form");
}

TEST_CASE("values: every list of arguments is a message that is spelled so") {
  VESICLE_RANDOM_TEST(rng);
  World world;
  for (int round = 0; round < 3000; ++round) {
    std::vector<Value> elements;
    for (uint64_t i = rng.Below(5); i > 0; --i) elements.push_back(world.Random(rng, 2, false));
    const std::string wire = world.Encode(MakeList(world.heap(), elements).value());
    const std::optional<Root> message = world.Decode(wire, Decoder::As::kMessage);
    REQUIRE(message);
    const std::string again = world.Encode(message->value(), Encoder::As::kArguments);
    CHECK(again == wire);
  }
}

TEST_CASE("values: random values cross exactly and have one spelling") {
  VESICLE_RANDOM_TEST(rng);
  for (int way = 0; way < 2; ++way) {
    World world;
    world.pieces = way == 0 ? Pieces::kOne : Pieces::kSmallWithCollections;
    for (int i = 0; i < 4; ++i) world.refs().New();
    for (int round = 0; round < (way == 0 ? 4000 : 400); ++round) {
      const Value value = world.Random(rng, 4, true);
      const std::string differs = RoundTrip(world, value);
      REQUIRE(differs == "");
      if (round % 50 == 0) world.heap().Collect(Heap::Scope::kFull);
    }
    CHECK(world.heap().Verify() == nullptr);
  }
}

// What a codec might do wrong, done to the bytes on their way.
TEST_CASE("values: the harness notices what a codec might do wrong") {
  const auto replace = [](std::string* bytes, const std::string& from, const std::string& to) {
    const size_t at = bytes->find(from);
    if (at != std::string::npos) bytes->replace(at, from.size(), to);
  };
  const std::function<void(std::string*)> kBugs[] = {
      [&](std::string* b) {
        replace(b, "D\x80\0\0\0\0\0\0\0"s, "D\0\0\0\0\0\0\0\0"s);
      },  // sign of 0
      [&](std::string* b) { replace(b, "<4'void>", "<4'null>"); },
      [&](std::string* b) { replace(b, "9-", "9+"); },
      [&](std::string* b) { replace(b, "1't[]", "1't"); },
      [&](std::string* b) { replace(b, "13'vesicle:value", "1't"); },
      [&](std::string* b) { replace(b, "[t", "[f"); },
      [&](std::string* b) { replace(b, "0\"", "0:"); },
  };
  for (const auto& bug : kBugs) {
    Rng rng(vesicle::testing::Seed());
    World world;
    bool is_noticed = false;
    for (int round = 0; round < 4000 && !is_noticed; ++round) {
      is_noticed = RoundTrip(world, world.Random(rng, 4, false), Encoder::As::kValue, bug) != "";
    }
    CHECK(is_noticed);
  }
}

TEST_CASE("values: other dialects are read, and respelled") {
  World world;
  CHECK(world.Printed("<8'desc:tag1\"t[1+]>") == "#t(1)");
  CHECK(world.Printed("{1'a1+}") == "{[#a]: 1}");
  CHECK(world.Printed("<10'desc:error2\"no[]t>") == "#ocapn(#error, \"no\", [], true)");
  CHECK(world.Printed("<11'desc:tagged11'vesicle:map[1+2+0+1+]>") == "{[0]: 1, [1]: 2}");
}

TEST_CASE("values: what is refused, and where") {
  World world;
  const auto repeat = [](size_t n, const std::string& s) {
    std::string out;
    for (size_t i = 0; i < n; ++i) out += s;
    return out;
  };
  const struct {
    std::string wire;
    Wrong wrong;
    uint64_t at;
  } kCases[] = {
      {"[<3'foo1+>]", Wrong::kRecord, 1},
      {"[<1+>]", Wrong::kRecord, 1},
      {"<4'void1+>", Wrong::kRecordForm, 0},
      {"<4'null1+>", Wrong::kRecordForm, 0},
      {"<10'desc:error>", Wrong::kRecordForm, 0},
      {"<10'desc:error1+>", Wrong::kRecordForm, 0},
      {"<11'desc:tagged>", Wrong::kRecordForm, 15},
      {"<11'desc:tagged1't>", Wrong::kRecordForm, 0},
      {"<11'desc:tagged1't1+2+>", Wrong::kRecordForm, 0},
      {"<11'desc:tagged1't[1+]2+>", Wrong::kRecordForm, 0},
      {"<11'desc:tagged1+[1+]>", Wrong::kRecordForm, 15},
      {"[<11'desc:tagged9'vesicle:x[1+]>]", Wrong::kReservedTag, 16},
      {"<11'desc:tagged11'vesicle:map1+>", Wrong::kReservedTag, 0},
      {"<11'desc:tagged11'vesicle:map[1+]>", Wrong::kNoValue, 29},
      {"<11'desc:tagged11'vesicle:map[]>", Wrong::kReservedTag, 29},
      {"<11'desc:tagged11'vesicle:map[1\"a1+]>", Wrong::kReservedTag, 29},
      {"<11'desc:tagged11'vesicle:map[1+1+1+2+]>", Wrong::kKeyTwice, 29},
      {"<11'desc:tagged13'vesicle:value[1't1+]>", Wrong::kReservedTag, 31},
      {"<11'desc:tagged13'vesicle:value[5'ocapn4'null]>", Wrong::kReservedTag, 31},
      {"<11'desc:tagged13'vesicle:value[9'vesicle:x]>", Wrong::kReservedTag, 31},
      {"<11'desc:tagged13'vesicle:value[1+2+]>", Wrong::kReservedTag, 31},
      {"<11'desc:export7+>", Wrong::kRefRefused, 0},
      {"[1+2\"\xc3\x28]", Wrong::kUtf8, 3},
      {"[1+", Wrong::kCut, 3},
      {"4097'" + std::string(4097, 'x'), Wrong::kSymbolTooLong, 0},
      {"<11'desc:tagged4097'" + std::string(4097, 'x') + "[t]>", Wrong::kSymbolTooLong, 15},
      {"<10'desc:error1\"x" + repeat(65534, "t") + ">", Wrong::kFieldsTooMany, 0},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.wire);
    CHECK(!world.Decode(c.wire));
    CHECK(world.error().wrong == c.wrong);
    CHECK(world.error().at == c.at);
  }
  CHECK(world.Decode("4096'" + std::string(4096, 'x')));
  CHECK(world.Decode("<10'desc:error1\"x" + repeat(65533, "t") + ">"));
  // So many fields are a tagged value, and one more is a list.
  const std::string fields = repeat(65535, "t");
  CHECK(IsTagged(world.Decode("<11'desc:tagged1't[" + fields + "]>")->value()));
  const std::string more = "<11'desc:tagged1't[" + fields + "t]>";
  CHECK(TagOf(world.Decode(more)->value()) == OcapnSymbol());
  CHECK(world.Encode(world.Decode(more)->value()) == more);
  CHECK(world.Decode("[1'm" + fields + "]", Decoder::As::kMessage));
  CHECK(!world.Decode("[1'm" + fields + "t]", Decoder::As::kMessage));
  CHECK(world.error().wrong == Wrong::kFieldsTooMany);
}

TEST_CASE("values: functions, behaviors and what is no value do not cross") {
  World world;
  for (const Kind kind : {Kind::kFunction, Kind::kBehavior, Kind::kTuple}) {
    const Value code = Value::Data(world.heap().Allocate(kind, 1));
    for (const Value v : {code, world.List({Value::SmallInt(1), code})}) {
      CHECK(world.Encode(v) == "");
      CHECK(world.error().wrong == Wrong::kNoData);
    }
  }
  CHECK(world.error().ToString() ==
        "byte 3: a function or a behavior, which does not leave its process");
}

TEST_CASE("values: refs are spelled by who knows them, and asked for again when there is room") {
  World world;
  const Value a = world.refs().New();
  const Value b = world.refs().New();
  const Root both(world.heap(),
                  world.List({a, world.Map({{b, a}}), world.Map({{world.Text("k"), b}})}));
  const std::string wire =
      "[<11'desc:export0+><11'desc:tagged11'vesicle:map[<11'desc:export1+><11'desc:export0+>]>{"
      "1\"k<"
      "11'desc:export1+>}]";
  CHECK(world.Encode(both.value()) == wire);
  world.refs().FailNext(Failure::kMemory, 2);
  CHECK(world.Encode(both.value()) == wire);
  world.refs().FailNext(Failure::kMemory, 2);
  CHECK(world.Same(world.Decode(wire)->value(), both.value()));
  world.refs().FailNext(Failure::kType, 1);
  CHECK(world.Encode(both.value()) == "");
  CHECK(world.error().wrong == Wrong::kRefRefused);
  world.refs().FailNext(Failure::kTooBig, 1);
  CHECK(world.Encode(both.value()) == "");
  CHECK(world.error().wrong == Wrong::kTableFull);
  world.refs().FailNext(Failure::kTooBig, 1);
  CHECK(!world.Decode(wire));
  CHECK(world.error().wrong == Wrong::kTableFull);
  CHECK(world.Encode(vesicle::testing::NewRef(world.heap())) == "");
  CHECK(world.error().wrong == Wrong::kRefRefused);
}

TEST_CASE("values: what found no room goes on when there is some") {
  VESICLE_RANDOM_TEST(rng);
  World world;
  world.pieces = Pieces::kSmallWithCollections;
  world.refs().New();
  for (int round = 0; round < 200; ++round) {
    const Root value(world.heap(), world.Random(rng, 4, true));
    const std::string wire = world.Encode(value.value());
    // Held to an allowance, so that the nth allocation that may fail does, once.
    Reader reader;
    Decoder decoder(world.heap(), world.symbols(), world.identities());
    reader.Reset(wire);
    decoder.Start(Decoder::As::kValue, &reader);
    world.heap().SetSponsor(0, uint64_t{1} << 40);
    world.heap().RefuseFrom(1 + rng.Below(4));
    Decoder::Step step;
    while ((step = decoder.Go(world.refs(), UINT64_MAX)) == Decoder::Step::kNoRoom) {
      world.heap().RefuseFrom(rng.OneIn(3) ? 1 + rng.Below(4) : 0);
    }
    world.heap().RefuseFrom(0);
    REQUIRE(step == Decoder::Step::kDone);
    CHECK(world.Same(decoder.value(), value.value()));
  }
}

TEST_CASE("values: a decoder reads one value in the midst of others") {
  World world;
  Reader reader;
  Decoder decoder(world.heap(), world.symbols(), world.identities());
  reader.Reset("<1'm[3'add1+]{1\"k<1'x>}t>");
  CHECK(reader.Next() == Token::kRecord);
  CHECK(reader.Next() == Token::kSymbol);
  decoder.Start(Decoder::As::kMessage, &reader);
  REQUIRE(decoder.Go(world.refs(), UINT64_MAX) == Decoder::Step::kDone);
  CHECK(world.Same(decoder.value(), world.Tagged("add", {Value::SmallInt(1)})));
  CHECK(decoder.Go(world.refs(), UINT64_MAX) == Decoder::Step::kDone);
  CHECK(reader.Skip());
  decoder.Start(Decoder::As::kValue, &reader);
  REQUIRE(decoder.Go(world.refs(), UINT64_MAX) == Decoder::Step::kDone);
  CHECK(decoder.value().is_true());
  // There is none left.
  decoder.Start(Decoder::As::kValue, &reader);
  CHECK(decoder.Go(world.refs(), UINT64_MAX) == Decoder::Step::kFailed);
  CHECK(decoder.error().wrong == Wrong::kRecordForm);
}

TEST_CASE("values: random messages, through any cuts of the stream") {
  VESICLE_RANDOM_TEST(rng);
  World world;
  for (int round = 0; round < 100; ++round) {
    std::string stream;
    std::vector<std::string> messages;
    for (int i = 0; i < 5; ++i) {
      messages.push_back("<1'm" + world.Encode(world.Random(rng, 3, false)) + ">");
      const std::string length = std::to_string(messages.back().size()) + ":";
      stream += (rng.OneIn(2) ? length : "") + messages.back() + (rng.OneIn(2) ? "\n" : "");
    }
    Framer framer;
    std::vector<std::string> framed;
    for (size_t at = 0; at < stream.size();) {
      const std::string piece = stream.substr(at, 1 + rng.Below(40));
      at += piece.size();
      framer.Add(piece);
      std::string_view message;
      while (framer.Next(&message) == Framer::Step::kMessage) framed.emplace_back(message);
    }
    CHECK(framer.error().ok());
    CHECK(framed == messages);
  }
}

// The framer knows less than the reader, and nothing else.
TEST_CASE("values: what the reader takes is one message to the framer, whatever it is") {
  VESICLE_RANDOM_TEST(rng);
  World world;
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = "<1'm" + world.Encode(world.Random(rng, 2, false)) + ">";
    for (uint64_t n = rng.Below(3); n > 0; --n) {
      const size_t at = rng.Below(bytes.size());
      const char kBytes[] = "<>[]{}tfD0123456789+-:\"'#F \0";
      const char byte = kBytes[rng.Below(sizeof kBytes)];
      rng.OneIn(2) ? bytes[at] = byte
                   : *bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), byte);
    }
    Reader reader;
    reader.Reset(bytes);
    const bool is_read = reader.Skip() && reader.Next() == Token::kEnd && bytes[0] == '<';
    Framer framer;
    framer.Add(bytes);
    std::string_view message;
    const bool is_framed = framer.Next(&message) == Framer::Step::kMessage && message == bytes;
    if (is_read) CHECK(is_framed);
    taken += is_read;
  }
  CHECK(taken > 5'000);
  CHECK(taken < 19'000);
}

// ---------------------------------------------------------------------------
// Long and deep ones

const Limits kLarge = {.message_bytes_max = 256 << 20,
                       .depth_max = 3'000'000,
                       .items_max = 20'000'000,
                       .int_digits_max = 400'000};

// `levels` of one kind of container, each in the last.
std::string Deep(int levels, const std::string& begin, const std::string& end) {
  std::string out;
  for (int i = 0; i < levels; ++i) out += begin;
  out += "1+";
  for (int i = 0; i < levels; ++i) out += end;
  return out;
}

TEST_CASE("values: up to a million levels of each kind of container") {
  World world(kLarge);
  for (const auto& ends :
       {std::pair("[", "]"), std::pair("[t", "f]"), std::pair("<11'desc:tagged1't[", "]>"),
        std::pair("<11'desc:tagged1't", ">"), std::pair("{1\"k", "}"),
        std::pair("<11'desc:tagged11'vesicle:map[1+", "]>"),
        std::pair("<10'desc:error1\"e", ">")}) {
    const std::string begin = ends.first;
    const std::string end = ends.second;
    CAPTURE(begin);
    const std::string wire = Deep(Often(1'000'000, 100'000), begin, end);
    const std::optional<Root> value = world.Decode(wire);
    REQUIRE(value);
    CHECK(world.Encode(value->value()) == wire);
    world.heap().Collect(Heap::Scope::kFull);
  }
}

TEST_CASE("values: long lists, maps and texts, in pieces") {
  for (const Pieces pieces : {Pieces::kOne, Pieces::kSmallWithCollections}) {
    World world(kLarge);
    world.pieces = pieces;
    const int count = pieces == Pieces::kOne ? Often(300'000, 60'000) : 3'000;
    Root list(world.heap(), EmptyList(world.heap()));
    Root texts(world.heap(), EmptyMap(world.heap()));
    Root ints(world.heap(), EmptyMap(world.heap()));
    for (int i = 0; i < count; ++i) {
      const Value n = Value::SmallInt(i);
      list.set(Append(world.heap(), list.value(), n));
      const Value key =
          world.Text(std::string(static_cast<size_t>(i % 13), 'x') + std::to_string(i));
      texts.set(MapPut(world.heap(), texts.value(), key, n, world.identities()).value());
      ints.set(MapPut(world.heap(), ints.value(), n, key, world.identities()).value());
    }
    for (const Root& r : {list, texts, ints}) CHECK(RoundTrip(world, r.value()) == "");
    const Root nested(world.heap(), world.Map({{world.Text("a"), texts.value()},
                                               {world.Text("bcd"), ints.value()}}));
    CHECK(RoundTrip(world, nested.value()) == "");
    const std::string long_text(1 << 20, 'x');
    CHECK(RoundTrip(world, world.Text(long_text)) == "");
    CHECK(RoundTrip(world, MakeBytes(world.heap(), long_text).value()) == "");
  }
}

TEST_CASE("values: a piece is about as long as it was asked to be") {
  World world(kLarge);
  Value map = EmptyMap(world.heap());
  for (int i = 0; i < 20'000; ++i) {
    const Value key = world.Text("key " + std::to_string(i));
    map = MapPut(world.heap(), map, key, Value::SmallInt(i), world.identities()).value();
  }
  const Value list = world.List({map, map, map, map});
  Writer out(kLarge);
  Encoder encoder(world.heap());
  encoder.Start(list, Encoder::As::kValue, &out);
  constexpr uint64_t kPiece = 1'000;
  uint64_t before = 0;
  int pieces = 0;
  while (encoder.Go(world.refs(), kPiece) == Encoder::Step::kMore) {
    CHECK(encoder.work() - before <= kPiece + 100);
    before = encoder.work();
    ++pieces;
  }
  CHECK(pieces > 160);
  REQUIRE(out.EndMessage());
  Reader reader(kLarge);
  reader.Reset(out.bytes());
  Decoder decoder(world.heap(), world.symbols(), world.identities());
  decoder.Start(Decoder::As::kValue, &reader);
  before = 0;
  pieces = 0;
  // One look at the bound each 512 entries, of 16 units.
  while (decoder.Go(world.refs(), kPiece) == Decoder::Step::kMore) {
    CHECK(decoder.work() - before <= kPiece + 512 * 16 + 1);
    before = decoder.work();
    ++pieces;
  }
  CHECK(pieces > 100);
  CHECK(world.Same(decoder.value(), list));
}

TEST_CASE("values: what is written under limits is read under them, at each limit") {
  VESICLE_RANDOM_TEST(rng);
  World free;
  for (int round = 0; round < 300; ++round) {
    Rng again(rng.Next());
    const uint64_t seed = again.Next();
    Rng values(seed);
    const std::string wire = free.Encode(free.Random(values, 3, false));
    Limits limits;
    limits.message_bytes_max = static_cast<uint32_t>(rng.Below(2 * wire.size() + 1));
    limits.depth_max = static_cast<uint32_t>(rng.Below(12));
    limits.items_max = static_cast<uint32_t>(rng.Below(40));
    limits.int_digits_max = static_cast<uint32_t>(1 + rng.Below(30));
    World tight(limits);
    Rng same(seed);
    const std::string written = tight.Encode(tight.Random(same, 3, false));
    const bool is_written = tight.error().ok();
    CHECK(tight.Decode(wire).has_value() == is_written);
    CHECK(written == (is_written ? wire : ""));
  }
}

TEST_CASE("values: a bomb of shared lists ends at the limit of output") {
  World world;
  Value list = world.List({world.Text("some text that is long")});
  for (int i = 0; i < 60; ++i) list = world.List({list, list});
  CHECK(world.Encode(list) == "");
  CHECK(world.error().wrong == Wrong::kTooMany);
}

TEST_CASE("values: integers up to the limit of the VM") {
  World world(kLarge);
  const Value one = Value::SmallInt(1);
  const Value top = ShiftLeft(world.heap(), one, Value::SmallInt(kIntBitsMax - 1)).value();
  const Value most = Add(world.heap(), top, Subtract(world.heap(), top, one).value()).value();
  CHECK(RoundTrip(world, most) == "");
  CHECK(RoundTrip(world, Negate(world.heap(), most).value()) == "");
  const std::string wire = world.Encode(most);
  CHECK(wire.size() == Limits().int_digits_max + 1);
  std::string over = wire;
  over[0] = '9';
  CHECK(!world.Decode(over));
  CHECK(world.error().wrong == Wrong::kIntTooLong);
  World tight({.int_digits_max = 100});
  const Root big(tight.heap(),
                 ShiftLeft(tight.heap(), one, Value::SmallInt(kIntBitsMax - 1)).value());
  CHECK(tight.Encode(big.value()) == "");
  CHECK(tight.error().wrong == Wrong::kIntTooLong);
}

TEST_CASE("values: decoding takes nothing for a declared length") {
  World world;
  for (const char* length : {"0", "1", "16777216", "16777217", "2147483648", "4294967295",
                             "9223372036854775808", "18446744073709551615"}) {
    for (const char* kind : {":", "\"", "'"}) {
      const std::string wire = "[" + std::string(length) + kind;
      const uint64_t heap_before = world.heap().stats().bytes_allocated;
      const Allocated before = AllocatedNow();
      CHECK(!world.Decode(wire));
      CHECK(world.heap().stats().bytes_allocated - heap_before <= 4096);
      CHECK(AllocatedNow().bytes - before.bytes <= 4096);
      CHECK(world.error().wrong == Wrong::kCut);
    }
  }
}

}  // namespace
}  // namespace vesicle::syrup
