// Operations of the language that may take long, as jobs: a run can be suspended
// between two pieces of them.
#ifndef VESICLE_VM_SCRIPT_RUN_INTERPRETER_JOBS_H_
#define VESICLE_VM_SCRIPT_RUN_INTERPRETER_JOBS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "vm/heap/external_bytes.h"
#include "vm/script/run/builtin.h"
#include "vm/script/run/builtin_job.h"
#include "vm/value/compare.h"
#include "vm/value/map.h"
#include "vm/value/print.h"

namespace vesicle {

enum class CompareFor : uint8_t { kSame, kLess, kLessEq };

// What `outcome` answers: `wanted` when it holds; or a type fault.
BuiltinResult AnswerOfComparison(Core& core, Outcome outcome, CompareFor what, bool wanted, Value a,
                                 Value b);

// `==` and `<` of big values.
class CompareJob final : public BuiltinJob {
 public:
  // `comparer` has begun.
  CompareJob(Heap& heap, std::unique_ptr<Comparer> comparer, CompareFor what, bool wanted, Value a,
             Value b)
      : held_(heap), comparer_(std::move(comparer)), what_(what), wanted_(wanted), sides_{a, b} {}
  BuiltinResult Run(BuiltinContext& context) override;
  void Visit(Visitor& visitor) override;

 private:
  ExternalBytes held_;
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

// Two texts, or two bytes, that are big together.
class ConcatJob final : public BuiltinJob {
 public:
  // More bytes than that are a job; fewer are done at the spot.
  static constexpr uint64_t kBytesAtOnce = uint64_t{256} << 10;

  ConcatJob(Value a, Value b) : words_{a, b, Value::Nil()} {}
  BuiltinResult Run(BuiltinContext& context) override;
  void Visit(Visitor& visitor) override { visitor.Visit(words_, 3); }

 private:
  Value words_[3];  // the two, and what is being filled
  uint64_t done_ = 0;
};

// `{...a, ...b}` of big maps.
class MergeJob final : public BuiltinJob {
 public:
  MergeJob(Heap& heap, Value a, Value b, IdentitySource& identities)
      : merger_(heap, a, b, identities) {}
  BuiltinResult Run(BuiltinContext& context) override;
  void Visit(Visitor& visitor) override { merger_.Visit(visitor); }

 private:
  MapMerger merger_;
};

// A text of parts that are big, one or all together.
class InterpolateJob final : public OutputJob {
 public:
  static constexpr size_t kBytesMax = size_t{64} << 20;
  static PrintOptions Options() { return {.bytes_max = kBytesMax, .top_text = TopText::kRaw}; }

  InterpolateJob(Heap& heap, const Value* parts, uint32_t count)
      : OutputJob(heap, SinkKind::kText), parts_(parts, parts + count), held_(heap) {}

 private:
  BuiltinResult Produce(BuiltinContext& context, Piece& piece) override;
  void VisitMore(Visitor& visitor) override;

  std::vector<Value> parts_;
  size_t next_ = 0;
  size_t at_ = 0;                     // bytes of part next_, if it is a text
  std::unique_ptr<Printer> printer_;  // of part next_, if it is not
  ExternalBytes held_;
};

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_RUN_INTERPRETER_JOBS_H_
