#include "vm/value/text.h"

#include <string>
#include <vector>

#include "tests/vm/value/testing.h"
#include "vm/value/bytes.h"
#include "vm/value/escape.h"
#include "vm/value/print.h"
#include "vm/value/utf8.h"

namespace vesicle {
namespace {

using testing::Int;
using testing::Rng;
using testing::Text;

// The table of the Unicode standard, spelled out: decodes or says no.
bool PlainDecode(const std::string& s, std::vector<uint32_t>* points) {
  for (size_t i = 0; i < s.size();) {
    const auto at = [&](size_t j) { return j < s.size() ? static_cast<uint8_t>(s[j]) : 0u; };
    const uint32_t b = at(i);
    const int n = b < 0x80                ? 1
                  : b >= 0xC0 && b < 0xE0 ? 2
                  : b >= 0xE0 && b < 0xF0 ? 3
                  : b >= 0xF0 && b < 0xF8 ? 4
                                          : 0;
    if (n == 0 || i + static_cast<size_t>(n) > s.size()) return false;
    uint32_t p = n == 1 ? b : b & (0xFFu >> (n + 1));
    for (int k = 1; k < n; ++k) {
      if ((at(i + static_cast<size_t>(k)) & 0xC0) != 0x80) return false;
      p = p << 6 | (at(i + static_cast<size_t>(k)) & 0x3F);
    }
    const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (p < least[n] || p > 0x10FFFF || (p >= 0xD800 && p < 0xE000)) return false;
    points->push_back(p);
    i += static_cast<size_t>(n);
  }
  return true;
}

TEST_CASE("utf8: exactly the sequences of the standard are valid") {
  VESICLE_RANDOM_TEST(rng);
  const uint8_t borders[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                             0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
                             0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8, 0xFF};
  int valid = 0;
  for (int i = 0; i < 300000; ++i) {
    std::string s(rng.OneIn(3) ? rng.Below(20) : 0, 'x');
    for (uint64_t n = rng.Below(5); n > 0; --n) {
      s += static_cast<char>(borders[rng.Below(sizeof borders)]);
    }
    std::vector<uint32_t> points;
    const bool ok = PlainDecode(s, &points);
    valid += ok;
    REQUIRE(IsValidUtf8(s) == ok);
    if (!ok) continue;
    CHECK(CountCodePoints(s) == points.size());
    std::string again;
    for (const uint32_t p : points) AppendUtf8(p, &again);
    CHECK(again == s);
  }
  CHECK(valid > 10000);
}

std::vector<uint32_t> RandomPoints(Rng& rng) {
  const uint32_t some[] = {'a', 'b', 'a', 'b', ' ', 'Z', 0xE9, 0x20AC, 0x1F600};
  std::vector<uint32_t> points(rng.OneIn(4) ? rng.Below(60) : rng.Below(9));
  const uint64_t kinds = rng.OneIn(2) ? 6 : 9;
  for (uint32_t& p : points) p = some[rng.Below(kinds)];
  return points;
}

std::string Encode(const std::vector<uint32_t>& points) {
  std::string s;
  for (const uint32_t p : points) AppendUtf8(p, &s);
  return s;
}

TEST_CASE("text: as long and as joined as a vector of code points") {
  VESICLE_RANDOM_TEST(rng);
  Heap heap({}, nullptr);
  for (int i = 0; i < 20000; ++i) {
    const std::vector<uint32_t> points = RandomPoints(rng);
    const Value t = Text(heap, Encode(points));
    CHECK(t.is_short_text() == (Encode(points).size() <= 7));
    REQUIRE(TextLength(t) == points.size());
    const Value u = Text(heap, Encode(RandomPoints(rng)));
    const Value both = ConcatText(heap, t, u).value();
    CHECK(TextView(both) == std::string(TextView(t)) + std::string(TextView(u)));
    CHECK(TextLength(both) == points.size() + TextLength(u));
    if (i % 100 == 0) heap.Collect(Heap::Scope::kYoung);
  }
}

TEST_CASE("text: small things") {
  Heap heap({}, nullptr);
  const auto str = [](const Value& v) { return std::string(TextView(v)); };
  const auto check = [&](Result r, const std::string& expected) {
    const Value v = r.value();
    CHECK(str(v) == expected);
  };
  const Value t = Text(heap, " \xE2\x80\x83 Hello, World \n");
  check(TrimText(heap, t, Side::kBoth), "Hello, World");
  check(TrimText(heap, t, Side::kEnd), " \xE2\x80\x83 Hello, World");
  check(AsciiCase(heap, Text(heap, "\xC3\x89tat Z{"), Case::kLower), "\xC3\x89tat z{");
  check(AsciiCase(heap, Text(heap, "abcxyz0123"), Case::kUpper), "ABCXYZ0123");
  CHECK(MakeText(heap, "a longer text \xFF").failure() == Failure::kSyntax);
  heap.SetSponsor(1, 3000);
  CHECK(MakeText(heap, std::string(4000, 'x')).failure() == Failure::kMemory);
  CHECK(heap.refused_bytes() == 4008);
}

TEST_CASE("print: script syntax, and nothing that moves a cursor or turns text around") {
  Heap heap({}, nullptr);
  testing::Identities identities;
  const Value list = testing::List(
      heap, {Int(1), MakeFloat(heap, 2), Text(heap, "a\"\\\n\x1b[0m${x} $ \xE2\x80\xAE"),
             MakeBytes(heap, std::string_view("\0a\"", 3)).value(), testing::Sym("get"),
             testing::Sym("a-b"), testing::Sym(""), Value::Nil(), testing::NewRef(heap)});
  CHECK(Print(list) ==
        "[1, 2.0, \"a\\\"\\\\\\n\\u{1b}[0m\\${x} $ \\u{202e}\", b\"\\x00a\\\"\", #get, #\"a-b\", "
        "#\"\", nil, <ref>]");
  Value map = EmptyMap(heap);
  map = MapPut(heap, map, Text(heap, "name"), list, identities).value();
  map = MapPut(heap, map, Text(heap, "a b"), EmptyList(heap), identities).value();
  map = MapPut(heap, map, testing::List(heap, {Int(1)}), EmptyMap(heap), identities).value();
  map = MapPut(heap, map, Int(2), Int(3), identities).value();
  map = MapRemove(heap, map, Text(heap, "name"), identities).value();
  const Value tagged =
      MakeTagged(heap, testing::Sym("p"), std::vector<Value>{map, Text(heap, "t")}).value();
  CHECK(Print(tagged) == "#p({[2]: 3, \"a b\": [], [[1]]: {}}, \"t\")");
  const Value text = Text(heap, "two\nlines\x07");
  CHECK(Print(text) == "\"two\\nlines\\u{7}\"");
  CHECK(Print(text, {.top_text = TopText::kPlain}) == "two\nlines\\u{7}");
  CHECK(Print(text, {.top_text = TopText::kRaw}) == "two\nlines\x07");
  CHECK(Print(Text(heap, std::string(100, 'x')), kReportOptions) ==
        "\"" + std::string(60, 'x') + "\"...(+40 bytes)");
  CHECK(Print(tagged, {.depth_max = 1}) == "#p({...}, \"t\")");
  CHECK(Print(list, {.items_max = 2}) == "[1, 2.0, ...]");
  CHECK(Print(ShiftLeft(heap, Int(1), Int(500)).value(), kReportOptions) ==
        "<integer of about 152 digits>");
  for (size_t limit = 0; limit < 80; ++limit) {
    CHECK(Print(tagged, {.bytes_max = limit}).size() <= limit);
    const std::string cut =
        Print(Text(heap, "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"), {.bytes_max = limit});
    CHECK(IsValidUtf8(cut));
    CHECK(cut.size() <= limit);
  }
}

}  // namespace
}  // namespace vesicle
