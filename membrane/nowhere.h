// Nowhere: what stands behind proxies that are names only: of who is in a log (recorder.h), and of
// the outsiders of a replay. What is sent to one has arrived when it has crossed, and is gone.
#ifndef VESICLE_MEMBRANE_NOWHERE_H_
#define VESICLE_MEMBRANE_NOWHERE_H_

#include <cstdint>
#include <memory>

#include "vm/actor/boundary.h"

namespace vesicle {

class Nowhere final : public Boundary {
 public:
  // Cut: nothing may even be sent.
  enum class Is : bool { kOpen, kCut };
  explicit Nowhere(Is is) : cut_at_(is == Is::kCut ? 1 : 0) {}

  uint64_t cut_at() const override { return cut_at_; }
  Value PayerTo(const Object*) const override { return {}; }
  Passage Cross(Core&, Object*, Event&, std::unique_ptr<Passing>&) override {
    return Passage::kRefused;
  }
  int64_t CrossAtOnce(Core&, Object*, Event&) override { return kNotAtOnce; }
  Settling Settle(Core&, Object*, EventFlag, Value) override { return Settling::kIsLate; }
  Value FullReason(Core&) override { return {}; }
  void TakeBack(Core&, int64_t) override {}
  bool LetGo(Core&) override { return false; }
  void Visit(Visitor&) override {}
  int64_t bytes() const override { return 0; }

 private:
  uint64_t cut_at_;
};

}  // namespace vesicle

#endif  // VESICLE_MEMBRANE_NOWHERE_H_
