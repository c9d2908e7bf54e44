#include "membrane/membrane.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "membrane/fields.h"
#include "membrane/local_boundary.h"

namespace vesicle {
namespace {

absl::Status Prefixed(std::string_view what, const absl::Status& status) {
  return absl::Status(status.code(), Words(what, ": ", std::string(status.message())));
}

struct Policies {
  std::unique_ptr<Policy> in;
  std::unique_ptr<Policy> out;
};

absl::StatusOr<Policies> MakePolicies(const MembraneOptions& options) {
  const bool has_clock = !options.clock.is_nil();
  const std::optional<int64_t> now_ns =
      has_clock ? ReadClock(options.clock) : std::optional<int64_t>(0);
  if (!now_ns) {
    return absl::InvalidArgumentError(
        "clock: wants a clock itself, as host.clock, not something that stands before one");
  }
  absl::StatusOr<std::unique_ptr<Policy>> in = Policy::Make(options.inward, has_clock, *now_ns);
  if (!in.ok()) return Prefixed("inward", in.status());
  absl::StatusOr<std::unique_ptr<Policy>> out = Policy::Make(options.outward, has_clock, *now_ns);
  if (!out.ok()) return Prefixed("outward", out.status());
  return Policies{*std::move(in), *std::move(out)};
}

}  // namespace

absl::StatusOr<Membrane> Membrane::Create(Core& core, const MembraneOptions& options) {
  absl::StatusOr<Policies> policies = MakePolicies(options);
  if (!policies.ok()) return policies.status();
  auto made = std::make_unique<LocalBoundary>(options);
  LocalBoundary& boundary = *made;
  boundary.set_policies(std::move(policies->in), std::move(policies->out));
  const Value object = core.NewBoundary(std::move(made), LocalBoundary::kWordCount);
  if (object.is_nil()) return absl::ResourceExhaustedError("no memory for a membrane");
  Value* words = object.data()->words();
  words[LocalBoundary::kPayerIn] = options.payer_in;
  words[LocalBoundary::kPayerOut] = options.payer_out;
  words[LocalBoundary::kOwner] = options.owner;
  words[LocalBoundary::kClock] = options.clock;
  words[LocalBoundary::kSink] = options.sink;
  boundary.set_object(object.data());
  return Membrane(core, object);
}

std::string Membrane::WhatIsWrong(const MembraneOptions& options) {
  const absl::StatusOr<Policies> policies = MakePolicies(options);
  return policies.ok() ? std::string() : std::string(policies.status().message());
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

std::vector<CrossingRecord> Membrane::Audit() const {
  std::vector<CrossingRecord> records;
  boundary().audit().ForEach([&](const CrossingRecord& record) { records.push_back(record); });
  return records;
}

Value CrossingReason(Core& core, Failure failure) {
  switch (failure) {
    case Failure::kMemory:
      return core.QuotaReason(Resource::kMemory);
    case Failure::kTooBig:
      return core.Reason("full", "so many refs that crossed this membrane are held already");
    default:
      return core.Reason(
          "denied", "a native closure, or another thing of the host's own, crosses no membrane");
  }
}

}  // namespace vesicle
