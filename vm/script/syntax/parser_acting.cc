// What only behaviors, tasks and acts may do.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vm/script/syntax/parser_internal.h"

namespace vesicle {

Expr* Parser::ParseActor() {
  const uint32_t begin = token_.span.begin;
  Advance();
  Unit* unit = NewUnit(UnitKind::kBehavior, "", From(begin));
  unit->clauses = ParseClauses("and the clauses of the actor");
  unit->span = From(begin);
  auto* actor = New<ActorExpr>(begin);
  actor->unit = unit;
  return actor;
}

Expr* Parser::ParseWhen() {
  const uint32_t begin = token_.span.begin;
  Advance();
  Expr* promise = ParseHead();
  if (failed()) return Bad();
  Unit* unit = NewUnit(UnitKind::kWhen, "", From(begin));
  unit->clauses = ParseClauses("and the clauses of the `when`");
  if (!failed() && At(TokenKind::kElse)) unit->else_clauses = ParseHandlers("when");
  unit->span = From(begin);
  auto* when = New<WhenExpr>(begin);
  when->promise = promise;
  when->unit = unit;
  return when;
}

Expr* Parser::ParseTask() {
  const uint32_t begin = token_.span.begin;
  Advance();
  Unit* unit = NewUnit(UnitKind::kTask, "", From(begin));
  unit->body = ParseHeadBody();
  unit->span = From(begin);
  auto* task = New<TaskExpr>(begin);
  task->unit = unit;
  return task;
}

Expr* Parser::ParseCreate() {
  const uint32_t begin = token_.span.begin;
  Advance();
  Expr* behavior = ParseBinary(Level::kCall);
  auto* create = New<CreateExpr>(begin);
  create->behavior = behavior;
  return create;
}

void Parser::CheckNoBareSend(const Expr& operand, std::string_view word) {
  if (operand.kind != ExprKind::kSend || operand.parens) return;
  Complain(As<SendExpr>(operand).op_span,
           absl::StrCat("`", std::string(word), "` does not take a send"),
           "put parentheses around it, or make it a statement of its own");
}

Expr* Parser::ParseBecome() {
  const uint32_t begin = token_.span.begin;
  Advance();
  if (AtWord("with")) {
    Lexer lexer = lexer_.Ahead();
    const bool is_open = lexer.Next().kind == TokenKind::kParenOpen;
    const TokenKind name = lexer.Next().kind;
    const TokenKind after = lexer.Next().kind;
    if (is_open && ((name == TokenKind::kName && after == TokenKind::kColon) ||
                    name == TokenKind::kParenClose)) {
      return ParseBecomeWith(begin);
    }
  }
  Expr* behavior = ParseExpr();
  if (!failed()) CheckNoBareSend(*behavior, "become");
  auto* become = New<BecomeExpr>(begin);
  become->behavior = behavior;
  return become;
}

Expr* Parser::ParseBecomeWith(uint32_t begin) {
  Advance();
  const Span open = token_.span;
  Mode mode(*this, /*newlines_count=*/false, /*is_head=*/false);
  Advance();
  std::vector<BecomeField> fields;
  while (!AtEndOf(TokenKind::kParenClose)) {
    const Name name = ExpectName("the name of what changes");
    if (failed() || !Expect(TokenKind::kColon, "after the name")) break;
    fields.push_back({name.text, name.span, ParseExpr(), 0});
    if (failed() || !Take(TokenKind::kComma)) break;
  }
  if (!failed()) Close(TokenKind::kParenClose, open);
  if (fields.empty()) {
    Complain(open, "this `become with` changes nothing", "write `become with (count: count + 1)`");
  }
  auto* become = New<BecomeWithExpr>(begin);
  become->fields = ast_.arena.Copy(fields);
  return become;
}

Expr* Parser::ParseFail() {
  const uint32_t begin = token_.span.begin;
  Advance();
  Expr* reason = ParseExpr();
  if (!failed()) CheckNoBareSend(*reason, "fail");
  auto* fail = New<FailExpr>(begin);
  fail->reason = reason;
  return fail;
}

Expr* Parser::ParseExpectation() {
  const uint32_t begin = token_.span.begin;
  Advance();
  Expr* condition = ParseExpr();
  if (!failed()) CheckNoBareSend(*condition, "expect");
  auto* expect = New<ExpectExpr>(begin);
  expect->condition = condition;
  return expect;
}

}  // namespace vesicle
