// Looking for something: in lists, maps, texts, bytes; and what follows from it:
// splitting and replacing.
#include <cstring>
#include <string>

#include "vm/script/prelude/prelude_internal.h"
#include "vm/value/bytes.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/utf8.h"

namespace vesicle::prelude {
namespace {

constexpr size_t kNone = std::string_view::npos;

// Linear, which string_view::find is not. Wants a pattern that is not empty.
size_t Find(std::string_view text, std::string_view pattern) {
  const void* found = memmem(text.data(), text.size(), pattern.data(), pattern.size());
  if (found == nullptr) return kNone;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

// One look for `pattern` from `at` on, over about a piece. `skipped` bytes hold no
// beginning of it; it was found behind them, or the search is to go on there.
struct Look {
  size_t skipped;
  bool found;
};
Look LookFor(std::string_view text, size_t at, std::string_view pattern, Piece& piece) {
  // Overlapping windows: at least half of one is new.
  const size_t bytes = std::max<uint64_t>(piece.bytes(), pattern.size() * 2);
  const std::string_view window = text.substr(at, bytes);
  const size_t found = Find(window, pattern);
  if (found != kNone) {
    piece.UseBytes(found + pattern.size());
    return {found, true};
  }
  piece.UseBytes(window.size());
  if (at + window.size() == text.size()) return {window.size(), false};
  return {window.size() - pattern.size() + 1, false};
}

// #limit: a pattern is too long.
BuiltinResult TooLong(BuiltinContext& context, std::string_view what) {
  return context.Failure("limit", std::string(context.name()) + " wants " + std::string(what) +
                                      " of at most " + std::to_string(kPatternBytesMax) + " bytes");
}

// ---------------------------------------------------------------------------
// contains, index_of

enum class Answer : uint8_t { kWhether, kWhere };

BuiltinResult Found(Answer answer, uint64_t where) {
  if (answer == Answer::kWhether) return BuiltinResult::Of(Value::True());
  return BuiltinResult::Of(Value::SmallInt(static_cast<int64_t>(where)));
}
BuiltinResult NotFound(Answer answer) {
  return BuiltinResult::Of(answer == Answer::kWhether ? Value::False() : Value::Nil());
}

class FindInListJob final : public BuiltinJob {
 public:
  FindInListJob(Value list, Value wanted, Answer answer)
      : words_{list, wanted, Value::Nil(), Value::Nil()}, answer_(answer) {}

  BuiltinResult Run(BuiltinContext& context) override {
    Piece piece(context);
    auto& [list, wanted, leaf, x] = words_;
    for (;;) {
      if (!comparing_ && !ListNext(list, position_, leaf, x)) return NotFound(answer_);
      comparing_ = true;
      const std::optional<Outcome> outcome =
          comparer_.Compare(x, wanted, CompareMode::kSame, piece);
      if (!outcome.has_value()) return BuiltinResult::More();
      comparing_ = false;
      if (*outcome == Outcome::kSame) return Found(answer_, ListPosition(position_) - 1);
      if (*outcome == Outcome::kType) {
        return context.TypeError(std::string(context.name()) +
                                 " compares elements, and functions and behaviors have no ==");
      }
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
  bool comparing_ = false;
  Answer answer_;
};

class FindInTextJob final : public BuiltinJob {
 public:
  FindInTextJob(Value text, Value pattern, Answer answer)
      : words_{text, pattern},
        answer_(answer),
        by_bytes_(!IsText(text) || IsAsciiText(text) || answer == Answer::kWhether) {}

  BuiltinResult Run(BuiltinContext& context) override {
    Piece piece(context);
    const std::string_view text = ViewOf(words_[0]);
    const std::string_view pattern = ViewOf(words_[1]);
    if (pattern.empty()) return Found(answer_, 0);
    for (;;) {
      const Look look = LookFor(text, at_, pattern, piece);
      where_ += by_bytes_ ? look.skipped : CountCodePoints(text.substr(at_, look.skipped));
      at_ += look.skipped;
      if (look.found) return Found(answer_, where_);
      if (at_ == text.size()) return NotFound(answer_);
      if (piece.over()) return BuiltinResult::More();
    }
  }
  void Visit(Visitor& visitor) override { visitor.Visit(words_, 2); }

 private:
  Value words_[2];
  size_t at_ = 0;
  uint64_t where_ = 0;
  Answer answer_;
  bool by_bytes_;
};

BuiltinResult Search(BuiltinContext& context, const Value* args, Answer answer,
                     std::string_view wanted) {
  const Value& x = args[0];
  if (IsList(x)) return RunInPieces(context, FindInListJob(x, args[1], answer));
  if (!IsText(x) && !IsBytes(x)) return context.Wants(0, wanted, x);
  const bool is_text = IsText(x);
  if (is_text ? !IsText(args[1]) : !IsBytes(args[1])) {
    return context.Wants(1, is_text ? "a text" : "bytes", args[1]);
  }
  if (ViewOf(args[1]).size() > kPatternBytesMax) return TooLong(context, "something to look for");
  return RunInPieces(context, FindInTextJob(x, args[1], answer));
}

BuiltinResult Contains(BuiltinContext& context, const Value* args, int) {
  if (!IsMap(args[0])) {
    return Search(context, args, Answer::kWhether, "a list, a map, a text or bytes");
  }
  context.Charge(static_cast<int64_t>(MapCallWork(args[0], args[1])));
  const Result found = MapGet(args[0], args[1], context.identities());
  if (!found.ok()) return context.Give(found, "data or refs as a key", kKeyTooBig);
  return BuiltinResult::Of(Value::Bool(!found.value().is_absent()));
}

BuiltinResult IndexOf(BuiltinContext& context, const Value* args, int) {
  return Search(context, args, Answer::kWhere, "a list, a text or bytes");
}

// ---------------------------------------------------------------------------

enum class Edge : uint8_t { kStart, kEnd };

template <Edge edge>
BuiltinResult HasEdge(BuiltinContext& context, const Value* args, int) {
  const bool is_text = IsText(args[0]);
  if (!is_text && !IsBytes(args[0])) return context.Wants(0, "a text or bytes", args[0]);
  if (is_text ? !IsText(args[1]) : !IsBytes(args[1])) {
    return context.Wants(1, is_text ? "a text" : "bytes", args[1]);
  }
  const std::string_view view = ViewOf(args[0]);
  const std::string_view part = ViewOf(args[1]);
  if (part.size() > kPatternBytesMax) return TooLong(context, "something to look for");
  context.Charge(static_cast<int64_t>(TextWork(part.size())));
  return BuiltinResult::Of(
      Value::Bool(edge == Edge::kStart ? view.starts_with(part) : view.ends_with(part)));
}

class ReplaceJob final : public OutputJob {
 public:
  ReplaceJob(Heap& heap, const Value* args)
      : OutputJob(heap, IsText(args[0]) ? SinkKind::kText : SinkKind::kBytes),
        words_{args[0], args[1], args[2]} {}

 private:
  BuiltinResult Produce(BuiltinContext&, Piece& piece) override {
    const std::string_view text = ViewOf(words_[0]);
    const std::string_view pattern = ViewOf(words_[1]);
    const Look look = LookFor(text, at_, pattern, piece);
    sink().Append(text.substr(at_, look.skipped));
    at_ += look.skipped;
    if (look.found) {
      sink().Append(ViewOf(words_[2]));
      piece.UseBytes(ViewOf(words_[2]).size());
      at_ += pattern.size();
    }
    return at_ == text.size() ? Done() : BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) override { visitor.Visit(words_, 3); }

  Value words_[3];
  size_t at_ = 0;
};

BuiltinResult Replace(BuiltinContext& context, const Value* args, int) {
  const bool is_text = IsText(args[0]);
  if (!is_text && !IsBytes(args[0])) return context.Wants(0, "a text or bytes", args[0]);
  for (int i = 1; i < 3; ++i) {
    if (is_text ? !IsText(args[i]) : !IsBytes(args[i])) {
      return context.Wants(i, is_text ? "a text" : "bytes", args[i]);
    }
    if (ViewOf(args[i]).size() > kPatternBytesMax) return TooLong(context, "parts");
  }
  if (ViewOf(args[1]).empty()) return BuiltinResult::Of(args[0]);
  return RunInPieces(context, ReplaceJob(context.heap(), args));
}

// ---------------------------------------------------------------------------
// Splitting

// Texts (or bytes) cut out of one: a part that a piece sees whole is made at once, a
// longer one comes together in a sink.
class PartsJob : public ListJob {
 public:
  PartsJob(Heap& heap, Value text)
      : ListJob(heap),
        text_(text),
        kind_(IsText(text) ? SinkKind::kText : SinkKind::kBytes),
        part_(heap) {}
  PartsJob(PartsJob&&) = default;

 protected:
  // Looks on from at(), takes what belongs to the part that is open, and ends it if its
  // end was seen. More() always, or Done() when nothing can follow and no part is open.
  virtual BuiltinResult Scan(BuiltinContext& context, Piece& piece) = 0;

  const Value& text() const { return text_; }
  size_t& at() { return at_; }
  ByteSink& part() { return part_; }
  void EndPart() { ending_ = true; }
  uint64_t parts() { return ListSize(list()); }

 private:
  BuiltinResult Produce(BuiltinContext& context, Piece& piece) final {
    if (!ending_) {
      const BuiltinResult result = Scan(context, piece);
      if (part_.failure().has_value()) return context.Give(*part_.failure(), "");
      if (!ending_) return result;
    }
    const std::optional<Result> made = part_.Finish(kind_, piece);
    if (!made.has_value()) return BuiltinResult::More();
    if (!made->ok()) return context.Give(*made, "");
    list() = Append(context.heap(), list(), made->value());
    part_.Clear();
    ending_ = false;
    return BuiltinResult::More();
  }
  void VisitMore(Visitor& visitor) final {
    visitor.Visit(&text_, 1);
    part_.Visit(visitor);
  }

  Value text_;
  SinkKind kind_;
  ByteSink part_;
  size_t at_ = 0;
  bool ending_ = false;
};

class SplitJob final : public PartsJob {
 public:
  SplitJob(Heap& heap, Value text, std::string_view separator, uint64_t parts_max)
      : PartsJob(heap, text), separator_(separator), parts_max_(parts_max) {}

 private:
  BuiltinResult Scan(BuiltinContext&, Piece& piece) override {
    const std::string_view view = ViewOf(text());
    if (ended_) return Done();
    Look look;
    if (parts() + 1 >= parts_max_) {
      look = {std::min<size_t>(piece.bytes(), view.size() - at()), false};
      piece.UseBytes(look.skipped);
    } else {
      look = LookFor(view, at(), separator_, piece);
    }
    part().Append(view.substr(at(), look.skipped));
    at() += look.skipped;
    if (look.found) {
      at() += separator_.size();
      EndPart();
    } else if (at() == view.size()) {
      ended_ = true;
      EndPart();
    }
    return BuiltinResult::More();
  }

  std::string separator_;
  uint64_t parts_max_;
  bool ended_ = false;
};

class LinesJob final : public PartsJob {
 public:
  using PartsJob::PartsJob;

 private:
  BuiltinResult Scan(BuiltinContext&, Piece& piece) override {
    const std::string_view view = ViewOf(text());
    if (at() == view.size()) {
      if (part().size() == 0) return Done();
      EndPart();  // of a last line without an end; an end that follows nothing is none
      return BuiltinResult::More();
    }
    const Look look = LookFor(view, at(), "\n", piece);
    part().Append(view.substr(at(), look.skipped));
    at() += look.skipped;
    if (look.found) {
      ++at();
      if (part().size() > 0 && part().back() == '\r') part().PopBack();
      EndPart();
    }
    return BuiltinResult::More();
  }
};

class WordsJob final : public PartsJob {
 public:
  using PartsJob::PartsJob;

 private:
  BuiltinResult Scan(BuiltinContext&, Piece& piece) override {
    const std::string_view view = ViewOf(text());
    const size_t first = at();
    if (first == view.size()) {
      if (part().size() == 0) return Done();
      EndPart();
      return BuiltinResult::More();
    }
    const size_t end = WindowEnd(view, first, piece.bytes() / 16);
    size_t i = first;
    bool space = false;
    while (i < end) {
      const DecodedPoint decoded = DecodeUtf8(view.substr(i, end - i));
      space = IsSpace(decoded.point);
      if (space) break;
      i += static_cast<size_t>(decoded.size);
    }
    part().Append(view.substr(first, i - first));
    piece.UseBytes((i - first) * 16);
    if (space) {
      if (part().size() > 0) EndPart();
      i += static_cast<size_t>(DecodeUtf8(view.substr(i)).size);
    }
    at() = i;
    return BuiltinResult::More();
  }
};

BuiltinResult Split(BuiltinContext& context, const Value* args, int count) {
  uint64_t parts_max = kCountHuge;
  const bool is_text = IsText(args[0]);
  if (!is_text && !IsBytes(args[0])) return context.Wants(0, "a text or bytes", args[0]);
  if (is_text ? !IsText(args[1]) : !IsBytes(args[1])) {
    return context.Wants(1, is_text ? "a text" : "bytes", args[1]);
  }
  if (ViewOf(args[1]).empty()) {
    return context.TypeError(
        "split wants a separator that is not empty; chars splits a text "
        "into its characters");
  }
  if (ViewOf(args[1]).size() > kPatternBytesMax) return TooLong(context, "a separator");
  if (count > 2 && (!ReadCount(args[2], &parts_max) || parts_max == 0)) {
    return context.Wants(2, "how many parts at most, from 1 on,", args[2]);
  }
  return RunInPieces(context, SplitJob(context.heap(), args[0], ViewOf(args[1]), parts_max));
}

BuiltinResult Lines(BuiltinContext& context, const Value* args, int) {
  if (!IsText(args[0])) return context.Wants(0, "a text", args[0]);
  return RunInPieces(context, LinesJob(context.heap(), args[0]));
}

BuiltinResult Words(BuiltinContext& context, const Value* args, int) {
  if (!IsText(args[0])) return context.Wants(0, "a text", args[0]);
  return RunInPieces(context, WordsJob(context.heap(), args[0]));
}

}  // namespace

void RegisterSearch(BuiltinRegistry& registry) {
  registry.Pure("contains", 2, 2, Contains,
                "contains(x, y): is y an element of a list, a key of a map, a part of a text or "
                "bytes?");
  registry.Pure("index_of", 2, 2, IndexOf,
                "index_of(x, y): where y first is in a list, a text or bytes; nil if nowhere");
  registry.Pure("starts_with", 2, 2, HasEdge<Edge::kStart>,
                "starts_with(text, part): does the text (or bytes) begin with the part?");
  registry.Pure("ends_with", 2, 2, HasEdge<Edge::kEnd>,
                "ends_with(text, part): does the text (or bytes) end with the part?");
  registry.Pure("replace", 3, 3, Replace,
                "replace(text, old, new): every old in a text (or bytes) replaced by new");
  registry.Pure("split", 2, 3, Split,
                "split(text, separator, n): the list of the parts between separators; at most n, "
                "the last with all the rest");
  registry.Pure("lines", 1, 1, Lines, "lines(text): its lines, without their ends");
  registry.Pure("words", 1, 1, Words, "words(text): its parts between white space");
}

}  // namespace vesicle::prelude
