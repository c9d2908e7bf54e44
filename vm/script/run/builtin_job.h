// What natives of linear work are made of: work in pieces.
//
// The law: a call or a piece of a job does at most kBuiltinStepsMax steps, whatever
// the size of its arguments. So every native of linear work is a job; it is run once
// at the spot, and mostly that is all (RunInPieces). What a job keeps across pieces
// is visited; positions in texts and lists are numbers.
//
// A text or bytes come together in a ByteSink: in chunks, without any doubling copy,
// and then in an object of their final size, which is filled in pieces too.
//
// Ownership: a job owns its sink; a sink's memory is charged to the sponsor it grew on.
#ifndef VESICLE_VM_SCRIPT_RUN_BUILTIN_JOB_H_
#define VESICLE_VM_SCRIPT_RUN_BUILTIN_JOB_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/heap/external_bytes.h"
#include "vm/heap/heap.h"
#include "vm/script/run/builtin.h"
#include "vm/value/compare.h"
#include "vm/value/list.h"
#include "vm/value/text.h"

namespace vesicle {

// Texts up to here are worked on in one go by the functions of vm/value.
inline constexpr size_t kSmallBytes = size_t{64} << 10;

// The work that one piece may still do; what is used is charged to the run.
class Piece {
 public:
  explicit Piece(BuiltinContext& context)
      : context_(context),
        left_(std::clamp<int64_t>(context.fuel(), kStepsMin, kBuiltinStepsMax)) {}
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;

  void Use(uint64_t steps) {
    left_ -= static_cast<int64_t>(steps);
    context_.Charge(static_cast<int64_t>(steps));
  }
  void UseBytes(uint64_t bytes) { Use(1 + TextWork(bytes)); }
  bool over() const { return left_ <= 0; }
  Heap& heap() const { return context_.heap(); }
  uint64_t steps() const { return static_cast<uint64_t>(std::max<int64_t>(left_, 1)); }
  // Bytes that may be touched at once.
  uint64_t bytes() const { return std::max<uint64_t>(steps() * 64, 64); }

 private:
  static constexpr int64_t kStepsMin = 64;  // a piece always gets somewhere

  BuiltinContext& context_;
  int64_t left_;
};

// The end of a window of `text` that begins at `at`, a code point's place, and has
// about `bytes` bytes: the place of a code point, beyond `at` unless at the end.
size_t WindowEnd(std::string_view text, size_t at, uint64_t bytes);

enum class SinkKind : uint8_t { kText, kBytes };

class ByteSink {
 public:
  explicit ByteSink(Heap& heap) : heap_(&heap), held_(heap) {}
  ByteSink(ByteSink&& other) = default;

  uint64_t size() const { return size_; }
  char back() const { return chunks_.back().back(); }
  // Wants size() > 0. Takes the last byte off.
  void PopBack();
  // Cheap per call; linear in bytes. After a failure nothing more is taken. What is short is taken
  // even beyond the allowance: the run looks at that between two pieces.
  void Append(std::string_view bytes);
  // kTooBig, or kMemory for something long, as soon as it is so.
  std::optional<Failure> failure() const { return failure_; }
  // What was appended, as one value; nullopt: go on in the next piece. Once; but after kMemory
  // again, when there is room.
  std::optional<Result> Finish(SinkKind kind, Piece& piece);
  // As new.
  void Clear();
  void Visit(Visitor& visitor) { visitor.Visit(&target_, 1); }

 private:
  static constexpr size_t kChunkBytes = size_t{16} << 10;
  static constexpr size_t kLongBytes = size_t{512} << 10;

  Heap* heap_;
  std::vector<std::string> chunks_;  // all but the last are full, or were popped from
  uint64_t size_ = 0;
  std::optional<Failure> failure_;
  ExternalBytes held_;
  Value target_;       // the object being filled, or nil
  size_t copied_ = 0;  // chunks copied so far
  uint64_t copied_bytes_ = 0;
  bool ascii_ = true;
};

// A job that makes one text or bytes.
class OutputJob : public BuiltinJob {
 public:
  OutputJob(Heap& heap, SinkKind kind) : sink_(heap), kind_(kind) {}
  OutputJob(OutputJob&&) = default;
  BuiltinResult Run(BuiltinContext& context) final;
  void Visit(Visitor& visitor) final {
    sink_.Visit(visitor);
    VisitMore(visitor);
  }

 protected:
  // Does about what `piece` has left, appending to sink(). More(): there is more to come;
  // a value, which is ignored: that is all; else it failed.
  virtual BuiltinResult Produce(BuiltinContext& context, Piece& piece) = 0;
  virtual void VisitMore(Visitor& visitor) = 0;
  ByteSink& sink() { return sink_; }
  static BuiltinResult Done() { return BuiltinResult::Of(Value::Nil()); }

 private:
  ByteSink sink_;
  SinkKind kind_;
  bool produced_ = false;
};

// A job that makes one list.
class ListJob : public BuiltinJob {
 public:
  explicit ListJob(Heap& heap) : list_(EmptyList(heap)) {}
  ListJob(ListJob&&) = default;
  BuiltinResult Run(BuiltinContext& context) final;
  void Visit(Visitor& visitor) final {
    visitor.Visit(&list_, 1);
    VisitMore(visitor);
  }

 protected:
  // As OutputJob's, appending to list().
  virtual BuiltinResult Produce(BuiltinContext& context, Piece& piece) = 0;
  virtual void VisitMore(Visitor& visitor) = 0;
  Value& list() { return list_; }
  static BuiltinResult Done() { return BuiltinResult::Of(Value::Nil()); }

 private:
  Value list_;
};

// Comparisons of values of any depth, one after the other.
class PieceComparer {
 public:
  // nullopt: not finished; ask for the same pair again in the next piece.
  std::optional<Outcome> Compare(Value a, Value b, CompareMode mode, Piece& piece);
  void Visit(Visitor& visitor);

 private:
  std::unique_ptr<Comparer> deep_;  // made when the first pair needs it
  std::optional<ExternalBytes> held_;
  bool under_way_ = false;
  bool moved_ = false;
};

// Runs `job` where it stands; if there is more to do, it becomes the result.
template <typename Job>
BuiltinResult RunInPieces(BuiltinContext& context, Job job) {
  const BuiltinResult result = job.Run(context);
  if (result.kind() != BuiltinResult::Kind::kMore &&
      result.kind() != BuiltinResult::Kind::kNoRoom) {
    return result;
  }
  return BuiltinResult::Job(std::make_unique<Job>(std::move(job)));
}

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_RUN_BUILTIN_JOB_H_
