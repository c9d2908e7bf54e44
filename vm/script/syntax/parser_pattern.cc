#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vm/script/syntax/parser_internal.h"

namespace vesicle {

Pattern* Parser::BadPattern() {
  auto* bad = ast_.arena.New<ErrorPattern>();
  bad->span = Here();
  return bad;
}

// `p | q as name`: `as` names the whole.
Pattern* Parser::ParsePattern() {
  Nest nest(*this);
  const uint32_t begin = token_.span.begin;
  Pattern* left = ParsePatternAtom();
  if (!failed() && At(TokenKind::kBar)) {
    std::vector<Pattern*> alternatives = {left};
    while (!failed() && Take(TokenKind::kBar)) alternatives.push_back(ParsePatternAtom());
    auto* either = New<EitherPattern>(begin);
    either->alternatives = ast_.arena.Copy(alternatives);
    left = either;
    Grow();
  }
  while (!failed() && AtWord("as")) {
    Advance();
    const Name name = ExpectName("a name after `as`");
    auto* bind = ast_.arena.New<BindPattern>();
    bind->span = name.span;
    bind->name = name.text;
    auto* as = New<AsPattern>(begin);
    as->pattern = left;
    as->name = bind;
    left = as;
    Grow();
  }
  return left;
}

Pattern* Parser::ParsePatternAtom() {
  if (AtLineEnd()) {
    Expected("a pattern");
    return BadPattern();
  }
  switch (token_.kind) {
    case TokenKind::kName:
    case TokenKind::kCaret:
      return ParseNamePattern();
    case TokenKind::kSymbol:
      return ParseTaggedPattern();
    case TokenKind::kBracketOpen:
      return ParseListPattern();
    case TokenKind::kBraceOpen:
      return ParseMapPattern();
    case TokenKind::kParenOpen: {
      const Span open = token_.span;
      Mode mode(*this, false, false);
      Advance();
      Pattern* inner = ParsePattern();
      if (!failed()) Close(TokenKind::kParenClose, open);
      return inner;
    }
    case TokenKind::kSpread:
      Error(token_.span, "`...` stands inside `[..]` or `{..}` only");
      return BadPattern();
    case TokenKind::kInt:
    case TokenKind::kFloat:
    case TokenKind::kMinus:
    case TokenKind::kText:
    case TokenKind::kBytes:
    case TokenKind::kNil:
    case TokenKind::kTrue:
    case TokenKind::kFalse:
      return ParseLiteralPattern();
    default:
      Expected("a pattern", IsKeyword(token_.kind)
                                ? absl::StrCat(Found(), " is a word of the language")
                                : "patterns are literals, names, `_`, #tag(..), [..], {..}, ^name");
      return BadPattern();
  }
}

Pattern* Parser::ParseNamePattern() {
  const uint32_t begin = token_.span.begin;
  if (Take(TokenKind::kCaret)) {
    const Name name = ExpectName("the name of a value after `^`");
    auto* use = ast_.arena.New<NameExpr>();
    use->span = name.span;
    use->name = name.text;
    auto* pinned = New<PinnedPattern>(begin);
    pinned->name = use;
    return pinned;
  }
  const Name name = ExpectName("a name");
  if (At(TokenKind::kParenOpen)) {
    Error(name.span, "a name takes nothing apart",
          absl::StrCat("a tagged value is matched as `#", std::string(name.text), "(..)`"));
    return BadPattern();
  }
  if (name.text == "_") return New<AnyPattern>(begin);
  auto* bind = New<BindPattern>(begin);
  bind->name = name.text;
  return bind;
}

Pattern* Parser::ParseTaggedPattern() {
  const uint32_t begin = token_.span.begin;
  const std::string_view tag = Decoded(token_);
  const Span symbol_span = token_.span;
  Advance();
  std::vector<Pattern*> args;
  if (At(TokenKind::kParenOpen)) {
    if (token_.space_before) {
      Complain(token_.span, "a tag and its `(` stand together",
               absl::StrCat("write `", std::string(source_.Text(symbol_span)), "(..)`"));
    }
    const Span open = token_.span;
    Mode mode(*this, false, false);
    Advance();
    while (!AtEndOf(TokenKind::kParenClose)) {
      args.push_back(ParsePattern());
      if (failed() || !Take(TokenKind::kComma)) break;
    }
    if (!failed()) Close(TokenKind::kParenClose, open);
  }
  if (args.empty()) {
    auto* symbol = ast_.arena.New<SymbolExpr>();
    symbol->span = symbol_span;
    symbol->name = tag;
    auto* literal = New<LiteralPattern>(begin);
    literal->value = symbol;
    return literal;
  }
  auto* tagged = New<TaggedPattern>(begin);
  tagged->tag = tag;
  tagged->args = ast_.arena.Copy(args);
  return tagged;
}

RestPattern Parser::ParseRest() {
  Advance();
  RestPattern rest;
  rest.is_present = true;
  if (At(TokenKind::kName)) {
    const Name name = ExpectName("a name");
    if (name.text != "_") {
      rest.name = ast_.arena.New<BindPattern>();
      rest.name->span = name.span;
      rest.name->name = name.text;
    }
  }
  return rest;
}

Pattern* Parser::ParseListPattern() {
  const uint32_t begin = token_.span.begin;
  const Span open = token_.span;
  Mode mode(*this, false, false);
  Advance();
  std::vector<Pattern*> before, after;
  RestPattern rest;
  while (!AtEndOf(TokenKind::kBracketClose)) {
    if (At(TokenKind::kSpread)) {
      if (rest.is_present) Complain(token_.span, "a list has one rest", "remove one `...`");
      rest = ParseRest();
    } else {
      (rest.is_present ? after : before).push_back(ParsePattern());
    }
    if (failed() || !Take(TokenKind::kComma)) break;
  }
  if (!failed()) Close(TokenKind::kBracketClose, open);
  auto* list = New<ListPattern>(begin);
  list->before = ast_.arena.Copy(before);
  list->rest = rest;
  list->after = ast_.arena.Copy(after);
  return list;
}

// `name: p`, `"text": p`, `[k]: p`, or `name` for `name: name`.
bool Parser::ParseMapPatternEntry(std::vector<MapPatternEntry>& entries) {
  if (At(TokenKind::kBracketOpen)) {
    const Span open = token_.span;
    Advance();
    Expr* key = ParseExpr();
    if (failed() || !Close(TokenKind::kBracketClose, open)) return false;
    if (!Expect(TokenKind::kColon, "after the key")) return false;
    entries.push_back({key, ParsePattern()});
    return !failed();
  }
  if (At(TokenKind::kText)) {
    Expr* key = PlainText("a key");
    if (failed() || !Expect(TokenKind::kColon, "after the key")) return false;
    entries.push_back({key, ParsePattern()});
    return !failed();
  }
  const bool is_word = AtAnyName() && PeekToken().kind == TokenKind::kColon;
  if (!is_word && !At(TokenKind::kName)) {
    Expected("a key", "keys are a name, a text, or `[k]` for a computed one");
    return false;
  }
  const Name name{TextOf(token_), token_.span};
  Advance();
  Expr* key = TextOfName(name);
  if (Take(TokenKind::kColon)) {
    entries.push_back({key, ParsePattern()});
    return !failed();
  }
  auto* bind = ast_.arena.New<BindPattern>();
  bind->span = name.span;
  bind->name = name.text;
  entries.push_back({key, bind});
  return true;
}

Pattern* Parser::ParseMapPattern() {
  const uint32_t begin = token_.span.begin;
  const Span open = token_.span;
  Mode mode(*this, false, false);
  Advance();
  std::vector<MapPatternEntry> entries;
  RestPattern rest;
  while (!AtEndOf(TokenKind::kBraceClose)) {
    if (At(TokenKind::kSpread)) {
      if (rest.is_present) Complain(token_.span, "a map has one rest", "remove one `...`");
      rest = ParseRest();
    } else if (!ParseMapPatternEntry(entries)) {
      break;
    }
    if (!Take(TokenKind::kComma)) break;
  }
  if (!failed()) Close(TokenKind::kBraceClose, open);
  auto* map = New<MapPattern>(begin);
  map->entries = ast_.arena.Copy(entries);
  map->rest = rest;
  return map;
}

Pattern* Parser::ParseLiteralPattern() {
  const uint32_t begin = token_.span.begin;
  Expr* value = nullptr;
  switch (token_.kind) {
    case TokenKind::kText:
      value = PlainText("a text");
      break;
    case TokenKind::kMinus:
      if (const TokenKind next = PeekToken().kind;
          next != TokenKind::kInt && next != TokenKind::kFloat) {
        Advance();
        Expected("a number after the minus", "patterns do not compute; use a guard: `n if ...`");
        return BadPattern();
      }
      value = ParseNegation(Level::kUnary);
      break;
    default:
      value = ParsePrimary();
  }
  if (failed() || value == nullptr) return BadPattern();
  if (At(TokenKind::kRange)) {
    Error(token_.span, "patterns have no ranges", "use a guard: `n if 1 <= n and n <= 5`");
  }
  auto* literal = New<LiteralPattern>(begin);
  literal->value = value;
  return literal;
}

}  // namespace vesicle
