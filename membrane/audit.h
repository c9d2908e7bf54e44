// Audit: what crossed a membrane, and what did not. The last crossings stand in a ring;
// each may also be sent to whoever wants to know, as it happens.
//
// A record holds no value of either side and keeps nothing alive: actors are numbers that
// mean something at this membrane only, a tag is cut after 23 bytes.
//
//   {at: ns, way: #in, what: #message, from: 2, to: 1, tag: #get, size: 8, verdict: #pass}
//
//   at       the clock's time, nil without a clock
//   from,to  numbers of actors; nil: unknown (a sender that never crossed), or an asker
//   size     bytes of the value, what is shared once
//   verdict  #pass, #deny, #redirect; #parked: it waits to cross anew
#ifndef VESICLE_MEMBRANE_AUDIT_H_
#define VESICLE_MEMBRANE_AUDIT_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "membrane/direction.h"
#include "membrane/policy.h"
#include "vm/actor/core.h"
#include "vm/value/map.h"
#include "vm/value/result.h"
#include "vm/value/value_kind.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct CrossingRecord {
  enum class Outcome : uint8_t { kPass, kDeny, kRedirect, kParked };
  // The first bytes of a long tag, and a NUL; there may be others within.
  using Name = std::array<char, 24>;

  int64_t time_ns = 0;
  uint64_t bytes = 0;
  uint32_t from = 0;
  uint32_t to = 0;
  Direction way = Direction::kIn;
  Crossed what = Crossed::kMessage;
  Outcome outcome = Outcome::kPass;
  bool has_time = false;
  uint8_t long_tag_size = 0;
  Value tag = Value::Nil();  // of the message, if it is a symbol that stands in its word; or nil,
  Name long_tag = {};        // and then it is this, unless that is empty

  bool has_tag() const { return !tag.is_nil() || long_tag_size > 0; }
  std::string_view TagName() const {
    if (!tag.is_nil()) return {tag.short_bytes(), static_cast<size_t>(tag.short_size())};
    return {long_tag.data(), long_tag_size};
  }
};

// The last `size` records. Threads: its VM's.
class AuditRing {
 public:
  explicit AuditRing(size_t size) : size_(size) {}

  bool is_off() const { return size_ == 0; }
  // The number of a record that nobody wants. Wants is_off().
  int64_t Skip() { return count_++; }
  // Next() may take more memory.
  bool is_at_end_of_piece() const { return place_ == piece_end_; }
  // A place for one more, with what stood there before; its number, counting up from 0, is
  // count() - 1 then. Wants !is_off().
  CrossingRecord& Next() {
    if (is_at_end_of_piece()) BeginPiece();
    ++count_;
    return *place_++;
  }
  // Null: it has left the ring.
  CrossingRecord* Find(int64_t number);
  const CrossingRecord* Find(int64_t number) const {
    return const_cast<AuditRing*>(this)->Find(number);
  }
  int64_t count() const { return count_; }  // of all that ever were
  size_t kept() const { return std::min(static_cast<size_t>(count_), size_); }
  // Oldest first: fn(const CrossingRecord&).
  template <typename Fn>
  void ForEach(Fn fn) const {
    for (int64_t n = count_ - static_cast<int64_t>(kept()); n < count_; ++n) fn(*Find(n));
  }
  int64_t bytes() const {
    return static_cast<int64_t>(std::min(pieces_.size() * kPiece, size_) * sizeof(CrossingRecord) +
                                pieces_.capacity() * sizeof(pieces_[0]));
  }

 private:
  // A ring of a million comes to be without a copy of it.
  static constexpr size_t kPiece = 64;
  void BeginPiece();

  size_t size_;
  std::vector<std::unique_ptr<CrossingRecord[]>> pieces_;
  CrossingRecord* place_ = nullptr;  // of the next one, within a piece
  CrossingRecord* piece_end_ = nullptr;
  int64_t count_ = 0;
};

// A map with text keys for scripts, put together in any order.
class MapOfNames {
 public:
  explicit MapOfNames(Core& core) : core_(core), builder_(core.heap(), core) {}
  void Put(std::string_view name, Value value);
  void PutSymbol(std::string_view name, std::string_view symbol);
  void PutCount(std::string_view name, uint64_t n) {
    Put(name, Value::SmallInt(static_cast<int64_t>(n)));
  }
  // nil for 0: there is none.
  void PutNumber(std::string_view name, uint64_t number) {
    if (number == 0) return Put(name, Value::Nil());
    PutCount(name, number);
  }
  // kMemory.
  Result Finish() { return failed_ ? Result(Failure::kMemory) : builder_.Finish(); }

 private:
  Core& core_;
  MapBuilder builder_;
  bool failed_ = false;
};

// The record is named after the message.
void NameRecordByLongTag(Value tag, CrossingRecord* record);
inline void NameRecord(Value message, CrossingRecord* record) {
  const Value tag = IsTagged(message) ? message.data()->words()[0] : message;
  record->long_tag_size = 0;
  record->tag = tag;
  if (tag.is_short_symbol()) return;
  record->tag = Value::Nil();
  if (IsSymbol(tag)) NameRecordByLongTag(tag, record);
}

// A record as a map for scripts. kMemory.
Result RecordValue(Core& core, const CrossingRecord& record);

// What a policy function sees: {way, what, tag, message, from, to}. kMemory.
Result DescribeSeen(Core& core, const Seen& seen);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_AUDIT_H_
