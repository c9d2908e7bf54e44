#include "vm/native/typed/waiting.h"

namespace vesicle {

Waiting::~Waiting() {
  if (table_ != nullptr) table_->End(*this);
}

WaitingTable::~WaitingTable() {
  for (Entry& entry : entries_) {
    if (entry.waiting != nullptr) entry.waiting->table_ = nullptr;
  }
}

WaitingTable::Number WaitingTable::Begin(Waiting& waiting) {
  if (waiting.table_ == nullptr) {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(entries_.size()));
      entries_.emplace_back();
    }
    waiting.index_ = free_.back();
    free_.pop_back();
    waiting.table_ = this;
    entries_[waiting.index_].waiting = &waiting;
  }
  entries_[waiting.index_].serial = ++serial_;
  return {waiting.index_, serial_};
}

void WaitingTable::End(Waiting& waiting) {
  if (waiting.table_ == nullptr) return;
  waiting.table_ = nullptr;
  entries_[waiting.index_] = {};
  free_.push_back(waiting.index_);
}

Waiting* WaitingTable::Take(Number number) {
  if (number.index >= entries_.size()) return nullptr;
  const Entry entry = entries_[number.index];
  if (entry.waiting == nullptr || entry.serial != number.serial) return nullptr;
  End(*entry.waiting);
  return entry.waiting;
}

}  // namespace vesicle
