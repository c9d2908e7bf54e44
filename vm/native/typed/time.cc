#include "vm/native/typed/time.h"

#include "vm/heap/check.h"

namespace vesicle {

AlarmTable::~AlarmTable() {
  for (auto& [at, alarm] : alarms_) alarm->table_ = nullptr;
  if (time_ != nullptr) time_->WakeAt(std::nullopt, {});
}

void AlarmTable::SetTime(TimeSource* time) {
  if (time_ != nullptr) time_->WakeAt(std::nullopt, {});
  time_ = time;
  Arm();
}

void AlarmTable::Arm() {
  if (time_ == nullptr) return;
  if (alarms_.empty()) {
    time_->WakeAt(std::nullopt, {});
  } else {
    time_->WakeAt(alarms_.begin()->first.first, [this] { Ring(); });
  }
}

void AlarmTable::Ring() {
  if (time_ == nullptr) return;
  const int64_t now = time_->NowNs();
  while (!alarms_.empty() && alarms_.begin()->first.first <= now) {
    Alarm* alarm = alarms_.extract(alarms_.begin()).mapped();
    alarm->table_ = nullptr;
    alarm->has_rung_ = true;
    // It may be destroyed by what it rings for.
    const std::function<void()> on_ring = std::move(alarm->on_ring_);
    on_ring();
  }
  Arm();
}

void Alarm::Set(AlarmTable& table, std::chrono::nanoseconds after, std::function<void()> on_ring) {
  VESICLE_CHECK(table.time_ != nullptr);  // Actors::SetTime gives a VM its time
  Off();
  has_rung_ = false;
  on_ring_ = std::move(on_ring);
  table_ = &table;
  at_ = {table.time_->NowNs() + std::max<int64_t>(after.count(), 0), ++table.serial_};
  table.alarms_.emplace(at_, this);
  if (table.alarms_.begin()->second == this) table.Arm();
}

void Alarm::Off() {
  if (table_ == nullptr) return;
  const bool was_first = table_->alarms_.begin()->second == this;
  table_->alarms_.erase(at_);
  AlarmTable* table = std::exchange(table_, nullptr);
  if (was_first) table->Arm();
}

}  // namespace vesicle
