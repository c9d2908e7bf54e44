#include "vm/heap/heap.h"

#include <optional>
#include <vector>

#include "doctest/doctest.h"

namespace vesicle {
namespace {

Value Ref(Object* o) { return IsTargetKind(o->kind) ? Value::Target(o) : Value::Data(o); }

Object* Pair(Heap& heap, Value a, Value b) {
  Object* o = heap.Allocate(Kind::kTuple, 2);
  o->words()[0] = a;
  o->words()[1] = b;
  return o;
}

size_t CountObjects(Heap& heap) {
  size_t n = 0;
  heap.ForEachObject([&](Object*) { ++n; });
  return n;
}

// Finals whose first word points to an int that counts their deaths.
class CountingClient : public HeapClient {
 public:
  void VisitYoungRoots(Visitor&) override {}
  void VisitMarkRoots(Visitor&) override {}
  bool VisitMarkRootsSlice(Visitor&, size_t) override { return false; }
  void Trace(Object*, Visitor&) override {}
  void Finalize(Object* o) override {
    const Value v = o->words()[0];
    if (v.is_int()) ++*reinterpret_cast<int64_t*>(v.bits());
  }
};

Object* Final(Heap& heap, int64_t* deaths) {
  Object* o = heap.Allocate(Kind::kActivation, 2);
  o->words()[0] = Value::FromBits(reinterpret_cast<uint64_t>(deaths));
  return o;
}

TEST_CASE("heap: an object has its header, and nil in every word") {
  Heap heap({}, nullptr);
  heap.SetSponsor(7, 1000);
  Object* o = heap.Allocate(Kind::kActor, 3);
  CHECK(o->kind == Kind::kActor);
  CHECK(o->flags == 0);
  CHECK(o->sponsor == 7);
  CHECK(o->count == 3);
  CHECK(o->size_bytes() == 32);
  for (int i = 0; i < 3; ++i) CHECK(o->words()[i].is_nil());
  Object* text = heap.Allocate(Kind::kText, 11);
  CHECK(text->size_bytes() == 24);
  CHECK(reinterpret_cast<char*>(text) == reinterpret_cast<char*>(o) + 32);
  CHECK(heap.Verify() == nullptr);
}

TEST_CASE("heap: big dead objects are collected as they come, by slices at safe points") {
  Heap heap({}, nullptr);
  std::vector<Root> live;  // enough for many slices
  for (int i = 0; i < 100'000; ++i) {
    const Value before = live.empty() ? Value::Nil() : live[0].value();
    Object* o = Pair(heap, before, Value::Nil());
    if (live.empty()) {
      live.emplace_back(heap, Value::Data(o));
    } else {
      live[0].set(Value::Data(o));
    }
    if (heap.wants_safe_point()) heap.SafePoint();
  }
  for (const uint32_t bytes : {60'000u, 1'000'000u}) {
    for (uint64_t made = 0; made < (uint64_t{200} << 20); made += bytes) {
      CHECK(heap.TryAllocate(Kind::kText, bytes) != nullptr);
      if (heap.wants_safe_point()) heap.SafePoint();
    }
  }
  CHECK(heap.stats().mark_cycles > 10);
  CHECK(heap.stats().bytes_mapped_peak < uint64_t{80} << 20);
  CHECK(heap.stats().objects_touched_max < 45'000);  // by young collections
}

// Garbage until a young collection has come by.
void CollectYoungOnce(Heap& heap) {
  const uint64_t before = heap.stats().young_collections;
  while (heap.stats().young_collections == before) {
    Pair(heap, Value::Nil(), Value::Nil());
    if (heap.wants_safe_point()) heap.SafePoint();
  }
}

TEST_CASE(
    "heap: what lives through one young collection stays young; through a second, it is old") {
  Heap heap({}, nullptr);
  Root keep(heap, Value::Data(Pair(heap, Value::SmallInt(1), Value::Nil())));
  CollectYoungOnce(heap);
  CHECK_FALSE(keep.value().data()->is_old());
  CHECK(heap.stats().objects_aged == 1);
  CHECK(heap.stats().objects_promoted == 0);
  // A newer one, in the one that is about to become old.
  Object* newer = Pair(heap, Value::SmallInt(2), Value::Nil());
  heap.WillWrite(keep.value().data());
  keep.value().data()->words()[1] = Value::Data(newer);
  CollectYoungOnce(heap);
  CHECK(keep.value().data()->is_old());
  CHECK_FALSE(keep.value().data()->words()[1].data()->is_old());
  CHECK(heap.stats().remembered == 1);
  CHECK(heap.Verify() == nullptr);
  CollectYoungOnce(heap);
  CHECK(keep.value().data()->words()[1].data()->is_old());
  CHECK(keep.value().data()->words()[1].data()->words()[0] == Value::SmallInt(2));
  CollectYoungOnce(heap);  // looks at it for the last time
  CHECK(heap.stats().remembered == 0);
  CHECK(heap.stats().objects_promoted == 2);
}

TEST_CASE("heap: where all lives, nothing ages, and a collection comes sooner") {
  Heap heap({}, nullptr);
  Root last(heap, Value::Nil());
  size_t bytes = 0;
  while (bytes < (16 << 20)) {
    last.set(Value::Data(Pair(heap, Value::Nil(), last.value())));
    bytes += Heap::SizeBytes(Kind::kTuple, 2);
    if (heap.wants_safe_point()) heap.SafePoint();
  }
  CHECK(heap.stats().objects_aged < 100);
  CHECK(heap.stats().young_collections > 16 * 2);  // of less than half a MiB, on an average
  CHECK(heap.Verify() == nullptr);
  // And with little alive again, less often.
  last.set(Value::Nil());
  for (int i = 0; i < 10; ++i) CollectYoungOnce(heap);
  const uint64_t allocated = heap.stats().bytes_allocated;
  CollectYoungOnce(heap);
  CHECK(heap.stats().bytes_allocated - allocated > (1 << 20) - 100'000);
}

TEST_CASE("heap: a limit brings the mark forward") {
  Heap heap({.bytes_max = uint64_t{6} << 20}, nullptr);
  for (int i = 0; i < 100; ++i) {
    CHECK(heap.TryAllocate(Kind::kText, 200'000) != nullptr);
    if (heap.wants_safe_point()) heap.SafePoint();
  }
  CHECK(heap.stats().bytes_mapped_peak < uint64_t{6} << 20);
}

TEST_CASE("heap: a Root is updated, copied and moved, and lets go") {
  Heap heap({}, nullptr);
  Root a(heap, Value::Data(Pair(heap, Value::SmallInt(1), Value::Nil())));
  const Value before = a.value();
  Root b = a;
  Root c = std::move(a);
  CHECK(a.value().is_nil());
  CHECK(a.heap() == nullptr);
  heap.Collect(Heap::Scope::kYoung);
  CHECK(!(b.value() == before));
  CHECK(b.value() == c.value());
  CHECK(b.value().data()->words()[0] == Value::SmallInt(1));
  b.set(Value::Data(Pair(heap, Value::SmallInt(2), c.value())));
  c = b;
  heap.Collect(Heap::Scope::kFull);
  CHECK(c.value().data()->words()[0] == Value::SmallInt(2));
  CHECK(c.value().data()->words()[1].data()->words()[0] == Value::SmallInt(1));
  CHECK(CountObjects(heap) == 2);
  b.reset();
  c = Root();
  heap.Collect(Heap::Scope::kFull);
  CHECK(CountObjects(heap) == 0);
}

TEST_CASE("heap: Roots outlive their heap and hold nil then") {
  std::optional<Heap> heap;
  heap.emplace(Heap::Options{}, nullptr);
  Root a(*heap, Value::Data(heap->Allocate(Kind::kTuple, 1)));
  heap->Collect(Heap::Scope::kYoung);
  Root b(*heap, Value::Data(heap->Allocate(Kind::kTuple, 1)));
  heap.reset();
  CHECK(a.value().is_nil());
  CHECK(b.value().is_nil());
  CHECK(b.heap() == nullptr);
}

TEST_CASE("heap: survivors lie in the order of their creation") {
  Heap heap({}, nullptr);
  constexpr int kCount = 5000;
  // Linked against their order, with garbage between.
  std::vector<Object*> made;
  for (int i = 0; i < kCount; ++i) {
    made.push_back(heap.Allocate(Kind::kActor, 2));
    made.back()->words()[0] = Value::SmallInt(i);
    heap.Allocate(Kind::kText, 9);
  }
  for (int i = 0; i + 1 < kCount; ++i)
    made[static_cast<size_t>(i)]->words()[1] = Ref(made[static_cast<size_t>(i) + 1]);
  Root root(heap, Ref(made[0]));
  heap.Collect(Heap::Scope::kYoung);
  CHECK(heap.Verify() == nullptr);
  int contiguous = 0;
  Object* o = root.value().object();
  for (int i = 0; i + 1 < kCount; ++i) {
    REQUIRE(o->words()[0] == Value::SmallInt(i));
    Object* next = o->words()[1].object();
    if (reinterpret_cast<char*>(next) == reinterpret_cast<char*>(o) + 24) ++contiguous;
    o = next;
  }
  CHECK(contiguous >= kCount - 5);  // a block holds some 2,600
}

TEST_CASE("heap: small allocations run on past the young space until the safe point") {
  Heap heap({.young_bytes = 64 << 10}, nullptr);
  Root list(heap, Value::Nil());
  for (int i = 0; i < 100000; ++i)
    list.set(Value::Data(Pair(heap, Value::SmallInt(i), list.value())));
  CHECK(heap.wants_safe_point());
  CHECK(heap.stats().overflow_segments > 10);
  heap.SafePoint();
  CHECK(heap.Verify() == nullptr);
  CHECK(heap.stats().bytes_young == 0);
  Value v = list.value();
  for (int i = 99999; i >= 0; --i) {
    REQUIRE(v.data()->words()[0] == Value::SmallInt(i));
    v = v.data()->words()[1];
  }
}

TEST_CASE("heap: chains of a million and cycles need no C++ stack, and are freed") {
  Heap heap({}, nullptr);
  {
    Root list(heap, Value::Nil());
    Object* last = nullptr;
    for (int i = 0; i < 1000000; ++i) {
      Object* o = Pair(heap, Value::SmallInt(i), list.value());
      if (last == nullptr) {
        last = o;
        list.set(Value::Data(o));
      } else {
        list.set(Value::Data(o));
      }
      if (heap.wants_safe_point()) heap.SafePoint();
    }
    heap.Collect(Heap::Scope::kFull);
    CHECK(CountObjects(heap) == 1000000);
    // Close it to a cycle.
    Object* end = list.value().data();
    while (end->words()[1].is_data()) end = end->words()[1].data();
    heap.WillWrite(end);
    end->words()[1] = list.value();
    heap.Collect(Heap::Scope::kFull);
    CHECK(CountObjects(heap) == 1000000);
    CHECK(heap.stats().bytes_live == 24000000);
  }
  heap.Collect(Heap::Scope::kFull);
  CHECK(CountObjects(heap) == 0);
  CHECK(heap.stats().bytes_live == 0);
  CHECK(heap.stats().bytes_mapped < (6 << 20));
}

TEST_CASE("heap: large objects stand alone, may be filled with young words, and are freed") {
  Heap heap({}, nullptr);
  for (uint32_t count : {1100u, 2000u, 7000u, 9000u, 200000u}) {
    CAPTURE(count);
    Root root(heap, Value::Nil());
    Object* big = heap.TryAllocate(Kind::kTuple, count);
    REQUIRE(big != nullptr);
    CHECK(big->is_old());
    root.set(Value::Data(big));
    for (uint32_t i = 0; i < count; i += 100)
      big->words()[i] = Value::Data(Pair(heap, Value::SmallInt(i), Value::Nil()));
    heap.SafePoint();
    heap.Collect(Heap::Scope::kYoung);
    CHECK(heap.Verify() == nullptr);
    heap.Collect(Heap::Scope::kFull);
    for (uint32_t i = 0; i < count; i += 100)
      REQUIRE(big->words()[i].data()->words()[0] == Value::SmallInt(i));
    CHECK(heap.Verify() == nullptr);
  }
  Object* text = heap.TryAllocate(Kind::kText, 3 << 20);
  REQUIRE(text != nullptr);
  CHECK(heap.stats().bytes_mapped > (3 << 20));
  heap.Collect(Heap::Scope::kFull);
  CHECK(CountObjects(heap) == 0);
  CHECK(heap.stats().bytes_mapped < (4 << 20));
}

TEST_CASE("heap: a big array written while it is being marked keeps its snapshot") {
  Heap heap({.mark_slice_objects = 10}, nullptr);
  constexpr uint32_t kCount = 100000;
  Object* big = heap.TryAllocate(Kind::kTuple, kCount);
  Root root(heap, Value::Data(big));
  big->words()[kCount - 1] = Value::Data(Pair(heap, Value::SmallInt(5), Value::Nil()));
  Root hidden(heap, Value::Data(heap.Allocate(Kind::kTuple, 1)));
  heap.RequestCycle();
  heap.SafePoint();
  for (int i = 0; i < 30; ++i) heap.SafePoint();
  REQUIRE(heap.marking());
  // The end moves to an object that is born black: only the snapshot keeps it.
  const Value moved = big->words()[kCount - 1];
  heap.WillWrite(big);
  big->words()[kCount - 1] = Value::Nil();
  Root holder(heap, Value::Data(Pair(heap, moved, Value::Nil())));
  while (heap.marking()) heap.SafePoint();
  CHECK(heap.Verify() == nullptr);
  CHECK(holder.value().data()->words()[0].data()->words()[0] == Value::SmallInt(5));
}

TEST_CASE("heap: a weak word does not keep alive, and does not dangle") {
  Heap heap({}, nullptr);
  Root table(heap, Value::Data(heap.Allocate(Kind::kWeakTable, 4)));
  Root kept(heap, Value::Data(heap.Allocate(Kind::kTuple, 1)));
  table.value().data()->words()[0] = kept.value();
  table.value().data()->words()[1] = Value::Data(heap.Allocate(Kind::kTuple, 1));
  table.value().data()->words()[2] = Value::SmallInt(9);
  heap.Collect(Heap::Scope::kYoung);
  Object* t = table.value().data();
  CHECK(heap.ReadWeak(t, 0) == kept.value());
  CHECK(heap.ReadWeak(t, 1).is_absent());
  CHECK(heap.ReadWeak(t, 2) == Value::SmallInt(9));
  kept.set(Value::Nil());
  heap.Collect(Heap::Scope::kYoung);
  CHECK(heap.ReadWeak(t, 0).is_data());  // old: until a mark says otherwise
  heap.Collect(Heap::Scope::kFull);
  CHECK(heap.ReadWeak(t, 0).is_absent());

  // An old table that takes in young words.
  heap.WillWrite(t);
  t->words()[0] = Value::Data(heap.Allocate(Kind::kTuple, 1));
  kept.set(Value::Data(heap.Allocate(Kind::kTuple, 1)));
  t->words()[1] = kept.value();
  heap.Collect(Heap::Scope::kYoung);
  CHECK(heap.ReadWeak(t, 0).is_absent());
  CHECK(heap.ReadWeak(t, 1) == kept.value());
}

TEST_CASE("heap: what is read from a weak table while a mark runs stays alive") {
  Heap heap({.mark_slice_objects = 1}, nullptr);
  Root table(heap, Value::Data(heap.Allocate(Kind::kWeakTable, 2)));
  for (int i = 0; i < 2; ++i)
    table.value().data()->words()[i] = Value::Data(Pair(heap, Value::SmallInt(i), Value::Nil()));
  Root both(heap, table.value().data()->words()[0]);
  Root other(heap, table.value().data()->words()[1]);
  heap.Collect(Heap::Scope::kFull);
  both.set(Value::Nil());
  other.set(Value::Nil());
  std::vector<Root> load;
  for (int i = 0; i < 50; ++i) load.emplace_back(heap, Value::Data(heap.Allocate(Kind::kTuple, 1)));
  heap.RequestCycle();
  heap.SafePoint();
  REQUIRE(heap.marking());
  Root again(heap, heap.ReadWeak(table.value().data(), 0));
  REQUIRE(again.value().is_data());
  while (heap.stats().mark_cycles < 2) heap.SafePoint();
  CHECK(heap.Verify() == nullptr);
  CHECK(again.value().data()->words()[0] == Value::SmallInt(0));
  CHECK(heap.ReadWeak(table.value().data(), 0) == again.value());
  CHECK(heap.ReadWeak(table.value().data(), 1).is_absent());
}

TEST_CASE("heap: each final object is finalized once: young, old, or with the heap") {
  CountingClient client;
  std::vector<int64_t> deaths(30);
  {
    Heap heap({}, &client);
    std::vector<Root> roots;
    for (size_t i = 0; i < 30; ++i) {
      Object* o = i % 2 == 0 ? Final(heap, &deaths[i]) : heap.AllocateOld(Kind::kCode, 2);
      if (i % 2 == 1) o->words()[0] = Value::FromBits(reinterpret_cast<uint64_t>(&deaths[i]));
      if (i < 20) roots.emplace_back(heap, Value::Data(o));
    }
    const Value code = roots[1].value();
    heap.Collect(Heap::Scope::kYoung);
    CHECK(roots[1].value() == code);  // allocated old: did not move
    for (size_t i = 0; i < 30; ++i) CHECK(deaths[i] == (i >= 20 && i % 2 == 0 ? 1 : 0));
    roots.resize(10);
    heap.Collect(Heap::Scope::kFull);
    for (size_t i = 0; i < 30; ++i) CHECK(deaths[i] == (i >= 10 ? 1 : 0));
    Final(heap, &deaths[0]);  // a young one that dies with the heap
  }
  CHECK(deaths[0] == 2);
  for (size_t i = 1; i < 30; ++i) CHECK(deaths[i] == 1);
}

TEST_CASE("heap: memory is flat over many rounds of garbage of many sizes") {
  Heap heap({.young_bytes = 256 << 10, .old_bytes_floor = 1 << 20}, nullptr);
  std::vector<Root> window(2000);
  uint64_t peak_early = 0;
  uint32_t x = 12345;
  for (int round = 0; round < 400000; ++round) {
    x = x * 1664525 + 1013904223;
    const uint32_t count = (x >> 8) % 100 == 0 ? (x >> 16) % 1000 : (x >> 16) % 40;
    Object* o = heap.TryAllocate(Kind::kTuple, count);
    window[x % window.size()] = Root(heap, Value::Data(o));
    if (heap.wants_safe_point()) heap.SafePoint();
    if (round == 100000) peak_early = heap.stats().bytes_mapped_peak;
  }
  CHECK(heap.Verify() == nullptr);
  CHECK(heap.stats().mark_cycles > 10);
  CHECK(heap.stats().bytes_mapped_peak <= peak_early + (1 << 20));
  CHECK(heap.stats().bytes_mapped_peak < (12 << 20));
}

TEST_CASE("heap: no safe point touches more than its share") {
  Heap heap({}, nullptr);
  std::vector<Root> roots;
  Root list(heap, Value::Nil());
  for (int i = 0; i < 300000; ++i) {
    list.set(Value::Data(Pair(heap, Value::SmallInt(i), list.value())));
    if (heap.wants_safe_point()) heap.SafePoint();
  }
  const uint64_t young_max = (1 << 20) / 24;
  CHECK(heap.stats().objects_touched_max <= young_max + 5000 / 8 + 600);
  CHECK(heap.stats().mark_cycles == 0);
  for (int i = 0; i < 3000000; ++i) {
    Pair(heap, Value::SmallInt(i), Value::Nil());
    if (heap.wants_safe_point()) heap.SafePoint();
    if (i == 1000) heap.RequestCycle();
  }
  CHECK(heap.stats().mark_cycles >= 1);
}

TEST_CASE("heap: the pause observer brackets each piece of work") {
  Heap heap({.young_bytes = 32 << 10}, nullptr);
  int depth = 0;
  int pauses = 0;
  heap.SetPauseObserver(
      [&] {
        ++depth;
        ++pauses;
      },
      [&] { --depth; });
  heap.SafePoint();
  CHECK(pauses == 0);
  for (int i = 0; i < 10000; ++i) {
    heap.Allocate(Kind::kTuple, 3);
    if (heap.wants_safe_point()) heap.SafePoint();
    CHECK(depth == 0);
  }
  CHECK(pauses == static_cast<int>(heap.stats().young_collections));
}

}  // namespace
}  // namespace vesicle
