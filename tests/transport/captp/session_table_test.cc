// Who is a session with whom: crossed hellos in every interleaving, and the rules that a claimed
// location does not get around.
#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <optional>

#include "tests/transport/captp/testing.h"
#include "transport/captp/session_table.h"

namespace vesicle {
namespace {

using namespace captp_testing;
using Verdict = SessionTable::Verdict;
using Side = Handshake::Side;

const PeerName kNames[2] = {{"wire", "alice"}, {"wire", "bob"}};

Hello HelloWith(const PublicKey& key, const PeerName& name) {
  Hello hello;
  hello.key = key;
  hello.id = IdOf(key);
  hello.location.name = name;
  return hello;
}

// --- Two peers that both dial. Connection 0 is dialled by peer 0, connection 1 by peer 1.

enum class Said : uint8_t { kHello, kAbort };
enum class Kept : uint8_t { kNone, kWaits, kOpen, kOver };

struct Cross {
  struct Peer {
    SessionTable table;
    bool has_dialled = false;
    std::array<Kept, 2> kept{};  // of each connection, as this peer sees it
  };
  std::array<Peer, 2> peers;
  std::array<std::array<PublicKey, 2>, 2> keys;       // of peer, for connection
  std::array<std::array<std::deque<Said>, 2>, 2> to;  // peer, by connection: what is under way
  bool proves_keys = false;

