// HeapWords: a stack of words for a long walk, which collections may come between. Its first
// words stand in C++ memory; the others in pieces in the heap, under the law of writes, so
// that a young collection looks at what is new and not at all of a million.
//
// Ownership: whoever has one shows it to the collector (Visit).
// Fails:     Push, when there is no memory for another piece.
#ifndef VESICLE_MEMBRANE_HEAP_WORDS_H_
#define VESICLE_MEMBRANE_HEAP_WORDS_H_

#include <cstddef>
#include <vector>

#include "vm/heap/heap.h"

#pragma GCC visibility push(default)
namespace vesicle {

class HeapWords {
 public:
  explicit HeapWords(Heap& heap) : heap_(heap) {}

  size_t size() const { return size_; }
  Value operator[](size_t i) const {
    return i < kNear ? near_[i] : Piece(i)->words()[(i - kNear) % kPieceWords];
  }
  void Set(size_t i, Value value) {
    if (i < kNear) {
      near_[i] = value;
      return;
    }
    Object* piece = Piece(i);
    heap_.WillWrite(piece);
    piece->words()[(i - kNear) % kPieceWords] = value;
  }
  bool Push(Value value) {
    if (size_ < kNear) {
      near_.push_back(value);
    } else {
      if ((size_ - kNear) % kPieceWords == 0 && !Grow()) return false;
      Set(size_, value);
    }
    ++size_;
    return true;
  }
  void Resize(size_t size) {
    size_ = size;
    if (size < near_.size()) near_.resize(size);
    const size_t far = size > kNear ? size - kNear : 0;
    pieces_.resize((far + kPieceWords - 1) / kPieceWords);
  }
  size_t bytes() const { return (near_.capacity() + pieces_.capacity()) * sizeof(Value); }
  void Visit(Visitor& visitor) {
    if (!near_.empty()) visitor.Visit(near_.data(), near_.size());
    if (!pieces_.empty()) visitor.Visit(pieces_.data(), pieces_.size());
  }

 private:
  static constexpr size_t kNear = 4096;
  static constexpr size_t kPieceWords = 512;

  Object* Piece(size_t i) const { return pieces_[(i - kNear) / kPieceWords].data(); }
  bool Grow() {
    Object* piece = heap_.AllocateOld(Kind::kTuple, kPieceWords);
    if (piece == nullptr) return false;
    pieces_.push_back(Value::Data(piece));
    return true;
  }

  Heap& heap_;
  size_t size_ = 0;
  std::vector<Value> near_;
  std::vector<Value> pieces_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_HEAP_WORDS_H_
