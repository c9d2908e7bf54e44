#include "tests/sim/leaks/sides.h"

namespace vesicle::leaks {

void Sides::Set(Object* target, Side side) {
  const size_t i = sides_.size();
  if (i >= kTargetsMax) return;
  if (i == chunks_.size() * kChunkWords) {
    Object* made = heap_.AllocateOld(Kind::kWeakTable, kChunkWords);
    VESICLE_CHECK(made != nullptr);
    chunks_.emplace_back(heap_, Value::Data(made));
  }
  Object* chunk = Chunk(i);
  heap_.WillWrite(chunk);
  chunk->words()[i % kChunkWords] = Value::Target(target);
  sides_.push_back(side);
  notes_.Of(target) = {time_, side};
}

// To read a weak word while a mark runs would keep what it holds alive; nothing was freed then.
void Sides::Refresh() {
  const uint64_t young = heap_.young_collections(), cycles = heap_.cycles();
  if (young == young_collections_ && cycles == cycles_) return;
  young_collections_ = young;
  cycles_ = cycles;
  ++time_;
  size_t kept = 0;
  for (size_t i = 0; i < sides_.size(); ++i) {
    Object* chunk = Chunk(i);
    const auto at = static_cast<uint32_t>(i % kChunkWords);
    const Value v = heap_.marking() ? chunk->words()[at] : heap_.ReadWeak(chunk, at);
    if (!v.is_target()) continue;
    if (kept != i) {
      Object* to = Chunk(kept);
      heap_.WillWrite(to);
      to->words()[kept % kChunkWords] = v;
      sides_[kept] = sides_[i];
    }
    notes_.Of(v.target()) = {time_, sides_[kept++]};
  }
  sides_.resize(kept);
}

}  // namespace vesicle::leaks
