#include "transport/session/export_table.h"

#include <utility>

#include "transport/session/planted.h"
#include "vm/heap/check.h"

namespace vesicle {

// Objects have moved: those that were young stand under addresses of before, which may be others'
// now.
void ExportTable::Refresh() {
  if (collections_ == heap_.young_collections()) return;
  collections_ = heap_.young_collections();
  for (const Young& young : young_) by_address_.erase(young.address);
  for (const Young& young : std::exchange(young_, {})) {
    const Entry* entry = table_.Find(young.position);
    if (entry != nullptr) Enter(table_.Get(*entry).target(), young.position);
  }
}

void ExportTable::Enter(const Object* target, uint64_t position) {
  by_address_.emplace(target, position);
  if (!target->is_old()) young_.push_back({target, position});
}

std::optional<uint64_t> ExportTable::Send(Value target, Failure* why) {
  Refresh();
  const Object* o = target.target();
  if (const auto at = by_address_.find(o); at != by_address_.end()) {
    ++table_.Find(at->second)->count;
    return at->second;
  }
  Entry* entry = table_.Add(next_, target, why);
  if (entry == nullptr) return std::nullopt;
  entry->count = 1;
  Enter(o, next_);
  ++references_;
  return next_++;
}

std::optional<uint64_t> ExportTable::SendAsk(Value slot, uint64_t answer, Failure* why) {
  Entry* entry = table_.Add(next_, slot, why);
  if (entry == nullptr) return std::nullopt;
  entry->count = 1;
  entry->note = answer == kNoAnswer ? 1 : answer + 2;
  ++asks_;
  return next_++;
}

std::optional<ExportTable::Found> ExportTable::Find(uint64_t position) {
  const Entry* entry = table_.Find(position);
  if (entry == nullptr) return std::nullopt;
  return Found{table_.Get(*entry), IsAsk(*entry), AnswerOf(*entry)};
}

void ExportTable::EndAsk(uint64_t position) {
  const Entry* entry = table_.Find(position);
  VESICLE_CHECK(entry != nullptr && IsAsk(*entry));
  if (table_.Get(*entry).is_nil()) return;
  table_.Set(*entry, Value::Nil());
  --asks_;
}

bool ExportTable::Release(uint64_t position, uint64_t delta) {
  Entry* entry = table_.Find(position);
  if (entry == nullptr || delta > entry->count) return false;
  entry->count -= delta;
  if (session_planted::Is(session_planted::kExportForgottenSoon)) entry->count = 0;
  if (entry->count != 0) return true;
  if (IsAsk(*entry)) {
    EndAsk(position);
  } else {
    Refresh();
    --references_;
    by_address_.erase(table_.Get(*entry).target());
  }
  table_.Remove(entry);
  return true;
}

}  // namespace vesicle
