// Parts of lists, texts and bytes by count: take, drop, slice, reverse, repeat.
#include <string>

#include "vm/script/prelude/prelude_internal.h"
#include "vm/value/bytes.h"
#include "vm/value/number.h"
#include "vm/value/utf8.h"

namespace vesicle::prelude {
namespace {

constexpr std::string_view kSequence = "a list, a text or bytes";
constexpr uint64_t kAll = kCountHuge;

// Which part: `first` elements left out, then `count` taken; of those at the end of it
// when `from_end`: `count` taken, `first` left out, counted backwards.
struct Range {
  uint64_t first = 0;
  uint64_t count = kAll;
  bool from_end = false;
};

// In terms of the front, once the size is known.
Range FromFront(Range range, uint64_t size) {
  if (!range.from_end) return range;
  const uint64_t end = size - std::min(size, range.first);
  const uint64_t count = std::min(end, range.count);
  return {end - count, count, false};
}

class SliceJob final : public OutputJob {
 public:
  SliceJob(Heap& heap, Value from, Range range)
      : OutputJob(heap, IsText(from) ? SinkKind::kText : SinkKind::kBytes),
        from_(from),
        range_(range),
        by_bytes_(!IsText(from) || IsAsciiText(from)) {}

 private:
  BuiltinResult Produce(BuiltinContext&, Piece& piece) override {
    const std::string_view view = ViewOf(from_);
    if (range_.from_end) {
      if (by_bytes_) {
        range_ = FromFront(range_, view.size());
      } else {
        Count(view, piece);
      }
      return BuiltinResult::More();
    }
    if (by_bytes_) {
      at_ += std::min<uint64_t>(range_.first, view.size() - at_);
      range_.first = 0;
    }
    const size_t end = by_bytes_ ? std::min<uint64_t>(view.size(), at_ + piece.bytes())
                                 : WindowEnd(view, at_, piece.bytes());
    const std::string_view window = view.substr(at_, end - at_);
    piece.UseBytes(window.size());
    if (range_.first > 0) {
      const uint64_t points = CountCodePoints(window);
      if (points <= range_.first) {
        range_.first -= points;
        at_ = end;
      } else {
        at_ += OffsetOfCodePoint(window, range_.first);
        range_.first = 0;
      }
    } else {
      const uint64_t points = by_bytes_ ? window.size() : CountCodePoints(window);
      const uint64_t taken = std::min(points, range_.count);
      const size_t bytes = by_bytes_         ? taken
                           : taken == points ? window.size()
                                             : OffsetOfCodePoint(window, taken);
      sink().Append(window.substr(0, bytes));
      range_.count -= taken;
      at_ += bytes;
    }
    return at_ == view.size() || range_.count == 0 ? Done() : BuiltinResult::More();
  }

  void Count(std::string_view view, Piece& piece) {
    const std::string_view window = view.substr(at_, piece.bytes());
    points_ += CountCodePoints(window);
    piece.UseBytes(window.size());
    at_ += window.size();
    if (at_ < view.size()) return;
    range_ = FromFront(range_, points_);
    at_ = 0;
  }

  void VisitMore(Visitor& visitor) override { visitor.Visit(&from_, 1); }

  Value from_;
  Range range_;
  bool by_bytes_;
  size_t at_ = 0;
  uint64_t points_ = 0;
};

BuiltinResult Part(BuiltinContext& context, const Value& x, Range range) {
  if (IsList(x)) {
    const uint64_t size = ListSize(x);
    range = FromFront(range, size);
    if (range.first == 0 && range.count >= size) return BuiltinResult::Of(x);
    context.Charge(1);
    return BuiltinResult::Of(Slice(context.heap(), x, range.first, range.count));
  }
  if (!IsText(x) && !IsBytes(x)) return context.Wants(0, kSequence, x);
  if (range.first == 0 && range.count >= ViewOf(x).size()) return BuiltinResult::Of(x);
  return RunInPieces(context, SliceJob(context.heap(), x, range));
}

constexpr std::string_view kCountOf = "a count of elements from 0 on";

BuiltinResult TakePart(BuiltinContext& context, const Value* args, int) {
  uint64_t n;
  if (!ReadCount(args[1], &n)) return context.Wants(1, kCountOf, args[1]);
  return Part(context, args[0], {.first = 0, .count = n, .from_end = false});
}

BuiltinResult DropPart(BuiltinContext& context, const Value* args, int) {
  uint64_t n;
  if (!ReadCount(args[1], &n)) return context.Wants(1, kCountOf, args[1]);
  return Part(context, args[0], {.first = n, .count = kAll, .from_end = false});
}

BuiltinResult TakeLast(BuiltinContext& context, const Value* args, int) {
  uint64_t n;
  if (!ReadCount(args[1], &n)) return context.Wants(1, kCountOf, args[1]);
  return Part(context, args[0], {.first = 0, .count = n, .from_end = true});
}

BuiltinResult DropLast(BuiltinContext& context, const Value* args, int) {
  uint64_t n;
  if (!ReadCount(args[1], &n)) return context.Wants(1, kCountOf, args[1]);
  return Part(context, args[0], {.first = n, .count = kAll, .from_end = true});
}

BuiltinResult SlicePart(BuiltinContext& context, const Value* args, int count) {
  Range range;
  if (!ReadCount(args[1], &range.first)) {
    return context.Wants(1, "the index of an element, from 0 on", args[1]);
  }
  if (count > 2 && !ReadCount(args[2], &range.count)) return context.Wants(2, kCountOf, args[2]);
  return Part(context, args[0], range);
}

// ---------------------------------------------------------------------------

class ReverseListJob final : public ListJob {
 public:
  ReverseListJob(Heap& heap, Value from) : ListJob(heap), from_(from) {}

