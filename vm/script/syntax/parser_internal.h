// The Parser behind Parse(): one pass, one token ahead, in four files
// (parser.cc: tokens, recovery, items; parser_expr.cc; parser_control.cc for what
// has braces; parser_pattern.cc).
//
// The law of newlines: whether one ends something is asked when it matters
// (AtLineEnd), never decided when the token is read, because closing a bracket
// changes the answer. At() is false at a newline that counts.
//
// The law of errors: after Error() the parser is recovering: it reports nothing
// more, and every function returns as soon as it can, until a loop over
// statements, clauses or items calls Recover().
//
// The law of depth: every nested operand is in a Nest, and each step of a chain
// calls Grow(), so that depth_ + height_ bounds the path from the root to the
// deepest node below the place that is being read.
#ifndef VESICLE_VM_SCRIPT_SYNTAX_PARSER_INTERNAL_H_
#define VESICLE_VM_SCRIPT_SYNTAX_PARSER_INTERNAL_H_

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "vm/script/syntax/ast.h"
#include "vm/script/syntax/diagnostic.h"
#include "vm/script/syntax/lexer.h"
#include "vm/script/syntax/source.h"
#include "vm/script/syntax/token.h"

namespace vesicle {

// How tightly something binds, loosest first (language.md, "Rules").
enum class Level : uint8_t {
  kSend,
  kPipe,
  kOr,
  kAnd,
  kNot,
  kCompare,
  kRange,
  kConcat,
  kAdd,
  kMultiply,
  kPower,
  kUnary,
  kCall,
};

class Parser {
 public:
  Parser(const Source& source, Diagnostics& diagnostics, Ast& ast)
      : source_(source), diagnostics_(diagnostics), ast_(ast), lexer_(source, &diagnostics) {}

  void ParseModule();

 private:
  // What a bracket or a head changes, put back at the end.
  class Mode {
   public:
    Mode(Parser& parser, bool newlines_count, bool is_head)
        : parser_(parser), newlines_count_(parser.newlines_count_), is_head_(parser.is_head_) {
      parser.newlines_count_ = newlines_count;
      parser.is_head_ = is_head;
    }
    ~Mode() {
      parser_.newlines_count_ = newlines_count_;
      parser_.is_head_ = is_head_;
    }
    Mode(const Mode&) = delete;
    Mode& operator=(const Mode&) = delete;

   private:
    Parser& parser_;
    bool newlines_count_;
    bool is_head_;
  };
  class Nest {
   public:
    explicit Nest(Parser& parser) : parser_(parser), height_(parser.height_) {
      parser.height_ = 0;
      if (++parser.depth_ > kNestingMax) parser.TooDeep();
    }
    ~Nest() {
      --parser_.depth_;
      parser_.height_ = std::max(height_, parser_.height_ + 1);
    }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    Parser& parser_;
    int height_;
  };
  // What has been read of the current nest moves one deeper.
  void Grow() {
    if (depth_ + ++height_ > kNestingMax) TooDeep();
  }
  void TooDeep();
  void Stop();  // reads nothing more

  // Tokens.
  void Advance();
  bool AtLineEnd() const { return newlines_count_ && newline_pending_; }
  bool At(TokenKind kind) const { return token_.kind == kind && !AtLineEnd(); }
  bool AtWord(std::string_view word) const {
    return At(TokenKind::kName) && TextOf(token_) == word;
  }
  // Also at a newline that counts: for the closing bracket of a list of lines.
  bool AtCloser() const {
    return token_.kind == TokenKind::kBraceClose || token_.kind == TokenKind::kEnd || unwinding_;
  }
  // Nothing more comes before `closer`.
  bool AtEndOf(TokenKind closer) const {
    return failed() || At(closer) || token_.kind == TokenKind::kEnd;
  }
  bool Take(TokenKind kind);
  // Takes it, or reports that `what` is missing: "`=>` after the pattern".
  bool Expect(TokenKind kind, std::string_view where, std::string_view hint = "");
  // Closes what `open` opened.
  bool Close(TokenKind kind, Span open);
  Token PeekToken(int ahead = 1) const;
  std::string_view TextOf(const Token& token) const { return source_.Text(token.span); }
  std::string Found() const;
  Span Here() const;
  Span From(uint32_t begin) const { return {begin, std::max(begin, end_)}; }

  // Errors.
  void Error(Span span, std::string message, std::string hint = "");
  // Reports and goes on as if all were well.
  void Complain(Span span, std::string message, std::string hint = "");
  void Expected(std::string_view what, std::string_view hint = "");
  bool failed() const { return recovering_ || stopped_; }
  // Skips to the end of the statement, clause or item.
  enum class List { kStatements, kClauses, kItems };
  void Recover(List list);
  bool IsClosedAhead(TokenKind closer) const;
  bool AtItem() const;
  bool FindUnclosed(List list, Span open);
  void EndOfEntry(List list);
  static std::string HintForWord(std::string_view word,
                                 std::initializer_list<std::string_view> ours);

