// Symbols: names that compare as one word. Up to seven bytes stand in the word;
// a longer name is a kSymbol object, of which there is one per VM and name.
//
// The table holds them weakly, so a peer that invents names fills nothing: the
// slot of a dead symbol is used again. It grows by linear hashing (Litwin 1980),
// one bucket at a time: no look-up ever pays for a rehash of the whole.
//
// Ownership: belongs to the VM; its buckets (weak tables) are the heap's, so the
//            HeapClient visits them through the two functions below.
// Limits:    kSymbolBytesMax, beyond it kTooBig. A name is valid UTF-8 (kSyntax).
// Threads:   its VM's thread only.
//
//   SymbolTable symbols(heap);
//   Result s = symbols.Intern("deposit-gift");
#ifndef VESICLE_VM_VALUE_SYMBOL_H_
#define VESICLE_VM_VALUE_SYMBOL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"
#include "vm/value/result.h"
#include "vm/value/value_kind.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr size_t kSymbolBytesMax = 4096;

// Wants IsSymbol. As TextView: a short name points into the Value itself.
inline std::string_view SymbolView(const Value& symbol) {
  if (symbol.is_short_symbol()) {
    return {symbol.short_bytes(), static_cast<size_t>(symbol.short_size())};
  }
  const Object* o = symbol.data();
  return {o->bytes(), o->count};
}
std::string_view SymbolView(Value&& symbol) = delete;

class SymbolTable {
 public:
  explicit SymbolTable(Heap& heap);
  SymbolTable(const SymbolTable&) = delete;
  SymbolTable& operator=(const SymbolTable&) = delete;

  // The symbol of that name. kSyntax, kTooBig. `name` may point into the heap.
  Result Intern(std::string_view name);
  // For names of at most seven bytes, which need no table.
  static Value Short(std::string_view name) {
    return Value::ShortSymbol(name.data(), static_cast<int>(name.size()));
  }

  // For HeapClient::VisitYoungRoots: the buckets made since the last call of OnYoungEmptied.
  void VisitYoungRoots(Visitor& visitor);
  void OnYoungEmptied() { fresh_.clear(); }
  // For HeapClient::VisitMarkRoots: every bucket.
  void VisitRoots(Visitor& visitor);

  // Upper bound of the long symbols alive; entries that died count until reused.
  size_t size() const { return size_; }
  size_t bucket_count() const { return buckets_.size(); }

 private:
  struct Bucket {
    Value table;                   // kWeakTable; a slot is Absent when free
    std::vector<uint32_t> hashes;  // of the names, slot by slot
    uint32_t used = 0;             // slots before this one were taken once
  };

  size_t IndexOf(uint64_t hash) const;
  void Insert(size_t index, uint64_t hash, Value symbol);
  void SplitOne();
  Bucket MakeBucket(uint32_t slots);
  void Replace(size_t index, Bucket bucket);

  Heap& heap_;
  std::deque<Bucket> buckets_;
  std::vector<uint32_t> fresh_;  // buckets whose table may be young
  uint64_t mask_;                // 2^level - 1; buckets below split_ use one bit more
  size_t split_ = 0;
  size_t size_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_SYMBOL_H_
