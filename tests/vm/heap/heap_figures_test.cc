// Figures, printed and not checked: run with -ns -tc='heap figures*'.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>
#include <vector>

#include "doctest/doctest.h"
#include "vm/heap/heap.h"

namespace vesicle {
namespace {

// The thread's own time, so that neighbours on the machine count less.
struct Clock {
  using time_point = double;
  static double now() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
  }
};

double MsSince(Clock::time_point from) { return Clock::now() - from; }

class Pauses {
 public:
  explicit Pauses(Heap& heap) {
    heap.SetPauseObserver([this] { from_ = Clock::now(); },
                          [this] { ms_.push_back(MsSince(from_)); });
  }
  void Print(const char* what, double total_ms) {
    if (ms_.empty()) return;
    std::sort(ms_.begin(), ms_.end());
    double sum = 0;
    for (double ms : ms_) sum += ms;
    const auto at = [&](double q) {
      return ms_[static_cast<size_t>(q * static_cast<double>(ms_.size() - 1))];
    };
    std::printf("%s: %zu pauses, median %.3f, p99 %.3f, p99.9 %.3f, max %.3f ms; %.1f %% of run\n",
                what, ms_.size(), at(0.5), at(0.99), at(0.999), at(1.0), 100 * sum / total_ms);
  }

