#include "transport/session/network.h"

#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/session/sturdyref.h"
#include "vm/value/bytes.h"

namespace vesicle {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kIdleNs = 100 * kNsPerMs;
constexpr size_t kSwissBytes = 32;
// Some 50 us.
constexpr int64_t kStepsOfSignature = 25'000;
// Until the other one of two connections that crossed is open.
constexpr int64_t kStrandedNs = 5'000 * kNsPerMs;

std::string RandomBytes(RandomSource& random, size_t size) {
  std::string bytes;
  while (bytes.size() < size) {
    const uint64_t word = random.Next();
    bytes.append(reinterpret_cast<const char*>(&word), std::min(sizeof word, size - bytes.size()));
  }
  return bytes;
}

// A search by the number itself would take longer the nearer a guess is.
std::string HashOf(std::string_view swiss) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(swiss.data()), swiss.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

// "host:port", as transports read it.
absl::StatusOr<std::string> AddressOf(const PeerLocator& peer) {
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

// A message may begin while as much is pending as may be, and what must be told goes on top.
size_t SendBytesMax(const SessionLimits& limits) {
  return 2 * (limits.pending_bytes_max + limits.message.message_bytes_max);
}

std::string_view Text(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

}  // namespace

// ---------------------------------------------------------------------------

Network::Network(Vm& vm, Environment& environment, Transport& transport, NetworkOptions options,
                 absl::AnyInvocable<void()> on_work)
    : vm_(vm),
      environment_(environment),
      transport_(transport),
      options_(std::move(options)),
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

Locator Network::Offer(Value ref) {
  std::string swiss = RandomBytes(environment_.random(), kSwissBytes);
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

// ---------------------------------------------------------------------------
// From a connection to a session

std::unique_ptr<NetworkLink> Network::NewLink(std::unique_ptr<Connection> connection,
                                              Handshake::Side side, const PeerLocator& dialled,
                                              std::optional<LinkId> causer) {
  NetworkLink::Owner& owner = *this;
  return std::make_unique<NetworkLink>(
      owner, environment_,
      NetworkLink::Options{.id = next_link_++,
                           .connection = std::move(connection),
                           .handshake = {.side = side,
                                         .framing = options_.dialect.framing,
                                         .hello_ms_max = options_.hello_ms_max},
                           .dialled = dialled,
                           .causer = causer});
}

void Network::Accept(std::unique_ptr<Connection> connection) {
  std::unique_ptr<NetworkLink> link =
      NewLink(std::move(connection), Handshake::Side::kAccepted, {}, std::nullopt);
  const LinkId id = link->id();
  NetworkLink& it = *links_.emplace(id, std::move(link)).first->second;
  it.connection().Start(&it);
}

void Network::OnHello(NetworkLink& link) {
  judged_later_.push_back(link.id());
  environment_.AtTurnEnd(*this);
}

void Network::OnLate(NetworkLink& link) {
  Refuse(link, absl::StatusCode::kDeadlineExceeded, "op:start-session: it did not come in time");
}

void Network::OnRefused(NetworkLink& link) {
  table_.Remove(link.id());
  link.connection().Close(Text(link.handshake().why()));
  LoseWork(link, Text(link.handshake().why()));
}

// Where keys are proved, what waits for a dial that crossed another goes by that one, as soon as it
// is open. Elsewhere whoever came may only say that it is the same peer: it breaks.
void Network::LoseWork(NetworkLink& link, std::string_view why) {
  std::vector<NetworkLink::Work> work = link.TakeWork();
  if (work.empty()) return;
  Wake();
  const auto other = table_.Find(link.dialled().name);
  const bool has_crossed = other || why.find(kCrossedHellos) != std::string_view::npos;
  if (!transport_.proves_keys() || !has_crossed) return Break(core(), std::move(work), why);
  if (NetworkLink* kept = other ? FindLink(other->connection) : nullptr) {
    for (NetworkLink::Work& w : work) kept->Do(std::move(w));
    return;
  }
  const uint64_t number = next_stranded_++;
  Stranded& stranded = stranded_[number];
  stranded.peer = link.dialled().name;
  stranded.why = std::string(why);
  stranded.work = std::move(work);
  stranded.timer = environment_.After(kStrandedNs, [this, number] {
    const auto node = stranded_.extract(number);
    Break(core(), std::move(node.mapped().work), node.mapped().why);
    Wake();
  });
}

void Network::BreakStranded(std::string_view why) {
  Wake();
  for (auto& [number, stranded] : std::exchange(stranded_, {})) {
    Break(core(), std::move(stranded.work), why);
  }
}

void Network::OnTurnEnd() {
  for (const LinkId id : std::exchange(judged_later_, {})) {
    if (NetworkLink* link = FindLink(id); link != nullptr && !link->is_closed()) Judge(*link);
  }
  for (const LinkId id : std::exchange(forgotten_, {})) links_.erase(id);
}

void Network::Judge(NetworkLink& link) {
  if (link.handshake().has_ended() || link.session() != nullptr) return;
  const PeerInfo& info = link.connection().peer();
  const SessionTable::Verdict verdict = table_.Judge({.connection = link.id(),
                                                      .side = link.handshake().side(),
                                                      .hello = link.handshake().hello(),
                                                      .transport = transport_.name(),
                                                      .proves_keys = transport_.proves_keys(),
                                                      .designator = info.designator});
  switch (verdict.kind) {
    case SessionTable::Verdict::Kind::kAccept:
      return Open(link, verdict);
    case SessionTable::Verdict::Kind::kRefuse:
      return Refuse(link, absl::StatusCode::kFailedPrecondition, verdict.reason);
    case SessionTable::Verdict::Kind::kProbe:
      return Probe(link, *verdict.other);
  }
}

void Network::Open(NetworkLink& link, const SessionTable::Verdict& verdict) {
  absl::StatusOr<PeerTerms> terms = TermsOf(link.handshake().hello().location);
  if (!terms.ok()) return Refuse(link, terms.status().code(), Text(terms.status()));
  std::optional<Membrane> wall;
  if (terms->relay) {
    absl::StatusOr<Membrane> made = Membrane::Create(core(), *terms->relay);
    if (!made.ok()) return Refuse(link, made.status().code(), Text(made.status()));
    wall = *std::move(made);
  }
  if (verdict.other) {
    if (NetworkLink* loser = FindLink(*verdict.other)) {
      Refuse(*loser, absl::StatusCode::kAborted, kCrossedHellos);
    }
  }
  syrup::Writer out;
  if (absl::Status s = link.handshake().Accept(options_.own, out); !s.ok()) {
    return Refuse(link, s.code(), Text(s));
  }
  link.Send(out);
  if (link.handshake().side() == Handshake::Side::kAccepted) {
    table_.SetOwnKey(link.id(), link.handshake().key().public_key());
  }
  link.connection().MarkAuthenticated();
  auto session = std::make_unique<Session>(
      *this, Session::Options{.connection = &link.connection(),
                              .key = link.handshake().key(),
                              .hello = link.handshake().hello(),
                              .payer = terms->payer.value(),
                              .dialect = options_.dialect,
                              .limits = options_.limits,
                              .wall = std::move(wall),
                              .is_in_process = transport_.stays_in_process(),
                              .code = options_.code});
  by_session_[session->id()] = link.id();
  link.connection().ResumeReading();
  link.Open(std::move(session));
  for (auto at = stranded_.begin(); at != stranded_.end();) {
    if (at->second.peer != link.session()->peer().name) {
      ++at;
      continue;
    }
    for (NetworkLink::Work& work : at->second.work) link.Do(std::move(work));
    at = stranded_.erase(at);
  }
  ArmIdle();
}

absl::StatusOr<PeerTerms> Network::TermsOf(const PeerLocator& peer) {
  if (!options_.terms) return PeerTerms{};
  absl::StatusOr<PeerTerms> terms = options_.terms(peer);
  if (!terms.ok() || !terms->relay) return terms;
  // Who pays for what the peer sends pays for it beyond the wall, too.
  if (terms->payer.heap() == nullptr) {
    terms->payer = Root(core().heap(), terms->relay->payer_in);
  } else if (terms->relay->payer_in.is_nil()) {
    terms->relay->payer_in = terms->payer.value();
  }
  return terms;
}

void Network::Refuse(NetworkLink& link, absl::StatusCode code, std::string_view reason) {
  table_.Remove(link.id());
  syrup::Writer out;
  if (!link.handshake().has_ended()) link.handshake().Refuse(code, reason, out);
  link.Send(out);
  link.connection().ResumeReading();
  link.connection().Close(reason);
  LoseWork(link, reason);
}

// Two ends of the same peer: the older one is asked for a sign of life.
void Network::Probe(NetworkLink& newcomer, LinkId other) {
  NetworkLink* older = FindLink(other);
  if (older == nullptr || !older->is_open()) {
    table_.Remove(other);
    return Judge(newcomer);
  }
  // Any answer will do, so nobody waits for it: there is no such number.
  older->session()->Fetch(RandomBytes(environment_.random(), kSwissBytes), core().NewPromise());
  newcomer.WaitForProbe(environment_.After(
      options_.probe_ms_max * kNsPerMs,
      [this, id = newcomer.id(), other, heard = older->chunks_heard()] {
        NetworkLink* link = FindLink(id);
        if (link == nullptr || link->is_closed() || link->handshake().has_ended()) return;
        if (NetworkLink* ghost = FindLink(other); ghost != nullptr && ghost->is_open()) {
          if (ghost->chunks_heard() != heard) {
            return Refuse(*link, absl::StatusCode::kAlreadyExists,
                          "op:start-session: there is a session with that peer already, and it "
                          "is alive");
          }
          ghost->session()->Abort("that peer came again, and this session did not answer");
        }
        table_.Remove(other);
        Judge(*link);
      }));
}

void Network::OnLinkClosed(NetworkLink& link, const absl::Status& why) {
  table_.Remove(link.id());
  LoseWork(link, why.ok() ? "the peer closed the connection" : Text(why));
  if (link.session() != nullptr) {
    link.session()->Disconnect(why);
    if (!link.is_session_over()) return;
  } else {
    if (!link.handshake().has_ended()) link.handshake().End();
    if (options_.on_gone) options_.on_gone(link.dialled(), link.handshake().why());
  }
  Forget(link.id());
}

void Network::OnEnding(Session& session) {
  const auto at = by_session_.find(session.id());
  if (at == by_session_.end()) return;
  table_.Remove(at->second);
  gifts_.EndGifter(session.id());
  if (options_.on_gone) options_.on_gone(session.peer(), session.why());
}

void Network::OnEnded(Session& session, const absl::Status&) {
  const auto at = by_session_.find(session.id());
  if (at == by_session_.end()) return;
  const LinkId id = at->second;
  by_session_.erase(at);
  NetworkLink* link = FindLink(id);
  if (link == nullptr) return;
  link->NoteSessionOver();
  if (link->is_closed()) Forget(id);
}

NetworkLink* Network::FindLink(LinkId id) {
  const auto at = links_.find(id);
  return at == links_.end() ? nullptr : at->second.get();
}

// At the end of this turn of the loop: its functions may be on the stack.
void Network::Forget(LinkId id) {
  forgotten_.push_back(id);
  environment_.AtTurnEnd(*this);
}

// ---------------------------------------------------------------------------
// Third parties

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
    return core().Break(slot, core().Reason("denied", Text(status)));
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
  if (!link.ok()) return refuse(Text(link.status()));
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
  const std::string id = RandomBytes(environment_.random(), kSwissBytes);
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
