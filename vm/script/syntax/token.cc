#include "vm/script/syntax/token.h"

namespace vesicle {
namespace {

struct Keyword {
  std::string_view name;
  TokenKind kind;
};

constexpr Keyword kKeywords[] = {
#define VESICLE_TOKEN(name, spelling) {spelling, TokenKind::name},
    VESICLE_KEYWORDS(VESICLE_TOKEN)
#undef VESICLE_TOKEN
};

struct Habit {
  std::string_view word;
  std::string_view hint;
};

constexpr Habit kHabits[] = {
    {"break", "a loop ends by its condition; a function of its own returns early"},
    {"case", "a clause is `pattern => body`"},
    {"catch", "write `try e else { why => .. }`"},
    {"class", "what an actor does is declared with `behavior`"},
    {"const", "write `let`"},
    {"continue", "put the rest of the body into an `if`"},
    {"def", "functions are declared with `fn`"},
    {"elif", "write `else if`"},
    {"elsif", "write `else if`"},
    {"float", "a number with a point is a float; `1.0 * n` makes one of an int"},
    {"foreach", "write `for x in xs { .. }`"},
    {"func", "functions are declared with `fn`"},
    {"function", "functions are declared with `fn`"},
    {"int", "write `parse_int(text)` or `floor(x)`"},
    {"lambda", "write `fn(x) = ..`"},
    {"len", "write `size(x)`"},
    {"length", "write `size(x)`"},
    {"loop", "write `while true { .. }`"},
    {"new", "a new actor is `create counter(0)`"},
    {"None", "nothing is `nil`"},
    {"null", "nothing is `nil`"},
    {"print", "write `host.console <- \"text\"`"},
    {"printf", "write `host.console <- \"text\"`"},
    {"println", "write `host.console <- \"text\"`"},
    {"puts", "write `host.console <- \"text\"`"},
    {"raise", "write `fail reason`"},
    {"receive", "the clauses of a behavior receive: `#get => count`"},
    {"return", "the last expression is the value"},
    {"send", "a send is `to <- message`"},
    {"spawn", "a new actor is `create counter(0)`"},
    {"str", "write `\"${x}\"`"},
    {"switch", "write `match e { pattern => .. }`"},
    {"tail", "write `drop(xs, 1)`"},
    {"then", "`if c { a } else { b }` has no `then`"},
    {"this", "the actor is `self`"},
    {"throw", "write `fail reason`"},
    {"undefined", "nothing is `nil`"},
    {"unless", "write `if not c { .. }`"},
};

}  // namespace

std::string_view HintForHabit(std::string_view word) {
  for (const Habit& habit : kHabits) {
    if (habit.word == word) return habit.hint;
  }
  return "";
}

std::string_view Spelling(TokenKind kind) {
  switch (kind) {
#define VESICLE_TOKEN(name, spelling) \
  case TokenKind::name:               \
    return spelling;
    VESICLE_TOKEN_CLASSES(VESICLE_TOKEN)
#undef VESICLE_TOKEN
#define VESICLE_TOKEN(name, spelling) \
  case TokenKind::name:               \
    return "`" spelling "`";
    VESICLE_PUNCTUATION(VESICLE_TOKEN)
    VESICLE_KEYWORDS(VESICLE_TOKEN)
#undef VESICLE_TOKEN
  }
  return "";
}

bool IsKeyword(TokenKind kind) { return kind >= TokenKind::kAct; }

TokenKind KeywordOrName(std::string_view name) {
  for (const Keyword& keyword : kKeywords) {
    if (keyword.name == name) return keyword.kind;
  }
  return TokenKind::kName;
}

}  // namespace vesicle
