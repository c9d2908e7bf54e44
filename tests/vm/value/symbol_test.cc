#include "vm/value/symbol.h"

#include <map>
#include <set>
#include <string>

#include "tests/vm/value/testing.h"

namespace vesicle {
namespace {

std::string NameOf(uint64_t i) { return "a long name " + std::to_string(i); }

TEST_CASE("symbols: one word a name, through growth and collections") {
  VESICLE_RANDOM_TEST(rng);
  testing::Client client;
  Heap heap({}, &client);
  SymbolTable symbols(heap);
  client.symbols = &symbols;
  std::map<uint64_t, Root> kept;
  for (int step = 0; step < 100000; ++step) {
    const uint64_t i = rng.Below(3000);
    const Value s = symbols.Intern(NameOf(i)).value();
    REQUIRE(SymbolView(s) == NameOf(i));
    const auto at = kept.find(i);
    if (at != kept.end()) REQUIRE(at->second.value() == s);
    if (rng.OneIn(3)) kept.insert_or_assign(i, Root(heap, s));
    if (rng.OneIn(4)) kept.erase(rng.Below(3000));
    testing::MaybeCollect(heap, rng, 400);
  }
  CHECK(heap.Verify() == nullptr);
}

TEST_CASE("symbols: names that nobody holds do not fill the table") {
  testing::Client client;
  Heap heap({}, &client);
  SymbolTable symbols(heap);
  client.symbols = &symbols;
  for (uint64_t i = 0; i < 200000; ++i) {
    (void)symbols.Intern(NameOf(i)).value();
    if (i % 1000 == 0) heap.Collect(Heap::Scope::kFull);
  }
  CHECK(symbols.bucket_count() < 1000);
}

TEST_CASE("symbols: what is a name and what is none") {
  Heap heap({}, nullptr);
  SymbolTable symbols(heap);
  CHECK(symbols.Intern("get").value() == SymbolTable::Short("get"));
  CHECK(symbols.Intern("").value().is_short_symbol());
  CHECK(symbols.Intern("\xFF").failure() == Failure::kSyntax);
  CHECK(symbols.Intern(std::string(kSymbolBytesMax + 1, 'x')).failure() == Failure::kTooBig);
  const std::string longest(kSymbolBytesMax, 'x');
  CHECK(symbols.Intern(longest).value() == symbols.Intern(longest).value());
}

}  // namespace
}  // namespace vesicle
