// What the tests of vm/value share: random choices from a printed seed, values
// kept alive across collections at random moments, identities for refs.
//
// Replay a failure with the seed it prints:  VESICLE_SEED=n value_test -tc="..."
#ifndef VESICLE_TESTS_VM_VALUE_TESTING_H_
#define VESICLE_TESTS_VM_VALUE_TESTING_H_

#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <string>

#include "doctest/doctest.h"
#include "vm/heap/heap.h"
#include "vm/value/identity.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle::testing {

inline uint64_t Seed() {
  const char* text = std::getenv("VESICLE_SEED");
  return text == nullptr ? 20240229 : std::strtoull(text, nullptr, 10);
}

#define VESICLE_RANDOM_TEST(rng)                          \
  const uint64_t vesicle_seed = vesicle::testing::Seed(); \
  INFO("replay with VESICLE_SEED=", vesicle_seed);        \
  vesicle::testing::Rng rng(vesicle_seed)

class Rng {
 public:
  explicit Rng(uint64_t seed) : engine_(seed) {}
  uint64_t Next() { return engine_(); }
  // 0 .. n-1
  uint64_t Below(uint64_t n) { return engine_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

 private:
  std::mt19937_64 engine_;
};

// Serials in order of asking. Targets of these tests stand in the old space,
// where nothing moves.
class Identities final : public IdentitySource {
 public:
  uint64_t SerialOf(Object* target) override {
    return serials_.try_emplace(target, serials_.size()).first->second;
  }
  std::optional<uint64_t> KnownSerialOf(Object* target) override {
    const auto it = serials_.find(target);
    if (it == serials_.end()) return std::nullopt;
    return it->second;
  }
  size_t size() const { return serials_.size(); }

 private:
  std::map<Object*, uint64_t> serials_;
};

// Holds a symbol table's buckets.
class Client final : public HeapClient {
 public:
  void VisitYoungRoots(Visitor& visitor) override {
    if (symbols != nullptr) symbols->VisitYoungRoots(visitor);
  }
  void OnYoungEmptied() override {
    if (symbols != nullptr) symbols->OnYoungEmptied();
  }
  void VisitMarkRoots(Visitor& visitor) override {
    if (symbols != nullptr) symbols->VisitRoots(visitor);
  }
  bool VisitMarkRootsSlice(Visitor&, size_t) override { return false; }
  void Trace(Object*, Visitor&) override {}
  void Finalize(Object*) override {}
  void VisitAllRoots(Visitor& visitor) override {
    if (symbols != nullptr) symbols->VisitRoots(visitor);
  }

  SymbolTable* symbols = nullptr;
};

inline void MaybeCollect(Heap& heap, Rng& rng, uint64_t one_in) {
  if (!rng.OneIn(one_in)) return;
  switch (rng.Below(3)) {
    case 0:
      heap.Collect(Heap::Scope::kYoung);
      break;
    case 1:
      heap.Collect(Heap::Scope::kFull);
      break;
    default:  // leaves marks under way
      heap.RequestCycle();
      heap.SafePoint();
  }
}

inline Value Int(int64_t i) { return Value::SmallInt(i); }
inline Value Text(Heap& heap, std::string_view s) { return MakeText(heap, s).value(); }
inline Value Sym(std::string_view s) { return SymbolTable::Short(s); }
inline Value List(Heap& heap, std::initializer_list<Value> elements) {
  return MakeList(heap, {elements.begin(), elements.size()}).value();
}
inline Value NewRef(Heap& heap) { return Value::Target(heap.AllocateOld(Kind::kActor, 1)); }

}  // namespace vesicle::testing

#endif  // VESICLE_TESTS_VM_VALUE_TESTING_H_
