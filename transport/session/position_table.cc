#include "transport/session/position_table.h"

#include "vm/heap/check.h"

namespace vesicle {

PositionTable::Entry* PositionTable::Add(uint64_t position, Value value, Failure* why) {
  VESICLE_DCHECK(Find(position) == nullptr);
  if (is_full()) {
    *why = Failure::kTooBig;
    return nullptr;
  }
  if (all_ == nullptr) all_ = std::make_unique<All>();
  uint32_t index = 0;
  if (!all_->free.empty()) {
    index = all_->free.back();
    all_->free.pop_back();
  } else {
    index = all_->entries;
    if (const uint32_t chunk_number = PlaceOf(index).chunk; chunk_number >= all_->chunks.size()) {
      const uint32_t words = chunk_number == 0 ? kFirstWords : kChunkWords;
      const Kind kind = holds_ == Holds::kStrongly ? Kind::kTuple : Kind::kWeakTable;
      Object* chunk = heap_.AllocateOld(kind, words);
      if (chunk == nullptr) {
        *why = Failure::kMemory;
        return nullptr;
      }
      all_->chunks.push_back(Value::Data(chunk));
      all_->blocks.push_back(std::make_unique<Entry[]>(words));
    }
    ++all_->entries;
  }
  Entry& entry = all_->At(index);
  entry = {.position = position, .index = index, .is_used = 1};
  Set(entry, value);
  all_->by_position.Set(position, index + 1);
  return &entry;
}

void PositionTable::Remove(Entry* entry) {
  VESICLE_DCHECK(entry->is_used);
  all_->by_position.Erase(entry->position);
  Set(*entry, Value::Nil());
  entry->is_used = false;
  all_->free.push_back(entry->index);
}

Value PositionTable::Get(const Entry& entry) {
  const Place place = PlaceOf(entry.index);
  Object* chunk = all_->chunks[place.chunk].data();
  return holds_ == Holds::kStrongly ? chunk->words()[place.word]
                                    : heap_.ReadWeak(chunk, place.word);
}

void PositionTable::Set(const Entry& entry, Value value) {
  const Place place = PlaceOf(entry.index);
  Object* chunk = all_->chunks[place.chunk].data();
  heap_.WillWrite(chunk);
  chunk->words()[place.word] = value;
}

}  // namespace vesicle
