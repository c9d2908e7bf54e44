// Encoder: a value becomes words for another VM of the process, in pieces where it is long.
//
// The law: what data crosses arrives as the same value; nothing recurses on its depth. Functions
// and behaviors cross with what they capture, but for native ones. What is shared is written as
// often as it is met; bytes_max bounds the work, and fails before any effect. What a reference
// becomes is the RefWriter's: nothing is wrapped here (membrane/crossing.h does that, before).
//
// Ownership: borrows the Words, which nobody else writes to until kDone or kFailed. Between two
// Go()s
//            a collection may come: show it Visit(). Keep one and Start() it again.
// Costs:     work(): a unit is a word, or 64 bytes of text; a node is 8. Between two looks at the
//            bound stands at most one node, or one text.
// Fails:     failure(): kType, a ref or a code that may not cross; kTooBig, bytes_max, or a table
//            of references is full (is_too_long() says which). What was written is the caller's to
//            take back.
#ifndef VESICLE_TRANSPORT_PARCEL_ENCODER_H_
#define VESICLE_TRANSPORT_PARCEL_ENCODER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "membrane/heap_words.h"
#include "transport/parcel/words.h"
#include "vm/heap/external_bytes.h"
#include "vm/heap/heap.h"
#include "vm/value/result.h"

#pragma GCC visibility push(default)
namespace vesicle::parcel {

// Writes what stands for a reference, and for code.
class RefWriter {
 public:
  // `ref`: any target word. What pushes one value, or a failure and nothing. Never collects.
  // kMemory: it may be asked for again; kTooBig: a table is full; any other: it may not cross.
  virtual std::optional<Failure> WriteRef(Value ref, Words& out) = 0;
  // `code`: what a function or a behavior runs. Two words. kType: it does not cross.
  virtual std::optional<Failure> WriteCode(const Object* code, Words& out) = 0;

 protected:
  ~RefWriter() = default;
};

class Encoder {
 public:
  explicit Encoder(Heap& heap) : heap_(heap), objects_(heap), parts_(heap), bytes_(heap) {}
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  void Start(Value value, Words* out, size_t bytes_max);
  Step Go(RefWriter& refs, uint64_t work_max);
  Failure failure() const { return failure_; }
  bool is_too_long() const { return is_too_long_; }
  // Units since Start().
  uint64_t work() const { return work_; }
  void Visit(Visitor& visitor);

 private:
  // A node whose parts stand in parts_, written up to `next`.
  struct Frame {
    size_t begin;
    size_t next;
    size_t puts = 0;  // of a map with ref keys: entries that were put
    bool is_ref_map = false;
  };

  // kMore: a frame was pushed.
  Step Put(RefWriter& refs, const Value& value);
  Step PutAtom(const Object* atom);
  // A small object whose words are atoms, at once. False: nothing was written.
  bool PutFlat(const Object* o);
  Step Enter(Value node);
  Step Leave(RefWriter& refs);
  Step FailWith(Failure failure);
  bool IsTooLong();
  void ChargeMemory();

  Heap& heap_;
  Words* out_ = nullptr;
  size_t begin_ = 0;
  size_t words_max_ = 0;
  Value root_;
  bool is_begun_ = false;
  bool is_too_long_ = false;
  Failure failure_ = Failure::kType;
  std::vector<Frame> path_;
  HeapWords objects_;  // of the frames
  HeapWords parts_;
  std::vector<Value> before_;  // the parts of one node, for a moment
  uint64_t work_ = 0;
  ExternalBytes bytes_;
};

}  // namespace vesicle::parcel
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_PARCEL_ENCODER_H_
