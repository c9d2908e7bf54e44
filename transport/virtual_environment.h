// VirtualEnvironment: time that stands still until somebody steps it, and randomness from a
// seed. What runs on it runs the same way every time, as fast as the machine can.
//
// Threads:   one.
//
//   VirtualEnvironment world(seed);
//   MemoryNetwork network(world, {.delay_ns_max = 1'000'000}, seed);
//   ...
//   while (world.Step()) {}        // until nothing is left to happen
#ifndef VESICLE_TRANSPORT_VIRTUAL_ENVIRONMENT_H_
#define VESICLE_TRANSPORT_VIRTUAL_ENVIRONMENT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "transport/environment.h"

#pragma GCC visibility push(default)
namespace vesicle {

class VirtualEnvironment final : public Environment {
 public:
  explicit VirtualEnvironment(uint64_t seed) : random_(seed) {}
  // Every timer made here is gone by then.
  ~VirtualEnvironment() override;

  int64_t NowNs() const override { return now_ns_; }
  RandomSource& random() override { return random_; }
  std::unique_ptr<Timer> After(int64_t delay_ns, absl::AnyInvocable<void()> fn) override;

  // Ends the turn if somebody waits for that; otherwise moves time to the next timer and fires it.
  // False: nothing was left to do.
  bool Step();
  // Steps through everything up to that long from now; time ends there.
  void RunFor(int64_t ns);

 private:
  class VirtualTimer;
  using Key = std::pair<int64_t, uint64_t>;  // when, and which of the same time

  void OnTasksWaiting() override {}
  void Fire();

  int64_t now_ns_ = 0;
  uint64_t next_serial_ = 0;
  std::map<Key, VirtualTimer*> timers_;
  SeededRandom random_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_VIRTUAL_ENVIRONMENT_H_
