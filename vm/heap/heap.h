// Heap: the objects of one VM, and their collector.
//
// Generational. New objects are bumped into the *young space* (at most 1 MiB);
// at a safe point the live ones are moved, in creation order, to the *old space*,
// where nothing moves, which is marked in slices (snapshot at the beginning) and
// swept lazily. So after a young collection no young object exists, and whoever
// holds words (an event queue, a remembered object) needs scanning only for what
// it took in since.
//
// The law of safe points: an allocation never collects. Collection happens in
// SafePoint() and Collect() only; between two of them a plain Value stays valid.
// Keep one beyond with a Root, or be visited through the HeapClient.
//
// Work is metered in bytes and objects, never in time, so a run collects at the
// same places every time.
//
// Ownership: owns every object. Destroying it finalizes what is left.
// Threads:   its VM's thread only.
// Limits:    Options. An allocation of more than kSmallBytesMax can fail (nullptr):
//            the caller answers with #quota(memory). A small one never fails; it may
//            run over the allowance until the next safe point (over_allowance()).
//
//   Heap heap({}, &client);
//   Object* pair = heap.Allocate(Kind::kTuple, 2);      // words are nil
//   Root keep(heap, Value::Data(pair));
//   if (heap.wants_safe_point()) heap.SafePoint();      // pair may have moved:
//   keep.value().data()->words()[0];                    // keep.value() has not
#ifndef VESICLE_VM_HEAP_HEAP_H_
#define VESICLE_VM_HEAP_HEAP_H_
// (interface sketch; the owner of this folder completes it)

#include <cstddef>
#include <cstdint>

#include "vm/heap/object.h"

namespace vesicle {

class Heap;

// Receives words during a scan; may replace a word by the object's new address.
class Visitor {
 public:
  virtual void Visit(Value* words, size_t count) = 0;

 protected:
  ~Visitor() = default;
};

// What the heap's owner knows and the heap does not.
class HeapClient {
 public:
  // Visits every root word that may hold a young object.
  virtual void VisitYoungRoots(Visitor& visitor) = 0;
  // Called once when a mark begins (the young space is empty then); visit small roots here.
  virtual void VisitMarkRoots(Visitor& visitor) = 0;
  // Large roots (event queues) in pieces: visits about `words_max` further words of the snapshot
  // taken at VisitMarkRoots; false when there are no more. What leaves such a root before
  // it was visited must be passed to Heap::Shade by the client.
  virtual bool VisitMarkRootsSlice(Visitor& visitor, size_t words_max) = 0;
  // Kinds whose death is kFinal: words held in C++ memory behind the object, and its release.
  virtual void Trace(Object* object, Visitor& visitor) = 0;
  virtual void Finalize(Object* object) = 0;

 protected:
  ~HeapClient() = default;
};

}  // namespace vesicle

#endif  // VESICLE_VM_HEAP_HEAP_H_
