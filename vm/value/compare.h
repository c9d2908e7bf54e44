// Sameness and order of values of any depth, by an explicit worklist, in pieces.
//
// Sameness (==): structural on data, identity on refs and promises; NaN is NaN,
// 0.0 is not -0.0, 1 is not 1.0; a map's ref part in any order. It meets elements
// left to right and stops at the first difference. A function or behavior met
// before that is kType: also in a value compared with itself, so that the answer
// never depends on what happens to be shared.
//
// Script order (<): numbers numerically and exactly (NaN: kUnordered), texts and
// bytes bytewise, lists element by element (a shorter prefix is less); every
// other pair is kType.
//
// Value order: total over data. nil, false, true, numbers, texts, bytes, symbols
// (by name), tagged (by symbol, then fields), lists, maps (as the list of their
// entries, key before value). Numbers stand in numeric order; those that are
// numerically the same by kind: 1 before 1.0 (0, then -0.0, then 0.0); NaN last
// of the numbers. Anything that holds a ref or is opaque is kType.
// Key order: the same, and refs by serial after all data. For keys of maps only.
//
// What is shared is compared once: after kMemoAfter units the pairs found the same
// are remembered, so 60 doublings of a list cost about 60 steps.
//
//   Comparer comparer;
//   comparer.Start(a, b, CompareMode::kSame);
//   Outcome outcome;
//   while ((outcome = comparer.Run(1000)) == Outcome::kMore) Suspend();
#ifndef VESICLE_VM_VALUE_COMPARE_H_
#define VESICLE_VM_VALUE_COMPARE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"
#include "vm/value/identity.h"
#include "vm/value/result.h"

#pragma GCC visibility push(default)
namespace vesicle {

enum class CompareMode : uint8_t { kSame, kScriptOrder, kValueOrder, kKeyOrder };

enum class Outcome : uint8_t {
  kMore,       // not finished: run it again
  kSame,       // the same; in the orders: neither is less
  kDifferent,  // kSame mode only
  kLess,       // the orders
  kGreater,
  kUnordered,  // kScriptOrder only: a NaN decided
  kType,       // no such comparison: Failure::kType
};

enum class Fast : uint8_t { kNo, kYes, kUnknown };
// Sameness where the words decide it.
inline Fast SameFast(Value a, Value b) {
  if (a == b) return a.is_data() ? Fast::kUnknown : Fast::kYes;
  return a.is_data() || b.is_data() ? Fast::kUnknown : Fast::kNo;
}

// Compares what needs no worklist; kMore when both are containers (tagged, list,
// map) whose insides decide, or texts or bytes of more than kAtOnceBytesMax. `identities` is wanted
// for kKeyOrder only. Adds the bytes looked at to *work in units.
inline constexpr size_t kAtOnceBytesMax = size_t{256} << 10;
Outcome CompareShallow(Value a, Value b, CompareMode mode, IdentitySource* identities,
                       uint64_t* work);

class Comparer {
 public:
  // A unit is one pair of values, or 64 bytes of text.
  static constexpr uint64_t kMemoAfter = 2048;
  static constexpr size_t kMemoMax = size_t{1} << 16;

  Comparer();
  ~Comparer();
  Comparer(const Comparer&) = delete;
  Comparer& operator=(const Comparer&) = delete;

  // Forgets what went before. `identities` is wanted for kKeyOrder only, and must
  // outlive the comparison.
  void Start(Value a, Value b, CompareMode mode, IdentitySource* identities = nullptr);
  // Goes on for about `units` (at least one). After another answer than kMore it
  // wants a Start().
  Outcome Run(uint64_t units);
  // Units spent since Start().
  uint64_t work() const { return work_; }
  // C++ memory that it takes now.
  uint64_t bytes_held() const;

  // The worklist, for the collector; it must be visited at every safe point that
  // comes between two Run()s of one comparison, and OnMoved() called after it.
  void Visit(Visitor& visitor);
  void OnMoved();

 private:
  struct Memo;

  Outcome RunFrame(uint64_t limit);
  Outcome RunBytes(uint64_t limit);
  void Push(Value a, Value b);
  bool Remembered(Value a, Value b) const;
  void Remember(Value a, Value b);

  std::vector<Value> stack_;  // four words a frame; see compare.cc
  Value root_[2];
  std::unique_ptr<Memo> memo_;
  IdentitySource* identities_ = nullptr;
  uint64_t work_ = 0;
  CompareMode mode_ = CompareMode::kSame;
  bool started_ = false;  // the root pair was looked at
};

// In one go, for values known to be small.
Outcome CompareNow(Value a, Value b, CompareMode mode, IdentitySource* identities = nullptr);
// Three-way by key order; wants possible keys (map.h). Inline where words decide.
int CompareKeysSlow(Value a, Value b, IdentitySource& identities);
inline int CompareKeys(Value a, Value b, IdentitySource& identities) {
  if (a.is_int() && b.is_int()) {
    const int64_t x = static_cast<int64_t>(a.bits());
    const int64_t y = static_cast<int64_t>(b.bits());
    return (x > y) - (x < y);
  }
  if (a == b && !a.is_data()) return 0;
  return CompareKeysSlow(a, b, identities);
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_VALUE_COMPARE_H_
