// Flat messages: what is read from the front of a stream in one look is what a framer and readers
// find there.
#include <doctest/doctest.h>

#include "tests/transport/captp/flat.h"
#include "tests/transport/captp/testing.h"
#include "vm/random/random.h"

namespace vesicle {
namespace {

using namespace captp_testing;

bool IsFlat(std::string_view stream) {
  FlatMessage flat;
  return ReadFlat(stream, &flat);
}

constexpr const char* kFlat[] = {
    "<10'op:deliver<11'desc:export3+>[4'echo64\""
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef]7+<18'desc:import-object9+>>",
    "<10'op:deliver<11'desc:answer0+>[]ff>",
    "<10'op:deliver<11'desc:answer12+>[7'fulfill<18'desc:import-object0+>]ff>",
    "<10'op:deliver<11'desc:export999999999999999999+>[0+0\"0'0:1-tf<4'void>]0+f>",
    "<10'op:deliver<11'desc:export1+>[<19'desc:import-promise8+><11'desc:export4+>"
    "<11'desc:answer0+>]f<18'desc:import-object2+>>",
    "<10'op:deliver<11'desc:export1+>[3\"\xe2\x82\xac]ff>",
    "<10'op:deliver<11'desc:export1+>[9'long-name3:\xff\xfe\xfd]ff>",
    "<10'op:deliver<11'desc:export1+>[1+2+3+4+5+6+7+8+9+10+11+12+13+14+15+16+]ff>",
    "<13'op:gc-answers[1+2+30+]>",
    "<13'op:gc-answers[]>",
    "<13'op:gc-exports[7+0+][1+42+]>",
    "<13'op:gc-exports[][]>",
};

// With zeros in it.
std::string Float(char first, char last = '\0') {
  return std::string("D") + first + std::string("\xf8\0\0\0\0\0", 6) + last;
}

std::vector<std::string> Flat() {
  std::vector<std::string> all(std::begin(kFlat), std::end(kFlat));
  all.push_back("<10'op:deliver<11'desc:export1+>[" + Float(0x3f) + "]ff>");
  return all;
}

TEST_CASE("flat: what is flat is taken whole, with anything behind it") {
  for (const std::string& message : Flat()) {
    CAPTURE(message);
    CHECK(IsFlat(message));
    CHECK(CompareFlat(message) == "");
    for (const char* behind : {"<", ">", "f", "<10'op:deliver", " ", "17:"}) {
      const std::string stream = message + behind;
      FlatMessage flat;
      CHECK(ReadFlat(stream, &flat));
      CHECK(flat.bytes == message);
    }
    // Not all there: nothing is taken.
    for (size_t i = 0; i < message.size(); ++i) CHECK_FALSE(IsFlat(message.substr(0, i)));
  }
}

TEST_CASE("flat: what is not, or wrong, is left to others") {
  for (const char* message :
       {"",
        "<",
        " <10'op:deliver<11'desc:answer0+>[]ff>",
        "37:<10'op:deliver<11'desc:answer0+>[]ff>",
        "<10'op:deliver<11'desc:export0+>[]ff>",  // the bootstrap
        "<10'op:deliver<11'desc:export1+>[<11'desc:export0+>]ff>",
        "<10'op:deliver<11'desc:export1+>[[]]ff>",  // nested
        "<10'op:deliver<11'desc:export1+>[{}]ff>",
        "<10'op:deliver<11'desc:export1+>[<4'null>]ff>",
        "<10'op:deliver<11'desc:export1+>[<11'desc:tagged1'a[1+]>]ff>",
        "<10'op:deliver<11'desc:export01+>[]ff>",  // no canonical numbers
        "<10'op:deliver<11'desc:export1+>[01+]ff>",
        "<10'op:deliver<11'desc:export1+>[0-]ff>",
        "<10'op:deliver<11'desc:export1+>[01\"a]ff>",
        "<10'op:deliver<11'desc:export-1+>[]ff>",
        "<10'op:deliver<11'desc:export1000000000000000000+>[]ff>",
        "<10'op:deliver<11'desc:export1+>[1000000000000000000+]ff>",
        "<10'op:deliver<11'desc:export1+>[1\"\xff]ff>",  // no UTF-8
        "<10'op:deliver<11'desc:export1+>[1'\xff]ff>",
        "<10'op:deliver<11'desc:export1+>[99999\"a]ff>",
        "<10'op:deliver<11'desc:export1+>[1+2+3+4+5+6+7+8+9+10+11+12+13+14+15+16+17+]ff>",
        "<10'op:deliver<11'desc:export1+>[]tf>",
        "<10'op:deliver<11'desc:export1+>[]ft>",
        "<10'op:deliver<11'desc:export1+>[]f<11'desc:export1+>>",
        "<10'op:deliver<11'desc:export1+>[]ff]",
        "<10'op:deliver<11'desc:export1+>[]f>",
        "<13'op:gc-exports[1+][0+]>",
        "<13'op:gc-exports[1+2+][1+]>",
        "<13'op:gc-exports1+1+>",
        "<13'op:gc-answers[1-]>",
        "<12'op:gc-answer[1+]>"}) {
    CAPTURE(message);
    CHECK_FALSE(IsFlat(message));
  }
  const std::string head = "<10'op:deliver<11'desc:export1+>[";
  CHECK(IsFlat(head + Float(0x7f) + "]ff>"));
  CHECK_FALSE(IsFlat(head + Float(0x7f, 1) + "]ff>"));  // another NaN
  // Long ones are read in pieces.
  CHECK(IsFlat(head + "16000:" + std::string(16'000, 'x') + "]ff>"));
  CHECK_FALSE(IsFlat(head + "16400:" + std::string(16'400, 'x') + "]ff>"));
  CHECK_FALSE(IsFlat(head + "300'" + std::string(300, 'x') + "]ff>"));
  std::string many = "<13'op:gc-answers[";
  for (size_t i = 0; i < kGcEntriesMax; ++i) many += "1+";
  CHECK(IsFlat(many + "]>"));
  CHECK_FALSE(IsFlat(many + "1+]>"));
}

TEST_CASE("flat: limits that are too small for some") {
  CHECK(FitFlat({}));
  CHECK(FitFlat(
      {.message_bytes_max = 16 << 10, .depth_max = 3, .items_max = 516, .int_digits_max = 18}));
  CHECK_FALSE(FitFlat({.message_bytes_max = (16 << 10) - 1}));
  CHECK_FALSE(FitFlat({.depth_max = 2}));
  CHECK_FALSE(FitFlat({.items_max = 515}));
  CHECK_FALSE(FitFlat({.int_digits_max = 17}));
}

TEST_CASE("flat: whatever is taken of changed messages, others take as the same") {
  std::vector<std::string> some = Flat();
  for (std::string& message : TranscriptMessages()) some.push_back(std::move(message));
  SeededRandom random(20261127);
  int flat = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string message = some[random.Next() % some.size()];
    for (uint64_t changes = random.Next() % 4; changes > 0 && !message.empty(); --changes) {
      ChangeSome(random, some, &message);
    }
    flat += IsFlat(message);
    CAPTURE(message);
    const std::string difference = CompareFlat(message);
    if (!difference.empty()) CHECK(difference == "");
  }
  CHECK(flat > 5'000);
}

}  // namespace
}  // namespace vesicle
