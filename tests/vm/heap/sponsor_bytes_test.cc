#include <map>
#include <vector>

#include "doctest/doctest.h"
#include "vm/heap/heap.h"

namespace vesicle {
namespace {

TEST_CASE("heap: over the allowance, small allocations go on and others do not") {
  Heap heap({}, nullptr);
  heap.SetSponsor(3, 10000);
  CHECK(heap.TryAllocate(Kind::kText, 11000) == nullptr);
  CHECK(heap.TryAllocate(Kind::kText, 4000) != nullptr);
  CHECK(heap.Reserve(5000));
  CHECK(!heap.Reserve(7000));
  CHECK(!heap.over_allowance());
  heap.Allocate(Kind::kText, 2000);
  heap.Allocate(Kind::kText, 2000);
  CHECK(!heap.over_allowance());
  heap.Allocate(Kind::kText, 2000);
  CHECK(heap.over_allowance());
  CHECK(!heap.Reserve(0));
  CHECK(heap.Allocate(Kind::kText, 2000) != nullptr);
  CHECK(heap.TryAllocate(Kind::kText, 1) == nullptr);
  CHECK(heap.SponsorBytes(3) == 4008 + 4 * 2008);
  heap.SetSponsor(4, 100);
  CHECK(!heap.over_allowance());
  heap.ChargeExternal(4, 101);
  CHECK(heap.over_allowance());
  CHECK(heap.SponsorBytes(4) == 101);
}

TEST_CASE("heap: sponsors pay for what lives, gross until the next collection") {
  Heap heap({}, nullptr);
  std::vector<Root> roots;
  std::map<int, uint64_t> live;
  for (int round = 0; round < 300; ++round) {
    const int sponsor = round % 7;
    heap.SetSponsor(static_cast<SponsorIndex>(sponsor), UINT64_MAX);
    for (int i = 0; i < 20; ++i) {
      Object* o = heap.Allocate(Kind::kTuple, static_cast<uint32_t>(i % 5 + 1));
      if (i % 3 == sponsor % 3) {
        roots.emplace_back(heap, Value::Data(o));
        live[sponsor] += o->size_bytes();
      }
    }
  }
  uint64_t gross = 0;
  for (int s = 0; s < 7; ++s) gross += heap.SponsorBytes(static_cast<SponsorIndex>(s));
  CHECK(gross == heap.stats().bytes_young);
  heap.Collect(Heap::Scope::kYoung);
  for (int s = 0; s < 7; ++s) CHECK(heap.SponsorBytes(static_cast<SponsorIndex>(s)) == live[s]);
  roots.clear();
  heap.Collect(Heap::Scope::kYoung);
  for (int s = 0; s < 7; ++s) CHECK(heap.SponsorBytes(static_cast<SponsorIndex>(s)) == live[s]);
  heap.Collect(Heap::Scope::kFull);
  for (int s = 0; s < 7; ++s) CHECK(heap.SponsorBytes(static_cast<SponsorIndex>(s)) == 0);
}

TEST_CASE("heap: a dead sponsor's objects are its heir's, and its index comes back") {
  Heap heap({}, nullptr);
  heap.SetSponsor(5, UINT64_MAX);
  Root old_one(heap, Value::Data(heap.Allocate(Kind::kTuple, 1)));
  heap.Collect(Heap::Scope::kYoung);
  Root young_one(heap, Value::Data(heap.Allocate(Kind::kTuple, 3)));
  heap.ChargeExternal(5, 1000);
  heap.SetSponsor(2, UINT64_MAX);
  heap.Reassign(5, 2);
  CHECK(heap.SponsorBytes(5) == 0);
  CHECK(heap.SponsorBytes(2) == 1048);
  CHECK(!heap.TryRecycleSponsor(5));
  heap.Collect(Heap::Scope::kFull);
  CHECK(heap.SponsorBytes(2) == 1048);
  CHECK(old_one.value().data()->sponsor == 2);
  CHECK(young_one.value().data()->sponsor == 2);
  CHECK(heap.TryRecycleSponsor(5));
  CHECK(!heap.TryRecycleSponsor(5));
  CHECK(heap.SponsorBytes(5) == 0);
}

}  // namespace
}  // namespace vesicle
