// SessionTable: which connections of this VM may be sessions with whom. Two peers are to have
// one session; both may dial at once; and what a hello says of its location is worth nothing
// by itself.
//
// The laws:
//   - Our own key, our own location, a key of a connection that is there: refused.
//   - A connection is *named*, that is, counts as one with the peer at its location, when it came
//     by the transport of that location and, where transports prove keys, the key proved is the
//     designator. Any other is accepted without a name: it stands in nobody's way, and is found by
//     nobody.
//   - Crossed hellos: while our dial waits, a newcomer from the same peer is compared with it by
//     key IDs, own outbound with incoming; the connection with the lower one is aborted. Both sides
//     compare the same two.
//   - What was queued on a dial that lost breaks; it never moves to the connection that won.
//   - A session that is open stays. A newcomer from the same peer is refused; where keys are proved
//     the older one is to be probed first, and a newcomer replaces it when it does not answer, so
//     that a rebooted peer is not locked out by its own ghost.
//   - Work of ours goes to what we dialled, or to an accepted session whose key was proved.
//
// Remove() what ended before Judge() is asked about what came in the same turn.
//
// Ownership: values only; connections are numbers of the caller's, never used twice.
// Threads:   one.
// Limits:    sessions_max connections in all.
//
//   table.Dial(7, peer, handshake.key().public_key());
//   Verdict v = table.Judge({.connection = 8, .side = .., .hello = hello, ..});
//   if (v.kind == Verdict::Kind::kAccept) { Abort(v.other); Open(8); table.SetOwnKey(8, key); }
#ifndef VESICLE_TRANSPORT_CAPTP_SESSION_TABLE_H_
#define VESICLE_TRANSPORT_CAPTP_SESSION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "transport/captp/handshake.h"
#include "transport/captp/hello.h"
#include "transport/captp/locator.h"
#include "transport/captp/session_key.h"

#pragma GCC visibility push(default)
namespace vesicle {

// Of crossed hellos: which of the two connections goes on, by the key that each was dialled with.
// Wants two different ones.
enum class Survivor : uint8_t { kOwn, kIncoming };
Survivor SurvivorOf(const PublicId& own_outbound, const PublicId& incoming);

inline constexpr std::string_view kCrossedHellos = "crossed hellos: the other connection goes on";

class SessionTable {
 public:
  using Connection = uint64_t;

  struct Options {
    PeerName own;
    size_t sessions_max = 10'000;
    // Accepted sessions serve our own work also where no key is proved. For conformance tests:
    // whoever says to be at a location then gets what is meant for it.
    bool trusts_locations = false;
    // Replaced by tests, to see that they notice.
    Survivor (*survivor_of)(const PublicId& own_outbound, const PublicId& incoming) = SurvivorOf;
  };

  explicit SessionTable(Options options) : options_(std::move(options)) {}

  // A connection was dialled, and its hello written. AlreadyExists: Find() says by which that peer
  // is reached. FailedPrecondition: it is ourselves. ResourceExhausted: sessions_max.
  absl::Status Dial(Connection connection, const PeerName& peer, const PublicKey& own_key);

  struct Newcomer {
    Connection connection = 0;
    Handshake::Side side = Handshake::Side::kAccepted;
    const Hello& hello;
    std::string_view transport;   // that it came by: Transport::name()
    bool proves_keys = false;     // Transport::proves_keys()
    std::string_view designator;  // PeerInfo::designator
  };
  struct Verdict {
    enum class Kind : uint8_t {
      kAccept,
      kRefuse,
      kProbe,  // ask `other` for a sign of life; then Remove() it and Judge() again, or refuse
    };
    Kind kind = Kind::kRefuse;
    std::string_view reason = {};  // of kRefuse
    // kAccept: our dial that lost, which is no longer in the table: abort it, kCrossedHellos.
    std::optional<Connection> other = {};
    // Whether fetches, withdrawals and enlivenings of ours may go by it.
    bool serves_us = false;
  };
  // A verified hello. A connection that is accepted is in the table from here on; a dialled one
  // that is refused is not any more.
  Verdict Judge(const Newcomer& newcomer);
  // The key that we made for a connection that was accepted.
  void SetOwnKey(Connection connection, const PublicKey& own_key);

  struct Found {
    Connection connection = 0;
    bool is_open = false;  // false: the dial still waits
  };
  // By what work of ours for that peer goes.
  std::optional<Found> Find(const PeerName& peer) const;

  // It ended, whatever it was. Nothing if it is not in the table.
  void Remove(Connection connection);

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::optional<PeerName> name = {};
    std::optional<PublicId> own_key = {};
    std::optional<PublicId> peer_key = {};
    bool is_dial = false;  // dialled, and no hello yet
    bool serves_us = false;
  };
  struct Peer {
    std::optional<Connection> dial;
    std::optional<Connection> session;
  };
  enum class Whose : uint8_t { kOwn, kPeers };

  Verdict Refuse(const Newcomer& newcomer, std::string_view reason);
  Verdict JudgeDialled(const Newcomer& newcomer, bool is_proved);
  Verdict JudgeAccepted(const Newcomer& newcomer, bool is_proved);
  Verdict Accept(const Newcomer& newcomer, const PeerName* name, bool serves_us);

  Options options_;
  std::map<Connection, Entry> entries_;
  std::map<PeerName, Peer> peers_;
  std::map<PublicId, Whose> keys_;  // of connections in the table
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_SESSION_TABLE_H_