  // Names and literals.
  struct Name {
    std::string_view text;
    Span span;
  };
  Name ExpectName(std::string_view what);
  bool AtAnyName() const {
    return At(TokenKind::kName) || (IsKeyword(token_.kind) && !AtLineEnd());
  }
  std::string_view Decoded(const Token& token);
  Expr* Number();
  Expr* TextLiteral();  // or an interpolation
  TextExpr* PlainText(std::string_view what);
  TextExpr* TextOfName(Name name);
  template <typename T>
  T* New(uint32_t begin) {
    T* node = ast_.arena.New<T>();
    node->span = From(begin);
    return node;
  }
  Expr* Bad();

  // Items.
  void ParseItem();
  Item* NewItem(ItemKind kind, uint32_t begin, Name name);
  void ParseImport();
  void ParseFunctionItem(ItemKind kind);
  void ParseBehaviorItem();
  void ParseConstant();
  void ParseTest();
  Unit* NewUnit(UnitKind kind, std::string_view name, Span span);
  std::span<Binding*> ParseParams();
  Binding* NewBinding(Name name);
  Expr* ParseFunctionBody();

  // Expressions: parser_expr.cc.
  Expr* ParseExpr() { return ParseBinary(Level::kSend); }
  Expr* ParseHead();
  Expr* ParseBinary(Level min);
  Expr* ParsePrefix(Level min);
  bool AtInfix(Level& level) const;
  Expr* ParseInfix(Expr* left, Level level);
  Expr* ParseSend(Expr* target);
  Expr* ParsePipe(Expr* value);
  void ComplainOfPiped(const Expr& value, const Expr& right, Span pipe);
  Expr* ParseNegation(Level min);
  Expr* ParseNot(Level min);
  Expr* ParseAwait(Level min);
  Expr* ParsePostfix(Expr* left);
  Expr* ParseCall(Expr* callee);
  Expr* ParseIndex(Expr* object);
  Expr* ParseField(Expr* object);
  Expr* ParsePrimary();
  Expr* ParseParens();
  Expr* ParseSymbol();
  Expr* ParseList();
  std::span<Expr*> ParseArguments();
  void CheckSpacing(const Expr& target, const Token& send);
  void CheckAwaited(const Expr& message);
  void CheckNoBareSend(const Expr& operand, std::string_view word);

  // What has braces: parser_control.cc.
  Expr* ParseBraces(bool empty_is_block);
  Expr* ParseMap(uint32_t begin, Span open, Expr* first_key);
  Expr* ParseBlockRest(uint32_t begin, Span open);
  Expr* ParseStatement();
  Expr* ParseLet();
  Expr* ParseVar();
  Expr* ParseLocalFunction();
  Expr* ParseAssign(Expr* target);
  Expr* ParseBody();      // after `=>` and `fn(..) =`
  Expr* ParseHeadBody();  // after a head, `else`, parameters
  std::span<Clause> ParseClauses(std::string_view where);
  Clause ParseClause();
  std::span<Clause> ParseHandlers(std::string_view word);
  Expr* ParseIf();
  Expr* ParseMatch();
  Expr* ParseWhile();
  Expr* ParseFor();
  Expr* ParseComprehension(uint32_t begin, Span open);
  bool ParseForHead(Pattern*& pattern, Expr*& list);
  Expr* ParseTry();
  Expr* ParseLambda();
  Expr* ParseBehavior();
  Expr* ParseActor();
  Expr* ParseWhen();
  Expr* ParseTask();
  Expr* ParseCreate();
  Expr* ParseBecome();
  Expr* ParseBecomeWith(uint32_t begin);
  Expr* ParseFail();
  Expr* ParseExpectation();

  // Patterns: parser_pattern.cc.
  Pattern* ParsePattern();
  Pattern* ParsePatternAtom();
  Pattern* ParseNamePattern();
  Pattern* ParseTaggedPattern();
  Pattern* ParseListPattern();
  Pattern* ParseMapPattern();
  bool ParseMapPatternEntry(std::vector<MapPatternEntry>& entries);
  Pattern* ParseLiteralPattern();
  RestPattern ParseRest();
  Pattern* BadPattern();

  const Source& source_;
  Diagnostics& diagnostics_;
  Ast& ast_;
  Lexer lexer_;
  Token token_;
  TokenKind before_ = TokenKind::kEnd;  // the token before
  Span before_span_;
  uint32_t end_ = 0;              // its end
  bool newline_pending_ = false;  // a newline that counts where newlines count
  bool newlines_count_ = true;
  bool is_head_ = false;  // `{` opens the body
  bool recovering_ = false;
  bool unwinding_ = false;                // to the item that begins here, out of unclosed braces
  TokenKind unclosed_ = TokenKind::kEnd;  // the closing bracket that was missing here
  bool stopped_ = false;
  int depth_ = 0;
  int height_ = 0;
  std::vector<Item*> items_;
};

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_SYNTAX_PARSER_INTERNAL_H_
