#include "vm/script/syntax/lexer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace vesicle {
namespace {

bool IsDigit(char c, uint8_t base) {
  if (c >= '0' && c <= '9') return c - '0' < base;
  const char lower = static_cast<char>(c | 0x20);
  return base == 16 && lower >= 'a' && lower <= 'f';
}
uint32_t DigitValue(char c) {
  return static_cast<uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

// Characters that change how the text around them is shown, so that what a
// reviewer sees is not what runs (CVE-2021-42574).
bool IsBidiControl(uint32_t c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E ||
         c == 0x200F || c == 0x61C;
}

// As Unicode names a code point: at least four digits.
std::string Upper(uint32_t c) {
  return absl::AsciiStrToUpper(absl::StrCat(absl::Hex(c, absl::kZeroPad4)));
}

Span SpanOf(size_t begin, size_t end) {
  return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
}

}  // namespace

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }

bool CheckEncoding(const Source& source, Diagnostics& diagnostics) {
  const std::string_view text = source.text();
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 && byte < 0x7F) {
      ++at;
      continue;
    }
    if (byte < 0x80) {
      if (byte == '\n' || byte == '\t' || byte == '\r') {
        ++at;
        continue;
      }
      diagnostics.Error(SpanOf(at, at + 1),
                        byte == 0 ? "a NUL byte in the text of a program"
                                  : absl::StrCat("a control character, U+", Upper(byte)),
                        absl::StrCat("inside quotes write it as \\u{", absl::Hex(byte), "}"));
      return false;
    }
    const CodePoint c = DecodeUtf8(text, at);
    if (c.length == 0) {
      diagnostics.Error(
          SpanOf(at, at + 1),
          absl::StrCat("the byte 0x", absl::Hex(c.value, absl::kZeroPad2), " is not UTF-8"),
          "programs are UTF-8 text; in b\"...\" write it as \\x..");
      return false;
    }
    if (IsBidiControl(c.value)) {
      diagnostics.Error(
          SpanOf(at, at + c.length),
          absl::StrCat("U+", Upper(c.value), " changes the direction of what is shown"),
          absl::StrCat("inside quotes write it as \\u{", absl::Hex(c.value),
                       "}; elsewhere remove it"));
      return false;
    }
    at += c.length;
  }
  return true;
}

Lexer::Lexer(const Source& source, Diagnostics* diagnostics)
    : text_(source.text()), diagnostics_(diagnostics) {
  if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
  if (text_.substr(at_, 2) == "#!") at_ = std::min(text_.find('\n', at_), text_.size());
}

Lexer Lexer::Ahead() const {
  Lexer ahead = *this;
  ahead.diagnostics_ = nullptr;
  return ahead;
}

bool Lexer::SkipBlanks() {
  bool newline = false;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '\n') {
      newline = true;
    } else if (c == '/' && Peek(1) == '/') {
      at_ = std::min(text_.find('\n', at_), text_.size());
      continue;
    } else if (c != ' ' && c != '\t' && c != '\r') {
      break;
    }
    ++at_;
  }
  return newline;
}

Token Lexer::Make(TokenKind kind, size_t begin) {
  const char after = Peek();
  Token token;
  token.kind = kind;
  token.newline_before = newline_;
  token.space_before = space_;
  token.space_after = at_ >= text_.size() || after == ' ' || after == '\t' || after == '\n' ||
                      after == '\r' || (after == '/' && Peek(1) == '/');
  token.span = token.content = SpanOf(begin, at_);
  return token;
}

Token Lexer::Bad(size_t begin, std::string message, std::string hint) {
  const Token token = Make(TokenKind::kError, begin);
  if (diagnostics_ != nullptr) {
    diagnostics_->Error(token.span, std::move(message), std::move(hint));
  }
  return token;
}

