// Names, literals, lists and parentheses: what an expression begins with.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/charconv.h"
#include "absl/strings/str_cat.h"
#include "vm/script/syntax/parser_internal.h"

namespace vesicle {

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
// Primaries

Expr* Parser::ParsePrimary() {
  const uint32_t begin = token_.span.begin;
  switch (token_.kind) {
    case TokenKind::kName: {
      auto* name = ast_.arena.New<NameExpr>();
      name->name = TextOf(token_);
      name->span = token_.span;
      if (name->name == "_") {
        Complain(token_.span, "`_` is a pattern; it has no value", "give it a name to use it");
      }
      Advance();
      return name;
    }
    case TokenKind::kInt:
    case TokenKind::kFloat:
      return Number();
    case TokenKind::kText:
      return TextLiteral();
    case TokenKind::kBytes: {
      auto* bytes = ast_.arena.New<BytesExpr>();
      bytes->value = Decoded(token_);
      bytes->span = token_.span;
      Advance();
      return bytes;
    }
    case TokenKind::kSymbol:
      return ParseSymbol();
    case TokenKind::kNil:
      Advance();
      return New<NilExpr>(begin);
    case TokenKind::kTrue:
    case TokenKind::kFalse: {
      const bool value = token_.kind == TokenKind::kTrue;
      Advance();
      auto* node = New<BoolExpr>(begin);
      node->value = value;
      return node;
    }
    case TokenKind::kSelf:
      Advance();
      return New<SelfExpr>(begin);
    case TokenKind::kParenOpen:
      return ParseParens();
    case TokenKind::kBracketOpen:
      return ParseList();
    case TokenKind::kBraceOpen:
      if (is_head_) {
        Expected("an expression before the `{` of the body",
                 "a map or a block in a head stands in parentheses");
        return Bad();
      }
      return ParseBraces(/*empty_is_block=*/false);
    case TokenKind::kFn:
      return ParseLambda();
    case TokenKind::kBehavior:
      return ParseBehavior();
    case TokenKind::kActor:
      return ParseActor();
    case TokenKind::kIf:
      return ParseIf();
    case TokenKind::kMatch:
      return ParseMatch();
    case TokenKind::kWhile:
      return ParseWhile();
    case TokenKind::kFor:
      return ParseFor();
    case TokenKind::kTry:
      return ParseTry();
    case TokenKind::kWhen:
      return ParseWhen();
    case TokenKind::kTask:
      return ParseTask();
    case TokenKind::kCreate:
      return ParseCreate();
    case TokenKind::kBecome:
      return ParseBecome();
    case TokenKind::kFail:
      return ParseFail();
    case TokenKind::kExpect:
      return ParseExpectation();
    case TokenKind::kLet:
    case TokenKind::kVar:
      Expected("an expression", absl::StrCat(Found(), " is a statement: put braces around"));
      return Bad();
    case TokenKind::kAct:
    case TokenKind::kImport:
      Expected("an expression",
               absl::StrCat(Found(), " stands at the top of a file, not inside something"));
      return Bad();
    case TokenKind::kElse:
      Expected("an expression", "this `else` has no `if`, `try`, `when` or `await`");
      return Bad();
    default:
      Expected("an expression");
      return Bad();
  }
}

Expr* Parser::ParseParens() {
  const Span open = token_.span;
  Mode mode(*this, /*newlines_count=*/false, /*is_head=*/false);
  Advance();
  if (At(TokenKind::kParenClose)) {
    Error({open.begin, token_.span.end}, "there is nothing in these parentheses",
          "nothing is `nil`");
    return Bad();
  }
  Expr* inner = ParseExpr();
  if (failed()) return inner;
  if (At(TokenKind::kComma)) {
    Expected("`)`", "several values together are a list: `[a, b]`");
  } else {
    Close(TokenKind::kParenClose, open);
  }
  inner->parens = true;
  return inner;
}

Expr* Parser::ParseSymbol() {
  const uint32_t begin = token_.span.begin;
  const Span symbol_span = token_.span;
  const std::string_view tag = Decoded(token_);
  Advance();
  std::span<Expr*> args;
  if (At(TokenKind::kParenOpen) && !token_.space_before) args = ParseArguments();
  if (args.empty()) {
    auto* symbol = New<SymbolExpr>(begin);
    symbol->name = tag;
    symbol->span.end = std::max(symbol->span.end, symbol_span.end);
    return symbol;
  }
  auto* tagged = New<TaggedExpr>(begin);
  tagged->tag = tag;
  tagged->args = args;
  return tagged;
}

Expr* Parser::ParseList() {
  const uint32_t begin = token_.span.begin;
  const Span open = token_.span;
  Mode mode(*this, /*newlines_count=*/false, /*is_head=*/false);
  Advance();
  if (At(TokenKind::kFor)) return ParseComprehension(begin, open);
  std::vector<ListElement> elements;
  while (!AtEndOf(TokenKind::kBracketClose)) {
    const bool is_spread = Take(TokenKind::kSpread);
    elements.push_back({ParseExpr(), is_spread});
    if (failed() || !Take(TokenKind::kComma)) break;
  }
  if (!failed()) Close(TokenKind::kBracketClose, open);
  auto* list = New<ListExpr>(begin);
  list->elements = ast_.arena.Copy(elements);
  return list;
}

}  // namespace vesicle
