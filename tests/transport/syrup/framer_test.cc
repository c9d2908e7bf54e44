// Where messages begin and end, whatever the stream is cut into.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/transport/syrup/world.h"

namespace vesicle::syrup {
namespace {

using namespace std::string_literals;

struct Framed {
  std::vector<std::string> messages;
  Error error;
  bool is_within = false;
};

void Take(Framer& framer, std::string_view piece, Framed* framed) {
  framer.Add(piece);
  std::string_view message;
  Framer::Step step;
  while ((step = framer.Next(&message)) == Framer::Step::kMessage) {
    framed->messages.emplace_back(message);
  }
  framed->error = framer.error();
  framed->is_within = framer.is_within();
  CHECK((step == Framer::Step::kError) == !framer.error().ok());
}

// Each piece stands alone in memory, and is gone when the next one comes.
Framed Frame(const std::vector<std::string>& pieces, const Limits& limits = {}) {
  Framer framer(limits);
  Framed framed;
  for (const std::string& piece : pieces) {
    const std::vector<char> alone(piece.begin(), piece.end());
    Take(framer, {alone.data(), alone.size()}, &framed);
    if (!framed.error.ok()) break;
  }
  return framed;
}

Error ErrorOf(const std::string& bytes, const Limits& limits = {}) {
  const Error whole = Frame({bytes}, limits).error;
  std::vector<std::string> single;
  for (const char c : bytes) single.emplace_back(1, c);
  const Error bytewise = Frame(single, limits).error;
  CHECK(bytewise.wrong == whole.wrong);
  CHECK(bytewise.at == whole.at);
  CHECK(bytewise.limit == whole.limit);
  return whole;
}

const std::vector<std::string> kMessages = {
    "<10'op:deliver<11'desc:export0+>[5'fetch32:VMDDd1voKWarCe2GvgLbxbVFysNzRPzx]f<18'desc:import-"
    "object0+>>",
    "<8'op:abort14\"session closed>",
    "<1'a>",
    "<1'x{1\"a[]2\"bb{}}123456789012345678901234567890-0+tfD\x7f\xf8\0\0\0\0\0\0>"s,
    "<1'x4:>>>>4\"]}<[4'    >",
};

// Those, bare and as netstrings, with all that may stand between.
std::string Stream(std::vector<std::string>* messages) {
  std::string out = " \t\r\n";
  for (const std::string& m : kMessages) {
    out += m;
    out += std::to_string(m.size()) + ":" + m + "\r\n ";
    messages->push_back(m);
    messages->push_back(m);
  }
  return out;
}

TEST_CASE("framer: any split in two gives the same messages") {
  std::vector<std::string> expected;
  const std::string stream = Stream(&expected);
  for (size_t at = 0; at <= stream.size(); ++at) {
    CAPTURE(at);
    const Framed framed = Frame({stream.substr(0, at), stream.substr(at)});
    CHECK(framed.error.ok());
    CHECK(framed.messages == expected);
    CHECK(!framed.is_within);
  }
}

TEST_CASE("framer: any split and join gives the same messages") {
  VESICLE_RANDOM_TEST(rng);
  std::vector<std::string> expected;
  const std::string stream = Stream(&expected);
  for (int round = 0; round < 500; ++round) {
    const uint64_t longest = 1 + rng.Below(60);
    std::vector<std::string> pieces;
    for (size_t at = 0; at < stream.size();) {
      const size_t n = rng.OneIn(5) ? 0 : 1 + rng.Below(longest);
      pieces.push_back(stream.substr(at, n));
      at += n;
    }
    const Framed framed = Frame(pieces);
    CHECK(framed.error.ok());
    CHECK(framed.messages == expected);
  }
}

TEST_CASE("framer: a message that is whole is handed out where it stands") {
  Framer framer;
  const std::string bytes = kMessages[0] + kMessages[1];
  framer.Add(bytes);
  std::string_view message;
  REQUIRE(framer.Next(&message) == Framer::Step::kMessage);
  CHECK(message.data() == bytes.data());
  REQUIRE(framer.Next(&message) == Framer::Step::kMessage);
  CHECK(message.data() == bytes.data() + kMessages[0].size());
  CHECK(framer.Next(&message) == Framer::Step::kMore);
}

TEST_CASE("framer: what is cut off is no message, and no error yet") {
  for (const std::string& m : kMessages) {
    for (const std::string& bytes : {m, std::to_string(m.size()) + ":" + m}) {
      for (size_t n = 0; n < bytes.size(); ++n) {
        CAPTURE(n);
        const Framed framed = Frame({bytes.substr(0, n)});
        CHECK(framed.error.ok());
        CHECK(framed.messages.empty());
        CHECK(framed.is_within == (n > 0));
      }
    }
  }
}

TEST_CASE("framer: what is wrong, and at which byte") {
  const struct {
    const char* bytes;
    Wrong wrong;
    uint64_t at;
  } kCases[] = {
      {"[1+]", Wrong::kNoMessage, 0},        {"x", Wrong::kNoMessage, 0},
      {"  x", Wrong::kNoMessage, 0},         {"-", Wrong::kNoMessage, 0},
      {"5,<1'a>", Wrong::kNoMessage, 1},     {"05:<1'a>", Wrong::kLeadingZero, 1},
      {"0:", Wrong::kNetstring, 1},          {"5:[1'a]", Wrong::kNetstring, 2},
      {"6:<1'a>>", Wrong::kNetstring, 7},    {"4:<1'a>", Wrong::kNetstring, 6},
      {"5:<9'a>", Wrong::kNetstring, 3},     {"<1'a]", Wrong::kWrongEnd, 4},
      {"<[>", Wrong::kWrongEnd, 2},          {"<{]", Wrong::kWrongEnd, 2},
      {"<01'a", Wrong::kLeadingZero, 1},     {"<00+", Wrong::kLeadingZero, 1},
      {"<1'a007+", Wrong::kLeadingZero, 4},  {"<1'a0->", Wrong::kNegativeZero, 4},
      {"<1'a#1+$>", Wrong::kSet, 4},         {"<1'aF\1\2\3\4>", Wrong::kSingleFloat, 4},
      {"<1'a >", Wrong::kUnexpectedByte, 4}, {"<1'a+5>", Wrong::kUnexpectedByte, 4},
      {"<1'a5>", Wrong::kUnexpectedByte, 5}, {"<1'a5,>", Wrong::kUnexpectedByte, 5},
      {"<1'ax>", Wrong::kUnexpectedByte, 4},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.bytes);
    const Error error = ErrorOf(c.bytes);
    CHECK(error.wrong == c.wrong);
    CHECK(error.at == c.at);
  }
}

TEST_CASE("framer: after an error it stays at it") {
  Framer framer;
  std::string_view message;
  framer.Add("<1'a#");
  CHECK(framer.Next(&message) == Framer::Step::kError);
  CHECK(framer.Next(&message) == Framer::Step::kError);
  framer.Add("<1'a>");
  CHECK(framer.Next(&message) == Framer::Step::kError);
  CHECK(framer.error().ToString() == "byte 4: sets are not taken");
}

TEST_CASE("framer: each limit holds at itself and fails at one more") {
  const auto check = [](const std::string& at_limit, const std::string& over, const Limits& limits,
                        Wrong wrong) {
    CAPTURE(over);
    CHECK(Frame({at_limit}, limits).messages.size() == 1);
    const std::string netstring = std::to_string(at_limit.size()) + ":" + at_limit;
    CHECK(Frame({netstring}, limits).messages.size() == 1);
    CHECK(ErrorOf(over, limits).wrong == wrong);
  };
  const auto nested = [](int n) {
    return "<1'a" + std::string(static_cast<size_t>(n), '[') +
           std::string(static_cast<size_t>(n), ']') + ">";
  };
  check("<1'a3:abc>", "<1'a4:abcd>", {.message_bytes_max = 10}, Wrong::kTooLong);
  check("<1'atttttt>", "<1'attttttt>", {.message_bytes_max = 11}, Wrong::kTooLong);
  check("<1'atttttt>", "12:<1'attttttt>", {.message_bytes_max = 11}, Wrong::kTooLong);
  check(nested(4), nested(5), {.depth_max = 5}, Wrong::kTooDeep);
  check("<1'a[1+2+]>", "<1'a[1+2+3+]>", {.items_max = 5}, Wrong::kTooMany);
  check("<1'a999+>", "<1'a1000+>", {.int_digits_max = 3}, Wrong::kIntTooLong);
}

TEST_CASE("framer: a declared length allocates nothing") {
  Limits limits;
  const uint64_t max = limits.message_bytes_max;
  const std::string kLengths[] = {"0",
                                  "1",
                                  std::to_string(max),
                                  std::to_string(max + 1),
                                  "2147483648",
                                  "4294967295",
                                  "4294967296",
                                  "9223372036854775808",
                                  "18446744073709551615",
                                  "18446744073709551616",
                                  "99999999999999999999999999999999"};
  for (const std::string& length : kLengths) {
    CAPTURE(length);
    for (const std::string& bytes :
         {length + ":", "<" + length + ":", "<1'a" + length + "\"", "<1'a[{" + length + "'"}) {
      CAPTURE(bytes);
      Framer framer(limits);
      const Allocated before = AllocatedNow();
      framer.Add(bytes);
      std::string_view message;
      const Framer::Step step = framer.Next(&message);
      CHECK(AllocatedNow().bytes - before.bytes <= 4096);
      CHECK(framer.bytes_held() <= 4096);
      const bool fits = length.size() < 8 || (bytes[0] != '<' && length == std::to_string(max));
      if (fits && bytes != "0:") {
        CHECK(step == Framer::Step::kMore);
      } else {
        CHECK(step == Framer::Step::kError);
        CHECK(framer.error().wrong == (bytes == "0:" ? Wrong::kNetstring : Wrong::kTooLong));
      }
    }
  }
}

TEST_CASE("framer: its buffer holds at most twice what has arrived, and is let go") {
  Framer framer;
  const std::string half = "<1'a1000000:" + std::string(500'000, 'x');
  std::string_view message;
  size_t arrived = 0;
  for (size_t at = 0; at < half.size(); at += 1000) {
    const std::string piece = half.substr(at, 1000);
    arrived += piece.size();
    framer.Add(piece);
    REQUIRE(framer.Next(&message) == Framer::Step::kMore);
    CHECK(framer.bytes_held() <= 2 * arrived + 64);
  }
  const std::string rest = std::string(500'000, 'y') + "><1'b>";
  framer.Add(rest);
  REQUIRE(framer.Next(&message) == Framer::Step::kMessage);
  CHECK(message.size() == 1'000'013);
  REQUIRE(framer.Next(&message) == Framer::Step::kMessage);
  CHECK(message == "<1'b>");
  CHECK(framer.bytes_held() < 1000);
}

TEST_CASE("framer: a million levels") {
  const std::string deep = "<1'a" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + ">";
  const Limits limits{.depth_max = 1'000'001, .items_max = 2'000'000};
  CHECK(Frame({deep}, limits).messages.size() == 1);
  CHECK(Frame({deep.substr(0, 700'000), deep.substr(700'000)}, limits).messages.size() == 1);
}

}  // namespace
}  // namespace vesicle::syrup
