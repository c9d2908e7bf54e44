// NumberJob: a long work on integers (vm/value/bigint_pieces.h) as the job of a builtin.
#ifndef VESICLE_VM_SCRIPT_PRELUDE_NUMBER_JOB_H_
#define VESICLE_VM_SCRIPT_PRELUDE_NUMBER_JOB_H_

#include <memory>
#include <utility>

#include "vm/heap/external_bytes.h"
#include "vm/script/run/builtin_job.h"

namespace vesicle::prelude {

// `finish`: Result(Heap&, const Pieces&).
template <typename Pieces, typename Finish>
class NumberJob final : public BuiltinJob {
 public:
  NumberJob(Heap& heap, Pieces pieces, Finish finish)
      : pieces_(std::move(pieces)), finish_(std::move(finish)), held_(heap) {}

  BuiltinResult Run(BuiltinContext& context) override {
    Piece piece(context);
    if (!done_) {
      const uint64_t before = pieces_.work();
      done_ = pieces_.Run(piece.steps());
      piece.Use(pieces_.work() - before);
      held_.Set(pieces_.bytes_held());
      if (!done_) return BuiltinResult::More();
    }
    const Result result = finish_(context.heap(), pieces_);
    if (!result.ok() && result.failure() == Failure::kMemory) return BuiltinResult::NoRoom();
    return context.Give(result, "", kIntTooBig);
  }
  void Visit(Visitor&) override {}

 private:
  Pieces pieces_;
  Finish finish_;
  ExternalBytes held_;
  bool done_ = false;
};

template <typename Pieces, typename Finish>
BuiltinResult MakeNumberJob(BuiltinContext& context, Pieces pieces, Finish finish) {
  return BuiltinResult::Job(std::make_unique<NumberJob<Pieces, Finish>>(
      context.heap(), std::move(pieces), std::move(finish)));
}

}  // namespace vesicle::prelude

#endif  // VESICLE_VM_SCRIPT_PRELUDE_NUMBER_JOB_H_
