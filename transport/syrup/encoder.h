// Encoder: a value of the VM becomes Syrup, in pieces where it is long. How each kind is
// spelled: forms.h.
//
// The law: every value that is data has one spelling and crosses exactly; nothing recurses on the
// value's depth. A function or a behavior does not cross. What is shared is written as
// often as it is met, so the limits of the Writer bound the work: they fail before any effect.
//
// References are spelled by a RefWriter, and wrapped nowhere here: what a ref becomes is decided by
// a Crossing (membrane/crossing.h), before. A session that is a membrane hands over what its
// Crossing gave; one that is none hands over the message as it is.
//
// Ownership: borrows the Writer, which nobody else writes to until kDone or kFailed. Between two
//            Go()s a collection may come: show it Visit(). Keep one and Start() it again: its
//            stacks keep their room.
// Costs:     work(): a unit is a value, or 64 bytes of text. Between two looks at the bound
//            stand at most some 40 values, one text, or one integer.
// Fails:     the error stands in the Writer, which takes the message back.
//
//   Encoder encoder(heap);
//   out.BeginMessage();
//   encoder.Start(value, Encoder::As::kValue, &out);
//   while (encoder.Go(refs, 5'000) == Encoder::Step::kMore) { ... }
//   if (!out.EndMessage()) return out.error();
#ifndef VESICLE_TRANSPORT_SYRUP_ENCODER_H_
#define VESICLE_TRANSPORT_SYRUP_ENCODER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "membrane/heap_words.h"
#include "transport/syrup/writer.h"
#include "vm/heap/external_bytes.h"
#include "vm/heap/heap.h"
#include "vm/value/result.h"

#pragma GCC visibility push(default)
namespace vesicle::syrup {

// Writes what stands for a reference.
class RefWriter {
 public:
  // `ref`: any target word. One value of Syrup, or a failure and nothing. Never collects.
  // kMemory: it may be asked for again; any other: the ref may not cross, or (kTooBig) a table is
  // full.
  virtual std::optional<Failure> WriteRef(Value ref, Writer& out) = 0;

 protected:
  ~RefWriter() = default;
};

class Encoder {
 public:
  explicit Encoder(Heap& heap) : heap_(heap), objects_(heap), entries_(heap), bytes_(heap) {}
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  enum class As : uint8_t {
    kValue,
    kArguments,  // the list that a message is (forms.h)
  };
  void Start(Value value, As as, Writer* out);

  enum class Step : uint8_t {
    kDone,    // it is written
    kMore,    // so much work is done; call it again
    kNoRoom,  // an allocation did not fit; call it again when it may
    kFailed,  // the Writer's error() says why
  };
  Step Go(RefWriter& refs, uint64_t work_max);
  // Units since Start().
  uint64_t work() const { return work_; }
  void Visit(Visitor& visitor);

 private:
  enum class Shape : uint8_t {
    kRoot,             // the value alone
    kWords,            // the words of one object: a flat list, or fields
    kDeepList,         // elements by their number
    kEntries,          // a map in its own order: key, value, key, ...
    kSmallDictionary,  // a flat map with text keys, in the order that `base` says
    // A larger one, in three stages: how many keys have which length, each entry to its place in
    // entries_, and these written.
    kLengths,
    kPlaces,
    kDictionary,
  };
  struct Frame {
    Shape shape;
    uint8_t ends = 0;   // that it writes, a number of kEnds
    uint64_t next = 0;  // of kWords the next word; else the next element, entry, or half of one
    uint64_t count = 0;
    size_t base = 0;  // in entries_; of kSmallDictionary four bits an entry
  };

  // kMore: a frame was pushed.
  Step Put(RefWriter& refs, const Value& value);
  Step PutObject(RefWriter& refs, Value value);
  Step PutBigInt(Value value);
  Step PutTagged(Value tagged);
  Step PutList(Value list);
  Step PutMap(Value map);
  Step PutArguments(RefWriter& refs);
  Step PutWords(RefWriter& refs, uint64_t work_end);
  // One element or entry.
  Step PutNext(RefWriter& refs);
  Step CountLengths();
  Step PlaceEntries();
  Step Push(Value object, const Frame& frame);
  void WriteEnds(uint8_t ends);
  Step FailWith(Wrong wrong, uint32_t limit = 0);
  void ChargeMemory();

  Heap& heap_;
  Writer* out_ = nullptr;
  Value root_;
  As as_ = As::kValue;
  bool is_begun_ = false;
  std::vector<Frame> path_;
  HeapWords objects_;  // of the frames
  HeapWords entries_;  // of dictionaries: key, value, in the order in which they are written
  // Of the map at kLengths: by the rank of a length, how many; at kPlaces: where the next one goes.
  std::map<uint64_t, uint64_t> lengths_;
  std::string digits_;
  uint64_t work_ = 0;
  ExternalBytes bytes_;
};

}  // namespace vesicle::syrup
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SYRUP_ENCODER_H_
