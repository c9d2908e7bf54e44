#include "vm/script/run/interpreter_jobs.h"

#include <algorithm>
#include <cstring>

#include "vm/actor/core.h"
#include "vm/value/bytes.h"
#include "vm/value/list.h"
#include "vm/value/number.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

// How much one piece does.
uint64_t StepsOf(const BuiltinContext& context) {
  return static_cast<uint64_t>(std::clamp<int64_t>(context.fuel(), 1, kBuiltinStepsMax));
}

}  // namespace

BuiltinResult AnswerOfComparison(Core& core, Outcome outcome, CompareFor what, bool wanted, Value a,
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
  const Outcome outcome = comparer_->Run(StepsOf(context) * 4);
  context.Charge(static_cast<int64_t>((comparer_->work() - before) / 4 + 1));
  held_.Set(comparer_->bytes_held());
  if (outcome == Outcome::kMore) return BuiltinResult::More();
  return AnswerOfComparison(context.core(), outcome, what_, wanted_, sides_[0], sides_[1]);
}

void CompareJob::Visit(Visitor& visitor) {
  comparer_->Visit(visitor);
  visitor.Visit(sides_, 2);
  has_moved_ = true;
}

BuiltinResult RangeJob::Run(BuiltinContext& context) {
  for (uint64_t piece = StepsOf(context) * 4; piece > 0; --piece) {
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

BuiltinResult ConcatJob::Run(BuiltinContext& context) {
  Piece piece(context);
  const bool is_text = IsText(words_[0]);
  const auto view = [is_text](const Value& v) { return is_text ? TextView(v) : BytesView(v); };
  const uint64_t size = view(words_[0]).size() + view(words_[1]).size();
  if (words_[2].is_nil()) {
    const Result room =
        is_text ? AllocateText(context.heap(), size) : AllocateBytes(context.heap(), size);
    if (!room.ok() && room.failure() == Failure::kMemory) return BuiltinResult::NoRoom();
    if (!room.ok()) return context.Give(room, "");
    words_[2] = room.value();
  }
  char* const out = words_[2].data()->bytes();
  uint64_t before = 0;
  for (int i = 0; i < 2; ++i) {
    const std::string_view part = view(words_[i]);
    while (done_ < before + part.size()) {
      if (piece.over()) return BuiltinResult::More();
      const std::string_view window = part.substr(done_ - before, piece.bytes());
      std::memcpy(out + done_, window.data(), window.size());
      piece.UseBytes(window.size());
      done_ += window.size();
    }
    before += part.size();
  }
  if (is_text) SealText(words_[2], IsAsciiText(words_[0]) && IsAsciiText(words_[1]));
  return BuiltinResult::Of(words_[2]);
}

BuiltinResult MergeJob::Run(BuiltinContext& context) {
  const uint64_t before = merger_.work();
  const bool is_done = merger_.Run(StepsOf(context) / MapWork(1) + 1);
  context.Charge(static_cast<int64_t>(MapWork(merger_.work() - before)));
  return is_done ? BuiltinResult::Of(merger_.result()) : BuiltinResult::More();
}

BuiltinResult InterpolateJob::Produce(BuiltinContext& context, Piece& piece) {
  if (next_ == parts_.size()) return Done();
  const Value& part = parts_[next_];
  bool is_done;
  if (IsText(part)) {
    const std::string_view window = TextView(part).substr(at_, piece.bytes());
    sink().Append(window);
    piece.UseBytes(window.size());
    at_ += window.size();
    is_done = at_ == TextView(part).size();
  } else {
    if (printer_ == nullptr) printer_ = std::make_unique<Printer>(part, Options());
    const uint64_t before = printer_->work();
    is_done = printer_->Run(piece.steps() * 4);
    piece.Use((printer_->work() - before) / 4 + 1);
    if (printer_->truncated()) {
      return context.Failure(
          "limit", "a value in a text prints to at most " + std::to_string(kBytesMax) + " bytes");
    }
    sink().Append(printer_->output());
    printer_->DropOutput();
    held_.Set(printer_->bytes_held());
  }
  if (is_done) {
    ++next_;
    at_ = 0;
    printer_.reset();
  }
  return BuiltinResult::More();
}

void InterpolateJob::VisitMore(Visitor& visitor) {
  visitor.Visit(parts_.data(), parts_.size());
  if (printer_ != nullptr) printer_->Visit(visitor);
}

}  // namespace vesicle
