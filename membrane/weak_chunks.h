// WeakChunks: words that keep nothing alive, by number, in pieces of a bounded size: a
// table of them grows without a copy, and a collection reads only the pieces that were
// written since the last one.
//
// Ownership: the pieces are objects of the heap; whoever has a WeakChunks shows it to the
//            collector (Visit). They stand in the old space.
// Costs:     8 bytes a word, paid by the sponsor that Grow runs on.
#ifndef VESICLE_MEMBRANE_WEAK_CHUNKS_H_
#define VESICLE_MEMBRANE_WEAK_CHUNKS_H_

#include <cstddef>
#include <vector>

#include "vm/heap/heap.h"

#pragma GCC visibility push(default)
namespace vesicle {

class WeakChunks {
 public:
  size_t size() const { return chunks_.size() * kWords; }
  // kWords more, nil. False: no memory for them.
  bool Grow(Heap& heap) {
    Object* chunk = heap.AllocateOld(Kind::kWeakTable, kWords);
    if (chunk == nullptr) return false;
    chunks_.push_back(Value::Data(chunk));
    return true;
  }
  // Absent: what stood there has died.
  Value Read(Heap& heap, size_t i) const {
    return heap.ReadWeak(chunks_[i / kWords].data(), static_cast<uint32_t>(i % kWords));
  }
  void Write(Heap& heap, size_t i, Value value) {
    Object* chunk = chunks_[i / kWords].data();
    heap.WillWrite(chunk);
    chunk->words()[i % kWords] = value;
  }
  void Visit(Visitor& visitor) {
    if (!chunks_.empty()) visitor.Visit(chunks_.data(), chunks_.size());
  }

 private:
  static constexpr size_t kWords = 512;
  std::vector<Value> chunks_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_WEAK_CHUNKS_H_
