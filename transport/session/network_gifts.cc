// Network: third parties, as gifter, exporter and receiver.
#include <utility>

#include "transport/session/network.h"

namespace vesicle {
namespace {

// Some 50 us.
constexpr int64_t kStepsOfSignature = 25'000;

}  // namespace

absl::Status Network::Deposit(Session& gifter, std::string_view gift_id, Value gift) {
  absl::Status status = gifts_.Deposit(gifter.id(), gift_id, gift, environment_.NowNs());
  ExpireGifts();
  return status;
}

void Network::Withdraw(Session& receiver, const SignedReceive& receive, Value slot) {
  core().ChargeWork(3 * kStepsOfSignature);
  const HandoffGive& give = receive.receive.give.give;
  const auto at = by_session_.find(give.session);
  NetworkLink* gifter = at == by_session_.end() ? nullptr : FindLink(at->second);
  const bool is_live = gifter != nullptr && gifter->is_open();
  const absl::Status status =
      CheckWithdrawal(receive, {.session = receiver.id(),
                                .peer = receiver.hello().id,
                                .own = options_.own,
                                .gifter = is_live ? &gifter->session()->hello().key : nullptr});
  if (!status.ok()) {
    return core().Break(slot, core().Reason("denied", TextOf(status)));
  }
  if (!receiver.SpendReceiveCount(receive.receive.count)) {
    return core().Break(slot, core().Reason("denied",
                                            "desc:handoff-receive, handoff-count: it "
                                            "was used before, or too many were"));
  }
  gifts_.Withdraw(give.session, give.gift_id, slot, environment_.NowNs());
  ExpireGifts();
}

// All wait equally long: one look at them when the first may be over is enough.
void Network::ExpireGifts() {
  if (gift_timer_ != nullptr || gifts_.size() == 0) return;
  gift_timer_ = environment_.After(options_.gifts.gift_ns_max, [this] {
    gift_timer_.reset();
    gifts_.Expire(environment_.NowNs());
    Wake();
    ExpireGifts();
  });
}

// What a peer hands us lives with a third one: it is fetched from there.
Result Network::Receive(Session& gifter, const SignedGive& signed_give) {
  core().ChargeWork(kStepsOfSignature);
  const HandoffGive& give = signed_give.give;
  const Value promise = core().NewPromise();
  const auto refuse = [&](std::string_view why) {
    core().Break(promise, core().Reason("denied", why));
    return promise;
  };
  if (!(give.receiver_key == gifter.key().public_key())) {
    return refuse("desc:handoff-give, receiver-key: it is for somebody else");
  }
  if (give.exporter.name == options_.own.name) {
    return refuse("desc:handoff-give, exporter-location: it is ours");
  }
  absl::StatusOr<NetworkLink*> link = LinkTo(give.exporter, by_session_.at(gifter.id()));
  if (!link.ok()) return refuse(TextOf(link.status()));
  // The certificate goes on as it came; what is known of the gifter's session is kept until then.
  auto withdraw = [bytes = std::string(signed_give.bytes), key = gifter.key(),
                   slot = Root(core().heap(), promise)](Session& exporter) {
    exporter.WithdrawGift(bytes, key, slot.value());
  };
  (*link)->Do({std::move(withdraw), Root(core().heap(), promise)});
  return promise;
}

bool Network::Give(Session& receiver, Session& exporter, Value ref, syrup::Writer& out) {
  const std::optional<Descriptor> known = far_ref::DescriptorOf(actor::Holder(ref.target()));
  if (!known || known->kind != Descriptor::Kind::kExport) return false;
  if (exporter.is_over() || exporter.peer().name == receiver.peer().name) return false;
  if (exporter.peer().name.transport != transport_.name() || !AddressOf(exporter.peer()).ok()) {
    return false;
  }
  const std::string id = NewSecret();
  HandoffGive give;
  give.receiver_key = receiver.hello().key;
  give.exporter = exporter.peer();
  give.exporter_bytes = exporter.hello().location_bytes;
  give.session = exporter.id();
  give.gifter_side = exporter.key().id();
  give.gift_id = id;
  core().fuel -= kStepsOfSignature;
  WriteSignedGive(give, exporter.key(), out);
  receiver.DepositWhenSent(exporter, id, *known);
  return true;
}

}  // namespace vesicle
