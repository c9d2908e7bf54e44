#include "transport/session/gift_table.h"

#include <algorithm>
#include <utility>

namespace vesicle {

absl::Status GiftTable::Deposit(const SessionId& gifter, std::string_view id, Value gift,
                                int64_t now_ns) {
  Gifts& gifts = gifters_[gifter];
  const int64_t until = now_ns + limits_.gift_ns_max;
  if (const auto at = gifts.find(id); at != gifts.end()) {
    Entry& entry = at->second;
    if (entry.state != Entry::State::kWaiting) return absl::OkStatus();
    core_.Keep(entry.value.value(), gift);
    entry = {};
    entry.until_ns = until;
    return absl::OkStatus();
  }
  if (gifts.size() >= limits_.gifts_max) {
    return absl::ResourceExhaustedError("there are too many gifts of that gifter");
  }
  gifts.emplace(std::string(id), Entry{Entry::State::kDeposited, Root(core_.heap(), gift), until});
  return absl::OkStatus();
}

void GiftTable::Withdraw(const SessionId& gifter, std::string_view id, Value slot, int64_t now_ns) {
  Gifts& gifts = gifters_[gifter];
  const int64_t until = now_ns + limits_.gift_ns_max;
  if (const auto at = gifts.find(id); at != gifts.end()) {
    Entry& entry = at->second;
    if (entry.state != Entry::State::kDeposited) {
      return core_.Break(slot, core_.Reason("not_found", "that gift was given already"));
    }
    core_.Keep(slot, entry.value.value());
    entry = {};
    entry.until_ns = until;
    return;
  }
  if (gifts.size() >= limits_.gifts_max) {
    return core_.Break(slot, core_.Reason("full", "too many wait for gifts of that gifter"));
  }
  gifts.emplace(std::string(id), Entry{Entry::State::kWaiting, Root(core_.heap(), slot), until});
}

void GiftTable::Break(Entry& entry) {
  if (entry.state != Entry::State::kWaiting) return;
  core_.Break(entry.value.value(), core_.Reason("not_found", "that gift never came"));
}

void GiftTable::EndGifter(const SessionId& gifter) {
  const auto at = gifters_.find(gifter);
  if (at == gifters_.end()) return;
  Gifts gifts = std::move(at->second);
  gifters_.erase(at);
  for (auto& [id, entry] : gifts) Break(entry);
}

void GiftTable::Expire(int64_t now_ns) {
  for (auto& [gifter, gifts] : gifters_) {
    for (auto at = gifts.begin(); at != gifts.end();) {
      if (at->second.until_ns > now_ns) {
        ++at;
      } else {
        Break(at->second);
        at = gifts.erase(at);
      }
    }
  }
  std::erase_if(gifters_, [](const auto& gifter) { return gifter.second.empty(); });
}

size_t GiftTable::size() const {
  size_t n = 0;
  for (const auto& [gifter, gifts] : gifters_) n += gifts.size();
  return n;
}

}  // namespace vesicle
