#include "vm/script/compile/script_code.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "vm/script/syntax/diagnostic.h"

namespace vesicle {

ScriptCode::ScriptCode(CodeDraft draft, std::shared_ptr<const Source> source, CountsSource counts)
    : name_(std::move(draft.name)),
      kind_(draft.kind),
      size_(static_cast<uint32_t>(draft.instructions.size())),
      places_(std::move(draft.places)),
      source_(std::move(source)) {
  constexpr size_t kHeaderWords = sizeof(CodeHeader) / sizeof(Instruction);
  words_ = std::make_unique<uint64_t[]>((kHeaderWords + size_ + 1) / 2);
  std::memcpy(words_.get(), &draft.header, sizeof draft.header);
  std::memcpy(reinterpret_cast<Instruction*>(words_.get()) + kHeaderWords,
              draft.instructions.data(), size_ * sizeof(Instruction));
  places_.shrink_to_fit();
  bytes_ = sizeof *this + name_.size() + 4 * kHeaderWords + size_ * sizeof(Instruction) +
           places_.size() * sizeof(PlaceRow);
  if (counts == CountsSource::kYes) bytes_ += source_->name().size() + source_->text().size();
}

Span ScriptCode::SpanAt(uint32_t pc) const {
  auto after = std::upper_bound(places_.begin(), places_.end(), pc,
                                [](uint32_t at, const PlaceRow& row) { return at < row.pc; });
  return after == places_.begin() ? Span{} : std::prev(after)->span;
}

Place ScriptCode::PlaceAt(uint32_t pc) const {
  if (source_ == nullptr) return {};
  return MakePlace(*source_, SpanAt(pc));
}

Place MakePlace(const Source& source, Span span) {
  constexpr size_t kExcerptCharsMax = 160;
  const LineColumn at = source.PlaceOf(span.begin);
  const Span line = source.LineOf(span.begin);
  Place place;
  place.file = source.name();
  place.line = at.line;
  place.column = at.column;
  place.excerpt = Printable(source.Text(line), kExcerptCharsMax);
  const uint32_t end = std::min(span.end, line.end);
  place.caret_columns = end > span.begin ? std::max(1u, source.PlaceOf(end).column - at.column) : 1;
  return place;
}

}  // namespace vesicle
