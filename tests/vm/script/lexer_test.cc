#include "vm/script/syntax/lexer.h"

#include <string>
#include <vector>

#include "doctest/doctest.h"
#include "vm/script/syntax/diagnostic.h"

namespace vesicle {
namespace {

struct Lexed {
  std::vector<TokenKind> kinds;
  std::vector<std::string> contents;  // decoded for texts, bytes and symbols
  std::string errors;
};

Lexed Lex(std::string text) {
  const Source source("t.ves", std::move(text));
  Diagnostics diagnostics;
  Lexed out;
  if (CheckEncoding(source, diagnostics)) {
    Lexer lexer(source, &diagnostics);
    for (Token token = lexer.Next(); token.kind != TokenKind::kEnd; token = lexer.Next()) {
      out.kinds.push_back(token.kind);
      const std::string content(source.Text(token.content));
      out.contents.push_back(token.is_quoted ? DecodeQuoted(content) : content);
    }
  }
  out.errors = diagnostics.Print(source);
  return out;
}

std::string Content(std::string text) {
  const Lexed lexed = Lex(std::move(text));
  return lexed.contents.size() == 1 && lexed.errors.empty() ? lexed.contents[0]
                                                            : "error: " + lexed.errors;
}

bool Has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  MESSAGE("in:\n" << text << "\nnot found: " << part);
  return false;
}

using K = TokenKind;

TEST_CASE("lexer: each spelling is one token, the longest one that fits") {
  CHECK(Lex("<- <= < == => = ... .. . ++ + ** * |> | != >= >").kinds ==
        std::vector<K>{K::kSend, K::kLessEqual, K::kLess, K::kEqual, K::kArrow, K::kAssign,
                       K::kSpread, K::kRange, K::kDot, K::kConcat, K::kPlus, K::kPower, K::kStar,
                       K::kPipe, K::kBar, K::kNotEqual, K::kGreaterEqual, K::kGreater});
  CHECK(Lex("behavior behaviors _x self").kinds ==
        std::vector<K>{K::kBehavior, K::kName, K::kName, K::kSelf});
  CHECK(Lex("within of with as in test").kinds == std::vector<K>(6, K::kName));
}

TEST_CASE("lexer: newlines and blanks are told by the token after them") {
  const Source source("t.ves", "a // note\n b<-c");
  Lexer lexer(source, nullptr);
  CHECK_FALSE(lexer.Next().newline_before);
  const Token b = lexer.Next();
  CHECK(b.newline_before);
  CHECK(b.space_before);
  const Token send = lexer.Next();
  CHECK_FALSE(send.space_before);
  CHECK_FALSE(send.space_after);
}

TEST_CASE("lexer: numbers") {
  CHECK(Lex("1_000_000 0xff 0b101 0o17 1.5 2e10 1.5e-3").kinds ==
        std::vector<K>{K::kInt, K::kInt, K::kInt, K::kInt, K::kFloat, K::kFloat, K::kFloat});
  CHECK(Lex("1..5").kinds == std::vector<K>{K::kInt, K::kRange, K::kInt});
  CHECK(Content("0xff") == "ff");
  CHECK(Has(Lex("1__0").errors, "`1__0` is not a number"));
  CHECK(Has(Lex("1_").errors, "is not a number"));
  CHECK(Has(Lex("0x").errors, "is not a number"));
  CHECK(Has(Lex("12abc").errors, "t.ves:1:1: error: `12abc` is neither a number nor a name"));
  CHECK(Has(Lex("0b12").errors, "neither a number nor a name"));
}

TEST_CASE("lexer: texts, bytes and symbols are decoded") {
  CHECK(Content(R"("a\n\t\r\\\"\$\x41\u{1f600}")") == "a\n\t\r\\\"$A\xF0\x9F\x98\x80");
  CHECK(Content(R"("price: $5")") == "price: $5");
  CHECK(Content(R"(b"\x00\xffabc")") == std::string("\0\xff", 2) + "abc");
  CHECK(Content("#get") == "get");
  CHECK(Content("#fail") == "fail");
  CHECK(Content(R"(#"deposit-gift")") == "deposit-gift");
  CHECK(Has(Lex(R"("\q")").errors, "t.ves:1:2: error: there is no such escape"));
  CHECK(Has(Lex(R"("\x80")").errors, "are bytes, not characters"));
  CHECK(Has(Lex(R"("\u{d800}")").errors, "this is not a character"));
  CHECK(Has(Lex(R"("\u{110000}")").errors, "this is not a character"));
  CHECK(Has(Lex("b\"\xC3\xA9\"").errors, "bytes are written in ASCII"));
  CHECK(Has(Lex("let x = \"abc\nlet y").errors, "t.ves:1:9: error: this quote is not closed"));
  CHECK(Has(Lex("\"abc\\").errors, "not closed"));
  CHECK(Has(Lex("# get").errors, "after `#` comes the name"));
}

TEST_CASE("lexer: a text stops at `${` and is resumed behind the `}`") {
  const Source source("t.ves", R"("a${x}b")");
  Diagnostics diagnostics;
  Lexer lexer(source, &diagnostics);
  const Token first = lexer.Next();
  CHECK(first.is_open);
  CHECK(source.Text(first.content) == "a");
  CHECK(lexer.Next().kind == K::kName);
  CHECK(lexer.Next().kind == K::kBraceClose);
  const Token rest = lexer.ResumeText();
  CHECK_FALSE(rest.is_open);
  CHECK(source.Text(rest.content) == "b");
  CHECK(lexer.Next().kind == K::kEnd);
}

TEST_CASE("lexer: habits of other languages are answered with ours") {
  CHECK(Has(Lex("a && b").errors, "hint: write `and`"));
  CHECK(Has(Lex("!a").errors, "hint: write `not`"));
  CHECK(Has(Lex("a -> b").errors, "`->` is not in the language"));
  CHECK(Has(Lex("/* a */").errors, "comments run from `//`"));
  CHECK(Has(Lex("'a'").errors, "double quotes"));
  CHECK(Has(Lex("caf\xC3\xA9 = 1").errors, "t.ves:1:4: error: `\xC3\xA9` cannot stand here"));
}

TEST_CASE("lexer: what is not UTF-8 text is refused with its place") {
  CHECK(Has(Lex("a\nb \"\xFF\"").errors, "t.ves:2:4: error: the byte 0xff is not UTF-8"));
  CHECK(Has(Lex("\xC0\x80").errors, "0xc0 is not UTF-8"));          // overlong
  CHECK(Has(Lex("\xED\xA0\x80").errors, "0xed is not UTF-8"));      // surrogate
  CHECK(Has(Lex("\xF4\x90\x80\x80").errors, "0xf4 is not UTF-8"));  // beyond U+10FFFF
  CHECK(Has(Lex("\xE2\x82").errors, "0xe2 is not UTF-8"));          // cut off
  CHECK(Has(Lex(std::string("a\0b", 3)).errors, "t.ves:1:2: error: a NUL byte"));
  CHECK(Has(Lex("a\x1b[2J").errors, "a control character, U+001B"));
  CHECK(Has(Lex("// \xE2\x80\xAE").errors, "U+202E changes the direction"));
  CHECK(Lex("\xEF\xBB\xBF#!/usr/bin/vesicle\nfn").kinds == std::vector<K>{K::kFn});
  CHECK(Lex("// \xE2\x82\xAC and \xF0\x9F\x98\x80\r\n").errors.empty());
}

TEST_CASE("lexer: tokens have limits that name themselves") {
  CHECK(Lex(std::string(kNameCharsMax, 'a')).errors.empty());
  CHECK(Has(Lex(std::string(kNameCharsMax + 1, 'a')).errors, "256 characters; at most 255"));
  CHECK(Has(Lex("#" + std::string(kNameCharsMax + 1, 'a')).errors, "at most 255"));
  CHECK(Lex(std::string(kNumberDigitsMax, '7')).errors.empty());
  CHECK(Has(Lex(std::string(kNumberDigitsMax + 1, '7')).errors, "at most 8192"));
  CHECK(Lex('"' + std::string(kTextBytesMax, 'a') + '"').errors.empty());
  CHECK(Has(Lex('"' + std::string(kTextBytesMax + 1, 'a') + '"').errors, "at most 1048576"));
  const Lexed huge = Lex("a " + std::string(100'000'000, 'b') + " c");
  CHECK(huge.kinds == std::vector<K>{K::kName, K::kError, K::kName});
}

TEST_CASE("diagnostics: the line, a caret and a hint") {
  const Source source("t.ves", "fn f(x) =\n  \xC3\xA9\xC3\xA9 cuont");
  CHECK(Render(source, {{17, 22}, "there is no `cuont` here", "did you mean `count`?", {}, ""}) ==
        "t.ves:2:6: error: there is no `cuont` here\n"
        "    \xC3\xA9\xC3\xA9 cuont\n"
        "       ^~~~~\n"
        "  hint: did you mean `count`?\n");
}

TEST_CASE("diagnostics: a long line is shortened around the place, and escaped") {
  const Source source("t.ves", std::string(5000, 'a') + "\x1b" + std::string(5000, 'b'));
  const std::string shown = Render(source, {{5000, 5001}, "bad", "", {}, ""});
  CHECK(shown.size() < 400);
  CHECK(Has(shown, "t.ves:1:5001: error: bad"));
  CHECK(Has(shown, "aaa\\u{1b}bbb"));
  CHECK(shown.find('\x1b') == std::string::npos);
}

TEST_CASE("diagnostics: one error a place, in order, and no more than the limit") {
  Diagnostics diagnostics;
  for (uint32_t i = 100; i-- > 0;) diagnostics.Error({i, i + 1}, "a");
  diagnostics.Error({99, 100}, "again");
  CHECK(diagnostics.errors().size() == Diagnostics::kErrorsMax);
  CHECK(diagnostics.full());
  CHECK(diagnostics.errors().front().span.begin == 80);
}

TEST_CASE("diagnostics: the nearest name is suggested, whatever the order of offers") {
  auto best = [](std::string_view wanted, std::vector<std::string_view> names) {
    Suggestion suggestion(wanted);
    for (std::string_view name : names) suggestion.Offer(name);
    return suggestion.best();
  };
  CHECK(best("cuont", {"amount", "count", "mount"}) == "count");
  CHECK(best("cat", {"bat", "rat"}) == "bat");
  CHECK(best("cat", {"rat", "bat"}) == "bat");
  CHECK(best("xyz", {"count", "ab"}).empty());
  CHECK(best("x", {"y"}).empty());
}

}  // namespace
}  // namespace vesicle
