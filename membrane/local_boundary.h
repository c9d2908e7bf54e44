// LocalBoundary: what stands behind the proxies of a Membrane (membrane.h).
#ifndef VESICLE_MEMBRANE_LOCAL_BOUNDARY_H_
#define VESICLE_MEMBRANE_LOCAL_BOUNDARY_H_

#include <array>
#include <cstdint>

#include "membrane/crossing.h"
#include "membrane/identity_table.h"
#include "membrane/membrane.h"
#include "membrane/owed_slots.h"
#include "vm/actor/boundary.h"

namespace vesicle {

class LocalBoundary final : public Boundary {
 public:
  // Words of the kBoundary.
  enum Word : uint32_t { kRaw, kPayerIn, kPayerOut, kWordCount };

  explicit LocalBoundary(const MembraneOptions& options);
  void set_object(Object* object) { object_ = object; }

  bool is_cut() const override { return cut_; }
  Value PayerTo(const Object* proxy) const override;
  Passage Cross(Core& core, const Object* proxy, Event& event) override;
  bool CrossSettlement(Core& core, Object* slot_proxy, EventFlag& how, Value& value,
                       Value& report) override;
  bool LetGo(Core& core) override;
  void Visit(Visitor& visitor) override;
  int64_t bytes() const override { return sizeof *this; }

  Result Pass(Core& core, Value value, Direction direction);
  void Revoke(Core& core);
  Membrane::Counts counts() const;

  // Where the target of a proxy lives: what goes to it goes in that direction.
  static Direction ToTarget(const Object* proxy);
  static bool IsSlot(const Object* proxy);

 private:
  class Map;
  IdentityTable& ProxiesTo(Direction d) { return proxies_[static_cast<size_t>(d)]; }
  Value Payer(Direction d) const;
  Result Walk(Core& core, Value value, Direction direction);
  Result Proxy(Core& core, Value ref, Direction direction);
  Result StandIn(Core& core, Value promise, Direction direction);
  Result Slot(Core& core, Value slot, Direction direction);
  // A slot proxy that will settle `slot`, which lives on the side that `to_slot` goes to.
  Result Owe(Heap& heap, Value slot, Direction to_slot);
  bool IsOwn(Value ref) const;

  Object* object_ = nullptr;
  bool cut_ = false;
  // By the direction towards their targets: kIn, of insiders, held outside.
  std::array<IdentityTable, 2> proxies_;
  OwedSlots owed_;
  uint64_t crossed_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace vesicle

#endif  // VESICLE_MEMBRANE_LOCAL_BOUNDARY_H_
