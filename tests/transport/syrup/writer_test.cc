// Canonical bytes, whole messages or nothing.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>

#include "tests/transport/syrup/world.h"

namespace vesicle::syrup {
namespace {

using namespace std::string_literals;

std::string Written(const std::function<void(Writer&)>& write) {
  Writer out;
  out.BeginMessage();
  write(out);
  CHECK(out.EndMessage());
  return std::string(out.bytes());
}

TEST_CASE("writer: each kind of value") {
  CHECK(Written([](Writer& w) { w.Bool(true); }) == "t");
  CHECK(Written([](Writer& w) { w.Bool(false); }) == "f");
  CHECK(Written([](Writer& w) { w.Int(0); }) == "0+");
  CHECK(Written([](Writer& w) { w.Int(-5); }) == "5-");
  CHECK(Written([](Writer& w) { w.Int(72); }) == "72+");
  CHECK(Written([](Writer& w) { w.Int(INT64_MAX); }) == "9223372036854775807+");
  CHECK(Written([](Writer& w) { w.Int(INT64_MIN); }) == "9223372036854775808-");
  CHECK(Written([](Writer& w) { w.BigInt("18446744073709551616", true); }) ==
        "18446744073709551616-");
  CHECK(Written([](Writer& w) { w.Float(1.5); }) == "D\x3f\xf8\0\0\0\0\0\0"s);
  CHECK(Written([](Writer& w) { w.Float(-NAN); }) == "D\x7f\xf8\0\0\0\0\0\0"s);
  CHECK(Written([](Writer& w) { w.Bytes("cat"); }) == "3:cat");
  CHECK(Written([](Writer& w) { w.Text("cat"); }) == "3\"cat");
  CHECK(Written([](Writer& w) { w.Symbol("cat"); }) == "3'cat");
  CHECK(Written([](Writer& w) { w.Bytes(""); }) == "0:");
  for (const size_t n : {9, 10, 99, 100, 999, 1000, 12345}) {
    const std::string bytes(n, 'x');
    CHECK(Written([&](Writer& w) { w.Bytes(bytes); }) == std::to_string(n) + ":" + bytes);
  }
  CHECK(Written([](Writer& w) {
          w.BeginRecord("op:abort");
          w.BeginList();
          w.Int(1);
          w.EndList();
          w.BeginDict();
          w.EndDict();
          w.EndRecord();
        }) == "<8'op:abort[1+]{}>");
}

TEST_CASE("writer: keys in any order come out in theirs") {
  CHECK(Written([](Writer& w) {
          w.BeginUnsorted();
          w.Key("bb");
          w.Int(2);
          w.Key("abcdefghij");
          w.BeginUnsorted();
          w.Key("z");
          w.BeginList();
          w.EndList();
          w.Key("a");
          w.Text("in");
          w.EndUnsorted();
          w.Key("a");
          w.Bool(true);
          w.EndUnsorted();
        }) == "{1\"at10\"abcdefghij{1\"a2\"in1\"z[]}2\"bb2+}");
  Writer out;
  out.BeginUnsorted();
  for (const char* key : {"b", "a", "b"}) {
    out.Key(key);
    out.Int(1);
  }
  out.EndUnsorted();
  CHECK(out.error().wrong == Wrong::kKeyTwice);
  CHECK(!out.EndMessage());
  CHECK(out.size() == 0);
}

TEST_CASE("writer: keys in random orders read as ascending") {
  VESICLE_RANDOM_TEST(rng);
  for (int round = 0; round < 300; ++round) {
    Writer out;
    std::map<std::string, bool> seen;
    out.BeginUnsorted();
    for (uint64_t n = rng.Below(40); n > 0; --n) {
      const std::string key(rng.Below(25), static_cast<char>('a' + rng.Below(26)));
      if (!seen.try_emplace(key, true).second) continue;
      out.Key(key);
      out.Bytes(key);
    }
    out.EndUnsorted();
    REQUIRE(out.EndMessage());
    Reader reader;
    reader.Reset(out.bytes());
    CHECK(reader.Skip());
    CHECK(reader.error().ok());
    reader.Reset(out.bytes());
    reader.Next();
    for (size_t i = 0; i < seen.size(); ++i) {
      reader.Next();
      const std::string key(reader.text());
      CHECK(reader.Next() == Token::kBytes);
      CHECK(reader.text() == key);
    }
  }
}

void WriteSample(Writer& out) {
  out.BeginRecord("op:deliver");
  out.BeginList();
  out.Text("twelve bytes");
  out.Int(1234567);
  out.Float(2.5);
  out.BigInt("123456789012345678901", false);
  out.EndList();
  out.BeginUnsorted();
  out.Key("b");
  out.Bool(true);
  out.Key("a");
  out.Bytes(std::string(120, 'x'));
  out.EndUnsorted();
  out.EndRecord();
}

TEST_CASE("writer: a limit fails before any effect, at each place") {
  Writer whole;
  WriteSample(whole);
  REQUIRE(whole.EndMessage());
  const std::string sample(whole.bytes());
  for (uint32_t max = 0; max <= sample.size() + 1; ++max) {
    CAPTURE(max);
    Writer out({.message_bytes_max = max});
    out.BeginMessage();
    WriteSample(out);
    CHECK(out.size() <= max);
    CHECK(out.ok() == (max >= sample.size()));
    CHECK(out.EndMessage() == (max >= sample.size()));
    CHECK(out.bytes() == (max >= sample.size() ? sample : ""));
    if (max < sample.size()) CHECK(out.error().wrong == Wrong::kTooLong);
    // Whatever it was, the next one is a message of its own.
    out.BeginMessage();
    out.Clear();
    if (max > 0) {
      out.Bool(true);
      CHECK(out.EndMessage());
      CHECK(out.bytes() == "t");
    }
  }
  for (uint32_t items = 0; items < 13; ++items) {
    Writer out({.items_max = items});
    WriteSample(out);
    CHECK(out.EndMessage() == (items >= 12));
    if (items < 12) CHECK(out.error().ToString() != Error{}.ToString());
  }
  for (uint32_t depth = 0; depth < 4; ++depth) {
    Writer out({.depth_max = depth});
    WriteSample(out);
    CHECK(out.EndMessage() == (depth >= 2));
    CHECK(out.error().wrong == (depth >= 2 ? Wrong::kNothing : Wrong::kTooDeep));
  }
  for (uint32_t digits = 1; digits < 24; ++digits) {
    Writer out({.int_digits_max = digits});
    WriteSample(out);
    CHECK(out.EndMessage() == (digits >= 21));
  }
}

TEST_CASE("writer: messages stand one behind the other, and a bad one leaves the good ones") {
  Writer out({.message_bytes_max = 10});
  out.BeginMessage();
  out.Text("first");
  CHECK(out.EndMessage());
  out.BeginMessage();
  out.Text("much too long a text");
  CHECK(!out.EndMessage());
  out.BeginMessage();
  out.Text("second");
  CHECK(out.EndMessage());
  CHECK(out.bytes() == "5\"first6\"second");
  out.Clear();
  out.Text("third");
  CHECK(out.EndMessage(Writer::Framing::kNetstring));
  out.Text("12345678");
  CHECK(out.EndMessage(Writer::Framing::kNetstring));
  CHECK(out.bytes() == "7:5\"third10:8\"12345678");
}

TEST_CASE("writer: it goes back to a mark") {
  Writer out({.items_max = 3});
  out.BeginList();
  const Writer::Mark mark = out.mark();
  for (int again = 0; again < 3; ++again) {
    out.Rewind(mark);
    CHECK(out.bytes() == "[");
    out.Int(again);
    out.Int(again);
    if (again == 1) {
      out.Int(again);
      CHECK(!out.ok());
    }
  }
  out.EndList();
  CHECK(out.EndMessage());
  CHECK(out.bytes() == "[2+2+]");
}

TEST_CASE("writer: nothing is allocated once the buffer has grown") {
  Writer out;
  const auto write = [&out] {
    out.BeginMessage();
    out.BeginRecord("op:deliver");
    for (int i = 0; i < 50; ++i) out.Int(i);
    out.Text(std::string_view("a longer text, in its place"));
    out.EndRecord();
    CHECK(out.EndMessage());
    out.Clear();
  };
  write();
  const size_t held = out.bytes_held();
  const Allocated before = AllocatedNow();
  for (int i = 0; i < 1000; ++i) write();
  CHECK(AllocatedNow().times == before.times);
  CHECK(out.bytes_held() == held);
}

}  // namespace
}  // namespace vesicle::syrup
