// Root: a handle that keeps one Value alive, and up to date when its object moves.
//
// Ownership: a Root owns its place in its heap's list of roots, not the object.
//            A heap that is destroyed first lets its Roots go: they hold nil and
//            belong to no heap from then on.
// Threads:   the heap's thread only.
// Cost:      32 bytes, linked and unlinked in a few instructions. A young
//            collection visits only the Roots set since one left nothing young.
//
//   Root keep(heap, value);
//   heap.Collect(Heap::Scope::kFull);
//   Use(keep.value());                // perhaps at another address
//   Root another = keep;              // its own place in the list
//   keep.set(Value::Nil());
#ifndef VESICLE_VM_HEAP_ROOT_H_
#define VESICLE_VM_HEAP_ROOT_H_

#include <cstddef>

#include "vm/heap/word.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Heap;
class Visitor;
class RootList;

namespace heap_internal {
struct RootLinks {
  RootLinks* prev = nullptr;
  RootLinks* next = nullptr;
};
}  // namespace heap_internal

class Root : private heap_internal::RootLinks {
 public:
  // Belongs to no heap and holds nil; may be assigned from another Root.
  Root() = default;
  Root(Heap& heap, Value value);
  Root(const Root& other);
  Root(Root&& other) noexcept;
  Root& operator=(const Root& other);
  Root& operator=(Root&& other) noexcept;
  ~Root();

  Value value() const { return value_; }
  // Wants a heap, unless `value` is no pointer.
  void set(Value value);
  // Lets the value and the heap go.
  void reset();
  Heap* heap() const { return heap_; }

 private:
  friend class RootList;

  void Attach(Heap* heap, Value value);
  void TakeOver(Root& other);

  Heap* heap_ = nullptr;
  Value value_;
};

// The Roots of one heap, in two rings: those that may hold young objects, and
// the others. Part of the heap.
class RootList {
 public:
  RootList();
  ~RootList();  // lets every Root go
  RootList(const RootList&) = delete;
  RootList& operator=(const RootList&) = delete;

  // Visits the Roots set since the young space was emptied.
  void VisitYoung(Visitor& visitor);
  // No Root holds a young object.
  void YoungEmptied();
  void BeginMark();
  // Visits at most `roots_max` further Roots; false when there are no more.
  bool VisitMarkSlice(Visitor& visitor, size_t roots_max);
  void VisitAll(Visitor& visitor);

 private:
  friend class Root;

  void LinkYoung(Root* root);
  void Unlink(Root* root);

  heap_internal::RootLinks young_;
  heap_internal::RootLinks old_;
  heap_internal::RootLinks* mark_next_ = nullptr;  // in old_; null when no mark needs it
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_HEAP_ROOT_H_
