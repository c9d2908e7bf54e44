#include "vm/script/syntax/parser.h"

#include <string>

#include "doctest/doctest.h"
#include "vm/script/syntax/ast.h"

namespace vesicle {
namespace {

// The tree as text: operators prefix, everything in parentheses.
std::string Show(const Expr* expr);
std::string Show(const Pattern& pattern);

std::string ShowAll(std::span<Expr*> exprs) {
  std::string out;
  for (const Expr* expr : exprs) out += " " + Show(expr);
  return out;
}

std::string Show(std::span<Clause> clauses) {
  std::string out;
  for (const Clause& clause : clauses) {
    out += " [" + Show(*clause.pattern);
    if (clause.guard != nullptr) out += " if " + Show(clause.guard);
    out += " => " + Show(clause.body) + "]";
  }
  return out;
}

std::string ShowRest(const RestPattern& rest) {
  if (!rest.is_present) return "";
  return " ..." + std::string(rest.name == nullptr ? "" : rest.name->name);
}

std::string Show(const Pattern& pattern) {
  switch (pattern.kind) {
    case PatternKind::kError:
      return "ERROR";
    case PatternKind::kAny:
      return "_";
    case PatternKind::kBind:
      return std::string(As<BindPattern>(pattern).name);
    case PatternKind::kLiteral:
      return Show(As<LiteralPattern>(pattern).value);
    case PatternKind::kPinned:
      return "^" + Show(As<PinnedPattern>(pattern).name);
    case PatternKind::kTagged: {
      std::string out = "(#" + std::string(As<TaggedPattern>(pattern).tag);
      for (const Pattern* arg : As<TaggedPattern>(pattern).args) out += " " + Show(*arg);
      return out + ")";
    }
    case PatternKind::kList: {
      const auto& list = As<ListPattern>(pattern);
      std::string out = "[";
      for (const Pattern* element : list.before) out += " " + Show(*element);
      out += ShowRest(list.rest);
      for (const Pattern* element : list.after) out += " " + Show(*element);
      return out + "]";
    }
    case PatternKind::kMap: {
      const auto& map = As<MapPattern>(pattern);
      std::string out = "{";
      for (const MapPatternEntry& entry : map.entries) {
        out += " " + Show(entry.key) + ":" + Show(*entry.value);
      }
      return out + ShowRest(map.rest) + "}";
    }
    case PatternKind::kEither: {
      std::string out = "(|";
      for (const Pattern* p : As<EitherPattern>(pattern).alternatives) out += " " + Show(*p);
      return out + ")";
    }
    case PatternKind::kAs:
      return "(as " + Show(*As<AsPattern>(pattern).pattern) + " " +
             std::string(As<AsPattern>(pattern).name->name) + ")";
  }
  return "?";
}

std::string ShowUnit(const Unit& unit) {
  std::string out;
  for (const Binding* param : unit.params) out += " " + std::string(param->name);
  out += Show(unit.clauses);
  if (!unit.else_clauses.empty()) out += " else" + Show(unit.else_clauses);
  if (unit.body != nullptr) out += " " + Show(unit.body);
  return out;
}

std::string Show(const Expr* expr) {
  static constexpr const char* kOps[] = {
      "or", "and", "==", "!=", "<", "<=", ">", ">=", "..", "++", "+", "-", "*", "/", "%", "**"};
  if (expr == nullptr) return "-";
  switch (expr->kind) {
    case ExprKind::kError:
      return "ERROR";
    case ExprKind::kNil:
      return "nil";
    case ExprKind::kBool:
      return As<BoolExpr>(*expr).value ? "true" : "false";
    case ExprKind::kInt: {
      const auto& number = As<IntExpr>(*expr);
      return (number.is_negative ? "-" : "") + std::string(number.digits) +
             (number.base == 10 ? "" : "@" + std::to_string(number.base));
    }
    case ExprKind::kFloat:
      return std::to_string(As<FloatExpr>(*expr).value);
    case ExprKind::kText:
      return "'" + std::string(As<TextExpr>(*expr).value) + "'";
    case ExprKind::kBytes:
      return "b'" + std::string(As<BytesExpr>(*expr).value) + "'";
    case ExprKind::kSymbol:
      return "#" + std::string(As<SymbolExpr>(*expr).name);
    case ExprKind::kInterpolation:
      return "(text" + ShowAll(As<InterpolationExpr>(*expr).parts) + ")";
    case ExprKind::kTagged:
      return "(#" + std::string(As<TaggedExpr>(*expr).tag) + ShowAll(As<TaggedExpr>(*expr).args) +
             ")";
    case ExprKind::kList: {
      std::string out = "[";
      for (const ListElement& element : As<ListExpr>(*expr).elements) {
        out += (element.is_spread ? " ..." : " ") + Show(element.value);
      }
      return out + "]";
    }
    case ExprKind::kMap: {
      std::string out = "{";
      for (const MapElement& entry : As<MapExpr>(*expr).entries) {
        out += " " + (entry.key == nullptr ? "..." : Show(entry.key) + ":") + Show(entry.value);
      }
      return out + "}";
    }
    case ExprKind::kComprehension: {
      const auto& node = As<ComprehensionExpr>(*expr);
      return "(list " + Show(*node.pattern) + " " + Show(node.list) + " " + Show(node.condition) +
             " " + Show(node.body) + ")";
    }
    case ExprKind::kFunction:
      return "(fn" + ShowUnit(*As<FunctionExpr>(*expr).unit) + ")";
    case ExprKind::kBehavior:
      return "(behavior" + ShowUnit(*As<BehaviorExpr>(*expr).unit) + ")";
    case ExprKind::kName:
      return std::string(As<NameExpr>(*expr).name);
    case ExprKind::kField:
      return "(. " + Show(As<FieldExpr>(*expr).object) + " " +
             std::string(As<FieldExpr>(*expr).name) + ")";
    case ExprKind::kIndex:
      return "(at " + Show(As<IndexExpr>(*expr).object) + " " + Show(As<IndexExpr>(*expr).index) +
             ")";
    case ExprKind::kCall:
      return "(call " + Show(As<CallExpr>(*expr).callee) + ShowAll(As<CallExpr>(*expr).args) + ")";
    case ExprKind::kUnary:
      return (As<UnaryExpr>(*expr).op == UnaryOp::kNot ? "(not " : "(neg ") +
             Show(As<UnaryExpr>(*expr).operand) + ")";
    case ExprKind::kBinary: {
      const auto& binary = As<BinaryExpr>(*expr);
      return std::string("(") + kOps[static_cast<int>(binary.op)] + " " + Show(binary.left) + " " +
             Show(binary.right) + ")";
    }
    case ExprKind::kBlock:
      return "(do" + ShowAll(As<BlockExpr>(*expr).statements) + ")";
    case ExprKind::kIf: {
      std::string out = "(if";
      for (const IfBranch& branch : As<IfExpr>(*expr).branches) {
        out += " " + Show(branch.condition) + " " + Show(branch.body);
      }
      return out + " " + Show(As<IfExpr>(*expr).else_body) + ")";
    }
    case ExprKind::kMatch:
      return "(match " + Show(As<MatchExpr>(*expr).subject) + Show(As<MatchExpr>(*expr).clauses) +
             ")";
    case ExprKind::kWhile:
      return "(while " + Show(As<WhileExpr>(*expr).condition) + " " +
             Show(As<WhileExpr>(*expr).body) + ")";
    case ExprKind::kFor:
      return "(for " + Show(*As<ForExpr>(*expr).pattern) + " " + Show(As<ForExpr>(*expr).list) +
             " " + Show(As<ForExpr>(*expr).body) + ")";
    case ExprKind::kTry:
      return "(try " + Show(As<TryExpr>(*expr).body) + Show(As<TryExpr>(*expr).handlers) + ")";
    case ExprKind::kLet:
      return "(let " + Show(*As<LetExpr>(*expr).pattern) + " " + Show(As<LetExpr>(*expr).value) +
             ")";
    case ExprKind::kVar:
      return "(var " + std::string(As<VarExpr>(*expr).binding->name) + " " +
             Show(As<VarExpr>(*expr).value) + ")";
    case ExprKind::kAssign:
      return "(= " + Show(As<AssignExpr>(*expr).target) + " " + Show(As<AssignExpr>(*expr).value) +
             ")";
    case ExprKind::kLocalFunction:
      return "(def " + std::string(As<LocalFunctionExpr>(*expr).binding->name) +
             ShowUnit(*As<LocalFunctionExpr>(*expr).unit) + ")";
    case ExprKind::kSelf:
      return "self";
    case ExprKind::kSend:
      return "(<- " + Show(As<SendExpr>(*expr).target) + " " + Show(As<SendExpr>(*expr).message) +
             ")";
    case ExprKind::kCreate:
      return "(create " + Show(As<CreateExpr>(*expr).behavior) + ")";
    case ExprKind::kActor:
      return "(actor" + ShowUnit(*As<ActorExpr>(*expr).unit) + ")";
    case ExprKind::kBecome:
      return "(become " + Show(As<BecomeExpr>(*expr).behavior) + ")";
    case ExprKind::kBecomeWith: {
      std::string out = "(become with";
      for (const BecomeField& field : As<BecomeWithExpr>(*expr).fields) {
        out += " " + std::string(field.name) + ":" + Show(field.value);
      }
      return out + ")";
    }
    case ExprKind::kWhen:
      return "(when " + Show(As<WhenExpr>(*expr).promise) + ShowUnit(*As<WhenExpr>(*expr).unit) +
             ")";
    case ExprKind::kTask:
      return "(task" + ShowUnit(*As<TaskExpr>(*expr).unit) + ")";
    case ExprKind::kAwait: {
      const auto& await = As<AwaitExpr>(*expr);
      std::string out = "(await " + Show(await.promise);
      if (await.within_ms != nullptr) {
        out += " within " + Show(await.within_ms) + " of " + Show(await.timer);
      }
      return out + Show(await.handlers) + ")";
    }
    case ExprKind::kFail:
      return "(fail " + Show(As<FailExpr>(*expr).reason) + ")";
    case ExprKind::kExpect:
      return "(expect " + Show(As<ExpectExpr>(*expr).condition) + ")";
  }
  return "?";
}

std::string Errors(std::string text) {
  const Source source("t.ves", std::move(text));
  Diagnostics diagnostics;
  Parse(source, diagnostics);
  return diagnostics.Print(source);
}

// The one item of `text`, or the errors.
std::string ItemOf(std::string text) {
  const Source source("t.ves", std::move(text));
  Diagnostics diagnostics;
  const Ast ast = Parse(source, diagnostics);
  if (diagnostics.has_errors()) return diagnostics.Print(source);
  return ast.items.size() == 1 ? ShowUnit(*ast.items[0]->unit) : "not one item";
}
// An expression, as the value of a constant.
std::string E(const std::string& text) {
  const std::string shown = ItemOf("let x = " + text);
  return shown.substr(0, 1) == " " ? shown.substr(1) : shown;
}
// Statements, as the body of a function.
std::string S(const std::string& text) {
  const std::string shown = ItemOf("fn f() {\n" + text + "\n}");
  return shown.substr(0, 1) == " " ? shown.substr(1) : shown;
}
// A pattern.
std::string P(const std::string& text) {
  const std::string shown = ItemOf("behavior b { " + text + " => 1 }");
  return shown.substr(0, 2) == " [" ? shown.substr(2, shown.size() - 8) : shown;
}
bool Has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  MESSAGE("in:\n" << text << "\nnot found: " << part);
  return false;
}

TEST_CASE("parser: what an operator yields takes no message") {
  for (const char* text : {"1 + c <- 1", "a ++ b <- 1", "not c <- 1", "-c <- 1", "a and c <- 1"}) {
    CHECK(Has(S(text), "error: the value of an operator takes no message"));
  }
  for (const char* text : {"c <- 1 + 1", "xs[0] <- 1", "f(1) <- 1", "m.a.b <- 1", "a |> f <- 1"}) {
    CHECK(S(text).find("error") == std::string::npos);
  }
}

TEST_CASE("parser: precedence, loosest first") {
  CHECK(E("a <- b |> c") == "(<- a (call c b))");
  CHECK(E("a or b |> c") == "(call c (or a b))");
  CHECK(E("a or b and c") == "(or a (and b c))");
  CHECK(E("not a and b") == "(and (not a) b)");
  CHECK(E("not a == b") == "(not (== a b))");
  CHECK(E("a == b .. c") == "(== a (.. b c))");
  CHECK(E("1..n + 1") == "(.. 1 (+ n 1))");
  CHECK(E("a .. b ++ c") == "(.. a (++ b c))");
  CHECK(E("a ++ b + c") == "(++ a (+ b c))");
  CHECK(E("a + b * c - d") == "(- (+ a (* b c)) d)");
  CHECK(E("a * b ** c ** d") == "(* a (** b (** c d)))");
  CHECK(E("2 ** -1") == "(** 2 -1)");
  CHECK(E("-a.b(c)[d]") == "(neg (at (call (. a b) c) d))");
  CHECK(E("- -1") == "(neg -1)");
  CHECK(E("a - -1") == "(- a -1)");
  CHECK(E("(a <- b) == c") == "(== (<- a b) c)");
  CHECK(E("first <- n - 1") == "(<- first (- n 1))");
}

TEST_CASE("parser: a minus before `**`, `not` behind an operator, need parentheses") {
  CHECK(Has(E("-2 ** 2"), "a minus before `**` needs parentheses"));
  CHECK(E("(-2) ** 2") == "(** -2 2)");
  CHECK(Has(E("a == not b"), "`not` here needs parentheses"));
  CHECK(E("a == (not b)") == "(== a (not b))");
}

TEST_CASE("parser: comparisons and ranges do not chain") {
  CHECK(Has(E("a < b < c"), "t.ves:1:15: error: comparisons do not chain"));
  CHECK(Has(E("a < b < c"), "hint: write `a < b and b < c`"));
  CHECK(E("(a < b) == c") == "(== (< a b) c)");
  CHECK(Has(E("1..2..3"), "ranges do not chain"));
}

TEST_CASE("parser: `<-` has a space on both sides, and does not chain") {
  CHECK(Has(E("x<-1"), "`<-` has a space on both sides"));
  CHECK(Has(E("x<-1"), "write `x <- 1` to send, or `x < -1` to compare"));
  CHECK(Has(E("x <-1"), "a space on both sides"));
  CHECK(Has(E("x<- 1"), "a space on both sides"));
  CHECK(E("x < -1") == "(< x -1)");
  CHECK(Has(E("a <- b <- c"), "`<-` does not chain"));
  CHECK(E("a <- (b <- c)") == "(<- a (<- b c))");
  CHECK(S("a <-\n b") == "(do (<- a b))");
}

TEST_CASE("parser: `await` takes a call-level expression or the whole send") {
  CHECK(E("await p + 1") == "(+ (await p) 1)");
  CHECK(E("await p.q(1)") == "(await (call (. p q) 1))");
  CHECK(E("await c <- m + 1") == "(await (<- c (+ m 1)))");
  CHECK(E("(await c <- #get) == 2") == "(== (await (<- c #get)) 2)");
  CHECK(E("f(await c <- m, 1)") == "(call f (await (<- c m)) 1)");
  CHECK(Has(E("await c <- m == 2"), "`==` in an awaited message needs parentheses"));
  CHECK(Has(E("await c <- m and d"), "`and` in an awaited message"));
  CHECK(Has(E("await c <- m or d"), "`or` in an awaited message"));
  CHECK(E("await c <- (m == 2)") == "(await (<- c (== m 2)))");
  CHECK(Has(E("1 + await c <- m"), "an awaited send beside an operator needs parentheses"));
  CHECK(Has(E("not await c <- m"), "needs parentheses"));
  CHECK(Has(E("await c <- m else { _ => 1 } + 1"), "an operator after an awaited send"));
  CHECK(E("-await p") == "(neg (await p))");
  CHECK(Has(E("await -p"), "a minus here needs parentheses"));
}

TEST_CASE("parser: `within of` and `else` of an await") {
  CHECK(E("await p within 5 * s of host.timer") == "(await p within (* 5 s) of (. host timer))");
  CHECK(E("await c <- m within 5 of t else { #timeout => 0, why => fail why }") ==
        "(await (<- c m) within 5 of t [#timeout => 0] [why => (fail why)])");
  CHECK(S("await p\nelse { _ => 1 }") == "(do (await p [_ => 1]))");
  CHECK(S("let within = of + with + as") == "(do (let within (+ (+ of with) as)))");
  CHECK(Has(E("await p within 5"), "expected `of` and a timer"));
  CHECK(Has(E("await p else 5"), "the `else` of `await` has clauses"));
}

TEST_CASE("parser: pipes put their value first") {
  CHECK(E("xs |> filter(f) |> sum") == "(call sum (call filter xs f))");
  CHECK(E("xs |> q.map(f)") == "(call (. q map) xs f)");
  CHECK(E("xs |> (f(a))") == "(call (call f a) xs)");
  CHECK(E("x |> fn(y) = y + 1") == "(call (fn y (+ y 1)) x)");
  CHECK(Has(E("x |> 1"), "`|>` needs a function or a call on its right"));
  CHECK(Has(E("x |> not f"), "`|>` needs a function or a call on its right"));
  const std::string compared = Errors("test \"t\" {\n  expect xs |> map(f) |> sum == ys\n}");
  CHECK(Has(compared, "t.ves:2:30: error: `==` binds tighter than `|>`"));
  CHECK(Has(compared, "hint: write `(xs |> map(f) |> sum) == ys`"));
  CHECK(Has(E("x |> f + 1 < y"), "write `(x |> f) + 1 < y`"));
  CHECK(Has(E("(x) |> f(1) and y"), "write `(xs |> f) and y`"));
  CHECK(Has(E("x\n|> f == 1"), "write `(xs |> f) == y`"));
  CHECK(E("(xs |> f) == y") == "(== (call f xs) y)");
  CHECK(S("xs\n  |> f\n  |> g(1)") == "(do (call g (call f xs) 1))");
}

TEST_CASE("parser: newlines end statements, but for the listed places") {
  CHECK(S("a\nb") == "(do a b)");
  CHECK(S("a; b;\n;c") == "(do a b c)");
  CHECK(S("a +\nb") == "(do (+ a b))");
  CHECK(S("a\n- b") == "(do a (neg b))");
  CHECK(S("a\n(b)") == "(do a b)");
  CHECK(S("f(\na,\nb\n)") == "(do (call f a b))");
  CHECK(S("f(a\n+ b)") == "(do (call f (+ a b)))");
  CHECK(S("x\n  .name\n  .other") == "(do (. (. x name) other))");
  CHECK(S("if a { b }\nelse { c }") == "(do (if a (do b) (do c)))");
  CHECK(S("let x =\n1") == "(do (let x 1))");
  CHECK(S("a and\nnot\nb") == "(do (and a (not b)))");
  CHECK(S("f(fn(x) {\na\nb\n})") == "(do (call f (fn x (do a b))))");
  CHECK(E("[a\n, (b)\n]") == "[ a b]");
  CHECK(Has(S("let x\n= 1"), "t.ves:2:6: error: expected `=` after the name"));
  CHECK(Has(S("fail\n1"), "expected an expression, found the end of the line"));
  CHECK(Has(S("a b"), "expected the end of the line, found `b`"));
  CHECK(Has(ItemOf("behavior b\n{ _ => 1 }"), "the `{` stands on the same line"));
  CHECK(Has(E("[a\n(b)]"), "expected `,` or `]`"));
}

TEST_CASE("parser: clauses end at a newline or a comma") {
  CHECK(ItemOf("behavior b { 1 => a, 2 => b\n3 => c,\n n if n > 3 => { d; e } }") ==
        " [1 => a] [2 => b] [3 => c] [n if (> n 3) => (do d e)]");
  CHECK(Has(ItemOf("behavior b { 1 => a; b }"), "put braces around several statements"));
  CHECK(
      Has(ItemOf("behavior b { 1 => a 2 => b }"), "expected the end of the line, found a number"));
  CHECK(Has(ItemOf("behavior b { 1 => x = 2 }"), "an assignment as the body of a clause"));
  CHECK(Has(ItemOf("behavior b { 1 => let x = 2 }"), "`let` is a statement: put braces around"));
  CHECK(Has(ItemOf("behavior b { }"), "there are no clauses here"));
  CHECK(Has(ItemOf("behavior b { c <- 1 }"), "expected `=>` after the pattern, found `<-`"));
}

TEST_CASE("parser: `{` is a body, a block or a map") {
  CHECK(E("{}") == "{}");
  CHECK(E("f({})") == "(call f {})");
  CHECK(E("{a: 1, \"b c\": 2, [k]: 3, ...m, if: 4}") == "{ 'a':1 'b c':2 k:3 ...m 'if':4}");
  CHECK(E("{...m}") == "{ ...m}");
  CHECK(E("{[k + 1]: 2}") == "{ (+ k 1):2}");
  CHECK(E("{\"${a}\": 2, b: 3}") == "{ (text a):2 'b':3}");
  CHECK(E("{ [k] }") == "(do [ k])");
  CHECK(E("{ a }") == "(do a)");
  CHECK(E("fn() = {}") == "(fn (do))");
  CHECK(E("fn() = {a: 1}") == "(fn { 'a':1})");
  CHECK(E("fn() {}") == "(fn (do))");
  CHECK(ItemOf("behavior b { 1 => {}, 2 => {a: 1}, 3 => { a } }") ==
        " [1 => (do)] [2 => { 'a':1}] [3 => (do a)]");
  CHECK(E("if c {} else {}") == "(if c (do) (do))");
  CHECK(E("if c {a: 1} else {b: 2}") == "(if c { 'a':1} { 'b':2})");
  CHECK(E("{\n  a: 1,\n  b: 2,\n}") == "{ 'a':1 'b':2}");
  CHECK(E("if a == b { c }") == "(if (== a b) (do c) -)");
  CHECK(E("match x { {a: 1} => 2 }") == "(match x [{ 'a':1} => 2])");
  CHECK(E("match ({a: 1}) { _ => 2 }") == "(match { 'a':1} [_ => 2])");
  CHECK(E("match f({}) { _ => 2 }") == "(match (call f {}) [_ => 2])");
  CHECK(Has(E("match {a: 1} { _ => 2 }"), "a map or a block in a head stands in parentheses"));
  CHECK(E("while a { b }") == "(while a (do b))");
  CHECK(E("when p { n => n } else { e => e }") == "(when p [n => n] else [e => e])");
  CHECK(E("when c <- #get { n => n }") == "(when (<- c #get) [n => n])");
}

TEST_CASE("parser: an `else` belongs to the nearest") {
  CHECK(E("if a { 1 } else if b { 2 } else { 3 }") == "(if a (do 1) b (do 2) (do 3))");
  CHECK(S("if a { if b { 1 } else { 2 } }") == "(do (if a (do (if b (do 1) (do 2))) -))");
  CHECK(E("try f(await p else { _ => 1 }) else { _ => 2 }") ==
        "(try (call f (await p [_ => 1])) [_ => 2])");
  CHECK(Has(E("try f(x)"), "expected `else` after what is tried"));
  CHECK(Has(E("try f(x)"), "hint: write `try e else { why => .. }`"));
  CHECK(
      Has(E("try await p else { e => e }"), "hint: the `else` is of the `await`: leave `try` out"));
  CHECK(Has(S("else { 1 }"), "this `else` has no `if`"));
  CHECK(Has(E("if a { 1 } else 2"), "expected `{` or `if` after `else`"));
  CHECK(Has(E("if a = b { 1 }"), "to compare, write `==`"));
}

TEST_CASE("parser: values") {
  CHECK(E("[1, 0xff, -2, 1_000, ...rest]") == "[ 1 ff@16 -2 1000 ...rest]");
  CHECK(E("1.5") == "1.500000");
  CHECK(E("-1.5e1") == "-15.000000");
  CHECK(Has(E("1e999"), "too large for a float"));
  CHECK(E("1e-999") == "0.000000");
  CHECK(E("#point(1, #get, #get())") == "(#point 1 #get #get)");
  CHECK(E("#\"deposit-gift\"(1)") == "(#deposit-gift 1)");
  CHECK(Has(E("#tag (1)"), "write `#tag(..)`"));
  CHECK(E("\"a${b + 1}c${\"d${e}\"}\"") == "(text 'a' (+ b 1) 'c' (text 'd' e))");
  CHECK(E("\"${ {a: 1} }\"") == "(text { 'a':1})");
  CHECK(Has(E("\"${}\""), "there is nothing in this `${}`"));
  CHECK(E("[for x in xs if x > 1 { x * 2 }]") == "(list x xs (> x 1) (do (* x 2)))");
  CHECK(E("[for [k, v] in m {k: v}]") == "(list [ k v] m - { 'k':v})");
  CHECK(E("behavior { #get => 1 }") == "(behavior [#get => 1])");
  CHECK(E("m.self.if") == "(. (. m self) if)");
  CHECK(Has(E("(a, b)"), "several values together are a list"));
  CHECK(Has(E("xs.0"), "an element of a list is `xs[0]`"));
}

TEST_CASE("parser: statements") {
  CHECK(S("let [a, b] = c") == "(do (let [ a b] c))");
  CHECK(S("var n = 0\nn = n + 1") == "(do (var n 0) (= n (+ n 1)))");
  CHECK(S("for i in 1..n { a }") == "(do (for i (.. 1 n) (do a)))");
  CHECK(S("fn g(x, _) = g(x)") == "(do (def g x _ (call g x)))");
  CHECK(Has(S("n += 1"), "write it out: `x = x + 1`"));
  CHECK(Has(S("m.x = 1"), "data does not change"));
  CHECK(Has(S(" behavior g { _ => 1 }"), "`let b = behavior"));
  CHECK(Has(S("for x of xs { a }"), "expected `in`"));
}

TEST_CASE("parser: acting") {
  CHECK(E("create counter(0)") == "(create (call counter 0))");
  CHECK(E("create b <- m") == "(<- (create b) m)");
  CHECK(E("actor { m => c <- m * n }") == "(actor [m => (<- c (* m n))])");
  CHECK(S("become with (count: count + n, a: 1)") == "(do (become with count:(+ count n) a:1))");
  CHECK(S("become with(x)") == "(do (become (call with x)))");
  CHECK(S("become counter(n + 1)") == "(do (become (call counter (+ n 1))))");
  CHECK(S("a or fail \"no\"") == "(do (or a (fail 'no')))");
  CHECK(E("task { a; b }") == "(task (do a b))");
  CHECK(S("expect (await c <- #get) == 2") == "(do (expect (== (await (<- c #get)) 2)))");
  CHECK(Has(S("become b <- c"), "`become` does not take a send"));
  CHECK(Has(S("become with ()"), "changes nothing"));
}

TEST_CASE("parser: patterns") {
  CHECK(P("-5") == "-5");
  CHECK(P("nil") == "nil");
  CHECK(P("\"a\"") == "'a'");
  CHECK(P("b\"a\"") == "b'a'");
  CHECK(P("1.5") == "1.500000");
  CHECK(P("_") == "_");
  CHECK(P("#get()") == "#get");
  CHECK(P("#take(n, #a | #b)") == "(#take n (| #a #b))");
  CHECK(P("[a, ...rest]") == "[ a ...rest]");
  CHECK(P("[...rest, z]") == "[ ...rest z]");
  CHECK(P("[a, ..._, z]") == "[ a ... z]");
  CHECK(P("[a, ...]") == "[ a ...]");
  CHECK(P("{name: p, other, \"k k\": 1, [k]: v, ...rest}") ==
        "{ 'name':p 'other':other 'k k':1 k:v ...rest}");
  CHECK(P("{if: x}") == "{ 'if':x}");
  CHECK(P("[1, _] | [_, 1] as pair") == "(as (| [ 1 _] [ _ 1]) pair)");
  CHECK(P("^x") == "^x");
  CHECK(P("(a)") == "a");
  CHECK(Has(P("add(n)"), "a tagged value is matched as `#add(..)`"));
  CHECK(Has(P("1..5"), "patterns have no ranges"));
  CHECK(Has(P("[...a, ...b]"), "a list has one rest"));
  CHECK(Has(P("\"${a}\""), "cannot have `${..}` inside"));
  CHECK(Has(P("-n"), "patterns do not compute"));
  CHECK(Has(P("let"), "`let` is a word of the language"));
}

TEST_CASE("parser: items") {
  const Source source("t.ves",
                      "import \"lib/q.ves\" as q\nlet n = 1\nfn _f(a) = a\nact t(a) { a <- 1 }\n"
                      "behavior c(x) { _ => x }\ntest \"a test\" { expect true }\nfn test() = 1");
  Diagnostics diagnostics;
  const Ast ast = Parse(source, diagnostics);
  CHECK(diagnostics.Print(source) == "");
  REQUIRE(ast.items.size() == 7);
  CHECK(ast.items[0]->kind == ItemKind::kImport);
  CHECK(ast.items[0]->path == "lib/q.ves");
  CHECK(ast.items[0]->name == "q");
  CHECK(ast.items[1]->kind == ItemKind::kConstant);
  CHECK(ast.items[2]->is_private);
  CHECK(ast.items[3]->kind == ItemKind::kAct);
  CHECK(ast.items[4]->unit->params.size() == 1);
  CHECK(ast.items[5]->kind == ItemKind::kTest);
  CHECK(ast.items[5]->name == "a test");
  CHECK(ast.items[6]->name == "test");
  CHECK(Has(Errors("import \"a.ves\""), "expected `as` and a name"));
  CHECK(Has(Errors("behaviour c { _ => 1 }"), "did you mean `behavior`?"));
  CHECK(Has(Errors("def f(x)"), "functions are declared with `fn`"));
  CHECK(Has(Errors("fn f(x) { return x }"), "there is no `return` in the language"));
  CHECK(Has(Errors("fn f(x) { return x }"), "hint: the last expression is the value"));
  CHECK(Has(Errors("behavior a { _ => { becme b(1) } }"), "hint: did you mean `become`?"));
  CHECK(Has(Errors("behavior a { _ => { let c = new b(1) } }"),
            "hint: a new actor is `create counter(0)`"));
  CHECK(Errors("fn f(x) = [1\n2]\nfn g() = )") ==
        "t.ves:2:1: error: expected `,` or `]`, found a number\n  2]\n  ^\n"
        "t.ves:3:10: error: expected an expression, found `)`\n  fn g() = )\n           ^\n");
  CHECK(Has(Errors("var x = 1"), "a module has no variables"));
  CHECK(Has(Errors("fn f([a]) = a"), "expected the name of a parameter"));
  CHECK(Has(Errors("fn f(x) => x"), "a function has `=`"));
  CHECK(Has(Errors("fn actor(x) = x"), "`actor` is a word of the language"));
  CHECK(Has(Errors("fn a() = 1 fn b() = 2"), "the next item starts on a line of its own"));
  CHECK(Has(Errors("}"), "this `}` closes nothing"));
}

TEST_CASE("parser: several errors in one go, each at its place") {
  const std::string errors = Errors(
      "fn f(x) {\n"
      "  let = 1\n"
      "  x + )\n"
      "  [1, 2\n"
      "}\n"
      "behavior b {\n"
      "  1 -> 2\n"
      "  2 => )\n"
      "  3 => 4\n"
      "}\n"
      "fn g( = 1\n"
      "fn h(x) = x\n");
  CHECK(Has(errors, "t.ves:2:7: error: expected a pattern, found `=`"));
  CHECK(Has(errors, "t.ves:3:7: error: expected an expression, found `)`"));
  CHECK(Has(errors, "t.ves:5:1: error: expected `,` or `]`, found `}`"));
  CHECK(Has(errors, "t.ves:7:5: error: `->` is not in the language"));
  CHECK(Has(errors, "t.ves:8:8: error: expected an expression, found `)`"));
  CHECK(Has(errors, "t.ves:11:7: error: expected the name of a parameter, found `=`"));
  CHECK(errors.find("t.ves:12") == std::string::npos);
}

TEST_CASE("parser: a forgotten brace is one error, and the next item is read") {
  const std::string errors = Errors(
      "behavior a {\n  1 => { b }\n\nbehavior c {\n  1 => { b\n}\nfn f(x) = )\ntest \"t\" {}\n");
  CHECK(Has(errors, "t.ves:1:12: error: this `{` is never closed"));
  CHECK(Has(errors, "line 4 begins with `behavior`"));
  CHECK(Has(errors, "t.ves:4:12: error: this `{` is never closed"));
  CHECK(Has(errors, "t.ves:7:11: error: expected an expression"));
  CHECK(Has(Errors("fn f() {\n  if a {\n"), "t.ves:2:8: error: this `{` is never closed"));
  CHECK(Errors("fn f() {\n  if a {\n").find("t.ves:1:") == std::string::npos);
  CHECK(Has(Errors("fn f() {\n  g(\n"), "is never closed"));
  CHECK(Has(Errors("fn f() = \"a${b"), "t.ves:1:"));
  CHECK(Has(Errors("fn f() = \"a${b c}d\"\nfn g() = )"), "t.ves:2:10"));
}

TEST_CASE("parser: nesting is bounded, brackets and chains alike") {
  auto times = [](int n, const std::string& text) {
    std::string out;
    for (int i = 0; i < n; ++i) out += text;
    return out;
  };
  CHECK(Errors("let x = " + times(400, "(") + "1" + times(400, ")")).empty());
  CHECK(Errors("let x = 1" + times(400, " + 1")).empty());
  CHECK(Errors("let x = " + times(100'000, "if a { 1 } else ") + "{ 2 }").empty());
  for (const std::string& hostile :
       {times(1'000'000, "["), times(1'000'000, "("), times(1'000'000, "{"),
        times(1'000'000, "not "), times(1'000'000, "- "), times(100'000, "fn(x) = "),
        times(100'000, "\"${"), times(100'000, "a + ") + "a", "a" + times(100'000, "(1)"),
        "a" + times(100'000, ".b"), "a" + times(100'000, " |> f"), "a" + times(100'000, " ** a"),
        times(100'000, "await "), times(100'000, "match a { _ => "),
        times(100'000, "behavior { _ => "), times(100'000, "if a { "), times(100'000, "#a("),
        times(100'000, "{a: "), times(100'000, "create "),
        // Chains within brackets: each short, the path through them long.
        times(400, "(a + a + ") + "a" + times(400, ")")}) {
    CHECK(Has(Errors("let x = " + hostile), "nested more than 500 deep"));
  }
  CHECK(Has(Errors("behavior a { " + times(1'000'000, "[")), "nested more than 500 deep"));
  CHECK(Has(Errors("behavior a { " + times(100'000, "#a(")), "nested more than 500 deep"));
  CHECK(Has(Errors("let x = 1" + std::string(kSourceBytesMax, ' ')), "bytes; at most 16777216"));
}

TEST_CASE("parser: whatever is cut off or garbled ends in errors, not in a crash") {
  const std::string program =
      "import \"q.ves\" as q\nbehavior counter(count) {\n  #add(n) if n > 0 => become with (count: "
      "count + n)\n  [a, ...b] | {c: [a, b], ...} as d => { var x = \"${a} ${b}\"; x = {a: 1} }\n"
      "  _ => task { await count <- #x within 5 of t else { e => fail e } }\n}\n"
      "test \"t\" { for x in 1..3 { expect [for y in x if y { {y: y} }] == #a(1) } }\n";
  REQUIRE(Errors(program).empty());
  for (size_t i = 0; i < program.size(); ++i) {
    Errors(program.substr(0, i));
    Errors(program.substr(i));
    for (const char c : {'{', '}', '(', '"', '\n', '#', ' ', '.', ','}) {
      std::string garbled = program;
      garbled[i] = c;
      Errors(garbled);
      Errors(program.substr(0, i) + c + program.substr(i));
    }
  }
}

}  // namespace
}  // namespace vesicle
