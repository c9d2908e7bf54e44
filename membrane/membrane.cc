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

Sponsor& SponsorOf(Core& core, Value control) {
  return control.is_nil() ? core.root_sponsor() : *Core::SponsorOf(control.target());
}

// The time of a log is the count of what a sponsor ran: it is to be that of the inside and of
// nobody else, from the first event on.
absl::Status CanRecord(const MembraneOptions& options) {
  if (options.payer_in.is_nil() || options.payer_in == options.payer_out) {
    return absl::InvalidArgumentError(
        "record_bytes_max: wants a sponsor for the inside alone as payer_in, and another one, or "
        "none, as payer_out");
  }
  const Sponsor& inside = *Core::SponsorOf(options.payer_in.target());
  if (inside.schedule != nullptr) {
    return absl::InvalidArgumentError("record_bytes_max: payer_in is recorded already");
  }
  if (!inside.queue.empty() || inside.has_children()) {
    return absl::InvalidArgumentError(
        "record_bytes_max: payer_in has run, or made sponsors, before; take a new one");
  }
  return absl::OkStatus();
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
  if (options.record_bytes_max != 0) {
    if (absl::Status status = CanRecord(options); !status.ok()) return status;
  }
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
  if (options.record_bytes_max != 0) {
    Sponsor& owner = SponsorOf(core, options.owner);
    boundary.set_recorder(std::make_unique<Recorder>(
        core, object.data(), SponsorOf(core, options.payer_in),
        owner.AccountOf(Resource::kMemory).index(), options.record_bytes_max));
  }
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

LocalBoundary& Membrane::boundary() const { return LocalBoundary::Of(boundary_.value()); }

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

const Recorder* Membrane::EndRecording() {
  Recorder* recorder = boundary().recorder();
  if (recorder == nullptr) return nullptr;
  const Value* words = boundary_.value().data()->words();
  recorder->Finish(Recorder::End::kAsked,
                   SponsorOf(*core_, words[LocalBoundary::kPayerIn]).queue.empty() &&
                       SponsorOf(*core_, words[LocalBoundary::kPayerOut]).queue.empty());
  return recorder;
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
