#include "transport/session/position_table.h"

#include "vm/heap/check.h"

namespace vesicle {

PositionTable::Entry* PositionTable::Add(uint64_t position, Value value, Failure* why) {
  VESICLE_DCHECK(Find(position) == nullptr);
  if (is_full()) {
    *why = Failure::kTooBig;
    return nullptr;
  }
  uint32_t index = 0;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else {
    index = entries_;
    if (index / kChunkWords >= chunks_.size()) {
      const Kind kind = holds_ == Holds::kStrongly ? Kind::kTuple : Kind::kWeakTable;
      Object* chunk = heap_.AllocateOld(kind, kChunkWords);
      if (chunk == nullptr) {
        *why = Failure::kMemory;
        return nullptr;
      }
      chunks_.push_back(Value::Data(chunk));
      blocks_.push_back(std::make_unique<Block>());
    }
    ++entries_;
  }
  Entry& entry = At(index);
  entry = {.position = position, .index = index, .is_used = 1};
  Set(entry, value);
  by_position_.Set(position, index + 1);
  return &entry;
}

void PositionTable::Remove(Entry* entry) {
  VESICLE_DCHECK(entry->is_used);
  by_position_.Erase(entry->position);
  Set(*entry, Value::Nil());
  entry->is_used = false;
  free_.push_back(entry->index);
}

void PositionTable::Rest() {
  if (size() > 0) return;
  entries_ = hand_ = 0;
  std::vector<std::unique_ptr<Block>>().swap(blocks_);
  std::vector<uint32_t>().swap(free_);
  std::vector<Value>().swap(chunks_);
  by_position_ = {};
}

Value PositionTable::Get(const Entry& entry) {
  Object* chunk = chunks_[entry.index / kChunkWords].data();
  const uint32_t word = entry.index % kChunkWords;
  return holds_ == Holds::kStrongly ? chunk->words()[word] : heap_.ReadWeak(chunk, word);
}

void PositionTable::Set(const Entry& entry, Value value) {
  Object* chunk = chunks_[entry.index / kChunkWords].data();
  heap_.WillWrite(chunk);
  chunk->words()[entry.index % kChunkWords] = value;
}

}  // namespace vesicle
