#include "transport/captp/session_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "vm/heap/check.h"

namespace vesicle {

Survivor SurvivorOf(const PublicId& own_outbound, const PublicId& incoming) {
  return own_outbound < incoming ? Survivor::kIncoming : Survivor::kOwn;
}

absl::Status SessionTable::Dial(Connection connection, const PeerName& peer,
                                const PublicKey& own_key) {
  VESICLE_CHECK(entries_.find(connection) == entries_.end());
  if (peer == options_.own) {
    return absl::FailedPreconditionError("session: that locator is our own; nothing is dialled");
  }
  if (Find(peer)) {
    return absl::AlreadyExistsError("session: there is one with that peer, or one is dialled");
  }
  if (entries_.size() >= options_.sessions_max) {
    return absl::ResourceExhaustedError(absl::StrCat("session: there are sessions_max (",
                                                     options_.sessions_max,
                                                     ") already; close some, or raise it"));
  }
  const PublicId id = IdOf(own_key);
  keys_.emplace(id, Whose::kOwn);
  peers_[peer].dial = connection;
  entries_[connection] = {.name = peer, .own_key = id, .is_dial = true};
  return absl::OkStatus();
}

SessionTable::Verdict SessionTable::Refuse(const Newcomer& newcomer, std::string_view reason) {
  Remove(newcomer.connection);
  return {.kind = Verdict::Kind::kRefuse, .reason = reason};
}

SessionTable::Verdict SessionTable::Judge(const Newcomer& newcomer) {
  const Hello& hello = newcomer.hello;
  if (const auto key = keys_.find(hello.id); key != keys_.end()) {
    return Refuse(newcomer, key->second == Whose::kOwn
                                ? "op:start-session, session-pubkey: that key is ours"
                                : "op:start-session, session-pubkey: that key is in use");
  }
  if (hello.location.name == options_.own) {
    return Refuse(newcomer, "op:start-session, acceptable-location: that location is ours");
  }
  const bool is_named =
      hello.location.name.transport == newcomer.transport &&
      (!newcomer.proves_keys || hello.location.name.designator == newcomer.designator);
  return newcomer.side == Handshake::Side::kDialled ? JudgeDialled(newcomer, is_named)
                                                    : JudgeAccepted(newcomer, is_named);
}

SessionTable::Verdict SessionTable::JudgeDialled(const Newcomer& newcomer, bool is_named) {
  const auto entry = entries_.find(newcomer.connection);
  // It lost while its hello was under way.
  if (entry == entries_.end()) return Refuse(newcomer, kCrossedHellos);
  VESICLE_CHECK(entry->second.is_dial);
  const PeerName name = *entry->second.name;
  if (!is_named || newcomer.hello.location.name != name) {
    return Refuse(newcomer,
                  "op:start-session, acceptable-location: that is not the peer that was dialled");
  }
  return Accept(newcomer, &name, /*serves_us=*/true);
}

SessionTable::Verdict SessionTable::JudgeAccepted(const Newcomer& newcomer, bool is_named) {
  const PeerName& name = newcomer.hello.location.name;
  std::optional<Connection> loser;
  if (const auto peer = peers_.find(name); is_named && peer != peers_.end()) {
    if (peer->second.session) {
      if (!newcomer.proves_keys) {
        return Refuse(newcomer, "op:start-session: there is a session with that peer already");
      }
      return {.kind = Verdict::Kind::kProbe, .reason = {}, .other = peer->second.session};
    }
    const Connection dial = *peer->second.dial;
    const PublicId own = *entries_[dial].own_key;
    if (options_.survivor_of(own, newcomer.hello.id) == Survivor::kOwn) {
      return Refuse(newcomer, kCrossedHellos);
    }
    loser = dial;
    Remove(dial);
  }
  if (entries_.size() >= options_.sessions_max) {
    return Refuse(newcomer, "op:start-session: there are as many sessions as are taken here");
  }
  const bool serves_us = is_named && (newcomer.proves_keys || options_.trusts_locations);
  Verdict verdict = Accept(newcomer, is_named ? &name : nullptr, serves_us);
  verdict.other = loser;
  return verdict;
}

SessionTable::Verdict SessionTable::Accept(const Newcomer& newcomer, const PeerName* name,
                                           bool serves_us) {
  Entry& entry = entries_[newcomer.connection];
  entry.peer_key = newcomer.hello.id;
  entry.is_dial = false;
  entry.serves_us = serves_us;
  keys_.emplace(newcomer.hello.id, Whose::kPeers);
  if (name != nullptr) {
    entry.name = *name;
    Peer& peer = peers_[*name];
    if (peer.dial == newcomer.connection) peer.dial.reset();
    // What we dialled comes before an older one that serves nothing of ours.
    peer.session = newcomer.connection;
  }
  return {.kind = Verdict::Kind::kAccept, .reason = {}, .other = {}, .serves_us = serves_us};
}

void SessionTable::SetOwnKey(Connection connection, const PublicKey& own_key) {
  const auto entry = entries_.find(connection);
  VESICLE_CHECK(entry != entries_.end() && !entry->second.own_key);
  entry->second.own_key = IdOf(own_key);
  keys_.emplace(*entry->second.own_key, Whose::kOwn);
}

std::optional<SessionTable::Found> SessionTable::Find(const PeerName& name) const {
  const auto peer = peers_.find(name);
  if (peer == peers_.end()) return std::nullopt;
  const std::optional<Connection>& session = peer->second.session;
  if (session && entries_.at(*session).serves_us) return Found{*session, true};
  if (peer->second.dial) return Found{*peer->second.dial, false};
  return std::nullopt;
}

void SessionTable::Remove(Connection connection) {
  const auto entry = entries_.find(connection);
  if (entry == entries_.end()) return;
  if (entry->second.own_key) keys_.erase(*entry->second.own_key);
  if (entry->second.peer_key) keys_.erase(*entry->second.peer_key);
  if (entry->second.name) {
    const auto peer = peers_.find(*entry->second.name);
    if (peer != peers_.end()) {
      if (peer->second.dial == connection) peer->second.dial.reset();
      if (peer->second.session == connection) peer->second.session.reset();
      if (!peer->second.dial && !peer->second.session) peers_.erase(peer);
    }
  }
  entries_.erase(entry);
}

}  // namespace vesicle
