#include "vm/script/interpreter_jobs.h"

#include <algorithm>

#include "vm/actor/core.h"
#include "vm/value/list.h"
#include "vm/value/number.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

// How much one piece does.
uint64_t Piece(const BuiltinContext& context) {
  return static_cast<uint64_t>(std::clamp<int64_t>(context.fuel(), 1, kBuiltinStepsMax));
}

}  // namespace

BuiltinResult AnswerOf(Core& core, Outcome outcome, CompareFor what, bool wanted, Value a,
                       Value b) {
  const auto answer = [wanted](bool holds) {
    return BuiltinResult::Of(Value::Bool(holds == wanted));
  };
  switch (outcome) {
    case Outcome::kSame:
      return answer(what != CompareFor::kLess);
    case Outcome::kLess:
      return answer(what != CompareFor::kSame);
    case Outcome::kDifferent:
    case Outcome::kGreater:
    case Outcome::kUnordered:
      return answer(false);
    case Outcome::kType:
    case Outcome::kMore:
      break;
  }
  if (what == CompareFor::kSame) {
    BuiltinContext context(core, core.fuel, "==");
    return context.TypeError("== does not look into functions and behaviors; it got " +
                             Describe(a) + " and " + Describe(b));
  }
  const std::string name = what == CompareFor::kLess ? "<" : "<=";
  BuiltinContext context(core, core.fuel, name);
  return context.TypeError(name + " wants two numbers, texts, bytes or lists of such, but got " +
                           Describe(a) + " and " + Describe(b));
}

BuiltinResult CompareJob::Run(BuiltinContext& context) {
  if (has_moved_) comparer_->OnMoved();
  has_moved_ = false;
  const uint64_t before = comparer_->work();
  const Outcome outcome = comparer_->Run(Piece(context) * 4);
  context.Charge(static_cast<int64_t>((comparer_->work() - before) / 4 + 1));
  if (outcome == Outcome::kMore) return BuiltinResult::More();
  return AnswerOf(context.core(), outcome, what_, wanted_, sides_[0], sides_[1]);
}

void CompareJob::Visit(Visitor& visitor) {
  comparer_->Visit(visitor);
  visitor.Visit(sides_, 2);
  has_moved_ = true;
}

BuiltinResult RangeJob::Run(BuiltinContext& context) {
  for (uint64_t piece = Piece(context) * 4; piece > 0; --piece) {
    if (CompareNumbers(words_[1], words_[2]) == Order::kGreater) {
      return BuiltinResult::Of(words_[0]);
    }
    words_[0] = Append(context.heap(), words_[0], words_[1]);
    const Result next = Add(context.heap(), words_[1], Value::SmallInt(1));
    if (!next.ok()) return context.Give(next, "smaller integers");
    words_[1] = next.value();
    if ((piece & 3) == 0) context.Charge(1);
  }
  return BuiltinResult::More();
}

BuiltinResult InterpolateJob::Run(BuiltinContext& context) {
  while (next_ < parts_.size()) {
    const Value& part = parts_[next_];
    if (IsText(part)) {
      text_ += TextView(part);
      context.Charge(static_cast<int64_t>(TextWork(TextView(part).size())));
    } else {
      if (printer_ == nullptr) printer_ = std::make_unique<Printer>(part, Options());
      const uint64_t before = printer_->work();
      const bool is_done = printer_->Run(Piece(context) * 4);
      context.Charge(static_cast<int64_t>((printer_->work() - before) / 4 + 1));
      if (!context.heap().Reserve(text_.size() + printer_->output().size())) {
        return BuiltinResult::OutOfMemory();
      }
      if (!is_done) return BuiltinResult::More();
      if (printer_->truncated()) {
        return context.Failure(
            "limit", "a value in a text prints to at most " + std::to_string(kBytesMax) + " bytes");
      }
      text_ += printer_->output();
      printer_.reset();
    }
    ++next_;
    if (context.fuel() < 0) return BuiltinResult::More();
  }
  return context.Give(MakeTextUnchecked(context.heap(), text_), "shorter parts");
}

void InterpolateJob::Visit(Visitor& visitor) {
  visitor.Visit(parts_.data(), parts_.size());
  if (printer_ != nullptr) printer_->Visit(visitor);
}

}  // namespace vesicle
