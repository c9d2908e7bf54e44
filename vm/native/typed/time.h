// TimeSource: where deadlines and sleeps of a VM get their time from. The VM itself has no
// clock; its host hands it one: the loop's (vm/loop/loop_time.h), or one that is moved by hand,
// for simulations, games and tests.
//
//   ManualTime time;
//   vm.actors().SetTime(&time);
//   counter.Ask(&Counter::Get).Within(std::chrono::milliseconds(50)).Then(..);
//   vm.Run();
//   time.Advance(std::chrono::milliseconds(60));  // what is due rings; it runs with the next Run
//   vm.Run();
#ifndef VESICLE_VM_NATIVE_TYPED_TIME_H_
#define VESICLE_VM_NATIVE_TYPED_TIME_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#pragma GCC visibility push(default)
namespace vesicle {

class TimeSource {
 public:
  virtual ~TimeSource() = default;
  // Nanoseconds that never go back.
  virtual int64_t NowNs() = 0;
  // `ring` is to be called at that time or later, on the VM's thread and outside of its turns;
  // replaces what was asked for before. Nothing: no more.
  virtual void WakeAt(std::optional<int64_t> at_ns, std::function<void()> ring) = 0;
};

// Stands still until it is moved.
class ManualTime final : public TimeSource {
 public:
  int64_t NowNs() override { return now_ns_; }
  void WakeAt(std::optional<int64_t> at_ns, std::function<void()> ring) override {
    at_ns_ = at_ns;
    ring_ = std::move(ring);
  }
  void Advance(std::chrono::nanoseconds by) {
    const int64_t to = now_ns_ + by.count();
    // In order: what rings may set what is due before the end.
    while (at_ns_ && *at_ns_ <= to) {
      now_ns_ = std::max(now_ns_, *at_ns_);
      at_ns_.reset();
      std::function<void()> ring = std::move(ring_);
      ring();
    }
    now_ns_ = to;
  }
  // When something rings next.
  std::optional<int64_t> next_ns() const { return at_ns_; }

 private:
  int64_t now_ns_ = 0;
  std::optional<int64_t> at_ns_;
  std::function<void()> ring_;
};

// A deadline, set among those of a VM's Actors. Off when it is destroyed.
class Alarm;
class AlarmTable {
 public:
  AlarmTable() = default;
  ~AlarmTable();
  AlarmTable(const AlarmTable&) = delete;
  AlarmTable& operator=(const AlarmTable&) = delete;

  // Null: there is no time any more; what is set never rings.
  void SetTime(TimeSource* time);
  bool has_time() const { return time_ != nullptr; }
  size_t size() const { return alarms_.size(); }

 private:
  friend class Alarm;
  using Deadline = std::pair<int64_t, uint64_t>;  // nanoseconds, then in the order of setting
  void Arm();
  void Ring();

  TimeSource* time_ = nullptr;
  std::map<Deadline, Alarm*> alarms_;
  uint64_t serial_ = 0;
};

class Alarm {
 public:
  Alarm() = default;
  ~Alarm() { Off(); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Wants a table with a time (checked). `on_ring` is called outside of turns, once.
  void Set(AlarmTable& table, std::chrono::nanoseconds after, std::function<void()> on_ring);
  void Off();
  bool has_rung() const { return has_rung_; }

 private:
  friend class AlarmTable;
  AlarmTable* table_ = nullptr;  // null: it is not set
  AlarmTable::Deadline at_;
  std::function<void()> on_ring_;
  bool has_rung_ = false;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_TIME_H_
