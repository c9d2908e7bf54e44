#include "transport/session/network.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/session/sturdyref.h"
#include "transport/sha256.h"
#include "vm/value/bytes.h"

namespace vesicle {
namespace {

constexpr int64_t kIdleNs = 100'000'000;
constexpr size_t kSecretBytes = 32;

// A search by the number itself would take longer the nearer a guess is.
std::string HashOf(std::string_view swiss) { return Sha256(swiss); }

// A message may begin while as much is pending as may be, and what must be told goes on top.
size_t SendBytesMax(const SessionLimits& limits) {
  return 2 * (limits.pending_bytes_max + limits.message.message_bytes_max);
}

}  // namespace

// ---------------------------------------------------------------------------

Network::Network(Vm& vm, Environment& environment, Transport& transport, NetworkOptions options,
                 absl::AnyInvocable<void()> on_work)
    : vm_(vm),
      environment_(environment),
      transport_(transport),
      options_(std::move(options)),
      codec_(vm.core(), options_.limits.message),
      on_work_(std::move(on_work)),
      table_({.own = options_.own.name,
              .sessions_max = options_.sessions_max,
              .trusts_locations = options_.trusts_locations}),
      gifts_(vm.core(), options_.gifts) {}

Network::~Network() {
  options_.on_gone = {};
  listeners_.clear();
  BreakStranded("the network was closed");
  for (auto& [id, link] : links_) {
    link->BreakWork("the network was closed");
    if (link->session() != nullptr) link->session()->EndNow();
  }
}

absl::StatusOr<std::string> Network::Listen(const std::string& address) {
  if (options_.may_listen) {
    if (absl::Status may = options_.may_listen(address); !may.ok()) return may;
  }
  options_.listen.limits.send_bytes_max = SendBytesMax(options_.limits);
  auto listener = transport_.Listen(
      address, options_.listen,
      [this](std::unique_ptr<Connection> connection) { Accept(std::move(connection)); });
  if (!listener.ok()) return listener.status();
  listeners_.push_back({address, *std::move(listener)});
  const std::string& at = listeners_.back().listener->address();
  if (options_.own.hints.empty()) {
    if (const size_t colon = at.rfind(':'); colon != std::string::npos) {
      std::string host = at.substr(0, colon);
      if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
      options_.own.hints = {{"host", host}, {"port", at.substr(colon + 1)}};
    }
  }
  return at;
}

bool Network::IsListeningAt(std::string_view address) const {
  return std::any_of(listeners_.begin(), listeners_.end(), [&](const Listening& l) {
    return l.asked == address || l.listener->address() == address;
  });
}

void Network::Close(std::string_view reason) {
  listeners_.clear();
  BreakStranded(reason);
  for (auto& [id, link] : links_) {
    link->BreakWork(reason);
    if (link->is_open()) {
      link->session()->Abort(reason);
    } else {
      link->connection().Close(reason);
    }
  }
}

// ---------------------------------------------------------------------------
// What is offered

std::string Network::NewSecret() {
  std::string bytes(kSecretBytes, '\0');
  for (size_t at = 0; at < bytes.size(); at += sizeof(uint64_t)) {
    const uint64_t word = environment_.random().Next();
    std::memcpy(bytes.data() + at, &word, sizeof word);
  }
  return bytes;
}

Locator Network::Offer(Value ref) {
  std::string swiss = NewSecret();
  offers_.insert_or_assign(HashOf(swiss), Root(core().heap(), ref));
  return {.peer = options_.own, .swiss = std::move(swiss)};
}

absl::Status Network::OfferAs(std::string_view swiss, Value ref) {
  const auto [at, is_new] = offers_.try_emplace(HashOf(swiss), Root(core().heap(), ref));
  if (is_new) return absl::OkStatus();
  return absl::AlreadyExistsError("something is offered by that swiss number");
}

bool Network::Retract(std::string_view swiss) {
  const auto at = offers_.find(HashOf(swiss));
  if (at == offers_.end()) return false;
  offers_.erase(at);
  return true;
}

void Network::Fetch(std::string_view swiss, Value slot) {
  const auto at = offers_.find(HashOf(swiss));
  if (at != offers_.end()) return core().Keep(slot, at->second.value());
  core().Break(slot, core().Reason("not_found", "no object has that swiss number here"));
}

// ---------------------------------------------------------------------------
// What is wanted

absl::Status Network::Fetch(const Locator& locator, Value slot) {
  if (!locator.is_sturdyref()) {
    return absl::InvalidArgumentError(
        "the locator names a peer and none of its objects: /s/.. is "
        "missing");
  }
  if (locator.peer.name == options_.own.name) {
    Fetch(std::string_view(locator.swiss), slot);
    return absl::OkStatus();
  }
  absl::StatusOr<NetworkLink*> link = LinkTo(locator.peer, std::nullopt);
  if (!link.ok()) return link.status();
  auto fetch = [swiss = locator.swiss, slot = Root(core().heap(), slot)](Session& session) {
    session.Fetch(swiss, slot.value());
  };
  (*link)->Do({std::move(fetch), Root(core().heap(), slot)});
  return absl::OkStatus();
}

absl::Status Network::Enliven(Value sturdyref, Value slot) {
  const Locator* locator = vesicle::SturdyrefOf(sturdyref);
  if (locator == nullptr) return absl::InvalidArgumentError("that is no sturdyref");
  const Locator copy = *locator;
  return Fetch(copy, slot);
}

absl::StatusOr<NetworkLink*> Network::LinkTo(const PeerLocator& peer,
                                             std::optional<LinkId> causer) {
  if (const auto found = table_.Find(peer.name)) {
    NetworkLink* link = FindLink(found->connection);
    if (link != nullptr) return link;
  }
  if (causer) {
    if (absl::Status may = MayCause(*causer); !may.ok()) return may;
  }
  return Dial(peer, causer);
}

absl::StatusOr<std::string> Network::AddressOf(const PeerLocator& peer) {
  const std::string* host = peer.FindHint("host");
  const std::string* port = peer.FindHint("port");
  if (host == nullptr || port == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("the locator of ", peer.name.designator,
                     " does not say where it is: hints host and port are wanted"));
  }
  return host->find(':') == std::string::npos ? absl::StrCat(*host, ":", *port)
                                              : absl::StrCat("[", *host, "]:", *port);
}

