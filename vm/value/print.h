// Printing: a value as the script would write it.
//
//   nil true 12 1.5 "text" b"\x00abc" #get #"deposit-gift" #point(1, 2)
//   [1, 2] {name: "Ada", "a key": 1, [#k]: 2} <ref> <promise> <function> <behavior>
//
// A long text or integer goes in pieces like a container. What has no literal shows in angle
// brackets and reads back as nothing. Text of guests and peers is escaped (escape.h). Depth is of
// no concern to it, nor is sharing: the limit of output bounds the work.
//
//   std::string s = Print(v);                                  // in one go
//
//   Printer printer(v, options);                               // in pieces
//   while (!printer.Run(1000)) Suspend();
//   Use(printer.output());
#ifndef VESICLE_VM_VALUE_PRINT_H_
#define VESICLE_VM_VALUE_PRINT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"

#pragma GCC visibility push(default)
namespace vesicle {

namespace bigint {
class DigitPieces;
}

// How a text is shown when it is the whole value (inside others it is quoted).
enum class TopText : uint8_t {
  kQuoted,
  kPlain,  // no quotes; controls but newline and tab escaped: for terminals and reports
  kRaw,    // its bytes: for interpolation and files
};

struct PrintOptions {
  size_t bytes_max = size_t{1} << 20;  // then "..." ends the output and truncated() is true
  TopText top_text = TopText::kQuoted;
  // For reports. 0 is no limit.
  uint32_t chars_max = 0;  // bytes of a text, bytes or symbol; then ...(+N bytes)
  uint32_t items_max = 0;  // of a list, map or tagged value; then ", ..."
  uint32_t depth_max = 0;  // deeper containers show as [...], {...}, #tag(...)
};

// For fault reports: short, one line, nothing long.
inline constexpr PrintOptions kReportOptions = {.bytes_max = 400,
                                                .top_text = TopText::kQuoted,
                                                .chars_max = 60,
                                                .items_max = 8,
                                                .depth_max = 4};

class Printer {
 public:
  Printer(Value v, const PrintOptions& options);
  ~Printer();

  // Goes on for about `units` (values, or 64 bytes of text); true when finished.
  bool Run(uint64_t units);
  // Units spent so far. A long integer counts its NumberOp::kToText.
  uint64_t work() const { return work_; }

  const std::string& output() const { return output_; }
  // What was printed so far is taken care of: output() begins anew.
  void DropOutput() {
    dropped_ += output_.size();
    output_.clear();
  }
  // C++ memory that it takes now.
  uint64_t bytes_held() const;
  bool truncated() const { return truncated_; }

  // For the collector, at every safe point between two Run()s.
  void Visit(Visitor& visitor);

 private:
  void PrintOne(Value v);
  void PrintText(const Value& text, TopText how);
  void ResumeBytes(size_t at);
  void ResumeInt();
  size_t printed() const { return dropped_ + output_.size(); }
  void PrintName(const Value& symbol);
  void PrintInt(Value v);
  void Open(Value v);
  void OpenFrame(Value v);
  void Resume();
  bool ResumeMap(size_t at);
  void Close();
  void Truncate();
  std::string_view Shortened(std::string_view text, size_t* left_out) const;
  size_t Room() const;

  PrintOptions options_;
  std::string output_;
  size_t dropped_ = 0;
  std::vector<Value> stack_;                     // the open containers; see print.cc
  std::unique_ptr<bigint::DigitPieces> digits_;  // of the long integer that is the innermost
  Value root_;
  uint64_t work_ = 0;
  bool begun_ = false;
  bool truncated_ = false;
};

std::string Print(Value v, const PrintOptions& options = {});

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_PRINT_H_