  void Say(int from, int connection, Said what) {
    to[static_cast<size_t>(1 - from)][static_cast<size_t>(connection)].push_back(what);
  }
  void End(int peer, int connection) {
    Peer& p = peers[static_cast<size_t>(peer)];
    p.kept[static_cast<size_t>(connection)] = Kept::kOver;
    p.table.Remove(static_cast<uint64_t>(connection));
  }
  void Abort(int peer, int connection) {
    End(peer, connection);
    Say(peer, connection, Said::kAbort);
  }
  void Dial(int peer) {
    Peer& p = peers[static_cast<size_t>(peer)];
    p.has_dialled = true;
    const auto i = static_cast<size_t>(peer);
    if (!p.table.Dial(i, kNames[1 - peer], keys[i][i]).ok()) return;
    p.kept[i] = Kept::kWaits;
    Say(peer, peer, Said::kHello);
  }
  void Hear(int peer, int connection) {
    const auto i = static_cast<size_t>(peer), c = static_cast<size_t>(connection);
    Peer& p = peers[i];
    const Said what = to[i][c].front();
    to[i][c].pop_front();
    if (p.kept[c] == Kept::kOver) return;
    if (what == Said::kAbort) return End(peer, connection);
    const Hello hello = HelloWith(keys[1 - i][c], kNames[1 - peer]);
    const bool is_dial = peer == connection;
    Verdict verdict;
    while (true) {
      verdict = p.table.Judge({.connection = c,
                               .side = is_dial ? Side::kDialled : Side::kAccepted,
                               .hello = hello,
                               .transport = "wire",
                               .proves_keys = proves_keys,
                               .designator = kNames[1 - peer].designator});
      if (verdict.kind != Verdict::Kind::kProbe) break;
      // It answers when it is there at the other end, too.
      if (peers[1 - i].kept[*verdict.other] != Kept::kOver) {
        return Abort(peer, connection);
      }
      End(peer, static_cast<int>(*verdict.other));
    }
    if (verdict.kind == Verdict::Kind::kRefuse) return Abort(peer, connection);
    if (verdict.other) Abort(peer, static_cast<int>(*verdict.other));
    p.kept[c] = Kept::kOpen;
    if (!is_dial) {
      p.table.SetOwnKey(c, keys[i][c]);
      Say(peer, connection, Said::kHello);
    }
  }
};

struct Explored {
  uint64_t ends = 0;
  uint64_t wrong = 0;  // ends at which not exactly one connection is open, at both
  uint64_t survivors[2] = {};
};

void Explore(const Cross& now, Explored* explored) {
  bool is_end = true;
  for (int peer = 0; peer < 2; ++peer) {
    if (!now.peers[static_cast<size_t>(peer)].has_dialled) {
      is_end = false;
      Cross next = now;
      next.Dial(peer);
      Explore(next, explored);
    }
    for (int c = 0; c < 2; ++c) {
      if (now.to[static_cast<size_t>(peer)][static_cast<size_t>(c)].empty()) continue;
      is_end = false;
      Cross next = now;
      next.Hear(peer, c);
      Explore(next, explored);
    }
  }
  if (!is_end) return;
  ++explored->ends;
  int open = 0;
  bool agrees = true;
  for (size_t c = 0; c < 2; ++c) {
    const bool at_a = now.peers[0].kept[c] == Kept::kOpen;
    const bool at_b = now.peers[1].kept[c] == Kept::kOpen;
    agrees &= at_a == at_b && now.peers[0].kept[c] != Kept::kWaits &&
              now.peers[1].kept[c] != Kept::kWaits;
    if (at_a) {
      ++open;
      ++explored->survivors[c];
    }
  }
  agrees &= now.peers[0].table.size() == static_cast<size_t>(open) &&
            now.peers[1].table.size() == static_cast<size_t>(open);
  if (!agrees || open != 1) ++explored->wrong;
}

using SurvivorFn = Survivor (*)(const PublicId&, const PublicId&);

Explored ExploreSeeds(testing::Rng& rng, int seeds, bool proves_keys, SurvivorFn survivor_of) {
  Explored explored;
  for (int i = 0; i < seeds; ++i) {
    const auto table = [&](int peer) {
      return SessionTable({.own = kNames[peer], .survivor_of = survivor_of});
    };
    Cross start{.peers = {Cross::Peer{table(0)}, Cross::Peer{table(1)}},
                .keys = {},
                .to = {},
                .proves_keys = proves_keys};
    for (auto& keys : start.keys) {
      for (PublicKey& key : keys) key = RandomKey(rng);
    }
    Explore(start, &explored);
  }
  return explored;
}

TEST_CASE("crossed hellos: in every interleaving both sides keep the same one connection") {
  VESICLE_RANDOM_TEST(rng);
  for (const bool proves_keys : {false, true}) {
    CAPTURE(proves_keys);
    const Explored explored = ExploreSeeds(rng, 100, proves_keys, SurvivorOf);
    MESSAGE("interleavings: ", explored.ends);
    CHECK(explored.ends > 1000);
    CHECK(explored.wrong == 0);
    CHECK(explored.survivors[0] > 0);
    CHECK(explored.survivors[1] > 0);
  }
}

TEST_CASE("crossed hellos: a planted bug is caught") {
  VESICLE_RANDOM_TEST(rng);
  const SurvivorFn kPlanted[] = {
      [](const PublicId&, const PublicId&) { return Survivor::kOwn; },
      [](const PublicId&, const PublicId&) { return Survivor::kIncoming; },
      // The first byte alone decides, and a tie goes to each side's own.
      [](const PublicId& own, const PublicId& incoming) {
        return own.bytes[0] / 128 >= incoming.bytes[0] / 128 ? Survivor::kOwn : Survivor::kIncoming;
      },
  };
  for (const SurvivorFn planted : kPlanted) {
    CHECK(ExploreSeeds(rng, 20, false, planted).wrong > 0);
    CHECK(ExploreSeeds(rng, 20, true, planted).wrong > 0);
  }
}

TEST_CASE("crossed hellos: the lower key loses, and both sides see the same two keys") {
  VESICLE_RANDOM_TEST(rng);
  for (int i = 0; i < 1000; ++i) {
    const PublicId a = IdOf(RandomKey(rng)), b = IdOf(RandomKey(rng));
    CHECK((SurvivorOf(a, b) == Survivor::kOwn) == (SurvivorOf(b, a) == Survivor::kIncoming));
    CHECK((SurvivorOf(a, b) == Survivor::kOwn) == (a > b));
  }
}

// --- One table.

struct One {
  explicit One(SessionTable::Options options = {.own = kNames[0]}) : table(std::move(options)) {}

