// The Lexer reads one token at a time and keeps none of them. It is a few words
// of state, so that the parser looks ahead by copying it.
//
// The law: it works on text that CheckEncoding() passed: UTF-8 without NUL,
// other control characters or bidirectional controls. What it cannot read it
// reports once and returns as kError, always further on than before.
//
// Limits: kNameCharsMax, kNumberDigitsMax, kTextBytesMax; a longer token is
//         reported at its beginning and skipped.
//
//   if (!CheckEncoding(source, diagnostics)) return;
//   Lexer lexer(source, &diagnostics);
//   for (Token token = lexer.Next(); token.kind != TokenKind::kEnd; token = lexer.Next()) ...
#ifndef VESICLE_VM_SCRIPT_SYNTAX_LEXER_H_
#define VESICLE_VM_SCRIPT_SYNTAX_LEXER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "vm/script/syntax/diagnostic.h"
#include "vm/script/syntax/source.h"
#include "vm/script/syntax/token.h"

namespace vesicle {

inline constexpr size_t kNameCharsMax = 255;              // names and unquoted symbols
inline constexpr size_t kNumberDigitsMax = 8192;          // with prefix and underscores
inline constexpr size_t kTextBytesMax = size_t{1} << 20;  // a text, bytes or quoted symbol

// Whether the text can be read at all; reports the first byte that cannot.
bool CheckEncoding(const Source& source, Diagnostics& diagnostics);

class Lexer {
 public:
  // Both outlive the lexer. Without `diagnostics` nothing is reported.
  Lexer(const Source& source, Diagnostics* diagnostics);

  Token Next();

  // After the `}` that ends an interpolation: the rest of the text, up to its
  // end or the next `${`.
  Token ResumeText();

  // This lexer at its place, reporting nothing: for looking ahead.
  Lexer Ahead() const;

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : 0; }
  bool SkipBlanks();  // whether there was a newline
  Token Make(TokenKind kind, size_t begin);
  Token Bad(size_t begin, std::string message, std::string hint = "");
  Token Punctuation(size_t begin);
  Token Number(size_t begin);
  bool Digits(uint8_t base);
  Token Symbol(size_t begin);
  Token Unknown(size_t begin);
  enum class Quoted { kText, kBytes, kSymbol };
  Token ReadQuoted(Quoted quoted, size_t begin);
  bool CheckEscape(Quoted quoted);

  std::string_view text_;
  Diagnostics* diagnostics_;
  size_t at_ = 0;
  bool newline_ = false;  // before the token that is being read
  bool space_ = false;
};

// What a checked `content` of a text, bytes or symbol token stands for.
std::string DecodeQuoted(std::string_view content);

bool IsNameStart(char c);
bool IsNamePart(char c);

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_SYNTAX_LEXER_H_