Token Lexer::Next() {
  const size_t before = at_;
  newline_ = SkipBlanks();
  space_ = at_ > before || before == 0;
  const size_t begin = at_;
  if (begin >= text_.size()) return Make(TokenKind::kEnd, begin);
  const char c = text_[begin];
  if (c == 'b' && Peek(1) == '"') {
    at_ += 2;
    return ReadQuoted(Quoted::kBytes, begin);
  }
  if (IsNameStart(c)) {
    while (IsNamePart(Peek())) ++at_;
    if (at_ - begin > kNameCharsMax) {
      return Bad(begin, absl::StrCat("this name has ", at_ - begin, " characters; at most ",
                                     kNameCharsMax, " are allowed"));
    }
    return Make(KeywordOrName(text_.substr(begin, at_ - begin)), begin);
  }
  if (IsDigit(c, 10)) return Number(begin);
  if (c == '"') {
    ++at_;
    return ReadQuoted(Quoted::kText, begin);
  }
  if (c == '#') return Symbol(begin);
  return Punctuation(begin);
}

Token Lexer::ResumeText() {
  newline_ = space_ = false;
  return ReadQuoted(Quoted::kText, at_);
}

Token Lexer::Punctuation(size_t begin) {
  auto take = [&](TokenKind kind, size_t length) {
    at_ += length;
    return Make(kind, begin);
  };
  const char next = Peek(1);
  switch (text_[begin]) {
    case '(':
      return take(TokenKind::kParenOpen, 1);
    case ')':
      return take(TokenKind::kParenClose, 1);
    case '[':
      return take(TokenKind::kBracketOpen, 1);
    case ']':
      return take(TokenKind::kBracketClose, 1);
    case '{':
      return take(TokenKind::kBraceOpen, 1);
    case '}':
      return take(TokenKind::kBraceClose, 1);
    case ',':
      return take(TokenKind::kComma, 1);
    case ':':
      return take(TokenKind::kColon, 1);
    case ';':
      return take(TokenKind::kSemicolon, 1);
    case '^':
      return take(TokenKind::kCaret, 1);
    case '%':
      return take(TokenKind::kPercent, 1);
    case '/':
      if (next == '*') return Unknown(begin);
      return take(TokenKind::kSlash, 1);
    case '.':
      if (next != '.') return take(TokenKind::kDot, 1);
      return Peek(2) == '.' ? take(TokenKind::kSpread, 3) : take(TokenKind::kRange, 2);
    case '=':
      if (next == '=') return take(TokenKind::kEqual, 2);
      return next == '>' ? take(TokenKind::kArrow, 2) : take(TokenKind::kAssign, 1);
    case '<':
      if (next == '-') return take(TokenKind::kSend, 2);
      return next == '=' ? take(TokenKind::kLessEqual, 2) : take(TokenKind::kLess, 1);
    case '>':
      return next == '=' ? take(TokenKind::kGreaterEqual, 2) : take(TokenKind::kGreater, 1);
    case '|':
      if (next == '|') return Unknown(begin);
      return next == '>' ? take(TokenKind::kPipe, 2) : take(TokenKind::kBar, 1);
    case '!':
      return next == '=' ? take(TokenKind::kNotEqual, 2) : Unknown(begin);
    case '+':
      return next == '+' ? take(TokenKind::kConcat, 2) : take(TokenKind::kPlus, 1);
    case '-':
      return next == '>' ? Unknown(begin) : take(TokenKind::kMinus, 1);
    case '*':
      return next == '*' ? take(TokenKind::kPower, 2) : take(TokenKind::kStar, 1);
    default:
      return Unknown(begin);
  }
}

// What other languages write, and what ours says instead.
Token Lexer::Unknown(size_t begin) {
  struct Habit {
    std::string_view spelling;
    std::string_view hint;
  };
  static constexpr Habit kHabits[] = {
      {"&&", "write `and`"},
      {"||", "write `or`"},
      {"->", "clauses have `=>`, sends `<-`"},
      {"/*", "comments run from `//` to the end of the line"},
      {"!", "write `not`; a send is `to <- message`"},
      {"&", "write `and`"},
      {"'", "texts stand in double quotes"},
      {"`", "texts stand in double quotes"},
      {"?", "write `if c { a } else { b }`"},
      {"@", "name a matched value with `as`: `[x, y] as pair`"},
      {"$", "`${name}` works inside a text only"},
  };
  for (const Habit& habit : kHabits) {
    if (text_.substr(begin, habit.spelling.size()) != habit.spelling) continue;
    at_ += habit.spelling.size();
    return Bad(begin, absl::StrCat("`", std::string(habit.spelling), "` is not in the language"),
               std::string(habit.hint));
  }
  // One report for a run of them: a word in another script is one mistake.
  size_t end = begin;
  do {
    end += std::max<size_t>(1, DecodeUtf8(text_, end).length);
  } while (end < text_.size() && static_cast<unsigned char>(text_[end]) >= 0x80);
  at_ = end;
  return Bad(
      begin,
      absl::StrCat("`", Printable(text_.substr(begin, end - begin), 40), "` cannot stand here"),
      static_cast<unsigned char>(text_[begin]) >= 0x80
          ? "names are made of a-z, A-Z, 0-9 and _; anything else stands in quotes"
          : "");
}

