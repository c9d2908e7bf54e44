// GiftTable: references of ours that one peer, the gifter, has another fetch, the receiver: a gift
// is deposited by the one and withdrawn by the other, whoever comes first (CapTP draft, "Third
// Party Handoffs").
//
// The laws: a gift is given once. An id that is or was in use is not deposited again. What waits
// for a gift breaks, and what nobody fetched goes, when the gifter's session ends or its time is
// over.
//
// Ownership: Roots. Gifters are known by the ids of their sessions.
// Limits:    per gifter: gifts, those given included, and waits.
#ifndef VESICLE_TRANSPORT_SESSION_GIFT_TABLE_H_
#define VESICLE_TRANSPORT_SESSION_GIFT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "transport/captp/session_key.h"
#include "vm/actor/core.h"
#include "vm/heap/root.h"

#pragma GCC visibility push(default)
namespace vesicle {

class GiftTable {
 public:
  struct Limits {
    size_t gifts_max = 10'000;  // of one gifter
    int64_t gift_ns_max = 60'000'000'000;
  };
  GiftTable(Core& core, const Limits& limits) : core_(core), limits_(limits) {}

  // OK: it is there, or its id was used before. ResourceExhausted: gifts_max.
  absl::Status Deposit(const SessionId& gifter, std::string_view id, Value gift, int64_t now_ns);
  // Settles `slot` with the gift, now or when it comes; breaks it, #not_found, if it was given
  // already, or never comes; #full.
  void Withdraw(const SessionId& gifter, std::string_view id, Value slot, int64_t now_ns);
  void EndGifter(const SessionId& gifter);
  // What is over its time goes.
  void Expire(int64_t now_ns);
  size_t size() const;

 private:
  struct Entry {
    enum class State : uint8_t { kDeposited, kWaiting, kGiven } state = State::kGiven;
    Root value;  // the gift, or the slot
    int64_t until_ns = 0;
  };
  using Gifts = std::map<std::string, Entry, std::less<>>;
  void Break(Entry& entry);

  Core& core_;
  Limits limits_;
  std::map<SessionId, Gifts> gifters_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SESSION_GIFT_TABLE_H_
