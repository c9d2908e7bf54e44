#include "vm/value/symbol.h"

#include <cstring>

#include "vm/value/hash.h"
#include "vm/value/utf8.h"

namespace vesicle {
namespace {

constexpr size_t kFirstBuckets = 8;
constexpr uint32_t kSlotsMin = 16;
// Symbols a bucket holds on the average before one is split.
constexpr size_t kLoad = 12;

Value NewSymbol(Heap& heap, std::string_view name) {
  Object* o = nullptr;
  if (Heap::SizeBytes(Kind::kSymbol, static_cast<uint32_t>(name.size())) <= Heap::kSmallBytesMax) {
    o = heap.Allocate(Kind::kSymbol, static_cast<uint32_t>(name.size()));
  } else {
    o = heap.TryAllocate(Kind::kSymbol, static_cast<uint32_t>(name.size()));
    if (o == nullptr) return Value::Absent();
  }
  std::memcpy(o->bytes(), name.data(), name.size());
  return Value::Data(o);
}

}  // namespace

SymbolTable::SymbolTable(Heap& heap) : heap_(heap), mask_(kFirstBuckets - 1) {
  for (size_t i = 0; i < kFirstBuckets; ++i) {
    buckets_.push_back(MakeBucket(kSlotsMin));
    fresh_.push_back(static_cast<uint32_t>(i));
  }
}

SymbolTable::Bucket SymbolTable::MakeBucket(uint32_t slots) {
  Bucket bucket;
  Object* table = heap_.Allocate(Kind::kWeakTable, slots);
  for (uint32_t i = 0; i < slots; ++i) table->words()[i] = Value::Absent();
  bucket.table = Value::Data(table);
  bucket.hashes.resize(slots);
  return bucket;
}

void SymbolTable::Replace(size_t index, Bucket bucket) {
  buckets_[index] = std::move(bucket);
  fresh_.push_back(static_cast<uint32_t>(index));
}

size_t SymbolTable::IndexOf(uint64_t hash) const {
  const size_t index = hash & mask_;
  return index < split_ ? hash & (2 * mask_ + 1) : index;
}

Result SymbolTable::Intern(std::string_view name) {
  if (!IsValidUtf8(name)) return Failure::kSyntax;
  if (name.size() <= static_cast<size_t>(kShortBytesMax)) return Short(name);
  if (name.size() > kSymbolBytesMax) return Failure::kTooBig;
  const uint64_t hash = HashBytes(name);
  const size_t index = IndexOf(hash);
  const Bucket& bucket = buckets_[index];
  Object* table = bucket.table.data();
  for (uint32_t i = 0; i < bucket.used; ++i) {
    if (bucket.hashes[i] != static_cast<uint32_t>(hash >> 32)) continue;
    const Value symbol = heap_.ReadWeak(table, i);
    if (!symbol.is_absent() && SymbolView(symbol) == name) return symbol;
  }
  const Value symbol = NewSymbol(heap_, name);
  if (symbol.is_absent()) return Failure::kMemory;
  Insert(index, hash, symbol);
  if (size_ > buckets_.size() * kLoad) SplitOne();
  return symbol;
}

void SymbolTable::Insert(size_t index, uint64_t hash, Value symbol) {
  Bucket* bucket = &buckets_[index];
  Object* table = bucket->table.data();
  uint32_t slot = 0;
  while (slot < bucket->used && !table->words()[slot].is_absent()) ++slot;
  if (slot < bucket->used) --size_;  // a dead one's
  if (slot == table->count) {
    // Many names of one bucket: it alone grows.
    Bucket larger = MakeBucket(2 * table->count);
    for (uint32_t i = 0; i < table->count; ++i) {
      larger.table.data()->words()[i] = heap_.ReadWeak(table, i);
      larger.hashes[i] = bucket->hashes[i];
    }
    larger.used = bucket->used;
    Replace(index, std::move(larger));
    bucket = &buckets_[index];
    table = bucket->table.data();
  }
  heap_.WillWrite(table);
  table->words()[slot] = symbol;
  bucket->hashes[slot] = static_cast<uint32_t>(hash >> 32);
  if (slot == bucket->used) ++bucket->used;
  ++size_;
}

void SymbolTable::SplitOne() {
  const size_t index = split_;
  const uint64_t wide_mask = 2 * mask_ + 1;
  if (++split_ > mask_) {
    split_ = 0;
    mask_ = wide_mask;
  }
  const Bucket old = std::move(buckets_[index]);
  size_ -= old.used;
  Replace(index, MakeBucket(kSlotsMin));
  buckets_.push_back(MakeBucket(kSlotsMin));
  fresh_.push_back(static_cast<uint32_t>(buckets_.size() - 1));
  for (uint32_t i = 0; i < old.used; ++i) {
    const Value symbol = heap_.ReadWeak(old.table.data(), i);
    if (symbol.is_absent()) continue;
    const uint64_t hash = HashBytes(SymbolView(symbol));
    Insert(hash & wide_mask, hash, symbol);
  }
}

void SymbolTable::VisitYoungRoots(Visitor& visitor) {
  for (const uint32_t index : fresh_) visitor.Visit(&buckets_[index].table, 1);
}

void SymbolTable::VisitRoots(Visitor& visitor) {
  for (Bucket& bucket : buckets_) visitor.Visit(&bucket.table, 1);
}

}  // namespace vesicle
