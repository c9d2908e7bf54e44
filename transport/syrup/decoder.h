// Decoder: Syrup becomes a value of the VM, in pieces where it is long. What each form
// becomes: forms.h.
//
// The law: what an Encoder wrote is read as the same value; what no form knows is refused with its
// place, never guessed. Nothing recurses on the depth; what is taken from the heap is in
// proportion to bytes that have arrived, and paid by the sponsor that runs.
//
// Records that are no data (descriptors, locators) are read by a RecordReader, and nothing is
// wrapped here: what a reference that came in becomes for its target is decided by a
// Crossing (membrane/crossing.h), when the target's turn starts.
//
// Ownership: borrows the Reader, which stands before one value, and behind it at kDone. Between two
//            Go()s a collection may come: show it Visit(). Keep one and Start() it again.
// Costs:     work(): a unit is a token, or 64 bytes of text; an entry of a map is 16. Between two
//            looks at the bound stand at most some 1,000 values, 10,000 entries of a long map, the
//            fields of one tagged value, one text, or one integer.
// Fails:     error(): what the Reader found, or what is no value here.
//
//   reader.Reset(message);
//   Decoder decoder(heap, symbols, identities);
//   decoder.Start(Decoder::As::kValue, &reader);
//   while (decoder.Go(records, 5'000) == Decoder::Step::kMore) { ... }
//   Use(decoder.value());
#ifndef VESICLE_TRANSPORT_SYRUP_DECODER_H_
#define VESICLE_TRANSPORT_SYRUP_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "membrane/heap_words.h"
#include "transport/syrup/reader.h"
#include "vm/heap/external_bytes.h"
#include "vm/heap/heap.h"
#include "vm/value/identity.h"
#include "vm/value/result.h"
#include "vm/value/symbol.h"

#pragma GCC visibility push(default)
namespace vesicle::syrup {

// The text of bytes that were read, and found to be UTF-8. kTooBig, kMemory.
Result TextOf(Heap& heap, std::string_view utf8, bool is_ascii);

// Reads the records that forms.h does not know.
class RecordReader {
 public:
  // `reader` stands behind the label, and behind the end of the record when all went well: read no
  // further. What the record is for this side. kSyntax: no such record is known. kMemory: it is
  // asked for again, from the label on. kTooBig: a table is full. Any other: it is refused. Never
  // collects.
  virtual Result ReadRecord(std::string_view label, Reader& reader) = 0;

 protected:
  ~RecordReader() = default;
};

class Decoder {
 public:
  Decoder(Heap& heap, SymbolTable& symbols, IdentitySource& identities)
      : heap_(heap), symbols_(symbols), identities_(identities), parts_(heap), bytes_(heap) {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  enum class As : uint8_t {
    kValue,
    kMessage,  // of a list of arguments (forms.h); what is no list is kRecordForm
  };
  void Start(As as, Reader* reader);

  enum class Step : uint8_t {
    kDone,    // value() is it
    kMore,    // so much work is done; call it again
    kNoRoom,  // an allocation did not fit; call it again when it may
    kFailed,  // error() says why
  };
  Step Go(RecordReader& records, uint64_t work_max);
  Value value() const { return value_; }
  const Error& error() const { return error_; }
  // Units since Start().
  uint64_t work() const { return work_; }
  void Visit(Visitor& visitor);

 private:
  enum class Shape : uint8_t {
    kList,
    kArguments,  // the list that is the message
    kMap,        // a dictionary
    kTagged,     // a record whose tag was read; part 0 is the symbol
    kFields,     // the list in it
    kPairs,      // the list in vesicle:map
    kEscaped,    // the list in vesicle:value
    kError,      // desc:error
  };
  // What tag stands in a kTagged.
  enum class TagKind : uint8_t { kPlain, kOcapn, kMap, kEscaped };
  struct Frame {
    Shape shape;
    TagKind tag = TagKind::kPlain;
    bool is_made = false;  // kTagged: part 1 is the whole value
    size_t begin = 0;      // of its parts: the first is what was gathered before, or the tag
    size_t at = 0;         // where it begins in the bytes
    uint64_t gathered = 0;
  };

  Step One(RecordReader& records);
  Step Atom(Token token, Value* value);
  Step Record(RecordReader& records);
  Step Tagged();
  // A value that takes a place among the parts, and is the last of all when nothing is open.
  Step Deliver(Value value);
  Step Open(Shape shape);
  Step Close();
  Step CloseList(Frame* frame, Value* value);
  Step CloseMap(Frame* frame, Value* value);
  Step CloseFields(const Frame& frame, Value* value);
  Step CloseTagged(const Frame& frame, Value* value);
  Step MakeOther(Value symbol, Value payload, Value* value);
  // The parts of the frame on top become what was gathered.
  Step Gather();
  Step GatherList(Frame* frame);
  Step GatherMap(Frame* frame);
  // The parts of the frame from `first` on, side by side.
  std::span<const Value> Parts(const Frame& frame, size_t first);
  // All elements, those that were gathered into a list among them.
  std::span<const Value> Elements(const Frame& frame);
  Step FailWith(Wrong wrong, size_t at, uint32_t limit = 0);
  Step FailWith(Failure failure, size_t at);
  Step ReaderFailed();
  void ChargeMemory();

  Heap& heap_;
  SymbolTable& symbols_;
  IdentitySource& identities_;
  Reader* reader_ = nullptr;
  As as_ = As::kValue;
  Value value_;
  Token token_ = Token::kEnd;  // under way
  bool is_pending_ = false;    // token_ found no room
  bool is_done_ = false;
  std::vector<Frame> path_;
  HeapWords parts_;
  std::vector<Value> near_;  // parts of one frame, for a moment
  uint64_t work_ = 0;
  Error error_;
  ExternalBytes bytes_;
};

}  // namespace vesicle::syrup
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SYRUP_DECODER_H_
