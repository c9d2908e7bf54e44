// What a ref becomes at a LocalBoundary: home, a proxy, a stand-in.
#ifndef VESICLE_MEMBRANE_LOCAL_BOUNDARY_REFS_H_
#define VESICLE_MEMBRANE_LOCAL_BOUNDARY_REFS_H_

#include <vector>

#include "membrane/crossing.h"
#include "membrane/local_boundary.h"

namespace vesicle {

class LocalBoundary::Map final : public RefMap {
 public:
  enum class Promises : bool { kToo, kNot };
  Map(LocalBoundary& of, Core& core, Direction direction, Promises promises = Promises::kToo)
      : of_(of), core_(core), direction_(direction), promises_(promises) {}

  // The promises of the other side that were made so far are of no use: nothing crossed.
  void Undo() {
    for (const Value slot_proxy : stand_ins_) of_.Settled(core_.heap(), slot_proxy.target());
    stand_ins_.clear();
  }
  const std::vector<Value>& stand_ins() const { return stand_ins_; }
  void Visit(Visitor& visitor) {
    if (!stand_ins_.empty()) visitor.Visit(stand_ins_.data(), stand_ins_.size());
  }
  Result MapRef(Value ref) override;

 private:
  Result Home(Value ref);

  LocalBoundary& of_;
  Core& core_;
  Direction direction_;
  Promises promises_;
  std::vector<Value> stand_ins_;  // the slot proxies that will settle them
};

}  // namespace vesicle

#endif  // VESICLE_MEMBRANE_LOCAL_BOUNDARY_REFS_H_
