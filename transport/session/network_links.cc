// Network: from a connection to a session, and to the end of both.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/session/network.h"

namespace vesicle {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
// In one turn end: a loop has up to eight of these in a round, and everybody else a turn after it.
constexpr size_t kJudgedAtOnce = 2;
// Until the other one of two connections that crossed is open.
constexpr int64_t kStrandedNs = 5'000 * kNsPerMs;

}  // namespace

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
  link.connection().Close(TextOf(link.handshake().why()));
  LoseWork(link, TextOf(link.handshake().why()));
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
  // To open a session takes a third of a millisecond, and many may come at once.
  for (size_t i = 0; i < kJudgedAtOnce && !judged_later_.empty(); ++i) {
    const LinkId id = judged_later_.front();
    judged_later_.pop_front();
    if (NetworkLink* link = FindLink(id); link != nullptr && !link->is_closed()) Judge(*link);
  }
  if (!judged_later_.empty()) environment_.AtTurnEnd(*this);
  for (const LinkId id : std::exchange(forgotten_, {})) links_.erase(id);
}

void Network::Judge(NetworkLink& link) {
  if (link.session() != nullptr || link.handshake().has_ended()) return;
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
  if (!terms.ok()) return Refuse(link, terms.status().code(), TextOf(terms.status()));
  std::optional<Membrane> wall;
  if (terms->relay) {
    absl::StatusOr<Membrane> made = Membrane::Create(core(), *terms->relay);
    if (!made.ok()) return Refuse(link, made.status().code(), TextOf(made.status()));
    wall = *std::move(made);
  }
  if (verdict.other) {
    if (NetworkLink* loser = FindLink(*verdict.other)) {
      Refuse(*loser, absl::StatusCode::kAborted, kCrossedHellos);
    }
  }
  syrup::Writer out;
  if (absl::Status s = link.handshake().Accept(options_.own, out); !s.ok()) {
    return Refuse(link, s.code(), TextOf(s));
  }
  link.Send(out);
  if (link.handshake().side() == Handshake::Side::kAccepted) {
    table_.SetOwnKey(link.id(), link.handshake().key().public_key());
  }
  link.connection().MarkAuthenticated();
  link.handshake().key().Rest();
  auto session = std::make_unique<Session>(
      *this, Session::Options{.connection = &link.connection(),
                              .key = link.handshake().key(),
                              .hello = link.handshake().TakeHello(),
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
  older->session()->Fetch(NewSecret(), core().NewPromise());
  newcomer.WaitForProbe(environment_.After(
      options_.probe_ms_max * kNsPerMs,
      [this, id = newcomer.id(), other, heard = older->chunks_heard()] {
        NetworkLink* link = FindLink(id);
        if (link == nullptr || link->is_closed() || link->session() != nullptr ||
            link->handshake().has_ended()) {
          return;
        }
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
  LoseWork(link, why.ok() ? "the peer closed the connection" : TextOf(why));
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

}  // namespace vesicle
