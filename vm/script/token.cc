#include "vm/script/token.h"

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

}  // namespace

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
