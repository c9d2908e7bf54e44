// Trace prints each turn as it ends, with its effects:
//
//   turn 12 (caused by 9): counter <- #add(3)
//     become counter
//     send console <- "three"
//     reply nil
//   turn 13 (caused by 12): counter <- #half
//     fault #divide_by_zero at counter.ves:4:20
//     undone: send console <- "half"
#ifndef VESICLE_CLI_TRACE_H_
#define VESICLE_CLI_TRACE_H_

#include <cstdio>
#include <string>

#include "vm/actor/core.h"

namespace vesicle::cli {

class Trace final : public TurnObserver {
 public:
  explicit Trace(std::FILE* to) : to_(to) {}
  void OnTurn(Core& core, const TurnState& turn, TurnEnd end) override;
  void OnUndo(Core& core, const TurnState& turn) override;

 private:
  std::FILE* to_;
  std::string undone_;  // what the turn that fails had done
};

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_TRACE_H_
