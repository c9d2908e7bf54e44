#include "membrane/membrane.h"

#include <memory>
#include <utility>

#include "membrane/local_boundary.h"

namespace vesicle {

std::optional<Membrane> Membrane::Create(Core& core, const MembraneOptions& options) {
  auto made = std::make_unique<LocalBoundary>(options);
  LocalBoundary& boundary = *made;
  const Value object = core.NewBoundary(std::move(made), LocalBoundary::kWordCount);
  if (object.is_nil()) return std::nullopt;
  object.data()->words()[LocalBoundary::kPayerIn] = options.payer_in;
  object.data()->words()[LocalBoundary::kPayerOut] = options.payer_out;
  boundary.set_object(object.data());
  return Membrane(core, object);
}

Membrane Membrane::Of(Core& core, Value boundary) {
  VESICLE_CHECK(IsKind(boundary, Kind::kBoundary));
  return {core, boundary};
}

LocalBoundary& Membrane::boundary() const {
  return *static_cast<LocalBoundary*>(boundary::Of(boundary_.value().data()));
}

Result Membrane::Pass(Value value, Direction direction) {
  return boundary().Pass(*core_, value, direction);
}

void Membrane::Revoke() { boundary().Revoke(*core_); }

bool Membrane::is_revoked() const { return boundary().is_cut(); }

Membrane::Counts Membrane::counts() const { return boundary().counts(); }

Value CrossingReason(Core& core, Failure failure) {
  switch (failure) {
    case Failure::kMemory:
      return core.QuotaReason(Resource::kMemory);
    case Failure::kTooBig:
      return core.Reason("full", "the tables of the membrane");
    default:
      return core.Reason("denied", "what may not cross a membrane: a native closure");
  }
}

}  // namespace vesicle
