#include "tests/transport/relay/session_link.h"

#include "tests/transport/session/world.h"
#include "vm/actor/promise.h"

namespace vesicle {
namespace {

// After a revoke: the reason of it comes to the peer as the word of another VM, and so as that of a
// failure.
std::string WithoutWord(std::string text) {
  for (const std::string_view reason : {"#revoked", "#disconnected"}) {
    const std::string word = "#failed(" + std::string(reason) + ")";
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word)) {
      text.replace(at, word.size(), reason);
    }
  }
  return text;
}

}  // namespace

NetworkOptions SessionLink::OptionsInMode(bool relay) {
  NetworkOptions options = InMode(relay);
  options.trusts_locations = true;
  return options;
}

void SessionLink::Meet() {
  // Handshakes are no turns of a VM.
  constexpr int kRunsMax = 1000;
  (void)Outward(Value::Nil());
  for (int i = 0; i < kRunsMax && inside_network().sessions() == 0; ++i) Run();
  Run();
  REQUIRE(inside_network().sessions() == 1);
}

Root SessionLink::Introduce(Network& from, Network& to, Shore& shore, Value value) {
  const Locator locator = from.Offer(value);
  const Root promise(shore.heap(), shore.vm().core().NewPromise());
  const absl::Status status = to.Fetch(locator, promise.value());
  REQUIRE_MESSAGE(status.ok(), status.ToString());
  Run();
  from.Retract(locator.swiss);
  const Object* root = promise::Root(shore.heap(), promise.value().target());
  if (promise::StateOf(root) != promise::State::kKept) return promise;
  return Root(shore.heap(), promise::Outcome(root));
}

Root SessionLink::Outward(Value value) {
  return Introduce(inside_network(), outside_network(), outside(), value);
}

Root SessionLink::Inward(Value value) {
  return Introduce(outside_network(), inside_network(), inside(), value);
}

void SessionLink::Revoke() {
  outside().set_as_seen(WithoutWord);
  for (const Network::PeerState& peer : inside_network().Peers()) {
    std::optional<Membrane> wall = peer.wall;
    if (wall) wall->Revoke();
  }
}

}  // namespace vesicle
