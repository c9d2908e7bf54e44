// Decoder: words of an Encoder become a value of this VM, in pieces where they are many.
//
// The law: as Encoder. What is taken from the heap is in proportion to the words, and paid by the
// sponsor that runs. Nothing is shared with the VM that wrote them: each text, each node is new.
//
// Ownership: borrows the words until kDone or kFailed. Between two Go()s a collection may come:
// show
//            it Visit(). Keep one and Start() it again.
// Costs:     work(): a unit is a word, or 64 bytes of text; an entry of a map with ref keys is 16.
// Fails:     failure(), as a RefReader says.
#ifndef VESICLE_TRANSPORT_PARCEL_DECODER_H_
#define VESICLE_TRANSPORT_PARCEL_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "membrane/heap_words.h"
#include "transport/parcel/words.h"
#include "vm/heap/external_bytes.h"
#include "vm/heap/heap.h"
#include "vm/value/identity.h"
#include "vm/value/result.h"
#include "vm/value/symbol.h"

#pragma GCC visibility push(default)
namespace vesicle::parcel {

// Reads what a RefWriter wrote. kMemory: it is asked for again. Never collects.
class RefReader {
 public:
  virtual Result ReadRef(uint8_t kind, uint64_t position) = 0;
  virtual Result ReadRecord(std::string_view bytes) = 0;
  // A code object of this VM.
  virtual Result ReadCode(uint64_t first, uint64_t second) = 0;

 protected:
  ~RefReader() = default;
};

class Decoder {
 public:
  Decoder(Heap& heap, SymbolTable& symbols, IdentitySource& identities)
      : heap_(heap), symbols_(symbols), identities_(identities), parts_(heap), bytes_(heap) {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  void Start(std::span<const uint64_t> words);
  Step Go(RefReader& refs, uint64_t work_max);
  Value value() const { return value_; }
  Failure failure() const { return failure_; }
  // Units since Start().
  uint64_t work() const { return work_; }
  void Visit(Visitor& visitor);

 private:
  Step Do(RefReader& refs, uint64_t word);
  Step MakeNode(uint64_t word);
  Step MakeDeepList(uint64_t word);
  Step MakeHolder(RefReader& refs, uint64_t word);
  Step PutEntry();
  // In the place of the `count` on top.
  Step Replace(size_t count, Result made);
  Step Push(Result made);
  std::string_view BytesAt(size_t at, uint32_t count) const {
    return {reinterpret_cast<const char*>(words_.data() + at), count};
  }
  void ChargeMemory();

  Heap& heap_;
  SymbolTable& symbols_;
  IdentitySource& identities_;
  std::span<const uint64_t> words_;
  size_t at_ = 0;
  size_t next_ = 0;  // behind the word at at_ and what follows it
  HeapWords parts_;
  std::vector<Value> near_;  // the parts of one list, for a moment
  Value pending_;            // made, and without a place in parts_
  bool is_pending_ = false;
  Value value_;
  Failure failure_ = Failure::kType;
  uint64_t work_ = 0;
  ExternalBytes bytes_;
};

}  // namespace vesicle::parcel
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_PARCEL_DECODER_H_