 private:
  Clock::time_point from_ = 0;
  std::vector<double> ms_;
};

TEST_CASE("heap figures: allocation" * doctest::skip()) {
  Heap heap({}, nullptr);
  for (int round = 0; round < 3; ++round) {
    const auto from = Clock::now();
    constexpr int kCount = 20000000;
    for (int i = 0; i < kCount; ++i) {
      Object* o = heap.AllocateRaw(Kind::kActor, 2);
      o->words()[0] = Value::Nil();
      o->words()[1] = Value::SmallInt(i);
      asm volatile("" : : "r"(o) : "memory");
      if (heap.wants_safe_point()) heap.SafePoint();
    }
    std::printf("allocate an actor of 24 bytes, safe points and all: %.2f ns\n",
                MsSince(from) * 1e6 / kCount);
  }
}

// Of a young space filled by `fill`, into memory that was used before, and into fresh memory.
template <typename Fill>
void PrintCopy(const char* what, Fill fill) {
  double used = 1e9;
  double fresh = 0;
  for (int k = 0; k < 20; ++k) {
    Heap heap({.old_bytes_floor = 1 << 30, .reserve_blocks = 1000}, nullptr);
    for (int round = 0; round < 2; ++round) {
      {
        Root root(heap, Value::Nil());
        fill(heap, root);
        const auto from = Clock::now();
        heap.Collect(Heap::Scope::kYoung);
        if (round == 0) fresh += MsSince(from) / 20;
        if (round == 1) used = std::min(used, MsSince(from));
      }
      heap.Collect(Heap::Scope::kFull);
    }
  }
  std::printf("copy 1 MiB, %s: %.3f ms, into fresh memory %.3f ms (mean)\n", what, used, fresh);
}

TEST_CASE("heap figures: a young space that is all alive" * doctest::skip()) {
  PrintCopy("a chain of 43,000 pairs", [](Heap& heap, Root& root) {
    Value list;
    while (!heap.wants_safe_point()) {
      Object* o = heap.AllocateRaw(Kind::kTuple, 2);
      o->words()[0] = Value::SmallInt(1);
      o->words()[1] = list;
      list = Value::Data(o);
    }
    root.set(list);
  });
  PrintCopy("32,000 actors in a table", [](Heap& heap, Root& root) {
    Object* table = heap.TryAllocate(Kind::kTuple, 32000);
    root.set(Value::Data(table));
    for (uint32_t i = 0; i < 32000; ++i) {
      Object* o = heap.AllocateRaw(Kind::kActor, 3);
      o->words()[0] = Value::Nil();
      o->words()[1] = Value::SmallInt(i);
      o->words()[2] = i == 0 ? Value::Nil() : table->words()[i - 1];
      table->words()[i] = Value::Target(o);
    }
  });
  PrintCopy("a tree of lists, 32 wide", [](Heap& heap, Root& root) {
    std::vector<Value> level;
    while (!heap.wants_safe_point()) {
      Object* leaf = heap.Allocate(Kind::kListNode, 32);
      for (int i = 0; i < 32; ++i) leaf->words()[i] = Value::SmallInt(i);
      level.push_back(Value::Data(leaf));
    }
    Object* top = heap.TryAllocate(Kind::kTuple, static_cast<uint32_t>(level.size()));
    std::copy(level.begin(), level.end(), top->words());
    root.set(Value::Data(top));
  });
}

// 10^6 live actors that point to one another at random; garbage; now and then an
// actor is replaced.
TEST_CASE("heap figures: pauses with a million live actors" * doctest::skip()) {
  constexpr uint32_t kLive = 1000000;
  for (const bool rewire : {false, true}) {
    Heap heap({}, nullptr);
    std::vector<Root> tables;
    std::mt19937 random(1);
    constexpr uint32_t kTable = 1000;
    for (uint32_t t = 0; t < kLive / kTable; ++t) {
      tables.emplace_back(heap, Value::Data(heap.Allocate(Kind::kTuple, 200)));
      Root inner(heap, Value::Nil());
      tables.back().set(Value::Data(heap.TryAllocate(Kind::kTuple, kTable)));
      for (uint32_t i = 0; i < kTable; ++i) {
        Object* o = heap.Allocate(Kind::kActor, 2);
        Object* table = tables.back().value().data();
        heap.WillWrite(table);
        table->words()[i] = Value::Target(o);
        if (heap.wants_safe_point()) heap.SafePoint();
      }
    }
    const auto actor = [&](uint32_t i) {
      return tables[i / kTable].value().data()->words()[i % kTable];
    };
    for (uint32_t i = 0; i < kLive; ++i) {
      Object* o = actor(i).target();
      heap.WillWrite(o);
      o->words()[1] = actor(random() % kLive);
    }
    heap.Collect(Heap::Scope::kFull);
    Pauses pauses(heap);
    const HeapStats before = heap.stats();
    const auto from = Clock::now();
    constexpr int kSteps = 60000000;
    uint32_t next = 0;
    for (int i = 0; i < kSteps; ++i) {
      Object* o = heap.AllocateRaw(Kind::kTuple, 3);
      o->words()[0] = o->words()[1] = o->words()[2] = Value::SmallInt(i);
      if (i % 16 == 0) {  // an actor becomes another
        Object* a = actor(next).target();
        heap.WillWrite(a);
        a->words()[0] = Value::Data(o);
        next = rewire ? static_cast<uint32_t>(random() % kLive) : (next + 1) % kLive;
      }
      if (heap.wants_safe_point()) heap.SafePoint();
    }
    const double ms = MsSince(from);
    const HeapStats s = heap.stats();
    pauses.Print(rewire ? "10^6 live, random writes" : "10^6 live, writes in order", ms);
    std::printf(
        "  %.1f ns a step; %lu young, %lu cycles, %lu slices, most touched %lu, mapped %lu MiB\n",
        ms * 1e6 / kSteps, s.young_collections - before.young_collections,
        s.mark_cycles - before.mark_cycles, s.mark_slices - before.mark_slices,
        s.objects_touched_max, s.bytes_mapped_peak >> 20);
  }
}

TEST_CASE("heap figures: a whole mark of a million scattered actors" * doctest::skip()) {
  Heap heap({}, nullptr);
  constexpr uint32_t kLive = 1000000;
  std::mt19937 random(1);
  std::vector<Object*> all;
  Root root(heap, Value::Data(heap.TryAllocate(Kind::kTuple, kLive)));
  Object* table = root.value().data();
  for (uint32_t i = 0; i < kLive; ++i) {
    heap.WillWrite(table);
    table->words()[i] = Value::Target(heap.Allocate(Kind::kActor, 2));
  }
  heap.Collect(Heap::Scope::kYoung);
  for (uint32_t i = 0; i < kLive; ++i) {
    Object* o = table->words()[i].target();
    heap.WillWrite(o);
    o->words()[1] = table->words()[random() % kLive];
  }
  heap.Collect(Heap::Scope::kYoung);
  for (int k = 0; k < 3; ++k) {
    const auto from = Clock::now();
    heap.Collect(Heap::Scope::kFull);
    std::printf("full cycle over 10^6 actors of 24 bytes: %.1f ms\n", MsSince(from));
  }
  std::printf("  mapped %.1f bytes an actor\n",
              static_cast<double>(heap.stats().bytes_mapped - (9u << 20)) / kLive);
}

}  // namespace
}  // namespace vesicle
