#include "transport/session/net.h"

#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "membrane/script.h"
#include "transport/session/sturdyref.h"
#include "vm/value/form.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

void FaultWith(Turn& turn, const absl::Status& status) {
  std::string_view tag = "type";
  switch (status.code()) {
    case absl::StatusCode::kPermissionDenied:
      tag = "denied";
      break;
    case absl::StatusCode::kResourceExhausted:
      tag = "full";
      break;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      tag = "disconnected";
      break;
    default:
      break;
  }
  turn.Fault(tag, std::string(status.message()));
}

class Net {
 public:
  explicit Net(std::vector<Network*> networks) : networks_(std::move(networks)) {}

  void Handle(Turn& turn) {
    const Value m = turn.message();
    if (Is(m, "connect", 1)) return Connect(turn, FieldsOf(m)[0]);
    if (Is(m, "listen", 2)) return Listen(turn, FieldsOf(m)[0], FieldsOf(m)[1]);
    if (Is(m, "revoke", 1)) return Revoke(turn, FieldsOf(m)[0]);
    if (Is(m, "peers", 0)) return Peers(turn);
    if (Is(m, "relay", 1)) return Relay(turn, FieldsOf(m)[0]);
    turn.Fault("no_clause",
               "host.net takes #connect(locator), #listen(uri, ref), #revoke(locator), "
               "#relay(options) and #peers");
  }

 private:
  Network* Of(std::string_view transport) const {
    for (Network* network : networks_) {
      if (network->own().name.transport == transport) return network;
    }
    return nullptr;
  }
  absl::Status Unknown(std::string_view transport) const {
    std::string known;
    for (const Network* network : networks_) {
      absl::StrAppend(&known, known.empty() ? "" : ", ", network->own().name.transport);
    }
    return absl::InvalidArgumentError(
        absl::StrCat("no transport ", std::string(transport), " is here; there is ", known));
  }

  void Connect(Turn& turn, Value to) {
    const Value promise = turn.core().NewPromise();
    absl::Status status;
    if (IsText(to)) {
      const absl::StatusOr<Locator> locator = ParseLocator(TextView(to));
      if (!locator.ok()) return FaultWith(turn, locator.status());
      Network* network = Of(locator->peer.name.transport);
      status = network == nullptr ? Unknown(locator->peer.name.transport)
                                  : network->Fetch(*locator, promise);
    } else if (const Locator* locator = SturdyrefOf(to)) {
      Network* network = Of(locator->peer.name.transport);
      status = network == nullptr ? Unknown(locator->peer.name.transport)
                                  : network->Enliven(to, promise);
    } else {
      return turn.Fault("type", "#connect(locator) wants a text ocapn://.. or a sturdyref");
    }
    if (!status.ok()) return FaultWith(turn, status);
    turn.Reply(promise);
  }

  void Listen(Turn& turn, Value uri, Value ref) {
    constexpr std::string_view kWants =
        "#listen(uri, ref) wants a text TRANSPORT://HOST:PORT and a ref";
    if (!IsText(uri) || !ref.is_target()) return turn.Fault("type", kWants);
    const std::string text(TextView(uri));
    const size_t colon = text.find("://");
    if (colon == std::string::npos) return turn.Fault("type", kWants);
    Network* network = Of(std::string_view(text).substr(0, colon));
    if (network == nullptr) return FaultWith(turn, Unknown(text.substr(0, colon)));
    const std::string address = text.substr(colon + 3);
    if (!network->IsListeningAt(address)) {
      const absl::StatusOr<std::string> at = network->Listen(address);
      if (!at.ok()) return FaultWith(turn, at.status());
    }
    turn.Reply(turn.Text(PrintLocator(network->Offer(ref))));
  }

  void Revoke(Turn& turn, Value text) {
    if (!IsText(text)) return turn.Fault("type", "#revoke(locator) wants a text");
    const absl::StatusOr<Locator> locator = ParseLocator(TextView(text));
    if (!locator.ok()) return FaultWith(turn, locator.status());
    Network* network = Of(locator->peer.name.transport);
    turn.Reply(Value::Bool(network != nullptr && network->Retract(locator->swiss)));
  }

  // From now on, each session that opens is behind a membrane with these options.
  void Relay(Turn& turn, Value options) {
    if (options.is_nil()) {
      for (Network* network : networks_) network->SetTerms({});
      return turn.Reply(Value::Nil());
    }
    Core& core = turn.core();
    const Value owner = core.sponsor().control;
    MembraneOptions read;
    std::string wrong = ReadMembraneOptions(options, owner, &read);
    if (wrong.empty()) wrong = Membrane::WhatIsWrong(read);
    if (!wrong.empty()) return turn.Fault("type", "#relay: " + wrong);
    const auto terms = [options = Root(core.heap(), options), owner = Root(core.heap(), owner)](
                           const PeerLocator&) -> absl::StatusOr<PeerTerms> {
      PeerTerms peer;
      const std::string error =
          ReadMembraneOptions(options.value(), owner.value(), &peer.relay.emplace());
      if (!error.empty()) return absl::InvalidArgumentError(error);
      return peer;
    };
    for (Network* network : networks_) network->SetTerms(terms);
    turn.Reply(Value::Nil());
  }

  static Value WallOf(Turn& turn, const Network::PeerState& state) {
    if (!state.wall) return Value::Nil();
    return turn.Create(MembraneControl(turn.core(), *state.wall));
  }

  void Peers(Turn& turn) {
    std::vector<Value> peers;
    for (const Network* network : networks_) {
      for (const Network::PeerState& state : network->Peers()) {
        const auto count = [&](size_t n) { return turn.Int(static_cast<int64_t>(n)); };
        peers.push_back(
            turn.Map({{"peer", turn.Text(PrintLocator({.peer = state.peer, .swiss = {}}))},
                      {"address", turn.Text(state.address)},
                      {"open", Value::Bool(state.is_open)},
                      {"exports", count(state.counts.exports)},
                      {"imports", count(state.counts.imports)},
                      {"asks", count(state.counts.asks)},
                      {"wall", WallOf(turn, state)}}));
      }
    }
    turn.Charge(static_cast<int64_t>(100 * peers.size()));
    turn.Reply(turn.List(peers));
  }

  std::vector<Network*> networks_;
};

}  // namespace

Root MakeNet(Vm& vm, std::vector<Network*> networks) {
  return vm.Create(MakeNativeBehavior(
      vm.core(), "net",
      [net = Net(std::move(networks))](Turn& turn) mutable { net.Handle(turn); }));
}

}  // namespace vesicle
