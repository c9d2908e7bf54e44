#include "vm/script/syntax/parser.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/charconv.h"
#include "absl/strings/str_cat.h"
#include "vm/script/syntax/parser_internal.h"

namespace vesicle {
namespace {

bool IsOperator(TokenKind kind) {
  return (kind >= TokenKind::kRange && kind <= TokenKind::kPower) || kind == TokenKind::kAnd ||
         kind == TokenKind::kOr || kind == TokenKind::kNot;
}

// Newlines are ignored after these: `{ ( [ , : => = <-` and operators.
bool IgnoresNewlineAfter(TokenKind kind) {
  return kind == TokenKind::kBraceOpen || kind == TokenKind::kParenOpen ||
         kind == TokenKind::kBracketOpen || kind == TokenKind::kComma ||
         kind == TokenKind::kColon || IsOperator(kind);
}

// And before these: `} ) ]`, `|>`, `else` and `.name`.
bool IgnoresNewlineBefore(const Token& token) {
  switch (token.kind) {
    case TokenKind::kBraceClose:
    case TokenKind::kParenClose:
    case TokenKind::kBracketClose:
    case TokenKind::kPipe:
    case TokenKind::kElse:
    case TokenKind::kEnd:
      return true;
    case TokenKind::kDot:
      return !token.space_after;
    default:
      return false;
  }
}

}  // namespace

Ast Parse(const Source& source, Diagnostics& diagnostics) {
  Ast ast;
  if (source.text().size() > kSourceBytesMax) {
    diagnostics.Error({0, 0}, absl::StrCat("this file has ", source.text().size(),
                                           " bytes; at most ", kSourceBytesMax, " are read"));
    return ast;
  }
  if (!CheckEncoding(source, diagnostics)) return ast;
  Parser(source, diagnostics, ast).ParseModule();
  return ast;
}

// ---------------------------------------------------------------------------
// Tokens

void Parser::Advance() {
  before_ = token_.kind;
  before_span_ = token_.span;
  end_ = token_.span.end;
  if (stopped_) return;
  token_ = lexer_.Next();
  newline_pending_ =
      token_.newline_before && !IgnoresNewlineAfter(before_) && !IgnoresNewlineBefore(token_);
  if (diagnostics_.full()) {
    Stop();
  }
}

void Parser::Stop() {
  stopped_ = true;
  newline_pending_ = false;
  token_ = {};
  token_.span = {end_, end_};
}

bool Parser::Take(TokenKind kind) {
  if (!At(kind)) return false;
  Advance();
  return true;
}

bool Parser::Expect(TokenKind kind, std::string_view where, std::string_view hint) {
  if (Take(kind)) return true;
  Expected(absl::StrCat(std::string(Spelling(kind)), " ", std::string(where)), hint);
  return false;
}

bool Parser::Close(TokenKind kind, Span open) {
  if (Take(kind)) return true;
  if (token_.kind == TokenKind::kEnd) {
    Error(open, absl::StrCat("this `", std::string(source_.Text(open)), "` is never closed"));
  } else {
    const bool between = kind != TokenKind::kBraceClose || !newlines_count_;
    Expected(absl::StrCat(between ? "`,` or " : "", std::string(Spelling(kind))));
    if (between) unclosed_ = kind;
  }
  return false;
}

Token Parser::PeekToken(int ahead) const {
  Lexer lexer = lexer_.Ahead();
  Token token = lexer.Next();
  while (--ahead > 0) token = lexer.Next();
  return token;
}

std::string Parser::Found() const {
  if (AtLineEnd()) return "the end of the line";
  if (token_.kind == TokenKind::kName || IsKeyword(token_.kind)) {
    return absl::StrCat("`", std::string(TextOf(token_)), "`");
  }
  return std::string(Spelling(token_.kind));
}

Span Parser::Here() const { return AtLineEnd() ? Span{end_, end_} : token_.span; }

// ---------------------------------------------------------------------------
// Errors

void Parser::Complain(Span span, std::string message, std::string hint) {
  if (!failed()) diagnostics_.Error(span, std::move(message), std::move(hint));
}

void Parser::Error(Span span, std::string message, std::string hint) {
  Complain(span, std::move(message), std::move(hint));
  recovering_ = true;
}

void Parser::Expected(std::string_view what, std::string_view hint) {
  // The lexer has reported what it could not read.
  if (token_.kind != TokenKind::kError) {
    Complain(Here(), absl::StrCat("expected ", std::string(what), ", found ", Found()),
             std::string(hint));
  }
  recovering_ = true;
}

void Parser::TooDeep() {
  Error(token_.span, absl::StrCat("this is nested more than ", kNestingMax, " deep"),
        "give the inner parts names, or make them functions");
  Stop();
}

// An item that begins its line, as items do and little else: where to go on
// when braces do not match.
bool Parser::AtItem() const {
  const uint32_t at = token_.span.begin;
  if (at > 0 && source_.text()[at - 1] != '\n') return false;
  switch (token_.kind) {
    case TokenKind::kImport:
    case TokenKind::kFn:
    case TokenKind::kAct:
    case TokenKind::kBehavior:
    case TokenKind::kLet:
      return true;
    default:
      return token_.kind == TokenKind::kName && TextOf(token_) == "test";
  }
}

// Whether the bracket that should be closed here is closed further on, before anything
// that cannot stand inside of one.
bool Parser::IsClosedAhead(TokenKind closer) const {
  constexpr int kTokensMax = 200;
  Lexer lexer = lexer_.Ahead();
  int depth = 0;
  Token token = token_;
  for (int i = 0; i < kTokensMax; ++i, token = lexer.Next()) {
    switch (token.kind) {
      case TokenKind::kParenOpen:
      case TokenKind::kBracketOpen:
      case TokenKind::kBraceOpen:
        ++depth;
        break;
      case TokenKind::kParenClose:
      case TokenKind::kBracketClose:
      case TokenKind::kBraceClose:
        if (depth == 0) return token.kind == closer;
        --depth;
        break;
      case TokenKind::kText:
        if (token.is_open) return false;
        break;
      case TokenKind::kEnd:
      case TokenKind::kError:
      case TokenKind::kSemicolon:
      case TokenKind::kLet:
      case TokenKind::kVar:
      case TokenKind::kAssign:
      case TokenKind::kArrow:
      case TokenKind::kSend:
        return false;
      default:
        break;
    }
  }
  return false;
}

void Parser::Recover(List list) {
  if (unwinding_ || stopped_) return;
  std::vector<TokenKind> open;  // brackets; kText for the `${` of a text
  // A comma was forgotten, or the bracket: what is inside is skipped only if it has an end.
  if (const TokenKind closer = std::exchange(unclosed_, TokenKind::kEnd);
      closer != TokenKind::kEnd && IsClosedAhead(closer)) {
    open.push_back(closer);
  }
  while (token_.kind != TokenKind::kEnd) {
    const TokenKind kind = token_.kind;
    if (AtItem()) {
      unwinding_ = list != List::kItems;
      break;
    }
    if (open.empty()) {
      if (newline_pending_ && list != List::kItems) break;
      if (kind == TokenKind::kSemicolon && list == List::kStatements) break;
      if (kind == TokenKind::kComma && list == List::kClauses) break;
      if (kind == TokenKind::kBraceClose && list != List::kItems) break;
    }
    if (kind == TokenKind::kParenOpen || kind == TokenKind::kBracketOpen ||
        kind == TokenKind::kBraceOpen || (kind == TokenKind::kText && token_.is_open)) {
      open.push_back(kind);
    } else if (!open.empty() && kind == TokenKind::kBraceClose && open.back() == TokenKind::kText) {
      token_ = lexer_.ResumeText();
      if (token_.is_open) {
        Advance();
        continue;
      }
      open.pop_back();
    } else if (!open.empty() &&
               (kind == TokenKind::kParenClose || kind == TokenKind::kBracketClose ||
                kind == TokenKind::kBraceClose)) {
      open.pop_back();
    }
    Advance();
  }
  // At the end of the file the first unclosed brace was the news.
  recovering_ = unwinding_ || (token_.kind == TokenKind::kEnd && list != List::kItems);
}

// An item where a statement or a clause should be: the brace around is not
// closed. `fn` and `let` may be statements that begin their line.
bool Parser::FindUnclosed(List list, Span open) {
  if (failed() || !AtItem()) return false;
  const TokenKind kind = token_.kind;
  const TokenKind next = PeekToken().kind;
  const bool is_item = kind == TokenKind::kImport || kind == TokenKind::kAct ||
                       (kind == TokenKind::kBehavior && next == TokenKind::kName) ||
                       (kind == TokenKind::kName && next == TokenKind::kText) ||
                       (list == List::kClauses && kind != TokenKind::kName);
  if (!is_item) return false;
  Error(open, "this `{` is never closed",
        absl::StrCat("line ", source_.PlaceOf(token_.span.begin).line, " begins with ", Found(),
                     " and looks like the next item of the file"));
  unwinding_ = true;
  return true;
}

// What `word` was perhaps meant to be: a word of another language, or a misspelt one of `ours`. ""
// if it is neither.
std::string Parser::HintForWord(std::string_view word,
                                std::initializer_list<std::string_view> ours) {
  const std::string habit(HintForHabit(word));
  if (!habit.empty()) return habit;
  Suggestion suggestion(word);
  for (const std::string_view keyword : ours) suggestion.Offer(keyword);
  return suggestion.Hint();
}

// Between two statements, clauses or items.
void Parser::EndOfEntry(List list) {
  if (!failed() && !AtLineEnd() && !AtCloser() && !At(TokenKind::kSemicolon) &&
      !(list == List::kClauses && At(TokenKind::kComma))) {
    // Two expressions side by side, and a name is the first.
    const std::string_view before =
        before_ == TokenKind::kName ? source_.Text(before_span_) : std::string_view();
    std::string hint = HintForWord(
        before, {"await", "become", "behavior", "create", "expect", "fail", "if", "let", "match",
                 "not", "task", "try", "var", "when", "while", "for", "actor"});
    if (!before.empty() && !hint.empty()) {
      Error(before_span_, absl::StrCat("there is no `", std::string(before), "` in the language"),
            hint);
    } else if (At(TokenKind::kAssign)) {
      hint = "only a `var` can be assigned to, as a statement of its own; `==` compares";
    } else if (list == List::kItems) {
      hint = "the next item starts on a line of its own";
    } else if (list == List::kClauses) {
      hint = "the next clause starts on a line of its own, or behind a comma";
    } else {
      hint = "the next one starts on a line of its own";
    }
    if (!failed() && At(TokenKind::kName)) {
      const std::string meant = HintForWord(TextOf(token_), {"else", "within", "and", "or"});
      if (!meant.empty()) hint = meant;
    }
    if (!failed()) Expected("the end of the line", hint);
  } else if (!failed() && list == List::kClauses && At(TokenKind::kSemicolon)) {
    Expected("the end of the clause", "put braces around several statements");
  }
  if (failed()) Recover(list);
}

}  // namespace vesicle