// Digits with single underscores between them; whether they were well placed.
bool Lexer::Digits(uint8_t base) {
  bool good = IsDigit(Peek(), base);
  bool was_digit = false;
  for (;; ++at_) {
    if (IsDigit(Peek(), base)) {
      was_digit = true;
    } else if (Peek() == '_') {
      good = good && was_digit;
      was_digit = false;
    } else {
      return good && was_digit;
    }
  }
}

Token Lexer::Number(size_t begin) {
  uint8_t base = 10;
  if (Peek() == '0') {
    const char prefix = Peek(1);
    base = prefix == 'x' ? 16 : prefix == 'b' ? 2 : prefix == 'o' ? 8 : 10;
    if (base != 10) at_ += 2;
  }
  const size_t digits = at_;
  bool good = Digits(base);
  bool is_float = false;
  if (base == 10) {
    if (Peek() == '.' && IsDigit(Peek(1), 10)) {
      is_float = true;
      ++at_;
      good = Digits(10) && good;
    }
    const size_t sign = Peek(1) == '+' || Peek(1) == '-' ? 2 : 1;
    if ((Peek() == 'e' || Peek() == 'E') && IsDigit(Peek(sign), 10)) {
      is_float = true;
      at_ += sign;
      good = Digits(10) && good;
    }
  }
  if (IsNamePart(Peek())) {
    while (IsNamePart(Peek())) ++at_;
    return Bad(begin,
               absl::StrCat("`", Printable(text_.substr(begin, at_ - begin), 40),
                            "` is neither a number nor a name"),
               "numbers look like 12, 1_000, 0xff, 1.5, 2e10; names start with a letter or _");
  }
  if (at_ - begin > kNumberDigitsMax) {
    return Bad(begin, absl::StrCat("this number has ", at_ - begin, " characters; at most ",
                                   kNumberDigitsMax, " are allowed"));
  }
  if (!good) {
    return Bad(
        begin,
        absl::StrCat("`", Printable(text_.substr(begin, at_ - begin), 40), "` is not a number"),
        "an underscore stands between two digits");
  }
  Token token = Make(is_float ? TokenKind::kFloat : TokenKind::kInt, begin);
  token.base = base;
  token.content = SpanOf(digits, at_);
  return token;
}

Token Lexer::Symbol(size_t begin) {
  ++at_;
  if (Peek() == '"') {
    ++at_;
    return ReadQuoted(Quoted::kSymbol, begin);
  }
  if (!IsNameStart(Peek())) {
    return Bad(begin, "after `#` comes the name of a symbol",
               "symbols look like #get or #\"deposit-gift\"");
  }
  const size_t name = at_;
  while (IsNamePart(Peek())) ++at_;
  if (at_ - name > kNameCharsMax) {
    return Bad(begin, absl::StrCat("this symbol has ", at_ - name, " characters; at most ",
                                   kNameCharsMax, " are allowed"));
  }
  Token token = Make(TokenKind::kSymbol, begin);
  token.content = SpanOf(name, at_);
  return token;
}

