#include "vm/script/parser.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/charconv.h"
#include "absl/strings/str_cat.h"
#include "vm/script/parser_internal.h"

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

void Parser::Recover(List list) {
  if (unwinding_ || stopped_) return;
  std::vector<TokenKind> open;  // brackets; kText for the `${` of a text
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

// Between two statements, clauses or items.
void Parser::EndOfEntry(List list) {
  if (!failed() && !AtLineEnd() && !AtCloser() && !At(TokenKind::kSemicolon) &&
      !(list == List::kClauses && At(TokenKind::kComma))) {
    std::string hint;
    if (At(TokenKind::kAssign)) {
      hint = "only a `var` can be assigned to, as a statement of its own; `==` compares";
    } else if (list == List::kItems) {
      hint = "the next item starts on a line of its own";
    } else {
      hint = "the next one starts on a line of its own";
    }
    Expected("the end of the line", hint);
  } else if (!failed() && list == List::kClauses && At(TokenKind::kSemicolon)) {
    Expected("the end of the clause", "put braces around several statements");
  }
  if (failed()) Recover(list);
}

// ---------------------------------------------------------------------------
// Names and literals

Parser::Name Parser::ExpectName(std::string_view what) {
  if (At(TokenKind::kName)) {
    const Name name{TextOf(token_), token_.span};
    Advance();
    return name;
  }
  Expected(what, IsKeyword(token_.kind) && !AtLineEnd()
                     ? absl::StrCat(Found(), " is a word of the language; choose another name")
                     : "");
  return {"_", Here()};
}

std::string_view Parser::Decoded(const Token& token) {
  const std::string_view content = source_.Text(token.content);
  if (content.find('\\') == std::string_view::npos) return content;
  return ast_.arena.CopyText(DecodeQuoted(content));
}

TextExpr* Parser::TextOfName(Name name) {
  auto* text = ast_.arena.New<TextExpr>();
  text->span = name.span;
  text->value = name.text;
  return text;
}

TextExpr* Parser::PlainText(std::string_view what) {
  if (!At(TokenKind::kText)) {
    Expected(what);
    return nullptr;
  }
  if (token_.is_open) {
    Error(token_.span, "this text cannot have `${..}` inside", "it is fixed; \\$ is a plain `$`");
    return nullptr;
  }
  auto* text = ast_.arena.New<TextExpr>();
  text->span = token_.span;
  text->value = Decoded(token_);
  Advance();
  return text;
}

Expr* Parser::Number() {
  const uint32_t begin = token_.span.begin;
  const Token token = token_;
  std::string digits(source_.Text(token.content));
  Advance();
  const bool has_underscores = digits.find('_') != std::string::npos;
  if (has_underscores) digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  if (token.kind == TokenKind::kFloat) {
    auto* number = New<FloatExpr>(begin);
    const auto result =
        absl::from_chars(digits.data(), digits.data() + digits.size(), number->value);
    // What is too small is zero, as rounding goes; what is too large has no value.
    if (result.ec == std::errc::result_out_of_range && number->value > 1) {
      Complain(token.span, "this number is too large for a float",
               "floats go up to 1.79e308; integers have no limit");
      number->value = 0;
    }
    return number;
  }
  auto* number = New<IntExpr>(begin);
  number->base = token.base;
  number->digits = has_underscores ? ast_.arena.CopyText(digits) : source_.Text(token.content);
  return number;
}

// A text, or an interpolation when there is a `${`. The lexer stops at each
// `${`; at the `}` it is told to go on with the text.
Expr* Parser::TextLiteral() {
  const uint32_t begin = token_.span.begin;
  if (!token_.is_open) return PlainText("a text");
  std::vector<Expr*> parts;
  Mode mode(*this, /*newlines_count=*/false, /*is_head=*/false);
  for (;;) {
    const bool is_open = token_.is_open;
    if (token_.content.begin != token_.content.end) {
      auto* text = ast_.arena.New<TextExpr>();
      text->span = token_.content;
      text->value = Decoded(token_);
      parts.push_back(text);
    }
    const Span open = {token_.span.end - 2, token_.span.end};
    Advance();
    if (!is_open) break;
    if (At(TokenKind::kBraceClose)) {
      Complain({open.begin, token_.span.end}, "there is nothing in this `${}`",
               "for a plain dollar sign write \\$");
    } else {
      parts.push_back(ParseExpr());
      if (!failed() && !At(TokenKind::kBraceClose)) Expected("`}` after the value in the text");
      if (failed()) return Bad();
    }
    end_ = token_.span.end;
    token_ = lexer_.ResumeText();
    if (token_.kind == TokenKind::kError) {
      recovering_ = true;
      return Bad();
    }
  }
  auto* text = New<InterpolationExpr>(begin);
  text->parts = ast_.arena.Copy(parts);
  return text;
}

Expr* Parser::Bad() {
  auto* bad = ast_.arena.New<ErrorExpr>();
  bad->span = Here();
  return bad;
}

// ---------------------------------------------------------------------------
// Items

void Parser::ParseModule() {
  Advance();
  while (token_.kind != TokenKind::kEnd) {
    if (AtLineEnd() || At(TokenKind::kSemicolon)) {
      if (!AtLineEnd()) Advance();
      newline_pending_ = false;
      continue;
    }
    ParseItem();
    unwinding_ = unwinding_ && AtItem();
    if (unwinding_) {
      unwinding_ = recovering_ = false;
    } else {
      EndOfEntry(List::kItems);
    }
    if (stopped_) break;
  }
  for (size_t i = 0; i < items_.size(); ++i) items_[i]->index = static_cast<uint32_t>(i);
  ast_.items = ast_.arena.Copy(items_);
}

void Parser::ParseItem() {
  switch (token_.kind) {
    case TokenKind::kImport:
      return ParseImport();
    case TokenKind::kFn:
      return ParseFunctionItem(ItemKind::kFunction);
    case TokenKind::kAct:
      return ParseFunctionItem(ItemKind::kAct);
    case TokenKind::kBehavior:
      return ParseBehaviorItem();
    case TokenKind::kLet:
      return ParseConstant();
    case TokenKind::kVar:
      return Error(token_.span, "a module has no variables",
                   "`let` names a constant; what changes lives in an actor");
    case TokenKind::kBraceClose:
      Error(token_.span, "this `}` closes nothing");
      return Advance();
    default:
      break;
  }
  if (AtWord("test") && PeekToken().kind == TokenKind::kText) return ParseTest();
  std::string hint = "a file is made of import, fn, act, behavior, let and test";
  if (At(TokenKind::kName)) {
    Suggestion suggestion(TextOf(token_));
    for (std::string_view word : {"import", "fn", "act", "behavior", "let", "test"}) {
      suggestion.Offer(word);
    }
    if (!suggestion.best().empty()) hint = suggestion.Hint();
    for (std::string_view word : {"func", "function", "def"}) {
      if (TextOf(token_) == word) hint = "functions are declared with `fn`";
    }
  }
  Expected("a declaration", hint);
  Advance();
}

Item* Parser::NewItem(ItemKind kind, uint32_t begin, Name name) {
  auto* item = ast_.arena.New<Item>();
  item->kind = kind;
  item->name = name.text;
  item->name_span = name.span;
  item->span = From(begin);
  item->is_private = kind != ItemKind::kTest && !name.text.empty() && name.text[0] == '_';
  items_.push_back(item);
  return item;
}

Unit* Parser::NewUnit(UnitKind kind, std::string_view name, Span span) {
  auto* unit = ast_.arena.New<Unit>();
  unit->kind = kind;
  unit->name = name;
  unit->span = span;
  return unit;
}

Binding* Parser::NewBinding(Name name) {
  auto* binding = ast_.arena.New<Binding>();
  binding->name = name.text;
  binding->span = name.span;
  return binding;
}

void Parser::ParseImport() {
  const uint32_t begin = token_.span.begin;
  Advance();
  const TextExpr* path = PlainText("the path of a file, as in `import \"lib/queue.ves\" as queue`");
  if (path == nullptr) return;
  if (!AtWord("as")) {
    return Expected("`as` and a name", "write `import \"lib/queue.ves\" as queue`");
  }
  Advance();
  const Name name = ExpectName("the name that the module has here");
  if (failed()) return;
  Item* item = NewItem(ItemKind::kImport, begin, name);
  item->path = path->value;
  item->path_span = path->span;
}

std::span<Binding*> Parser::ParseParams() {
  std::vector<Binding*> params;
  const Span open = token_.span;
  Mode mode(*this, /*newlines_count=*/false, /*is_head=*/false);
  Advance();
  while (!AtEndOf(TokenKind::kParenClose)) {
    if (!At(TokenKind::kName)) {
      Expected("the name of a parameter", "to take a value apart, `match` on it in the body");
      break;
    }
    params.push_back(NewBinding(ExpectName("the name of a parameter")));
    if (!Take(TokenKind::kComma)) break;
  }
  if (!failed()) Close(TokenKind::kParenClose, open);
  return ast_.arena.Copy(params);
}

Expr* Parser::ParseFunctionBody() {
  if (Take(TokenKind::kAssign)) return ParseBody();
  if (At(TokenKind::kBraceOpen)) return ParseHeadBody();
  Expected("`=` and an expression, or `{`",
           At(TokenKind::kArrow) ? "`=>` is for clauses; a function has `=`" : "");
  return Bad();
}

void Parser::ParseFunctionItem(ItemKind kind) {
  const uint32_t begin = token_.span.begin;
  const bool is_act = kind == ItemKind::kAct;
  Advance();
  const Name name = ExpectName(is_act ? "the name of the act" : "the name of the function");
  if (failed()) return;
  if (!At(TokenKind::kParenOpen)) {
    return Expected("`(` and the parameters", "without parameters write `()`");
  }
  Item* item = NewItem(kind, begin, name);
  item->unit = NewUnit(is_act ? UnitKind::kAct : UnitKind::kFunction, name.text, From(begin));
  item->unit->params = ParseParams();
  if (failed()) return;
  item->unit->span = From(begin);
  item->unit->body = ParseFunctionBody();
  item->span = From(begin);
}

void Parser::ParseBehaviorItem() {
  const uint32_t begin = token_.span.begin;
  Advance();
  const Name name = ExpectName("the name of the behavior");
  if (failed()) return;
  Item* item = NewItem(ItemKind::kBehavior, begin, name);
  item->unit = NewUnit(UnitKind::kBehavior, name.text, From(begin));
  if (At(TokenKind::kParenOpen)) item->unit->params = ParseParams();
  if (failed()) return;
  item->unit->span = From(begin);
  item->unit->clauses = ParseClauses("and the clauses of the behavior");
  item->span = From(begin);
}

void Parser::ParseConstant() {
  const uint32_t begin = token_.span.begin;
  Advance();
  const Name name = ExpectName("the name of the constant");
  if (failed() || !Expect(TokenKind::kAssign, "after the name of the constant")) return;
  Item* item = NewItem(ItemKind::kConstant, begin, name);
  item->unit = NewUnit(UnitKind::kConstant, name.text, From(begin));
  item->unit->body = ParseExpr();
  item->span = From(begin);
}

void Parser::ParseTest() {
  const uint32_t begin = token_.span.begin;
  Advance();
  const TextExpr* title = PlainText("what the test shows");
  if (title == nullptr) return;
  Item* item = NewItem(ItemKind::kTest, begin, {title->value, title->span});
  item->unit = NewUnit(UnitKind::kTest, title->value, From(begin));
  if (!At(TokenKind::kBraceOpen)) return Expected("`{` and the body of the test");
  item->unit->body = ParseHeadBody();
  item->span = From(begin);
}

}  // namespace vesicle
