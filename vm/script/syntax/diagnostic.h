// Diagnostics collects what is wrong with one Source, in the user's words, and
// prints it with the line and a caret:
//
//   counter.ves:3:12: error: there is no `cuont` here
//     #get => cuont
//             ^~~~~
//   hint: did you mean `count`?
//
// Limits: keeps kErrorsMax errors; later ones are only counted, and a pass that
//         sees full() may stop. At most one error a place: the first one.
#ifndef VESICLE_VM_SCRIPT_SYNTAX_DIAGNOSTIC_H_
#define VESICLE_VM_SCRIPT_SYNTAX_DIAGNOSTIC_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/script/syntax/source.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct Diagnostic {
  Span span;
  std::string message;  // what is wrong; no capital, no full stop
  std::string hint;     // what to do about it; may be empty
  // A second place that matters, e.g. where the name was declared; `note` is
  // empty when there is none.
  Span note_span;
  std::string note;
};

class Diagnostics {
 public:
  static constexpr size_t kErrorsMax = 20;

  void Error(Span span, std::string message, std::string hint = "");
  void Error(Diagnostic error);

  bool has_errors() const { return !errors_.empty(); }
  bool full() const { return errors_.size() >= kErrorsMax; }
  // In the order of their places.
  const std::vector<Diagnostic>& errors() const { return errors_; }

  // All of them, each as Render() prints it.
  std::string Print(const Source& source) const;

 private:
  std::vector<Diagnostic> errors_;
  size_t dropped_ = 0;
};

// `file:line:col: error: message`, the line (shortened around the place when
// long; control, escape and bidirectional characters escaped), a caret, the
// hint and `file:line:col: note: ..` when there are any. Ends in a newline.
std::string Render(const Source& source, const Diagnostic& diagnostic);

// `text` with control, escape and bidirectional characters, and bytes that are
// not UTF-8, written as `\u{..}` and `\x..`; cut with `...` after `chars_max`.
std::string Printable(std::string_view text, size_t chars_max = 80);

// Finds the name somebody meant: offer the names in scope, take best().
//
//   Suggestion suggestion("cuont");
//   for (std::string_view name : in_scope) suggestion.Offer(name);
//   suggestion.Hint();   // "did you mean `count`?", or empty
class Suggestion {
 public:
  explicit Suggestion(std::string_view wanted) : wanted_(wanted) {}

  // Takes `name` when it is nearer than all before; between equals the one that
  // is first in the order of bytes, so that the answer does not depend on the
  // order of the offers.
  void Offer(std::string_view name);

  const std::string& best() const { return best_; }
  std::string Hint() const;

 private:
  std::string_view wanted_;
  std::string best_;
  size_t distance_ = SIZE_MAX;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_SCRIPT_SYNTAX_DIAGNOSTIC_H_
