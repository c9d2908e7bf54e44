#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vm/script/syntax/parser_internal.h"

namespace vesicle {

// ---------------------------------------------------------------------------
// Braces: a block or a map

// At `{`. A map when `...`, or a name or text and `:` follow; what begins with
// `[k]` or a text with `${..}` shows at the `:` behind it.
Expr* Parser::ParseBraces(bool empty_is_block) {
  const uint32_t begin = token_.span.begin;
  const Span open = token_.span;
  const Token first = PeekToken();
  const bool is_word =
      first.kind == TokenKind::kName || first.kind == TokenKind::kText || IsKeyword(first.kind);
  if (first.kind == TokenKind::kSpread ||
      (first.kind == TokenKind::kBraceClose && !empty_is_block) ||
      (is_word && !first.is_open && PeekToken(2).kind == TokenKind::kColon) ||
      // What some languages write for `{name: name, ..}`: said there.
      (first.kind == TokenKind::kName && PeekToken(2).kind == TokenKind::kComma)) {
    return ParseMap(begin, open, nullptr);
  }
  return ParseBlockRest(begin, open);
}

// At the `{`, or at the `:` behind `first_key`.
Expr* Parser::ParseMap(uint32_t begin, Span open, Expr* first_key) {
  Mode mode(*this, /*newlines_count=*/false, /*is_head=*/false);
  std::vector<MapElement> entries;
  if (first_key == nullptr) Advance();
  while (first_key != nullptr || !AtEndOf(TokenKind::kBraceClose)) {
    Expr* key = first_key;
    first_key = nullptr;
    if (key != nullptr) {
      // Read by ParseBlockRest, which stopped at the colon.
    } else if (Take(TokenKind::kSpread)) {
      entries.push_back({nullptr, ParseExpr()});
      if (failed() || !Take(TokenKind::kComma)) break;
      continue;
    } else if (At(TokenKind::kBracketOpen)) {
      const Span bracket = token_.span;
      Advance();
      key = ParseExpr();
      if (!failed()) Close(TokenKind::kBracketClose, bracket);
    } else if (At(TokenKind::kText)) {
      key = TextLiteral();
    } else if (AtAnyName()) {
      const Name name{TextOf(token_), token_.span};
      key = TextOfName(name);
      Advance();
      if (At(TokenKind::kComma) || At(TokenKind::kBraceClose)) {
        const std::string text(name.text);
        Complain(name.span, absl::StrCat("the key `", text, "` has no value"),
                 absl::StrCat("write `", text, ": ", text, "`"));
        entries.push_back({key, key});
        if (!Take(TokenKind::kComma)) break;
        continue;
      }
    } else {
      Expected("a key", "keys are a name, a text, or `[k]` for a computed one");
    }
    if (failed() || !Expect(TokenKind::kColon, "after the key")) break;
    entries.push_back({key, ParseExpr()});
    if (failed() || !Take(TokenKind::kComma)) break;
  }
  if (!failed()) Close(TokenKind::kBraceClose, open);
  auto* map = New<MapExpr>(begin);
  map->entries = ast_.arena.Copy(entries);
  return map;
}

// At the `{` of what ParseBraces took for a block.
Expr* Parser::ParseBlockRest(uint32_t begin, Span open) {
  Mode mode(*this, /*newlines_count=*/true, /*is_head=*/false);
  Advance();
  std::vector<Expr*> statements;
  while (!AtCloser()) {
    if (AtLineEnd() || At(TokenKind::kSemicolon)) {
      if (!AtLineEnd()) Advance();
      newline_pending_ = false;
      continue;
    }
    if (FindUnclosed(List::kStatements, open)) break;
    statements.push_back(ParseStatement());
    if (statements.size() == 1 && !failed() && At(TokenKind::kColon)) {
      Expr* first = statements[0];
      const auto* list = If<ListExpr>(first);
      if (list != nullptr && list->elements.size() == 1 && !list->elements[0].is_spread) {
        return ParseMap(begin, open, list->elements[0].value);
      }
      if (first->kind == ExprKind::kInterpolation) return ParseMap(begin, open, first);
    }
    EndOfEntry(List::kStatements);
  }
  if (!failed()) Close(TokenKind::kBraceClose, open);
  auto* block = New<BlockExpr>(begin);
  block->statements = ast_.arena.Copy(statements);
  return block;
}

Expr* Parser::ParseBody() {
  if (At(TokenKind::kBraceOpen)) return ParseBraces(/*empty_is_block=*/true);
  return ParseExpr();
}

Expr* Parser::ParseHeadBody() {
  if (At(TokenKind::kBraceOpen)) return ParseBraces(/*empty_is_block=*/true);
  Expected("`{`", At(TokenKind::kAssign) ? "to compare, write `==`"
                  : AtLineEnd()          ? "the `{` stands on the same line"
                                         : "");
  return Bad();
}

// ---------------------------------------------------------------------------
// Statements

Expr* Parser::ParseStatement() {
  switch (token_.kind) {
    case TokenKind::kLet:
      return ParseLet();
    case TokenKind::kVar:
      return ParseVar();
    case TokenKind::kFn:
      if (PeekToken().kind == TokenKind::kName) return ParseLocalFunction();
      break;
    case TokenKind::kBehavior:
      if (PeekToken().kind == TokenKind::kName) {
        Error(token_.span, "a behavior with a name stands at the top of a file",
              "here write `let b = behavior { .. }`");
        return Bad();
      }
      break;
    default:
      break;
  }
  Expr* expr = ParseExpr();
  if (!failed() && At(TokenKind::kAssign)) return ParseAssign(expr);
  return expr;
}

Expr* Parser::ParseLet() {
  Nest nest(*this);
  const uint32_t begin = token_.span.begin;
  Advance();
  Pattern* pattern = ParsePattern();
  if (failed() || !Expect(TokenKind::kAssign, "after the name")) return Bad();
  Expr* value = ParseExpr();
  auto* let = New<LetExpr>(begin);
  let->pattern = pattern;
  let->value = value;
  return let;
}

Expr* Parser::ParseVar() {
  Nest nest(*this);
  const uint32_t begin = token_.span.begin;
  Advance();
  const Name name = ExpectName("the name of the variable");
  if (failed() || !Expect(TokenKind::kAssign, "after the name")) return Bad();
  if (name.text == "_") Complain(name.span, "a variable needs a name");
  Expr* value = ParseExpr();
  auto* var = New<VarExpr>(begin);
  var->binding = NewBinding(name);
  var->binding->is_var = true;
  var->value = value;
  return var;
}

Expr* Parser::ParseLocalFunction() {
  Nest nest(*this);
  const uint32_t begin = token_.span.begin;
  Advance();
  const Name name = ExpectName("the name of the function");
  auto* function = ast_.arena.New<LocalFunctionExpr>();
  function->binding = NewBinding(name);
  function->unit = NewUnit(UnitKind::kFunction, name.text, From(begin));
  if (!At(TokenKind::kParenOpen)) {
    Expected("`(` and the parameters", "without parameters write `()`");
    return Bad();
  }
  function->unit->params = ParseParams();
  if (failed()) return Bad();
  function->unit->span = From(begin);
  function->unit->body = ParseFunctionBody();
  function->span = From(begin);
  return function;
}

Expr* Parser::ParseAssign(Expr* target) {
  Nest nest(*this);
  if (target->kind == ExprKind::kField || target->kind == ExprKind::kIndex) {
    Error(target->span, "data does not change",
          target->kind == ExprKind::kIndex ? "make a new value of it: `xs = put(xs, index, value)`"
                                           : "make a new value of it: `m = {...m, name: value}`");
    return Bad();
  }
  if (target->kind != ExprKind::kName || target->parens) {
    Error(target->span, "only a `var` can be assigned to", "to compare, write `==`");
    return Bad();
  }
  Advance();
  Expr* value = ParseExpr();
  auto* assign = New<AssignExpr>(target->span.begin);
  assign->target = &As<NameExpr>(*target);
  assign->value = value;
  return assign;
}

// ---------------------------------------------------------------------------
// Clauses

std::span<Clause> Parser::ParseClauses(std::string_view where) {
  const Span open = token_.span;
  std::vector<Clause> clauses;
  if (!At(TokenKind::kBraceOpen)) {
    Expected(absl::StrCat("`{` ", std::string(where)),
             AtLineEnd() ? "the `{` stands on the same line" : "");
    return {};
  }
  Mode mode(*this, /*newlines_count=*/true, /*is_head=*/false);
  Advance();
  if (At(TokenKind::kBraceClose)) {
    Complain({open.begin, token_.span.end}, "there are no clauses here",
             "a clause looks like `#get => count`; `_ => nil` takes everything");
  }
  while (!AtCloser()) {
    if (AtLineEnd() || (At(TokenKind::kComma) && !clauses.empty())) {
      if (!AtLineEnd()) Advance();
      newline_pending_ = false;
      continue;
    }
    if (FindUnclosed(List::kClauses, open)) break;
    clauses.push_back(ParseClause());
    EndOfEntry(List::kClauses);
  }
  if (!failed()) Close(TokenKind::kBraceClose, open);
  return ast_.arena.Copy(clauses);
}

Clause Parser::ParseClause() {
  const uint32_t begin = token_.span.begin;
  Clause clause;
  clause.pattern = ParsePattern();
  if (!failed() && Take(TokenKind::kIf)) clause.guard = ParseExpr();
  if (!failed() && !Take(TokenKind::kArrow)) {
    Expected(clause.guard != nullptr ? "`=>` after the guard" : "`=>` after the pattern",
             "a clause looks like `pattern => what to do`");
  }
  if (!failed()) {
    clause.body = ParseBody();
    if (!failed() && At(TokenKind::kAssign)) {
      Error(token_.span, "an assignment as the body of a clause needs braces",
            "write `=> { x = .. }`");
    }
  }
  if (clause.body == nullptr) clause.body = Bad();
  clause.span = From(begin);
  return clause;
}

// At `else`.
std::span<Clause> Parser::ParseHandlers(std::string_view word) {
  Advance();
  if (!At(TokenKind::kBraceOpen)) {
    Expected("`{` and clauses", absl::StrCat("the `else` of `", std::string(word),
                                             "` has clauses: `else { why => .. }`"));
    return {};
  }
  return ParseClauses("and the clauses");
}

// ---------------------------------------------------------------------------
// Control

Expr* Parser::ParseIf() {
  const uint32_t begin = token_.span.begin;
  std::vector<IfBranch> branches;
  Expr* else_body = nullptr;
  for (;;) {
    Advance();  // `if`
    Expr* condition = ParseHead();
    if (failed()) return Bad();
    branches.push_back({condition, ParseHeadBody()});
    if (failed()) return Bad();
    if (!Take(TokenKind::kElse)) break;
    if (At(TokenKind::kIf)) continue;
    if (!At(TokenKind::kBraceOpen)) {
      Expected("`{` or `if` after `else`", AtLineEnd() ? "the `{` stands on the same line" : "");
      return Bad();
    }
    else_body = ParseHeadBody();
    break;
  }
  auto* node = New<IfExpr>(begin);
  node->branches = ast_.arena.Copy(branches);
  node->else_body = else_body;
  return node;
}

Expr* Parser::ParseMatch() {
  const uint32_t begin = token_.span.begin;
  Advance();
  Expr* subject = ParseHead();
  if (failed()) return Bad();
  const std::span<Clause> clauses = ParseClauses("and the clauses of the `match`");
  auto* match = New<MatchExpr>(begin);
  match->subject = subject;
  match->clauses = clauses;
  return match;
}

Expr* Parser::ParseWhile() {
  const uint32_t begin = token_.span.begin;
  Advance();
  Expr* condition = ParseHead();
  if (failed()) return Bad();
  Expr* body = ParseHeadBody();
  auto* loop = New<WhileExpr>(begin);
  loop->condition = condition;
  loop->body = body;
  return loop;
}

// At `for`: up to where the body, or the `if` of a comprehension, begins.
bool Parser::ParseForHead(Pattern*& pattern, Expr*& list) {
  Advance();
  pattern = ParsePattern();
  if (failed()) return false;
  if (!AtWord("in")) {
    Expected("`in` after the name", "write `for x in xs { .. }`");
    return false;
  }
  Advance();
  list = ParseHead();
  return !failed();
}

Expr* Parser::ParseFor() {
  const uint32_t begin = token_.span.begin;
  Pattern* pattern = nullptr;
  Expr* list = nullptr;
  if (!ParseForHead(pattern, list)) return Bad();
  if (At(TokenKind::kIf)) {
    Error(token_.span, "a `for` has no condition", "put an `if` inside its body");
    return Bad();
  }
  Expr* body = ParseHeadBody();
  auto* loop = New<ForExpr>(begin);
  loop->pattern = pattern;
  loop->list = list;
  loop->body = body;
  return loop;
}

Expr* Parser::ParseComprehension(uint32_t begin, Span open) {
  Pattern* pattern = nullptr;
  Expr* list = nullptr;
  Expr* condition = nullptr;
  if (!ParseForHead(pattern, list)) return Bad();
  if (Take(TokenKind::kIf)) condition = ParseHead();
  if (failed()) return Bad();
  Expr* body = ParseHeadBody();
  if (!failed()) Close(TokenKind::kBracketClose, open);
  auto* node = New<ComprehensionExpr>(begin);
  node->pattern = pattern;
  node->list = list;
  node->condition = condition;
  node->body = body;
  return node;
}

Expr* Parser::ParseTry() {
  const uint32_t begin = token_.span.begin;
  Advance();
  Expr* body = ParseExpr();
  if (failed()) return Bad();
  if (!At(TokenKind::kElse)) {
    const auto* await = If<AwaitExpr>(body);
    Expected("`else` after what is tried", await != nullptr && !await->handlers.empty()
                                               ? "the `else` is of the `await`: leave `try` out"
                                               : "write `try e else { why => .. }`");
    return Bad();
  }
  const std::span<Clause> handlers = ParseHandlers("try");
  auto* node = New<TryExpr>(begin);
  node->body = body;
  node->handlers = handlers;
  return node;
}

Expr* Parser::ParseLambda() {
  const uint32_t begin = token_.span.begin;
  Advance();
  if (!At(TokenKind::kParenOpen)) {
    Expected("`(` and the parameters",
             At(TokenKind::kName) ? "a function with a name is a statement of its own" : "");
    return Bad();
  }
  Unit* unit = NewUnit(UnitKind::kFunction, "", From(begin));
  unit->params = ParseParams();
  if (failed()) return Bad();
  unit->body = ParseFunctionBody();
  unit->span = From(begin);
  auto* function = New<FunctionExpr>(begin);
  function->unit = unit;
  return function;
}

Expr* Parser::ParseBehavior() {
  const uint32_t begin = token_.span.begin;
  Advance();
  if (At(TokenKind::kParenOpen)) {
    Error(token_.span, "a behavior without a name has no parameters",
          "it captures what it names: `behavior { #get => count }`");
    return Bad();
  }
  Unit* unit = NewUnit(UnitKind::kBehavior, "", From(begin));
  unit->clauses = ParseClauses("and the clauses of the behavior");
  unit->span = From(begin);
  auto* behavior = New<BehaviorExpr>(begin);
  behavior->unit = unit;
  return behavior;
}

}  // namespace vesicle
