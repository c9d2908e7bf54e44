// Operations of the language that may take long, as jobs: a run can be suspended
// between two pieces of them.
#ifndef VESICLE_VM_SCRIPT_INTERPRETER_JOBS_H_
#define VESICLE_VM_SCRIPT_INTERPRETER_JOBS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vm/script/builtin.h"
#include "vm/value/compare.h"
#include "vm/value/print.h"

namespace vesicle {

enum class CompareFor : uint8_t { kSame, kLess, kLessEq };

// What `outcome` answers: `wanted` when it holds; or a type fault.
BuiltinResult AnswerOf(Core& core, Outcome outcome, CompareFor what, bool wanted, Value a, Value b);

// `==` and `<` of big values.
class CompareJob final : public BuiltinJob {
 public:
  // `comparer` has begun.
  CompareJob(std::unique_ptr<Comparer> comparer, CompareFor what, bool wanted, Value a, Value b)
      : comparer_(std::move(comparer)), what_(what), wanted_(wanted), sides_{a, b} {}
  BuiltinResult Run(BuiltinContext& context) override;
  void Visit(Visitor& visitor) override;

 private:
  std::unique_ptr<Comparer> comparer_;
  CompareFor what_;
  bool wanted_;
  bool has_moved_ = false;
  Value sides_[2];
};

// The list of the integers from `from` to `to`.
class RangeJob final : public BuiltinJob {
 public:
  RangeJob(Value list, Value from, Value to) : words_{list, from, to} {}
  BuiltinResult Run(BuiltinContext& context) override;
  void Visit(Visitor& visitor) override { visitor.Visit(words_, 3); }

 private:
  Value words_[3];  // what there is, the next, the last
};

// A text of parts of which one is big.
class InterpolateJob final : public BuiltinJob {
 public:
  static constexpr size_t kBytesMax = size_t{64} << 20;
  static PrintOptions Options() { return {.bytes_max = kBytesMax, .top_text = TopText::kRaw}; }

  InterpolateJob(const Value* parts, uint32_t count) : parts_(parts, parts + count) {}
  BuiltinResult Run(BuiltinContext& context) override;
  void Visit(Visitor& visitor) override;

 private:
  std::vector<Value> parts_;
  size_t next_ = 0;
  std::unique_ptr<Printer> printer_;  // of part next_
  std::string text_;
};

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_INTERPRETER_JOBS_H_
