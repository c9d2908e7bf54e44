#include "membrane/audit.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"
#include "vm/value/utf8.h"

namespace vesicle {
namespace {

std::string_view NameOf(Direction way) { return way == Direction::kIn ? "in" : "out"; }
std::string_view NameOf(Crossed what) {
  switch (what) {
    case Crossed::kMessage:
      return "message";
    case Crossed::kReply:
      return "reply";
    case Crossed::kBreak:
      break;
  }
  return "break";
}
std::string_view NameOf(CrossingRecord::Outcome outcome) {
  switch (outcome) {
    case CrossingRecord::Outcome::kPass:
      return "pass";
    case CrossingRecord::Outcome::kDeny:
      return "deny";
    case CrossingRecord::Outcome::kRedirect:
      return "redirect";
    case CrossingRecord::Outcome::kParked:
      break;
  }
  return "parked";
}

}  // namespace

void MapOfNames::Put(std::string_view name, Value value) {
  const Result key = MakeText(core_.heap(), name);
  if (!key.ok() || builder_.Add(key.value(), value)) failed_ = true;
}

void MapOfNames::PutSymbol(std::string_view name, std::string_view symbol) {
  const Result made = core_.symbols().Intern(symbol);
  Put(name, made.ok() ? made.value() : Value::Nil());
}

// The next one, or the first again.
void AuditRing::BeginPiece() {
  const size_t at = static_cast<size_t>(count_) % size_;
  const size_t length = std::min(kPiece, size_ - at);
  if (at / kPiece == pieces_.size()) pieces_.push_back(std::make_unique<CrossingRecord[]>(length));
  place_ = pieces_[at / kPiece].get();
  piece_end_ = place_ + length;
}

CrossingRecord* AuditRing::Find(int64_t number) {
  const int64_t back = count_ - number;
  if (number < 0 || back < 1 || back > static_cast<int64_t>(kept())) return nullptr;
  const size_t at = static_cast<size_t>(number) % size_;
  return &pieces_[at / kPiece][at % kPiece];
}

void NameRecordByLongTag(Value tag, CrossingRecord* record) {
  std::string_view text = SymbolView(tag);
  if (text.size() >= record->long_tag.size()) {
    text = text.substr(0, record->long_tag.size() - 1);
    while (!IsValidUtf8(text)) text.remove_suffix(1);
  }
  record->long_tag = {};
  std::memcpy(record->long_tag.data(), text.data(), text.size());
  record->long_tag_size = static_cast<uint8_t>(text.size());
}

Result RecordValue(Core& core, const CrossingRecord& record) {
  MapOfNames map(core);
  map.Put("at", record.has_time ? MakeInt(core.heap(), record.time_ns) : Value::Nil());
  map.PutSymbol("way", NameOf(record.way));
  map.PutSymbol("what", NameOf(record.what));
  map.PutNumber("from", record.from);
  map.PutNumber("to", record.to);
  if (record.has_tag()) {
    map.PutSymbol("tag", record.TagName());
  } else {
    map.Put("tag", Value::Nil());
  }
  map.Put("size", Value::SmallInt(static_cast<int64_t>(record.bytes)));
  map.PutSymbol("verdict", NameOf(record.outcome));
  return map.Finish();
}

Result DescribeSeen(Core& core, const Seen& seen) {
  MapOfNames map(core);
  map.PutSymbol("way", NameOf(seen.way));
  map.PutSymbol("what", NameOf(seen.what));
  map.Put("tag", HasTag(seen.message) ? TagOf(seen.message) : Value::Nil());
  map.Put("message", seen.message);
  map.PutNumber("from", static_cast<uint64_t>(seen.from));
  map.PutNumber("to", static_cast<uint64_t>(seen.to));
  return map.Finish();
}

}  // namespace vesicle