 private:
  BuiltinResult Produce(BuiltinContext& context, Piece& piece) override {
    Value x;
    Value made = list();
    bool more = true;
    for (uint64_t n = piece.steps(); n > 0; --n) {
      more = ListNext(from_, position_, leaf_, x);
      if (!more) break;
      made = Prepend(context.heap(), x, made);
      piece.Use(1);
    }
    list() = made;
    return more ? BuiltinResult::More() : Done();
  }
  void VisitMore(Visitor& visitor) override {
    visitor.Visit(&from_, 1);
    visitor.Visit(&leaf_, 1);
  }

  Value from_;
  Value position_ = kListStart;
  Value leaf_;
};

class ReverseJob final : public OutputJob {
 public:
  ReverseJob(Heap& heap, Value from)
      : OutputJob(heap, IsText(from) ? SinkKind::kText : SinkKind::kBytes),
        from_(from),
        by_bytes_(!IsText(from) || IsAsciiText(from)),
        end_(ViewOf(from).size()) {}

 private:
  BuiltinResult Produce(BuiltinContext&, Piece& piece) override {
    const std::string_view view = ViewOf(from_);
    // Byte by byte costs more than a copy.
    size_t first = end_ - std::min<uint64_t>(end_, std::max<uint64_t>(piece.bytes() / 16, 4));
    if (!by_bytes_) {
      while (first > 0 && IsContinuationByte(view[first])) --first;
    }
    const std::string_view window = view.substr(first, end_ - first);
    std::string reversed(window.rbegin(), window.rend());
    if (!by_bytes_) {
      // The bytes of a code point stood in their order.
      for (size_t i = 0; i < reversed.size();) {
        size_t last = i;
        while (IsContinuationByte(reversed[last])) ++last;
        std::reverse(reversed.begin() + static_cast<ptrdiff_t>(i),
                     reversed.begin() + static_cast<ptrdiff_t>(last) + 1);
        i = last + 1;
      }
    }
    sink().Append(reversed);
    piece.UseBytes(window.size() * 16);
    end_ = first;
    return end_ == 0 ? Done() : BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { visitor.Visit(&from_, 1); }

  Value from_;
  bool by_bytes_;
  size_t end_;
};

BuiltinResult Reverse(BuiltinContext& context, const Value* args, int) {
  const Value& x = args[0];
  if (IsList(x)) return RunInPieces(context, ReverseListJob(context.heap(), x));
  if (!IsText(x) && !IsBytes(x)) return context.Wants(0, kSequence, x);
  return RunInPieces(context, ReverseJob(context.heap(), x));
}

// ---------------------------------------------------------------------------

class RepeatJob final : public OutputJob {
 public:
  RepeatJob(Heap& heap, Value part, uint64_t times)
      : OutputJob(heap, IsText(part) ? SinkKind::kText : SinkKind::kBytes),
        part_(part),
        left_(times) {}

 private:
  BuiltinResult Produce(BuiltinContext&, Piece& piece) override {
    const std::string_view view = ViewOf(part_);
    if (left_ == 0) return Done();
    const std::string_view rest = view.substr(at_, piece.bytes());
    sink().Append(rest);
    piece.UseBytes(rest.size());
    at_ += rest.size();
    if (at_ == view.size()) {
      at_ = 0;
      --left_;
    }
    return BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { visitor.Visit(&part_, 1); }

  Value part_;
  uint64_t left_;
  size_t at_ = 0;
};

BuiltinResult RepeatList(BuiltinContext& context, Value part, uint64_t times) {
  Result made = EmptyList(context.heap());
  Result power = part;  // part doubled again and again
  for (uint64_t left = times; left > 0; left /= 2) {
    if (!power.ok()) return context.Give(power, "");
    context.Charge(2);
    if ((left & 1) != 0) {
      made = Concat(context.heap(), made.value(), power.value());
      if (!made.ok()) return context.Give(made, "");
    }
    if (left > 1) power = Concat(context.heap(), power.value(), power.value());
  }
  return context.Give(made, "");
}

BuiltinResult Repeat(BuiltinContext& context, const Value* args, int) {
  const Value& x = args[0];
  uint64_t times;
  const bool is_list = IsList(x);
  if (!is_list && !IsText(x) && !IsBytes(x)) return context.Wants(0, kSequence, x);
  if (!ReadCount(args[1], &times)) {
    return context.Wants(1, "how many times, from 0 on,", args[1]);
  }
  const uint64_t size = is_list ? ListSize(x) : ViewOf(x).size();
  if (size == 0 || times == 1) return BuiltinResult::Of(x);
  if (is_list) return RepeatList(context, x, times);
  if (times > kTextBytesMax / size) return context.Give(Failure::kTooBig, "");
  return RunInPieces(context, RepeatJob(context.heap(), x, times));
}

}  // namespace

void RegisterRanges(BuiltinRegistry& registry) {
  registry.Pure("take", 2, 2, TakePart,
                "take(x, n): the first n elements of a list, code points of a text, or bytes");
  registry.Pure("drop", 2, 2, DropPart, "drop(x, n): what is left without the first n");
  registry.Pure("take_last", 2, 2, TakeLast, "take_last(x, n): the last n");
  registry.Pure("drop_last", 2, 2, DropLast, "drop_last(x, n): what is left without the last n");
  registry.Pure("slice", 2, 3, SlicePart,
                "slice(x, first, n): n elements, code points or bytes from index first on; all to "
                "the end without n");
  registry.Pure("reverse", 1, 1, Reverse,
                "reverse(x): a list, a text or bytes, the last part first");
  registry.Pure("repeat", 2, 2, Repeat, "repeat(x, n): a list, a text or bytes n times end to end");
}

}  // namespace vesicle::prelude