absl::Status Network::MayDial(const PeerLocator& peer) {
  if (peer.name.transport != transport_.name()) {
    return absl::FailedPreconditionError(
        absl::StrCat("that peer is reached by ", peer.name.transport, ", and this network has ",
                     std::string(transport_.name())));
  }
  return options_.may_dial ? options_.may_dial(peer) : absl::OkStatus();
}

// A dial because a peer said so. Of each peer those that wait are few.
absl::Status Network::MayCause(LinkId causer) const {
  const auto waiting = std::count_if(links_.begin(), links_.end(), [&](const auto& entry) {
    return entry.second->causer() == causer && !entry.second->is_open();
  });
  if (static_cast<size_t>(waiting) < options_.caused_dials_max) return absl::OkStatus();
  return absl::ResourceExhaustedError("that peer wants too many others dialled at once");
}

absl::StatusOr<NetworkLink*> Network::Dial(const PeerLocator& peer, std::optional<LinkId> causer) {
  if (absl::Status may = MayDial(peer); !may.ok()) return may;
  const absl::StatusOr<std::string> address = AddressOf(peer);
  if (!address.ok()) return address.status();
  ConnectOptions connect = {.deadline_ms = options_.connect_ms_max};
  connect.limits.send_bytes_max = SendBytesMax(options_.limits);
  if (transport_.proves_keys()) connect.designator = peer.name.designator;
  auto connection = transport_.Connect(*address, connect);
  if (!connection.ok()) return connection.status();
  std::unique_ptr<NetworkLink> link =
      NewLink(*std::move(connection), Handshake::Side::kDialled, peer, causer);
  const LinkId id = link->id();
  syrup::Writer out;
  if (absl::Status s = link->handshake().Start(options_.own, out); !s.ok()) return s;
  if (absl::Status s = table_.Dial(id, peer.name, link->handshake().key().public_key()); !s.ok()) {
    return s;
  }
  link->connection().Start(link.get());
  link->Send(out);
  return links_.emplace(id, std::move(link)).first->second.get();
}

Value Network::MakeSturdyref(const Locator& locator) {
  return vesicle::MakeSturdyref(core(), locator);
}

const Locator* Network::SturdyrefOf(Value ref) { return vesicle::SturdyrefOf(ref); }

// ---------------------------------------------------------------------------
// Idle times

// Imports that nobody holds any more are found by a collection, which the VM has no reason for when
// it has nothing to do. So some time after the last turn one is done, in pieces.
void Network::ArmIdle() {
  if (idle_timer_ != nullptr) return;
  // A timer holds a loop: there is none where nothing can come any more.
  const bool can_happen =
      !listeners_.empty() || std::any_of(links_.begin(), links_.end(), [](const auto& entry) {
        return entry.second->is_open() && entry.second->session()->is_needed();
      });
  if (!can_happen) return;
  idle_timer_ = environment_.After(kIdleNs, [this] {
    idle_timer_.reset();
    OnIdle();
  });
}

void Network::OnIdle() {
  bool has_imports = false;
  for (auto& [id, link] : links_) {
    if (!link->is_open()) continue;
    link->session()->RestIfQuiet();
    link->session()->LookForTheDead();
    has_imports |= link->session()->has_imports();
  }
  if (sessions() == 0) return;
  Heap& heap = core().heap();
  const uint64_t events = core().events_dispatched();
  if (has_imports && events != events_at_collection_) {
    if (events == events_when_idle_) {
      // Nothing has happened since the last look.
      if (idle_cycle_ == 0) idle_cycle_ = heap.RequestCycle();
      constexpr int kPieces = 64;
      for (int i = 0; i < kPieces && heap.cycles() < idle_cycle_; ++i) heap.SafePoint();
      if (heap.cycles() >= idle_cycle_) {
        idle_cycle_ = 0;
        events_at_collection_ = events;
      }
    }
  }
  events_when_idle_ = events;
  ArmIdle();
}

std::vector<Network::PeerState> Network::Peers() const {
  std::vector<PeerState> peers;
  for (const auto& [id, link] : links_) {
    PeerState& state = peers.emplace_back();
    state.address = link->connection().peer().address;
    state.is_open = link->is_open();
    if (link->session() != nullptr) {
      state.peer = link->session()->peer();
      state.counts = link->session()->counts();
      state.wall = link->session()->wall();
    } else {
      state.peer = link->dialled();
    }
  }
  return peers;
}

size_t Network::sessions() const {
  return static_cast<size_t>(std::count_if(
      links_.begin(), links_.end(), [](const auto& entry) { return entry.second->is_open(); }));
}

}  // namespace vesicle
