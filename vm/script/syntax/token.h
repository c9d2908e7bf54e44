// The tokens of the language. One table is the enum, the keywords and the
// spelling in messages.
//
// Newlines are no tokens: each token says whether one stands before it, and the
// parser knows where that matters.
#ifndef VESICLE_VM_SCRIPT_SYNTAX_TOKEN_H_
#define VESICLE_VM_SCRIPT_SYNTAX_TOKEN_H_

#include <cstdint>
#include <string_view>

#include "vm/script/syntax/source.h"

namespace vesicle {

// V(name, what a message calls it)
#define VESICLE_TOKEN_CLASSES(V)  \
  V(kEnd, "the end of the file")  \
  V(kError, "an unreadable part") \
  V(kName, "a name")              \
  V(kInt, "a number")             \
  V(kFloat, "a number")           \
  V(kText, "a text")              \
  V(kBytes, "bytes")              \
  V(kSymbol, "a symbol")

// V(name, spelling)
#define VESICLE_PUNCTUATION(V) \
  V(kParenOpen, "(")           \
  V(kParenClose, ")")          \
  V(kBracketOpen, "[")         \
  V(kBracketClose, "]")        \
  V(kBraceOpen, "{")           \
  V(kBraceClose, "}")          \
  V(kComma, ",")               \
  V(kColon, ":")               \
  V(kSemicolon, ";")           \
  V(kDot, ".")                 \
  V(kRange, "..")              \
  V(kSpread, "...")            \
  V(kAssign, "=")              \
  V(kArrow, "=>")              \
  V(kSend, "<-")               \
  V(kPipe, "|>")               \
  V(kBar, "|")                 \
  V(kCaret, "^")               \
  V(kEqual, "==")              \
  V(kNotEqual, "!=")           \
  V(kLess, "<")                \
  V(kLessEqual, "<=")          \
  V(kGreater, ">")             \
  V(kGreaterEqual, ">=")       \
  V(kConcat, "++")             \
  V(kPlus, "+")                \
  V(kMinus, "-")               \
  V(kStar, "*")                \
  V(kSlash, "/")               \
  V(kPercent, "%")             \
  V(kPower, "**")

// `within of with as in test` are names that are words in their places only.
#define VESICLE_KEYWORDS(V) \
  V(kAct, "act")            \
  V(kActor, "actor")        \
  V(kAnd, "and")            \
  V(kAwait, "await")        \
  V(kBecome, "become")      \
  V(kBehavior, "behavior")  \
  V(kCreate, "create")      \
  V(kElse, "else")          \
  V(kExpect, "expect")      \
  V(kFail, "fail")          \
  V(kFalse, "false")        \
  V(kFn, "fn")              \
  V(kFor, "for")            \
  V(kIf, "if")              \
  V(kImport, "import")      \
  V(kLet, "let")            \
  V(kMatch, "match")        \
  V(kNil, "nil")            \
  V(kNot, "not")            \
  V(kOr, "or")              \
  V(kSelf, "self")          \
  V(kTask, "task")          \
  V(kTrue, "true")          \
  V(kTry, "try")            \
  V(kVar, "var")            \
  V(kWhen, "when")          \
  V(kWhile, "while")

enum class TokenKind : uint8_t {
#define VESICLE_TOKEN(name, spelling) name,
  VESICLE_TOKEN_CLASSES(VESICLE_TOKEN) VESICLE_PUNCTUATION(VESICLE_TOKEN)
      VESICLE_KEYWORDS(VESICLE_TOKEN)
#undef VESICLE_TOKEN
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  bool newline_before = false;
  bool space_before = false;  // a blank, a newline, a comment or the beginning
  bool space_after = false;   // the same for what follows, or the end
  // kText: a `${` ends it, and the rest comes from Lexer::ResumeText().
  bool is_open = false;
  bool is_quoted = false;  // kSymbol: written `#"..."`
  uint8_t base = 10;       // kInt
  Span span;
  // kInt: the digits; kText, kBytes, kSymbol: what is to be decoded; otherwise
  // the same as `span`.
  Span content;
};

// The spelling, as a message quotes it: `` `=>` ``, `a name`.
std::string_view Spelling(TokenKind kind);
bool IsKeyword(TokenKind kind);

// What `name` is: a keyword, or kName.
TokenKind KeywordOrName(std::string_view name);

// What to write instead of a word that other languages have, `return` or `spawn`; "" for
// any other.
std::string_view HintForHabit(std::string_view word);

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_SYNTAX_TOKEN_H_