  Verdict Accept(uint64_t connection, const PublicKey& key, const PeerName& claimed,
                 bool proves_keys = false, std::string_view designator = "") {
    const Hello hello = HelloWith(key, claimed);
    return table.Judge({.connection = connection,
                        .side = Side::kAccepted,
                        .hello = hello,
                        .transport = "wire",
                        .proves_keys = proves_keys,
                        .designator = designator});
  }
  Verdict Answer(uint64_t connection, const PublicKey& key, const PeerName& claimed,
                 bool proves_keys = false, std::string_view designator = "") {
    const Hello hello = HelloWith(key, claimed);
    return table.Judge({.connection = connection,
                        .side = Side::kDialled,
                        .hello = hello,
                        .transport = "wire",
                        .proves_keys = proves_keys,
                        .designator = designator});
  }
  SessionTable table;
  testing::Rng rng{1};
  PublicKey Key() { return RandomKey(rng); }
};

TEST_CASE("session table: our own key, our own location and a key in use are refused") {
  One one;
  const PublicKey ours = one.Key(), theirs = one.Key();
  REQUIRE(one.table.Dial(1, kNames[1], ours).ok());
  CHECK(one.Accept(2, ours, kNames[1]).reason ==
        "op:start-session, session-pubkey: that key is ours");
  CHECK(one.Accept(3, theirs, kNames[0]).reason ==
        "op:start-session, acceptable-location: that location is ours");
  // Our hello comes back by the connection that it went out by: it ends.
  CHECK(one.Answer(1, ours, kNames[1]).kind == Verdict::Kind::kRefuse);
  CHECK(one.table.size() == 0);

  CHECK(one.Accept(4, theirs, kNames[1]).kind == Verdict::Kind::kAccept);
  const PublicKey mine = one.Key();
  one.table.SetOwnKey(4, mine);
  const PeerName other{"wire", "carol"};
  CHECK(one.Accept(5, theirs, other).reason ==
        "op:start-session, session-pubkey: that key is in use");
  CHECK(one.Accept(6, mine, other).reason == "op:start-session, session-pubkey: that key is ours");
  one.table.Remove(4);
  CHECK(one.Accept(5, theirs, other).kind == Verdict::Kind::kAccept);
}

TEST_CASE("session table: a location that is only claimed gets nothing of ours") {
  One one;
  const Verdict plain = one.Accept(1, one.Key(), kNames[1]);
  CHECK(plain.kind == Verdict::Kind::kAccept);
  CHECK_FALSE(plain.serves_us);
  CHECK_FALSE(one.table.Find(kNames[1]));
  CHECK(one.table.Dial(2, kNames[1], one.Key()).ok());
  CHECK(one.table.Find(kNames[1])->connection == 2);
  CHECK_FALSE(one.table.Find(kNames[1])->is_open);

  One trusting({.own = kNames[0], .trusts_locations = true});
  CHECK(trusting.Accept(1, trusting.Key(), kNames[1]).serves_us);
  CHECK(trusting.table.Find(kNames[1])->connection == 1);
  CHECK(absl::IsAlreadyExists(trusting.table.Dial(2, kNames[1], trusting.Key())));
}

TEST_CASE("session table: with keys proved, the designator is what counts") {
  One one;
  const Verdict liar = one.Accept(1, one.Key(), kNames[1], true, "mallory");
  CHECK(liar.kind == Verdict::Kind::kAccept);
  CHECK_FALSE(liar.serves_us);
  CHECK_FALSE(one.table.Find(kNames[1]));
  // It stands in nobody's way.
  const Verdict bob = one.Accept(2, one.Key(), kNames[1], true, "bob");
  CHECK(bob.kind == Verdict::Kind::kAccept);
  CHECK(bob.serves_us);
  CHECK(one.table.Find(kNames[1])->connection == 2);
  CHECK(one.table.Find(kNames[1])->is_open);
  // The same designator of another transport is another peer.
  const PeerName elsewhere{"other", "bob"};
  CHECK_FALSE(one.Accept(3, one.Key(), elsewhere, true, "bob").serves_us);
  CHECK_FALSE(one.table.Find(elsewhere));
}

TEST_CASE("session table: a liar does not win crossed hellos against our dial") {
  One one;
  REQUIRE(one.table.Dial(1, kNames[1], PublicKey{}).ok());
  for (uint64_t connection = 2; connection < 50; ++connection) {
    const Verdict liar = one.Accept(connection, one.Key(), kNames[1], true, "mallory");
    CHECK(liar.kind == Verdict::Kind::kAccept);
    CHECK_FALSE(liar.other);
  }
  CHECK(one.table.Find(kNames[1])->connection == 1);
}

TEST_CASE("session table: who answers a dial is who was dialled, or nobody") {
  One one;
  REQUIRE(one.table.Dial(1, kNames[1], one.Key()).ok());
  CHECK(one.Answer(1, one.Key(), {"wire", "carol"}).reason ==
        "op:start-session, acceptable-location: that is not the peer that was dialled");
  CHECK_FALSE(one.table.Find(kNames[1]));
  REQUIRE(one.table.Dial(2, kNames[1], one.Key()).ok());
  CHECK(one.Answer(2, one.Key(), kNames[1], true, "mallory").kind == Verdict::Kind::kRefuse);
  REQUIRE(one.table.Dial(3, kNames[1], one.Key()).ok());
  const Verdict answer = one.Answer(3, one.Key(), kNames[1], true, "bob");
  CHECK(answer.kind == Verdict::Kind::kAccept);
  CHECK(answer.serves_us);
  CHECK(one.table.Find(kNames[1])->is_open);
}

TEST_CASE("session table: a rebooted peer replaces its ghost after a probe, a stranger never") {
  One one;
  REQUIRE(one.Accept(1, one.Key(), kNames[1], true, "bob").kind == Verdict::Kind::kAccept);
  const PublicKey again = one.Key();
  const Verdict probe = one.Accept(2, again, kNames[1], true, "bob");
  CHECK(probe.kind == Verdict::Kind::kProbe);
  CHECK(probe.other == 1);
  CHECK(one.table.Find(kNames[1])->connection == 1);
  one.table.Remove(1);
  CHECK(one.Accept(2, again, kNames[1], true, "bob").kind == Verdict::Kind::kAccept);
  CHECK(one.table.Find(kNames[1])->connection == 2);

  One plain;
  REQUIRE(plain.Accept(1, plain.Key(), kNames[1]).kind == Verdict::Kind::kAccept);
  CHECK(plain.Accept(2, plain.Key(), kNames[1]).reason ==
        "op:start-session: there is a session with that peer already");
}

TEST_CASE("session table: the bound holds for dials and newcomers, and ends make room") {
  One one({.own = kNames[0], .sessions_max = 2});
  REQUIRE(one.table.Dial(1, kNames[1], one.Key()).ok());
  REQUIRE(one.Accept(2, one.Key(), {"wire", "carol"}).kind == Verdict::Kind::kAccept);
  CHECK(one.Accept(3, one.Key(), {"wire", "dave"}).kind == Verdict::Kind::kRefuse);
  const absl::Status status = one.table.Dial(4, {"wire", "dave"}, one.Key());
  CHECK(absl::IsResourceExhausted(status));
  CHECK(std::string(status.message()) ==
        "session: there are sessions_max (2) already; close some, or raise it");
  one.table.Remove(2);
  one.table.Remove(2);
  CHECK(one.table.Dial(4, {"wire", "dave"}, one.Key()).ok());
  CHECK(absl::IsAlreadyExists(one.table.Dial(5, {"wire", "dave"}, one.Key())));
  CHECK(absl::IsFailedPrecondition(one.table.Dial(5, kNames[0], one.Key())));
}

}  // namespace
}  // namespace vesicle
