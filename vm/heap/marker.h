// Marker: finds what lives in the old space, in slices.
//
// Snapshot at the beginning: whatever was reachable when the mark began (just
// after a young collection, so all of it old) will be marked. An object is black
// or white only: its mark is set when its words are read, and Heap::WillWrite
// reads a white one's words before they change. What comes to the old space while
// a mark runs is born black. Kept on an explicit stack, which may name an object
// more than once; a short queue behind the stack gives the memory time to arrive.
// Words of big objects are read in pieces.
//
// Part of the heap (heap.h).
#ifndef VESICLE_VM_HEAP_MARKER_H_
#define VESICLE_VM_HEAP_MARKER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "vm/heap/heap.h"

namespace vesicle {

class Marker final : public Visitor {
 public:
  explicit Marker(Heap& heap) : heap_(heap) {}

  // The client is told of each object of the kind `watched`.
  void Begin(std::optional<Kind> watched);
  // Works for about `objects_max` objects; adds what it touched to `touched`.
  // False when the mark is complete.
  bool Slice(size_t objects_max, size_t* touched);

  // Words of roots and of C++ memory. Young objects are no part of the snapshot,
  // and may move before they would be looked at: they are passed over.
  void Visit(Value* words, size_t count) override;
  void Push(Object* o) { stack_.push_back(o); }
  // `o` is about to be written: reads its words now if the mark has not.
  void BeforeWrite(Object* o);

 private:
  // Words of one object that are read at a time; as much work as a few objects.
  static constexpr size_t kPieceWords = 512;
  static constexpr size_t kWordsPerObject = 32;  // how big objects count in a slice
  static constexpr size_t kQueue = 8;            // a power of two

  struct Partial {
    Object* object;
    uint32_t next;
  };

  void PushAll(const Value* words, size_t count);
  bool Next(Object** o);
  // Marks a white object and pushes what it holds; returns how many objects it counts for.
  size_t Scan(Object* o, bool whole);
  size_t ScanPiece();

  static constexpr Kind kNoKind = Kind{0};

  Heap& heap_;
  Kind watched_ = kNoKind;
  std::vector<Object*> stack_;
  std::vector<Partial> partials_;
  std::array<Object*, kQueue> queue_{};
  size_t queue_begin_ = 0;
  size_t queue_size_ = 0;
  bool roots_done_ = false;
  bool large_roots_done_ = false;
};

}  // namespace vesicle

#endif  // VESICLE_VM_HEAP_MARKER_H_
