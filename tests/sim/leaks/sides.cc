#include "tests/sim/leaks/sides.h"

namespace vesicle::leaks {

Sides::Sides(Heap& heap) : heap_(heap) {
  for (size_t i = 0; i < kTargetsMax; i += kChunkWords) {
    Object* chunk = heap.AllocateOld(Kind::kWeakTable, kChunkWords);
    VESICLE_CHECK(chunk != nullptr);
    chunks_.emplace_back(heap, Value::Data(chunk));
  }
}

void Sides::Set(Object* target, Side side) {
  const size_t i = sides_.size();
  if (i >= kTargetsMax) return;
  Object* chunk = Chunk(i);
  heap_.WillWrite(chunk);
  chunk->words()[i % kChunkWords] = Value::Target(target);
  sides_.push_back(side);
  by_address_[target] = side;
}

void Sides::Refresh() {
  const uint64_t young = heap_.young_collections(), cycles = heap_.cycles();
  if (young == young_collections_ && cycles == cycles_ && !heap_.is_in_cycle()) return;
  young_collections_ = young;
  cycles_ = cycles;
  by_address_.clear();
  size_t kept = 0;
  for (size_t i = 0; i < sides_.size(); ++i) {
    const Value v = heap_.ReadWeak(Chunk(i), static_cast<uint32_t>(i % kChunkWords));
    if (!v.is_target()) continue;
    if (kept != i) {
      Object* chunk = Chunk(kept);
      heap_.WillWrite(chunk);
      chunk->words()[kept % kChunkWords] = v;
      sides_[kept] = sides_[i];
    }
    by_address_[v.target()] = sides_[kept++];
  }
  sides_.resize(kept);
}

}  // namespace vesicle::leaks
