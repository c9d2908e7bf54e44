// The tokens of a message, and all that can be wrong with them.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/transport/syrup/world.h"

namespace vesicle::syrup {
namespace {

using namespace std::string_literals;

// One word a token.
std::string Tokens(std::string_view bytes, const Limits& limits = {}) {
  Reader reader(limits);
  reader.Reset(bytes);
  std::string out;
  for (;;) {
    const Token token = reader.Next();
    switch (token) {
      case Token::kEnd:
        CHECK(reader.Next() == Token::kEnd);
        return out;
      case Token::kError:
        CHECK(reader.Next() == Token::kError);
        return reader.error().ToString();
      case Token::kRecord:
        out += "< ";
        break;
      case Token::kRecordEnd:
        out += "> ";
        break;
      case Token::kList:
        out += "[ ";
        break;
      case Token::kListEnd:
        out += "] ";
        break;
      case Token::kDict:
        out += "{ ";
        break;
      case Token::kDictEnd:
        out += "} ";
        break;
      case Token::kInt:
        out += (reader.is_negative() ? "-" : "") + std::string(reader.text()) + " ";
        if (reader.fits_int64()) {
          CHECK(std::to_string(std::abs(reader.int64())) == reader.text());
        }
        break;
      case Token::kFloat:
        out += std::to_string(reader.float64()) + " ";
        break;
      case Token::kBytes:
        out += "b:" + std::string(reader.text()) + " ";
        break;
      case Token::kText:
        out += "t:" + std::string(reader.text()) + " ";
        break;
      case Token::kSymbol:
        out += "s:" + std::string(reader.text()) + " ";
        break;
      case Token::kBool:
        out += reader.boolean() ? "true " : "false ";
        break;
    }
  }
}

Error ErrorOf(std::string_view bytes, const Limits& limits = {}) {
  Reader reader(limits);
  reader.Reset(bytes);
  CHECK(!reader.Skip());
  return reader.error();
}

TEST_CASE("reader: each kind of token") {
  CHECK(Tokens("t") == "true ");
  CHECK(Tokens("f") == "false ");
  CHECK(Tokens("0+") == "0 ");
  CHECK(Tokens("72+") == "72 ");
  CHECK(Tokens("5-") == "-5 ");
  CHECK(Tokens("123456789012345678901234567890-") == "-123456789012345678901234567890 ");
  CHECK(Tokens("3:cat") == "b:cat ");
  CHECK(Tokens("3\"cat") == "t:cat ");
  CHECK(Tokens("3'cat") == "s:cat ");
  CHECK(Tokens("0:") == "b: ");
  CHECK(Tokens("0\"") == "t: ");
  CHECK(Tokens("0'") == "s: ");
  CHECK(Tokens("D\x3f\xf8\0\0\0\0\0\0"s) == "1.500000 ");
  CHECK(Tokens("D\x7f\xf8\0\0\0\0\0\0"s) == "nan ");
  CHECK(Tokens("D\x80\0\0\0\0\0\0\0"s) == "-0.000000 ");
  CHECK(Tokens("[1+[]]") == "[ 1 [ ] ] ");
  CHECK(Tokens("{}") == "{ } ");
  CHECK(Tokens("{1\"a1+1\"b[2+]}") == "{ t:a 1 t:b [ 2 ] } ");
  CHECK(Tokens("<1'a{}>") == "< s:a { } > ");
  // A label is any value.
  CHECK(Tokens("<<1'a>1+>") == "< < s:a > 1 > ");
}

TEST_CASE("reader: keys ascend by their encoded form") {
  CHECK(Tokens("{10\"abcdefghij1+2\"bb2+}") == "{ t:abcdefghij 1 t:bb 2 } ");
  CHECK(ErrorOf("{2\"bb2+10\"abcdefghij1+}").wrong == Wrong::kKeyOrder);
  CHECK(ErrorOf("{2\"bb2+10\"abcdefghij1+}").at == 7);
  CHECK(ErrorOf("{1\"a1+1\"a2+}").wrong == Wrong::kKeyTwice);
  // A key of any kind, containers too.
  CHECK(Tokens("{1+t2+f}") == "{ 1 true 2 false } ");
  CHECK(Tokens("{[1+]t[2+]f}") == "{ [ 1 ] true [ 2 ] false } ");
  CHECK(ErrorOf("{[2+]t[1+]f}").at == 6);
  CHECK(ErrorOf("{<1'a>t<1'a>f}").wrong == Wrong::kKeyTwice);
  // Bytes are not signed.
  CHECK(Tokens("{1:\x7ft1:\xfft}").substr(0, 2) == "{ ");
  // What stands in a value does not count, nor in another dictionary.
  CHECK(Tokens("{1\"b{1\"a1+}1\"c{1\"a1+}}").substr(0, 2) == "{ ");
  CHECK(Tokens("[{1\"a1+}{1\"a1+}]").substr(0, 2) == "[ ");
  CHECK(ErrorOf("{{1\"a1+}t{1\"b1+1\"a1+}f}").at == 15);
}

TEST_CASE("reader: what is wrong, and at which byte") {
  const struct {
    std::string bytes;
    Wrong wrong;
    uint64_t at;
  } kCases[] = {
      {"", Wrong::kCut, 0},
      {"01+", Wrong::kLeadingZero, 0},
      {"00+", Wrong::kLeadingZero, 0},
      {"[03:abc]", Wrong::kLeadingZero, 1},
      {"0-", Wrong::kNegativeZero, 0},
      {"-5", Wrong::kUnexpectedByte, 0},
      {"5*", Wrong::kUnexpectedByte, 1},
      {"n", Wrong::kUnexpectedByte, 0},
      {" t", Wrong::kUnexpectedByte, 0},
      {"#t$", Wrong::kSet, 0},
      {"[F\1\2\3\4]", Wrong::kSingleFloat, 1},
      {"[D\x7f\xf8\0\0\0\0\0\1]"s, Wrong::kNaN, 1},
      {"D\xff\xf8\0\0\0\0\0\0"s, Wrong::kNaN, 0},
      {"D\x7f\xf0\0\0\0\0\0\1"s, Wrong::kNaN, 0},
      {"2\"\xc3\x28", Wrong::kUtf8, 0},
      {"[1'\xff]", Wrong::kUtf8, 1},
      {"3\"\xed\xa0\x80", Wrong::kUtf8, 0},
      {"2'\xc0\xaf", Wrong::kUtf8, 0},
      {"<>", Wrong::kNoLabel, 1},
      {"{1\"a}", Wrong::kNoValue, 4},
      {"]", Wrong::kWrongEnd, 0},
      {"[>", Wrong::kWrongEnd, 1},
      {"tf", Wrong::kTrailing, 1},
      {"[]]", Wrong::kTrailing, 2},
      {"<1'a> ", Wrong::kTrailing, 5},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.bytes);
    Reader reader;
    reader.Reset(c.bytes);
    Token token;
    do {
      token = reader.Next();
    } while (token != Token::kError && token != Token::kEnd);
    CHECK(reader.error().wrong == c.wrong);
    CHECK(reader.error().at == c.at);
  }
}

TEST_CASE("reader: every truncation is told as one") {
  const std::string whole =
      "<10'op:deliver[1+22-3:abc4\"text5'symbotfD\x3f\xf8\0\0\0\0\0\0]{1\"a<1'b>}123456789012345678901+>"s;
  CHECK(Tokens(whole).substr(0, 2) == "< ");
  for (size_t n = 0; n < whole.size(); ++n) {
    CAPTURE(n);
    const Error error = ErrorOf(whole.substr(0, n));
    CHECK(error.wrong == Wrong::kCut);
    CHECK(error.at == n);
  }
}

TEST_CASE("reader: each limit holds at itself and fails at one more") {
  CHECK(Tokens("[t]", {.message_bytes_max = 3}) == "[ true ] ");
  CHECK(ErrorOf("[tt]", {.message_bytes_max = 3}).ToString() ==
        "byte 3: more bytes than message_bytes_max (3)");
  CHECK(Tokens("[[]]", {.depth_max = 2}) == "[ [ ] ] ");
  CHECK(ErrorOf("[[{}]]", {.depth_max = 2}).ToString() == "byte 2: more nested than depth_max (2)");
  CHECK(Tokens("[tt]", {.items_max = 3}) == "[ true true ] ");
  CHECK(ErrorOf("[ttt]", {.items_max = 3}).ToString() == "byte 3: more values than items_max (3)");
  CHECK(ErrorOf("[tt[]]", {.items_max = 3}).at == 3);
  CHECK(Tokens("999+", {.int_digits_max = 3}) == "999 ");
  CHECK(ErrorOf("[1000+]", {.int_digits_max = 3}).ToString() ==
        "byte 1: an integer of more digits than int_digits_max (3)");
}

TEST_CASE("reader: a declared length allocates nothing and is believed nowhere") {
  for (const char* length :
       {"1", "16777216", "16777217", "2147483648", "4294967295", "9223372036854775808",
        "18446744073709551615", "18446744073709551616"}) {
    CAPTURE(length);
    Reader reader;
    const std::string bytes = "[" + std::string(length) + ":";
    const Allocated before = AllocatedNow();
    reader.Reset(bytes);
    CHECK(!reader.Skip());
    CHECK(AllocatedNow().bytes - before.bytes <= 4096);
    CHECK(reader.error().wrong == Wrong::kCut);
  }
}

TEST_CASE("reader: skipping reads as much as walking") {
  Reader reader;
  reader.Reset("[[1+{1\"a[]}]2+]");
  CHECK(reader.Next() == Token::kList);
  CHECK(reader.Skip());
  CHECK(reader.Next() == Token::kInt);
  CHECK(reader.begin() == 12);
  CHECK(reader.end() == 14);
  CHECK(!reader.Skip());  // there is none
  reader.Reset("[[2\"\xc3\x28]]");
  CHECK(reader.Next() == Token::kList);
  CHECK(!reader.Skip());
  CHECK(reader.error().wrong == Wrong::kUtf8);
}

TEST_CASE("reader: it goes back to a mark, also out of what was closed since") {
  Reader reader;
  const std::string bytes = "{<1'a1+>t<1'b1+>f}";
  reader.Reset(bytes);
  CHECK(reader.Next() == Token::kDict);
  for (int entry = 0; entry < 2; ++entry) {
    CHECK(reader.Next() == Token::kRecord);
    const Reader::Mark mark = reader.mark();
    for (int again = 0; again < 3; ++again) {
      CHECK(reader.Next() == Token::kSymbol);
      CHECK(reader.Next() == Token::kInt);
      if (again > 0) CHECK(reader.Next() == Token::kRecordEnd);
      if (again < 2) reader.Rewind(mark);
    }
    CHECK(reader.Next() == Token::kBool);
  }
  CHECK(reader.Next() == Token::kDictEnd);
  CHECK(reader.Next() == Token::kEnd);
}

}  // namespace
}  // namespace vesicle::syrup
