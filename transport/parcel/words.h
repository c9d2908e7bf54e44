// Words: how a value stands between two VMs of one process, as 64-bit words. A value is
// written in the order in which it is built again, children before parents: who reads it has a
// stack, pushes what is a value by itself, and makes objects of what stands on top. So an
// integer, a short text, a symbol is its own word, and `#add(3)` is three words.
//
//   word with the tag of    what the reader does
//   a data pointer          an Op, as Op says; some are followed by more words
//   a target pointer        pushes a reference: a number for its kind, and its position
//   anything else           pushes the word: it is the value (vm/heap/word.h)
//
// The law: what an Encoder wrote a Decoder of the same build reads, and nobody else: there is no
// version in it and nothing is checked. It never leaves its process.
//
// Ownership: owns its words; bytes() is good until the next call that writes.
// Costs:     no allocation once it has grown.
//
//   parcel::Words out;
//   parcel::Encoder encoder(heap);
//   encoder.Start(value, &out, bytes_max);
//   while (encoder.Go(refs, 5'000) == parcel::Step::kMore) { ... }
#ifndef VESICLE_TRANSPORT_PARCEL_WORDS_H_
#define VESICLE_TRANSPORT_PARCEL_WORDS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "vm/heap/kinds.h"
#include "vm/heap/word.h"

#pragma GCC visibility push(default)
namespace vesicle::parcel {

// How a piece of a long walk ended: that of an Encoder, and of a Decoder.
enum class Step : uint8_t {
  kDone,
  kMore,    // so much work is done; call it again
  kNoRoom,  // an allocation did not fit; call it again when it may
  kFailed,  // failure() says why
};

// `count` is that of the word.
enum class Op : uint8_t {
  kNode,      // an object of that kind and flags: its words are the `count` on top
  kBytes,     // pushes an object of that kind and flags, of the `count` bytes that follow
  kSymbol,    // pushes the symbol of the `count` bytes that follow
  kDeepList,  // a long list: its `count` parts are on top, its counts are the next word
  kEmptyMap,  // pushes a map, to be filled by
  kPut,       // a map, a key and a value are on top: that map with the key
  kHolder,    // a function or a behavior: its `count` captures are on top, its code is named by the
              // two words that follow
  kRecord,    // pushes what the session makes of the `count` bytes that follow
};

// bits 0..2 the tag, 3..7 the Op, 8..15 the kind, 16..23 the flags, 32..63 the count.
constexpr uint64_t OpWord(Op op, Kind kind, uint8_t flags, uint64_t count) {
  return static_cast<uint64_t>(Tag::kObject) | static_cast<uint64_t>(op) << 3 |
         static_cast<uint64_t>(kind) << 8 | uint64_t{flags} << 16 | count << 32;
}
constexpr Op OpOf(uint64_t word) { return static_cast<Op>((word >> 3) & 31); }
constexpr Kind KindOf(uint64_t word) { return static_cast<Kind>((word >> 8) & 255); }
constexpr uint8_t FlagsOf(uint64_t word) { return static_cast<uint8_t>(word >> 16); }
constexpr uint32_t CountOf(uint64_t word) { return static_cast<uint32_t>(word >> 32); }

// bits 3..7 the session's number for what it is, 8..63 the position.
constexpr uint64_t RefWord(uint8_t kind, uint64_t position) {
  return static_cast<uint64_t>(Tag::kTarget) | uint64_t{kind} << 3 | position << 8;
}
constexpr uint8_t RefKindOf(uint64_t word) { return static_cast<uint8_t>((word >> 3) & 31); }
constexpr uint64_t PositionOf(uint64_t word) { return word >> 8; }

constexpr size_t WordsFor(size_t bytes) { return (bytes + 7) / 8; }

class Words {
 public:
  void Push(uint64_t word) { words_.push_back(word); }
  // Behind them the last word is filled with zeros.
  void Bytes(std::string_view bytes) {
    const size_t at = words_.size();
    words_.resize(at + WordsFor(bytes.size()));
    if (!bytes.empty()) std::memcpy(words_.data() + at, bytes.data(), bytes.size());
  }
  void Set(size_t i, uint64_t word) { words_[i] = word; }
  size_t size() const { return words_.size(); }
  // Wants size <= size().
  void Truncate(size_t size) { words_.resize(size); }
  void Clear() {
    words_.clear();
    if (words_.capacity() > kKeepWords) std::vector<uint64_t>().swap(words_);
  }
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(words_.data()), words_.size() * sizeof(uint64_t)};
  }
  size_t bytes_held() const { return words_.capacity() * sizeof(uint64_t); }

 private:
  // One that became larger is let go by Clear().
  static constexpr size_t kKeepWords = size_t{32} << 10;
  std::vector<uint64_t> words_;
};

}  // namespace vesicle::parcel
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_PARCEL_WORDS_H_
