// The value order at work: compare, min, max, sort.
//
// sort is a merge sort from the bottom up over places in the list: 2 n places of four
// bytes, and no value beside the list for the collector to visit.
#include <memory>
#include <string>

#include "vm/script/prelude/prelude_internal.h"
#include "vm/value/compare.h"

namespace vesicle::prelude {
namespace {

BuiltinResult NoOrder(BuiltinContext& context) {
  return context.TypeError(std::string(context.name()) +
                           " wants data: refs, promises, functions and behaviors have no order");
}

class CompareJob final : public BuiltinJob {
 public:
  CompareJob(Value a, Value b) : words_{a, b} {}
  BuiltinResult Run(BuiltinContext& context) override {
    Piece piece(context);
    const std::optional<Outcome> outcome =
        comparer_.Compare(words_[0], words_[1], CompareMode::kValueOrder, piece);
    if (!outcome.has_value()) return BuiltinResult::More();
    if (*outcome == Outcome::kType) return NoOrder(context);
    return BuiltinResult::Of(Value::SmallInt(*outcome == Outcome::kLess      ? -1
                                             : *outcome == Outcome::kGreater ? 1
                                                                             : 0));
  }
  void Visit(Visitor& visitor) override {
    visitor.Visit(words_, 2);
    comparer_.Visit(visitor);
  }

 private:
  Value words_[2];
  PieceComparer comparer_;
};

BuiltinResult CompareValues(BuiltinContext& context, const Value* args, int) {
  return RunInPieces(context, CompareJob(args[0], args[1]));
}

// ---------------------------------------------------------------------------

class BestJob final : public BuiltinJob {
 public:
  // Looks for what stands first (kLess) or last (kGreater) in value order.
  BestJob(Value list, Outcome wanted)
      : words_{list, Value::Nil(), ListAt(list, 0), Value::Nil()}, wanted_(wanted) {}

  BuiltinResult Run(BuiltinContext& context) override {
    Piece piece(context);
    auto& [list, leaf, best, x] = words_;
    for (;;) {
      // The first element meets itself, so that one without order never passes.
      if (!comparing_ && !ListNext(list, position_, leaf, x)) return BuiltinResult::Of(best);
      comparing_ = true;
      const std::optional<Outcome> outcome =
          comparer_.Compare(x, best, CompareMode::kValueOrder, piece);
      if (!outcome.has_value()) return BuiltinResult::More();
      comparing_ = false;
      if (*outcome == Outcome::kType) return NoOrder(context);
      if (*outcome == wanted_) best = x;
      if (piece.over()) return BuiltinResult::More();
    }
  }
  void Visit(Visitor& visitor) override {
    visitor.Visit(words_, 4);
    comparer_.Visit(visitor);
  }

 private:
  Value words_[4];
  Value position_ = kListStart;
  PieceComparer comparer_;
  Outcome wanted_;
  bool comparing_ = false;
};

template <Outcome wanted>
BuiltinResult Best(BuiltinContext& context, const Value* args, int count) {
  Value list = args[0];
  if (count > 1) {
    const Result all = MakeList(context.heap(), {args, static_cast<size_t>(count)});
    if (!all.ok()) return context.Give(all, "");
    list = all.value();
  }
  if (!IsList(list)) return context.Wants(0, "a list, or several values", list);
  if (ListSize(list) == 0) {
    return context.Failure("bad_index", std::string(context.name()) + ": the list is empty");
  }
  return RunInPieces(context, BestJob(list, wanted));
}

// ---------------------------------------------------------------------------

enum class SortTo : uint8_t { kElements, kPlaces };

class SortJob final : public BuiltinJob {
 public:
  SortJob(Heap& heap, Value list, SortTo to)
      : heap_(&heap),
        list_(list),
        made_(EmptyList(heap)),
        size_(ListSize(list)),
        to_(to),
        held_(heap) {}
  BuiltinResult Run(BuiltinContext& context) override {
    Piece piece(context);
    for (;;) {
      if (piece.over()) return BuiltinResult::More();
      switch (stage_) {
        case Stage::kBegin:
          if (size_ > kSortedMax) {
            return context.Failure("limit", std::string(context.name()) + " takes at most " +
                                                std::to_string(kSortedMax) + " elements");
          }
          if (!TakeRoom()) return BuiltinResult::NoRoom();
          stage_ = Stage::kFill;
          break;
        case Stage::kFill:
          Fill(piece);
          break;
        case Stage::kMerge: {
          const Merged merged = MergeSome(piece);
          if (merged == Merged::kNoOrder) return NoOrder(context);
          if (merged == Merged::kMore) return BuiltinResult::More();
          at_ = 0;
          stage_ = Stage::kMake;
          break;
        }
        case Stage::kMake:
          Make(piece);
          if (at_ == size_) return BuiltinResult::Of(made_);
          if (context.heap().over_allowance()) return BuiltinResult::More();
          break;
      }
    }
  }

  void Visit(Visitor& visitor) override {
    visitor.Visit(&list_, 1);
    visitor.Visit(&made_, 1);
    visitor.Visit(&x_, 1);
    visitor.Visit(&y_, 1);
    comparer_.Visit(visitor);
  }

 private:
  static constexpr uint64_t kSortedMax = uint64_t{1} << 31;
  enum class Stage : uint8_t { kBegin, kFill, kMerge, kMake };
  enum class Merged : uint8_t { kMore, kDone, kNoOrder };

