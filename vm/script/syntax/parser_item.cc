// A file: imports, functions, acts, behaviors, constants and tests.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vm/script/syntax/parser_internal.h"

namespace vesicle {

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
    const std::string meant =
        HintForWord(TextOf(token_), {"import", "fn", "act", "behavior", "let", "test"});
    if (!meant.empty()) hint = meant;
  }
  if (At(TokenKind::kActor)) {
    hint = "a file declares `behavior counter(n) { .. }`; `actor { .. }` creates one on the spot";
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
