// Trace prints each turn as it ends, with its effects:
//
//   turn 12 (caused by 9): counter <- #add(3)
//     become counter
//     send console <- "three"
//     reply nil
#ifndef VESICLE_CLI_TRACE_H_
#define VESICLE_CLI_TRACE_H_

#include <cstdio>

#include "vm/actor/core.h"

namespace vesicle::cli {

class Trace final : public TurnObserver {
 public:
  explicit Trace(std::FILE* to) : to_(to) {}
  void OnTurn(Core& core, const TurnState& turn, TurnEnd end) override;

 private:
  std::FILE* to_;
};

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_TRACE_H_