  bool TakeRoom() {
    const uint64_t bytes = 2 * size_ * sizeof(uint32_t);
    if (!heap_->Reserve(bytes)) return false;
    held_.Set(bytes);
    // Left undefined: the system gives the pages as they are filled.
    from_.reset(new uint32_t[size_]);
    into_.reset(new uint32_t[size_]);
    return true;
  }

  void Fill(Piece& piece) {
    const uint64_t end = std::min(size_, at_ + piece.steps() * 16);
    piece.Use(1 + (end - at_) / 16);
    for (; at_ < end; ++at_) from_[at_] = static_cast<uint32_t>(at_);
    if (at_ < size_) return;
    stage_ = Stage::kMerge;
    BeginPair(0);
  }

  // The runs [begin, begin + width) and [begin + width, begin + 2 width) are next.
  void BeginPair(uint64_t begin) {
    at_ = begin;
    left_ = begin;
    right_ = std::min(size_, begin + width_);
    LoadLeft();
    LoadRight();
  }
  uint64_t LeftEnd() const { return std::min(size_, PairBegin() + width_); }
  uint64_t RightEnd() const { return std::min(size_, PairBegin() + 2 * width_); }
  uint64_t PairBegin() const { return at_ / (2 * width_) * (2 * width_); }
  void LoadLeft() {
    if (left_ < LeftEnd()) x_ = ListAt(list_, from_[left_]);
  }
  void LoadRight() {
    if (right_ < RightEnd()) y_ = ListAt(list_, from_[right_]);
  }

  Merged MergeSome(Piece& piece) {
    if (size_ == 1 && !comparing_) {  // an element without order never passes
      x_ = y_ = ListAt(list_, 0);
      comparing_ = true;
    }
    if (size_ == 1) {
      const std::optional<Outcome> outcome =
          comparer_.Compare(x_, y_, CompareMode::kValueOrder, piece);
      if (!outcome.has_value()) return Merged::kMore;
      return *outcome == Outcome::kType ? Merged::kNoOrder : Merged::kDone;
    }
    while (width_ < size_) {
      while (at_ < size_) {
        if (piece.over()) return Merged::kMore;
        const uint64_t left_end = LeftEnd();
        const uint64_t right_end = RightEnd();
        bool takes_right = left_ == left_end;
        if (!takes_right && right_ < right_end) {
          comparing_ = true;
          const std::optional<Outcome> outcome =
              comparer_.Compare(x_, y_, CompareMode::kValueOrder, piece);
          if (!outcome.has_value()) return Merged::kMore;
          comparing_ = false;
          if (*outcome == Outcome::kType) return Merged::kNoOrder;
          takes_right = *outcome == Outcome::kGreater;  // of equals the left: stable
        }
        piece.Use(2);
        into_[at_] = from_[takes_right ? right_++ : left_++];
        if (left_ == left_end && right_ == right_end) {
          if (right_end < size_) {
            BeginPair(right_end);
            continue;
          }
          at_ = size_;
          break;
        }
        ++at_;
        if (takes_right) {
          LoadRight();
        } else {
          LoadLeft();
        }
      }
      std::swap(from_, into_);
      width_ *= 2;
      if (width_ < size_) BeginPair(0);
    }
    return Merged::kDone;
  }

  void Make(Piece& piece) {
    const uint64_t end = std::min(size_, at_ + piece.steps());
    piece.Use(1 + (end - at_));
    for (; at_ < end; ++at_) {
      const Value x =
          to_ == SortTo::kPlaces ? Value::SmallInt(from_[at_]) : ListAt(list_, from_[at_]);
      made_ = Append(*heap_, made_, x);
    }
  }

  Heap* heap_;
  Value list_;
  Value made_;
  Value x_;  // of the left run
  Value y_;  // of the right one
  uint64_t size_;
  SortTo to_;
  Stage stage_ = Stage::kBegin;
  std::unique_ptr<uint32_t[]> from_;  // places in the list, in runs of width_ sorted ones
  std::unique_ptr<uint32_t[]> into_;
  ExternalBytes held_;
  PieceComparer comparer_;
  bool comparing_ = false;
  uint64_t width_ = 1;
  uint64_t at_ = 0;  // next to be written
  uint64_t left_ = 0;
  uint64_t right_ = 0;
};

template <SortTo to>
BuiltinResult Sort(BuiltinContext& context, const Value* args, int) {
  if (!IsList(args[0])) return context.Wants(0, "a list", args[0]);
  if (ListSize(args[0]) == 0) return BuiltinResult::Of(args[0]);
  return RunInPieces(context, SortJob(context.heap(), args[0], to));
}

}  // namespace

void RegisterOrder(BuiltinRegistry& registry) {
  registry.Pure("compare", 2, 2, CompareValues,
                "compare(a, b): -1, 0 or 1 as a is before, with or after b in the order of all "
                "data");
  registry.Pure("min", 1, Arity::kAny, Best<Outcome::kLess>,
                "min(xs): what is first in order, of a list or of several arguments");
  registry.Pure("max", 1, Arity::kAny, Best<Outcome::kGreater>,
                "max(xs): what is last in order, of a list or of several arguments");
  registry.Pure("sort", 1, 1, Sort<SortTo::kElements>,
                "sort(xs): in order; what is equal stays as it was");
  registry.Pure("sort_order", 1, 1, Sort<SortTo::kPlaces>,
                "sort_order(xs): the indices of the elements, in the order that sorts them");
}

}  // namespace vesicle::prelude