// From behind the opening quote to the closing one or to a `${`. Stops at the
// end of the line: a forgotten quote is one error, at its place.
Token Lexer::ReadQuoted(Quoted quoted, size_t begin) {
  const size_t content = at_;
  bool good = true;
  for (;;) {
    const char c = Peek();
    if (at_ >= text_.size() || c == '\n') {
      return Bad(begin, "this quote is not closed on its line",
                 "close it with \"; a line break inside is written \\n");
    }
    if (c == '"' || (quoted == Quoted::kText && c == '$' && Peek(1) == '{')) break;
    if (c == '\\') {
      good = CheckEscape(quoted) && good;
      continue;
    }
    if (quoted == Quoted::kBytes && static_cast<unsigned char>(c) >= 0x80) {
      const size_t bad = at_;
      while (static_cast<unsigned char>(Peek()) >= 0x80) ++at_;
      if (good) Bad(bad, "bytes are written in ASCII", "write other bytes as \\x..");
      good = false;
      continue;
    }
    ++at_;
  }
  const size_t content_end = at_;
  const bool is_open = Peek() == '$';
  at_ += is_open ? 2 : 1;
  if (content_end - content > kTextBytesMax) {
    return Bad(begin, absl::StrCat("this literal has ", content_end - content, " bytes; at most ",
                                   kTextBytesMax, " are allowed"));
  }
  Token token = Make(TokenKind::kText, begin);
  if (quoted == Quoted::kBytes) token.kind = TokenKind::kBytes;
  if (quoted == Quoted::kSymbol) token.kind = TokenKind::kSymbol;
  // An error inside was reported; the literal still reads as one, so that
  // nothing after it is misread.
  token.content = good ? SpanOf(content, content_end) : SpanOf(content, content);
  token.is_open = is_open;
  token.is_quoted = true;
  return token;
}

bool Lexer::CheckEscape(Quoted quoted) {
  const size_t begin = at_;
  const char c = Peek(1);
  at_ += 2;
  switch (c) {
    case 'n':
    case 't':
    case 'r':
    case '\\':
    case '"':
    case '$':
      return true;
    case 'x': {
      const bool is_hex = IsDigit(Peek(), 16) && IsDigit(Peek(1), 16);
      if (is_hex && (quoted == Quoted::kBytes || DigitValue(Peek()) < 8)) {
        at_ += 2;
        return true;
      }
      Bad(begin,
          is_hex ? "\\x80 and above are bytes, not characters" : "\\x takes two hexadecimal digits",
          is_hex ? "write the character as \\u{..}, or b\"...\" for bytes" : "");
      return false;
    }
    case 'u': {
      uint32_t value = 0;
      size_t digits = 0;
      if (Peek() == '{') {
        ++at_;
        for (; IsDigit(Peek(), 16) && digits < 7; ++digits, ++at_) {
          value = value * 16 + DigitValue(Peek());
        }
        const bool is_scalar = value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
        if (digits > 0 && Peek() == '}' && is_scalar && quoted != Quoted::kBytes) {
          ++at_;
          return true;
        }
      }
      Bad(begin, quoted == Quoted::kBytes ? "bytes have no \\u{..}" : "this is not a character",
          quoted == Quoted::kBytes ? "write bytes as \\x.."
                                   : "\\u{..} takes a code point in hexadecimal: \\u{1f600}");
      return false;
    }
    default:
      // The quote or line end that ends the literal is not part of the escape.
      if (c == '\n' || at_ > text_.size()) at_ = begin + 1;
      while (at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xC0) == 0x80) ++at_;
      Bad(begin, "there is no such escape",
          "the escapes are \\n \\t \\r \\\\ \\\" \\$ \\x.. and \\u{..}");
      return false;
  }
}

std::string DecodeQuoted(std::string_view content) {
  std::string out;
  out.reserve(content.size());
  for (size_t at = 0; at < content.size(); ++at) {
    if (content[at] != '\\') {
      out.push_back(content[at]);
      continue;
    }
    switch (const char c = content[++at]; c) {
      case 'n':
        out.push_back('\n');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 'x':
        out.push_back(
            static_cast<char>(DigitValue(content[at + 1]) * 16 + DigitValue(content[at + 2])));
        at += 2;
        break;
      case 'u': {
        uint32_t value = 0;
        for (at += 2; content[at] != '}'; ++at) value = value * 16 + DigitValue(content[at]);
        AppendUtf8(value, out);
        break;
      }
      default:
        out.push_back(c);
    }
  }
  return out;
}

}  // namespace vesicle
